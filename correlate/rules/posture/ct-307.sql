-- id: CT-307
-- title: Dormant identity used again
-- severity: medium
-- attack: T1078
-- nhi: NHI1
-- maestro: L6
-- nist: AC-2(3)
-- subject: workload and awakening
-- reads: uses
-- entity: workload
-- uses: awakened
-- window: the first hour after a rest that is longer than the environment's dormant_after, and three times its own longest
-- lateness: completeness of the sources that told of the workload
-- why: An identity that nobody needs any more is one that nobody misses: whoever finds its credential may use it for long.
-- blind_spots: Environments that declare no dormant_after; logs that are not declared complete, or were silent for a day and a half;
--   identities that were seen for less than the minimum history before they fell asleep.
-- benign: Cron, the end of a quarter, drills: whoever rested for a third as long before does so by habit. From the third
--   period on, that is known.
-- next: Who owns this identity, and who asked for this use?
SELECT
  concat(workload, ' after ', idle_secs, ' s') AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE WHEN bool_or(place_match = 'mismatch') THEN 'high' ELSE 'medium' END AS severity,
  'medium' AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat('Idle for ', idle_secs / 86400, ' days; its longest rest before was of ', max(longest_rest_secs) / 86400, ' days.') AS reason
FROM uses
WHERE idle_secs > 3 * greatest(longest_rest_secs, 129600) AND let_in AND phase <> 'verify'
GROUP BY workload, idle_secs
