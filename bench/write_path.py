#!/usr/bin/env python3
"""NDJSON to Parquet on disk, all columns: offbound's committed segments beside DuckDB's COPY.

In: NDJSON files. Out: per file a line of medians with the ratio, after the counts were compared.
Rounds are interleaved (A B A B ...), each in a process of its own; CPU seconds stand beside wall seconds, because other
work on a machine disturbs wall seconds more. Nothing is printed when row counts or checksums differ.

  python3 bench/write_path.py [--rounds 5] [--level 1] FILE...
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

from peers import DUCKDB, ROOT, THREADS, measure, python_of_peers

# Columns that both sides have, by format: how DuckDB names what a column of the store holds. They are counted on
# both sides before any time is printed.
CHECKS = {
    "k8s-audit": ("user_agent", "userAgent", "stage = 'ResponseComplete'"),
    "envoy": ("request_id", "request_id", "true"),
}

PEER = """
import duckdb, sys
source, out, level, schema, ordered = sys.argv[1:6]
db = duckdb.connect()
db.execute(f"SET threads = {THREADS}")
db.execute(f"SET preserve_insertion_order = {{ordered}}".format(ordered=ordered))
read = f"read_ndjson('{source}', {schema})" if schema else f"read_ndjson('{source}')"
db.execute(f"COPY (SELECT * FROM {read}) TO '{out}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL {level})")
""".replace("{THREADS}", str(THREADS))


def peer_forms(python, source):
    """How the peer may read the file: with the schema that it finds in all of it, or that it finds by sampling."""
    ask = f"""
import duckdb
db = duckdb.connect()
rows = db.execute("DESCRIBE SELECT * FROM read_ndjson('{source}', sample_size = -1)").fetchall()
print("columns = {{" + ", ".join("'" + row[0].replace("'", "''") + "': '" + row[1].replace("'", "''") + "'" for row in rows) + "}}")
"""
    explicit = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout.strip()
    return {"explicit schema": explicit, "schema by sampling": ""}


def best_form(python, source, level, scratch):
    """The quickest form of the peer on this file (CPU seconds of one run each); forms that fail are left out."""
    found = []
    for name, schema in peer_forms(python, source).items():
        for ordered in ("true", "false"):
            out = os.path.join(scratch, "peer.parquet")
            command = [python, "-c", PEER, source, out, str(level), schema, ordered]
            if subprocess.run(command, capture_output=True).returncode == 0:
                found.append((measure(command)[1], f"{name}, ordered {ordered}", command, out))
    if not found:
        sys.exit(f"the peer cannot read {source}")
    return min(found)[1:]


def compare(python, source, out, store, printed):
    """Row counts and a count and checksum of one column on both sides."""
    ask = f"""
import duckdb, json
db = duckdb.connect()
ours = "read_parquet('{store}/segments/*.parquet', union_by_name = true)"
peer = "read_parquet('{out}')"
rows = db.execute(f"SELECT count(*) FROM {{peer}}").fetchone()[0]
names = [row[0] for row in db.execute(f"DESCRIBE SELECT * FROM {{peer}}").fetchall()]
checks = json.loads('''{json.dumps(CHECKS)}''')
sums = []
for format, (mine, theirs, where) in checks.items():
    if theirs in names:
        one = f"SELECT count(*), sum(hash(value)::HUGEINT) FROM (SELECT DISTINCT "
        a = db.execute(one + f'"{{mine}}"::VARCHAR AS value FROM {{ours}} WHERE "{{mine}}" IS NOT NULL AND (source = \\'{{format}}\\' OR source LIKE \\'{{format}}:%\\'))').fetchone()
        b = db.execute(one + f'"{{theirs}}"::VARCHAR AS value FROM {{peer}} WHERE "{{theirs}}" IS NOT NULL AND {{where}})').fetchone()
        if a[0] > 0:
            sums.append([format, mine, a == b, a[0], b[0]])
print(json.dumps([rows, [[str(cell) for cell in row] for row in sums]]))
"""
    answer = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True).stdout
    rows, sums = json.loads(answer)
    read = json.loads(printed)["read"]
    if rows != read:
        sys.exit(f"{source}: the peer has {rows} rows, offbound read {read} records")
    for name, column, same, ours, theirs in sums:
        if same != "True":
            sys.exit(f"{source}: column {column} of {name} differs: {ours} and {theirs} different values")
    return sums


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("files", nargs="+")
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--level", type=int, default=1)
    arguments.add_argument("--segments", default=os.path.join(ROOT, "target", "release", "segments"))
    options = arguments.parse_args()
    python = python_of_peers()
    scratch = tempfile.mkdtemp(prefix="offbound-bench-")
    try:
        for source in options.files:
            run(source, options, python, scratch)
    finally:
        shutil.rmtree(scratch)


def run(source, options, python, scratch):
    form, command, out = best_form(python, source, options.level, scratch)
    store = os.path.join(scratch, "store")
    ours, peer, load = [], [], os.getloadavg()[0]
    for _ in range(options.rounds):
        shutil.rmtree(store, ignore_errors=True)
        ours.append(measure([options.segments, store, source]))
        peer.append(measure(command))
    sums = compare(python, source, out, store, ours[-1][3])
    size = os.path.getsize(source) / 1e6
    of = lambda runs, which: statistics.median(run[which] for run in runs)
    print(f"{os.path.basename(source)}: {size:.0f} MB, zstd level {options.level}, {THREADS} threads, "
          f"{options.rounds} rounds, load before {load:.1f}, same: {[row[:2] + row[3:4] for row in sums]}")
    for name, runs in (("offbound", ours), (f"DuckDB {DUCKDB} ({form})", peer)):
        print(f"  {name}: wall {of(runs, 0):.2f} s (least {min(run[0] for run in runs):.2f}), "
              f"CPU {of(runs, 1):.2f} s (least {min(run[1] for run in runs):.2f}), {size / of(runs, 0):.0f} MB/s, "
              f"peak {of(runs, 2):.0f} MiB")
    print(f"  ratio: wall {of(peer, 0) / of(ours, 0):.2f}, CPU {of(peer, 1) / of(ours, 1):.2f}", flush=True)


main()
