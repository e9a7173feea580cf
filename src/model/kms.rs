//! KMS keys that resources are encrypted with.

use serde::{Deserialize, Serialize};

use super::Observed;

/// A KMS key, looked up once however many resources it encrypts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// What `DescribeKey` says; none where the key does not exist.
    #[serde(default)]
    pub metadata: Observed<Option<KeyMetadata>>,
    /// The key policy as text. Source: `GetKeyPolicy`, which only the key's own account may call.
    #[serde(default)]
    pub policy: Observed<String>,
}

/// Facts about a key. Source: KMS API, `DescribeKey`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyMetadata {
    /// `AWS` or `CUSTOMER`.
    pub manager: String,
    /// `Enabled`, `Disabled`, `PendingDeletion`, ... Empty for a key of a template whose material is imported.
    pub state: String,
    /// `SYMMETRIC_DEFAULT`, `RSA_2048`, ... Empty for a replica key of a file that does not contain the primary key.
    pub spec: String,
    /// `ENCRYPT_DECRYPT`, `SIGN_VERIFY`, ... Empty like `spec`.
    pub usage: String,
    /// `AWS_KMS`, `EXTERNAL`, `AWS_CLOUDHSM`, ...
    pub origin: String,
    /// Whether it is a primary or replica of a multi-Region key.
    pub multi_region: bool,
}

/// An alias of a key of the account. Source: KMS API, `ListAliases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyAlias {
    /// `alias/...`.
    pub name: String,
    /// The ARN of its key.
    pub key: String,
}
