-- id: CT-101
-- title: Credential used off its bound host
-- severity: medium
-- attack: T1550.001, T1078.004
-- nhi: NHI2, NHI4
-- maestro: L4
-- nist: MEASURE 2.7, IA-9, SC-23
-- subject: credential and observed place
-- reads: uses, suspicions
-- entity: credential
-- uses: mismatch
-- window: validity of the credential
-- lateness: completeness of the placement source
-- why: A credential that is bound to one host and presented from another, or from outside, has left its owner.
-- blind_spots: Theft and use on one host; use through the owner itself as a proxy; addresses that no placement
--   source knows; ways out of an address space that are not declared.
-- benign: Undeclared NAT, proxies and private endpoints; migration that the placement source has not told.
-- next: Which process on the bound host read the credential, and is the credential still valid?
WITH off AS (
  SELECT u.*,
    coalesce(u.credential_id, u.subject) AS credential,
    coalesce('host:' || u.observed_host, 'address:' || u.src_addr) AS place,
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
  WHERE u.host_match = 'mismatch' AND u.match_grade >= 2 AND u.phase <> 'verify'
)
SELECT
  concat(credential, ' at ', place) AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE max(rank) WHEN 4 THEN 'critical' WHEN 3 THEN 'high' WHEN 2 THEN 'medium' ELSE 'low' END AS severity,
  CASE WHEN max(match_grade) >= 3 OR count(signal_id) > 0 THEN 'high' ELSE 'medium' END AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  array_agg(signal_id ORDER BY first_time, use_id) AS signal_ids,
  concat('Seen from ', place, ' in ', sum(count), ' request(s), ',
    sum(CASE WHEN let_in THEN count ELSE 0 END), ' of them let in.',
    CASE WHEN count(signal_id) > 0 THEN chr(10) || 'The place that it belongs to showed an intruder before.' ELSE '' END) AS reason
FROM off
GROUP BY credential, place
