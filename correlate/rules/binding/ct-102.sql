-- id: CT-102
-- title: Credential used off its bound pod
-- severity: medium
-- attack: T1528, T1550.001
-- nhi: NHI4
-- maestro: L4
-- nist: AC-4, IA-9
-- subject: credential and observed pod
-- reads: uses, suspicions
-- entity: credential
-- uses: mismatch
-- window: validity of the credential
-- lateness: completeness of the placement source
-- why: A token that was issued to one pod and comes from the address of another has been carried there.
-- blind_spots: Pods in the host network; two pods that share an address in the clocks' error.
-- benign: Reuse of an address inside the clocks' error is undetermined and does not fire; declared delegation.
-- next: What else did the observed pod call, and who created it?
WITH off AS (
  SELECT u.*,
    coalesce(u.credential_id, u.subject) AS credential,
    s.signal_id,
    CASE
      WHEN NOT u.let_in AND s.scope IS NOT NULL THEN 2
      WHEN NOT u.let_in THEN 1
      WHEN s.scope IS NOT NULL THEN 4
      WHEN u.action_sensitive OR u.destination_sensitive THEN 3
      ELSE 2
    END - CASE WHEN u.observed_workload = u.bound_workload AND u.let_in THEN 1 ELSE 0 END AS rank
  FROM uses u
  LEFT JOIN suspicions s ON s.scope = u.scope AND s.since <= u.first_time AND (s.until IS NULL OR u.first_time < s.until)
  WHERE u.pod_match = 'mismatch' AND u.match_grade >= 2 AND u.phase <> 'verify'
)
SELECT
  concat(credential, ' at pod:', observed_pod_uid) AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE max(rank) WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' ELSE 'low' END AS severity,
  CASE WHEN max(match_grade) >= 3 OR count(signal_id) > 0 THEN 'high' ELSE 'medium' END AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  array_agg(signal_id ORDER BY first_time, use_id) AS signal_ids,
  concat('Bound to pod ', max(bound_pod_uid), ', presented from pod ', observed_pod_uid, ' in ', sum(count), ' request(s).') AS reason
FROM off
GROUP BY credential, observed_pod_uid
