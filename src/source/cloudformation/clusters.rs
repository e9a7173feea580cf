//! DocumentDB and Neptune clusters with their instances. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-docdb-dbcluster.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-neptune-dbcluster.html>.

use std::rc::Rc;

use crate::model::rds::{BACKUP_TARGET, DbCluster, DbInstance};
use crate::model::{Gap, Observed};
use crate::source::defaults::{RDS_ENCRYPTED, RDS_KEY, RDS_RETENTION_DAYS, managed_key};
use crate::source::planned::unplanned;

use super::build::{Build, is_key_named, locate_gap, not_yet};
use super::rds_origin::{DEEPEST_CHOICE, agree_on, split_choice};
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
const SOURCES: [&str; 2] = ["SnapshotIdentifier", "SourceDBClusterIdentifier"];

const GLOBAL: &str = "GlobalClusterIdentifier";

pub(super) fn read_clusters(build: &mut Build<'_>) {
    for (cluster, instance, engine) in TYPES {
        let (members, open) = read_instances(build, instance, cluster, engine);
        for declared in build.of_type(cluster) {
            let properties = build.template.properties(&declared);
            let (encrypted, kms_key) = read_encryption(build, cluster, &properties, 0);
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
                backup_retention_days: read_retention(
                    &properties,
                    find_source(&properties).as_ref(),
                ),
                members: match &open {
                    Some(gap) => Observed::Unknown(gap.clone()),
                    None => Observed::Known(own.map(|it| it.0.clone()).collect()),
                },
            };
            build.stack_region().db_clusters.items.push(cluster);
        }
    }
}

/// Returns why absent properties are inherited; `None` for a new cluster. A parameter expresses that with an empty
/// string.
fn find_source(properties: &Resolved) -> Option<Gap> {
    let is_none = |name: &str| {
        let given = properties.get(name).text();
        matches!(given.as_ref().map(Option::as_deref), Ok(None | Some("")))
    };
    let inherited = |name: &str| {
        unplanned(format!(
            "inherited from its {name}, which is not in the template"
        ))
    };
    if let Some(name) = SOURCES.iter().find(|name| !is_none(name)) {
        return Some(inherited(name));
    }
    // A member of a global cluster may be a secondary one.
    let is_open = is_none("StorageEncrypted") && is_none("KmsKeyId");
    (is_open && !is_none(GLOBAL)).then(|| inherited(GLOBAL))
}

/// The longest chain of clones that is followed.
const LONGEST_CHAIN: usize = 20;

/// Returns the cluster of the template that a cluster is a clone of, or restored from.
///
/// Source: <https://docs.aws.amazon.com/documentdb/latest/developerguide/API_RestoreDBClusterToPointInTime.html>,
/// <https://docs.aws.amazon.com/neptune/latest/apiref/API_RestoreDBClusterToPointInTime.html>.
fn find_source_in_template(
    build: &Build<'_>,
    kind: &str,
    properties: &Resolved,
) -> Option<Rc<Resolved>> {
    let named = properties.get("SourceDBClusterIdentifier");
    let source = build.named_resource(&named, kind, "DBClusterIdentifier")?;
    Some(build.properties(&source))
}

fn read_encryption(
    build: &Build<'_>,
    kind: &str,
    properties: &Resolved,
    chain: usize,
) -> (Observed<bool>, Observed<Option<String>>) {
    if let Some((variants, gap)) = split_choice(properties, &SOURCES) {
        if chain > DEEPEST_CHOICE {
            return (Observed::Unknown(gap.clone()), Observed::Unknown(gap));
        }
        let read = |it: &Resolved| read_encryption(build, kind, it, chain + 1);
        let (encrypted, keys): (Vec<_>, Vec<_>) = variants.iter().map(read).unzip();
        return (agree_on(encrypted, &gap), agree_on(keys, &gap));
    }
    let source = find_source(properties);
    let inherited = match &source {
        Some(gap) => {
            let found = find_source_in_template(build, kind, properties);
            Some(match found.filter(|_| chain < LONGEST_CHAIN) {
                Some(found) => read_encryption(build, kind, &found, chain + 1),
                None => (
                    Observed::Unknown(gap.clone()),
                    Observed::Unknown(gap.clone()),
                ),
            })
        }
        None => None,
    };
    let named = properties.get("KmsKeyId");
    let key = locate_gap("KmsKeyId", build.key(&named));
    // Clones and restored clusters are encrypted if they name a key, or as their source is: the APIs have no
    // parameter for `StorageEncrypted`.
    if let Some((encrypted, of_source)) = inherited {
        return match key {
            Ok(None) => (encrypted, of_source),
            // A cluster at a point in time of one that is not encrypted is refused with a key.
            _ if is_key_named(&key) && encrypted.known() == Some(&false) => (encrypted, of_source),
            _ if is_key_named(&key) => (Observed::Known(true), key.into()),
            _ => (encrypted, key.into()),
        };
    }
    let given = locate_gap(
        "StorageEncrypted",
        properties.get("StorageEncrypted").as_boolean(),
    );
    let encrypted: Observed<bool> = given.map(|it| it.unwrap_or(RDS_ENCRYPTED)).into();
    let default = managed_key(encrypted.known().copied(), RDS_KEY);
    let key = locate_gap("KmsKeyId", build.key_or(&named, default.as_deref()));
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

/// Reads the instances of clusters. Returns the id of each with the id of its cluster, and why a cluster may have
/// more.
fn read_instances(
    build: &mut Build<'_>,
    instance: &str,
    cluster: &str,
    engine: &str,
) -> (Vec<(String, String)>, Option<Gap>) {
    let mut members = Vec::new();
    let mut open = None;
    for declared in build.of_type(instance) {
        let properties = build.template.properties(&declared);
        let value = properties.get("DBClusterIdentifier");
        open = open
            .or_else(|| build.choice_gap(&value))
            .or_else(|| build.named_choice_gap(&value, cluster, "DBClusterIdentifier"));
        let named = build.named_resource(&value, cluster, "DBClusterIdentifier");
        if named.is_none() {
            build.note_member_elsewhere(&declared, &build.tags(&properties, "Tags"));
        }
        let named = named.map(|it| it.id.to_owned());
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
    (members, open)
}
