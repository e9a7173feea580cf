//! Types with data that AWS Backup does not support: their backup tag selects nothing.

/// A type by its names in CloudFormation and in the Terraform AWS provider.
pub struct UnsupportedType {
    /// `AWS::S3Express::DirectoryBucket`
    pub cloudformation: &'static str,
    /// `aws_s3_directory_bucket`
    pub terraform: &'static str,
}

const fn named(cloudformation: &'static str, terraform: &'static str) -> UnsupportedType {
    UnsupportedType {
        cloudformation,
        terraform,
    }
}

/// Types that hold data and can be tagged, and that AWS Backup does not support, checked on 2026-11-30. Secrets and
/// parameters have a rule.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>.
pub const UNSUPPORTED: [UnsupportedType; 18] = [
    named("AWS::Cassandra::Keyspace", "aws_keyspaces_keyspace"),
    named("AWS::Cassandra::Table", "aws_keyspaces_table"),
    named("AWS::DocDBElastic::Cluster", "aws_docdbelastic_cluster"),
    named("AWS::ElastiCache::CacheCluster", "aws_elasticache_cluster"),
    named(
        "AWS::ElastiCache::ReplicationGroup",
        "aws_elasticache_replication_group",
    ),
    named(
        "AWS::ElastiCache::ServerlessCache",
        "aws_elasticache_serverless_cache",
    ),
    named("AWS::Elasticsearch::Domain", "aws_elasticsearch_domain"),
    named("AWS::Lightsail::Database", "aws_lightsail_database"),
    named("AWS::Lightsail::Disk", "aws_lightsail_disk"),
    named("AWS::Lightsail::Instance", "aws_lightsail_instance"),
    named("AWS::MemoryDB::Cluster", "aws_memorydb_cluster"),
    named("AWS::NeptuneGraph::Graph", "aws_neptunegraph_graph"),
    named(
        "AWS::OpenSearchServerless::Collection",
        "aws_opensearchserverless_collection",
    ),
    named("AWS::OpenSearchService::Domain", "aws_opensearch_domain"),
    named("AWS::S3Express::DirectoryBucket", "aws_s3_directory_bucket"),
    named("AWS::S3Outposts::Bucket", "aws_s3control_bucket"),
    named("AWS::S3Tables::TableBucket", "aws_s3tables_table_bucket"),
    named(
        "AWS::Timestream::InfluxDBInstance",
        "aws_timestreaminfluxdb_db_instance",
    ),
];

/// Returns what the coverage says of a resource of such a type that is tagged for backup.
#[must_use]
pub fn explain_unsupported(name: &str, kind: &str) -> String {
    format!("{name} is tagged for backup, and AWS Backup does not support the type {kind}")
}
