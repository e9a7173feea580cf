//! RDS instances, DB clusters and option groups. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html>,
//! and for Aurora <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.html>.

use std::collections::BTreeMap;

use crate::model::rds::{BACKUP_TARGET, DbCluster, DbInstance, DbOption, OptionGroup};
use crate::model::{Gap, Observed};
use crate::source::defaults::{
    RDS_ENCRYPTED, RDS_KEY, RDS_RETENTION_DAYS, has_aws_owned_key, managed_key,
};
use crate::source::planned::unplanned;

use super::build::{Build, locate_gap, not_yet};
use super::value::Resolved;

const CLUSTER: &str = "AWS::RDS::DBCluster";
const INSTANCE: &str = "AWS::RDS::DBInstance";
const OPTION_GROUP: &str = "AWS::RDS::OptionGroup";

pub(super) fn read_databases(build: &mut Build<'_>) {
    let members = read_instances(build);
    read_clusters(build, &members);
    option_groups(build);
}

/// Properties that make a database from an existing one, and the name of what it inherits from.
const SOURCES: [&str; 8] = [
    "DBSnapshotIdentifier",
    "DBClusterSnapshotIdentifier",
    "SnapshotIdentifier",
    "SourceDBInstanceIdentifier",
    "SourceDbiResourceId",
    "SourceDBInstanceAutomatedBackupsArn",
    "SourceDBClusterIdentifier",
    "ReplicationSourceIdentifier",
];

/// Returns why absent properties are unknown: they are inherited; none for a new database.
fn find_inheritance(properties: &Resolved) -> Option<Gap> {
    let source = SOURCES
        .iter()
        .find(|name| !is_none(&properties.get(name)))?;
    Some(unplanned(format!(
        "inherited from its {source}, which is not in the template"
    )))
}

/// Whether a database that is restored or replicated uses the key that it names. A restored instance does
/// not, and `StorageEncrypted` is never used: the APIs have no parameter for it.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html>.
fn takes_key(kind: &str, properties: &Resolved) -> bool {
    let restores = [
        "DBSnapshotIdentifier",
        "DBClusterSnapshotIdentifier",
        "SourceDbiResourceId",
        "SourceDBInstanceAutomatedBackupsArn",
        "UseLatestRestorableTime",
        "RestoreTime",
    ];
    kind == CLUSTER || restores.iter().all(|name| is_none(&properties.get(name)))
}

struct Encryption {
    encrypted: Observed<bool>,
    key: Observed<Option<String>>,
}

fn read_encryption(build: &Build<'_>, kind: &str, properties: &Resolved) -> Encryption {
    let source = find_inheritance(properties);
    if let Some(gap) = &source {
        let named = match takes_key(kind, properties) {
            true => locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))),
            false => Ok(None),
        };
        return match named {
            Ok(Some(key)) => Encryption {
                encrypted: Observed::Known(true),
                key: Observed::Known(Some(key)),
            },
            Ok(None) => Encryption {
                encrypted: Observed::Unknown(gap.clone()),
                key: Observed::Unknown(gap.clone()),
            },
            Err(open) => Encryption {
                encrypted: Observed::Unknown(gap.clone()),
                key: Observed::Unknown(open),
            },
        };
    }
    let given = locate_gap(
        "StorageEncrypted",
        properties.get("StorageEncrypted").as_boolean(),
    );
    let encrypted = given.map(|given| given.unwrap_or(RDS_ENCRYPTED));
    let key = match locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))) {
        Ok(None) => Ok(managed_key(encrypted.as_ref().ok().copied(), RDS_KEY)),
        key => key,
    };
    Encryption {
        encrypted: encrypted.into(),
        key: key.into(),
    }
}

fn read_retention(properties: &Resolved) -> Observed<i32> {
    let name = "BackupRetentionPeriod";
    let given = locate_gap(name, properties.get(name).as_integer());
    // Restoring has no parameter for it, and it is not documented whether CloudFormation sets it later:
    // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html
    match (given, find_inheritance(properties)) {
        (Err(gap), _) | (Ok(_), Some(gap)) => Observed::Unknown(gap),
        (Ok(Some(days)), None) => Observed::Known(i32::try_from(days).unwrap_or(i32::MAX)),
        (Ok(None), None) => Observed::Known(RDS_RETENTION_DAYS),
    }
}

fn read_instances(build: &mut Build<'_>) -> BTreeMap<String, Vec<String>> {
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for declared in build.of_type(INSTANCE) {
        let properties = build.template.properties(&declared);
        let cluster = properties.get("DBClusterIdentifier");
        let alone = may_be_alone(&cluster);
        let cluster = (!is_none(&cluster) && alone.is_none()).then(|| {
            let named = build.name(&cluster, CLUSTER).ok().flatten();
            named.unwrap_or_else(|| "a cluster that is not in the template".to_owned())
        });
        if let Some(cluster) = &cluster {
            let of_cluster = members.entry(cluster.clone()).or_default();
            of_cluster.push(declared.id.to_owned());
        }
        let Encryption { encrypted, key } = read_encryption(build, INSTANCE, &properties);
        let engine = match (
            locate_gap("Engine", properties.get("Engine").text()),
            find_inheritance(&properties),
        ) {
            (Ok(Some(engine)), _) => Observed::Known(engine.to_ascii_lowercase()),
            (Err(gap), _) | (Ok(None), Some(gap)) => Observed::Unknown(gap),
            (Ok(None), None) => Observed::Unknown(unplanned("the template names no Engine")),
        };
        let mut instance = DbInstance {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            cluster,
            cluster_missing: false,
            engine,
            state: not_yet(),
            encrypted,
            aws_owned_key: false,
            kms_key: key,
            backup_retention_days: read_retention(&properties),
            maintenance_window: read_window(&properties, "PreferredMaintenanceWindow"),
            backup_window: read_window(&properties, "PreferredBackupWindow"),
            option_groups: groups_of(build, &properties),
            backup_target: locate_gap("BackupTarget", properties.get("BackupTarget").text())
                .map(|target| target.unwrap_or_else(|| BACKUP_TARGET.to_owned()))
                .into(),
        };
        if let Some(gap) = alone {
            instance.encrypted = Observed::Unknown(gap.clone());
            instance.kms_key = Observed::Unknown(gap.clone());
            instance.backup_retention_days = Observed::Unknown(gap.clone());
            instance.option_groups = Observed::Unknown(gap);
        }
        build.stack_region().db_instances.items.push(instance);
    }
    members
}

/// Returns a window of an instance. RDS chooses one that is absent when it creates the instance.
fn read_window(properties: &Resolved, name: &str) -> Observed<String> {
    match locate_gap(name, properties.get(name).text()) {
        Ok(Some(window)) => Observed::Known(window),
        Ok(None) => Observed::Unknown(unplanned(format!(
            "the template has no {name}: RDS chooses it"
        ))),
        Err(gap) => Observed::Unknown(gap),
    }
}

/// Whether a name is absent. A parameter expresses that with an empty string.
fn is_none(name: &Resolved) -> bool {
    matches!(
        name.text().as_ref().map(Option::as_deref),
        Ok(None | Some(""))
    )
}

/// Returns why it is unknown whether an instance is a cluster member: it depends on a condition.
fn may_be_alone(cluster: &Resolved) -> Option<Gap> {
    match cluster {
        Resolved::Either(open, both) => {
            let alone = |it: &Resolved| is_none(it) || may_be_alone(it).is_some();
            (alone(&both.0) || alone(&both.1)).then(|| open.gap.clone())
        }
        _ => None,
    }
}

fn groups_of(build: &Build<'_>, properties: &Resolved) -> Observed<Vec<String>> {
    let name = "OptionGroupName";
    let given = locate_gap(name, build.name(&properties.get(name), OPTION_GROUP));
    match (given, find_inheritance(properties)) {
        (Ok(Some(name)), _) => Observed::Known(vec![name]),
        (Ok(None), Some(gap)) | (Err(gap), _) => Observed::Unknown(gap),
        // An engine's default option group has no options:
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html
        (Ok(None), None) => Observed::Known(Vec::new()),
    }
}

fn read_clusters(build: &mut Build<'_>, members: &BTreeMap<String, Vec<String>>) {
    for declared in build.of_type(CLUSTER) {
        let properties = build.template.properties(&declared);
        let engine = match locate_gap("Engine", properties.get("Engine").text()) {
            Ok(Some(engine)) => engine.to_ascii_lowercase(),
            missing => {
                let gap = missing.err().unwrap_or_else(|| {
                    unplanned(format!("the template names no Engine for {}", declared.id))
                });
                let listing = &mut build.stack_region().db_clusters;
                listing.gap.get_or_insert(gap);
                continue;
            }
        };
        let Encryption { encrypted, key } = read_encryption(build, CLUSTER, &properties);
        let aws_owned_key = has_aws_owned_key(&engine, encrypted.known().copied());
        let cluster = DbCluster {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            engine,
            state: not_yet(),
            encrypted,
            aws_owned_key,
            kms_key: key,
            backup_retention_days: read_retention(&properties),
            members: Observed::Known(members.get(declared.id).cloned().unwrap_or_default()),
        };
        build.stack_region().db_clusters.items.push(cluster);
    }
}

fn option_groups(build: &mut Build<'_>) {
    for declared in build.of_type(OPTION_GROUP) {
        let properties = build.template.properties(&declared);
        let options = properties.get("OptionConfigurations").read_list(|option| {
            let name = locate_gap("OptionName", option.get("OptionName").text())?;
            let unsaid = || {
                unplanned(
                    "which options are persistent or permanent is defined by RDS, not by the template",
                )
            };
            Ok(DbOption {
                name: name.unwrap_or_default(),
                persistent: Observed::Unknown(unsaid()),
                permanent: Observed::Unknown(unsaid()),
            })
        });
        let group = OptionGroup {
            id: declared.id.to_owned(),
            options: locate_gap("OptionConfigurations", options).into(),
        };
        build.stack_region().option_groups.items.push(group);
    }
}
