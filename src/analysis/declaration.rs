//! Remedies of resources that a plan or a template declares, in the language of the file: the argument or the
//! property to set, not a command or a migration.

mod address;
mod device;
mod endpoint;
mod key;

use super::remedy::{Declaration, Language, Remedy};
use crate::model::place::{DeclarationFacts, DeviceHolder};
use crate::model::snapshot::{Snapshot, Source};
use address::{own_id, split_module, strip_indexes};

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
        Remedy::UseCustomerKey { holder, .. } => holder.as_deref().unwrap_or(arn),
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
        _ if let Some(address) = &written.address => address,
        // The block of the instance, whose address is the id of the volume.
        (Language::Hcl, Some(DeviceHolder::Instance), Remedy::UseCustomerKey { id, .. }) => id,
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
    /// The address of what is changed, where that is another resource or several.
    address: Option<String>,
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
            Language::Hcl => match self.facts.configured_by.get(kind) {
                // A second resource would overwrite the configuration of the first.
                Some(address) => Written {
                    lines: hcl.iter().map(|it| (*it).to_owned()).collect(),
                    fix: format!("Declare `{}` in {address}.", flatten(hcl)),
                    address: Some(address.clone()),
                    ..Written::default()
                },
                None => self.write_satellite(kind, hcl),
            },
        }
    }

    /// Returns a new resource that configures a bucket, or all buckets of a resource with several.
    ///
    /// Source: <https://developer.hashicorp.com/terraform/language/meta-arguments/for_each#chaining-for_each-between-resources>.
    fn write_satellite(&self, kind: &str, hcl: &[&str]) -> Written {
        let (prefix, label) = split_module(self.address);
        let own = self.address.get(prefix..).unwrap_or_default();
        let (all, index) = own.split_at(own.find('[').unwrap_or(own.len()));
        let mut separate = vec![format!("resource \"{kind}\" \"{label}\" {{")];
        separate.extend(match index {
            "" => vec![format!("  bucket = {own}.id")],
            _ if index.starts_with("[\"") => vec![
                format!("  for_each = {all}"),
                "  bucket   = each.value.id".to_owned(),
            ],
            _ => vec![
                format!("  count  = length({all})"),
                format!("  bucket = {all}[count.index].id"),
            ],
        });
        separate.extend(hcl.iter().map(|it| format!("  {it}")));
        separate.push("}".to_owned());
        let note = format!("Leave out instances of {all} that another `{kind}` configures.");
        Written {
            separate,
            notes: if index.is_empty() {
                Vec::new()
            } else {
                vec![note]
            },
            fix: format!("Declare `{kind}` for the bucket, with `{}`.", flatten(hcl)),
            // One declaration is for all instances, of the bucket and of its module.
            address: Some(strip_indexes(self.address)),
            ..Written::default()
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
        let kind = "aws_s3_bucket_server_side_encryption_configuration";
        let fix = match (self.language, self.facts.configured_by.get(kind)) {
            (Language::Hcl, Some(address)) => format!(
                "Set `kms_master_key_id` in the rule of {address} to a customer managed key."
            ),
            (Language::Hcl, None) => format!(
                "Declare `{kind}` for the bucket, with `kms_master_key_id` of a customer managed key."
            ),
            (Language::Template, _) => "Set `KMSMasterKeyID` in `BucketEncryption` of the bucket to a customer managed key.".to_owned(),
        };
        Written { fix, ..written }
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
}

/// Returns lines of a block as one line.
fn flatten(lines: &[&str]) -> String {
    let words = lines.iter().flat_map(|it| it.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}
