//! The blocks that make a change.

use std::collections::BTreeSet;

use hcl::expr::Variable;
use hcl::{Attribute, Block, Body, Expression, Identifier};
use serde_json::json;

use super::expression::{
    address, bool_map, document, quoted_text, reference, string, string_array,
};
use crate::fix::change::{Action, Preferences};
use crate::fix::describe::{ebs_key_variable, make_name};
use crate::model::arn::Arn;

/// The blocks of a change, and the comments for what no block can express.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    pub(super) blocks: Vec<Block>,
    pub(super) comments: Vec<String>,
}

impl Blocks {
    /// Adds a resource and the import of the existing object.
    fn add_imported(&mut self, resource: Block, id: &str) {
        let import = Block::builder("import")
            .add_attribute(("to", address(&resource)))
            .add_attribute(("id", string(id)));
        self.blocks.push(import.build());
        self.blocks.push(resource);
    }

    fn add_comments<const N: usize>(&mut self, lines: [String; N]) {
        self.comments.extend(lines);
    }
}

/// Builds blocks with unique names.
#[derive(Debug, Default)]
pub(super) struct BlockBuilder {
    names: BTreeSet<(&'static str, String)>,
    regions: BTreeSet<String>,
    variables: BTreeSet<String>,
}

impl BlockBuilder {
    /// Returns the regions of all resources.
    pub(super) fn regions(&self) -> &BTreeSet<String> {
        &self.regions
    }

    /// Adds the blocks and comments of an action.
    pub(super) fn add_action(&mut self, action: &Action, blocks: &mut Blocks) {
        let region = action.region();
        match action {
            Action::PutKeyPolicy { key_arn, after, .. } => {
                self.add_key_policy(region, key_arn, after, blocks);
            }
            Action::BackupSettings {
                opt_in, management, ..
            } => self.add_backup_settings(region, opt_in, management, blocks),
            Action::EnableVersioning { bucket, .. } => self.add_versioning(region, bucket, blocks),
            Action::ExpireOldVersions { bucket, days, .. } => {
                describe_lifecycle_rule(bucket, *days, blocks);
            }
            Action::Tag {
                arns, key, value, ..
            } => {
                for arn in arns {
                    self.add_tag(arn, region, key, value, blocks);
                }
            }
            Action::Untag { arns, key, .. } => describe_tag_removal(arns, key, blocks),
            Action::EbsDefaults { .. } => self.add_ebs_defaults(region, blocks),
            Action::CreateS3Endpoint {
                vpc_id,
                route_tables,
                ..
            } => {
                let service = format!("com.amazonaws.{region}.s3");
                let arguments = [
                    ("vpc_id", string(vpc_id)),
                    ("service_name", string(&service)),
                    ("vpc_endpoint_type", string("Gateway")),
                    ("route_table_ids", string_array(route_tables)),
                ];
                let name = make_name("s3_", vpc_id);
                let block = self.build_resource("aws_vpc_endpoint", &name, region, arguments);
                blocks.blocks.push(block);
            }
            Action::AddRouteTables {
                endpoint_id,
                route_tables,
                ..
            } => self.add_route_tables(region, endpoint_id, route_tables, blocks),
            Action::ResetEndpointPolicy { endpoint_id, .. } => {
                self.add_endpoint_policy(region, endpoint_id, blocks);
            }
        }
    }

    fn add_key_policy(&mut self, region: &str, key_arn: &str, policy: &str, blocks: &mut Blocks) {
        // The id of the import becomes `key_id`; a different `key_id` would replace the resource.
        let id = key_arn.rsplit('/').next().unwrap_or(key_arn);
        let Ok(policy) = serde_json::from_str(policy) else {
            blocks.add_comments([format!(
                "The merged policy of {key_arn} is not valid JSON. Put it by hand."
            )]);
            return;
        };
        let arguments = [("key_id", string(id)), ("policy", document(&policy))];
        let name = make_name("key_", id);
        let block = self.build_resource("aws_kms_key_policy", &name, region, arguments);
        blocks.add_imported(block, id);
    }

    fn add_backup_settings(
        &mut self,
        region: &str,
        opt_in: &Preferences,
        management: &Preferences,
        blocks: &mut Blocks,
    ) {
        let (opt_in, management) = (opt_in.merged(), management.merged());
        if opt_in.is_empty() {
            blocks.add_comments([format!(
                "aws_backup_region_settings needs the opt-in of every service in {region}, which could not be read. Use --as aws-cli."
            )]);
            return;
        }
        blocks.add_comments([
            "The maps include the current settings, because the resource manages all services."
                .to_owned(),
        ]);
        let mut arguments = vec![("resource_type_opt_in_preference", bool_map(&opt_in))];
        if !management.is_empty() {
            arguments.push(("resource_type_management_preference", bool_map(&management)));
        }
        let name = make_name("region_", region);
        let block = self.build_resource("aws_backup_region_settings", &name, region, arguments);
        blocks.add_imported(block, region);
    }

    fn add_versioning(&mut self, region: &str, bucket: &str, blocks: &mut Blocks) {
        let name = make_name("bucket_", bucket);
        let arguments = [("bucket", string(bucket))];
        let mut block = self.build_resource("aws_s3_bucket_versioning", &name, region, arguments);
        let status =
            Block::builder("versioning_configuration").add_attribute(("status", string("Enabled")));
        block.body.0.push(status.build().into());
        blocks.add_imported(block, bucket);
    }

    /// Adds a tag where the provider has a resource for one tag, otherwise a comment.
    fn add_tag(&mut self, arn: &str, region: &str, key: &str, value: &str, blocks: &mut Blocks) {
        let service = Arn::parse(arn).map_or("", |arn| arn.service);
        let id = arn.rsplit('/').next().unwrap_or(arn);
        let (kind, argument, resource, prefix) = match service {
            "ec2" => ("aws_ec2_tag", "resource_id", id, ""),
            "dynamodb" => ("aws_dynamodb_tag", "resource_arn", arn, "table_"),
            _ => {
                let (key, value) = (quoted_text(key), quoted_text(value));
                blocks.add_comments([
                    format!("The provider has no resource for one tag of {arn}. Where it is declared, set:"),
                    format!("  tags = {{ \"{key}\" = \"{value}\" }}"),
                ]);
                return;
            }
        };
        // One resource can get several tags, so the name includes the key.
        let name = format!("{}_{}", make_name("tag_", key), make_name(prefix, id));
        let arguments = [
            (argument, string(resource)),
            ("key", string(key)),
            ("value", string(value)),
        ];
        let block = self.build_resource(kind, &name, region, arguments);
        blocks.blocks.push(block);
    }

    fn add_ebs_defaults(&mut self, region: &str, blocks: &mut Blocks) {
        let name = make_name("region_", region);
        let variable = ebs_key_variable(region).to_lowercase();
        if self.variables.insert(variable.clone()) {
            let description = format!(
                "ARN of a customer managed key in {region} that is shared with the central account."
            );
            let block = Block::builder("variable")
                .add_label(variable.as_str())
                .add_attribute(("type", Variable::unchecked("string")))
                .add_attribute(("description", string(&description)));
            blocks.blocks.push(block.build());
        }
        let arguments = [("key_arn", reference("var", &variable))];
        let default_key = self.build_resource("aws_ebs_default_kms_key", &name, region, arguments);
        // Without a default key, encryption by default would use the AWS managed key.
        let arguments = [
            ("enabled", Expression::Bool(true)),
            ("depends_on", Expression::Array(vec![address(&default_key)])),
        ];
        let kind = "aws_ebs_encryption_by_default";
        let encryption = self.build_resource(kind, &name, region, arguments);
        blocks.blocks.extend([default_key, encryption]);
    }

    fn add_route_tables(
        &mut self,
        region: &str,
        endpoint_id: &str,
        route_tables: &[String],
        blocks: &mut Blocks,
    ) {
        blocks.add_comments([
            "If the aws_vpc_endpoint is declared with `route_table_ids`, add the route tables there instead."
                .to_owned(),
        ]);
        for table in route_tables {
            let arguments = [
                ("route_table_id", string(table)),
                ("vpc_endpoint_id", string(endpoint_id)),
            ];
            let kind = "aws_vpc_endpoint_route_table_association";
            let name = make_name("table_", table);
            let block = self.build_resource(kind, &name, region, arguments);
            blocks.blocks.push(block);
        }
    }

    fn add_endpoint_policy(&mut self, region: &str, endpoint_id: &str, blocks: &mut Blocks) {
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
        let name = make_name("endpoint_", endpoint_id);
        let block = self.build_resource("aws_vpc_endpoint_policy", &name, region, arguments);
        blocks.add_imported(block, endpoint_id);
    }

    fn build_resource<'a>(
        &mut self,
        kind: &'static str,
        name: &str,
        region: &str,
        arguments: impl IntoIterator<Item = (&'a str, Expression)>,
    ) -> Block {
        self.regions.insert(region.to_owned());
        let mut unique = name.to_owned();
        let mut number = 2;
        while !self.names.insert((kind, unique.clone())) {
            unique = format!("{name}_{number}");
            number += 1;
        }
        let arguments = arguments
            .into_iter()
            .map(|(name, value)| Attribute::new(Identifier::unchecked(name), value));
        Block::builder("resource")
            .add_label(kind)
            .add_label(unique)
            .add_attribute(("provider", reference("aws", &provider_alias(region))))
            .add_attributes(arguments)
            .build()
    }
}

/// Returns the alias of a region's provider.
pub(super) fn provider_alias(region: &str) -> String {
    let prefix = match region.starts_with(|c: char| c.is_ascii_alphabetic()) {
        true => "",
        false => "region_",
    };
    make_name(prefix, region)
}

/// Adds the lifecycle rule as a comment: the resource would delete the other rules of the bucket.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket_lifecycle_configuration>.
fn describe_lifecycle_rule(bucket: &str, days: u32, blocks: &mut Blocks) {
    blocks.add_comments([
        format!("aws_s3_bucket_lifecycle_configuration manages all lifecycle rules of {bucket} and deletes rules that"),
        "it does not declare. Add this rule to the existing declaration, or declare it together with the current".to_owned(),
        "rules of the bucket. --as aws-cli adds the rule and keeps the others.".to_owned(),
    ]);
    let expiration =
        Block::builder("noncurrent_version_expiration").add_attribute(("noncurrent_days", days));
    let rule = Block::builder("rule")
        .add_attribute(("id", string("backup-check-old-versions")))
        .add_attribute(("status", string("Enabled")))
        .add_block(Block::builder("filter").build())
        .add_block(expiration.build())
        .build();
    let body: Body = [rule].into_iter().collect();
    if let Ok(text) = hcl::format::to_string(&body) {
        let lines = text.lines().filter(|it| !it.trim().is_empty());
        blocks.comments.extend(lines.map(|it| format!("  {it}")));
    }
}

fn describe_tag_removal(arns: &[String], key: &str, blocks: &mut Blocks) {
    let key = quoted_text(key);
    blocks.add_comments([
        format!("No block removes a tag. Remove \"{key}\" from the `tags` where these are declared; --as aws-cli"),
        "removes it from what is not declared:".to_owned(),
    ]);
    let arns = arns.iter().map(|arn| format!("  {arn}"));
    blocks.comments.extend(arns);
}
