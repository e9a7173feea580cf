//! RDS instances, DB clusters and option groups. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbcluster.html>,
//! and for Aurora <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.html>.

use std::collections::BTreeMap;

use crate::model::rds::{
    BACKUP_TARGET, DbCluster, DbInstance, DbOption, OptionGroup, is_multi_az_engine,
};
use crate::model::service::Service;
use crate::model::snapshot::DefaultFact;
use crate::model::{Gap, Observed};
use crate::source::defaults::{
    RDS_ENCRYPTED, RDS_KEY, RDS_RETENTION_DAYS, has_aws_owned_key, is_default_option_group,
    managed_key,
};
use crate::source::planned::unplanned;

use super::build::{Build, is_key_named, locate_gap, not_yet, size_in_gib};
use super::rds_origin::{
    CLUSTER, DEEPEST_CHOICE, INSTANCE, LONGEST_CHAIN, SOURCES, agree_on, find_inheritance,
    find_key_origin, find_source, find_source_in_template, is_elsewhere, is_none, split_choice,
    takes_key,
};
use super::value::Resolved;

const GLOBAL: &str = "AWS::RDS::GlobalCluster";
const OPTION_GROUP: &str = "AWS::RDS::OptionGroup";

/// The properties that RDS has defaults for.
const DEFAULTS: [(&str, DefaultFact); 3] = [
    ("BackupRetentionPeriod", DefaultFact::Retention),
    ("KmsKeyId", DefaultFact::Encryption),
    ("StorageEncrypted", DefaultFact::Encryption),
];

/// The engine of a cluster whose engine is not known.
const UNKNOWN_ENGINE: &str = "aurora";

pub(super) fn read_databases(build: &mut Build<'_>) {
    let members = read_instances(build);
    read_clusters(build, &members);
    option_groups(build);
}

struct Encryption {
    encrypted: Observed<bool>,
    key: Observed<Option<String>>,
    /// Whether the key is one that AWS owns.
    aws_owned: bool,
}

impl Encryption {
    fn unknown(gap: &Gap) -> Self {
        Encryption {
            encrypted: Observed::Unknown(gap.clone()),
            key: Observed::Unknown(gap.clone()),
            aws_owned: false,
        }
    }

    /// Returns what all of several have in common.
    fn in_common(all: &[Encryption], gap: &Gap) -> Self {
        let aws_owned = all.iter().map(|it| Observed::Known(it.aws_owned));
        let aws_owned = agree_on(aws_owned, gap);
        let encrypted = agree_on(all.iter().map(|it| it.encrypted.clone()), gap);
        Encryption {
            encrypted: match &aws_owned {
                Observed::Known(_) => encrypted,
                Observed::Unknown(gap) => Observed::Unknown(gap.clone()),
            },
            key: agree_on(all.iter().map(|it| it.key.clone()), gap),
            aws_owned: aws_owned.known() == Some(&true),
        }
    }
}

fn read_encryption(
    build: &Build<'_>,
    kind: &str,
    properties: &Resolved,
    chain: usize,
) -> Encryption {
    if let Some((variants, gap)) = split_choice(properties, &SOURCES) {
        if chain > DEEPEST_CHOICE {
            return Encryption::unknown(&gap);
        }
        let read = |it: &Resolved| read_encryption(build, kind, it, chain + 1);
        return Encryption::in_common(&variants.iter().map(read).collect::<Vec<_>>(), &gap);
    }
    let Some(gap) = find_inheritance(properties) else {
        return match may_be_secondary(kind, properties) {
            Some(gap) => read_member_encryption(build, properties, &gap),
            None => read_new_encryption(build, kind, properties),
        };
    };
    let source = find_source_in_template(build, properties).filter(|_| chain < LONGEST_CHAIN);
    let inherited = source.map_or_else(
        || Encryption::unknown(&gap),
        |source| {
            let of_source = build.properties(&source);
            // An instance of a cluster is encrypted as the cluster is.
            let cluster = of_source.get("DBClusterIdentifier");
            match build.named_resource(&cluster, CLUSTER, "DBClusterIdentifier") {
                Some(cluster) => {
                    read_encryption(build, CLUSTER, &build.properties(&cluster), chain + 1)
                }
                None => read_encryption(build, source.kind, &of_source, chain + 1),
            }
        },
    );
    // A replica has the key of its source, whatever it names, unless that is in another region.
    let has_own_key = kind == CLUSTER || is_elsewhere(build, properties);
    let named = match takes_key(kind, properties) && has_own_key {
        true => locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))),
        false => Ok(None),
    };
    let is_point_in_time = matches!(
        find_source(properties),
        Some(("SourceDBClusterIdentifier" | "SourceDbClusterResourceId", _))
    );
    let is_named = is_key_named(&named);
    match named {
        // RDS refuses a key for a cluster at a point in time of one that is not encrypted:
        // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterToPointInTime.html
        _ if is_named && is_point_in_time && inherited.encrypted.known() == Some(&false) => {
            match inherited.aws_owned {
                true => Encryption::unknown(&unplanned(
                    "whether it can be encrypted with a KMS key is not known, because its source has an AWS owned key",
                )),
                false => inherited,
            }
        }
        _ if is_named => Encryption {
            encrypted: Observed::Known(true),
            key: named.into(),
            aws_owned: false,
        },
        Ok(_) => inherited,
        Err(open) => Encryption {
            key: Observed::Unknown(open),
            ..inherited
        },
    }
}

/// Returns why a cluster's encryption is unknown: it may be a secondary one of a global database, which is
/// encrypted as the database is.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-globalcluster.html>.
fn may_be_secondary(kind: &str, properties: &Resolved) -> Option<Gap> {
    let is_member = kind == CLUSTER && !properties.get("GlobalClusterIdentifier").is_absent();
    (is_member && properties.get("StorageEncrypted").is_absent())
        .then(|| unplanned("inherited from its global database, which may be encrypted"))
}

/// Reads the encryption of a member of a global database: it is encrypted if the database is, with the key that it
/// names.
fn read_member_encryption(build: &Build<'_>, properties: &Resolved, gap: &Gap) -> Encryption {
    let global = properties.get("GlobalClusterIdentifier");
    let global = build.named_resource(&global, GLOBAL, "GlobalClusterIdentifier");
    let is_encrypted = global.is_some_and(|it| {
        let encrypted = build.properties(&it).get("StorageEncrypted").as_boolean();
        encrypted == Ok(Some(true))
    });
    let unknown = Encryption::unknown(gap);
    Encryption {
        encrypted: match is_encrypted {
            true => Observed::Known(true),
            false => unknown.encrypted,
        },
        key: match locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))) {
            Ok(None) => unknown.key,
            key => key.into(),
        },
        aws_owned: false,
    }
}

fn read_new_encryption(build: &Build<'_>, kind: &str, properties: &Resolved) -> Encryption {
    let given = locate_gap(
        "StorageEncrypted",
        properties.get("StorageEncrypted").as_boolean(),
    );
    let mut encrypted = given.map(|given| given.unwrap_or(RDS_ENCRYPTED));
    let default = managed_key(encrypted.as_ref().ok().copied(), RDS_KEY);
    let named = properties.get("KmsKeyId");
    let key = build.key_or(&named, default.as_deref());
    let mut aws_owned = false;
    if kind == CLUSTER && encrypted == Ok(false) {
        // Only Aurora encrypts with its own key what is not to be encrypted with one of KMS.
        let owned = properties
            .get("Engine")
            .agree(|engine| match engine.text()? {
                Some(engine) => Ok(has_aws_owned_key(&engine.to_ascii_lowercase(), Some(false))),
                None => Err(unplanned("the template names no Engine")),
            });
        match owned {
            Ok(owned) => aws_owned = owned,
            Err(gap) => encrypted = Err(gap),
        }
    }
    Encryption {
        encrypted: encrypted.into(),
        key: locate_gap("KmsKeyId", key).into(),
        aws_owned,
    }
}

fn read_retention(build: &Build<'_>, properties: &Resolved) -> Observed<i32> {
    let name = "BackupRetentionPeriod";
    let given = locate_gap(name, properties.get(name).as_integer());
    let given = given.map(|days| days.map(|days| i32::try_from(days).unwrap_or(i32::MAX)));
    let inherited = find_inheritance(properties);
    match (given, inherited) {
        (Err(gap), _) => Observed::Unknown(gap),
        // CloudFormation sets it after the database was created from its source, unless it is 0:
        // https://github.com/aws-cloudformation/aws-cloudformation-resource-providers-rds
        (Ok(Some(days)), Some(_)) if days > 0 => Observed::Known(days),
        // A replica has none unless they are enabled:
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ReadRepl.html
        (Ok(_), Some(_)) if is_read_replica(build, properties) => Observed::Known(0),
        (Ok(_), Some(gap)) => Observed::Unknown(gap),
        (Ok(Some(days)), None) => Observed::Known(days),
        (Ok(None), None) => Observed::Known(RDS_RETENTION_DAYS),
    }
}

/// Whether it is known that a database replicates another one of the template.
fn is_read_replica(build: &Build<'_>, properties: &Resolved) -> bool {
    let is_replica = matches!(
        find_source(properties),
        Some(("SourceDBInstanceIdentifier", _))
    );
    is_replica
        && takes_key(INSTANCE, properties)
        && find_source_in_template(build, properties).is_some()
}

/// Engines that no rule distinguishes: whether they are Aurora's, have option groups, or are RDS Custom.
fn classify_engine(engine: &str) -> [bool; 4] {
    ["aurora", "oracle-", "sqlserver-", "custom-"].map(|prefix| engine.starts_with(prefix))
}

/// An engine, and why it is not known exactly.
struct Engine {
    name: Result<String, Gap>,
    /// Why it is one of several that rules do not distinguish.
    open: Option<Gap>,
}

/// Returns the engine of a database, or that of its source. Of several that no rule distinguishes it is the
/// first.
fn read_engine(build: &Build<'_>, properties: &Resolved, chain: usize) -> Engine {
    let engine = properties.get("Engine");
    if engine.is_absent() {
        if let Some(source) =
            find_source_in_template(build, properties).filter(|_| chain < LONGEST_CHAIN)
        {
            return read_engine(build, &build.properties(&source), chain + 1);
        }
        let gap = find_inheritance(properties);
        let gap = gap.unwrap_or_else(|| unplanned("the template names no Engine"));
        return Engine {
            name: Err(gap),
            open: None,
        };
    }
    let text = locate_gap("Engine", engine.text());
    let missing = || unplanned("the template names no Engine");
    let name = match text.clone() {
        Ok(name) => name.ok_or_else(missing),
        Err(gap) => {
            let names: Option<Vec<String>> = engine
                .candidates()
                .iter()
                .map(|it| it.text().ok().flatten())
                .collect();
            let names = names.unwrap_or_default();
            let names: Vec<String> = names.iter().map(|it| it.to_ascii_lowercase()).collect();
            match names.first() {
                Some(first)
                    if names
                        .iter()
                        .all(|it| classify_engine(it) == classify_engine(first)) =>
                {
                    Ok(first.clone())
                }
                _ => Err(gap),
            }
        }
    };
    Engine {
        open: name.is_ok().then(|| text.err()).flatten(),
        name: name.map(|name| name.to_ascii_lowercase()),
    }
}

/// The ids of the instances of each cluster.
#[derive(Default)]
struct Members {
    of_cluster: BTreeMap<String, Vec<String>>,
    /// Why a cluster may have more.
    open: Option<Gap>,
}

impl Members {
    fn of(&self, cluster: &str) -> Observed<Vec<String>> {
        match &self.open {
            Some(gap) => Observed::Unknown(gap.clone()),
            None => Observed::Known(self.of_cluster.get(cluster).cloned().unwrap_or_default()),
        }
    }
}

fn read_instances(build: &mut Build<'_>) -> Members {
    let mut members = Members::default();
    for declared in build.of_type(INSTANCE) {
        let properties = build.template.properties(&declared);
        let cluster = properties.get("DBClusterIdentifier");
        let alone = may_be_alone(&cluster);
        members.open = members
            .open
            .or_else(|| build.choice_gap(&cluster))
            .or_else(|| build.named_choice_gap(&cluster, CLUSTER, "DBClusterIdentifier"));
        let cluster = (!is_none(&cluster) && alone.is_none()).then(|| {
            let named = build.named_resource(&cluster, CLUSTER, "DBClusterIdentifier");
            if named.is_none() {
                build.note_member_elsewhere(&declared, &build.tags(&properties, "Tags"));
            }
            let named = named.map(|it| it.id.to_owned());
            named.unwrap_or_else(|| "a cluster that is not in the template".to_owned())
        });
        if let Some(cluster) = &cluster {
            let of_cluster = members.of_cluster.entry(cluster.clone()).or_default();
            of_cluster.push(declared.id.to_owned());
        }
        let encryption = read_encryption(build, INSTANCE, &properties, 0);
        let engine = read_engine(build, &properties, 0).name;
        let arn = build.declare_resource(&declared, "");
        build.planned.declaration_mut(&arn).key_origin = find_key_origin(build, &properties);
        let mut instance = DbInstance {
            arn,
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            cluster,
            cluster_missing: false,
            engine: engine.into(),
            state: not_yet(),
            encrypted: encryption.encrypted,
            aws_owned_key: encryption.aws_owned,
            kms_key: encryption.key,
            size: size_in_gib(&properties, "AllocatedStorage"),
            backup_retention_days: read_retention(build, &properties),
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
        for (name, fact) in DEFAULTS {
            build.note_default(&instance.arn, &properties, name, fact);
        }
        add_default_groups(build, &instance);
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

/// Returns why it is unknown whether an instance is a cluster member: it depends on a condition.
fn may_be_alone(cluster: &Resolved) -> Option<Gap> {
    match cluster {
        Resolved::OneOf(open, candidates) => {
            candidates.iter().any(is_none).then(|| open.gap.clone())
        }
        _ => None,
    }
}

fn groups_of(build: &Build<'_>, properties: &Resolved) -> Observed<Vec<String>> {
    let name = "OptionGroupName";
    let value = properties.get(name);
    let group = build.named_resource(&value, OPTION_GROUP, name);
    let given = match group {
        Some(group) => Ok(Some(group.id.to_owned())),
        None => locate_gap(name, value.text()),
    };
    match (given, find_inheritance(properties)) {
        (Ok(Some(name)), _) => Observed::Known(vec![name]),
        (Ok(None), Some(gap)) | (Err(gap), _) => Observed::Unknown(gap),
        // An engine's default option group has no options:
        // https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html
        (Ok(None), None) => Observed::Known(Vec::new()),
    }
}

/// Adds the default option groups that an instance names: no template declares them.
fn add_default_groups(build: &mut Build<'_>, instance: &DbInstance) {
    let names = instance.option_groups.known().into_iter().flatten();
    for name in names.filter(|it| is_default_option_group(it)) {
        let groups = &mut build.stack_region().option_groups.items;
        if !groups.iter().any(|it| it.id == *name) {
            groups.push(OptionGroup {
                id: name.clone(),
                options: Observed::Known(Vec::new()),
            });
        }
    }
}

fn read_clusters(build: &mut Build<'_>, members: &Members) {
    for declared in build.of_type(CLUSTER) {
        let properties = build.template.properties(&declared);
        let Engine { name, open } = read_engine(build, &properties, 0);
        let (engine, engine_gap) = match name {
            Ok(name) => (name, None),
            // It is listed as the kind of cluster that can be copied, so that no check is left out.
            Err(gap) => (UNKNOWN_ENGINE.to_owned(), Some(gap)),
        };
        if let Some(gap) = open.as_ref().or(engine_gap.as_ref()) {
            let region = build.region().to_owned();
            let reason = format!("the engine of {}: {gap}", declared.id);
            build.planned.note_partial(&region, Service::Rds, reason);
        }
        let encryption = read_encryption(build, CLUSTER, &properties, 0);
        let size = match is_multi_az_engine(&engine) {
            true => size_in_gib(&properties, "AllocatedStorage"),
            false => Observed::default(),
        };
        let cluster = DbCluster {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            engine,
            engine_gap,
            state: not_yet(),
            encrypted: encryption.encrypted,
            aws_owned_key: encryption.aws_owned,
            kms_key: encryption.key,
            size,
            backup_retention_days: read_retention(build, &properties),
            members: members.of(declared.id),
        };
        for (name, fact) in DEFAULTS {
            build.note_default(&cluster.arn, &properties, name, fact);
        }
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
