-- Per scope: since when it is suspected to be in an attacker's hands (taint, or unexpected read of a credential).
SELECT scope, min(since) AS since, first_value(signal_id ORDER BY since, signal_id) AS signal_id
FROM (
  SELECT scope, from_time AS since, signal_id FROM taints
  UNION ALL
  SELECT scope, event_time AS since, signal_id FROM thefts WHERE kind = 'credential_read' OR strong
) AS signs
GROUP BY scope
