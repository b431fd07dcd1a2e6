-- id: CT-301
-- title: Lateral probing
-- severity: medium
-- attack: T1046, T1018, T1210
-- nhi: NHI5
-- maestro: L4
-- nist: AC-4, SC-7
-- subject: workload or address
-- reads: uses
-- entity: workload
-- uses: denied, first-ever
-- crowd: 300
-- window: 5 minutes
-- lateness: none
-- why: A workload knows where it may go; one that is refused at three or more destinations in five minutes is looking around.
-- blind_spots: Slow probing; destinations that log no refusals.
-- benign: A policy rollout refuses many subjects at once, a retry loop asks one destination again and again: a destination
--   that refuses three or more subjects in the same five minutes, and bursts of more than twenty refusals per
--   destination and action, do not count.
-- next: Was anything allowed afterwards, and what runs in that workload?
WITH denied AS (
  SELECT coalesce(workload, subject, concat('address:', src_addr)) AS who, destination, action, use_id,
    first_time, last_time, count
  FROM uses
  WHERE decision = 'deny' AND NOT let_in AND phase <> 'verify'
    AND coalesce(workload, subject, src_addr) IS NOT NULL
),
crowded AS (
  SELECT destination, date_bin(INTERVAL '5 minutes', first_time) AS bin
  FROM denied
  GROUP BY destination, date_bin(INTERVAL '5 minutes', first_time)
  HAVING count(DISTINCT who) >= 3
),
lone AS (
  SELECT d.*
  FROM denied d
  LEFT JOIN crowded c ON c.destination = d.destination AND c.bin = date_bin(INTERVAL '5 minutes', d.first_time)
  WHERE c.destination IS NULL
),
bursts AS (
  SELECT a.who, a.use_id AS anchor, a.first_time,
    count(DISTINCT b.destination) AS destinations, count(DISTINCT concat(b.destination, ' ', b.action)) AS actions
  FROM lone a
  JOIN lone b ON b.who = a.who AND b.first_time >= a.first_time AND b.first_time <= a.first_time + INTERVAL '5 minutes'
  GROUP BY a.who, a.use_id, a.first_time
  HAVING (count(DISTINCT b.destination) >= 3 OR count(DISTINCT concat(b.destination, ' ', b.action)) >= 10)
    AND sum(b.count) <= 20 * count(DISTINCT concat(b.destination, ' ', b.action))
),
started AS (
  SELECT who, first_value(anchor ORDER BY first_time, anchor) AS anchor, min(first_time) AS first_time,
    max(destinations) AS destinations, max(actions) AS actions
  FROM bursts
  GROUP BY who
),
shown AS (
  SELECT s.who, d.use_id, d.first_time, d.last_time, d.count, false AS let_in
  FROM started s
  JOIN lone d ON d.who = s.who AND d.first_time >= s.first_time AND d.first_time <= s.first_time + INTERVAL '5 minutes'
  UNION ALL
  SELECT s.who, u.use_id, u.first_time, u.last_time, u.count, true AS let_in
  FROM started s
  JOIN uses u ON coalesce(u.workload, u.subject, concat('address:', u.src_addr)) = s.who
  WHERE u.let_in AND u.first_ever AND NOT u.declared AND u.phase <> 'verify' AND u.first_time >= s.first_time
    AND u.first_time <= s.first_time + INTERVAL '30 minutes'
),
told AS (
  SELECT who, array_agg(use_id ORDER BY first_time, use_id) AS use_ids, max(last_time) AS last_time,
    sum(count) FILTER (WHERE NOT let_in) AS count, bool_or(let_in) AS let_in
  FROM shown
  GROUP BY who
)
SELECT
  s.who AS entity,
  s.anchor,
  CASE WHEN told.let_in THEN 'high' ELSE 'medium' END AS severity,
  'medium' AS confidence,
  s.first_time,
  told.last_time,
  told.count,
  told.use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat('Refused at ', s.destinations, ' destination(s) for ', s.actions, ' different action(s) within five minutes.',
    CASE WHEN told.let_in THEN chr(10) || 'A destination that it never called before was then allowed.' ELSE '' END) AS reason
FROM started s
JOIN told ON told.who = s.who
