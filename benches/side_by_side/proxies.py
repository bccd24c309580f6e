"""The proxies and their upstream: one function writes a configuration, one class starts and stops a process.

The three are set up alike: least connections over two endpoints, 256 kept upstream connections, the client's address,
protocol and a request id passed on, no access log, no disk buffering. With TLS they listen on a second port, with the same
certificate, versions and suites, HTTP/2 and session tickets.
"""

from __future__ import annotations

import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

import machine
import tls

NAMES = ["mizan", "nginx", "haproxy"]

# What each proxy may have open, both sides together; well above what the idle scenario opens.
CONNECTIONS = min(16_000, machine.raise_descriptor_limit() - 1000)
SMALL = "x" * 199 + "\n"
LARGE = 1024 * 1024

NGINX_PATHS = """
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
"""


def nginx_upstream(ports: list[int], folder: Path) -> str:
    # One process: a worker that root's master starts is another user, who may not read this folder.
    listens = " ".join(f"listen 127.0.0.1:{port} backlog=4096;" for port in ports)
    return f"""
daemon off; master_process off; pid nginx.pid; worker_processes 1; worker_rlimit_nofile {CONNECTIONS + 1000};
events {{ worker_connections {CONNECTIONS}; }}
http {{ {NGINX_PATHS}
  access_log off; sendfile on; tcp_nopush on; keepalive_timeout 300s; keepalive_requests 1000000000;
  default_type text/plain;
  server {{ {listens} root {folder};
    location / {{ return 200 "{SMALL.rstrip()}\\n"; }}
    location = /large {{ }}
  }}
}}
"""


@dataclass(frozen=True)
class Secure:
    """The second port, and what it shows."""

    port: int
    certificate: tls.Certificate


def nginx(port: int, upstreams: list[int], secure: Secure | None) -> str:
    servers = " ".join(f"server 127.0.0.1:{upstream};" for upstream in upstreams)
    return f"""
daemon off; pid nginx.pid; worker_processes 1; worker_rlimit_nofile {CONNECTIONS + 1000};
events {{ worker_connections {CONNECTIONS}; }}
http {{ {NGINX_PATHS}
  access_log off; keepalive_timeout 300s; keepalive_requests 1000000000;
  upstream app {{ least_conn; {servers} keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; {nginx_tls(secure) if secure else ""}
    location / {{
      proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_max_temp_file_size 0;
      proxy_set_header Host $http_host; proxy_set_header X-Real-IP $remote_addr;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Request-Id $request_id;
    }}
  }}
}}
"""


def nginx_tls(secure: Secure) -> str:
    return f"""
    listen 127.0.0.1:{secure.port} ssl http2 backlog=4096;
    ssl_certificate {secure.certificate.certificate}; ssl_certificate_key {secure.certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers {tls.CIPHERS}; ssl_prefer_server_ciphers off;
    ssl_ecdh_curve X25519:prime256v1:secp384r1;
    ssl_session_timeout 1d; ssl_session_cache shared:tls:10m; ssl_session_tickets on;
"""


def haproxy(port: int, upstreams: list[int], secure: Secure | None) -> str:
    servers = "\n".join(f"  server app{n} 127.0.0.1:{upstream}" for n, upstream in enumerate(upstreams))
    return f"""
global
  nbthread 1
  maxconn {CONNECTIONS // 2}
defaults
  mode http
  timeout connect 2s
  timeout client 300s
  timeout server 60s
  timeout http-request 10s
  timeout http-keep-alive 300s
frontend edge
  bind 127.0.0.1:{port} backlog 4096
{haproxy_tls(secure) if secure else ""}
  unique-id-format %[uuid()]
  unique-id-header X-Request-Id
  option forwardfor
  http-request set-header X-Real-IP %[src]
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  default_backend app
backend app
  balance leastconn
  http-reuse always
{servers}
"""


def haproxy_tls(secure: Secure) -> str:
    return (f"  bind 127.0.0.1:{secure.port} backlog 4096 ssl crt {secure.certificate.both} alpn h2,http/1.1"
            f" ssl-min-ver TLSv1.2 ciphers {tls.CIPHERS} prefer-client-ciphers"
            f" curves X25519:P-256:P-384")


def mizan(port: int, upstreams: list[int], secure: Secure | None) -> str:
    https = f', https: "127.0.0.1:{secure.port}"' if secure else ""
    shown = f"tls: {{ certificate: {secure.certificate.certificate}, key: {secure.certificate.key} }}" if secure else ""
    endpoints = ", ".join(f'"127.0.0.1:{upstream}"' for upstream in upstreams)
    return f"""
listen: {{ http: "127.0.0.1:{port}"{https} }}
limits: {{ connections: {CONNECTIONS // 2}, idle_timeout: 300s }}
drain: {{ idle_grace: 0s }}
services:
  app: {{ endpoints: [{endpoints}], balance: least_conn, keepalive: 256 }}
sites:
  - hosts: ["*"]
    {shown}
    routes: [{{ path: /, service: app }}]
"""


@dataclass(frozen=True)
class Kind:
    configuration: object
    file: str
    command: object


def kinds(binary: Path) -> dict[str, Kind]:
    return {
        "mizan": Kind(mizan, "mizan.yml", lambda d: [str(binary), "run", "--config", str(d / "mizan.yml"), "--threads", "1"]),
        "nginx": Kind(nginx, "nginx.conf", lambda d: nginx_command(d)),
        "haproxy": Kind(haproxy, "haproxy.cfg", lambda d: [machine.find("haproxy"), "-db", "-f", str(d / "haproxy.cfg")]),
    }


def nginx_command(folder: Path) -> list[str]:
    return [machine.find("nginx"), "-e", "stderr", "-p", str(folder), "-c", "nginx.conf"]


class Server:
    """A process in the foreground, ready when its port accepts; stopped at the end of `with`."""

    def __init__(self, command: list[str], port: int, folder: Path):
        self.port = port
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not machine.wait_for_port(port, lambda: self.process.poll() is None):
            self.stop()
            raise SystemExit(f"bench: {command} does not listen on port {port}; it said:\n{self.log.read_text()}")

    @property
    def pids(self) -> list[int]:
        return machine.family(self.process.pid)

    def stop(self) -> None:
        # Nothing is under way any more: there is nothing to drain.
        for ask in (signal.SIGINT, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(ask)
                try:
                    self.process.wait(timeout=5)
                except subprocess.TimeoutExpired:
                    continue

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Upstream(Server):
    """nginx behind the proxies: 200 bytes for `/`, 1 MiB for `/large`, on two ports."""

    def __init__(self, folder: Path, cores: machine.Cores):
        home = folder / "upstream"
        home.mkdir()
        (home / "large").write_bytes(b"0123456789abcde\n" * (LARGE // 16))
        self.ports = machine.free_ports(2)
        (home / "nginx.conf").write_text(nginx_upstream(self.ports, home))
        super().__init__(cores.pin_rest() + nginx_command(home), self.ports[0], home)


def start(name: str, binary: Path, upstreams: list[int], folder: Path, cores: machine.Cores,
          certificate: tls.Certificate | None = None) -> Server:
    """Starts one proxy, alone on its core. With a certificate, `port` of what it returns speaks TLS."""
    kind = kinds(binary)[name]
    plain, encrypted = machine.free_ports(2)
    secure = Secure(encrypted, certificate) if certificate else None
    home = Path(folder, f"{name}-{plain}")
    home.mkdir()
    (home / kind.file).write_text(kind.configuration(plain, upstreams, secure))
    return Server(cores.pin_proxy() + kind.command(home), encrypted if secure else plain, home)
