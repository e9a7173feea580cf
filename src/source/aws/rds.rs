//! RDS instances, Aurora and Multi-AZ DB clusters.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_rds::types::{Filter, StorageEncryptionType, Tag};
use futures_util::future::join_all;

use crate::model::observed::{Gap, Listing, Observed};
use crate::model::rds::{DbCluster, DbInstance, DbOption, OptionGroup, is_rds_cluster};
use crate::model::tag::Tags;

use super::call::{Caller, Operation};
use super::scan_scope::{NotAsked, joined};
use super::session::Session;
use super::tagging::keep;

const DESCRIBE_DB_INSTANCES: Operation = Operation::new("rds:DescribeDBInstances");
const DESCRIBE_DB_CLUSTERS: Operation = Operation::new("rds:DescribeDBClusters");

const DESCRIBE_OPTION_GROUPS: Operation = Operation::new("rds:DescribeOptionGroups");

/// What reading databases takes.
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
    /// DB instances, members of clusters too.
    pub instances: Listing<DbInstance>,
    /// Aurora and Multi-AZ DB clusters.
    pub clusters: Listing<DbCluster>,
    /// Clusters of DocumentDB, Neptune and the like, which answer through the same API: types by ARN.
    pub beyond: BTreeMap<String, &'static str>,
}

impl NotAsked for Databases {
    fn not_asked() -> Self {
        Databases {
            instances: Listing::not_asked(),
            clusters: Listing::not_asked(),
            beyond: BTreeMap::new(),
        }
    }
}

/// A cluster that DescribeDBClusters returned.
enum Cluster {
    Ours(Box<DbCluster>),
    Beyond(String, &'static str),
}

/// Reads the databases of a region. Tags that RDS did not tell are for the caller to add.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
) -> Databases {
    let (instances, (clusters, beyond)) = tokio::join!(
        instances(session, caller, region, tag_key, None),
        clusters(session, caller, region, tag_key, None),
    );
    Databases {
        instances,
        clusters,
        beyond,
    }
}

/// Reads some DB instances, and some clusters with their members.
///
/// Filters are used in the place of identifiers: one that does not exist is then left out, and no error.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    instance_ids: &[String],
    cluster_ids: &[String],
) -> Databases {
    let instances_with = |name: &'static str, ids: &[String]| {
        let filters = filters(name, ids).into_iter();
        let read = filters.map(|filter| instances(session, caller, region, tag_key, Some(filter)));
        join_all(read)
    };
    let of_cluster = filters("db-cluster-id", cluster_ids)
        .into_iter()
        .map(|filter| clusters(session, caller, region, tag_key, Some(filter)));
    let (own, members, of_cluster) = tokio::join!(
        instances_with("db-instance-id", instance_ids),
        instances_with("db-cluster-id", cluster_ids),
        join_all(of_cluster),
    );
    let mut instances = joined(own.into_iter().chain(members));
    let mut seen = BTreeSet::new();
    instances.items.retain(|it| seen.insert(it.arn.clone()));
    let (clusters, beyond): (Vec<_>, Vec<_>) = of_cluster.into_iter().unzip();
    Databases {
        instances,
        clusters: joined(clusters),
        beyond: beyond.into_iter().flatten().collect(),
    }
}

/// How many databases a filter names.
const MOST_VALUES: usize = 100;

fn filters(name: &str, values: &[String]) -> Vec<Filter> {
    let chunks = values.chunks(MOST_VALUES).map(|values| {
        let filter = Filter::builder().name(name);
        filter.set_values(Some(values.to_vec())).build()
    });
    chunks.collect()
}

async fn instances(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    filter: Option<Filter>,
) -> Listing<DbInstance> {
    let scope = caller.scope(region, "rds");
    let pages = session
        .rds(region)
        .describe_db_instances()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_records(PAGE)
        .into_paginator()
        .send();
    scope
        .list(DESCRIBE_DB_INSTANCES, pages, |page| {
            let instances = page.db_instances.unwrap_or_default().into_iter();
            let read = instances
                .filter(|instance| !matches!(instance.engine.as_deref(), Some("docdb" | "neptune")))
                .map(|instance| instance_of(instance, tag_key));
            Some(read.collect())
        })
        .await
}

/// Clusters, and the types of those that are not RDS's own, by ARN.
async fn clusters(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    tag_key: &str,
    filter: Option<Filter>,
) -> (Listing<DbCluster>, BTreeMap<String, &'static str>) {
    let scope = caller.scope(region, "rds");
    let pages = session
        .rds(region)
        .describe_db_clusters()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_records(PAGE)
        .into_paginator()
        .send();
    let found = scope
        .list(DESCRIBE_DB_CLUSTERS, pages, |page| {
            let clusters = page.db_clusters.unwrap_or_default().into_iter();
            let read = clusters.map(|cluster| match cluster.engine.as_deref() {
                Some("docdb") => Some(Cluster::Beyond(cluster.db_cluster_arn?, DOCUMENTDB)),
                Some("neptune") => Some(Cluster::Beyond(cluster.db_cluster_arn?, NEPTUNE)),
                Some(engine) if !is_rds_cluster(engine) => {
                    Some(Cluster::Beyond(cluster.db_cluster_arn?, ANY_CLUSTER))
                }
                _ => cluster_of(cluster, tag_key).map(|it| Cluster::Ours(Box::new(it))),
            });
            Some(read.collect())
        })
        .await;
    let mut clusters = Listing {
        items: Vec::new(),
        gap: found.gap,
    };
    let mut beyond = BTreeMap::new();
    for cluster in found.items {
        match cluster {
            Cluster::Ours(cluster) => clusters.items.push(*cluster),
            Cluster::Beyond(arn, aws_type) => {
                beyond.insert(arn, aws_type);
            }
        }
    }
    (clusters, beyond)
}

const DOCUMENTDB: &str = "AWS::DocDB::DBCluster";
const NEPTUNE: &str = "AWS::Neptune::DBCluster";
/// What CloudFormation calls clusters of RDS, whatever their engine.
pub const ANY_CLUSTER: &str = "AWS::RDS::DBCluster";

/// The option groups of the instances whose options matter: one list a region, and no call where
/// those that were read have none.
pub async fn option_groups(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    instances: &[DbInstance],
) -> Listing<OptionGroup> {
    let minding = instances
        .iter()
        .filter(|it| it.has_option_groups() == Ok(true));
    let used: BTreeSet<&String> = minding
        .filter_map(|it| it.option_groups.known())
        .flatten()
        .collect();
    if used.is_empty() {
        return Listing::complete(Vec::new());
    }
    let pages = session
        .rds(region)
        .describe_option_groups()
        .max_records(PAGE)
        .into_paginator()
        .send();
    let scope = caller.scope(region, "rds");
    let mut groups = scope
        .list(DESCRIBE_OPTION_GROUPS, pages, |page| {
            let groups = page.option_groups_list.unwrap_or_default().into_iter();
            Some(groups.map(option_group_of).collect())
        })
        .await;
    groups.items.retain(|group| used.contains(&group.id));
    groups
}

fn option_group_of(group: aws_sdk_rds::types::OptionGroup) -> Option<OptionGroup> {
    let field = DESCRIBE_OPTION_GROUPS;
    // An option without its name may be any.
    let options = field
        .field(group.options, "Options")
        .get()
        .and_then(|options| {
            let read = options.iter().map(|option| {
                let name = field.field(option.option_name.clone(), "OptionName");
                Ok(DbOption {
                    name: name.get()?.clone(),
                    persistent: field.field(option.persistent, "Persistent"),
                    permanent: field.field(option.permanent, "Permanent"),
                })
            });
            read.collect::<Result<Vec<_>, Gap>>()
        });
    Some(OptionGroup {
        id: group.option_group_name?,
        options: options.into(),
    })
}

fn instance_of(instance: aws_sdk_rds::types::DbInstance, tag_key: &str) -> Option<DbInstance> {
    let field = DESCRIBE_DB_INSTANCES;
    Some(DbInstance {
        arn: instance.db_instance_arn?,
        id: instance.db_instance_identifier?,
        tags: tags(instance.tag_list, tag_key),
        cluster: instance.db_cluster_identifier,
        engine: field.field(instance.engine, "Engine"),
        state: field.field(instance.db_instance_status, "DBInstanceStatus"),
        encrypted: field.field(instance.storage_encrypted, "StorageEncrypted"),
        aws_owned_key: is_aws_owned(instance.storage_encryption_type.as_ref()),
        kms_key: Observed::Known(instance.kms_key_id),
        backup_retention_days: field
            .field(instance.backup_retention_period, "BackupRetentionPeriod"),
        option_groups: field
            .field(instance.option_group_memberships, "OptionGroupMemberships")
            .map(|groups| {
                let names = groups.into_iter().map(|group| group.option_group_name);
                names.flatten().collect()
            }),
    })
}

fn cluster_of(cluster: aws_sdk_rds::types::DbCluster, tag_key: &str) -> Option<DbCluster> {
    let field = DESCRIBE_DB_CLUSTERS;
    let members = cluster.db_cluster_members.unwrap_or_default().into_iter();
    Some(DbCluster {
        arn: cluster.db_cluster_arn?,
        id: cluster.db_cluster_identifier?,
        tags: tags(cluster.tag_list, tag_key),
        engine: cluster.engine?,
        state: field.field(cluster.status, "Status"),
        encrypted: field.field(cluster.storage_encrypted, "StorageEncrypted"),
        aws_owned_key: is_aws_owned(cluster.storage_encryption_type.as_ref()),
        kms_key: Observed::Known(cluster.kms_key_id),
        backup_retention_days: field
            .field(cluster.backup_retention_period, "BackupRetentionPeriod"),
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

// RDS leaves the tags out where the caller may not list them, so an empty list is no proof that there
// are none: the caller of `collect` asks the tagging API instead.
fn tags(tags: Option<Vec<Tag>>, tag_key: &str) -> Observed<Tags> {
    match tags {
        Some(tags) if !tags.is_empty() => {
            let pairs = tags.into_iter();
            let pairs = pairs.filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())));
            Observed::Known(keep(pairs, tag_key))
        }
        _ => Observed::default(),
    }
}
