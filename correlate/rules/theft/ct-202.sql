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
-- with: strong, mismatch
-- window: 30 minutes after a read; for uses off their place, until a later theft; a day without reads begins another finding
-- lateness: none
-- why: Keys and tokens that never touch a file are taken from memory.
-- blind_spots: Sensors that do not watch ptrace, process_vm_readv and /proc/PID/mem.
-- benign: Debuggers, profilers, crash handlers: without an intruder's lineage and without a use off its place, nothing fires.
-- next: Which credentials did the target process hold, and which of them are still valid?
WITH reads AS (
  SELECT scope, signal_id, event_time, last_time, count, exe, target, strong,
    -- A control spoke of it, and nobody knows whether it was in force.
    outcome = 'unknown' AND control NOT IN ('none', 'dac', 'unknown') AS is_open,
    max(last_time) OVER (PARTITION BY scope ORDER BY event_time, signal_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS read_before
  FROM signals
  WHERE kind = 'memory_read' AND scope IS NOT NULL AND outcome NOT IN ('denied', 'killed', 'failed')
),
stretched AS (
  SELECT *,
    sum(CASE WHEN event_time <= read_before + INTERVAL '1 day' THEN 0 ELSE 1 END)
      OVER (PARTITION BY scope ORDER BY event_time, signal_id) AS stretch
  FROM reads
),
places AS (
  SELECT scope, stretch, min(event_time) AS first_time, max(last_time) AS last_time, sum(count) AS count,
    bool_or(strong) AS strong,
    bool_and(is_open) AS is_open,
    first_value(signal_id ORDER BY event_time, signal_id) AS anchor,
    array_agg(signal_id ORDER BY event_time, signal_id) AS signal_ids,
    first_value(exe ORDER BY event_time, signal_id) AS exe,
    first_value(target ORDER BY event_time, signal_id) AS target
  FROM stretched
  GROUP BY scope, stretch
),
spans AS (
  SELECT *, lead(first_time) OVER (PARTITION BY scope ORDER BY stretch) AS next_time
  FROM places
),
timeline AS (
  SELECT scope, event_time AS time, last_time AS heard, NULL AS use_id, NULL AS place_match
  FROM reads
  UNION ALL
  SELECT scope, first_time AS time, NULL AS heard, use_id, place_match
  FROM uses
  WHERE scope IN (SELECT scope FROM reads) AND phase <> 'verify'
),
followed AS (
  SELECT *, max(heard) OVER (PARTITION BY scope ORDER BY time, use_id NULLS FIRST
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS heard_before
  FROM timeline
),
used AS (
  SELECT p.scope, p.stretch,
    array_agg(f.use_id ORDER BY f.place_match, f.time, f.use_id) AS use_ids,
    bool_or(f.place_match = 'mismatch') AS carried_off,
    count(*) AS uses
  FROM spans p
  JOIN followed f ON f.scope = p.scope AND f.time >= p.first_time AND (p.next_time IS NULL OR f.time < p.next_time)
  WHERE f.use_id IS NOT NULL
    AND (f.place_match = 'mismatch' OR f.time <= f.heard_before + INTERVAL '30 minutes')
  GROUP BY p.scope, p.stretch
)
SELECT
  p.scope AS entity,
  p.anchor,
  CASE WHEN used.carried_off THEN 'critical' WHEN used.uses > 0 THEN 'medium' ELSE 'low' END AS severity,
  CASE WHEN used.carried_off THEN 'high' WHEN p.is_open THEN 'low' ELSE 'medium' END AS confidence,
  p.first_time,
  p.last_time,
  p.count,
  used.use_ids,
  p.signal_ids,
  concat(coalesce(p.exe, 'A process'), CASE WHEN p.is_open THEN ' went for' ELSE ' read' END, ' the memory of ',
    coalesce(p.target, 'another process'),
    CASE WHEN p.is_open THEN '; whether a control stopped it is not recorded.' ELSE '.' END,
    CASE
      WHEN used.carried_off THEN chr(10) || 'A credential of this place was then presented from elsewhere.'
      WHEN used.uses > 0 THEN chr(10) || 'A credential of this place was used within 30 minutes.'
      ELSE chr(10) || 'No use of a credential of this place was seen afterwards.'
    END) AS reason
FROM places p
LEFT JOIN used ON used.scope = p.scope AND used.stretch = p.stretch
WHERE p.strong OR used.carried_off
