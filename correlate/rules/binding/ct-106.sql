-- id: CT-106
-- title: Credential used after its revocation or its owner's end
-- severity: high
-- attack: T1078
-- nhi: NHI1
-- maestro: L6
-- nist: MANAGE 2.4, AC-2, IA-5
-- subject: credential
-- reads: uses
-- entity: credential
-- uses: ended
-- window: after the end, beyond clock errors and the time in which verifiers learn of it: 3 min for a pod, 5 min for a
--   revocation, 1 h for a machine
-- lateness: none
-- why: Who is gone asks for nothing. A pod's token that is accepted when the pod is no more, or a key that was taken away,
--   is in somebody else's hands, and the verifier did not find out.
-- blind_spots: Ends that no record tells; pods of which only the request to delete them is recorded; keys that were only
--   switched off, while their source is not declared complete; locks; entries and agents of SPIRE; whole accounts, and
--   sessions ended by a policy.
-- benign: The grace in which a pod stops; answers that a verifier remembers for a while; what a cloud service does on
--   behalf of whoever has gone; tokens that are checked by signature alone are accepted by design, and still are nobody's.
-- next: Who presented it, and can that verifier be made to ask whether the owner still lives?
SELECT
  credential_id AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE WHEN bool_or(checks_liveness) THEN 'critical' ELSE 'high' END AS severity,
  CASE WHEN bool_and(ended_by = 'host') THEN 'medium' ELSE 'high' END AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat(
    CASE min(ended_by)
      WHEN 'revocation' THEN 'The credential was revoked'
      WHEN 'pod' THEN concat('Its pod ', coalesce(min(bound_pod_uid), ''), ' was gone')
      ELSE concat('Its machine ', coalesce(min(bound_host), ''), ' was gone')
    END,
    ' at ', CAST(min(ended_at) AS VARCHAR), '; ', sum(count), ' request(s) were accepted after that, the first one ',
    min(CAST(first_time AS BIGINT) - CAST(ended_at AS BIGINT)) / 1000000000, ' s later.', chr(10),
    CASE
      WHEN bool_or(checks_liveness) THEN 'A verifier that asks whether it still lives let it in.'
      ELSE 'The verifier does not check liveness: it looks at the credential alone.'
    END) AS reason
FROM uses
WHERE credential_id IS NOT NULL AND phase <> 'verify' AND let_in AND addr_quality <> 'service'
  AND CAST(first_time AS BIGINT) > CAST(ended_at AS BIGINT) + end_grace_nanos
GROUP BY credential_id
