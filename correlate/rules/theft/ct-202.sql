-- id: CT-202
-- title: Memory of a process read, then its credential used
-- severity: low
-- attack: T1003.007, T1055.008
-- nhi: NHI2
-- maestro: L4
-- nist: SI-4
-- subject: pod or host
-- reads: signals, uses
-- entity: scope
-- signs: memory-read
-- window: 30 minutes after the first read; for uses off their place, as long as the credential is valid
-- lateness: none
-- why: Keys and tokens that never touch a file are taken from memory.
-- blind_spots: Sensors that do not watch ptrace, process_vm_readv and /proc/PID/mem.
-- benign: Debuggers, profilers, crash handlers: without an intruder's lineage and without a use off its place, nothing fires.
-- next: Which credentials did the target process hold, and which of them are still valid?
WITH reads AS (
  SELECT scope, signal_id, event_time, last_time, count, exe, target, strong
  FROM signals
  WHERE kind = 'memory_read' AND scope IS NOT NULL AND outcome NOT IN ('denied', 'killed', 'failed')
),
places AS (
  SELECT scope, min(event_time) AS first_time, max(last_time) AS last_time, sum(count) AS count,
    bool_or(strong) AS strong,
    first_value(signal_id ORDER BY event_time, signal_id) AS anchor,
    array_agg(signal_id ORDER BY event_time, signal_id) AS signal_ids,
    first_value(exe ORDER BY event_time, signal_id) AS exe,
    first_value(target ORDER BY event_time, signal_id) AS target
  FROM reads
  GROUP BY scope
),
used AS (
  SELECT p.scope,
    array_agg(u.use_id ORDER BY u.place_match, u.first_time, u.use_id) AS use_ids,
    bool_or(u.place_match = 'mismatch') AS carried_off,
    count(*) AS uses
  FROM places p
  JOIN uses u ON u.scope = p.scope AND u.first_time >= p.first_time
  WHERE u.phase <> 'verify'
    AND (u.place_match = 'mismatch' OR u.first_time <= p.first_time + INTERVAL '30 minutes')
  GROUP BY p.scope
)
SELECT
  p.scope AS entity,
  p.anchor,
  CASE WHEN used.carried_off THEN 'critical' WHEN used.uses > 0 THEN 'medium' ELSE 'low' END AS severity,
  CASE WHEN used.carried_off THEN 'high' ELSE 'medium' END AS confidence,
  p.first_time,
  p.last_time,
  p.count,
  used.use_ids,
  p.signal_ids,
  concat(coalesce(p.exe, 'A process'), ' read the memory of ', coalesce(p.target, 'another process'), '.',
    CASE
      WHEN used.carried_off THEN chr(10) || 'A credential of this place was then presented from elsewhere.'
      WHEN used.uses > 0 THEN chr(10) || 'A credential of this place was used within 30 minutes.'
      ELSE chr(10) || 'No use of a credential of this place was seen afterwards.'
    END) AS reason
FROM places p
LEFT JOIN used ON used.scope = p.scope
WHERE p.strong OR used.carried_off
