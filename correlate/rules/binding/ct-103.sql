-- id: CT-103
-- title: Identity presented by another workload
-- severity: medium
-- attack: T1550.001, T1199
-- nhi: NHI4, NHI9
-- maestro: L7
-- nist: IA-9, SC-23
-- subject: identity and presenting workload
-- reads: uses, suspicions
-- entity: subject
-- uses: presenter, mismatch
-- window: one minute of uses
-- lateness: completeness of the placement source
-- why: A certificate names one workload, and whoever recorded the connection, or a placement, says that another one made
--   it: its private key has been carried there.
-- blind_spots: A thief in the same namespace, where only the recorder's own lookup is known: names of accounts and
--   of workloads need not agree. A client's proxy that tells the thief's story in a header.
-- benign: Gateways, waypoints and brokers that are not declared as delegation; an address that was given to another pod
--   a moment ago, which the recorder's lookup had not noticed yet.
-- next: Which process on the presenting workload holds the key, and where was that certificate issued?
WITH off AS (
  SELECT u.*,
    coalesce(u.subject, u.credential_id) AS identity,
    coalesce(u.lookup_workload, u.observed_workload, concat('address:', u.src_addr)) AS presented_by,
    u.place_match = 'mismatch' AND u.match_grade >= 2 AS placed_elsewhere,
    s.signal_id,
    CASE
      WHEN NOT u.let_in AND s.scope IS NOT NULL THEN 2
      WHEN NOT u.let_in THEN 1
      WHEN s.scope IS NOT NULL THEN 4
      WHEN u.action_sensitive OR u.destination_sensitive THEN 3
      ELSE 2
    END AS rank
  FROM uses u
  LEFT JOIN suspicions s ON s.scope = u.scope AND s.since <= u.first_time AND (s.until IS NULL OR u.first_time < s.until)
  WHERE u.phase <> 'verify'
    AND (u.lookup_workload IS NOT NULL
      OR (u.place_match = 'mismatch' AND u.host_match = 'undetermined' AND u.pod_match = 'undetermined'
        AND u.match_grade >= 2))
)
SELECT
  concat(identity, ' by ', presented_by) AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE max(rank) WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' ELSE 'low' END AS severity,
  CASE
    WHEN count(signal_id) > 0 OR bool_or(placed_elsewhere AND lookup_workload IS NOT NULL) THEN 'high'
    WHEN bool_and(place_match = 'match') THEN 'low'
    ELSE 'medium'
  END AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  array_agg(signal_id ORDER BY first_time, use_id) AS signal_ids,
  concat(presented_by, ' presented it in ', sum(count), ' request(s), ',
    CASE
      WHEN count(lookup_workload) = 0 THEN 'by the address that it came from.'
      WHEN bool_or(placed_elsewhere) THEN 'by the recorder''s own lookup and by its address.'
      ELSE 'by the recorder''s own lookup.'
    END) AS reason
FROM off
GROUP BY identity, presented_by
