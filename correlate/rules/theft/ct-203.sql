-- id: CT-203
-- title: Signs of an attacker's code, then use of the workload's identity
-- severity: medium
-- attack: T1190, T1059.004, T1078
-- nhi: NHI2
-- maestro: L3, L4
-- nist: IR-4
-- subject: pod or host
-- reads: taints, signals, uses
-- entity: scope
-- signs: strong
-- window: 30 minutes after a sign; a day without signs begins another finding
-- lateness: none
-- why: A shell under a server, a program run from a writable path or a killed system call shows that somebody else runs
--   code here; whatever the workload's identity does from then on may be theirs.
-- blind_spots: Code that runs inside the server process itself.
-- benign: Health checks and entry points: a command that three or more pods have been running for an hour is routine.
-- next: What did the intruder's processes read, and which destinations were new?
WITH timeline AS (
  SELECT scope, event_time AS time, last_time AS heard, NULL AS use_id, false AS new_or_sensitive
  FROM signals
  WHERE strong AND scope IS NOT NULL
  UNION ALL
  SELECT scope, first_time AS time, NULL AS heard, use_id,
    let_in AND ((first_ever AND NOT declared) OR action_sensitive) AS new_or_sensitive
  FROM uses
  WHERE scope IS NOT NULL AND phase <> 'verify'
    AND (place_match = 'mismatch' OR first_ever OR action_sensitive OR decision = 'deny')
),
followed AS (
  SELECT *, max(heard) OVER (PARTITION BY scope ORDER BY time, use_id NULLS FIRST
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS heard_before
  FROM timeline
),
used AS (
  SELECT t.scope, t.from_time, array_agg(f.use_id ORDER BY f.time, f.use_id) AS use_ids,
    bool_or(f.new_or_sensitive) AS new_or_sensitive
  FROM taints t
  JOIN followed f ON f.scope = t.scope AND f.time >= t.from_time AND f.time <= t.to_time + INTERVAL '30 minutes'
  WHERE f.use_id IS NOT NULL AND f.time <= f.heard_before + INTERVAL '30 minutes'
  GROUP BY t.scope, t.from_time
)
SELECT
  t.scope AS entity,
  t.signal_id AS anchor,
  CASE WHEN used.new_or_sensitive THEN 'high' ELSE 'medium' END AS severity,
  CASE WHEN used.new_or_sensitive OR t.count > 1 THEN 'high' ELSE 'medium' END AS confidence,
  t.from_time AS first_time,
  t.to_time AS last_time,
  t.count,
  used.use_ids,
  t.signal_ids,
  concat(t.why, '.',
    CASE
      WHEN used.new_or_sensitive THEN chr(10) || 'Within 30 minutes its identity reached a new destination or did something sensitive.'
      ELSE ''
    END) AS reason
FROM taints t
LEFT JOIN used ON used.scope = t.scope AND used.from_time = t.from_time
