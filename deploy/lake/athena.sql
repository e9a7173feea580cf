-- Tables of the lake in Amazon Athena. Replace BUCKET, and run the statements one by one.
-- Partitions are computed, so no crawler is needed. A run whose accounts were all not seen has no date and is not
-- found; its alarm is.

CREATE EXTERNAL TABLE findings (
  `run` string,
  `time` timestamp,
  `account_id` string,
  `account_name` string,
  `ou_path` string,
  `region` string,
  `resource_type` string,
  `resource` string,
  `backup_tag` string,
  `rule` string,
  `status` string,
  `gating` boolean,
  `waived` boolean,
  `message` string,
  `evidence` string,
  `id` string
)
PARTITIONED BY (`date` string)
STORED AS PARQUET
LOCATION 's3://BUCKET/lake/findings/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://BUCKET/lake/findings/date=${date}/'
);

CREATE EXTERNAL TABLE resources (
  `run` string,
  `time` timestamp,
  `account_id` string,
  `account_name` string,
  `ou_path` string,
  `region` string,
  `resource_type` string,
  `resource` string,
  `name` string,
  `backup_tag` string,
  `verdict` string,
  `verdict_if_tagged` string
)
PARTITIONED BY (`date` string)
STORED AS PARQUET
LOCATION 's3://BUCKET/lake/resources/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://BUCKET/lake/resources/date=${date}/'
);

CREATE EXTERNAL TABLE accounts (
  `run` string,
  `time` timestamp,
  `account_id` string,
  `account_name` string,
  `ou_path` string,
  `outcome` string,
  `reason` string,
  `verdict` string,
  `resources` bigint,
  `resources_not_ready` bigint,
  `gating_fail` bigint,
  `gating_unknown` bigint,
  `api_calls` bigint,
  `seconds` bigint
)
PARTITIONED BY (`date` string)
STORED AS PARQUET
LOCATION 's3://BUCKET/lake/accounts/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://BUCKET/lake/accounts/date=${date}/'
);

-- A run counts when it has a row here: it is written after the tables.
CREATE EXTERNAL TABLE runs (
  `run` string,
  `time` string,
  `accounts` bigint,
  `unseen` bigint,
  `exit_code` bigint
)
PARTITIONED BY (`date` string)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
LOCATION 's3://BUCKET/lake/runs/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2026-01-01,NOW',
  'storage.location.template' = 's3://BUCKET/lake/runs/date=${date}/'
);

-- The newest run of each day, and the newest of all.
CREATE OR REPLACE VIEW daily_runs AS
SELECT "date", max_by(run, "time") AS run
FROM runs
GROUP BY "date";

CREATE OR REPLACE VIEW newest_run AS
SELECT max("date") AS "date", max_by(run, "date") AS run
FROM daily_runs;
