//! Remedies of resources that a plan or a template declares, in the language of the file: the argument or the
//! property to set, not a command or a migration.

mod address;
mod device;
mod endpoint;

use super::remedy::{Declaration, Language, Remedy};
use crate::model::arn::Arn;
use crate::model::place::{DeclarationFacts, DeviceHolder};
use crate::model::snapshot::{Snapshot, Source};
use crate::model::{ResourceKind, kms::Key};
use address::{own_id, split_module};

/// The key where the file declares none, or more than one.
const SOME_KEY: &str = "the ARN of a customer managed key that is shared with the central account";

/// The most keys among which that of a file is looked for: of more, none is the only one.
const MOST_KEYS: usize = 200;

/// How many days automated backups and noncurrent versions are kept in a proposed declaration.
const DAYS: [u32; 2] = [7, 30];

/// A declaration with the sentence that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// What to declare.
    pub declaration: Declaration,
    /// The fix, which is the same for all resources that need the same change.
    pub fix: String,
}

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
const KEY_ARGUMENTS: [KeyArguments; 10] = [
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

/// A resource of a file.
struct Site<'a> {
    snapshot: &'a Snapshot,
    language: Language,
    /// The address of what declares it.
    address: &'a str,
    facts: &'a DeclarationFacts,
    /// Whether it certainly exists: an argument that replaces it would lose its data.
    exists: bool,
}

/// Returns the remedy of a declared resource in the language of its file; `None` if there is none, or if it would
/// replace a resource that exists.
#[must_use]
pub fn declare(snapshot: &Snapshot, remedy: &Remedy, arn: &str) -> Option<Declared> {
    let language = match snapshot.source {
        Source::TerraformPlan => Language::Hcl,
        Source::Cloudformation => Language::Template,
        _ => return None,
    };
    // An attached volume has its own declaration, and one that the file does not declare has none.
    let part = match remedy {
        Remedy::UseCustomerKey { volume, .. } => volume.as_deref().unwrap_or(arn),
        _ => arn,
    };
    let no_facts = DeclarationFacts::default();
    let facts = snapshot.declarations.get(part).unwrap_or(&no_facts);
    let holder = facts.device.as_ref().map(|it| &it.holder);
    let place = match holder {
        Some(DeviceHolder::LaunchTemplate(place)) => place,
        _ => snapshot.places.get(part)?,
    };
    let site = Site {
        snapshot,
        language,
        address: place.address.as_deref()?,
        facts,
        exists: part.starts_with("arn:") || (holder.is_some() && arn.starts_with("arn:")),
    };
    let written = site.write_remedy(remedy)?;
    let address = match (language, holder, remedy) {
        // The block of the instance.
        (
            Language::Hcl,
            Some(DeviceHolder::Instance),
            Remedy::UseCustomerKey {
                volume: Some(_),
                id,
                ..
            },
        ) => id,
        (Language::Hcl, ..) => site.address,
        (Language::Template, ..) => own_id(site.address),
    };
    let is_mergeable = language == Language::Template
        && !(written.lines.is_empty() && written.separate.is_empty());
    Some(Declared {
        declaration: Declaration {
            language,
            address: address.to_owned(),
            file: place.file.clone(),
            place: match place.line {
                Some(line) => format!("{}:{line}", place.file),
                None => place.file.clone(),
            },
            logical_id: is_mergeable.then(|| address.to_owned()),
            lines: written.lines,
            separate: written.separate,
            notes: written.notes,
        },
        fix: written.fix,
    })
}

/// What to write for a remedy.
#[derive(Default)]
struct Written {
    /// Lines of the resource.
    lines: Vec<String>,
    /// Lines of other resources.
    separate: Vec<String>,
    /// What else to change.
    notes: Vec<String>,
    /// The sentence that asks for it.
    fix: String,
}

impl Site<'_> {
    fn write_remedy(&self, remedy: &Remedy) -> Option<Written> {
        match remedy {
            Remedy::UseCustomerKey {
                kind,
                region,
                is_encrypted,
                ..
            } => self.write_key(*kind, region, *is_encrypted),
            Remedy::EnableVersioning { .. } => Some(self.write_bucket(
                "aws_s3_bucket_versioning",
                &["versioning_configuration {", "  status = \"Enabled\"", "}"],
                &["VersioningConfiguration:", "  Status: Enabled"],
            )),
            Remedy::ExpireNoncurrentVersions { .. } => Some(self.write_expiry()),
            Remedy::EnableEventBridge { .. } => Some(self.write_bucket(
                "aws_s3_bucket_notification",
                &["eventbridge = true"],
                &[
                    "NotificationConfiguration:",
                    "  EventBridgeConfiguration:",
                    "    EventBridgeEnabled: true",
                ],
            )),
            Remedy::EnableAutomatedBackups { .. } => Some(self.write_line(
                format!("backup_retention_period = {}", DAYS[0]),
                format!("BackupRetentionPeriod: {}", DAYS[0]),
            )),
            Remedy::CreateS3Endpoint {
                vpc_id,
                region,
                route_tables,
            } => {
                let tables = route_tables.as_ref().map(|it| it.private.as_slice());
                Some(self.write_endpoint(vpc_id, region, tables.unwrap_or_default()))
            }
            _ => None,
        }
    }

    /// Returns one line of the resource.
    fn write_line(&self, hcl: String, template: String) -> Written {
        let line = match self.language {
            Language::Hcl => hcl,
            Language::Template => template,
        };
        let fix = format!("Set `{line}` in its declaration.");
        Written {
            lines: vec![line],
            fix,
            ..Written::default()
        }
    }

    fn write_key(&self, kind: ResourceKind, region: &str, is_encrypted: bool) -> Option<Written> {
        let key = self.find_key(region);
        let named = key.as_deref().unwrap_or(SOME_KEY);
        let value = match (&key, self.language) {
            (Some(key), _) => key.clone(),
            (None, Language::Hcl) => "var.kms_key_arn".to_owned(),
            (None, Language::Template) => "!Ref KmsKeyArn".to_owned(),
        };
        match kind {
            ResourceKind::S3Bucket => return Some(self.write_bucket_key(&value)),
            ResourceKind::DynamodbTable => return Some(self.write_table_key(&value)),
            _ => {}
        }
        let in_place = matches!(
            kind,
            ResourceKind::RedshiftCluster | ResourceKind::RedshiftNamespace
        );
        if self.exists && !in_place {
            return None;
        }
        let arguments = KEY_ARGUMENTS.iter().find(|it| it.kind == kind)?;
        let ((on, argument), separator) = match self.language {
            Language::Hcl => (arguments.hcl, " = "),
            Language::Template => (arguments.template, ": "),
        };
        let mut lines = vec![format!("{argument}{separator}{value}")];
        let mut fix = format!("Set `{argument}` to {named}");
        if !is_encrypted && !on.is_empty() {
            lines.insert(0, format!("{on}{separator}true"));
            fix = format!("Set `{on}{separator}true`, and `{argument}` to {named}");
        }
        fix.push_str(match self.language {
            Language::Template if !in_place => {
                ", in the template. A stack that exists replaces the resource."
            }
            _ => ", where it is declared.",
        });
        Some(self.put_in_device(Written {
            lines,
            fix,
            ..Written::default()
        }))
    }

    /// Returns a property of a bucket, which Terraform declares in a separate resource.
    fn write_bucket(&self, kind: &str, hcl: &[&str], template: &[&str]) -> Written {
        match self.language {
            Language::Template => {
                let lines = template.iter().map(|it| (*it).to_owned()).collect();
                let fix = format!("Set `{}` of the bucket in the template.", flatten(template));
                Written {
                    lines,
                    fix,
                    ..Written::default()
                }
            }
            Language::Hcl => {
                let (prefix, label) = split_module(self.address);
                let reference = self.address.get(prefix..).unwrap_or_default();
                let mut separate = vec![
                    format!("resource \"{kind}\" \"{label}\" {{"),
                    format!("  bucket = {reference}.id"),
                ];
                separate.extend(hcl.iter().map(|it| format!("  {it}")));
                separate.push("}".to_owned());
                let fix = format!("Declare `{kind}` for the bucket, with `{}`.", flatten(hcl));
                Written {
                    separate,
                    fix,
                    ..Written::default()
                }
            }
        }
    }

    fn write_bucket_key(&self, value: &str) -> Written {
        let hcl_key = format!("    kms_master_key_id = {value}");
        let template_key = format!("        KMSMasterKeyID: {value}");
        let written = self.write_bucket(
            "aws_s3_bucket_server_side_encryption_configuration",
            &[
                "rule {",
                "  apply_server_side_encryption_by_default {",
                "    sse_algorithm     = \"aws:kms\"",
                &hcl_key,
                "  }",
                "}",
            ],
            &[
                "BucketEncryption:",
                "  ServerSideEncryptionConfiguration:",
                "    - ServerSideEncryptionByDefault:",
                "        SSEAlgorithm: aws:kms",
                &template_key,
            ],
        );
        let fix = match self.language {
            Language::Hcl => {
                "Declare `aws_s3_bucket_server_side_encryption_configuration` for the bucket, with `kms_master_key_id` of a customer managed key."
            }
            Language::Template => {
                "Set `KMSMasterKeyID` in `BucketEncryption` of the bucket to a customer managed key."
            }
        };
        Written {
            fix: fix.to_owned(),
            ..written
        }
    }

    fn write_table_key(&self, value: &str) -> Written {
        let (lines, fix) = match self.language {
            Language::Hcl => (
                vec![
                    "server_side_encryption {".to_owned(),
                    "  enabled     = true".to_owned(),
                    format!("  kms_key_arn = {value}"),
                    "}".to_owned(),
                ],
                "Set `kms_key_arn` in `server_side_encryption` of the table to a customer managed key.",
            ),
            Language::Template => (
                vec![
                    "SSESpecification:".to_owned(),
                    "  SSEEnabled: true".to_owned(),
                    "  SSEType: KMS".to_owned(),
                    format!("  KMSMasterKeyId: {value}"),
                ],
                "Set `KMSMasterKeyId` in `SSESpecification` of the table to a customer managed key.",
            ),
        };
        Written {
            lines,
            fix: fix.to_owned(),
            ..Written::default()
        }
    }

    fn write_expiry(&self) -> Written {
        let days = DAYS[1];
        let hcl_days = format!("    noncurrent_days = {days}");
        let template_days = format!("          NoncurrentDays: {days}");
        self.write_bucket(
            "aws_s3_bucket_lifecycle_configuration",
            &[
                "rule {",
                "  id     = \"expire-noncurrent-versions\"",
                "  status = \"Enabled\"",
                "  filter {}",
                "  noncurrent_version_expiration {",
                &hcl_days,
                "  }",
                "}",
            ],
            &[
                "LifecycleConfiguration:",
                "  Rules:",
                "    - Id: expire-noncurrent-versions",
                "      Status: Enabled",
                "      NoncurrentVersionExpiration:",
                &template_days,
            ],
        )
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
        let mut found = None;
        for (arn, key) in &self.snapshot.keys {
            let Some(parsed) = Arn::parse(arn).filter(|it| it.region == region) else {
                continue;
            };
            let id = parsed.resource_id();
            let reference = match self.language {
                Language::Hcl => match id.strip_prefix(module) {
                    Some(own) if own.starts_with("aws_kms_") => {
                        format!("{own}.arn")
                    }
                    _ => continue,
                },
                Language::Template => match id.chars().all(|it| it.is_ascii_alphanumeric()) {
                    true => format!("!GetAtt {id}.Arn"),
                    false => continue,
                },
            };
            if !usable(key) {
                continue;
            }
            if found.replace(reference).is_some() {
                return None;
            }
        }
        found
    }
}

/// Returns lines of a block as one line.
fn flatten(lines: &[&str]) -> String {
    let words = lines.iter().flat_map(|it| it.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}
