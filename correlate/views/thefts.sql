-- Host acts by which a credential may have been taken: unexpected reads of credential files, reads of memory.
SELECT scope, signal_id, event_time, last_time, kind, strong
FROM signals
WHERE scope IS NOT NULL
  AND outcome NOT IN ('denied', 'killed', 'failed')
  AND ((kind = 'credential_read' AND unexpected) OR kind = 'memory_read')
