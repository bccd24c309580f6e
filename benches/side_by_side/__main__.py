"""Mizan beside nginx and HAProxy on this machine: `python3 benches/side_by_side --help`.

Each proxy runs alone on one core; the load generator and the upstream have the others. Proxies take turns, round by
round, so that a machine that slows down slows all of them; the median of the rounds is printed. Needs nginx, haproxy,
wrk, h2load, openssl and taskset (`make setup`) and release builds of mizan and tls-load; nothing from PyPI.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import load
import machine
import proxies
import report
import scenarios
import tls

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"


def main() -> int:
    options = parse(sys.argv[1:])
    mizan = Path(os.environ.get("MIZAN_BIN", ROOT / "target/release/mizan"))
    plan = scenarios.plan(options.seconds, options.scenario)
    secure = any(scenario.tls for scenario in plan)
    problem = machine.missing(options.only, mizan, load.TLS_LOAD if secure else None)
    if problem:
        print(f"bench: {problem}", file=sys.stderr)
        return 1
    cores = machine.Cores.choose()
    notes = machine.notes(cores) + scenarios.fit_to_machine(plan) + ([tls.NOTE] if secure else [])
    progress = Progress(options.json)
    rounds: list[report.Round] = []
    with tempfile.TemporaryDirectory(prefix="mizan-bench-") as folder:
        certificate = tls.Certificate.make(Path(folder)) if secure else None
        with proxies.Upstream(Path(folder), cores) as upstream:
            for number in range(options.rounds):
                # Another one is the first in each round: what the machine does meanwhile hits all alike.
                turn = number % len(options.only)
                for name in options.only[turn:] + options.only[:turn]:
                    progress.say(f"round {number + 1} of {options.rounds}: {name}")
                    rounds += scenarios.run(scenarios.Turn(name, mizan, upstream, Path(folder), cores, certificate), plan)
    results = report.Results.of(rounds, plan, notes, mizan)
    saved = results.save(RESULTS)
    if options.json:
        print(results.json())
    else:
        print(results.table())
        print(f"\nWritten to {saved.relative_to(ROOT)}.json and .txt")
    if results.failed_requests("mizan"):
        print("bench: mizan failed requests; its numbers say nothing", file=sys.stderr)
        return 1
    return 1 if options.threshold and results.misses() else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="side_by_side", description=__doc__.split("\n\n")[0])
    parser.add_argument("--short", action="store_true", help="one round of 2 s: proves that it runs, measures little")
    parser.add_argument("--rounds", type=int, help="rounds; the median counts (default 3)")
    parser.add_argument("--seconds", type=int, help="of load for each measurement (default 5)")
    parser.add_argument("--only", help="proxies, comma-separated, of: " + ", ".join(proxies.NAMES))
    parser.add_argument("--scenario", help="scenarios, comma-separated, of: " + ", ".join(scenarios.NAMES))
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--threshold", action="store_true", help="exit code 1 when an aim is missed")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (1 if options.short else 3)
    options.seconds = options.seconds or (2 if options.short else 5)
    options.only = chosen(parser, options.only, proxies.NAMES)
    options.scenario = chosen(parser, options.scenario, scenarios.NAMES)
    return options


def chosen(parser: argparse.ArgumentParser, text: str | None, known: list[str]) -> list[str]:
    names = text.split(",") if text else known
    for name in names:
        if name not in known:
            parser.error(f"there is no `{name}`; there are: {', '.join(known)}")
    return list(names)


class Progress:
    """One line a step on stderr, so that stdout is the result alone."""

    def __init__(self, quiet: bool):
        self.quiet = quiet

    def say(self, text: str) -> None:
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
