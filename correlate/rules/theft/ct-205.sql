-- id: CT-205
-- title: Escape to a host, then another identity of that host
-- severity: high
-- attack: T1611, T1068
-- nhi: NHI5
-- maestro: L4
-- nist: CM-7
-- subject: host
-- reads: signals, uses
-- entity: host
-- uses: mismatch, first-ever, new-action
-- signs: escape
-- window: 30 minutes after an escape; a day for credentials off their pod; a day without escapes begins another finding
-- lateness: completeness of the placement source
-- why: Whoever left a container holds its host, and with it the node's own identity and the credentials of all its pods.
-- blind_spots: What the node's identity and the other pods do every day; uses off the host (CT-101, CT-204); sensors
--   that do not see the escape.
-- benign: Node agents that enter their host by design have done so before; upgrades and migrations of other pods: what
--   they are declared for, and what they always did, does not count.
-- next: Which credentials were on that host, and who may replace them all?
WITH escapes AS (
  SELECT host, scope, pod_uid, workload, signal_id, event_time, last_time, count, exe,
    max(last_time) OVER (PARTITION BY host ORDER BY event_time, signal_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS left_before
  FROM signals
  WHERE kind IN ('escape', 'privilege_gain') AND strong AND unexpected AND host IS NOT NULL
    AND outcome NOT IN ('denied', 'killed', 'failed')
),
stretched AS (
  SELECT *,
    sum(CASE WHEN event_time <= left_before + INTERVAL '1 day' THEN 0 ELSE 1 END)
      OVER (PARTITION BY host ORDER BY event_time, signal_id) AS stretch
  FROM escapes
),
taken AS (
  SELECT DISTINCT e.host, e.stretch, u.use_id, u.first_time, u.let_in,
    u.pod_match = 'mismatch' AS carried_off
  FROM uses u
  JOIN stretched e ON e.host = u.bound_host
  WHERE u.host_match = 'match' AND u.phase <> 'verify' AND u.first_time >= e.event_time
    AND (e.pod_uid IS NULL OR (u.scope IS DISTINCT FROM e.scope))
    AND CASE
      WHEN u.pod_match = 'mismatch' THEN u.match_grade >= 2 AND u.first_time <= e.last_time + INTERVAL '1 day'
      ELSE (u.new_action OR (u.first_ever AND NOT u.declared)) AND (u.workload IS DISTINCT FROM e.workload)
        AND u.first_time <= e.last_time + INTERVAL '30 minutes'
    END
),
used AS (
  SELECT host, stretch, array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
    bool_or(let_in) AS let_in, bool_or(carried_off) AS carried_off
  FROM taken
  GROUP BY host, stretch
),
hosts AS (
  SELECT host, stretch, min(event_time) AS first_time, max(last_time) AS last_time, sum(count) AS count,
    first_value(signal_id ORDER BY event_time, signal_id) AS anchor,
    array_agg(signal_id ORDER BY event_time, signal_id) AS signal_ids,
    first_value(exe ORDER BY event_time, signal_id) AS exe
  FROM stretched
  GROUP BY host, stretch
)
SELECT
  concat('host:', h.host) AS entity,
  h.anchor,
  CASE WHEN used.let_in THEN 'critical' ELSE 'high' END AS severity,
  CASE WHEN used.carried_off THEN 'high' ELSE 'medium' END AS confidence,
  h.first_time,
  h.last_time,
  h.count,
  used.use_ids,
  h.signal_ids,
  concat(coalesce(h.exe, 'A process'), ' got hold of the host.',
    CASE
      WHEN used.carried_off THEN chr(10) || 'A credential of another pod of that host was then presented from there, not from its pod.'
      ELSE chr(10) || 'Another identity of that host then did what it had never done.'
    END,
    CASE WHEN used.let_in THEN '' ELSE chr(10) || 'It was refused.' END) AS reason
FROM hosts h
JOIN used ON used.host = h.host AND used.stretch = h.stretch
