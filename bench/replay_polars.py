"""The findings of the planted attacks as a Polars user would ask for them.

In: a folder of logs, a number of threads. Out: a JSON array of [rule, who, where]. Lazy scans with an explicit schema of
just the fields that the questions need; places are found with as-of joins. It asks what `replay_duckdb.py` asks.
"""
import json
import os
import sys
from datetime import timedelta

os.environ["POLARS_MAX_THREADS"] = sys.argv[2]

import polars as pl
from polars import col

import replay_site as words
from replay_site import Site

TEXT, TEXTS, STRUCT = pl.String, pl.List(pl.String), pl.Struct
EXTRA = "authentication.kubernetes.io/"
DECISION = "authorization.k8s.io/decision"
K8S = {"stage": TEXT, "user": STRUCT({"username": TEXT, "extra": STRUCT({EXTRA + key: TEXTS for key in ("credential-id", "pod-uid", "node-name")})}),
       "sourceIPs": TEXTS, "requestReceivedTimestamp": TEXT, "annotations": STRUCT({DECISION: TEXT})}
ENVOY = {"start_time": TEXT, "response_code": pl.Int64, "downstream_direct_remote_address": TEXT, "downstream_peer_uri_san": TEXT,
         "downstream_peer_serial": TEXT, "authority": TEXT, "jwt_sub": TEXT, "jwt_jti": TEXT}
CLOUDTRAIL = {"eventTime": TEXT, "eventSource": TEXT, "sourceIPAddress": TEXT, "errorCode": TEXT,
              "userIdentity": STRUCT({"accessKeyId": TEXT, "sessionContext": STRUCT({"sessionIssuer": STRUCT({"arn": TEXT})}),
                                      "inScopeOf": STRUCT({"credentialsIssuedTo": TEXT})}),
              "responseElements": STRUCT({"instancesSet": STRUCT({"items": pl.List(STRUCT({"instanceId": TEXT, "privateIpAddress": TEXT}))})})}
SPIRE = {"msg": TEXT, "serial_num": TEXT, "caller_id": TEXT}
PROCESS = STRUCT({"binary": TEXT, "pid": pl.Int64, "pod": STRUCT({"uid": TEXT})})
TETRAGON = {"node_name": TEXT, "time": TEXT, "process_exec": STRUCT({"process": PROCESS, "parent": PROCESS}),
            "process_kprobe": STRUCT({"process": PROCESS, "args": pl.List(STRUCT({"file_arg": STRUCT({"path": TEXT})}))})}
PLACEMENT = {"host": TEXT, "pod_uid": TEXT, "workload": TEXT, "addresses": TEXTS, "start": TEXT, "end": TEXT}
CLOCK_ERROR = timedelta(seconds=words.CLOCK_ERROR_SECONDS)
PROBE = timedelta(seconds=words.PROBE_SECONDS)
HISTORY = timedelta(seconds=words.HISTORY_SECONDS)


def scan(files, schema):
    """A lazy table of some fields of an NDJSON file."""
    return pl.scan_ndjson(files, schema=schema)


def moment(name):
    """Text to a moment."""
    return col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us").alias("moment")


def inside(name, *path):
    """A field within fields."""
    found = col(name)
    for step in path:
        found = found.struct.field(step)
    return found


def base(name):
    """The last part of a path."""
    return col(name).str.split("/").list.last()


def first(expr):
    """The first of a list, if there is one."""
    return expr.list.get(0, null_on_oob=True)


def identity(site):
    """What identity logs say, a table each; they are read side by side."""
    extra = lambda key: first(inside("user", "extra", EXTRA + key))
    k8s = scan(site.paths("k8s-audit.log"), K8S).filter(col("stage") == "ResponseComplete").select(
        moment("requestReceivedTimestamp"), extra("credential-id").alias("credential"), inside("user", "username").alias("subject"),
        first(col("sourceIPs")).alias("address"), pl.lit("kube-apiserver").alias("authority"),
        (inside("annotations", DECISION) == "allow").alias("allowed"), extra("node-name").alias("bound_host"), extra("pod-uid").alias("bound_pod"))
    envoy = scan(site.paths("envoy-access.ndjson"), ENVOY).select(
        moment("start_time"),
        pl.coalesce("X509SERIAL=" + col("downstream_peer_serial"), "JTI=" + col("jwt_jti")).alias("credential"),
        pl.coalesce("downstream_peer_uri_san", "jwt_sub").alias("subject"),
        col("downstream_direct_remote_address").str.split(":").list.first().alias("address"), "authority",
        (~col("response_code").is_in([401, 403])).alias("allowed"))
    cloudtrail = scan(site.paths("cloudtrail.ndjson"), CLOUDTRAIL).select(
        moment("eventTime"), inside("userIdentity", "accessKeyId").alias("credential"),
        inside("userIdentity", "sessionContext", "sessionIssuer", "arn").alias("subject"), col("sourceIPAddress").alias("address"),
        col("eventSource").alias("authority"), col("errorCode").is_null().alias("allowed"),
        inside("userIdentity", "inScopeOf", "credentialsIssuedTo").str.split("/").list.get(1, null_on_oob=True).alias("bound_host"),
        inside("responseElements", "instancesSet", "items").alias("started"))
    svids = scan(site.paths("spire-server.log"), SPIRE).filter(col("msg") == "Signed X509 SVID").select("serial_num", agent="caller_id")
    return pl.collect_all([k8s, envoy, cloudtrail, svids])


def host(site):
    """What host logs say: of the one what is asked for, of the other the records of calls and of refusals."""
    process = lambda field: pl.coalesce(inside("process_exec", "process", *field), inside("process_kprobe", "process", *field))
    opened = first(inside("process_kprobe", "args")).struct.field("file_arg").struct.field("path").alias("opened")
    tetragon = scan(site.paths("tetragon.ndjson"), TETRAGON).select(
        moment("time"), host="node_name", pid=process(["pid"]), exe=process(["binary"]), parent_exe=inside("process_exec", "parent", "binary"),
        pod_uid=process(["pod", "uid"]), opened=opened).filter(col("parent_exe").is_not_null() | col("opened").is_not_null())
    lines = pl.scan_csv(site.host_logs(), has_header=False, new_columns=["line"], separator="\x01", quote_char=None, infer_schema=False)
    field = lambda name: col("line").str.extract(f' {name}="?([^ "]+)', 1)
    audit = lines.filter(col("line").str.contains("type=SYSCALL", literal=True) | col("line").str.contains("type=AVC", literal=True)).select(
        (col("line").str.extract(r"audit\(([0-9.]+):", 1).str.replace(".", "", literal=True).cast(pl.Int64) * 1000).cast(pl.Datetime("us")).alias("moment"),
        host=col("line").str.extract(r"^node=(\S+)", 1), kind=field("type"), serial=col("line").str.extract(r":([0-9]+)\)", 1), call=field("syscall"),
        success=field("success"), pid=field("pid").cast(pl.Int64, strict=False), parent=field("ppid").cast(pl.Int64, strict=False), exe=field("exe"),
        opened=field("name"), apparmor=field("apparmor"))
    return pl.collect_all([tetragon, audit])


def places(site, cloudtrail):
    """Who had which address, and since when."""
    placed = scan(site.paths("placements.ndjson"), PLACEMENT).select(
        moment("start").alias("start"), moment("end").alias("until"), "host", "pod_uid", "workload", address="addresses").explode("address").collect()
    found = [placed]
    for file in site.paths("*pods.json"):
        with open(file) as text:
            items = json.load(text)["items"]
        rows = [{"start": pod["status"]["startTime"], "host": pod["spec"]["nodeName"], "pod_uid": pod["metadata"]["uid"], "address": address["ip"],
                 "workload": f"system:serviceaccount:{pod['metadata']['namespace']}:{pod['spec']['serviceAccountName']}"}
                for pod in items for address in pod["status"]["podIPs"]]
        found.append(pl.DataFrame(rows).with_columns(moment("start").alias("start")))
    machines = cloudtrail.filter(col("started").is_not_null()).select(start="moment", item="started").explode("item")
    found.append(machines.select("start", host=inside("item", "instanceId"), address=inside("item", "privateIpAddress")))
    every = pl.concat(found, how="diagonal_relaxed")
    return every.group_by("address", "start", "host", "pod_uid").agg(col("workload").first(), col("until").max()).sort("start")


def bindings(site, k8s, cloudtrail, svids):
    """Where credentials belong."""
    nodes = []
    for file in site.paths("*spire-agents.json"):
        with open(file) as text:
            for agent in json.load(text)["agents"]:
                values = [known["value"] for known in agent["selectors"]]
                node = next((value.split(":", 1)[1] for value in values if value.startswith("agent_node_name:")), None)
                nodes.append({"agent": f"spiffe://{agent['id']['trust_domain']}{agent['id']['path']}", "bound_host": node})
    signed = svids.join(pl.DataFrame(nodes, schema={"agent": TEXT, "bound_host": TEXT}), on="agent")
    signed = signed.with_columns(credential=pl.Series([f"X509SERIAL={int(serial):x}" for serial in signed["serial_num"]], dtype=TEXT))
    held = pl.concat([k8s.filter(col("bound_host").is_not_null()).select("credential", "bound_host", "bound_pod"),
                      cloudtrail.filter(col("bound_host").is_not_null()).select("credential", "bound_host"), signed.select("credential", "bound_host")],
                     how="diagonal_relaxed")
    return held.group_by("credential").agg(col("bound_host").first(), col("bound_pod").first())


def named(site, authorities):
    """Authorities with what the site calls them."""
    def name(authority):
        hits = [name for text, is_prefix, name in site.destinations if authority == text or is_prefix and authority.startswith(text)]
        return min(hits, default=authority)
    return pl.DataFrame({"authority": authorities, "destination": [name(authority) for authority in authorities]}, schema={"authority": TEXT, "destination": TEXT})


def all_uses(site, logs, where, aliases):
    """Every use with its binding and its place."""
    k8s, envoy, cloudtrail, svids = logs
    columns = ["moment", "credential", "subject", "address", "authority", "allowed"]
    every = pl.concat([log.select(columns) for log in (k8s, envoy, cloudtrail)]).filter(col("credential").is_not_null()).sort("moment")
    authorities = every["authority"].drop_nulls().unique().to_list()
    placed = every.join_asof(where.select("address", "start", "until", "host", "pod_uid"), left_on="moment", right_on="start", by="address", check_sortedness=False)
    over = col("until").is_not_null() & (col("moment") > col("until"))
    return (placed.with_columns(pl.when(~over).then(col(name)).alias(name) for name in ("host", "pod_uid"))
            .join(bindings(site, k8s, cloudtrail, svids), on="credential", how="left").join(aliases, left_on="subject", right_on="name", how="left")
            .join(named(site, authorities), on="authority", how="left")
            .with_columns(is_known=col("workload").is_not_null(), workload=pl.coalesce("workload", "subject")))


def host_acts(tetragon, audit):
    """Calls with the program that made the caller, and what was opened."""
    calls = audit.filter((col("kind") == "SYSCALL") & (col("success") == "yes"))
    programs = pl.concat([tetragon.filter(col("opened").is_null()).select("moment", "host", "pid", "exe", "pod_uid"),
                          calls.filter(col("call") == "59").select("moment", "host", "pid", "exe")], how="diagonal_relaxed")
    programs = programs.select("moment", "host", parent="pid", parent_exe="exe", pod_uid="pod_uid").sort("moment")
    told = audit.filter(col("kind") == "AVC").select("host", "serial", "moment", "opened", "apparmor")
    calls = calls.drop("opened", "apparmor").join(told, on=["host", "serial", "moment"], how="left").sort("moment")
    return calls.join_asof(programs, on="moment", by=["host", "parent"], check_sortedness=False)


def of_uses(uses):
    """Findings about uses."""
    settled = uses.filter(col("moment") >= col("start") + CLOCK_ERROR)
    off_host = settled.filter(col("host") != col("bound_host"))
    off_pod = settled.filter(col("pod_uid") != col("bound_pod"))
    yield from (("CT-101", *row) for row in off_host.select("credential", "host").unique().iter_rows())
    yield from (("CT-102", *row) for row in off_pod.select("credential", "pod_uid").unique().iter_rows())
    turns = uses.select("credential", "moment", place=pl.coalesce("host", "address")).sort("moment").with_columns(
        before=col("place").shift(1).over("credential")).filter(col("before") != col("place")).group_by("credential").len().filter(col("len") >= 2)
    yield from (("CT-104", credential, "") for credential in turns["credential"])
    yield from (("CT-301", workload, "") for workload in probing(uses))
    calls = uses.filter(col("is_known") & col("allowed")).with_columns(begin=col("moment").min().over("workload"))
    fresh = calls.group_by("workload", "destination").agg(col("moment").min(), col("begin").first()).filter(col("moment") >= col("begin") + HISTORY)
    yield from (("CT-302", *row) for row in fresh.select("workload", "destination").iter_rows())


def probing(uses):
    """Workloads that are refused at several destinations within minutes, where no crowd is refused."""
    refused = uses.filter(~col("allowed")).with_columns(bin=col("moment").dt.truncate(PROBE))
    crowd = refused.group_by("destination", "bin").agg(col("workload").n_unique()).filter(col("workload") >= words.CROWD)
    lone = refused.join(crowd, on=["destination", "bin"], how="anti").select("workload", "moment", "destination")
    pairs = lone.join(lone, on="workload").filter(col("moment_right").is_between(col("moment"), col("moment") + PROBE))
    several = pairs.group_by("workload", "moment").agg(col("destination_right").n_unique()).filter(col("destination_right") >= words.PROBED_DESTINATIONS)
    return several["workload"].unique()


def of_hosts(site, uses, where, aliases, tetragon, acts):
    """Findings about host acts."""
    belongs = where.filter(col("pod_uid").is_not_null()).join(aliases, left_on="workload", right_on="name", how="left", suffix="_known").select(
        "pod_uid", workload=pl.coalesce("workload_known", "workload")).unique("pod_uid")
    opens = pl.concat([tetragon.select("host", "exe", "pod_uid", "opened"), acts.select("host", "exe", "pod_uid", "opened", "apparmor")], how="diagonal_relaxed")
    reads = opens.filter(col("opened").str.contains(words.CREDENTIAL_PATH, literal=True)).join(belongs, on="pod_uid")
    readers = pl.DataFrame(site.readers, schema={"workload": TEXT, "exe": TEXT}, orient="row")
    foreign = reads.filter(col("workload").is_in(readers["workload"].implode())).join(readers, on=["workload", "exe"], how="anti")
    yield from (("CT-201", "", host) for host in foreign["host"].unique())
    hands = base("exe").is_in(words.SHELLS) & base("parent_exe").is_in(words.SERVERS)
    intruders = pl.concat([tetragon.filter(hands)["host"], acts.filter((col("call") == "59") & hands)["host"]]).unique()
    settled = uses.filter(col("moment") >= col("start") + CLOCK_ERROR)
    robbed = settled.filter((col("host") != col("bound_host")) | (col("pod_uid") != col("bound_pod")))["bound_host"].unique()
    memory = acts.filter(col("call") == "101")["host"].unique()
    yield from (("CT-202", "", host) for host in memory if host in set(intruders) | set(robbed))
    yield from (("CT-203", "", host) for host in intruders)
    complained = reads.filter((col("apparmor") == "ALLOWED") & col("workload").is_in(site.enforced))["workload"].unique()
    yield from (("CT-403", workload, "") for workload in complained)


def main():
    site = Site(sys.argv[1])
    aliases = pl.DataFrame(site.aliases, schema={"name": TEXT, "workload": TEXT}, orient="row")
    logs = identity(site)
    where = places(site, logs[2])
    uses = all_uses(site, logs, where, aliases)
    tetragon, audit = host(site)
    acts = host_acts(tetragon, audit)
    found = [*of_uses(uses), *of_hosts(site, uses, where, aliases, tetragon, acts)]
    print(json.dumps(sorted(list(finding) for finding in found)))


main()
