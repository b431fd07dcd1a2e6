-- id: CT-303
-- title: Policy drift
-- severity: low
-- attack: T1556
-- nhi: NHI5, NHI6
-- maestro: L6
-- nist: GOVERN 1.5, AC-3, CM-3
-- subject: caller and destination; destination alone for refusals
-- reads: uses
-- entity: destination
-- uses: against-policy
-- window: 10 minutes of grace after a policy takes effect: those who pull theirs look for it every few minutes (Argo CD: 3 by
--   default)
-- lateness: none
-- why: What is enforced is not what was declared: somebody may do what nobody meant to let them do, or a rollout broke what should work.
-- blind_spots: Destinations of whose callers none are declared; callers under names of another kind than the declared ones; what was
--   done between the first and the last record of a minute, unless it is sensitive or refused.
-- benign: A policy that was just changed: set its `effective_from`. A caller that nobody wrote down: declare it with [[allow]], or
--   under its other names with [[workload]]. Refusals for a bad credential are not the policy's.
-- next: Which of the two is right, the declaration or what is enforced?
WITH told AS (
  SELECT
    CASE WHEN undeclared THEN concat(coalesce(workload, subject), ' to ', destination) ELSE destination END AS entity,
    coalesce(workload, subject) AS who, destination_sensitive OR action_sensitive AS sensitive, lower(coalesce(reason, '')) AS reason,
    enforcement IN ('dry_run', 'permissive') AS for_show,
    undeclared, policy_since, use_id, first_time, last_time, count, decision, let_in, place_match, valid_to, skew_nanos
  FROM uses
  WHERE phase <> 'verify' AND (declared OR undeclared)
    AND (policy_since IS NULL OR first_time >= policy_since + INTERVAL '10 minutes')
),
drifts AS (
  SELECT *
  FROM told
  WHERE (undeclared AND let_in)
    OR (NOT undeclared AND decision = 'deny' AND place_match <> 'mismatch' AND (valid_to IS NULL OR first_time <= valid_to)
      AND reason NOT LIKE '%expir%' AND reason NOT LIKE '%token%' AND reason NOT LIKE '%jwt%' AND reason NOT LIKE '%unauthenticated%')
)
SELECT
  entity,
  first_value(use_id ORDER BY first_time, use_id) AS anchor,
  CASE WHEN NOT undeclared THEN 'low' WHEN bool_or(sensitive) THEN 'high' ELSE 'medium' END AS severity,
  CASE WHEN undeclared THEN 'high' ELSE 'medium' END AS confidence,
  min(first_time) AS first_time,
  max(last_time) AS last_time,
  sum(count) AS count,
  array_agg(use_id ORDER BY first_time, use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat(
    CASE
      WHEN undeclared THEN 'Let in, while declared policy names who may call this destination to do this, and nobody under its names.'
      ELSE concat('Refused ', count(DISTINCT who), ' caller(s) whom declared policy lets do this.')
    END,
    CASE
      WHEN min(policy_since) IS NULL THEN ''
      ELSE concat(chr(10), 'Declared since ', CAST(min(policy_since) AS VARCHAR), '.')
    END,
    CASE WHEN bool_or(for_show) THEN concat(chr(10), 'Some of it was decided for show only, and let pass.') ELSE '' END
  ) AS reason
FROM drifts
GROUP BY entity, undeclared
