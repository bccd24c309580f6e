"""What is measured, and one proxy's turn at it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

import load
import machine
import proxies
import report

IDLE = 5000
# Connections that a proxy needs besides the idle ones.
SPARE = 200


@dataclass
class Scenario:
    name: str
    title: str
    path: str = "/"
    connections: int = 64
    headers: tuple[str, ...] = ()
    seconds: int = 0
    idle: int = 0


SCENARIOS = [
    Scenario("keepalive", "HTTP/1.1 keepalive, 200 B, 64 connections"),
    Scenario("connection", "HTTP/1.1, a connection per request, 200 B, 64 at a time", headers=("Connection: close",)),
    Scenario("large", "HTTP/1.1 keepalive, 1 MiB bodies, 16 connections", path="/large", connections=16),
    Scenario("idle", f"{IDLE:,} idle connections, each after one request", idle=IDLE),
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
            scenario.idle = max(room, 10)
            scenario.title = f"{scenario.idle:,} idle connections, each after one request"
            notes.append(f"{scenario.idle:,} idle connections instead of {IDLE:,}: the hard limit of open files (ulimit -Hn) is low")
    return notes


def run(name, mizan: Path, plan: list[Scenario], upstream, folder: Path, cores) -> list[report.Round]:
    """One proxy's turn in one round. Memory is counted on a process that has done nothing else."""
    rounds = []
    loaded = [scenario for scenario in plan if not scenario.idle]
    if loaded:
        with proxies.start(name, mizan, upstream.ports, folder, cores) as server:
            load.wrk(server.port, "/", 64, 1, [], cores)
            rounds += [under_load(name, scenario, server, cores) for scenario in loaded]
    for scenario in (scenario for scenario in plan if scenario.idle):
        with proxies.start(name, mizan, upstream.ports, folder, cores) as server:
            rounds.append(idle(name, scenario, server))
    return rounds


def under_load(name: str, scenario: Scenario, server, cores) -> report.Round:
    before = machine.Cpu.of(server.pids)
    counted = load.wrk(server.port, scenario.path, scenario.connections, scenario.seconds, list(scenario.headers), cores)
    cpu = machine.Cpu.of(server.pids).since(before)
    memory = machine.Memory.of(server.pids)
    requests = max(counted.requests, 1)
    return report.Round(name, scenario.name, {
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
    for connection in load.idle_connections(server.port, 100):
        connection.close()
    time.sleep(1)
    before = machine.Memory.of(server.pids)
    connections = load.idle_connections(server.port, scenario.idle)
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
