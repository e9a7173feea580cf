-- Findings as a custom source of Amazon Security Lake: from OCSF 1.5, which backup-check writes, to OCSF 1.3, the
-- newest that Security Lake accepts (checked 2026-11-29), as Parquet in its partitions. For DuckDB.
--
-- Input: ocsf/*.ndjson, one file per account, of `backup-check convert REPORT --format ocsf=ocsf/ID.ndjson`.
-- Replace 'security-lake' by the location that Security Lake names for the source, such as 's3://BUCKET/ext/NAME', and
-- eu-central-1 by its Region.
--
-- https://docs.aws.amazon.com/security-lake/latest/userguide/custom-sources-best-practices.html
-- https://github.com/ocsf/ocsf-schema/blob/main/CHANGELOG.md: new since 1.3 are evidences and status_details,
-- compliance.category, cloud.cloud_partition and the tags of a resource.

COPY (
  SELECT
    activity_id::INTEGER AS activity_id, activity_name,
    category_uid::INTEGER AS category_uid, category_name,
    class_uid::INTEGER AS class_uid, class_name,
    {
      account: cloud.account,
      provider: cloud.provider,
      region: cloud.region
    } AS cloud,
    {
      control: compliance.control,
      requirements: compliance.requirements,
      standards: compliance.standards,
      status: compliance.status,
      status_code: compliance.status_code,
      status_detail: array_to_string(compliance.status_details, '; '),
      status_id: compliance.status_id::INTEGER
    } AS compliance,
    finding_info,
    message,
    {
      event_code: metadata.event_code,
      product: metadata.product,
      profiles: metadata.profiles,
      uid: metadata.uid,
      version: '1.3.0'
    } AS metadata,
    remediation,
    list_transform(resources, lambda it: {
      cloud_partition: it.cloud_partition,
      labels: list_transform(it.tags, lambda tag: tag.name || '=' || tag.value),
      name: it.name,
      region: it.region,
      type: it.type,
      uid: it.uid
    }) AS resources,
    severity, severity_id::INTEGER AS severity_id,
    status, status_code, status_id::INTEGER AS status_id,
    time, type_name, type_uid,
    {
      backup_tag: unmapped.backup_tag,
      category: compliance.category,
      cause: unmapped.cause,
      evidence: evidences::VARCHAR,
      gating: unmapped.gating,
      owner: unmapped.owner,
      source: unmapped.source
    } AS unmapped,
    'eu-central-1' AS region,
    cloud.account.uid AS "accountId",
    strftime(make_timestamp(time * 1000), '%Y%m%d') AS "eventDay"
  FROM read_json('ocsf/*.ndjson', format = 'newline_delimited', columns = {
    activity_id: 'BIGINT', activity_name: 'VARCHAR', category_uid: 'BIGINT', category_name: 'VARCHAR',
    class_uid: 'BIGINT', class_name: 'VARCHAR',
    cloud: 'STRUCT(account STRUCT(uid VARCHAR, type VARCHAR, type_id BIGINT), provider VARCHAR, region VARCHAR)',
    compliance: 'STRUCT(category VARCHAR, control VARCHAR, requirements VARCHAR[], standards VARCHAR[], status VARCHAR,
      status_code VARCHAR, status_details VARCHAR[], status_id BIGINT)',
    evidences: 'JSON',
    finding_info: 'STRUCT(analytic STRUCT(name VARCHAR, type VARCHAR, type_id BIGINT, uid VARCHAR), created_time BIGINT,
      "desc" VARCHAR, last_seen_time BIGINT, title VARCHAR, types VARCHAR[], uid VARCHAR)',
    message: 'VARCHAR',
    metadata: 'STRUCT(event_code VARCHAR, product STRUCT(name VARCHAR, vendor_name VARCHAR, version VARCHAR),
      profiles VARCHAR[], uid VARCHAR)',
    remediation: 'STRUCT("desc" VARCHAR)',
    resources: 'STRUCT(cloud_partition VARCHAR, name VARCHAR, region VARCHAR, tags STRUCT(name VARCHAR, value VARCHAR)[],
      type VARCHAR, uid VARCHAR)[]',
    severity: 'VARCHAR', severity_id: 'BIGINT', status: 'VARCHAR', status_code: 'VARCHAR', status_id: 'BIGINT',
    time: 'BIGINT', type_name: 'VARCHAR', type_uid: 'BIGINT',
    unmapped: 'STRUCT(backup_tag VARCHAR, cause VARCHAR, gating BOOLEAN, owner VARCHAR, source VARCHAR)'
  })
  ORDER BY time
) TO 'security-lake' (
  FORMAT parquet,
  COMPRESSION zstd,
  PARTITION_BY (region, "accountId", "eventDay"),
  FILENAME_PATTERN 'findings_{uuid}'
);
