//! What is known about the key, the central account and the path of the call.

use std::collections::BTreeMap;

use crate::model::arn::Arn;

/// What is known about the key. `None` where it is not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyFacts {
    /// The key's ARN; what is no ARN counts as not known.
    pub key_arn: Option<String>,
    /// The account that owns it.
    pub key_account: String,
    /// The region it is used in; where it is not known, the ARN's counts.
    pub region: Option<String>,
    /// `SYMMETRIC_DEFAULT`
    pub key_spec: Option<String>,
    /// `ENCRYPT_DECRYPT`
    pub key_usage: Option<String>,
    /// `AWS_KMS`
    pub origin: Option<String>,
    /// Whether it is a multi-Region key.
    pub multi_region: Option<bool>,
    /// Its tags.
    pub tags: Option<BTreeMap<String, String>>,
}

impl KeyFacts {
    fn arn(&self) -> Option<Arn<'_>> {
        self.key_arn.as_deref().and_then(Arn::parse)
    }

    /// The region the key is used in, from the facts or from the ARN.
    #[must_use]
    pub fn region(&self) -> Option<&str> {
        let region = self.region.as_deref();
        region
            .or_else(|| self.arn().map(|arn| arn.region))
            .filter(|region| !region.is_empty())
    }

    /// The partition, from the ARN or the region; `aws` where neither is known.
    #[must_use]
    pub fn partition(&self) -> &str {
        match (self.arn(), self.region()) {
            (Some(arn), _) => arn.partition,
            (None, Some(region)) if region.starts_with("cn-") => "aws-cn",
            (None, Some(region)) if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    /// Whether the central account owns the key, which counts as shared.
    #[must_use]
    pub fn is_central(&self, central: &CentralAccount) -> bool {
        self.key_account == central.account_id
    }

    /// The ARN, with `*` for what is not known of it.
    pub(super) fn arn_shape(&self) -> String {
        if let Some(arn) = self.arn() {
            return arn.to_string();
        }
        let region = self.region().unwrap_or("*");
        let (partition, account) = (self.partition(), &self.key_account);
        format!("arn:{partition}:kms:{region}:{account}:key/*")
    }
}

/// The account that receives the copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CentralAccount {
    /// The central account's id.
    pub account_id: String,
    /// Its organization's id, where it was read or given.
    pub org_id: Option<String>,
}

/// The service that calls KMS for AWS Backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViaService {
    /// EBS, EC2 and Storage Gateway volumes.
    Ec2,
    /// RDS, Aurora, DocumentDB and Neptune.
    Rds,
    /// FSx.
    Fsx,
    /// AWS Backup itself, for backups that it manages fully under the key of a vault.
    Backup,
}

impl ViaService {
    /// The services that the company guide covers and whose backups inherit the key of the resource.
    pub const ALL: [Self; 2] = [Self::Ec2, Self::Rds];

    /// Returns the service as in `kms:ViaService`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Rds => "rds",
            Self::Fsx => "fsx",
            Self::Backup => "backup",
        }
    }
}
