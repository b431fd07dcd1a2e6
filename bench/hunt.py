#!/usr/bin/env python3
"""Hunts over a store: `offbound hunt` beside DuckDB on the same Parquet files.

In: a store. Out: per question a line of medians with the ratio, after the answers were compared.
offbound is measured as its user meets it: a whole process, from its start to its last byte. DuckDB is measured in a
process that is warm, the statement alone. Rounds are interleaved (A B A B ...).

  python3 bench/hunt.py --store DIR [--offbound target/release/offbound] [--rounds 7]
"""
import argparse
import glob
import json
import os
import statistics
import subprocess
import sys
import time
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
DUCKDB = "2.0.0"
THREADS = os.cpu_count()

# What is asked: name, table, SQL with {table}, and the ratio that is aimed at.
QUESTIONS = [
    ("one credential", "identity_assertions",
     "SELECT count(*) AS n, count(DISTINCT src_addr) AS a, count(DISTINCT dst) AS d FROM {table} WHERE credential_id = '{credential}'", 5.0),
    ("one host, ten minutes", "host_events",
     "SELECT count(*) AS n, count(DISTINCT exe) AS e FROM {table} WHERE host = '{host}' AND event_time >= '{from}' AND event_time < '{to}'", 3.0),
    ("LIKE", "host_events", "SELECT count(*) AS n FROM {table} WHERE cmd_line LIKE '%token%'", 1.0),
    ("group by", "host_events", "SELECT host, count(*) AS n FROM {table} GROUP BY host ORDER BY n DESC, host LIMIT 20", 0.7),
]

# A line of JSON in, a line of JSON out: rows, seconds. The connection stays warm.
PEER = """
import duckdb, json, sys, time
db = duckdb.connect()
db.execute("SET threads = {THREADS}")
db.execute("SET TimeZone = 'UTC'")
for line in sys.stdin:
    sql = json.loads(line)
    started = time.monotonic()
    rows = db.execute(sql).fetchall()
    seconds = time.monotonic() - started
    print(json.dumps([[[str(cell) for cell in row] for row in rows], seconds]), flush=True)
""".replace("{THREADS}", str(THREADS))


def python_of_peer():
    """A virtual environment of our own with the peer in it."""
    home = os.path.join(ROOT, "target", "bench-venv")
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python):
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", f"duckdb=={DUCKDB}"], check=True)
    return python


class Peer:
    """DuckDB, asked through a pipe."""

    def __init__(self, python, store):
        self.process = subprocess.Popen([python, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.store = store

    def ask(self, table, sql):
        files = os.path.join(self.store, "segments", f"*{table}*.parquet")
        if not glob.glob(files):
            sys.exit(f"no segments of {table}: {files}")
        self.process.stdin.write(json.dumps(sql.replace("{table}", f"read_parquet('{files}')")) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"DuckDB failed: {sql}")
        return json.loads(answer)


def ask_offbound(binary, store, table, sql):
    """Rows and seconds of one process."""
    command = [binary, "hunt", sql.replace("{table}", table), "--store", store, "--format", "ndjson"]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    seconds = time.monotonic() - started
    if done.returncode != 0:
        sys.exit(done.stderr)
    rows = [[str(cell) for cell in json.loads(line).values()] for line in done.stdout.splitlines()]
    return rows, seconds


def subjects(peer):
    """The credential in the middle by number of uses, and ten minutes of the busiest host from its median moment."""
    credentials, _ = peer.ask("identity_assertions", "SELECT credential_id FROM {table} WHERE credential_id IS NOT NULL "
                              "GROUP BY 1 ORDER BY count(*), 1")
    host = peer.ask("host_events", "SELECT host FROM {table} WHERE host IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")[0][0][0]
    middle = f"SELECT epoch_us(quantile_disc(event_time, 0.5)) // 1000000 FROM {{table}} WHERE host = '{host}'"
    middle = int(peer.ask("host_events", middle)[0][0][0])
    moment = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return {"credential": credentials[len(credentials) // 2][0], "host": host, "from": moment(middle), "to": moment(middle + 600)}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--store", required=True)
    arguments.add_argument("--offbound", default=os.path.join(ROOT, "target", "release", "offbound"))
    arguments.add_argument("--rounds", type=int, default=7)
    options = arguments.parse_args()
    peer = Peer(python_of_peer(), options.store)
    found = subjects(peer)
    rows = {table: peer.ask(table, "SELECT count(*) FROM {table}")[0][0][0] for table in ("host_events", "identity_assertions")}
    print(f"{rows}, {THREADS} threads, {options.rounds} rounds, load before {os.getloadavg()[0]:.1f}, {found}")
    for name, table, sql, aim in QUESTIONS:
        for key, value in found.items():
            sql = sql.replace("{" + key + "}", value)
        ours, theirs = [], []
        for _ in range(options.rounds):
            mine, seconds = ask_offbound(options.offbound, options.store, table, sql)
            ours.append(seconds)
            other, seconds = peer.ask(table, sql)
            theirs.append(seconds)
            if mine != other:
                sys.exit(f"{name}: answers differ: {mine} and {other}")
        ratio = statistics.median(theirs) / statistics.median(ours)
        print(f"{name}: offbound {1000 * statistics.median(ours):.1f} ms (least {1000 * min(ours):.1f}), "
              f"DuckDB {DUCKDB} {1000 * statistics.median(theirs):.1f} ms (least {1000 * min(theirs):.1f}), "
              f"ratio {ratio:.2f}, aim {aim}", flush=True)


main()
