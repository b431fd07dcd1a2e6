-- id: CT-305
-- title: Long-lived or static credential in use
-- severity: low
-- attack: T1552.001
-- nhi: NHI7
-- maestro: L6
-- nist: IA-5(1)
-- subject: credential
-- reads: uses
-- entity: credential
-- uses: lasting
-- window: none; a minute more than the policy allows is an issuer's grace
-- lateness: none
-- why: A credential that does not end soon is worth stealing, and stays stolen.
-- blind_spots: Credentials whose lifetime is not recorded; lifetimes that no policy bounds.
-- benign: Vendors without federation: a dated [[exception]].
-- next: Who owns it, and what would it take to replace it with a short-lived one?
SELECT
  credential_id AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE WHEN bool_or(action_sensitive AND let_in) THEN 'high' ELSE 'low' END AS severity,
  'high' AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  CASE
    WHEN bool_or(is_static) THEN 'It has no end of validity.'
    ELSE concat('It lives ', max(ttl_secs), ' s; at most ', max(max_ttl_secs), ' s are allowed for its kind.')
  END AS reason
FROM uses
WHERE credential_id IS NOT NULL AND phase <> 'verify' AND (is_static OR ttl_secs > max_ttl_secs + 60)
GROUP BY credential_id
