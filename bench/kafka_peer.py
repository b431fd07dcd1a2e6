#!/usr/bin/env python3
"""The peer of bench/kafka.py: a credential of a pod used from another node, with Quix Streams.

In: the broker in BROKERS, the topic LOGS. Out: findings in the topic FINDINGS, one for each credential and node.
It knows placements and the claims of Kubernetes tokens, and reads nothing else of the other formats but their JSON: it
has less to do than `offbound stream`, which also keeps every record, joins host events and judges incidents.
"""
import os

import orjson
from quixstreams import Application

LOGS, FINDINGS = os.environ["LOGS"], os.environ["FINDINGS"]
CREDENTIAL = "authentication.kubernetes.io/credential-id"
NODE = "authentication.kubernetes.io/node-name"

node_of_address = {}
told = set()


def judge(value):
    """A finding, or None."""
    if not value.startswith(b"{"):
        return None
    record = orjson.loads(value)
    if record.get("schema") == "offbound.placement/1":
        for address in record["addresses"]:
            if record["end"] is None:
                node_of_address[address] = record["host"]
        return None
    if record.get("kind") != "Event" or record.get("stage") != "ResponseComplete":
        return None
    extra = record["user"].get("extra") or {}
    bound, credential, sources = extra.get(NODE), extra.get(CREDENTIAL), record.get("sourceIPs")
    if not bound or not credential or not sources:
        return None
    seen = node_of_address.get(sources[0])
    if seen is None or seen == bound[0] or (credential[0], seen) in told:
        return None
    told.add((credential[0], seen))
    return {"rule": "off-bound", "credential": {"id": credential[0]}, "bound": bound[0], "observed": seen,
            "time": record["stageTimestamp"]}


app = Application(
    broker_address=os.environ["BROKERS"],
    consumer_group="peer",
    auto_offset_reset="earliest",
    commit_interval=1.0,
    loglevel="WARNING",
    producer_extra_config={"linger.ms": 1},
    consumer_extra_config={"fetch.wait.max.ms": 100},
)
logs = app.topic(LOGS, value_deserializer="bytes")
findings = app.topic(FINDINGS, value_serializer="json")
stream = app.dataframe(logs).apply(judge).filter(lambda finding: finding is not None)
stream.to_topic(findings)

if __name__ == "__main__":
    app.run()
