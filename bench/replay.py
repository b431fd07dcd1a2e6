#!/usr/bin/env python3
"""Replay: logs of all formats to findings, offbound beside DuckDB SQL and Polars.

In: a folder that `offbound simulate volume` wrote, with attacks planted. Out: what each took, with the ratios, after the
sets of findings (rule, credential or workload, place) were found equal. Rounds are interleaved, each in a process of its
own; CPU seconds stand beside wall seconds, because other work on a machine disturbs wall seconds more.

  python3 bench/replay.py FOLDER [--rounds 3] [--offbound target/release/offbound] [--only duckdb] [--threads 2]
"""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

from peers import DUCKDB, HERE, POLARS, ROOT, THREADS, measure, python_of_peers


def findings(printed):
    """What offbound found, as the peers name it: rule, who, where."""
    found = set()
    for line in printed.splitlines():
        record = json.loads(line)
        if record["type"] != "finding":
            continue
        rule, credential = record["rule"], record.get("credential", {}).get("id")
        observed, workload = record.get("observed", {}), record.get("workload")
        if rule in ("CT-101", "CT-102"):
            found.add((rule, credential, observed.get("host" if rule == "CT-101" else "pod_uid")))
        elif rule == "CT-104":
            found.add((rule, credential, ""))
        elif rule in ("CT-201", "CT-202", "CT-203"):
            found.add((rule, "", record.get("bound", {}).get("host")))
        elif rule == "CT-302":
            found.add((rule, workload, record.get("destination")))
        else:
            found.add((rule, workload, ""))
    return found


class Side:
    """One of those that are compared."""

    def __init__(self, name, command, parse, prepare=lambda: None):
        self.name, self.command, self.parse, self.prepare = name, command, parse, prepare
        self.runs = []

    def run(self):
        """One run; gives what was found."""
        self.prepare()
        *took, printed = measure(self.command)
        self.runs.append(took)
        return self.parse(printed)

    def median(self, which):
        """The median of wall seconds, CPU seconds or MiB."""
        return statistics.median(run[which] for run in self.runs)

    def least(self, which):
        """The least of them."""
        return min(run[which] for run in self.runs)


def sides(options, scratch):
    """Everybody, offbound without a store first."""
    store = os.path.join(scratch, "store")
    replay = [options.offbound, "replay", options.folder, "--quiet", "--format", "ndjson"]
    python, threads = python_of_peers(), str(options.threads)
    of_peer = lambda printed: {tuple(finding) for finding in json.loads(printed)}
    every = {
        "offbound": Side("offbound, no store kept", replay, findings),
        "store": Side("offbound, durable store", [*replay, "--store", store], findings, lambda: shutil.rmtree(store, ignore_errors=True)),
        "duckdb": Side(f"DuckDB {DUCKDB}", [python, os.path.join(HERE, "replay_duckdb.py"), options.folder, threads], of_peer),
        "polars": Side(f"Polars {POLARS}", [python, os.path.join(HERE, "replay_polars.py"), options.folder, threads], of_peer),
    }
    return [side for name, side in every.items() if name == "offbound" or not options.only or name in options.only]


def compare(found):
    """Ends the benchmark where two sides found different things."""
    (first, mine), *others = found
    for name, theirs in others:
        if theirs != mine:
            sys.exit(f"findings differ: only {first}: {sorted(mine - theirs, key=str)}; only {name}: {sorted(theirs - mine, key=str)}")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("folder")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--threads", type=int, default=THREADS)
    arguments.add_argument("--offbound", default=os.path.join(ROOT, "target", "release", "offbound"))
    arguments.add_argument("--only", action="append", default=[], choices=["store", "duckdb", "polars"])
    options = arguments.parse_args()
    size = sum(os.path.getsize(os.path.join(options.folder, name)) for name in os.listdir(options.folder))
    load = os.getloadavg()[0]
    scratch = tempfile.mkdtemp(prefix="offbound-bench-")
    try:
        every = sides(options, scratch)
        for _ in range(options.rounds):
            found = [(side.name, side.run()) for side in every]
            compare(found)
    finally:
        shutil.rmtree(scratch)
    print(f"{options.folder}: {size / 1e6:.0f} MB, {options.threads} threads, {options.rounds} rounds, load before {load:.1f}, "
          f"after {os.getloadavg()[0]:.1f}, the same {len(found[0][1])} findings on every side")
    ours = every[0]
    for side in every:
        ratio = "" if side is ours else f"; offbound is {side.median(0) / ours.median(0):.2f} times as fast in wall, {side.median(1) / ours.median(1):.2f} in CPU"
        print(f"  {side.name}: wall {side.median(0):.2f} s (least {side.least(0):.2f}), CPU {side.median(1):.2f} s (least {side.least(1):.2f}), "
              f"peak {side.median(2):.0f} MiB{ratio}", flush=True)


main()
