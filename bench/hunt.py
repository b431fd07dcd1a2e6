#!/usr/bin/env python3
"""Hunts over a store: `offbound hunt` beside DuckDB on the same Parquet files.

In: a store. Out: per question medians with the ratios, after the answers were compared. Rounds are interleaved.
Both are measured twice. *Statement*: DuckDB in a warm process that keeps the files' footers (its metadata cache); of
offbound, which has no warm process, what its process takes beyond one that is asked for nothing (`SELECT 1`).
*Process*: each from the start of a process to the last byte of the answer. The aims are about the statement.
*Processor*: processor time of the statement, all threads together, which other work beside it changes little.

  python3 bench/hunt.py --store DIR [--offbound target/release/offbound] [--rounds 7]
"""
import argparse
import glob
import json
import os
import re
import resource
import sqlite3
import statistics
import subprocess
import sys
import time

from peers import DUCKDB, ROOT, THREADS, python_of_peers

TABLES = ("host_events", "identity_assertions")

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
db.execute("SET parquet_metadata_cache = true")
db.execute("SET enable_progress_bar = false")
for line in sys.stdin:
    sql = json.loads(line)
    started, worked = time.monotonic(), time.process_time()
    rows = db.execute(sql).fetchall()
    seconds = [time.monotonic() - started, time.process_time() - worked]
    print(json.dumps([[[str(cell) for cell in row] for row in rows], seconds]), flush=True)
""".replace("{THREADS}", str(THREADS))


def segments(store, table):
    """The files that are the table: those of segments that were merged into others may lie beside them."""
    database = sqlite3.connect(f"file:{store}/offbound.db?mode=ro", uri=True)
    entries = database.execute("SELECT seq, change, replaces FROM segments WHERE table_name = ?", [table]).fetchall()
    gone = {int(seq) for _, _, replaces in entries for seq in replaces.split()}
    live = {seq for seq, change, _ in entries if change == "rows" and seq not in gone}
    files = sorted(glob.glob(os.path.join(store, "segments", f"*{table}*.parquet")))
    return [file for file in files if int(re.search(r"\d+", os.path.basename(file)).group()) in live]


class Peer:
    """DuckDB, asked through a pipe."""

    def __init__(self, python, store):
        self.process = subprocess.Popen([python, "-c", PEER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.files = {table: segments(store, table) for table in TABLES}

    def statement(self, table, sql):
        """The statement over the table's files."""
        return sql.replace("{table}", f"read_parquet({self.files[table]})")

    def ask(self, table, sql):
        """Rows, and seconds and processor seconds of a statement in the warm process."""
        self.process.stdin.write(json.dumps(self.statement(table, sql)) + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"DuckDB failed: {sql}")
        return json.loads(answer)


def timed_process(command):
    """What a process printed, and its seconds and processor seconds."""
    started, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    seconds, after = time.monotonic() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    return done.stdout, [seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime]


def ask_offbound(options, sql):
    """Rows, and seconds and processor seconds of one process."""
    printed, seconds = timed_process([options.offbound, "hunt", sql, "--store", options.store, "--format", "ndjson"])
    return [[str(cell) for cell in json.loads(line).values()] for line in printed.splitlines()], seconds


def ask_peer_anew(python, sql):
    """Seconds and processor seconds of a process of DuckDB's own."""
    program = f"import duckdb; db = duckdb.connect(); db.execute('SET threads = {THREADS}'); print(db.execute(SQL).fetchall())"
    return timed_process([python, "-c", f"SQL = {sql!r}\n{program}"])[1]


def subjects(peer):
    """The credential in the middle by number of uses, and ten minutes of the busiest host from its median moment."""
    credentials, _ = peer.ask("identity_assertions", "SELECT credential_id FROM {table} WHERE credential_id IS NOT NULL "
                              "GROUP BY 1 ORDER BY count(*), 1")
    host = peer.ask("host_events", "SELECT host FROM {table} WHERE host IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1")[0][0][0]
    middle = f"SELECT epoch_us(quantile_disc(event_time, 0.5)::TIMESTAMPTZ) // 1000000 FROM {{table}} WHERE host = '{host}'"
    middle = int(peer.ask("host_events", middle)[0][0][0])
    moment = lambda seconds: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    return {"credential": credentials[len(credentials) // 2][0], "host": host, "from": moment(middle), "to": moment(middle + 600)}


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--store", required=True)
    arguments.add_argument("--offbound", default=os.path.join(ROOT, "target", "release", "offbound"))
    arguments.add_argument("--rounds", type=int, default=7)
    options = arguments.parse_args()
    python = python_of_peers()
    peer = Peer(python, options.store)
    found = subjects(peer)
    rows = {table: peer.ask(table, "SELECT count(*) FROM {table}")[0][0][0] for table in TABLES}
    print(f"{rows} in { {table: len(files) for table, files in peer.files.items()} } segments, {THREADS} threads, {options.rounds} rounds, load before {os.getloadavg()[0]:.1f}, {found}")
    for name, table, sql, aim in QUESTIONS:
        for key, value in found.items():
            sql = sql.replace("{" + key + "}", value)
        nothing, ours, theirs, theirs_anew = [], [], [], []
        for _ in range(options.rounds):
            nothing.append(ask_offbound(options, "SELECT 1")[1])
            mine, seconds = ask_offbound(options, sql.replace("{table}", table))
            ours.append(seconds)
            other, seconds = peer.ask(table, sql)
            theirs.append(seconds)
            theirs_anew.append(ask_peer_anew(python, peer.statement(table, sql)))
            if mine != other:
                sys.exit(f"{name}: answers differ: {mine} and {other}")
        show(name, aim, nothing, ours, theirs, theirs_anew)


def show(name, aim, nothing, ours, theirs, theirs_anew):
    """One line: medians in milliseconds, and the ratios."""
    of = lambda times, which=0: 1000 * statistics.median(time[which] for time in times)
    least = lambda times: 1000 * min(time[0] for time in times)
    statement = max(of(ours) - of(nothing), 0.1)
    worked = max(of(ours, 1) - of(nothing, 1), 0.1)
    print(f"{name}: statement offbound {statement:.1f} ms, DuckDB {DUCKDB} {of(theirs):.1f} ms (least {least(theirs):.1f}), "
          f"ratio {of(theirs) / statement:.2f}, aim {aim}; process offbound {of(ours):.1f} ms (least {least(ours):.1f}), "
          f"DuckDB {of(theirs_anew):.1f} ms, ratio {of(theirs_anew) / of(ours):.2f}; processor offbound {worked:.1f} ms, "
          f"DuckDB {of(theirs, 1):.1f} ms, ratio {of(theirs, 1) / worked:.2f}", flush=True)


main()
