"""Clients: wrk for throughput and latency, plain sockets for connections that do nothing."""

from __future__ import annotations

import json
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

import machine

SCRIPT = Path(__file__).resolve().parent / "report.lua"


@dataclass(frozen=True)
class Load:
    """What wrk counted. Latencies in microseconds."""

    requests: int
    seconds: float
    failed: int
    p50: float
    p99: float


def wrk(port: int, path: str, connections: int, seconds: int, headers: list[str], cores: machine.Cores) -> Load:
    command = cores.pin_rest() + [machine.find("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s"]
    command += ["-s", str(SCRIPT)]
    for header in headers:
        command += ["-H", header]
    command += [f"http://127.0.0.1:{port}{path}"]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=False)
    found = [line for line in ran.stdout.splitlines() if line.startswith("{")]
    if ran.returncode != 0 or not found:
        raise SystemExit(f"bench: {command} failed:\n{ran.stdout}{ran.stderr}")
    counted = json.loads(found[-1])
    return Load(counted["requests"], counted["us"] / 1e6, counted["failed"], counted["p50"], counted["p99"])


def idle_connections(port: int, count: int) -> list[socket.socket]:
    """Opens connections, one after the other, each with one request that is answered to its end."""
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    opened = []
    for _ in range(count):
        connection = socket.create_connection(("127.0.0.1", port), timeout=10)
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
        except BlockingIOError:
            open_ones += 1
        except OSError:
            pass
    return open_ones
