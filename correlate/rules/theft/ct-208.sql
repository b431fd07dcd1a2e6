-- id: CT-208
-- title: Suspected use of a workload's identity in its own place
-- severity: medium
-- attack: T1078.004
-- nhi: NHI2
-- maestro: L4
-- nist: MANAGE 4.1
-- subject: pod
-- reads: taints, signals, uses
-- entity: scope
-- uses: first-ever, new-action, mismatch
-- signs: strong
-- window: 30 minutes after a sign; a day without signs begins another finding
-- lateness: completeness of the placement source
-- why: Whoever runs code in a workload needs no stolen credential: the workload's own, from its own address, opens
--   whatever it may open. Nothing is out of place then; only what it does is new.
-- blind_spots: What the workload does every day; a sudden rate, or an odd hour; hosts without pods, whose releases no
--   placement tells.
-- benign: A new version calls new destinations: pods that began less than an hour ago are left out. A credential that
--   is seen off its place is another finding's.
-- next: Was there a release that explains it, and what did the process with the shell connect to?
WITH timeline AS (
  SELECT scope, event_time AS time, last_time AS heard, NULL AS use_id, NULL AS off_place, NULL AS what, 0 AS acts
  FROM signals
  WHERE strong AND scope IS NOT NULL
  UNION ALL
  SELECT scope, first_time AS time, NULL AS heard, use_id, place_match = 'mismatch' AS off_place,
    CASE WHEN first_ever AND NOT declared THEN destination ELSE action END AS what, count AS acts
  FROM uses
  WHERE scope LIKE 'pod:%' AND phase <> 'verify'
    AND (place_match = 'mismatch'
      OR (place_match = 'match' AND let_in AND observed_pod_secs >= 3600
        AND (new_action OR (first_ever AND NOT declared))))
),
followed AS (
  SELECT *, max(heard) OVER (PARTITION BY scope ORDER BY time, use_id NULLS FIRST
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS heard_before
  FROM timeline
),
used AS (
  SELECT t.scope, t.from_time, array_agg(f.use_id ORDER BY f.time, f.use_id) AS use_ids,
    first_value(f.what ORDER BY f.time, f.use_id) AS what, min(f.time) AS first_time, max(f.time) AS last_time,
    sum(f.acts) AS acts, bool_or(f.off_place) AS off_place
  FROM taints t
  JOIN followed f ON f.scope = t.scope AND f.time >= t.from_time AND f.time <= t.to_time + INTERVAL '30 minutes'
  WHERE f.use_id IS NOT NULL AND f.time <= f.heard_before + INTERVAL '30 minutes'
  GROUP BY t.scope, t.from_time
)
SELECT
  t.scope AS entity,
  t.signal_id AS anchor,
  'medium' AS severity,
  'low' AS confidence,
  used.first_time,
  used.last_time,
  used.acts AS count,
  used.use_ids,
  t.signal_ids,
  concat('Suspected: ', used.what, ' is new for this workload, and came within 30 minutes of signs of an intruder in its own place.',
    chr(10), 'Nothing is off its place, and its pod is older than a release that would explain it.') AS reason
FROM taints t
JOIN used ON used.scope = t.scope AND used.from_time = t.from_time
WHERE NOT used.off_place
