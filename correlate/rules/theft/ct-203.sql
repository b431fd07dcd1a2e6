-- id: CT-203
-- title: Signs of an attacker's code, then use of the workload's identity
-- severity: medium
-- attack: T1190, T1059.004, T1078
-- nhi: NHI2
-- maestro: L3, L4
-- nist: IR-4
-- subject: pod or host
-- reads: taints, signals, uses
-- entity: scope
-- signs: strong
-- window: 30 minutes after a sign; a day without signs begins another finding
-- lateness: none
-- why: A shell under a server, a program run from a writable path or a killed system call shows that somebody else runs
--   code here; whatever the workload's identity does from then on may be theirs.
-- blind_spots: Code that runs inside the server process itself.
-- benign: Health checks and entry points: a command that three or more pods have been running for an hour is routine.
-- next: What did the intruder's processes read, and which destinations were new?
WITH soon AS (
  SELECT DISTINCT t.scope, t.from_time, u.use_id, u.first_time,
    u.decision = 'allow' AND ((u.first_ever AND NOT u.declared) OR u.action_sensitive) AS new_or_sensitive
  FROM taints t
  JOIN signals s ON s.scope = t.scope AND s.event_time >= t.from_time AND s.event_time <= t.to_time
  JOIN uses u ON u.scope = s.scope AND u.first_time >= s.event_time AND u.first_time <= s.last_time + INTERVAL '30 minutes'
  WHERE s.strong AND u.phase <> 'verify'
    AND (u.place_match = 'mismatch' OR u.first_ever OR u.action_sensitive OR u.decision = 'deny')
),
used AS (
  SELECT scope, from_time, array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
    bool_or(new_or_sensitive) AS new_or_sensitive
  FROM soon
  GROUP BY scope, from_time
)
SELECT
  t.scope AS entity,
  t.signal_id AS anchor,
  CASE WHEN used.new_or_sensitive THEN 'high' ELSE 'medium' END AS severity,
  CASE WHEN used.new_or_sensitive OR t.count > 1 THEN 'high' ELSE 'medium' END AS confidence,
  t.from_time AS first_time,
  t.to_time AS last_time,
  t.count,
  used.use_ids,
  t.signal_ids,
  concat(t.why, '.',
    CASE
      WHEN used.new_or_sensitive THEN chr(10) || 'Within 30 minutes its identity reached a new destination or did something sensitive.'
      ELSE ''
    END) AS reason
FROM taints t
LEFT JOIN used ON used.scope = t.scope AND used.from_time = t.from_time
