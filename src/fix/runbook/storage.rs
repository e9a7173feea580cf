//! Storage whose key cannot be changed in place, or only with an interruption.

use super::{ebs, managed, rds};
use crate::fix::change::Step;
use crate::fix::shell::quote;
use crate::model::ResourceKind;
use crate::text::plural;

/// A type of storage whose key can be changed.
struct Row {
    kind: ResourceKind,
    /// The state of encryption that the steps are for; `None` for any.
    is_encrypted: Option<bool>,
    noun: &'static str,
    /// Returns the steps for an id and a region, which are quoted.
    steps: fn(&str, &str) -> Vec<Step>,
}

const fn row(kind: ResourceKind, noun: &'static str, steps: fn(&str, &str) -> Vec<Step>) -> Row {
    Row {
        kind,
        is_encrypted: None,
        noun,
        steps,
    }
}

/// Every type of storage, in the order of its changes.
static ROWS: [Row; 11] = [
    row(ResourceKind::EbsVolume, "volume", ebs::encrypt_volume),
    row(
        ResourceKind::RdsInstance,
        "DB instance",
        rds::encrypt_db_instance,
    ),
    Row {
        is_encrypted: Some(true),
        ..row(
            ResourceKind::AuroraCluster,
            "Aurora cluster",
            |id, region| rds::encrypt_aurora_cluster(id, region, true),
        )
    },
    // The snapshots of a cluster that is not encrypted get a key when they are restored, not when they are copied.
    Row {
        is_encrypted: Some(false),
        ..row(
            ResourceKind::AuroraCluster,
            "Aurora cluster",
            |id, region| rds::encrypt_aurora_cluster(id, region, false),
        )
    },
    row(
        ResourceKind::RdsCluster,
        "Multi-AZ DB cluster",
        rds::replace_db_cluster,
    ),
    row(
        ResourceKind::RedshiftCluster,
        "Redshift cluster",
        managed::encrypt_redshift_cluster,
    ),
    row(
        ResourceKind::RedshiftNamespace,
        "Redshift namespace",
        managed::encrypt_redshift_namespace,
    ),
    row(
        ResourceKind::StorageGatewayVolume,
        "gateway volume",
        managed::encrypt_gateway_volume,
    ),
    row(ResourceKind::S3Bucket, "bucket", managed::encrypt_bucket),
    row(ResourceKind::DynamodbTable, "table", managed::encrypt_table),
    row(
        ResourceKind::EfsFileSystem,
        "file system",
        managed::encrypt_file_system,
    ),
];

/// A type of storage, as far as its runbook differs from that of others: its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Storage(usize);

impl Storage {
    /// Returns the storage type of a resource; `None` where it stores nothing itself, or where its key cannot be
    /// changed.
    pub(crate) fn from_kind(kind: ResourceKind, is_encrypted: bool) -> Option<Self> {
        let mut rows = ROWS.iter();
        rows.position(|row| {
            row.kind == kind && row.is_encrypted.is_none_or(|it| it == is_encrypted)
        })
        .map(Storage)
    }

    fn row(self) -> &'static Row {
        &ROWS[self.0]
    }

    /// Returns the title of the change.
    pub(crate) fn title(self, ids: &[String], region: &str) -> String {
        let noun = self.row().noun;
        match ids {
            [id] => format!("Encrypt {noun} {id} with a customer managed key"),
            ids => format!(
                "Encrypt {} in {region} with a customer managed key",
                plural(ids.len(), noun)
            ),
        }
    }

    /// Returns the steps: with the id where there is one, otherwise with a variable to set to each id.
    pub(crate) fn steps(self, ids: &[String], region: &str) -> Vec<Step> {
        let region = quote(region);
        let steps_for = self.row().steps;
        if let [id] = ids {
            return steps_for(&quote(id), &region);
        }
        let quoted: Vec<String> = ids.iter().map(|id| quote(id)).collect();
        let mut steps = vec![Step::note(format!(
            "Repeat these steps with ID set to each of: {}",
            quoted.join(" ")
        ))];
        steps.extend(steps_for("\"$ID\"", &region));
        steps
    }
}
