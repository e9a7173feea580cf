//! Settings of buckets: properties in a template; in Terraform a resource for each setting, or a block of the bucket
//! that the provider before version 4 had instead and still reads.
//!
//! Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket>,
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>.

use super::address::{split_module, strip_indexes};
use super::{Site, Written};
use crate::analysis::remedy::Language;
use crate::model::place::Configurer;

/// How many days noncurrent versions are kept in a proposed declaration.
const NONCURRENT_DAYS: u32 = 30;

/// A setting of a bucket in each form in which it is declared.
struct Setting<'l> {
    /// The type of the resource of Terraform that configures it.
    kind: &'static str,
    /// The lines of that resource.
    hcl: &'l [&'l str],
    /// The block of the bucket instead, if there is one.
    block: &'l [&'l str],
    /// The property of a template.
    template: &'l [&'l str],
    /// What the resource of Terraform replaces when it is created.
    replaced: Option<&'static str>,
}

/// What a plan does not show: its configuration has no dynamic blocks, and its values have the settings of an existing
/// bucket even without a block.
const DYNAMIC: &str =
    "If a dynamic block of the bucket declares this setting, change that block instead.";

impl Site<'_> {
    pub(super) fn write_versioning(&self) -> Written {
        self.write_setting(&Setting {
            kind: "aws_s3_bucket_versioning",
            hcl: &["versioning_configuration {", "  status = \"Enabled\"", "}"],
            block: &["versioning {", "  enabled = true", "}"],
            template: &["VersioningConfiguration:", "  Status: Enabled"],
            replaced: None,
        })
    }

    pub(super) fn write_event_bridge(&self) -> Written {
        self.write_setting(&Setting {
            kind: "aws_s3_bucket_notification",
            hcl: &["eventbridge = true"],
            block: &[],
            template: &[
                "NotificationConfiguration:",
                "  EventBridgeConfiguration:",
                "    EventBridgeEnabled: true",
            ],
            replaced: Some("notifications"),
        })
    }

    pub(super) fn write_expiry(&self) -> Written {
        self.write_setting(&Setting {
            kind: "aws_s3_bucket_lifecycle_configuration",
            hcl: &[
                "rule {",
                "  id     = \"expire-noncurrent-versions\"",
                "  status = \"Enabled\"",
                "  filter {}",
                "  noncurrent_version_expiration {",
                &format!("    noncurrent_days = {NONCURRENT_DAYS}"),
                "  }",
                "}",
            ],
            block: &[
                "lifecycle_rule {",
                "  id      = \"expire-noncurrent-versions\"",
                "  enabled = true",
                "  noncurrent_version_expiration {",
                &format!("    days = {NONCURRENT_DAYS}"),
                "  }",
                "}",
            ],
            template: &[
                "LifecycleConfiguration:",
                "  Rules:",
                "    - Id: expire-noncurrent-versions",
                "      Status: Enabled",
                "      NoncurrentVersionExpiration:",
                &format!("        NoncurrentDays: {NONCURRENT_DAYS}"),
            ],
            replaced: Some("lifecycle rules"),
        })
    }

    pub(super) fn write_bucket_key(&self, value: &str) -> Written {
        let kind = "aws_s3_bucket_server_side_encryption_configuration";
        let rule = [
            "rule {",
            "  apply_server_side_encryption_by_default {",
            "    sse_algorithm     = \"aws:kms\"",
            &format!("    kms_master_key_id = {value}"),
            "  }",
            "}",
        ];
        let inner = rule.map(|it| format!("  {it}"));
        let head = std::iter::once("server_side_encryption_configuration {");
        let block = head.chain(inner.iter().map(String::as_str)).chain(["}"]);
        let written = self.write_setting(&Setting {
            kind,
            hcl: &rule,
            block: &block.collect::<Vec<_>>(),
            template: &[
                "BucketEncryption:",
                "  ServerSideEncryptionConfiguration:",
                "    - ServerSideEncryptionByDefault:",
                "        SSEAlgorithm: aws:kms",
                &format!("        KMSMasterKeyID: {value}"),
            ],
            replaced: None,
        });
        // The lines would not fit into a sentence.
        let fix = match (self.language, self.facts.configured_by.get(kind)) {
            (Language::Template, _) => "Set `KMSMasterKeyID` in `BucketEncryption` of the bucket to a customer managed key.".to_owned(),
            (Language::Hcl, Some(Configurer::Resource(address))) => format!(
                "Set `kms_master_key_id` in the rule of {} to a customer managed key.",
                strip_indexes(address)
            ),
            (Language::Hcl, Some(Configurer::Unseen)) => "Set `kms_master_key_id` to a customer managed key where the encryption of the bucket is declared.".to_owned(),
            (Language::Hcl, Some(Configurer::Block)) => "Set `kms_master_key_id` in `server_side_encryption_configuration` of the bucket to a customer managed key.".to_owned(),
            (Language::Hcl, None) => format!(
                "Declare `{kind}` for the bucket, with `kms_master_key_id` of a customer managed key."
            ),
        };
        Written { fix, ..written }
    }

    fn write_setting(&self, setting: &Setting<'_>) -> Written {
        let own = |lines: &[&str]| lines.iter().map(|it| (*it).to_owned()).collect();
        match (self.language, self.facts.configured_by.get(setting.kind)) {
            (Language::Template, _) => Written {
                lines: own(setting.template),
                fix: format!(
                    "Set `{}` of the bucket in the template.",
                    flatten(setting.template)
                ),
                ..Written::default()
            },
            // A second resource would overwrite the configuration of the first.
            (Language::Hcl, Some(Configurer::Resource(address))) => Written {
                lines: own(setting.hcl),
                fix: format!(
                    "Declare `{}` in {}.",
                    flatten(setting.hcl),
                    strip_indexes(address)
                ),
                configurer: Some(address.clone()),
                ..Written::default()
            },
            // So would a resource next to the block.
            (Language::Hcl, Some(Configurer::Block)) => Written {
                lines: own(setting.block),
                fix: format!("Declare `{}` in the bucket.", flatten(setting.block)),
                ..Written::default()
            },
            // And next to what the plan does not show.
            (Language::Hcl, Some(Configurer::Unseen)) => Written {
                lines: own(setting.block),
                notes: vec![format!(
                    "The bucket has this setting, but the plan does not show what declares it. If that is not a dynamic block of the bucket, change the `{}` of the other configuration instead.",
                    setting.kind
                )],
                fix: format!(
                    "Declare `{}` where the setting of the bucket is declared.",
                    flatten(setting.block)
                ),
                ..Written::default()
            },
            (Language::Hcl, None) => self.write_new_resource(setting),
        }
    }

    /// Returns a new resource that configures a bucket, or all buckets of a resource with several.
    ///
    /// Source: <https://developer.hashicorp.com/terraform/language/meta-arguments/for_each#chaining-for_each-between-resources>.
    fn write_new_resource(&self, setting: &Setting<'_>) -> Written {
        let kind = setting.kind;
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
        separate.extend(setting.hcl.iter().map(|it| format!("  {it}")));
        separate.push("}".to_owned());
        let mut notes = Vec::new();
        if !index.is_empty() {
            notes.push(format!(
                "Leave out instances of {all} that another `{kind}` configures."
            ));
        }
        if self.exists && !setting.block.is_empty() {
            notes.push(DYNAMIC.to_owned());
        }
        if let (true, Some(others)) = (self.exists, setting.replaced) {
            notes.push(format!(
                "It replaces all {others} of the bucket: declare those that the bucket has in it, too."
            ));
        }
        Written {
            separate,
            notes,
            fix: format!(
                "Declare `{kind}` for the bucket, with `{}`.",
                flatten(setting.hcl)
            ),
            ..Written::default()
        }
    }
}

/// Returns lines of a block as one line.
fn flatten(lines: &[&str]) -> String {
    let words = lines.iter().flat_map(|it| it.split_whitespace());
    words.collect::<Vec<_>>().join(" ")
}
