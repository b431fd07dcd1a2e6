-- id: CT-107
-- title: Credential that was never issued
-- severity: critical
-- attack: T1606, T1552.004, T1649
-- nhi: NHI4
-- maestro: L6
-- nist: IA-5(14)
-- subject: credential
-- reads: uses
-- entity: credential
-- uses: unissued
-- window: from the earliest moment at which an honest credential can have been made (its `iat`, or the issuer's max_age
--   before it was shown) until it was shown, give or take the clocks
-- lateness: the issuer's logs, which must be heard until after the use
-- why: A credential that passes every check and that its issuer never made, or made for somebody else, was made with the issuer's key: by whoever has
--   that, for any identity and for any time.
-- blind_spots: Issuers that are not declared with [[issuer]], or whose logs are not declared complete, were silent for a
--   quarter of an hour, or name credentials otherwise than those who accept them; an issuer that is made to issue; keys that
--   nobody published; claims other than the subject that differ from what was issued under the same id.
-- benign: A log that began after the credential was made, or has a gap, says nothing. Issuing records that could not be read
--   are among the dead letters. A holder that shows a credential for longer than the issuer's max_age, and an audit policy
--   that leaves out some issuing, make the declaration wrong, not the credential.
-- next: Who can sign with that issuer's key? Until it is replaced, whatever is accepted by it proves nothing.
SELECT
  credential_id AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  'critical' AS severity,
  'high' AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat(sum(count), ' request(s) were let in with a credential that ', min(never_issued_by), ' never made.', chr(10),
    CASE
      WHEN count(issued_to) > 0 THEN concat('What it made under this id is for ', min(issued_to), '.')
      ELSE concat('An honest one would have been made after ', CAST(min(issuable_since) AS VARCHAR),
        '; since then every log that tells of its credentials is complete, and none tells of this one.')
    END) AS reason
FROM uses
WHERE never_issued_by IS NOT NULL AND credential_id IS NOT NULL AND phase <> 'verify' AND decision = 'allow'
GROUP BY credential_id
