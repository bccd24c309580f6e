"""Clients: wrk and h2load for throughput and latency, tls-load for handshakes, sockets for connections that do nothing."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import machine
import tls

TLS_LOAD = Path(os.environ.get("TLS_LOAD_BIN", Path(__file__).resolve().parents[2] / "target/release/tls-load"))
SCRIPT = Path(__file__).resolve().parent / "report.lua"


@dataclass(frozen=True)
class Load:
    """What a client counted. Latencies in microseconds."""

    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float


@dataclass(frozen=True)
class Target:
    """Where the load goes, and how long for."""

    port: int
    seconds: int
    cores: machine.Cores
    tls: bool = False

    @property
    def base(self) -> str:
        return f"https://{tls.NAME}:{self.port}" if self.tls else f"http://127.0.0.1:{self.port}"

    def run(self, command: list[str]) -> str:
        command = self.cores.pin_rest() + command
        ran = subprocess.run(command, capture_output=True, text=True, timeout=self.seconds + 60, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"bench: {command} failed:\n{ran.stdout}{ran.stderr}")
        return ran.stdout


def wrk(target: Target, path: str, connections: int, headers: list[str]) -> Load:
    command = [machine.find("wrk"), "-t1", f"-c{connections}", f"-d{target.seconds}s", "--timeout", "10s", "-s", str(SCRIPT)]
    for header in headers:
        command += ["-H", header]
    printed = target.run(command + [target.base + path])
    found = [line for line in printed.splitlines() if line.startswith("{")]
    if not found:
        raise SystemExit(f"bench: {command} counted nothing:\n{printed}")
    counted = json.loads(found[-1])
    return Load(counted["requests"], counted["us"] / 1e6, counted["failed"], counted["p50"], counted["p99"])


def h2load(target: Target, proxy: str, connections: int, streams: int) -> Load:
    """HTTP/2 over TLS, `streams` requests at a time on each connection."""
    with tempfile.NamedTemporaryFile("r", prefix="mizan-h2load-") as log:
        # h2load prints means; the log has every request: its start, its status, its microseconds.
        printed = target.run([machine.find("h2load"), "-t1", f"-c{connections}", f"-m{streams}", f"-D{target.seconds}", "--groups=X25519", f"--tls13-ciphers={tls.SUITE}",
                              f"--connect-to=127.0.0.1:{target.port}", f"--log-file={log.name}", target.base + "/"])
        rows = [line.split() for line in log]
    negotiated = tuple(found(pattern, printed) for pattern in (
        r"TLS Protocol: (\S+)", r"Cipher: (\S+)", r"Server Temp Key: (\S+)", r"Application protocol: (\S+)"))
    tls.require(proxy, negotiated, (tls.VERSION, tls.SUITE, tls.GROUP, "h2"))
    took = sorted(int(row[2]) for row in rows if row[1] == "200")
    failed = int(found(r"(\d+) failed", printed)) + int(found(r"(\d+) timeout", printed))
    return Load(len(took), float(target.seconds), failed, percentile(took, 50), percentile(took, 99))


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if not match:
        raise SystemExit(f"bench: h2load does not say {pattern!r}:\n{text}")
    return match.group(1)


def percentile(ordered: list[int], percent: int) -> float:
    return float(ordered[len(ordered) * percent // 100]) if ordered else 0.0


def handshakes(target: Target, proxy: str, connections: int, mode: str) -> Load:
    """One request on each connection; `mode` is the handshake that each must have: full or resumed."""
    printed = target.run([str(TLS_LOAD), f"127.0.0.1:{target.port}", "--server-name", tls.NAME, "--mode", mode,
                          "--connections", str(connections), "--seconds", str(target.seconds)])
    counted = json.loads(printed)
    wanted = [f"{tls.VERSION.replace('v1.', 'v1_')} {tls.SUITE.replace('TLS_', 'TLS13_')} {tls.GROUP}"]
    if counted["handshakes"]:
        tls.require(proxy, counted["negotiated"], wanted)
    return Load(counted["handshakes"], counted["seconds"], counted["failed"], counted["p50_us"], counted["p99_us"])


def idle_connections(port: int, count: int, secure: bool) -> list[socket.socket]:
    """Opens connections, one after the other, each with one request that is answered to its end."""
    request = f"GET / HTTP/1.1\r\nHost: {tls.NAME}:{port}\r\n\r\n".encode()
    using = tls.context() if secure else None
    opened: list[socket.socket] = []
    for _ in range(count):
        connection = tls.connect(port, using) if using else socket.create_connection(("127.0.0.1", port), timeout=10)
        connection.sendall(request)
        answer = b""
        while not answer.endswith(b"x\n"):
            read = connection.recv(65536)
            if not read:
                raise SystemExit(f"bench: connection {len(opened) + 1} was closed; the answer so far: {answer!r}")
            answer += read
        opened.append(connection)
    return opened


def still_open(connections: list[socket.socket]) -> int:
    """How many of them the server has not closed."""
    open_ones = 0
    for connection in connections:
        connection.setblocking(False)
        try:
            open_ones += bool(connection.recv(1))
        except (BlockingIOError, ssl.SSLWantReadError):
            open_ones += 1
        except OSError:
            pass
    return open_ones
