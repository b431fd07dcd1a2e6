-- Per scope and stretch of signs: since when it is suspected to be in an attacker's hands (taint, or unexpected read of a
-- credential), until the next stretch begins. A day without signs ends a stretch: of each moment, the newest one speaks.
WITH signs AS (
  SELECT scope, from_time AS since, to_time AS heard, signal_id FROM taints
  UNION ALL
  SELECT scope, event_time, last_time, signal_id FROM thefts WHERE kind = 'credential_read' OR strong
),
followed AS (
  SELECT scope, since, signal_id,
    max(heard) OVER (PARTITION BY scope ORDER BY since, signal_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS heard_before
  FROM signs
)
SELECT scope, since, lead(since) OVER (PARTITION BY scope ORDER BY since) AS until, signal_id
FROM followed
WHERE heard_before IS NULL OR since > heard_before + INTERVAL '1 day'
