#!/usr/bin/env python3
"""Live from Kafka: `offbound stream` beside one Python stream processor, on a real broker that is started for it.

In: release builds of `offbound` and `kafka_load`. Out: time from the intended send of a record to its finding, at a rate;
the highest rate that is kept up with; how quickly a backlog is read. Runs of both sides alternate.

  python3 bench/kafka.py [--rates 10000,20000,50000] [--seconds 30] [--backlog 1000000] [--peer-rates 1000,5000]
"""
import argparse
import os
import subprocess
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
PEER = ["quixstreams==3.28.1", "orjson==3.13.0"]


def python_of_peer():
    """A virtual environment of our own with the peer in it."""
    home = os.path.join(ROOT, "target", "bench-venv-kafka")
    python = os.path.join(home, "bin", "python")
    if not os.path.exists(python):
        venv.create(home, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PEER], check=True)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    release = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release")
    parser.add_argument("--offbound", default=os.path.join(release, "offbound"))
    parser.add_argument("--load", default=os.path.join(release, "kafka_load"))
    parser.add_argument("--rates", default="10000,20000,50000", help="records a second for offbound")
    parser.add_argument("--peer-rates", default="1000,5000", help="records a second for the peer")
    parser.add_argument("--seconds", default="30", help="how long each rate lasts, after half a minute that does not count")
    parser.add_argument("--backlog", default="1000000", help="records that wait; 0 for none")
    parser.add_argument("--peer-backlog", default="200000", help="records that wait for the peer; 0 for none")
    args = parser.parse_args()
    offbound = ["offbound", os.path.abspath(args.offbound)]
    peer = ["peer", python_of_peer(), os.path.join(HERE, "kafka_peer.py")]

    def run(name, *words):
        print(f"\n== {name}", flush=True)
        # A run that fails says why; the others are still worth their time.
        subprocess.run([args.load, *words], check=False)

    if int(args.backlog):
        run("offbound, backlog", "backlog", args.backlog, *offbound)
    if int(args.peer_backlog):
        run("peer, backlog", "backlog", args.peer_backlog, *peer)
    for rate in filter(None, args.rates.split(",")):
        run(f"offbound, {rate} records/s", "live", rate, args.seconds, *offbound)
    for rate in filter(None, args.peer_rates.split(",")):
        run(f"peer, {rate} records/s", "live", rate, args.seconds, *peer)


if __name__ == "__main__":
    main()
