//! Storage whose key cannot be changed in place, or only with an interruption.

use super::{ebs, managed, rds};
use crate::fix::change::Step;
use crate::fix::shell::quote;
use crate::model::ResourceKind;
use crate::text::plural;

/// A type of storage, as far as its runbook differs from that of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Storage {
    Volume,
    DbInstance,
    AuroraCluster,
    /// A cluster that is not encrypted: its snapshots get a key when they are restored, not when they are copied.
    UnencryptedAuroraCluster,
    DbCluster,
    RedshiftCluster,
    RedshiftNamespace,
    GatewayVolume,
    Bucket,
    Table,
    FileSystem,
}

impl Storage {
    /// Returns the storage type of a resource; `None` where the resource stores nothing itself.
    pub(crate) fn from_kind(kind: ResourceKind, is_encrypted: bool) -> Option<Self> {
        Some(match kind {
            ResourceKind::EbsVolume => Storage::Volume,
            ResourceKind::RdsInstance => Storage::DbInstance,
            ResourceKind::AuroraCluster if is_encrypted => Storage::AuroraCluster,
            ResourceKind::AuroraCluster => Storage::UnencryptedAuroraCluster,
            ResourceKind::RdsCluster => Storage::DbCluster,
            ResourceKind::RedshiftCluster => Storage::RedshiftCluster,
            ResourceKind::RedshiftNamespace => Storage::RedshiftNamespace,
            ResourceKind::StorageGatewayVolume => Storage::GatewayVolume,
            ResourceKind::S3Bucket => Storage::Bucket,
            ResourceKind::DynamodbTable => Storage::Table,
            ResourceKind::EfsFileSystem => Storage::FileSystem,
            ResourceKind::Ec2Instance
            | ResourceKind::DocumentdbCluster
            | ResourceKind::NeptuneCluster
            | ResourceKind::FsxFileSystem
            | ResourceKind::FsxVolume
            | ResourceKind::StorageGateway
            | ResourceKind::CloudformationStack
            | ResourceKind::Secret
            | ResourceKind::SsmParameter
            | ResourceKind::Other
            | ResourceKind::Vpc
            | ResourceKind::BackupVault
            | ResourceKind::Region
            | ResourceKind::Account => return None,
        })
    }

    /// Returns the title of the change.
    pub(crate) fn title(self, ids: &[String], region: &str) -> String {
        let noun = match self {
            Storage::Volume => "volume",
            Storage::DbInstance => "DB instance",
            Storage::AuroraCluster | Storage::UnencryptedAuroraCluster => "Aurora cluster",
            Storage::DbCluster => "Multi-AZ DB cluster",
            Storage::RedshiftCluster => "Redshift cluster",
            Storage::RedshiftNamespace => "Redshift namespace",
            Storage::GatewayVolume => "gateway volume",
            Storage::Bucket => "bucket",
            Storage::Table => "table",
            Storage::FileSystem => "file system",
        };
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
        if let [id] = ids {
            return self.steps_for_id(&quote(id), region);
        }
        let quoted: Vec<String> = ids.iter().map(|id| quote(id)).collect();
        let mut steps = vec![Step::note(format!(
            "Repeat these steps with ID set to each of: {}",
            quoted.join(" ")
        ))];
        steps.extend(self.steps_for_id("\"$ID\"", region));
        steps
    }

    fn steps_for_id(self, id: &str, region: &str) -> Vec<Step> {
        let region = quote(region);
        match self {
            Storage::Volume => ebs::encrypt_volume(id, &region),
            Storage::DbInstance => rds::encrypt_db_instance(id, &region),
            Storage::AuroraCluster => rds::encrypt_aurora_cluster(id, &region, true),
            Storage::UnencryptedAuroraCluster => rds::encrypt_aurora_cluster(id, &region, false),
            Storage::DbCluster => rds::replace_db_cluster(id, &region),
            Storage::RedshiftCluster => managed::encrypt_redshift_cluster(id, &region),
            Storage::RedshiftNamespace => managed::encrypt_redshift_namespace(id, &region),
            Storage::GatewayVolume => managed::encrypt_gateway_volume(id, &region),
            Storage::Bucket => managed::encrypt_bucket(id, &region),
            Storage::Table => managed::encrypt_table(id, &region),
            Storage::FileSystem => managed::encrypt_file_system(id, &region),
        }
    }
}
