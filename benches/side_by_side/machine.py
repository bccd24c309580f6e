"""The machine: its cores, its limits, and what a process costs, read from /proc."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import time
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# Debian keeps servers where an ordinary user's PATH does not look.
PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin"


@dataclass(frozen=True)
class Cores:
    """Where the proxy under test runs, and where everything else does."""

    proxy: int
    rest: tuple[int, ...]

    @staticmethod
    def choose() -> "Cores":
        cores = sorted(os.sched_getaffinity(0))
        return Cores(cores[0], tuple(cores[1:]) or (cores[0],))

    def pin_proxy(self) -> list[str]:
        return ["taskset", "-c", str(self.proxy)]

    def pin_rest(self) -> list[str]:
        return ["taskset", "-c", ",".join(map(str, self.rest))]


def find(program: str) -> str | None:
    return shutil.which(program, path=PATH)


def missing(names: list[str], mizan: Path, tls_load: Path | None) -> str | None:
    """What stands in the way of a run, with what to do about it."""
    # nginx is the upstream of every run.
    programs = ["taskset", "wrk", "h2load", "openssl", "nginx"] + (["haproxy"] if "haproxy" in names else [])
    absent = [program for program in programs if not find(program)]
    if absent:
        return f"{', '.join(absent)} not found: run `make setup`"
    if "mizan" in names and not mizan.is_file():
        return f"{mizan} is missing: run `cargo build --release`, or set MIZAN_BIN"
    if tls_load and not tls_load.is_file():
        return f"{tls_load} is missing: run `cargo build --release --package mizan-benches`, or set TLS_LOAD_BIN"
    return None


def notes(cores: Cores) -> list[str]:
    found = []
    if cores.rest == (cores.proxy,):
        found.append("one core only: proxy, load and upstream share it, so requests/s say little")
    load = os.getloadavg()[0]
    if load > 0.5:
        found.append(f"load average was {load:.1f} at the start: other work shared the cores; CPU per request suffers least")
    return found


def raise_descriptor_limit() -> int:
    """Takes the soft limit to the hard one, for this process and its children. The limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, each another one."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()


def wait_for_port(port: int, alive, patience: float = 10.0) -> bool:
    """True once somebody accepts on the port; False when `alive()` says that nobody will."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        except OSError:
            if not alive():
                return False
            time.sleep(0.02)
    return False


def family(pid: int) -> list[int]:
    """The process and all that descend from it: a master and its workers."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            found += [int(child) for child in children.read_text().split()]
    return found


@dataclass(frozen=True)
class Cpu:
    """CPU time in seconds."""

    user: float
    system: float

    @staticmethod
    def of(pids: list[int]) -> "Cpu":
        user = system = 0
        for pid in pids:
            # The name in parentheses may hold spaces: the fields are counted from its end.
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            user += int(fields[11])
            system += int(fields[12])
        return Cpu(user / TICKS, system / TICKS)

    def since(self, before: "Cpu") -> "Cpu":
        return Cpu(self.user - before.user, self.system - before.system)


@dataclass(frozen=True)
class Memory:
    """Bytes. RSS counts a page that two processes share twice, PSS once."""

    rss: int
    pss: int

    @staticmethod
    def of(pids: list[int]) -> "Memory":
        rss = pss = 0
        for pid in pids:
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    rss += int(line.split()[1]) * 1024
                elif line.startswith("Pss:"):
                    pss += int(line.split()[1]) * 1024
        return Memory(rss, pss)
