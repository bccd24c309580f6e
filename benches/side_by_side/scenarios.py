"""What is measured, and one proxy's turn at it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import load
import machine
import proxies
import report
import tls

IDLE = 5000
# Fewer: a handshake costs more than a connection.
TLS_IDLE = 2000
# Connections that a proxy needs besides the idle ones.
SPARE = 200


@dataclass
class Scenario:
    name: str
    title: str
    client: str = "wrk"
    tls: bool = False
    path: str = "/"
    connections: int = 64
    # HTTP/2's, on each connection.
    streams: int = 1
    headers: tuple[str, ...] = ()
    seconds: int = 0
    idle: int = 0


SCENARIOS = [
    Scenario("keepalive", "HTTP/1.1 keepalive, 200 B, 64 connections"),
    Scenario("connection", "HTTP/1.1, a connection per request, 200 B, 64 at a time", headers=("Connection: close",)),
    Scenario("large", "HTTP/1.1 keepalive, 1 MiB bodies, 16 connections", path="/large", connections=16),
    Scenario("idle", f"{IDLE:,} idle connections, each after one request", idle=IDLE),
    Scenario("tls_keepalive", "HTTP/1.1 keepalive over TLS, 200 B, 64 connections", tls=True),
    Scenario("tls_handshake", "a full TLS handshake for each request, 200 B, 16 at a time", "full", tls=True, connections=16),
    Scenario("tls_resumed", "a TLS session resumed for each request, 200 B, 16 at a time", "resumed", tls=True, connections=16),
    Scenario("h2", "HTTP/2 over TLS, 200 B, 16 connections of 32 streams", "h2load", tls=True, connections=16, streams=32),
    Scenario("tls_idle", f"{TLS_IDLE:,} idle connections over TLS, each after one request", tls=True, idle=TLS_IDLE),
]
NAMES = [scenario.name for scenario in SCENARIOS]


def plan(seconds: int, names: list[str]) -> list[Scenario]:
    return [replace(scenario, seconds=seconds) for scenario in SCENARIOS if scenario.name in names]


def fit_to_machine(scenarios: list[Scenario]) -> list[str]:
    """Scales down what this machine's limit of open files does not allow; says so."""
    # A proxy may hold as many clients as it has room for their ways upstream.
    room = proxies.CONNECTIONS // 2 - SPARE
    notes = []
    for scenario in scenarios:
        if scenario.idle > room:
            wanted, scenario.idle = f"{scenario.idle:,}", max(room, 10)
            scenario.title = scenario.title.replace(wanted, f"{scenario.idle:,}")
            notes.append(f"{scenario.idle:,} idle connections instead of {wanted}: the hard limit of open files (ulimit -Hn) is low")
    return notes


@dataclass(frozen=True)
class Turn:
    """One proxy's turn in one round."""

    name: str
    mizan: Path
    upstream: proxies.Upstream
    folder: Path
    cores: machine.Cores
    certificate: tls.Certificate | None

    def start(self, secure: bool) -> proxies.Server:
        certificate = self.certificate if secure else None
        return proxies.start(self.name, self.mizan, self.upstream.ports, self.folder, self.cores, certificate)


def run(turn: Turn, plan: list[Scenario]) -> list[report.Round]:
    """Memory is counted on a process that has done nothing else, and without TLS on one that has none."""
    rounds = []
    for secure in (False, True):
        busy = [scenario for scenario in plan if not scenario.idle and scenario.tls == secure]
        if busy:
            with turn.start(secure) as server:
                warm_up(turn, server, secure)
                rounds += [under_load(turn, scenario, server) for scenario in busy]
    for scenario in (scenario for scenario in plan if scenario.idle):
        with turn.start(scenario.tls) as server:
            rounds.append(idle(turn.name, scenario, server))
    return rounds


def warm_up(turn: Turn, server, secure: bool) -> None:
    if secure:
        for protocol in ("http/1.1", "h2"):
            tls.require_same(turn.name, server.port, protocol)
    load.wrk(load.Target(server.port, 1, turn.cores, secure), "/", 64, [])


def loaded(turn: Turn, scenario: Scenario, port: int) -> load.Load:
    target = load.Target(port, scenario.seconds, turn.cores, scenario.tls)
    match scenario.client:
        case "wrk":
            return load.wrk(target, scenario.path, scenario.connections, list(scenario.headers))
        case "h2load":
            return load.h2load(target, turn.name, scenario.connections, scenario.streams)
        case mode:
            return load.handshakes(target, turn.name, scenario.connections, mode)


def under_load(turn: Turn, scenario: Scenario, server) -> report.Round:
    before = machine.Cpu.of(server.pids)
    counted = loaded(turn, scenario, server.port)
    cpu = machine.Cpu.of(server.pids).since(before)
    memory = machine.Memory.of(server.pids)
    requests = max(counted.requests, 1)
    return report.Round(turn.name, scenario.name, {
        "requests_per_second": counted.requests / counted.seconds,
        "cpu_us": (cpu.user + cpu.system) * 1e6 / requests,
        "cpu_user_us": cpu.user * 1e6 / requests,
        "cpu_system_us": cpu.system * 1e6 / requests,
        "p50_us": counted.p50,
        "p99_us": counted.p99,
        "failed": counted.failed,
        "rss": memory.rss,
        "pss": memory.pss,
    })


def idle(name: str, scenario: Scenario, server) -> report.Round:
    # What the first requests leave behind (pools, caches) is no connection's share.
    for connection in load.idle_connections(server.port, 100, scenario.tls):
        connection.close()
    time.sleep(1)
    before = machine.Memory.of(server.pids)
    connections = load.idle_connections(server.port, scenario.idle, scenario.tls)
    time.sleep(2)
    after = machine.Memory.of(server.pids)
    closed = len(connections) - load.still_open(connections)
    for connection in connections:
        connection.close()
    return report.Round(name, scenario.name, {
        "idle_bytes": (after.rss - before.rss) / scenario.idle,
        "failed": closed,
        "rss": after.rss,
        "pss": after.pss,
    })
