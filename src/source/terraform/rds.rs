//! RDS instances, Aurora and Multi-AZ DB clusters.

use std::collections::BTreeMap;

use crate::model::rds::{DbCluster, DbInstance, DbOption, OptionGroup, is_rds_cluster};
use crate::model::{Gap, Observed};
use crate::source::planned::{Planned, unplanned};

use super::document::Item;
use super::reader::{Link, Reader, untold, widen};
use super::view::{Fact, View};

/// The key where none is named.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>.
const MANAGED: &str = "alias/aws/rds";

/// Where an instance may come from: its encryption and its backups then come from there.
const SOURCES: [&str; 4] = [
    "replicate_source_db",
    "restore_to_point_in_time",
    "s3_import",
    "snapshot_identifier",
];

/// The same for a cluster.
const CLUSTER_SOURCES: [&str; 5] = [
    "global_cluster_identifier",
    "replication_source_identifier",
    "restore_to_point_in_time",
    "s3_import",
    "snapshot_identifier",
];

/// Reads instances, clusters and option groups.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let mut members: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut stray = None;
    for item in reader.document.of("aws_rds_cluster_instance") {
        let view = item.view();
        let named = reader.named(item, view.text("identifier"));
        let owner = reader.linked(
            &view,
            "cluster_identifier",
            &["aws_rds_cluster"],
            &["cluster_identifier", "id"],
        );
        let cluster = match owner {
            Ok(Some(cluster)) => cluster.address.to_owned(),
            Ok(None) => view
                .text("cluster_identifier")
                .known()
                .unwrap_or_default()
                .to_owned(),
            Err(gap) => {
                stray.get_or_insert(gap);
                String::new()
            }
        };
        members
            .entry(cluster.clone())
            .or_default()
            .push(named.id.clone());
        let instance = DbInstance {
            tags: reader.tags(item),
            cluster: Some(cluster),
            engine: view
                .text("engine")
                .or(|| Err(view.later("engine")))
                .map(str::to_owned),
            state: reader.state(&view, "status"),
            encrypted: view
                .flag("storage_encrypted")
                .or(|| Err(view.later("storage_encrypted"))),
            aws_owned_key: false,
            kms_key: Observed::Unknown(view.later("kms_key_id")),
            backup_retention_days: Observed::Unknown(view.later("backup_retention_period")),
            option_groups: Observed::Known(Vec::new()),
            id: named.id,
            arn: named.arn,
        };
        reader.place(item, &instance.arn, planned);
        planned
            .region(&named.region)
            .db_instances
            .items
            .push(instance);
    }
    for item in reader.document.of("aws_rds_cluster") {
        let found = members.get(item.address).cloned().unwrap_or_default();
        let members = match &stray {
            Some(gap) => Observed::Unknown(gap.clone()),
            // Other plans may hold more of them.
            None if item.exists && found.is_empty() => {
                Observed::Unknown(untold(&item.view(), "its instances"))
            }
            None => Observed::Known(found),
        };
        cluster(reader, item, members, planned);
    }
    for item in reader.document.of("aws_db_instance") {
        instance(reader, item, planned);
    }
    for item in reader.document.of("aws_db_option_group") {
        option_group(reader, item, planned);
    }
}

/// What else a database is made from, in words.
fn source(view: &View<'_>, names: &[&str]) -> Option<String> {
    let from = |name: &&&str| match view.fact(name) {
        Fact::Known(value) => value.as_array().is_none_or(|list| !list.is_empty()) && value != "",
        Fact::Open(_) => view.is_set(name) != Some(false),
        // A dynamic block, which the configuration does not show.
        Fact::Computed(_) => matches!(**name, "restore_to_point_in_time" | "s3_import"),
        Fact::Unset => false,
    };
    let name = names.iter().find(from)?;
    Some(format!("what {name} of {} names", view.item.address))
}

fn inherited(view: &View<'_>, what: &str, from: &str) -> Gap {
    let address = view.item.address;
    unplanned(format!(
        "{what} of {address} comes from {from}, which the plan does not hold"
    ))
}

/// Whether a database is encrypted, and with which key.
fn encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    from: Option<&str>,
    planned: &mut Planned,
) -> (Observed<bool>, Observed<Option<String>>) {
    let encrypted = match (view.flag("storage_encrypted"), from) {
        (Fact::Known(true), _) => Observed::Known(true),
        // The provider writes `false` where nothing is set, and the source decides.
        (Fact::Known(false) | Fact::Unset | Fact::Computed(_), Some(from)) if !view.item.exists => {
            Observed::Unknown(inherited(view, "storage_encrypted", from))
        }
        (fact, _) => fact.or(|| Ok(false)),
    };
    let is_plain = encrypted.known() == Some(&false);
    let key = reader.key_or(view, "kms_key_id", planned, || match from {
        _ if is_plain => Ok(None),
        _ if view.item.exists => Err(untold(view, "its key")),
        Some(from) => Err(inherited(view, "kms_key_id", from)),
        None => Ok(Some(MANAGED.to_owned())),
    });
    (encrypted, key)
}

fn instance<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.named(item, view.text("identifier"));
    let from = source(&view, &SOURCES);
    let (encrypted, kms_key) = encryption(reader, &view, from.as_deref(), planned);
    let retention = view.number("backup_retention_period").or(|| match &from {
        Some(from) if !item.exists => Err(inherited(&view, "backup_retention_period", from)),
        _ => Ok(0),
    });
    let option_groups = match reader.link(&view, "option_group_name", &["aws_db_option_group"]) {
        Link::Named(name) => Observed::Known(vec![name.to_owned()]),
        Link::To(group) => Observed::Known(vec![group_name(group)]),
        // The default group has no options:
        // <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html>.
        Link::Nothing if from.is_none() => Observed::Known(Vec::new()),
        Link::Nothing => Observed::Unknown(view.later("option_group_name")),
        Link::Open(gap) => Observed::Unknown(gap),
    };
    if let Some(names) = option_groups.known() {
        for name in names {
            mention(reader, &view, name, planned);
        }
    }
    let instance = DbInstance {
        tags: reader.tags(item),
        cluster: None,
        engine: view
            .text("engine")
            .or(|| match &from {
                Some(from) => Err(inherited(&view, "engine", from)),
                None => Err(view.later("engine")),
            })
            .map(str::to_owned),
        state: reader.state(&view, "status"),
        encrypted,
        aws_owned_key: false,
        kms_key,
        backup_retention_days: retention.map(|days| i32::try_from(days).unwrap_or(i32::MAX)),
        option_groups,
        id: named.id,
        arn: named.arn,
    };
    reader.place(item, &instance.arn, planned);
    planned
        .region(&named.region)
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

/// Adds an option group that the plan names and does not hold.
fn mention(reader: &Reader<'_>, view: &View<'_>, name: &str, planned: &mut Planned) {
    let mut own = reader.document.of("aws_db_option_group");
    if own.any(|group| group_name(group) == name) {
        return;
    }
    let region = reader.places.region(view.item);
    let groups = &mut planned.region(&region).option_groups.items;
    if !groups.iter().any(|group| group.id == name) {
        let gap = unplanned(format!(
            "the option group {name} is not in the plan, which only names it"
        ));
        groups.push(OptionGroup {
            id: name.to_owned(),
            options: match name.starts_with("default:") {
                true => Observed::Known(Vec::new()),
                false => Observed::Unknown(gap),
            },
        });
    }
}

fn option_group<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let region = reader.places.region(item);
    let fixed = |name: &str| {
        unplanned(format!(
            "the plan does not say whether {name} can be removed from an option group"
        ))
    };
    let options = view.blocks("option").set().and_then(|blocks| {
        let blocks = blocks.unwrap_or_default().into_iter();
        let options = blocks.map(|block| {
            let name = block.text("option_name").chosen()?.unwrap_or_default();
            Ok(DbOption {
                name: name.to_owned(),
                persistent: Observed::Unknown(fixed(name)),
                permanent: Observed::Unknown(fixed(name)),
            })
        });
        options.collect::<Result<Vec<DbOption>, Gap>>()
    });
    planned
        .region(&region)
        .option_groups
        .items
        .push(OptionGroup {
            id: group_name(item),
            options: options.into(),
        });
}

fn cluster<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    members: Observed<Vec<String>>,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.named(item, view.text("cluster_identifier"));
    let engine = match view.text("engine") {
        Fact::Known(engine) => engine,
        // Aurora for MySQL 5.6 was the provider's default while it had one.
        Fact::Unset => "aurora",
        Fact::Computed(gap) | Fact::Open(gap) => {
            return widen(&mut planned.region(&named.region).db_clusters, gap);
        }
    };
    if !is_rds_cluster(engine) {
        return;
    }
    let from = source(&view, &CLUSTER_SOURCES);
    let (mut encrypted, kms_key) = encryption(reader, &view, from.as_deref(), planned);
    // The first generation of Aurora Serverless is always encrypted:
    // <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-serverless.how-it-works.html>.
    if view.text("engine_mode").known() == Some("serverless") && !item.exists {
        encrypted = Observed::Known(true);
    }
    // Aurora encrypts new clusters with a key that AWS owns, where no other is asked for:
    // <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/Overview.Encryption.html>.
    let aws_owned_key =
        engine.starts_with("aurora") && !item.exists && encrypted.known() == Some(&false);
    if engine.starts_with("aurora") && item.exists && encrypted.known() == Some(&false) {
        // Nor does the provider tell such a key from none.
        encrypted = Observed::Unknown(untold(
            &view,
            "whether AWS encrypts it with a key of its own",
        ));
    }
    let kms_key = match (kms_key, encrypted.known()) {
        (Observed::Known(None), Some(true)) => Observed::Known(Some(MANAGED.to_owned())),
        (kms_key, _) => kms_key,
    };
    let retention = view.number("backup_retention_period").or(|| Ok(1));
    let cluster = DbCluster {
        tags: reader.tags(item),
        engine: engine.to_owned(),
        state: reader.state(&view, "status"),
        encrypted,
        aws_owned_key,
        kms_key,
        backup_retention_days: retention.map(|days| i32::try_from(days).unwrap_or(i32::MAX)),
        members,
        id: named.id,
        arn: named.arn,
    };
    reader.place(item, &cluster.arn, planned);
    planned
        .region(&named.region)
        .db_clusters
        .items
        .push(cluster);
}
