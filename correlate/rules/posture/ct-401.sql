-- id: CT-401
-- title: Identity without host telemetry
-- severity: low
-- attack: T1685, T1562.001
-- nhi: NHI6
-- maestro: L5
-- nist: AU-12, MEASURE 2.7
-- subject: workload and host
-- reads: uses
-- entity: workload
-- uses: unwatched, mismatch
-- with: unwatched
-- window: silences of the host that are longer than the environment's max_silence
-- lateness: the host's own telemetry
-- why: What is done on a host that nobody watches is not seen. Who takes a credential there leaves no other trace than its use.
-- blind_spots: Environments that declare no max_silence; hosts of which nothing says that a credential belongs there; sensors
--   that are heard and see little.
-- benign: Serverless and managed workloads, where nobody can put a sensor: say host_sensor = false of them with [[workload]].
-- next: Is there a sensor on this host, and since when is it silent?
WITH silent AS (
  SELECT *, place_match = 'mismatch' AND match_grade >= 2 AS is_off,
    row_number() OVER (PARTITION BY workload, unwatched_host, unwatched_since ORDER BY first_time, use_id) AS number
  FROM uses
  WHERE unwatched_host IS NOT NULL AND workload IS NOT NULL AND phase <> 'verify'
)
SELECT
  concat(workload, ' on ', unwatched_host) AS entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE WHEN bool_or(is_off) THEN 'medium' ELSE 'low' END AS severity,
  'high' AS confidence,
  min(first_time) AS first_time,
  max(first_time) AS last_time,
  count(DISTINCT unwatched_since) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat('Used its identity while no sensor was heard of ', unwatched_host, ', ', count(DISTINCT unwatched_since),
    ' time(s), for the first time since ', CAST(min(unwatched_since) AS VARCHAR), '.',
    CASE WHEN bool_or(is_off) THEN chr(10) || 'A credential that belongs there was used elsewhere meanwhile.' ELSE '' END) AS reason
FROM silent
WHERE number = 1 OR is_off
GROUP BY workload, unwatched_host
