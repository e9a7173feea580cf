-- Questions to the lake of `backup-check report RUN --format parquet=lake`, for DuckDB in the folder that has it.
-- To read a bucket, replace 'lake/ by 's3://BUCKET/lake/ and load the extension httpfs.

-- A run counts when it has a row in runs: it is written after the tables.
CREATE OR REPLACE TEMP VIEW run_order AS
SELECT run, time, accounts, unseen, row_number() OVER (ORDER BY time DESC, run DESC) AS age
FROM read_json('lake/runs/*/*.json', columns = {run: 'VARCHAR', time: 'VARCHAR', accounts: 'BIGINT', unseen: 'BIGINT'});

-- 1. Which accounts were not seen in the newest run, and why?
SELECT account_id, account_name, outcome, reason
FROM 'lake/accounts/*/*.parquet'
JOIN run_order USING (run)
WHERE age = 1 AND verdict = 'unknown' AND resources IS NULL
ORDER BY account_id;

-- 2. How ready is each organizational unit? An account that was not seen has no resources, and is counted apart.
SELECT coalesce(ou_path, 'none') AS ou, count(*) AS accounts,
       count(*) FILTER (resources IS NULL) AS not_seen,
       CAST(sum(resources) AS BIGINT) AS resources,
       CAST(sum(resources_not_ready) AS BIGINT) AS not_ready
FROM 'lake/accounts/*/*.parquet'
JOIN run_order USING (run)
WHERE age = 1 AND outcome <> 'left-out'
GROUP BY ou
ORDER BY not_ready DESC NULLS LAST, ou;

-- 3. Which rules fail in the most accounts?
SELECT rule, count(DISTINCT account_id) AS accounts, count(*) AS findings
FROM 'lake/findings/*/*.parquet'
JOIN run_order USING (run)
WHERE age = 1 AND status = 'fail' AND gating
GROUP BY rule
ORDER BY accounts DESC, findings DESC, rule;

-- 4. Which types of resources are ready?
SELECT resource_type, count(*) AS resources,
       count(*) FILTER (verdict = 'ready') AS ready,
       count(*) FILTER (verdict = 'not-ready') AS not_ready,
       count(*) FILTER (verdict = 'unknown') AS unknown
FROM 'lake/resources/*/*.parquet'
JOIN run_order USING (run)
WHERE age = 1
GROUP BY resource_type
ORDER BY not_ready DESC, resource_type;

-- 5. What fails in the newest run that did not in the one before, in accounts that both have seen?
WITH failing AS (
  SELECT age, account_id, id, rule, resource, message
  FROM 'lake/findings/*/*.parquet' JOIN run_order USING (run)
  WHERE age <= 2 AND status = 'fail' AND gating
), seen AS (
  SELECT age, account_id
  FROM 'lake/accounts/*/*.parquet' JOIN run_order USING (run)
  WHERE age <= 2 AND resources IS NOT NULL
)
SELECT account_id, rule, resource, message
FROM failing
WHERE age = 1
  AND id NOT IN (SELECT id FROM failing WHERE age = 2)
  AND account_id IN (SELECT account_id FROM seen WHERE age = 2)
ORDER BY ALL;
