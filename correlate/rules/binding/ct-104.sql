-- id: CT-104
-- title: Credential in use at two places at once
-- severity: high
-- attack: T1550
-- nhi: NHI9
-- maestro: L4
-- nist: SC-23
-- subject: credential
-- reads: uses
-- entity: credential
-- uses: places
-- window: validity of the credential
-- lateness: completeness of the placement source
-- why: One credential that goes back and forth between two hosts has two holders.
-- blind_spots: A thief who takes over for good (one hand-over looks like a move); places behind one translated address.
-- benign: Load balancing across a declared way out; one SVID shared by pods of one host; dual stack. A key without end
--   that is bound to no place is shared by design more often than stolen: then this is no more than a hint. So is it where
--   replicas of one workload show one certificate that is no SVID, as they do that mount it from one secret.
-- next: Which of the two places is the one that it was issued to?
WITH divided AS (
  SELECT credential_id
  FROM uses
  WHERE credential_id IS NOT NULL AND phase <> 'verify'
  GROUP BY credential_id
  HAVING min(place_key) <> max(place_key)
),
seen AS (
  SELECT credential_id, place_key, use_id, first_time, last_time, observation_grade,
    is_static AND binding_grade < 2 AS is_loose,
    -- An SVID is issued to one agent; of other certificates only a record of its issue could tell.
    coalesce(credential_kind = 'x509' AND bound_host IS NULL AND bound_pod_uid IS NULL AND binding_grade >= 2
      AND place_match <> 'mismatch' AND observed_pod_uid IS NOT NULL AND observed_workload IS NOT NULL, false) AS is_own,
    lag(place_key) OVER (PARTITION BY credential_id ORDER BY first_time, use_id) AS place_before
  FROM uses
  WHERE credential_id IN (SELECT credential_id FROM divided) AND place_key IS NOT NULL AND phase <> 'verify'
)
SELECT
  credential_id AS entity,
  first_value(use_id ORDER BY first_time, use_id) FILTER (WHERE place_before <> place_key) AS anchor,
  CASE WHEN bool_and(is_loose) OR bool_and(is_own) THEN 'low' ELSE 'high' END AS severity,
  CASE
    WHEN bool_and(is_loose) OR bool_and(is_own) THEN 'low'
    WHEN min(observation_grade) >= 3 THEN 'high'
    ELSE 'medium'
  END AS confidence,
  min(first_time) FILTER (WHERE place_before <> place_key) AS first_time,
  max(last_time) FILTER (WHERE place_before <> place_key) AS last_time,
  count(*) FILTER (WHERE place_before <> place_key) AS count,
  array_agg(use_id ORDER BY first_time, use_id) FILTER (WHERE place_before IS NULL OR place_before <> place_key) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat('Went back and forth between ', count(DISTINCT place_key), ' places ',
    count(*) FILTER (WHERE place_before <> place_key), ' times: ',
    min(place_key), ' and ', max(place_key), '.',
    CASE WHEN bool_and(is_own) THEN concat(chr(10), 'All of them run the workload that it belongs to, and nothing says that it is for one of them only.') ELSE '' END
  ) AS reason
FROM seen
GROUP BY credential_id
HAVING count(*) FILTER (WHERE place_before <> place_key) >= 2
