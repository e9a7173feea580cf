//! RDS instances, and clusters of Aurora, DocumentDB and Neptune and Multi-AZ DB clusters.

use std::collections::BTreeSet;

use aws_sdk_rds::types::{Filter, StorageEncryptionType, Tag};
use futures_util::future::join_all;

use crate::model::ResourceKind;
use crate::model::observed::{Gap, Listing, Observed};
use crate::model::rds::{
    BACKUP_TARGET, DbCluster, DbInstance, DbOption, OptionGroup, is_multi_az_engine,
};
use crate::model::selection::Target;
use crate::model::service::Service;
use crate::model::size::Size;
use crate::model::tag::Tags;

use super::key_requests::ListOrder;
use super::listing::{Skippable, join_listings};
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, Store, TagSource, store};

const DESCRIBE_DB_INSTANCES: Operation = Operation::new("rds:DescribeDBInstances");
const DESCRIBE_DB_CLUSTERS: Operation = Operation::new("rds:DescribeDBClusters");
const DESCRIBE_OPTION_GROUPS: Operation = Operation::new("rds:DescribeOptionGroups");

/// The reader of databases. RDS, DocumentDB and Neptune share the API.
///
/// RDS leaves tags out if the caller may not list them: see [`read_tags`].
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Rds, Service::Documentdb, Service::Neptune],
    operations: &[
        DESCRIBE_DB_INSTANCES,
        DESCRIBE_DB_CLUSTERS,
        DESCRIBE_OPTION_GROUPS,
    ],
    tags: TagSource::OwnOrTagging(&["rds:db", "rds:cluster"]),
    finds_one_by_one: true,
    order: ListOrder::Second,
    list: |reader| {
        Box::pin(async move {
            let (mut instances, clusters) = tokio::join!(
                describe_instances(reader, None),
                describe_clusters(reader, None),
            );
            join_clusters(&mut instances.items, &clusters);
            store_databases(reader, instances, clusters).await
        })
    },
    find: |reader, targets| {
        Box::pin(async move {
            let (instances, clusters) = find_databases(reader, targets).await;
            store_databases(reader, instances, clusters).await
        })
    },
};

/// The largest page: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html>.
const PAGE: i32 = 100;

/// Joins instances with the clusters that name them as members, and marks those whose cluster a complete list of clusters
/// lacks.
fn join_clusters(instances: &mut [DbInstance], clusters: &Listing<DbCluster>) {
    for cluster in &clusters.items {
        let members = cluster.members.known().into_iter().flatten();
        let members: BTreeSet<&String> = members.collect();
        let named = instances.iter_mut().filter(|it| members.contains(&it.id));
        for instance in named {
            instance.cluster.get_or_insert_with(|| cluster.id.clone());
        }
    }
    let Ok(clusters) = clusters.all_items() else {
        return;
    };
    let ids: BTreeSet<&String> = clusters.iter().map(|it| &it.id).collect();
    for instance in instances {
        let is_unlisted = |cluster: &String| !ids.contains(cluster);
        instance.cluster_missing = instance.cluster.as_ref().is_some_and(is_unlisted);
    }
}

async fn store_databases(
    reader: &RegionReader<'_>,
    instances: Listing<DbInstance>,
    clusters: Listing<DbCluster>,
) -> Store {
    let option_groups = read_option_groups(reader, &instances.items).await;
    store(|region| {
        region.db_instances = instances;
        region.db_clusters = clusters;
        region.option_groups = option_groups;
    })
}

/// The kinds of clusters, whose ids are looked up in the same list.
const CLUSTER_KINDS: [ResourceKind; 4] = [
    ResourceKind::RdsCluster,
    ResourceKind::AuroraCluster,
    ResourceKind::DocumentdbCluster,
    ResourceKind::NeptuneCluster,
];

/// Looks up DB instances, and clusters with their members.
///
/// Uses filters, because AWS returns an error for an identifier that does not exist.
async fn find_databases(
    reader: &RegionReader<'_>,
    targets: &[Target],
) -> (Listing<DbInstance>, Listing<DbCluster>) {
    let instance_ids = Target::ids_of(targets, ResourceKind::RdsInstance);
    let of_kinds = CLUSTER_KINDS.iter();
    let cluster_ids = of_kinds.flat_map(|kind| Target::ids_of(targets, *kind));
    let cluster_ids: Vec<String> = cluster_ids.collect();
    let instances_by = |filter: &'static str, ids: &[String]| {
        let filters = build_filters(filter, ids).into_iter();
        join_all(filters.map(|filter| describe_instances(reader, Some(filter))))
    };
    let clusters = build_filters("db-cluster-id", &cluster_ids)
        .into_iter()
        .map(|filter| describe_clusters(reader, Some(filter)));
    let (instances, members, clusters) = tokio::join!(
        instances_by("db-instance-id", &instance_ids),
        instances_by("db-cluster-id", &cluster_ids),
        join_all(clusters),
    );
    let mut instances = join_listings(instances.into_iter().chain(members));
    let mut seen = BTreeSet::new();
    instances.items.retain(|it| seen.insert(it.arn.clone()));
    (instances, join_listings(clusters))
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
    let calls = reader.begin_services(READER.services);
    let pages = reader
        .session
        .clients
        .rds(reader.region)
        .describe_db_instances()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_records(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(DESCRIBE_DB_INSTANCES, pages, |page| {
            let instances = page.db_instances?.into_iter();
            Some(instances.map(instance_from).collect())
        })
        .await
}

async fn describe_clusters(
    reader: &RegionReader<'_>,
    filter: Option<Filter>,
) -> Listing<DbCluster> {
    let calls = reader.begin_services(READER.services);
    let pages = reader
        .session
        .clients
        .rds(reader.region)
        .describe_db_clusters()
        .set_filters(filter.map(|filter| vec![filter]))
        .max_records(PAGE)
        .into_paginator()
        .send();
    calls
        .list_items(DESCRIBE_DB_CLUSTERS, pages, |page| {
            let clusters = page.db_clusters?.into_iter();
            Some(clusters.map(cluster_from).collect())
        })
        .await
}

/// Reads the option groups of instances whose options matter for backups. Sends one list call per
/// region, or none if no such instance was read.
async fn read_option_groups(
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
    if !reader.scope.option_groups {
        return Listing::not_requested();
    }
    if used.is_empty() {
        return Listing::complete(Vec::new());
    }
    let pages = reader
        .session
        .clients
        .rds(reader.region)
        .describe_option_groups()
        .max_records(PAGE)
        .into_paginator()
        .send();
    let calls = reader.begin_services(&[Service::Rds]);
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
                let name = operation.require_text(option.option_name.clone(), "OptionName");
                Ok(DbOption {
                    name: name.get()?.clone(),
                    persistent: operation.require_field(option.persistent, "Persistent"),
                    permanent: operation.require_field(option.permanent, "Permanent"),
                })
            });
            read.collect::<Result<Vec<_>, Gap>>()
        });
    Some(OptionGroup {
        id: group.option_group_name.filled()?,
        options: options.into(),
    })
}

fn instance_from(instance: aws_sdk_rds::types::DbInstance) -> Option<DbInstance> {
    let operation = DESCRIBE_DB_INSTANCES;
    Some(DbInstance {
        arn: instance.db_instance_arn.filled()?,
        id: instance.db_instance_identifier.filled()?,
        tags: read_tags(operation, instance.tag_list),
        cluster: instance.db_cluster_identifier.filled(),
        cluster_missing: false,
        engine: operation.require_text(instance.engine, "Engine"),
        state: operation.require_text(instance.db_instance_status, "DBInstanceStatus"),
        encrypted: operation.require_field(instance.storage_encrypted, "StorageEncrypted"),
        aws_owned_key: is_aws_owned(instance.storage_encryption_type.as_ref()),
        kms_key: Observed::Known(instance.kms_key_id.filled()),
        size: Size::provisioned_gib(
            operation
                .require_field(instance.allocated_storage, "AllocatedStorage")
                .map(i64::from),
        ),
        backup_retention_days: operation
            .require_field(instance.backup_retention_period, "BackupRetentionPeriod"),
        maintenance_window: operation.require_text(
            instance.preferred_maintenance_window,
            "PreferredMaintenanceWindow",
        ),
        backup_window: operation
            .require_text(instance.preferred_backup_window, "PreferredBackupWindow"),
        option_groups: {
            let groups = instance.option_group_memberships;
            let names = groups.and_then(|groups| {
                let groups = groups.into_iter();
                let names = groups.map(|group| group.option_group_name.filled());
                names.collect::<Option<Vec<String>>>()
            });
            operation.require_field(names, "OptionGroupMemberships with names")
        },
        backup_target: Observed::Known(
            instance
                .backup_target
                .filled()
                .unwrap_or_else(|| BACKUP_TARGET.to_owned()),
        ),
    })
}

fn cluster_from(cluster: aws_sdk_rds::types::DbCluster) -> Option<DbCluster> {
    let operation = DESCRIBE_DB_CLUSTERS;
    let members = cluster.db_cluster_members.and_then(|members| {
        let members = members.into_iter();
        let ids = members.map(|member| member.db_instance_identifier.filled());
        ids.collect::<Option<Vec<String>>>()
    });
    let engine = cluster.engine.filled()?;
    Some(DbCluster {
        size: match is_multi_az_engine(&engine) {
            true => Size::provisioned_gib(
                operation
                    .require_field(cluster.allocated_storage, "AllocatedStorage")
                    .map(i64::from),
            ),
            false => Observed::default(),
        },
        arn: cluster.db_cluster_arn.filled()?,
        id: cluster.db_cluster_identifier.filled()?,
        tags: read_tags(operation, cluster.tag_list),
        engine,
        engine_gap: None,
        state: operation.require_text(cluster.status, "Status"),
        encrypted: operation.require_field(cluster.storage_encrypted, "StorageEncrypted"),
        aws_owned_key: is_aws_owned(cluster.storage_encryption_type.as_ref()),
        kms_key: Observed::Known(cluster.kms_key_id.filled()),
        backup_retention_days: operation
            .require_field(cluster.backup_retention_period, "BackupRetentionPeriod"),
        members: operation.require_field(members, "DBClusterMembers with identifiers"),
    })
}

fn is_aws_owned(encryption: Option<&StorageEncryptionType>) -> bool {
    encryption.is_some_and(|it| it.as_str() == "sse-rds")
}

// RDS omits the tags if the caller may not list them, so an empty list does not prove that there are no
// tags. They are then read with the tagging API.
fn read_tags(operation: Operation, tags: Option<Vec<Tag>>) -> Observed<Tags> {
    match tags {
        Some(tags) if !tags.is_empty() => {
            operation.read_tags(tags.into_iter().map(|tag| (tag.key, tag.value)))
        }
        _ => Observed::default(),
    }
}
