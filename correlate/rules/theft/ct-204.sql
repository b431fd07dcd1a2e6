-- id: CT-204
-- title: Metadata service called by an unexpected process, and the machine's credential used elsewhere
-- severity: high
-- attack: T1552.005
-- nhi: NHI6, NHI2
-- maestro: L4
-- nist: SC-7
-- subject: pod or host
-- reads: signals, uses
-- entity: host
-- uses: mismatch
-- signs: metadata
-- window: a day after a call, for credentials that were there when it was made; a day without calls begins another finding
-- lateness: completeness of the placement source
-- why: Whoever reaches the metadata service of a cloud is given the machine's own credential: through a forged request,
--   or from a container that has an identity of its own and needs no other.
-- blind_spots: A server that calls the service itself and is made to tell what it was given; sensors that do not watch
--   connections; credentials that no log ties to a machine, or that a service for containers hands to a pod; what an
--   intruder does with them on the machine itself (CT-203).
-- benign: Agents of the cloud, cloud-init, network plug-ins and SDKs ask for more than credentials, and all their lives:
--   without a use of the machine's credential off its place, nothing fires.
-- next: What was the caller asked to fetch, and may pods reach the metadata service at all?
WITH calls AS (
  SELECT host, scope, signal_id, event_time, last_time, count, exe, strong,
    max(last_time) OVER (PARTITION BY scope ORDER BY event_time, signal_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS called_before
  FROM signals
  WHERE kind = 'imds_access' AND unexpected AND scope IS NOT NULL AND host IS NOT NULL
    AND outcome NOT IN ('denied', 'killed', 'failed')
),
stretched AS (
  SELECT *,
    sum(CASE WHEN event_time <= called_before + INTERVAL '1 day' THEN 0 ELSE 1 END)
      OVER (PARTITION BY scope ORDER BY event_time, signal_id) AS stretch
  FROM calls
),
-- Of several calls that may have had a credential, an intruder's did; else the newest.
charged AS (
  SELECT c.scope, c.stretch, u.use_id, u.first_time, u.let_in, u.weak_delivery,
    row_number() OVER (PARTITION BY u.use_id ORDER BY c.strong DESC, c.event_time DESC, c.signal_id) AS choice
  FROM uses u
  JOIN stretched c ON c.host = u.bound_host
  WHERE u.place_match = 'mismatch' AND u.match_grade >= 2 AND u.phase <> 'verify'
    AND u.bound_instance IS NOT NULL AND u.bound_pod_uid IS NULL
    AND u.first_time >= c.event_time AND u.first_time <= c.last_time + INTERVAL '1 day'
    AND (u.valid_from IS NULL OR CAST(u.valid_from AS BIGINT) - u.skew_nanos <= CAST(c.last_time AS BIGINT))
),
used AS (
  SELECT scope, stretch, array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
    bool_or(let_in OR weak_delivery) AS is_grave, bool_or(weak_delivery) AS is_weak
  FROM charged
  WHERE choice = 1
  GROUP BY scope, stretch
),
places AS (
  SELECT scope, stretch, min(event_time) AS first_time, max(last_time) AS last_time, sum(count) AS count,
    first_value(signal_id ORDER BY event_time, signal_id) AS anchor,
    array_agg(signal_id ORDER BY event_time, signal_id) AS signal_ids,
    first_value(exe ORDER BY event_time, signal_id) AS exe
  FROM stretched
  GROUP BY scope, stretch
)
SELECT
  p.scope AS entity,
  p.anchor,
  CASE WHEN used.is_grave THEN 'critical' ELSE 'high' END AS severity,
  'high' AS confidence,
  p.first_time,
  p.last_time,
  p.count,
  used.use_ids,
  p.signal_ids,
  concat(coalesce(p.exe, 'A process'), ' called the metadata service, which it is not known to do.',
    chr(10) || 'A credential of this machine was then presented from elsewhere.',
    CASE
      WHEN used.is_weak THEN chr(10) || 'It came from the first version of the service, which answers a forged request.'
      ELSE ''
    END) AS reason
FROM places p
JOIN used ON used.scope = p.scope AND used.stretch = p.stretch
