//! Keys that a file can name for storage.

use super::{Site, Written};
use crate::analysis::remedy::Language;
use crate::model::ResourceKind;
use crate::model::arn::Arn;
use crate::model::kms::Key;
use crate::model::place::{KeyOrigin, TableReplica};

use super::address::{own_id, split_module};

/// The key where the file declares none, or more than one.
const SOME_KEY: &str = "the ARN of a customer managed key that is shared with the central account";

/// What another key does to storage that exists.
const REPLACED: &str =
    "A stack that exists replaces the resource, or rejects the change: move the data first.";

/// The most keys among which that of a file is looked for: of more, none is the only one.
const MOST_KEYS: usize = 200;

/// The arguments of a type that select its key: those for encryption itself, then that for the key.
struct KeyArguments {
    kind: ResourceKind,
    hcl: (&'static str, &'static str),
    template: (&'static str, &'static str),
}

/// Key arguments by type, checked on 2026-03-02.
///
/// Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>.
const KEY_ARGUMENTS: [KeyArguments; 12] = [
    same(ResourceKind::EbsVolume, ("encrypted", "Encrypted")),
    same(
        ResourceKind::RdsInstance,
        ("storage_encrypted", "StorageEncrypted"),
    ),
    same(
        ResourceKind::RdsCluster,
        ("storage_encrypted", "StorageEncrypted"),
    ),
    same(
        ResourceKind::AuroraCluster,
        ("storage_encrypted", "StorageEncrypted"),
    ),
    same(
        ResourceKind::DocumentdbCluster,
        ("storage_encrypted", "StorageEncrypted"),
    ),
    KeyArguments {
        kind: ResourceKind::NeptuneCluster,
        hcl: ("storage_encrypted", "kms_key_arn"),
        template: ("StorageEncrypted", "KmsKeyId"),
    },
    same(ResourceKind::EfsFileSystem, ("encrypted", "Encrypted")),
    same(ResourceKind::FsxFileSystem, ("", "")),
    // Of its file system.
    same(ResourceKind::FsxVolume, ("", "")),
    // CloudFormation has no such type.
    KeyArguments {
        kind: ResourceKind::StorageGatewayVolume,
        hcl: ("kms_encrypted", "kms_key"),
        template: ("", ""),
    },
    same(ResourceKind::RedshiftCluster, ("encrypted", "Encrypted")),
    same(ResourceKind::RedshiftNamespace, ("", "")),
];

const fn same(kind: ResourceKind, on: (&'static str, &'static str)) -> KeyArguments {
    KeyArguments {
        kind,
        hcl: (on.0, "kms_key_id"),
        template: (on.1, "KmsKeyId"),
    }
}

/// How to name a key.
struct NamedKey {
    /// The expression for its ARN.
    value: String,
    /// The words for it in a sentence.
    words: String,
    /// The parameter or variable that the expression refers to.
    parameter: Option<String>,
}

impl Site<'_> {
    /// Returns how to name a key of a region.
    fn name_key(&self, region: &str) -> NamedKey {
        if let Some(key) = self.find_key(region) {
            return NamedKey {
                value: key.clone(),
                words: key,
                parameter: None,
            };
        }
        // A key is in the region of what it encrypts. A stack has one region, except for replicas.
        let is_regional = match self.language {
            Language::Hcl => self.facts.replica.is_some() || self.snapshot.regions.len() > 1,
            Language::Template => self.facts.replica.is_some(),
        };
        let name = match (self.language, is_regional) {
            (Language::Hcl, true) => format!("kms_key_arn_{}", region.replace('-', "_")),
            (Language::Template, true) => format!("KmsKeyArn{}", capitalize_words(region)),
            (Language::Hcl, false) => "kms_key_arn".to_owned(),
            (Language::Template, false) => "KmsKeyArn".to_owned(),
        };
        NamedKey {
            value: match self.language {
                Language::Hcl => format!("var.{name}"),
                Language::Template => format!("!Ref {name}"),
            },
            words: SOME_KEY.to_owned(),
            parameter: Some(name),
        }
    }

    pub(super) fn write_key(&self, kind: ResourceKind, region: &str) -> Option<Written> {
        let key = self.name_key(region);
        let written = match kind {
            ResourceKind::S3Bucket => self.write_bucket_key(&key.value),
            ResourceKind::DynamodbTable => self.write_table_key(region, &key.value),
            _ => return self.write_key_arguments(kind, key),
        };
        Some(Written {
            key_parameter: key.parameter,
            ..written
        })
    }

    /// Returns the key of storage that would be replaced by another key, except in Redshift.
    fn write_key_arguments(&self, kind: ResourceKind, key: NamedKey) -> Option<Written> {
        let in_place = matches!(
            kind,
            ResourceKind::RedshiftCluster | ResourceKind::RedshiftNamespace
        );
        if self.exists && !in_place {
            return None;
        }
        if let Some(origin) = &self.facts.key_origin {
            return Some(self.describe_origin(origin));
        }
        let arguments = KEY_ARGUMENTS.iter().find(|it| it.kind == kind)?;
        let ((on, argument), separator) = match self.language {
            Language::Hcl => (arguments.hcl, " = "),
            Language::Template => (arguments.template, ": "),
        };
        if argument.is_empty() {
            return None;
        }
        let of_other = match kind {
            ResourceKind::FsxVolume => " of its file system",
            _ => "",
        };
        let key_line = format!("{argument}{separator}{}", key.value);
        // A default of AWS or of the account may encrypt it now, but AWS accepts a key only together with encryption.
        let (lines, mut fix) = match on {
            "" => (
                vec![key_line],
                format!("Set `{argument}`{of_other} to {}", key.words),
            ),
            on => {
                let on = format!("{on}{separator}true");
                let fix = format!("Set `{on}`, and `{argument}` to {}", key.words);
                (vec![on, key_line], fix)
            }
        };
        let mut notes = Vec::new();
        if self.may_exist() && !in_place {
            fix.push_str(", in the template. A stack that exists replaces the resource.");
            notes.push(REPLACED.to_owned());
        } else {
            fix.push_str(", where it is declared.");
        }
        Some(self.put_in_device(Written {
            lines,
            notes,
            key_parameter: key.parameter,
            fix,
            ..Written::default()
        }))
    }

    /// Returns where a DB instance has its key from instead of an argument.
    ///
    /// Sources: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>,
    /// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_RestoreDBInstanceFromDBSnapshot.html>.
    fn describe_origin(&self, origin: &KeyOrigin) -> Written {
        let fix = match origin {
            KeyOrigin::Source(source) => {
                let source = match (source, self.language) {
                    (Some(it), Language::Hcl) => format!("its source {it}"),
                    (Some(it), Language::Template) => format!("its source {}", own_id(it)),
                    (None, _) => "its source".to_owned(),
                };
                format!(
                    "Encrypt {source} with a customer managed key: a read replica in the same Region has the key of its source."
                )
            }
            KeyOrigin::Backup => "Copy the snapshot with a customer managed key, and restore the DB instance from the copy: a restored DB instance has the key of its backup.".to_owned(),
        };
        Written {
            notes: vec![fix.clone()],
            fix,
            ..Written::default()
        }
    }

    /// Returns the key of a table. Each replica of a global table has its own.
    ///
    /// Sources: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-ssespecification.html>,
    /// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/dynamodb_table#replica>.
    fn write_table_key(&self, region: &str, value: &str) -> Written {
        let (lines, fix): (Vec<String>, &str) = match (&self.facts.replica, self.language) {
            (Some(TableReplica::Block(name)), _) => (
                vec![
                    "replica {".to_owned(),
                    format!("  region_name = {name:?}"),
                    format!("  kms_key_arn = {value}"),
                    "}".to_owned(),
                ],
                "Set `kms_key_arn` in `replica` of the table to a customer managed key of the replica's Region.",
            ),
            (Some(TableReplica::Resource), _) => (
                vec![format!("kms_key_arn = {value}")],
                "Set `kms_key_arn` of the replica to a customer managed key of its Region.",
            ),
            (Some(TableReplica::Item(_)), _) => (
                vec![
                    "SSESpecification:".to_owned(),
                    "  SSEEnabled: true".to_owned(),
                    "  SSEType: KMS".to_owned(),
                    "Replicas:".to_owned(),
                    format!("  - Region: {region}"),
                    "    SSESpecification:".to_owned(),
                    format!("      KMSMasterKeyId: {value}"),
                ],
                "Set `KMSMasterKeyId` in `SSESpecification` of each of the `Replicas` to a customer managed key of its Region.",
            ),
            (None, Language::Hcl) => (
                vec![
                    "server_side_encryption {".to_owned(),
                    "  enabled     = true".to_owned(),
                    format!("  kms_key_arn = {value}"),
                    "}".to_owned(),
                ],
                "Set `kms_key_arn` in `server_side_encryption` of the table to a customer managed key.",
            ),
            (None, Language::Template) => (
                vec![
                    "SSESpecification:".to_owned(),
                    "  SSEEnabled: true".to_owned(),
                    "  SSEType: KMS".to_owned(),
                    format!("  KMSMasterKeyId: {value}"),
                ],
                "Set `KMSMasterKeyId` in `SSESpecification` of the table to a customer managed key.",
            ),
        };
        let notes = match self.facts.replica {
            None => Vec::new(),
            Some(_) => vec![
                "The table and each of its replicas need a customer managed key in their Region: DynamoDB does not mix AWS managed and customer managed keys in a global table.".to_owned(),
            ],
        };
        Written {
            lines,
            notes,
            fix: fix.to_owned(),
            ..Written::default()
        }
    }

    /// Returns the reference to the customer managed key that the same file declares in a region, if it is the only
    /// one that the resource can refer to.
    fn find_key(&self, region: &str) -> Option<String> {
        if self.snapshot.keys.len() > MOST_KEYS {
            return None;
        }
        let (prefix, _) = split_module(self.address);
        let module = self.address.get(..prefix).unwrap_or_default();
        let usable = |key: &Key| {
            key.metadata.known().is_some_and(|it| {
                it.as_ref()
                    .is_some_and(|it| it.state == "Enabled" && it.spec == "SYMMETRIC_DEFAULT")
            })
        };
        let mut found: Option<String> = None;
        for (arn, key) in &self.snapshot.keys {
            let Some(parsed) = Arn::parse(arn).filter(|it| it.region == region) else {
                continue;
            };
            let reference = match self.language {
                Language::Hcl => match parsed.resource_id().strip_prefix(module) {
                    Some(own) if own.starts_with("aws_kms_") => format!("{own}.arn"),
                    _ => continue,
                },
                Language::Template => match self.refer_to_key(arn) {
                    Some(reference) => reference,
                    None => continue,
                },
            };
            if !usable(key) {
                continue;
            }
            // Stacks of one template have the same key, by its logical id.
            if found
                .replace(reference.clone())
                .is_some_and(|it| it != reference)
            {
                return None;
            }
        }
        found
    }

    /// Returns the reference to a key that is declared in the same template and always created with it.
    fn refer_to_key(&self, arn: &str) -> Option<String> {
        let place = self.snapshot.places.get(arn)?;
        let is_here = place.file == self.file && place.own_condition.is_none();
        let address = place.address.as_deref().filter(|_| is_here)?;
        Some(format!("!GetAtt {}.Arn", own_id(address)))
    }
}

/// Returns the name of a region as part of a logical id: `EuWest1`.
fn capitalize_words(region: &str) -> String {
    let words = region.split('-').map(|word| {
        let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
        format!("{}{rest}", first.to_ascii_uppercase())
    });
    words.collect()
}
