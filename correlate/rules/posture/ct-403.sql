-- id: CT-403
-- title: Required control is not enforcing
-- severity: low
-- attack: T1685, T1562.001
-- nhi: NHI6
-- maestro: L6
-- nist: CM-6
-- subject: workload and control
-- reads: signals, taints
-- entity: workload
-- signs: not-enforced
-- window: none
-- lateness: none
-- why: A control that only records lets the act pass that it was bought to stop.
-- blind_spots: Controls that are absent leave no record at all.
-- benign: A planned soak period: a dated [[exception]].
-- next: Since when is it not enforcing, and who changed it?
SELECT
  concat(coalesce(s.workload, s.scope), ' ', s.control) AS entity,
  first_value(s.signal_id ORDER BY s.event_time, s.signal_id) AS anchor,
  CASE WHEN count(t.scope) > 0 THEN 'high' ELSE 'low' END AS severity,
  'high' AS confidence,
  min(s.event_time) AS first_time,
  max(s.last_time) AS last_time,
  sum(s.count) AS count,
  CAST(NULL AS VARCHAR) AS use_ids,
  array_agg(s.signal_id ORDER BY s.event_time, s.signal_id) AS signal_ids,
  concat(s.control, ' is required for this workload and let ', sum(s.count), ' act(s) pass that it would have stopped.',
    CASE WHEN count(t.scope) > 0 THEN chr(10) || 'Some of them came after signs of an intruder.' ELSE '' END) AS reason
FROM signals s
LEFT JOIN (SELECT scope, min(from_time) AS from_time FROM taints GROUP BY scope) t
  ON t.scope = s.scope AND t.from_time <= s.last_time
WHERE s.kind = 'control_would_deny' AND s.required
GROUP BY coalesce(s.workload, s.scope), s.control
