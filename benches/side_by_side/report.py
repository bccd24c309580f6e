"""Rounds in, medians, ratios and tables out."""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import machine
import proxies

# The aims (docs/performance.md).
CPU_RATIO = {"keepalive": 2.1, "connection": 2.1, "large": 2.1, "tls_keepalive": 2.0, "tls_handshake": 0.8}
IDLE_BYTES = {"idle": 40 * 1024, "tls_idle": 50 * 1024}


@dataclass(frozen=True)
class Round:
    proxy: str
    scenario: str
    measured: dict[str, float]


@dataclass(frozen=True)
class Results:
    # scenario -> proxy -> measure -> median
    medians: dict[str, dict[str, dict[str, float]]]
    titles: dict[str, str]
    about: dict[str, object]

    @staticmethod
    def of(rounds: list[Round], plan, notes: list[str], mizan: Path) -> "Results":
        medians: dict[str, dict[str, dict[str, float]]] = {}
        for scenario in plan:
            names = {r.proxy for r in rounds if r.scenario == scenario.name}
            medians[scenario.name] = {
                name: median([r.measured for r in rounds if (r.proxy, r.scenario) == (name, scenario.name)])
                for name in sorted(names, key=proxies.NAMES.index)
            }
        about = {
            "date": time.strftime("%Y-%m-%d %H:%M:%S %z"),
            "machine": f"{cpu_name()}, {os.cpu_count()} cores, Linux {platform.release()}",
            "versions": versions([name for name in proxies.NAMES if any(r.proxy == name for r in rounds)], mizan),
            "rounds": max(Counter((r.proxy, r.scenario) for r in rounds).values()),
            "seconds": max((scenario.seconds for scenario in plan), default=0),
            "notes": notes,
        }
        return Results(medians, {scenario.name: scenario.title for scenario in plan}, about)

    def failed_requests(self, proxy: str) -> int:
        return int(sum(found[proxy]["failed"] for found in self.medians.values() if proxy in found))

    def aims(self) -> list[tuple[bool, str]]:
        """What is aimed at, and whether it was reached."""
        aims = []
        for scenario, most in CPU_RATIO.items():
            found = self.medians.get(scenario, {})
            if {"mizan", "nginx"} <= found.keys():
                ratio = found["mizan"]["cpu_us"] / found["nginx"]["cpu_us"]
                aims.append((ratio <= most, f"CPU per request, {scenario}: {ratio:.2f} x nginx (at most {most})"))
        for scenario, most in IDLE_BYTES.items():
            each = self.medians.get(scenario, {}).get("mizan", {}).get("idle_bytes")
            if each is not None:
                aims.append((each < most, f"memory of a connection, {scenario}: {each / 1024:.1f} KB (less than {most // 1024})"))
        return aims

    def misses(self) -> bool:
        return any(not reached for reached, _ in self.aims())

    def json(self) -> str:
        aims = [{"reached": reached, "aim": text} for reached, text in self.aims()]
        return json.dumps({**self.about, "results": self.medians, "aims": aims}, indent=2)

    def table(self) -> str:
        lines = [f"{self.about['machine']}; {', '.join(self.about['versions'])}",
                 f"each proxy alone on one core; {self.rounds()} of {self.about['seconds']} s"]
        lines += [f"note: {note}" for note in self.about["notes"]]
        for scenario, found in self.medians.items():
            lines += ["", self.titles[scenario], *rows(found)]
        lines += ["", *(f"{'PASS' if reached else 'MISS'}  {text}" for reached, text in self.aims())]
        return "\n".join(lines).rstrip()

    def rounds(self) -> str:
        count = self.about["rounds"]
        return "one round" if count == 1 else f"median of {count} rounds"

    def save(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        base = folder / time.strftime("%Y%m%d-%H%M%S")
        base.with_suffix(".json").write_text(self.json() + "\n")
        base.with_suffix(".txt").write_text(self.table() + "\n")
        return base


def median(rounds: list[dict[str, float]]) -> dict[str, float]:
    # One failed request in one round is one too many to be outvoted.
    combine = lambda key: max if key == "failed" else statistics.median
    return {key: combine(key)(found[key] for found in rounds) for key in rounds[0]}


def rows(found: dict[str, dict[str, float]]) -> list[str]:
    if any("idle_bytes" in measured for measured in found.values()):
        return idle_rows(found)
    lines = [f"{'':10}{'req/s':>10}{'CPU us/req (user/system)':>28}{'p50':>10}{'p99':>10}{'failed':>8}{'RSS':>10}{'PSS':>10}{'CPU/nginx':>11}"]
    for name, m in found.items():
        cpu = f"{m['cpu_us']:.1f} ({m['cpu_user_us']:.1f}/{m['cpu_system_us']:.1f})"
        ratio = against_nginx(found, name, "cpu_us")
        lines.append(f"{name:10}{m['requests_per_second']:>10,.0f}{cpu:>28}{latency(m['p50_us']):>10}{latency(m['p99_us']):>10}"
                     f"{m['failed']:>8,.0f}{size(m['rss']):>10}{size(m['pss']):>10}{ratio:>11}")
    return lines


def idle_rows(found: dict[str, dict[str, float]]) -> list[str]:
    lines = [f"{'':10}{'a connection':>14}{'closed':>8}{'RSS':>10}{'PSS':>10}{'/nginx':>11}"]
    for name, m in found.items():
        lines.append(f"{name:10}{m['idle_bytes'] / 1024:>11.1f} KB{m['failed']:>8,.0f}{size(m['rss']):>10}{size(m['pss']):>10}"
                     f"{against_nginx(found, name, 'idle_bytes'):>11}")
    return lines


def against_nginx(found: dict[str, dict[str, float]], name: str, key: str) -> str:
    base = found.get("nginx", {}).get(key, 0)
    return f"{found[name][key] / base:.2f}" if base > 0 else "-"


def latency(us: float) -> str:
    return f"{us / 1000:.2f} ms" if us < 100_000 else f"{us / 1e6:.2f} s"


def size(count: float) -> str:
    return f"{count / 2**20:.1f} MB"


def versions(names: list[str], mizan: Path) -> list[str]:
    commands = {"mizan": [str(mizan), "--version"], "nginx": [machine.find("nginx"), "-v"], "haproxy": [machine.find("haproxy"), "-v"]}
    found = []
    for name in names:
        ran = subprocess.run(commands[name], capture_output=True, text=True, check=False)
        number = re.search(r"\d+(\.\d+)+", ran.stdout + ran.stderr)
        found.append(f"{name} {number.group() if number else '?'}")
    return found


def cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
