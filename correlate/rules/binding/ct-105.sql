-- id: CT-105
-- title: Credential used outside its validity
-- severity: high
-- attack: T1550.001
-- nhi: NHI1, NHI7
-- maestro: L6
-- nist: IA-5
-- subject: credential and decision
-- reads: uses
-- entity: credential
-- uses: outside-validity
-- window: after the end, or before the start, of validity, beyond clock error and the verifiers' leeway of 60 s
-- lateness: none
-- why: An accepted use outside validity means that the verifier does not check; a refused one from a foreign place
--   is a thief who came too late.
-- blind_spots: Credentials whose end is not recorded.
-- benign: A client that retries once or twice after a sleep: fewer than five refused uses from its own place are left out.
-- next: Which verifier accepted it, and does it check expiry at all?
WITH outside AS (
  SELECT *, CASE WHEN let_in THEN 'allow' ELSE CAST(decision AS VARCHAR) END AS decided,
    CAST(first_time AS BIGINT) > CAST(valid_to AS BIGINT) + skew_nanos AS too_late
  FROM uses
  WHERE credential_id IS NOT NULL AND phase <> 'verify'
    AND (CAST(first_time AS BIGINT) > CAST(valid_to AS BIGINT) + skew_nanos
      OR CAST(first_time AS BIGINT) < CAST(valid_from AS BIGINT) - skew_nanos)
)
SELECT
  concat(credential_id, ' ', decided) AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE
    WHEN decided = 'allow' THEN 'high'
    WHEN bool_or(place_match = 'mismatch') THEN 'medium'
    ELSE 'info'
  END AS severity,
  'high' AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat(sum(count), ' request(s) ', CASE WHEN bool_or(too_late) THEN 'after its end' ELSE 'before its start' END,
    CASE decided WHEN 'allow' THEN ' were accepted.' WHEN 'deny' THEN ' were refused.' ELSE ' came to nothing.' END) AS reason
FROM outside
GROUP BY credential_id, decided
HAVING decided = 'allow' OR bool_or(place_match = 'mismatch') OR sum(count) >= 5
