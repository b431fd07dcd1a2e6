-- id: CT-110
-- title: Renewal fork: a credential was renewed by two holders
-- severity: low
-- attack: T1550
-- nhi: NHI7
-- maestro: L4
-- nist: IA-5
-- subject: credential that renews itself
-- reads: uses
-- entity: subject
-- uses: denied, places
-- window: a day before the refusal
-- lateness: none
-- why: A credential that is renewed counts its generations. Whoever shows an older one than the issuer gave out last holds a copy:
--   somebody else has renewed it in the meantime.
-- blind_spots: Copies of credentials whose issuer keeps no such count; holders that the issuer's records do not place.
-- benign: A crash before the new credential was written, a restored snapshot, two programs on one machine that share its folder:
--   there is one place only, and this is no more than a hint.
-- next: From which machine did the older generation come, and what was the newer one used for?
WITH forks AS (
  -- Teleport: the issuer refuses and locks the bot; its record names the bot, or the bot's instance.
  SELECT coalesce(credential_id, subject) AS holder, use_id, first_time, last_time, count
  FROM uses
  WHERE action = 'cert.generation_mismatch' AND decision = 'deny' AND NOT let_in AND phase <> 'verify'
),
refused AS (
  SELECT holder, min(first_time) AS first_time, max(last_time) AS last_time
  FROM forks
  GROUP BY holder
),
held AS (
  SELECT r.holder, u.use_id, u.place_key, u.first_time
  FROM refused r
  JOIN uses u ON coalesce(u.credential_id, u.subject) = r.holder
  WHERE u.place_key IS NOT NULL AND u.phase <> 'verify'
    AND u.last_time >= r.first_time - INTERVAL '1 day' AND u.first_time <= r.last_time
),
places AS (
  SELECT holder, count(DISTINCT place_key) AS places, min(place_key) AS one, max(place_key) AS other
  FROM held
  GROUP BY holder
)
SELECT
  f.holder AS entity,
  first_value(f.use_id ORDER BY f.first_time, f.use_id) AS anchor,
  CASE WHEN max(p.places) > 1 THEN 'high' ELSE 'low' END AS severity,
  CASE WHEN max(p.places) > 1 THEN 'high' ELSE 'medium' END AS confidence,
  min(f.first_time) AS first_time,
  max(f.last_time) AS last_time,
  sum(f.count) AS count,
  array_agg(f.use_id ORDER BY f.first_time, f.use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat('A generation that was renewed before was shown ', sum(f.count), ' time(s), and refused.', chr(10),
    CASE
      WHEN max(p.places) > 1 THEN concat('Within a day it was held at ', max(p.places), ' places, such as ', max(p.one), ' and ', max(p.other), '.')
      ELSE 'No second place is known to hold it.'
    END) AS reason
FROM forks f
LEFT JOIN places p ON p.holder = f.holder
GROUP BY f.holder
