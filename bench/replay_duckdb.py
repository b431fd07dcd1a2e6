"""The findings of the planted attacks as a DuckDB user would ask for them.

In: a folder of logs, a number of threads. Out: a JSON array of [rule, who, where]. Every file is read once, with an
explicit schema of just the fields that the questions need; places are found with native ASOF joins.
"""
import json
import sys

import duckdb

import replay_site as words
from replay_site import Site

K8S = """{stage: 'VARCHAR', user: 'STRUCT(username VARCHAR, extra STRUCT("authentication.kubernetes.io/credential-id" VARCHAR[],
  "authentication.kubernetes.io/pod-uid" VARCHAR[], "authentication.kubernetes.io/node-name" VARCHAR[]))', sourceIPs: 'VARCHAR[]',
  requestReceivedTimestamp: 'TIMESTAMP', annotations: 'STRUCT("authorization.k8s.io/decision" VARCHAR)'}"""
ENVOY = """{start_time: 'TIMESTAMP', response_code: 'INTEGER', downstream_direct_remote_address: 'VARCHAR', downstream_peer_uri_san: 'VARCHAR',
  downstream_peer_serial: 'VARCHAR', authority: 'VARCHAR', jwt_sub: 'VARCHAR', jwt_jti: 'VARCHAR'}"""
CLOUDTRAIL = """{eventTime: 'TIMESTAMP', eventSource: 'VARCHAR', sourceIPAddress: 'VARCHAR', errorCode: 'VARCHAR',
  userIdentity: 'STRUCT(accessKeyId VARCHAR, sessionContext STRUCT(sessionIssuer STRUCT(arn VARCHAR)), inScopeOf STRUCT(credentialsIssuedTo VARCHAR))',
  responseElements: 'STRUCT(instancesSet STRUCT(items STRUCT(instanceId VARCHAR, privateIpAddress VARCHAR)[]))'}"""
SPIRE = "{msg: 'VARCHAR', serial_num: 'VARCHAR', caller_id: 'VARCHAR'}"
PROCESS = "\"binary\" VARCHAR, pid BIGINT, pod STRUCT(namespace VARCHAR, workload VARCHAR, uid VARCHAR)"
TETRAGON = f"""{{node_name: 'VARCHAR', time: 'TIMESTAMP', process_exec: 'STRUCT(process STRUCT({PROCESS}), parent STRUCT({PROCESS}))',
  process_kprobe: 'STRUCT(process STRUCT({PROCESS}), args STRUCT(file_arg STRUCT(path VARCHAR))[])'}}"""
PLACEMENT = "{host: 'VARCHAR', pod_uid: 'VARCHAR', workload: 'VARCHAR', addresses: 'VARCHAR[]', start: 'TIMESTAMP', \"end\": 'TIMESTAMP'}"
PODS = """{items: 'STRUCT(metadata STRUCT(namespace VARCHAR, uid VARCHAR), spec STRUCT(nodeName VARCHAR, serviceAccountName VARCHAR),
  status STRUCT(podIPs STRUCT(ip VARCHAR)[], startTime TIMESTAMP))[]'}"""
AGENTS = "{agents: 'STRUCT(id STRUCT(path VARCHAR, trust_domain VARCHAR), selectors STRUCT(type VARCHAR, value VARCHAR)[])[]'}"
AUDIT = "columns = {'line': 'VARCHAR'}, delim = '\\x01', quote = '', escape = '', header = false, auto_detect = false"


def table(db, name, what, files, columns, where="true"):
    """One temporary table out of files of one kind."""
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
    format = "auto" if columns in (PODS, AGENTS) else "newline_delimited"
    source = f"read_json([{listed}], columns = {columns}, format = '{format}', maximum_object_size = 67108864)"
    db.execute(f"CREATE TEMP TABLE {name} AS SELECT {what} FROM {source} WHERE {where}")


def rows(db, name, columns, values):
    """A small table of what the site knows."""
    db.execute(f"CREATE TEMP TABLE {name} ({columns})")
    if values:
        marks = ", ".join("?" for _ in values[0])
        db.executemany(f"INSERT INTO {name} VALUES ({marks})", values)


def load(db, site):
    """Every log once, and of it only what is asked for."""
    rows(db, "aliases", "name VARCHAR, workload VARCHAR", site.aliases)
    rows(db, "readers", "workload VARCHAR, exe VARCHAR", site.readers)
    rows(db, "enforced", "workload VARCHAR", [(workload,) for workload in site.enforced])
    rows(db, "destinations", "text VARCHAR, is_prefix BOOLEAN, name VARCHAR", site.destinations)
    table(db, "k8s", """requestReceivedTimestamp AS moment, "user".extra."authentication.kubernetes.io/credential-id"[1] AS credential,
        "user".username AS subject, sourceIPs[1] AS address, 'kube-apiserver' AS authority,
        annotations."authorization.k8s.io/decision" = 'allow' AS allowed,
        "user".extra."authentication.kubernetes.io/node-name"[1] AS bound_host,
        "user".extra."authentication.kubernetes.io/pod-uid"[1] AS bound_pod""",
          site.paths("k8s-audit.log"), K8S, "stage = 'ResponseComplete'")
    table(db, "envoy", """start_time AS moment, coalesce('X509SERIAL=' || downstream_peer_serial, 'JTI=' || jwt_jti) AS credential,
        coalesce(downstream_peer_uri_san, jwt_sub) AS subject, split_part(downstream_direct_remote_address, ':', 1) AS address,
        authority, response_code NOT IN (401, 403) AS allowed""", site.paths("envoy-access.ndjson"), ENVOY)
    table(db, "cloudtrail", """eventTime AS moment, userIdentity.accessKeyId AS credential, userIdentity.sessionContext.sessionIssuer.arn AS subject,
        sourceIPAddress AS address, eventSource AS authority, errorCode IS NULL AS allowed,
        split_part(userIdentity.inScopeOf.credentialsIssuedTo, '/', 2) AS bound_host, responseElements.instancesSet.items AS started""",
          site.paths("cloudtrail.ndjson"), CLOUDTRAIL)
    table(db, "svids", "'X509SERIAL=' || lower(ltrim(to_hex(serial_num::UHUGEINT), '0')) AS credential, caller_id AS agent",
          site.paths("spire-server.log"), SPIRE, "msg = 'Signed X509 SVID'")
    table(db, "agents", "unnest(agents) AS agent", site.paths("*spire-agents.json"), AGENTS)
    table(db, "pods", "unnest(items) AS pod", site.paths("*pods.json"), PODS)
    table(db, "placed", "*", site.paths("placements.ndjson"), PLACEMENT)
    table(db, "tetragon", """node_name AS host, time AS moment, coalesce(process_exec.process.pid, process_kprobe.process.pid) AS pid,
        coalesce(process_exec.process."binary", process_kprobe.process."binary") AS exe, process_exec.parent."binary" AS parent_exe,
        coalesce(process_exec.process.pod.uid, process_kprobe.process.pod.uid) AS pod_uid, process_kprobe.args[1].file_arg.path AS opened""",
          site.paths("tetragon.ndjson"), TETRAGON,
          "process_exec IS NOT NULL OR process_kprobe.args[1].file_arg.path IS NOT NULL")
    logs = ", ".join(f"'{file}'" for file in site.host_logs())
    field = lambda name: f"regexp_extract(line, ' {name}=\"?([^ \"]+)', 1)"
    db.execute(f"""CREATE TEMP TABLE audit AS SELECT regexp_extract(line, '^node=(\\S+)', 1) AS host, {field("type")} AS kind,
        make_timestamp(replace(regexp_extract(line, 'audit\\(([0-9.]+):', 1), '.', '')::BIGINT * 1000) AS moment,
        regexp_extract(line, ':([0-9]+)\\)', 1) AS serial, {field("syscall")} AS call, {field("success")} AS success,
        try_cast({field("pid")} AS BIGINT) AS pid, try_cast({field("ppid")} AS BIGINT) AS parent, {field("exe")} AS exe,
        {field("name")} AS opened, {field("apparmor")} AS apparmor
      FROM read_csv([{logs}], {AUDIT}) WHERE contains(line, 'type=SYSCALL') OR contains(line, 'type=AVC')""")


SCENE = """
CREATE TEMP TABLE places AS
  SELECT address, start, host, pod_uid, any_value(workload) AS workload, max(until) AS until FROM (
    SELECT unnest(addresses) AS address, start, host, pod_uid, workload, "end" AS until FROM placed
    UNION ALL
    SELECT unnest(pod.status.podIPs).ip, pod.status.startTime, pod.spec.nodeName, pod.metadata.uid,
      'system:serviceaccount:' || pod.metadata.namespace || ':' || pod.spec.serviceAccountName, NULL FROM pods
    UNION ALL
    SELECT item.privateIpAddress, moment, item.instanceId, NULL, NULL, NULL FROM (SELECT moment, unnest(started) AS item FROM cloudtrail WHERE started IS NOT NULL)
  ) GROUP BY ALL;

CREATE TEMP TABLE bindings AS
  SELECT credential, any_value(host) AS host, any_value(pod_uid) AS pod_uid FROM (
    SELECT credential, bound_host AS host, bound_pod AS pod_uid FROM k8s WHERE bound_host IS NOT NULL
    UNION ALL SELECT credential, bound_host, NULL FROM cloudtrail WHERE bound_host <> ''
    UNION ALL SELECT credential, node, NULL FROM svids JOIN (
      SELECT 'spiffe://' || agent.id.trust_domain || agent.id.path AS agent,
        list_filter(agent.selectors, lambda known: starts_with(known.value, 'agent_node_name:'))[1].value[17:] AS node FROM agents
    ) USING (agent)
  ) GROUP BY credential;

-- Destinations and subjects are few; every use is compared with what they are called, not with the patterns.
CREATE TEMP TABLE named AS
  SELECT authority, coalesce((SELECT min(name) FROM destinations
    WHERE authority = text OR is_prefix AND starts_with(authority, text)), authority) AS destination
  FROM (SELECT DISTINCT authority FROM envoy UNION SELECT DISTINCT authority FROM cloudtrail UNION SELECT 'kube-apiserver');

CREATE TEMP TABLE uses AS
  SELECT u.moment, u.credential, coalesce(a.workload, u.subject) AS workload, a.workload IS NOT NULL AS is_known, n.destination, u.allowed,
    b.host AS bound_host, b.pod_uid AS bound_pod,
    CASE WHEN p.until IS NULL OR u.moment <= p.until THEN p.host END AS host,
    CASE WHEN p.until IS NULL OR u.moment <= p.until THEN p.pod_uid END AS pod_uid, u.address
  FROM (
    SELECT moment, credential, subject, address, authority, allowed FROM k8s WHERE credential IS NOT NULL
    UNION ALL SELECT moment, credential, subject, address, authority, allowed FROM envoy WHERE credential IS NOT NULL
    UNION ALL SELECT moment, credential, subject, address, authority, allowed FROM cloudtrail WHERE credential IS NOT NULL
  ) u
  ASOF LEFT JOIN places p ON p.address = u.address AND u.moment >= p.start
  LEFT JOIN bindings b ON b.credential = u.credential
  LEFT JOIN aliases a ON a.name = u.subject
  LEFT JOIN named n ON n.authority = u.authority;

CREATE TEMP TABLE off_place AS
  SELECT * FROM uses WHERE (host <> bound_host OR pod_uid <> bound_pod)
    AND moment >= coalesce((SELECT max(start) FROM places p WHERE p.address = uses.address AND p.start <= uses.moment), moment) + $clock_error;

-- Host acts, each with the pod that it was in: that of the process, or of the process that started it.
CREATE TEMP TABLE programs AS SELECT host, pid, moment, exe, pod_uid FROM tetragon WHERE opened IS NULL
  UNION ALL SELECT host, pid, moment, exe, NULL FROM audit WHERE kind = 'SYSCALL' AND call = '59' AND success = 'yes';
CREATE TEMP TABLE acts AS
  SELECT a.host, a.moment, a.exe, a.call, o.opened, o.apparmor, p.exe AS parent_exe, p.pod_uid
  FROM (SELECT * FROM audit WHERE kind = 'SYSCALL' AND success = 'yes') a
  LEFT JOIN (SELECT host, serial, moment, opened, apparmor FROM audit WHERE kind = 'AVC') o USING (host, serial, moment)
  ASOF LEFT JOIN programs p ON p.host = a.host AND p.pid = a.parent AND a.moment >= p.moment;
CREATE TEMP TABLE belongs AS SELECT pod_uid, any_value(coalesce(a.workload, places.workload)) AS workload
  FROM places LEFT JOIN aliases a ON a.name = places.workload WHERE pod_uid IS NOT NULL GROUP BY pod_uid;
CREATE TEMP TABLE reads AS
  SELECT host, moment, exe, pod_uid, apparmor FROM (
    SELECT host, moment, exe, pod_uid, opened, NULL AS apparmor FROM tetragon
    UNION ALL SELECT host, moment, exe, pod_uid, opened, apparmor FROM acts
  ) WHERE contains(opened, $credential_path);
CREATE TEMP TABLE intruders AS
  SELECT host, moment FROM tetragon WHERE list_contains($shells, base(exe)) AND list_contains($servers, base(parent_exe))
  UNION ALL
  SELECT host, moment FROM acts WHERE call = '59' AND list_contains($shells, base(exe)) AND list_contains($servers, base(parent_exe));
"""

FINDINGS = """
SELECT DISTINCT 'CT-101', credential, host FROM off_place WHERE host <> bound_host
UNION ALL
SELECT DISTINCT 'CT-102', credential, pod_uid FROM off_place WHERE pod_uid <> bound_pod
UNION ALL
SELECT 'CT-104', credential, '' FROM (
  SELECT credential, place, lag(place) OVER (PARTITION BY credential ORDER BY moment) AS before
  FROM (SELECT credential, moment, coalesce(host, address) AS place FROM uses)
) GROUP BY credential HAVING count(*) FILTER (WHERE before <> place) >= 2
UNION ALL
SELECT DISTINCT 'CT-201', '', r.host FROM reads r JOIN belongs USING (pod_uid)
  SEMI JOIN readers AS declared ON declared.workload = belongs.workload
  ANTI JOIN readers ON readers.workload = belongs.workload AND readers.exe = r.exe
UNION ALL
SELECT DISTINCT 'CT-202', '', host FROM acts WHERE call = '101'
  AND (host IN (SELECT host FROM intruders) OR host IN (SELECT bound_host FROM off_place))
UNION ALL
SELECT DISTINCT 'CT-203', '', host FROM intruders
UNION ALL
SELECT DISTINCT 'CT-301', workload, '' FROM (
  SELECT d.workload, d.moment FROM lone d JOIN lone e ON e.workload = d.workload AND e.moment BETWEEN d.moment AND d.moment + $probe
  GROUP BY d.workload, d.moment HAVING count(DISTINCT e.destination) >= $probed
)
UNION ALL
SELECT 'CT-302', workload, destination FROM (
  SELECT workload, destination, min(moment) AS first, any_value(begin) AS begin
  FROM (SELECT *, min(moment) OVER (PARTITION BY workload) AS begin FROM uses WHERE is_known AND allowed)
  GROUP BY workload, destination
) WHERE first >= begin + $history
UNION ALL
SELECT DISTINCT 'CT-403', belongs.workload, '' FROM reads JOIN belongs USING (pod_uid) JOIN enforced ON enforced.workload = belongs.workload
  WHERE apparmor = 'ALLOWED'
"""

# Refusals at destinations that do not refuse a crowd in the same five minutes.
LONE = """
CREATE TEMP TABLE lone AS SELECT d.* FROM (SELECT *, time_bucket($probe, moment) AS bin FROM uses WHERE NOT allowed) d
  ANTI JOIN (SELECT destination, time_bucket($probe, moment) AS bin FROM uses WHERE NOT allowed GROUP BY ALL HAVING count(DISTINCT workload) >= $crowd) c
  ON c.destination = d.destination AND c.bin = d.bin;
"""


def filled(sql):
    """The statement with the site's words in it."""
    seconds = lambda number: f"INTERVAL {number} SECONDS"
    texts = lambda names: "[" + ", ".join(f"'{name}'" for name in names) + "]"
    values = {"$clock_error": seconds(words.CLOCK_ERROR_SECONDS), "$credential_path": f"'{words.CREDENTIAL_PATH}'",
              "$shells": texts(words.SHELLS), "$servers": texts(words.SERVERS), "$probed": str(words.PROBED_DESTINATIONS),
              "$probe": seconds(words.PROBE_SECONDS), "$history": seconds(words.HISTORY_SECONDS), "$crowd": str(words.CROWD)}
    for name, value in values.items():
        sql = sql.replace(name, value)
    return sql


def main():
    folder, threads = sys.argv[1:3]
    db = duckdb.connect()
    db.execute(f"SET threads = {threads}")
    db.execute("SET preserve_insertion_order = false")
    db.execute("SET TimeZone = 'UTC'")
    db.execute("CREATE TEMP MACRO base(path) AS split_part(path, '/', -1)")
    load(db, Site(folder))
    for statement in (SCENE + LONE).split(";\n"):
        if statement.strip():
            db.execute(filled(statement))
    found = db.execute(filled(FINDINGS)).fetchall()
    print(json.dumps(sorted([list(finding) for finding in found])))


main()
