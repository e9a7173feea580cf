//! DocumentDB and Neptune clusters with their instances. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-docdb-dbcluster.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-neptune-dbcluster.html>.

use crate::model::rds::{BACKUP_TARGET, DbCluster, DbInstance};
use crate::model::{Gap, Observed};
use crate::source::defaults::{RDS_ENCRYPTED, RDS_KEY, RDS_RETENTION_DAYS, managed_key};
use crate::source::planned::unplanned;

use super::build::{Build, locate_gap, not_yet};
use super::value::Resolved;

/// The types of clusters and of their instances, with their engines.
const TYPES: [(&str, &str, &str); 2] = [
    ("AWS::DocDB::DBCluster", "AWS::DocDB::DBInstance", "docdb"),
    (
        "AWS::Neptune::DBCluster",
        "AWS::Neptune::DBInstance",
        "neptune",
    ),
];

/// Properties that make a cluster from an existing one.
const SOURCES: [&str; 3] = [
    "GlobalClusterIdentifier",
    "SnapshotIdentifier",
    "SourceDBClusterIdentifier",
];

pub(super) fn read_clusters(build: &mut Build<'_>) {
    for (cluster, instance, engine) in TYPES {
        let members = read_instances(build, instance, cluster, engine);
        for declared in build.of_type(cluster) {
            let properties = build.template.properties(&declared);
            let source = find_source(&properties);
            let (encrypted, kms_key) = read_encryption(build, &properties, source.as_ref());
            let own = members.iter().filter(|it| it.1 == declared.id);
            let cluster = DbCluster {
                arn: build.declare_resource(&declared, ""),
                id: declared.id.to_owned(),
                tags: build.tags(&properties, "Tags"),
                engine: engine.to_owned(),
                engine_gap: None,
                state: not_yet(),
                encrypted,
                aws_owned_key: false,
                kms_key,
                size: Observed::default(),
                backup_retention_days: read_retention(&properties, source.as_ref()),
                members: Observed::Known(own.map(|it| it.0.clone()).collect()),
            };
            build.stack_region().db_clusters.items.push(cluster);
        }
    }
}

/// Returns why absent properties are inherited; `None` for a new cluster.
fn find_source(properties: &Resolved) -> Option<Gap> {
    let mut sources = SOURCES.iter();
    let source = sources.find(|name| !properties.get(name).is_absent())?;
    Some(unplanned(format!(
        "inherited from its {source}, which is not in the template"
    )))
}

fn read_encryption(
    build: &Build<'_>,
    properties: &Resolved,
    source: Option<&Gap>,
) -> (Observed<bool>, Observed<Option<String>>) {
    let given = locate_gap(
        "StorageEncrypted",
        properties.get("StorageEncrypted").as_boolean(),
    );
    let encrypted = match (given, source) {
        (Ok(Some(true)), _) => Observed::Known(true),
        (Err(gap), _) => Observed::Unknown(gap),
        (Ok(_), Some(gap)) => Observed::Unknown(gap.clone()),
        (Ok(given), None) => Observed::Known(given.unwrap_or(RDS_ENCRYPTED)),
    };
    let key = match (
        locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))),
        source,
    ) {
        (Ok(None), Some(gap)) => Err(gap.clone()),
        (Ok(None), None) => Ok(managed_key(encrypted.known().copied(), RDS_KEY)),
        (key, _) => key,
    };
    (encrypted, key.into())
}

fn read_retention(properties: &Resolved, source: Option<&Gap>) -> Observed<i32> {
    let name = "BackupRetentionPeriod";
    match (locate_gap(name, properties.get(name).as_integer()), source) {
        (Ok(Some(days)), _) => Observed::Known(i32::try_from(days).unwrap_or(i32::MAX)),
        (Err(gap), _) => Observed::Unknown(gap),
        (Ok(None), Some(gap)) => Observed::Unknown(gap.clone()),
        (Ok(None), None) => Observed::Known(RDS_RETENTION_DAYS),
    }
}

/// Reads the instances of clusters. Returns the id of each with the id of its cluster.
fn read_instances(
    build: &mut Build<'_>,
    instance: &str,
    cluster: &str,
    engine: &str,
) -> Vec<(String, String)> {
    let mut members = Vec::new();
    for declared in build.of_type(instance) {
        let properties = build.template.properties(&declared);
        let named = build.name(&properties.get("DBClusterIdentifier"), cluster);
        let named = named.ok().flatten();
        let named = named.unwrap_or_else(|| "a cluster that is not in the template".to_owned());
        let of_cluster = || unplanned("that of its cluster");
        let member = DbInstance {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            cluster: Some(named.clone()),
            cluster_missing: false,
            engine: Observed::Known(engine.to_owned()),
            state: not_yet(),
            encrypted: Observed::Unknown(of_cluster()),
            aws_owned_key: false,
            kms_key: Observed::Unknown(of_cluster()),
            size: Observed::default(),
            backup_retention_days: Observed::Unknown(of_cluster()),
            maintenance_window: Observed::Unknown(of_cluster()),
            backup_window: Observed::Unknown(of_cluster()),
            option_groups: Observed::Known(Vec::new()),
            backup_target: Observed::Known(BACKUP_TARGET.to_owned()),
        };
        members.push((member.id.clone(), named));
        build.stack_region().db_instances.items.push(member);
    }
    members
}
