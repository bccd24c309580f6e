"""TLS for the comparison: one certificate, one profile, and the proof that all proxies negotiate the same."""

from __future__ import annotations

import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import machine

# The name that every client asks for.
NAME = "localhost"
# What every load generator must end up with. It offers no more, as far as it can: Mizan alone knows the post-quantum
# key exchange, and its cost is a choice, not the proxy's.
VERSION, SUITE, GROUP = "TLSv1.3", "TLS_AES_256_GCM_SHA384", "X25519"
NOTE = f"TLS: {VERSION}, {SUITE} and {GROUP} for all; clients offer no post-quantum key exchange, which only mizan has"

# Mozilla's intermediate profile (wiki.mozilla.org/Security/Server_Side_TLS), without the DHE suites, which would need
# parameters of their own, and with tickets, which it turns off: they are what is resumed here.
CIPHERS = ":".join([
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
])


@dataclass(frozen=True)
class Certificate:
    """ECDSA P-256, signed by itself. `both` is certificate and key in one file, as HAProxy wants them."""

    certificate: Path
    key: Path
    both: Path

    @staticmethod
    def make(folder: Path) -> "Certificate":
        made = Certificate(folder / "cert.pem", folder / "key.pem", folder / "both.pem")
        command = [machine.find("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                   "-days", "30", "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1",
                   "-keyout", str(made.key), "-out", str(made.certificate)]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
        if ran.returncode != 0:
            raise SystemExit(f"bench: {command} failed:\n{ran.stderr}")
        made.both.write_bytes(made.certificate.read_bytes() + made.key.read_bytes())
        return made


def context(protocols: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Believes any certificate; otherwise OpenSSL's defaults, as wrk and h2load have them."""
    # Not create_default_context: that reads all of the system's roots.
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    if protocols:
        made.set_alpn_protocols(protocols)
    return made


def connect(port: int, using: ssl.SSLContext) -> ssl.SSLSocket:
    return using.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10), server_hostname=NAME)


def require_same(proxy: str, port: int, protocol: str) -> None:
    """Ends the run when the proxy picks something else than the others do: such numbers compare nothing."""
    with connect(port, context((protocol,))) as connection:
        found = (connection.version(), connection.cipher()[0], connection.selected_alpn_protocol())
    require(proxy, found, (VERSION, SUITE, protocol))


def require(proxy: str, found, wanted) -> None:
    if found != wanted:
        raise SystemExit(f"bench: {proxy} negotiated {found} instead of {wanted}: it cannot be compared")
