//! RDS instances, Aurora and Multi-AZ DB clusters.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_rds::types::{Filter, StorageEncryptionType, Tag};
use futures_util::future::join_all;

use crate::model::observed::{Gap, Listing, Observed};
use crate::model::rds::{
    BACKUP_TARGET, DbCluster, DbInstance, DbOption, OptionGroup, is_rds_cluster,
};
use crate::model::tag::Tags;

use super::listing::{Skippable, join_listings};
use super::operation::Operation;
use super::reader::RegionReader;

const DESCRIBE_DB_INSTANCES: Operation = Operation::new("rds:DescribeDBInstances");
const DESCRIBE_DB_CLUSTERS: Operation = Operation::new("rds:DescribeDBClusters");
const DESCRIBE_OPTION_GROUPS: Operation = Operation::new("rds:DescribeOptionGroups");

/// API operations used to read databases.
pub const OPERATIONS: &[Operation] = &[
    DESCRIBE_DB_INSTANCES,
    DESCRIBE_DB_CLUSTERS,
    DESCRIBE_OPTION_GROUPS,
];

/// The largest page: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html>.
const PAGE: i32 = 100;

/// The databases of a region.
#[derive(Debug)]
pub struct Databases {
    /// DB instances, including the members of clusters.
    pub instances: Listing<DbInstance>,
    /// Aurora and Multi-AZ DB clusters.
    pub clusters: Listing<DbCluster>,
    /// Clusters of other services that the RDS API returns, such as DocumentDB and Neptune: resource types
    /// by ARN.
    pub other_clusters: BTreeMap<String, &'static str>,
}

impl Skippable for Databases {
    fn not_requested() -> Self {
        Databases {
            instances: Listing::not_requested(),
            clusters: Listing::not_requested(),
            other_clusters: BTreeMap::new(),
        }
    }
}

/// A cluster that `DescribeDBClusters` returned.
enum AnyCluster {
    /// An Aurora or Multi-AZ DB cluster.
    Rds(Box<DbCluster>),
    /// A cluster of another service: its ARN and resource type.
    Other(String, &'static str),
}

/// Clusters of RDS, and the resource types of other clusters by ARN.
type Clusters = (Listing<DbCluster>, BTreeMap<String, &'static str>);

/// Lists the databases of a region. Missing tags are added later.
pub async fn list_databases(reader: &RegionReader<'_>) -> Databases {
    let (instances, (clusters, other_clusters)) = tokio::join!(
        describe_instances(reader, None),
        describe_clusters(reader, None),
    );
    Databases {
        instances,
        clusters,
        other_clusters,
    }
}

/// Looks up DB instances, and clusters with their members.
///
/// Uses filters, because AWS returns an error for an identifier that does not exist.
pub async fn find_databases(
    reader: &RegionReader<'_>,
    instance_ids: &[String],
    cluster_ids: &[String],
) -> Databases {
    let instances_by = |filter: &'static str, ids: &[String]| {
        let filters = build_filters(filter, ids).into_iter();
        join_all(filters.map(|filter| describe_instances(reader, Some(filter))))
    };
    let clusters = build_filters("db-cluster-id", cluster_ids)
        .into_iter()
        .map(|filter| describe_clusters(reader, Some(filter)));
    let (instances, members, clusters) = tokio::join!(
        instances_by("db-instance-id", instance_ids),
        instances_by("db-cluster-id", cluster_ids),
        join_all(clusters),
    );
    let mut instances = join_listings(instances.into_iter().chain(members));
    let mut seen = BTreeSet::new();
    instances.items.retain(|it| seen.insert(it.arn.clone()));
    let (clusters, other_clusters): (Vec<_>, Vec<_>) = clusters.into_iter().unzip();
    Databases {
        instances,
        clusters: join_listings(clusters),
        other_clusters: other_clusters.into_iter().flatten().collect(),
    }
}

/// The number of values in a filter.
const MAX_VALUES: usize = 100;

fn build_filters(name: &str, values: &[String]) -> Vec<Filter> {
    let chunks = values.chunks(MAX_VALUES).map(|values| {
        let filter = Filter::builder().name(name);
        filter.set_values(Some(values.to_vec())).build()
    });
    chunks.collect()
}

async fn describe_instances(
    reader: &RegionReader<'_>,
    filter: Option<Filter>,
) -> Listing<DbInstance> {
    let calls = reader.begin_service("rds");
    let pages = reader
        .session
        .rds(reader.region)
        .describe_db_instances()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_records(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(DESCRIBE_DB_INSTANCES, pages, |page| {
            let instances = page.db_instances?.into_iter();
            let read = instances
                .filter(|instance| !matches!(instance.engine.as_deref(), Some("docdb" | "neptune")))
                .map(|instance| instance_from(reader, instance));
            Some(read.collect())
        })
        .await
}

async fn describe_clusters(reader: &RegionReader<'_>, filter: Option<Filter>) -> Clusters {
    let calls = reader.begin_service("rds");
    let pages = reader
        .session
        .rds(reader.region)
        .describe_db_clusters()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_records(PAGE)
        .into_paginator()
        .send();
    let found = calls
        .list_items(DESCRIBE_DB_CLUSTERS, pages, |page| {
            let clusters = page.db_clusters?.into_iter();
            Some(clusters.map(|it| any_cluster_from(reader, it)).collect())
        })
        .await;
    let mut clusters = Listing {
        items: Vec::new(),
        gap: found.gap,
    };
    let mut other_clusters = BTreeMap::new();
    for cluster in found.items {
        match cluster {
            AnyCluster::Rds(cluster) => clusters.items.push(*cluster),
            AnyCluster::Other(arn, aws_type) => {
                other_clusters.insert(arn, aws_type);
            }
        }
    }
    (clusters, other_clusters)
}

fn any_cluster_from(
    reader: &RegionReader<'_>,
    cluster: aws_sdk_rds::types::DbCluster,
) -> Option<AnyCluster> {
    let other_type = match cluster.engine.as_deref() {
        Some("docdb") => Some(DOCUMENTDB),
        Some("neptune") => Some(NEPTUNE),
        Some(engine) if !is_rds_cluster(engine) => Some(ANY_CLUSTER),
        _ => None,
    };
    match other_type {
        Some(aws_type) => Some(AnyCluster::Other(cluster.db_cluster_arn?, aws_type)),
        None => cluster_from(reader, cluster).map(|it| AnyCluster::Rds(Box::new(it))),
    }
}

const DOCUMENTDB: &str = "AWS::DocDB::DBCluster";
const NEPTUNE: &str = "AWS::Neptune::DBCluster";
/// The CloudFormation type of clusters of RDS with any engine.
pub const ANY_CLUSTER: &str = "AWS::RDS::DBCluster";

/// Reads the option groups of instances whose options matter for backups. Sends one list call per
/// region, or none if no such instance was read.
pub async fn read_option_groups(
    reader: &RegionReader<'_>,
    instances: &[DbInstance],
) -> Listing<OptionGroup> {
    let relevant = instances
        .iter()
        .filter(|it| it.has_option_groups() == Ok(true));
    let used: BTreeSet<&String> = relevant
        .filter_map(|it| it.option_groups.known())
        .flatten()
        .collect();
    if used.is_empty() {
        return Listing::complete(Vec::new());
    }
    let pages = reader
        .session
        .rds(reader.region)
        .describe_option_groups()
        .max_records(PAGE)
        .into_paginator()
        .send();
    let calls = reader.begin_service("rds");
    let mut groups = calls
        .list_items(DESCRIBE_OPTION_GROUPS, pages, |page| {
            let groups = page.option_groups_list?.into_iter();
            Some(groups.map(option_group_from).collect())
        })
        .await;
    groups.items.retain(|group| used.contains(&group.id));
    groups
}

fn option_group_from(group: aws_sdk_rds::types::OptionGroup) -> Option<OptionGroup> {
    let operation = DESCRIBE_OPTION_GROUPS;
    // An option without a name makes the group unknown: it could be any option.
    let options = operation
        .require_field(group.options, "Options")
        .get()
        .and_then(|options| {
            let read = options.iter().map(|option| {
                let name = operation.require_field(option.option_name.clone(), "OptionName");
                Ok(DbOption {
                    name: name.get()?.clone(),
                    persistent: operation.require_field(option.persistent, "Persistent"),
                    permanent: operation.require_field(option.permanent, "Permanent"),
                })
            });
            read.collect::<Result<Vec<_>, Gap>>()
        });
    Some(OptionGroup {
        id: group.option_group_name?,
        options: options.into(),
    })
}

fn instance_from(
    reader: &RegionReader<'_>,
    instance: aws_sdk_rds::types::DbInstance,
) -> Option<DbInstance> {
    let operation = DESCRIBE_DB_INSTANCES;
    Some(DbInstance {
        arn: instance.db_instance_arn?,
        id: instance.db_instance_identifier?,
        tags: kept_tags(reader, instance.tag_list),
        cluster: instance.db_cluster_identifier,
        engine: operation.require_field(instance.engine, "Engine"),
        state: operation.require_field(instance.db_instance_status, "DBInstanceStatus"),
        encrypted: operation.require_field(instance.storage_encrypted, "StorageEncrypted"),
        aws_owned_key: is_aws_owned(instance.storage_encryption_type.as_ref()),
        kms_key: Observed::Known(instance.kms_key_id),
        backup_retention_days: operation
            .require_field(instance.backup_retention_period, "BackupRetentionPeriod"),
        maintenance_window: operation.require_field(
            instance.preferred_maintenance_window,
            "PreferredMaintenanceWindow",
        ),
        backup_window: operation
            .require_field(instance.preferred_backup_window, "PreferredBackupWindow"),
        option_groups: operation
            .require_field(instance.option_group_memberships, "OptionGroupMemberships")
            .map(|groups| {
                let names = groups.into_iter().map(|group| group.option_group_name);
                names.flatten().collect()
            }),
        backup_target: Observed::Known(
            instance
                .backup_target
                .unwrap_or_else(|| BACKUP_TARGET.to_owned()),
        ),
    })
}

fn cluster_from(
    reader: &RegionReader<'_>,
    cluster: aws_sdk_rds::types::DbCluster,
) -> Option<DbCluster> {
    let operation = DESCRIBE_DB_CLUSTERS;
    let members = cluster.db_cluster_members.unwrap_or_default().into_iter();
    Some(DbCluster {
        arn: cluster.db_cluster_arn?,
        id: cluster.db_cluster_identifier?,
        tags: kept_tags(reader, cluster.tag_list),
        engine: cluster.engine?,
        engine_gap: None,
        state: operation.require_field(cluster.status, "Status"),
        encrypted: operation.require_field(cluster.storage_encrypted, "StorageEncrypted"),
        aws_owned_key: is_aws_owned(cluster.storage_encryption_type.as_ref()),
        kms_key: Observed::Known(cluster.kms_key_id),
        backup_retention_days: operation
            .require_field(cluster.backup_retention_period, "BackupRetentionPeriod"),
        members: Observed::Known(
            members
                .filter_map(|member| member.db_instance_identifier)
                .collect(),
        ),
    })
}

fn is_aws_owned(encryption: Option<&StorageEncryptionType>) -> bool {
    encryption.is_some_and(|it| it.as_str() == "sse-rds")
}

// RDS omits the tags if the caller may not list them, so an empty list does not prove that there are no
// tags. They are then read with the tagging API.
fn kept_tags(reader: &RegionReader<'_>, tags: Option<Vec<Tag>>) -> Observed<Tags> {
    match tags {
        Some(tags) if !tags.is_empty() => {
            let pairs = tags.into_iter();
            let pairs = pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
            Observed::Known(reader.keep_tags(pairs))
        }
        _ => Observed::default(),
    }
}
