-- id: CT-304
-- title: Account shared across environments or workloads
-- severity: low
-- attack: T1078
-- nhi: NHI8, NHI9
-- maestro: L4, L6
-- nist: AC-2
-- subject: account
-- reads: uses, taints
-- entity: subject
-- uses: shared
-- window: the whole history
-- lateness: none
-- why: Whoever takes an account that several environments or workloads share has all of them, and what each may do, and
--   nobody can tell from a use whose it was.
-- blind_spots: Accounts whose name means another account elsewhere (service accounts, mesh identities of cluster.local, plain
--   names), in sources that name no instance, without a credential id or with a certificate's short serial, which says nothing
--   without its issuer; environments that no realm declares; what runs
--   outside of pods is told apart by environment only; one place that reaches into several environments.
-- benign: A replica for disaster recovery: give its realm the same `environment`. Gateways: a [[delegation]]. People, and accounts
--   that must be shared for a while: a dated [[exception]].
-- next: Who owns it, and which of its users can get an account of their own first?
WITH used AS (
  SELECT
    CASE
      WHEN subject LIKE 'arn:%' OR (subject LIKE 'spiffe://%' AND subject NOT LIKE 'spiffe://cluster.local/%') THEN subject
      WHEN subject IS NOT NULL AND source LIKE '%:%' THEN concat(subject, ' in ', source)
      WHEN credential_id NOT LIKE 'X509SERIAL=%' OR credential_id LIKE 'X509SERIAL=________________%' THEN credential_id
    END AS account,
    observed_environment AS environment,
    CASE WHEN observed_pod_uid IS NOT NULL AND place_key IS NOT NULL THEN observed_workload END AS caller,
    CASE WHEN observed_pod_uid IS NOT NULL AND observed_workload IS NOT NULL THEN place_key END AS place,
    scope, use_id, first_time, last_time, count, observation_grade
  FROM uses
  WHERE let_in AND phase <> 'verify' AND presenter IS NULL AND place_match <> 'mismatch'
    AND (observed_environment IS NOT NULL OR observed_pod_uid IS NOT NULL)
),
several AS (
  SELECT account
  FROM used
  WHERE account IS NOT NULL
  GROUP BY account
  HAVING min(environment) <> max(environment) OR min(caller) <> max(caller)
),
users AS (
  SELECT account, environment, caller, place, scope, first_value(use_id ORDER BY first_time, use_id) AS use_id,
    min(first_time) AS first_time, max(last_time) AS last_time, sum(count) AS count,
    min(observation_grade) AS observation_grade
  FROM used
  WHERE account IN (SELECT account FROM several)
  GROUP BY account, environment, caller, place, scope
),
environments AS (
  SELECT account, count(*) AS number, string_agg(environment, ', ' ORDER BY environment) AS names
  FROM (SELECT DISTINCT account, environment FROM users WHERE environment IS NOT NULL)
  GROUP BY account
),
callers AS (
  SELECT account, count(*) AS number, string_agg(caller, ', ' ORDER BY caller) AS names
  FROM (SELECT DISTINCT account, caller FROM users WHERE caller IS NOT NULL)
  GROUP BY account
)
SELECT
  u.account AS entity,
  first_value(u.use_id ORDER BY u.first_time, u.use_id) AS anchor,
  CASE WHEN count(t.scope) > 0 THEN 'medium' ELSE 'low' END AS severity,
  CASE WHEN min(u.observation_grade) >= 3 THEN 'high' ELSE 'medium' END AS confidence,
  min(u.first_time) AS first_time,
  max(u.last_time) AS last_time,
  sum(u.count) AS count,
  array_agg(u.use_id ORDER BY u.first_time, u.use_id) AS use_ids,
  CAST(NULL AS VARCHAR) AS signal_ids,
  concat(
    CASE WHEN max(e.number) > 1 THEN concat('Used in ', max(e.number), ' environments: ', max(e.names), '.', chr(10)) ELSE '' END,
    CASE
      WHEN max(c.number) > 3
        THEN concat('Used by ', max(c.number), ' workloads on ', count(DISTINCT u.place), ' host(s): ', max(c.names), '.', chr(10))
      ELSE ''
    END,
    CASE WHEN count(t.scope) > 0 THEN 'One of its places showed an intruder before it was used there.' ELSE '' END
  ) AS reason
FROM users u
LEFT JOIN environments e ON e.account = u.account
LEFT JOIN callers c ON c.account = u.account
LEFT JOIN (SELECT scope, min(from_time) AS from_time FROM taints GROUP BY scope) t
  ON t.scope = u.scope AND t.from_time <= u.last_time
GROUP BY u.account
HAVING max(e.number) > 1 OR (max(c.number) > 3 AND count(DISTINCT u.place) > 1)
