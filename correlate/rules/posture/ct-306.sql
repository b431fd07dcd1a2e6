-- id: CT-306
-- title: Credential issued for longer than policy allows
-- severity: low
-- attack: T1098
-- nhi: NHI7
-- maestro: L6
-- nist: IA-5
-- subject: identity and kind of credential
-- reads: issues, suspicions
-- entity: subject
-- uses: overlong
-- window: none; a minute more than the policy allows is an issuer's grace
-- lateness: none
-- why: Whoever may ask for a long life of a credential has one to take along. An intruder asks for it first.
-- blind_spots: Issuing records that tell no lifetime (a TokenRequest at level Metadata); kinds without a `max_ttl`;
--   minters that belong to a host and not to a pod; renewals.
-- benign: Kubernetes extends the tokens of pods to a year by itself: what was asked for counts. A dated [[exception]].
-- next: Who asked for it, and does the issuer bound what may be asked for?
WITH minted AS (
  SELECT i.*, coalesce(i.subject, i.credential_id) AS identity, s.signal_id, s.scope IS NOT NULL AS is_tainted
  FROM issues i
  LEFT JOIN suspicions s ON s.scope = i.minter_scope AND s.since <= i.issue_time
    AND (s.until IS NULL OR i.issue_time < s.until)
)
SELECT
  concat(identity, ' ', credential_kind, CASE WHEN is_tainted THEN ' minted by an intruder' ELSE '' END) AS entity,
  first_value(issue_id ORDER BY issue_time, issue_id) AS anchor,
  CASE WHEN is_tainted THEN 'high' ELSE 'low' END AS severity,
  'high' AS confidence,
  min(issue_time) AS first_time,
  max(issue_time) AS last_time,
  count(*) AS count,
  array_agg(issue_id ORDER BY issue_time, issue_id) AS use_ids,
  array_agg(signal_id ORDER BY issue_time, issue_id) AS signal_ids,
  concat(count(*), ' credential(s) of ', identity, ' were issued for up to ', max(ttl_secs), ' s',
    CASE WHEN max(granted_ttl_secs) > max(ttl_secs) THEN concat(', and live up to ', max(granted_ttl_secs), ' s') ELSE '' END,
    '; at most ', max(max_ttl_secs), ' s are allowed for ', credential_kind, '.',
    CASE WHEN is_tainted THEN chr(10) || 'The place of whoever asked for it showed an intruder before.' ELSE '' END) AS reason
FROM minted
GROUP BY identity, credential_kind, is_tainted
