//! What a database is made from: another one that it replicates or clones, or a snapshot. It inherits the
//! encryption of that.
//!
//! Sources: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>,
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceToPointInTime.html>,
//! <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBClusterFromSnapshot.html>.

use crate::model::Gap;
use crate::model::arn::Arn;
use crate::model::observed::AccountFact;
use crate::model::place::KeyOrigin;
use crate::source::planned::unplanned;

use super::item::Item;
use super::reader::{Link, Reader};
use super::view::{Fact, View};

/// Types of databases and of their snapshots.
const KINDS: [&str; 13] = [
    "aws_db_cluster_snapshot",
    "aws_db_instance",
    "aws_db_snapshot",
    "aws_docdb_cluster",
    "aws_neptune_cluster",
    "aws_rds_cluster",
    "aws_rds_cluster_snapshot_copy",
    "aws_rds_global_cluster",
    "data.aws_db_cluster_snapshot",
    "data.aws_db_instance",
    "data.aws_db_snapshot",
    "data.aws_rds_cluster",
    "aws_db_snapshot_copy",
];

/// Attributes by which a database or a snapshot is named.
const BY: [&str; 8] = [
    "arn",
    "cluster_identifier",
    "db_cluster_snapshot_identifier",
    "db_snapshot_identifier",
    "id",
    "identifier",
    "target_db_cluster_snapshot_identifier",
    "target_db_snapshot_identifier",
];

/// Attributes that name an origin, in the resource or in its block.
const ATTRIBUTES: [(&str, &str); 12] = [
    ("", "replicate_source_db"),
    ("", "replication_source_identifier"),
    ("", "snapshot_identifier"),
    ("", "global_cluster_identifier"),
    ("", "source_db_cluster_identifier"),
    ("", "db_instance_identifier"),
    ("", "db_cluster_identifier"),
    ("", "source_db_snapshot_identifier"),
    ("", "source_db_cluster_snapshot_identifier"),
    ("restore_to_point_in_time", "source_db_instance_identifier"),
    ("restore_to_point_in_time", "source_cluster_identifier"),
    ("s3_import", "bucket_name"),
];

/// Most databases and snapshots between a database and the one that it comes from.
const MAX_HOPS: usize = 8;

/// What a database is made from.
#[derive(Debug)]
pub(super) struct Origin<'a> {
    /// The attribute that names it.
    attribute: &'static str,
    /// The database or the snapshot, if it is in the plan.
    item: Option<&'a Item<'a>>,
    /// Whether it is in another region, where keys are others.
    pub(super) is_far: bool,
    /// Its name, if the plan does not contain it.
    outside: Option<&'a str>,
    /// Why it is not known which one it is.
    gap: Option<Gap>,
}

impl<'a> Origin<'a> {
    /// Returns what the origin says, or what is known without it.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(View<'a>) -> T,
        otherwise: impl FnOnce() -> T,
    ) -> T {
        match self.item {
            Some(item) => read(item.view()),
            None => otherwise(),
        }
    }

    /// Whether the database is a read replica, which has the engine of its source.
    pub(super) fn is_replicated(&self) -> bool {
        self.attribute == "replicate_source_db"
    }

    /// Whether the database is a read replica in another region than its source. A name is one of the same region, and
    /// an ARN contains its region.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>.
    pub(super) fn is_replicated_from_afar(&self) -> bool {
        self.is_replicated() && self.is_far
    }

    /// Whether the database is a copy of one that the plan does not create.
    pub(super) fn is_copied_from_outside(&self) -> bool {
        self.is_copied() && self.item.is_none_or(|it| it.is_data || it.exists)
    }

    /// Whether the cluster is another one as it was at a point in time, or its clone.
    pub(super) fn is_point_in_time(&self) -> bool {
        matches!(
            self.attribute,
            "restore_to_point_in_time" | "source_cluster_identifier"
        )
    }

    /// Whether the database joins a global cluster, which has no key: unless it names one, it has the default key.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html>.
    pub(super) fn joins_global_cluster(&self) -> bool {
        self.attribute == "global_cluster_identifier"
    }

    /// Whether the database is a copy of its origin, of which no parameter says whether it is encrypted.
    pub(super) fn is_copied(&self) -> bool {
        const CREATED: [&str; 4] = [
            "bucket_name",
            "global_cluster_identifier",
            "replication_source_identifier",
            "s3_import",
        ];
        !CREATED.contains(&self.attribute)
    }

    /// Returns where a DB instance has its key from, if it cannot be given one: a replica in another region and a
    /// database that is made from files can.
    pub(super) fn key_origin(&self) -> Option<KeyOrigin> {
        match self.attribute {
            "bucket_name" | "s3_import" => None,
            "replicate_source_db" if self.is_far => None,
            "replicate_source_db" => {
                let source = self.item.filter(|it| !it.is_data);
                Some(KeyOrigin::Source(source.map(|it| it.address.to_owned())))
            }
            _ => Some(KeyOrigin::Backup),
        }
    }

    /// Returns the gap of an attribute that a database inherits from its origin.
    pub(super) fn gap(&self, view: &View<'_>, name: &str) -> Gap {
        let address = view.item.address;
        match (&self.gap, self.item) {
            (Some(gap), _) => gap.clone(),
            (None, Some(origin)) => unplanned(format!(
                "{name} of {address} is inherited from {}, and the plan does not show it",
                origin.address
            )),
            (None, None) => {
                let gap = unplanned(format!(
                    "{name} of {address} is inherited from its {}, which is not in the plan",
                    self.attribute
                ));
                match self.account_fact() {
                    Some(fact) => gap.needing(fact),
                    None => gap,
                }
            }
        }
    }

    /// Returns the database of the account that it is, if the plan does not contain it.
    fn account_fact(&self) -> Option<AccountFact> {
        let id = self.outside?.to_owned();
        match self.attribute {
            "replicate_source_db" | "source_db_instance_identifier" => {
                Some(AccountFact::DbInstance(id))
            }
            "replication_source_identifier" | "source_cluster_identifier" => {
                Some(AccountFact::DbCluster(id))
            }
            _ => None,
        }
    }
}

/// Returns what a database is made from, if it has an origin.
pub(super) fn find_origin<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<Origin<'a>> {
    follow_origin(reader, view, 0)
}

fn follow_origin<'a>(reader: &Reader<'a>, view: &View<'a>, depth: usize) -> Option<Origin<'a>> {
    let mut origins = ATTRIBUTES.into_iter();
    let mut origin = origins.find_map(|(block, name)| match block {
        "" => read_origin(reader, view, name),
        block_name => match view.blocks(block_name) {
            Fact::Known(blocks) => {
                let block = blocks.first()?;
                let named = read_origin(reader, block, name);
                // Other attributes of the block may name it.
                let other = Origin {
                    attribute: block_name,
                    item: None,
                    is_far: false,
                    outside: None,
                    gap: None,
                };
                (name != "source_db_instance_identifier" || named.is_some())
                    .then(|| named.unwrap_or(other))
            }
            Fact::Open(gap) => Some(Origin {
                attribute: block_name,
                item: None,
                is_far: false,
                outside: None,
                gap: Some(gap),
            }),
            Fact::Unset | Fact::Computed(_) => None,
        },
    })?;
    // A snapshot of a database that the same plan creates is encrypted as that is.
    if let Some(item) = origin.item
        && !item.is_data
        && item.kind.ends_with("_snapshot")
        && !item.exists
    {
        origin = match depth < MAX_HOPS {
            true => {
                let next = follow_origin(reader, &item.view(), depth + 1)?;
                let is_far = origin.is_far || next.is_far;
                Origin { is_far, ..next }
            }
            false => Origin {
                item: None,
                ..origin
            },
        };
    }
    Some(origin)
}

/// Reads the attribute that names an origin; `None` if it is not set.
fn read_origin<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    attribute: &'static str,
) -> Option<Origin<'a>> {
    // A snapshot may have the name of a database.
    let is_snapshot = attribute.ends_with("snapshot_identifier");
    let kinds = KINDS.into_iter();
    let kinds: Vec<&str> = kinds
        .filter(|it| it.contains("snapshot") == is_snapshot)
        .collect();
    let mut outside = None;
    let (item, gap) = match reader.resolve_link(view, attribute, &kinds) {
        Link::Nothing => return None,
        Link::Named(name) => match reader.linked_item(view, attribute, &kinds, &BY) {
            Ok(item) => {
                outside = item.is_none().then_some(name);
                (item, None)
            }
            Err(gap) => (None, Some(gap)),
        },
        Link::To(item) => (Some(item), None),
        Link::OneOf(_, gap) | Link::Open(gap) => (None, Some(gap)),
    };
    // A copy may be in another region than that of its provider.
    let is_moved = |it: &Item<'_>| !it.values["destination_region"].is_null();
    let item = item.filter(|it| it.address != view.item.address && !is_moved(it));
    let here = reader.places.known_region(view.item);
    let is_far = match item {
        Some(item) => reader.places.known_region(item) != here,
        None => outside
            .and_then(Arn::parse)
            .is_some_and(|arn| here.is_some_and(|here| arn.region != here)),
    };
    Some(Origin {
        attribute,
        is_far,
        item,
        outside,
        gap,
    })
}

/// Returns the engine of a database or a snapshot, or of what it is made from.
pub(super) fn find_engine<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<&'a str> {
    let mut view = *view;
    for _ in 0..MAX_HOPS {
        if let Some(engine) = view.text("engine").known() {
            return Some(engine);
        }
        view = find_origin(reader, &view)?.item?.view();
    }
    None
}
