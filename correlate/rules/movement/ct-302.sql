-- id: CT-302
-- title: First-ever destination
-- severity: info
-- attack: T1021, T1570
-- nhi: NHI5
-- maestro: L4
-- nist: SI-4
-- subject: workload and destination
-- reads: uses, suspicions
-- entity: workload
-- uses: first-ever
-- window: the workload's history, at least the minimum that the environment asks for
-- lateness: none
-- why: Workloads call the same few destinations for months; a new one after signs of an intruder is where they went.
-- blind_spots: Workloads with less than the minimum history; destinations that were called before.
-- benign: A release with a new dependency: declare it with [[allow]].
-- next: Did a release explain it, and what was done there?
SELECT
  concat(u.workload, ' to ', u.destination) AS entity,
  first_value(u.use_id ORDER BY u.first_time, u.use_id) AS anchor,
  CASE
    WHEN bool_or(u.destination_sensitive) THEN 'high'
    WHEN count(s.scope) > 0 THEN 'medium'
    ELSE 'info'
  END AS severity,
  CASE WHEN count(s.scope) > 0 THEN 'high' ELSE 'medium' END AS confidence,
  min(u.first_time) AS first_time,
  max(u.last_time) AS last_time,
  sum(u.count) AS count,
  array_agg(u.use_id ORDER BY u.first_time, u.use_id) AS use_ids,
  array_agg(s.signal_id ORDER BY u.first_time, u.use_id) AS signal_ids,
  concat('Never called before in ', max(u.history_secs) / 3600, ' hours of history, and not declared.',
    CASE WHEN count(s.scope) > 0 THEN chr(10) || 'Its own place showed an intruder before.' ELSE '' END) AS reason
FROM uses u
LEFT JOIN suspicions s ON s.scope = u.scope AND s.since <= u.first_time AND (s.until IS NULL OR u.first_time < s.until)
WHERE u.first_ever AND NOT u.declared AND u.let_in AND u.workload IS NOT NULL
GROUP BY u.workload, u.destination
