//! `--as terraform`: blocks for Terraform 1.5 or newer and version 5 or 6 of the AWS provider.
//!
//! What exists is imported, so that the plan shows what changes of it. What the provider could only
//! change together with what was not read, and what is made by hand, stands in comments.
//!
//! Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>,
//! <https://developer.hashicorp.com/terraform/language/import>.

use std::collections::BTreeSet;
use std::io::{self, Write};

use hcl::expr::{Heredoc, TemplateExpr, Traversal, Variable};
use hcl::{Attribute, Block, Body, Expression, Identifier, ObjectKey};
use serde_json::{Value, json};

use super::aws_cli::variable;
use crate::fix::shell::remark;
use crate::fix::text;
use crate::fix::{Action, Change, Remedy};
use crate::model::arn::Arn;
use crate::report::{Report, WriteError};

/// Writes the configuration.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let mut maker = Maker::default();
    let made: Vec<Made> = changes.iter().map(|it| maker.change(it)).collect();
    let blocks = made.iter().filter(|it| !it.blocks.is_empty()).count();
    comment(
        out,
        &format!(
            "Changes to {}, from what was read at {}.",
            text::account(report),
            report.finished_at
        ),
    )?;
    comment(
        out,
        &format!(
            "{blocks} of {} are blocks, at least in part; the rest stands in comments.",
            changes.len()
        ),
    )?;
    if blocks == 0 {
        comment(out, "There is nothing to apply.")?;
    } else {
        for line in HEAD {
            comment(out, line)?;
        }
        writeln!(out)?;
        body(out, settings(report, &maker.regions))?;
    }
    for ((number, change), made) in (1..).zip(changes).zip(made) {
        writeln!(out)?;
        comment(out, &format!("{number}. {}", change.title))?;
        for line in text::about(change) {
            comment(out, &line)?;
        }
        comment(out, &format!("Findings: {}", text::ids(change).join(" ")))?;
        for line in made.words.iter().chain(&text::by_hand(&change.remedy)) {
            comment(out, line)?;
        }
        body(out, made.blocks)?;
    }
    Ok(())
}

/// What to know before any of it is applied.
const HEAD: [&str; 6] = [
    "Read the plan before it is applied: nothing may be destroyed or replaced.",
    "What another Terraform configuration declares is changed there: leave its blocks out here, and set the",
    "same arguments and tags where it is declared. Two declarations of one thing undo each other.",
    "A block that is deleted later takes its change back; of a key policy it leaves the default one, of a",
    "bucket suspended versioning. To let go of what it manages, use a removed block with destroy = false.",
    "What a change needs stands with it; Terraform needs to read what it changes, too.",
];

fn comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "# {}", remark(text))?)
}

fn body(out: &mut dyn Write, blocks: Vec<Block>) -> Result<(), WriteError> {
    if !blocks.is_empty() {
        write!(out, "{}", hcl_text(blocks)?)?;
    }
    Ok(())
}

fn hcl_text(blocks: Vec<Block>) -> Result<String, WriteError> {
    let body: Body = blocks.into_iter().collect();
    hcl::format::to_string(&body).map_err(|error| io::Error::other(error).into())
}

/// Which provider, and one for each region, for this account only.
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs#argument-reference>.
fn settings(report: &Report, regions: &BTreeSet<String>) -> Vec<Block> {
    let aws = object([
        ("source", string("hashicorp/aws")),
        ("version", string(">= 5.0, < 7.0")),
    ]);
    let providers = Block::builder("required_providers")
        .add_attribute(("aws", aws))
        .build();
    let terraform = Block::builder("terraform")
        .add_attribute(("required_version", string(">= 1.5")))
        .add_block(providers)
        .build();
    let provider = |region: &String| {
        let block = Block::builder("provider")
            .add_label("aws")
            .add_attribute(("alias", string(&alias(region))))
            .add_attribute(("region", string(region)));
        match &report.account_id {
            Some(account) => {
                let accounts = Expression::Array(vec![string(account)]);
                block.add_attribute(("allowed_account_ids", accounts))
            }
            None => block,
        }
        .build()
    };
    [terraform]
        .into_iter()
        .chain(regions.iter().map(provider))
        .collect()
}

/// What became of a change.
#[derive(Debug, Default)]
struct Made {
    blocks: Vec<Block>,
    /// What no block can say.
    words: Vec<String>,
}

/// Makes blocks, and remembers what they are called.
#[derive(Debug, Default)]
struct Maker {
    names: BTreeSet<(&'static str, String)>,
    regions: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl Maker {
    fn change(&mut self, change: &Change) -> Made {
        let mut made = Made::default();
        if let Remedy::InPlace(actions) = &change.remedy {
            for action in actions {
                self.action(action, &mut made);
            }
        }
        made
    }

    fn action(&mut self, action: &Action, made: &mut Made) {
        let region = action.region();
        match action {
            Action::PutKeyPolicy { key_arn, after, .. } => {
                // The import's id becomes `key_id`, and another one would replace the resource.
                let id = key_arn.rsplit('/').next().unwrap_or(key_arn);
                let Ok(policy) = serde_json::from_str(after) else {
                    made.words.push(format!(
                        "The policy that {key_arn} would get is no JSON: put it by hand."
                    ));
                    return;
                };
                let arguments = [("key_id", string(id)), ("policy", document(&policy))];
                let block = self.resource(
                    "aws_kms_key_policy",
                    &text::name("key_", id),
                    region,
                    arguments,
                );
                made.imported(block, id);
            }
            Action::BackupSettings {
                opt_in, management, ..
            } => {
                let (opt_in, management) = (opt_in.whole(), management.whole());
                if opt_in.is_empty() {
                    made.words.push(format!("The resource aws_backup_region_settings wants all services of {region} that are opted in, which were not read: use --as aws-cli."));
                    return;
                }
                made.words.push(
                    "The maps hold what was read, too: the resource manages all of them."
                        .to_owned(),
                );
                let mut arguments = vec![("resource_type_opt_in_preference", map(&opt_in))];
                if !management.is_empty() {
                    arguments.push(("resource_type_management_preference", map(&management)));
                }
                let name = text::name("region_", region);
                let block = self.resource("aws_backup_region_settings", &name, region, arguments);
                made.imported(block, region);
            }
            Action::EnableVersioning { bucket, .. } => {
                let name = text::name("bucket_", bucket);
                let arguments = [("bucket", string(bucket))];
                let mut block = self.resource("aws_s3_bucket_versioning", &name, region, arguments);
                let status = Block::builder("versioning_configuration")
                    .add_attribute(("status", string("Enabled")));
                block.body.0.push(status.build().into());
                made.imported(block, bucket);
            }
            Action::ExpireOldVersions { bucket, days, .. } => {
                made.words.push(format!(
                    "The resource aws_s3_bucket_lifecycle_configuration of {bucket} holds all rules of the bucket, and those that"
                ));
                made.words.push("are not in it are deleted. Add this rule where it is declared, or declare it with the rules that the".to_owned());
                made.words.push(
                    "bucket has; --as aws-cli adds the rule and keeps the others.".to_owned(),
                );
                if let Ok(rule) = hcl_text(vec![lifecycle_rule(*days)]) {
                    let lines = rule.lines().filter(|it| !it.trim().is_empty());
                    made.words.extend(lines.map(|it| format!("  {it}")));
                }
            }
            Action::Tag {
                arns, key, value, ..
            } => {
                for arn in arns {
                    self.tag(arn, region, key, value, made);
                }
            }
            Action::Untag { arns, key, .. } => {
                let key = string_text(key);
                made.words.push(format!("No block takes a tag off. Take \"{key}\" out of the `tags` where these are declared; --as aws-cli takes it"));
                made.words.push("off what is declared nowhere:".to_owned());
                made.words.extend(arns.iter().map(|arn| format!("  {arn}")));
            }
            Action::EbsDefaults { .. } => self.ebs_defaults(region, made),
            Action::CreateS3Endpoint {
                vpc_id,
                route_tables,
                ..
            } => {
                let tables = route_tables.iter().map(|it| string(it));
                let arguments = [
                    ("vpc_id", string(vpc_id)),
                    (
                        "service_name",
                        string(&format!("com.amazonaws.{region}.s3")),
                    ),
                    ("vpc_endpoint_type", string("Gateway")),
                    ("route_table_ids", Expression::Array(tables.collect())),
                ];
                let name = text::name("s3_", vpc_id);
                let block = self.resource("aws_vpc_endpoint", &name, region, arguments);
                made.blocks.push(block);
            }
            Action::AddRouteTables {
                endpoint_id,
                route_tables,
                ..
            } => {
                made.words.push("Where aws_vpc_endpoint is declared with `route_table_ids`, add the tables there instead.".to_owned());
                for table in route_tables {
                    let arguments = [
                        ("route_table_id", string(table)),
                        ("vpc_endpoint_id", string(endpoint_id)),
                    ];
                    let kind = "aws_vpc_endpoint_route_table_association";
                    let name = text::name("table_", table);
                    made.blocks
                        .push(self.resource(kind, &name, region, arguments));
                }
            }
            Action::ResetEndpointPolicy { endpoint_id, .. } => {
                let policy = json!({
                    "Version": "2008-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
                    ],
                });
                let arguments = [
                    ("vpc_endpoint_id", string(endpoint_id)),
                    ("policy", document(&policy)),
                ];
                let name = text::name("endpoint_", endpoint_id);
                let block = self.resource("aws_vpc_endpoint_policy", &name, region, arguments);
                made.imported(block, endpoint_id);
            }
        }
    }

    /// A tag, where the provider has a resource for one.
    fn tag(&mut self, arn: &str, region: &str, key: &str, value: &str, made: &mut Made) {
        let service = Arn::parse(arn).map_or("", |arn| arn.service);
        let id = arn.rsplit('/').next().unwrap_or(arn);
        let (kind, argument, resource, before) = match service {
            "ec2" => ("aws_ec2_tag", "resource_id", id, ""),
            "dynamodb" => ("aws_dynamodb_tag", "resource_arn", arn, "table_"),
            _ => {
                let (key, value) = (string_text(key), string_text(value));
                made.words.push(format!(
                    "The provider has no resource for one tag of {arn}: where it is declared, set"
                ));
                made.words
                    .push(format!("  tags = {{ \"{key}\" = \"{value}\" }}"));
                return;
            }
        };
        // One resource may get several tags.
        let name = text::name(before, id);
        let name = format!("{}_{}", text::name("tag_", key), name);
        let arguments = [
            (argument, string(resource)),
            ("key", string(key)),
            ("value", string(value)),
        ];
        made.blocks
            .push(self.resource(kind, &name, region, arguments));
    }

    fn ebs_defaults(&mut self, region: &str, made: &mut Made) {
        let name = text::name("region_", region);
        let key = variable(region).to_lowercase();
        if self.variables.insert(key.clone()) {
            let description = format!(
                "ARN of a customer managed key in {region} that is shared with the central account."
            );
            let block = Block::builder("variable")
                .add_label(key.as_str())
                .add_attribute(("type", Variable::unchecked("string")))
                .add_attribute(("description", string(&description)));
            made.blocks.push(block.build());
        }
        let arguments = [("key_arn", reference("var", &key))];
        let default = self.resource("aws_ebs_default_kms_key", &name, region, arguments);
        let after = address(&default);
        made.blocks.push(default);
        // Until there is a key, volumes would get the one that AWS manages.
        let arguments = [
            ("enabled", Expression::Bool(true)),
            ("depends_on", Expression::Array(vec![after])),
        ];
        let block = self.resource("aws_ebs_encryption_by_default", &name, region, arguments);
        made.blocks.push(block);
    }

    fn resource<'a>(
        &mut self,
        kind: &'static str,
        name: &str,
        region: &str,
        arguments: impl IntoIterator<Item = (&'a str, Expression)>,
    ) -> Block {
        self.regions.insert(region.to_owned());
        let mut free = name.to_owned();
        let mut number = 2;
        while !self.names.insert((kind, free.clone())) {
            free = format!("{name}_{number}");
            number += 1;
        }
        let arguments = arguments
            .into_iter()
            .map(|(name, value)| Attribute::new(Identifier::unchecked(name), value));
        Block::builder("resource")
            .add_label(kind)
            .add_label(free)
            .add_attribute(("provider", reference("aws", &alias(region))))
            .add_attributes(arguments)
            .build()
    }
}

impl Made {
    /// A block for what exists already.
    fn imported(&mut self, block: Block, id: &str) {
        let import = Block::builder("import")
            .add_attribute(("to", address(&block)))
            .add_attribute(("id", string(id)));
        self.blocks.push(import.build());
        self.blocks.push(block);
    }
}

/// A rule for all objects.
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket_lifecycle_configuration>.
fn lifecycle_rule(days: u32) -> Block {
    let expiration =
        Block::builder("noncurrent_version_expiration").add_attribute(("noncurrent_days", days));
    Block::builder("rule")
        .add_attribute(("id", string("backup-check-old-versions")))
        .add_attribute(("status", string("Enabled")))
        .add_block(Block::builder("filter").build())
        .add_block(expiration.build())
        .build()
}

/// The name of a region's provider.
fn alias(region: &str) -> String {
    let before = match region.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => "",
        false => "region_",
    };
    text::name(before, region)
}

/// `resource.name` of a resource's block.
fn address(block: &Block) -> Expression {
    let mut labels = block.labels.iter().map(hcl::BlockLabel::as_str);
    reference(
        labels.next().unwrap_or_default(),
        labels.next().unwrap_or_default(),
    )
}

fn reference(root: &str, name: &str) -> Expression {
    Traversal::builder(Variable::unchecked(root))
        .attr(Identifier::unchecked(name))
        .build()
        .into()
}

/// A text that Terraform takes as it is: nothing in it is a template.
fn string(text: &str) -> Expression {
    TemplateExpr::QuotedString(string_text(text)).into()
}

/// What stands between the quotes. The crate's own escaping misses a `%${` that comes after a `${`.
/// Source: <https://developer.hashicorp.com/terraform/language/expressions/strings#escape-sequences-in-strings>.
fn string_text(text: &str) -> String {
    let text = text::escaped(text, |c, out| {
        let code = u32::from(c);
        out.push_str(&match code {
            0..=0xffff => format!("\\u{code:04x}"),
            _ => format!("\\U{code:08x}"),
        });
    });
    plain(&text)
}

fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Expression)>) -> Expression {
    let entries = entries
        .into_iter()
        .map(|(name, value)| (ObjectKey::Identifier(Identifier::unchecked(name)), value));
    Expression::Object(entries.collect())
}

fn map(entries: &std::collections::BTreeMap<&str, bool>) -> Expression {
    let entries = entries
        .iter()
        .map(|(name, on)| (ObjectKey::Expression(string(name)), Expression::Bool(*on)));
    Expression::Object(entries.collect())
}

/// A JSON document over several lines. None of its lines is a bare word, so nothing in it ends the text.
/// Source: <https://developer.hashicorp.com/terraform/language/expressions/strings#heredoc-strings>.
fn document(json: &Value) -> Expression {
    let json = format!("{json:#}");
    let mut text = String::with_capacity(json.len());
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        // Readers disagree on what several markers in a row mean, so one is left.
        let is_marked = "$%".contains(c) && chars.peek().is_some_and(|next| "$%".contains(*next));
        let is_seen = c.is_ascii() && !c.is_ascii_control() || c.is_alphanumeric();
        if c == '\n' || is_seen && !is_marked {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Heredoc::new(Identifier::unchecked("POLICY"), plain(&text)).into()
}

/// A text in which nothing begins a template.
fn plain(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}
