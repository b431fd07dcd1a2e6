-- id: CT-108
-- title: Credential shown to a destination that it is not meant for
-- severity: medium
-- attack: T1550.001
-- nhi: NHI4, NHI8
-- maestro: L4
-- nist: IA-9
-- subject: identity and destination
-- reads: uses, suspicions
-- entity: subject
-- uses: audience
-- window: none
-- lateness: none
-- why: A token names whom it is for. One that is let in elsewhere can be replayed by anybody who was ever shown it; one
--   that is tried elsewhere, from a place that is not its own or that shows an intruder, is being tried out.
-- blind_spots: Tokens whose audiences no record tells; destinations of which no `audiences` are declared; issuers.
-- benign: Several audiences in one token, or several names of one destination: one in common is enough. A deployment that
--   asks for the wrong audience is refused, in its own place, and is left out.
-- next: Who else was shown this token, and why does the destination not check its audience?
WITH misused AS (
  SELECT u.*, coalesce(u.subject, u.credential_id) AS identity, s.signal_id,
    (u.place_match = 'mismatch' AND u.match_grade >= 2) OR s.scope IS NOT NULL AS elsewhere
  FROM uses u
  LEFT JOIN suspicions s ON s.scope = u.scope AND s.since <= u.first_time AND (s.until IS NULL OR u.first_time < s.until)
  WHERE u.audience_match = 'mismatch' AND u.phase <> 'verify'
)
SELECT
  concat(identity, ' to ', destination) AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE WHEN bool_or(let_in) THEN 'high' ELSE 'medium' END AS severity,
  CASE WHEN bool_or(elsewhere) THEN 'high' ELSE 'medium' END AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  array_agg(signal_id ORDER BY first_time, use_id) AS signal_ids,
  concat('Meant for ', first_value(audiences ORDER BY first_time, use_id), ', and shown to ',
    destination, ' in ', sum(count), ' request(s), ',
    sum(CASE WHEN let_in THEN count ELSE 0 END), ' of them let in.') AS reason
FROM misused
WHERE let_in OR (decision = 'deny' AND elsewhere)
GROUP BY identity, destination
