//! RDS DB instances, clusters of Aurora, DocumentDB and Neptune, Multi-AZ DB clusters, option groups.

use std::collections::BTreeMap;

use crate::model::rds::{
    BACKUP_TARGET, DbCluster, DbInstance, DbOption, OptionGroup, is_multi_az_engine,
};
use crate::model::{Gap, Observed};
use crate::source::defaults::{
    RDS_ENCRYPTED, RDS_KEY, RDS_RETENTION_DAYS, TERRAFORM_CLUSTER_ENGINE,
    TERRAFORM_DB_INSTANCE_RETENTION_DAYS, has_aws_owned_key, is_default_option_group, managed_key,
};
use crate::source::planned::{Planned, unplanned};

use super::item::Item;
use super::keys::KeyName;
use super::origin::{Origin, find_engine, find_origin};
use super::reader::{Link, Reader, not_in_plan};
use super::view::{Fact, View};

/// A type of DB clusters.
struct ClusterType {
    /// The type of the clusters.
    kind: &'static str,
    /// The type of their instances.
    member: &'static str,
    /// The engine of a cluster that names none.
    engine: &'static str,
    /// The attribute with the key.
    key: &'static str,
}

const CLUSTER_TYPES: [ClusterType; 3] = [
    ClusterType {
        kind: "aws_rds_cluster",
        member: "aws_rds_cluster_instance",
        engine: TERRAFORM_CLUSTER_ENGINE,
        key: "kms_key_id",
    },
    ClusterType {
        kind: "aws_docdb_cluster",
        member: "aws_docdb_cluster_instance",
        engine: "docdb",
        key: "kms_key_id",
    },
    ClusterType {
        kind: "aws_neptune_cluster",
        member: "aws_neptune_cluster_instance",
        engine: "neptune",
        key: "kms_key_arn",
    },
];

/// Reads the DB instances, DB clusters and option groups of the plan.
pub(super) fn read_databases<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for cluster_type in &CLUSTER_TYPES {
        read_clusters(reader, cluster_type, planned);
    }
    for item in reader.document.items_of("aws_db_instance") {
        read_instance(reader, item, planned);
    }
    for item in reader.document.items_of("aws_db_option_group") {
        read_option_group(reader, item, planned);
    }
}

fn read_clusters<'a>(reader: &Reader<'a>, cluster_type: &ClusterType, planned: &mut Planned) {
    let members = read_members(reader, cluster_type, planned);
    for item in reader.document.items_of(cluster_type.kind) {
        let found = members.of_cluster.get(item.address).cloned();
        let found = found.unwrap_or_default();
        let members = match &members.stray {
            Some(gap) => Observed::Unknown(gap.clone()),
            // Other plans may contain instances of an existing cluster.
            None if item.exists && found.is_empty() => {
                Observed::Unknown(not_in_plan(&item.view(), "the instances"))
            }
            None => Observed::Known(found),
        };
        read_cluster(reader, item, cluster_type, members, planned);
    }
}

/// The instances of the clusters.
#[derive(Debug, Default)]
struct Members {
    /// Ids of the instances by the address or the identifier of the cluster.
    of_cluster: BTreeMap<String, Vec<String>>,
    /// Why an instance may belong to any cluster.
    stray: Option<Gap>,
}

/// Reads the instances of DB clusters.
fn read_members<'a>(
    reader: &Reader<'a>,
    cluster_type: &ClusterType,
    planned: &mut Planned,
) -> Members {
    let mut members = Members::default();
    for item in reader.document.items_of(cluster_type.member) {
        let view = item.view();
        let named = reader.identify_item(item, view.text("identifier"));
        let owner = reader.linked_item(
            &view,
            "cluster_identifier",
            &[cluster_type.kind],
            &["cluster_identifier", "id"],
        );
        let cluster = match owner {
            Ok(Some(cluster)) => cluster.address.to_owned(),
            Ok(None) => {
                let named = view.text("cluster_identifier").known();
                named.unwrap_or_default().to_owned()
            }
            Err(gap) => {
                members.stray.get_or_insert(gap);
                String::new()
            }
        };
        let of_cluster = members.of_cluster.entry(cluster.clone()).or_default();
        of_cluster.push(named.id.clone());
        let instance = DbInstance {
            tags: reader.read_tags(item),
            cluster: Some(cluster),
            cluster_missing: false,
            engine: view
                .text("engine")
                .or_else(|| Err(view.known_after_apply("engine")))
                .map(str::to_owned),
            state: reader.read_state(&view, "status"),
            encrypted: view
                .flag("storage_encrypted")
                .or_else(|| Err(view.known_after_apply("storage_encrypted"))),
            aws_owned_key: false,
            kms_key: Observed::Unknown(view.known_after_apply(cluster_type.key)),
            size: Observed::default(),
            backup_retention_days: Observed::Unknown(
                view.known_after_apply("backup_retention_period"),
            ),
            // Windows of members do not count: Aurora is exempt, and other clusters have their own.
            maintenance_window: Observed::default(),
            backup_window: Observed::default(),
            option_groups: Observed::Known(Vec::new()),
            backup_target: Observed::Known(BACKUP_TARGET.to_owned()),
            id: named.id,
            arn: named.arn,
        };
        reader.add_place(item, &instance.arn, planned);
        let region = planned.region_mut(&named.region);
        region.db_instances.items.push(instance);
    }
    members
}

/// Returns whether a database is encrypted, and with which key.
fn storage_encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    key: &str,
    origin: Option<&Origin<'a>>,
    planned: &mut Planned,
) -> (Observed<bool>, Observed<Option<String>>) {
    let inherited = origin.map(|origin| {
        origin.read(
            |it| {
                let origin = find_origin(reader, &it);
                storage_encryption(
                    reader,
                    &it,
                    key_attribute(it.item),
                    origin.as_ref(),
                    planned,
                )
            },
            || {
                let gap = origin.gap(view, "the encryption");
                (Observed::Unknown(gap.clone()), Observed::Unknown(gap))
            },
        )
    });
    let (from_origin, origin_key) = match (inherited, origin) {
        (Some((encrypted, _)), Some(origin))
            if origin.joins_global_cluster()
                && view.flag("storage_encrypted").known() == Some(true) =>
        {
            (Some(encrypted), None)
        }
        (Some((encrypted, Observed::Known(Some(_)))), Some(origin)) if origin.is_far => {
            let gap = origin.gap(view, "the key");
            (Some(encrypted), Some(Observed::Unknown(gap)))
        }
        (Some((encrypted, key)), _) => (Some(encrypted), Some(key)),
        (None, _) => (None, None),
    };
    let is_copy = !view.item.exists && origin.is_some_and(Origin::is_copied);
    // An instance has the key of what it is restored from or replicates, whatever it names. Only a replica in
    // another region has the key that it names:
    // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html
    // https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html
    let inherits_key = is_copy && view.item.kind == "aws_db_instance";
    let takes_key = !inherits_key || origin.is_some_and(Origin::is_replicated_from_afar);
    let named = match takes_key {
        true => reader.read_key(view, key, planned),
        false => KeyName::Unset,
    };
    let encrypted = match (view.flag("storage_encrypted"), from_origin) {
        // A key does not encrypt the replica of an unencrypted instance: RDS refuses to create it.
        (_, Some(Observed::Known(false))) if inherits_key => Observed::Known(false),
        (_, Some(Observed::Known(false)))
            if is_copy
                && origin.is_some_and(Origin::is_point_in_time)
                && !matches!(named, KeyName::Unset) =>
        {
            encrypt_at_point_in_time(reader, view)
        }
        // A copy has no parameter for whether it is encrypted.
        (_, Some(_)) if is_copy && matches!(named, KeyName::Is(_)) => Observed::Known(true),
        (_, Some(Observed::Known(false))) if is_copy && let KeyName::Open(gap) = &named => {
            Observed::Unknown(gap.clone())
        }
        (_, Some(inherited)) if is_copy => inherited,
        (Fact::Known(true), _) => Observed::Known(true),
        // The provider writes `false` for an unset attribute, but the origin determines the encryption.
        (Fact::Known(false) | Fact::Unset | Fact::Computed(_), Some(inherited))
            if !view.item.exists =>
        {
            inherited
        }
        // The same attribute of a snapshot.
        (Fact::Unset, _) if view.item.kind.contains("_snapshot") => view
            .flag("encrypted")
            .or_else(|| Err(not_in_plan(view, "the encryption"))),
        (fact, _) => fact.or_else(|| Ok(RDS_ENCRYPTED)),
    };
    let default = || match (managed_key(encrypted.known().copied(), RDS_KEY), origin_key) {
        (None, _) => Ok(None),
        (Some(_), _) if view.item.exists => Err(not_in_plan(view, "the key")),
        (Some(_), Some(Observed::Known(key))) => Ok(key),
        (Some(_), Some(Observed::Unknown(gap))) => Err(gap),
        (key, None) => Ok(key),
    };
    let key = match named {
        KeyName::Is(key) => Observed::Known(Some(key)),
        KeyName::Unset => default().into(),
        KeyName::Open(gap) => Observed::Unknown(gap),
    };
    (encrypted, key)
}

/// Returns whether a cluster with a key is encrypted that is restored to a point in time, or cloned, from one without
/// a KMS key: RDS refuses that, but a source of Aurora may have an AWS owned key.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterToPointInTime.html>.
fn encrypt_at_point_in_time<'a>(reader: &Reader<'a>, view: &View<'a>) -> Observed<bool> {
    let may_be_aurora = view.item.kind == "aws_rds_cluster"
        && find_engine(reader, view).is_none_or(|it| has_aws_owned_key(it, Some(false)));
    match may_be_aurora {
        true => Observed::Unknown(unplanned(format!(
            "whether {} can be encrypted with a KMS key depends on its source, which may have an AWS owned key or none",
            view.item.address
        ))),
        false => Observed::Known(false),
    }
}

/// Returns the attribute with the key of a database or of a snapshot.
fn key_attribute(item: &Item<'_>) -> &'static str {
    let cluster_type = CLUSTER_TYPES.iter().find(|it| it.kind == item.kind);
    cluster_type.map_or("kms_key_id", |it| it.key)
}

/// Returns the engine that a database names. A read replica has that of its source, whatever it names:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>.
fn read_engine<'a>(view: &View<'a>, origin: Option<&Origin<'a>>) -> Fact<&'a str> {
    match view.text("engine") {
        Fact::Open(gap) if origin.is_some_and(Origin::is_replicated) => Fact::Computed(gap),
        fact => fact,
    }
}

/// Returns a window of an instance. RDS chooses one that is not set when it creates the instance.
fn read_window(view: &View<'_>, name: &str) -> Observed<String> {
    let given = view.text(name);
    given
        .or_else(|| Err(view.known_after_apply(name)))
        .map(str::to_owned)
}

fn read_instance<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("identifier"));
    let origin = find_origin(reader, &view);
    let (encrypted, kms_key) =
        storage_encryption(reader, &view, "kms_key_id", origin.as_ref(), planned);
    let retention = view
        .number("backup_retention_period")
        .or_else(|| match &origin {
            Some(origin) if !item.exists => Err(origin.gap(&view, "backup_retention_period")),
            _ => Ok(TERRAFORM_DB_INSTANCE_RETENTION_DAYS.into()),
        });
    let option_groups =
        match reader.resolve_link(&view, "option_group_name", &["aws_db_option_group"]) {
            Link::Named(name) => Observed::Known(vec![name.to_owned()]),
            Link::To(group) => Observed::Known(vec![group_name(group)]),
            // The instance uses the default option group, which has no options.
            Link::Nothing if origin.is_none() => Observed::Known(Vec::new()),
            Link::Nothing => Observed::Unknown(view.known_after_apply("option_group_name")),
            Link::OneOf(_, gap) | Link::Open(gap) => Observed::Unknown(gap),
        };
    if let Some(names) = option_groups.known() {
        for name in names {
            add_named_group(reader, &view, name, planned);
        }
    }
    let instance = DbInstance {
        tags: reader.read_tags(item),
        cluster: None,
        cluster_missing: false,
        engine: read_engine(&view, origin.as_ref())
            .or_else(|| match &origin {
                Some(origin) => origin
                    .read(|it| find_engine(reader, &it), || None)
                    .ok_or_else(|| origin.gap(&view, "the engine")),
                None => Err(view.known_after_apply("engine")),
            })
            .map(str::to_owned),
        state: reader.read_state(&view, "status"),
        encrypted,
        aws_owned_key: false,
        kms_key,
        size: view.size_in_gib("allocated_storage"),
        backup_retention_days: retention.map(|days| i32::try_from(days).unwrap_or(i32::MAX)),
        maintenance_window: read_window(&view, "maintenance_window"),
        backup_window: read_window(&view, "backup_window"),
        option_groups,
        backup_target: view
            .text("backup_target")
            .or_else(|| Ok(BACKUP_TARGET))
            .map(str::to_owned),
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &instance.arn, planned);
    planned.declaration_mut(&instance.arn).key_origin =
        origin.as_ref().and_then(Origin::key_origin);
    planned
        .region_mut(&named.region)
        .db_instances
        .items
        .push(instance);
}

fn group_name(item: &Item<'_>) -> String {
    item.view()
        .text("name")
        .known()
        .unwrap_or(item.address)
        .to_owned()
}

/// Adds an option group that the plan names but does not contain.
fn add_named_group(reader: &Reader<'_>, view: &View<'_>, name: &str, planned: &mut Planned) {
    let kind = "aws_db_option_group";
    let mut own = reader.document.items_named(kind, name, &["name"]);
    let is_address = name.contains(kind);
    if own.next().is_some()
        || (is_address
            && reader
                .document
                .items_of(kind)
                .any(|it| group_name(it) == name))
    {
        return;
    }
    let region = reader.places.region_of(view.item);
    let groups = &mut planned.region_mut(&region).option_groups.items;
    if !groups.iter().any(|group| group.id == name) {
        let gap = unplanned(format!(
            "the option group {name} is not in the plan, which only refers to it"
        ));
        groups.push(OptionGroup {
            id: name.to_owned(),
            options: match is_default_option_group(name) {
                true => Observed::Known(Vec::new()),
                false => Observed::Unknown(gap),
            },
        });
    }
}

fn read_option_group<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let region = reader.places.region_of(item);
    let fixed = |name: &str| {
        unplanned(format!(
            "the plan does not show whether option {name} can be removed from an option group"
        ))
    };
    let options = view.blocks("option").set_value().and_then(|blocks| {
        let blocks = blocks.unwrap_or_default().into_iter();
        let options = blocks.map(|block| {
            let name = block.text("option_name").final_value()?.unwrap_or_default();
            Ok(DbOption {
                name: name.to_owned(),
                persistent: Observed::Unknown(fixed(name)),
                permanent: Observed::Unknown(fixed(name)),
            })
        });
        options.collect::<Result<Vec<DbOption>, Gap>>()
    });
    planned
        .region_mut(&region)
        .option_groups
        .items
        .push(OptionGroup {
            id: group_name(item),
            options: options.into(),
        });
}

fn read_cluster<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    cluster_type: &ClusterType,
    members: Observed<Vec<String>>,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("cluster_identifier"));
    let origin = find_origin(reader, &view);
    let of_origin = || {
        origin
            .as_ref()?
            .read(|it| find_engine(reader, &it), || None)
    };
    let (engine, engine_gap) = match view.text("engine") {
        Fact::Known(engine) => (engine, None),
        Fact::Unset => (cluster_type.engine, None),
        Fact::Computed(_) if cluster_type.kind != "aws_rds_cluster" => (cluster_type.engine, None),
        Fact::Computed(gap) | Fact::Open(gap) => match of_origin() {
            Some(engine) => (engine, None),
            None => (cluster_type.engine, Some(gap)),
        },
    };
    let (mut encrypted, kms_key) =
        storage_encryption(reader, &view, cluster_type.key, origin.as_ref(), planned);
    // Aurora Serverless v1 is always encrypted:
    // <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless.how-it-works.html>.
    if view.text("engine_mode").known() == Some("serverless") && !item.exists {
        encrypted = Observed::Known(true);
    }
    let may_be_aws_owned =
        engine_gap.is_none() && has_aws_owned_key(engine, encrypted.known().copied());
    // The provider shows an AWS owned key as no encryption. Whether a copy of an unencrypted cluster gets one is not
    // documented.
    let is_open = item.exists || origin.as_ref().is_some_and(Origin::is_copied_from_outside);
    let aws_owned_key = may_be_aws_owned && !is_open;
    if may_be_aws_owned && is_open {
        encrypted = Observed::Unknown(unplanned(format!(
            "the plan does not show whether {} is encrypted with an AWS owned key",
            item.address
        )));
    }
    // Only Aurora has an AWS owned key.
    if let Some(gap) = engine_gap
        .as_ref()
        .filter(|_| encrypted.known() == Some(&false))
    {
        encrypted = Observed::Unknown(gap.clone());
    }
    let kms_key = match (kms_key, encrypted.known()) {
        (Observed::Known(None), Some(true)) => Observed::Known(Some(RDS_KEY.to_owned())),
        (kms_key, _) => kms_key,
    };
    let retention = view
        .number("backup_retention_period")
        .or_else(|| Ok(RDS_RETENTION_DAYS.into()));
    let cluster = DbCluster {
        tags: reader.read_tags(item),
        engine: engine.to_owned(),
        engine_gap,
        state: reader.read_state(&view, "status"),
        encrypted,
        aws_owned_key,
        kms_key,
        size: match is_multi_az_engine(engine) {
            true => view.size_in_gib("allocated_storage"),
            false => Observed::default(),
        },
        backup_retention_days: retention.map(|days| i32::try_from(days).unwrap_or(i32::MAX)),
        members,
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &cluster.arn, planned);
    planned
        .region_mut(&named.region)
        .db_clusters
        .items
        .push(cluster);
}
