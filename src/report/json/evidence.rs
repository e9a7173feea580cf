//! What the evidence of each rule holds, as data for the JSON Schema.

use schemars::Schema;
use serde_json::{Map, Value, json};

use crate::rules;

/// The type of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Text,
    TextOrNull,
    Texts,
    Number,
    NumberOrNull,
    Flag,
}

impl Type {
    /// Returns the type as a schema names it.
    fn to_json(self) -> Value {
        match self {
            Type::Text => json!("string"),
            Type::TextOrNull => json!(["string", "null"]),
            Type::Texts => json!("array"),
            Type::Number => json!("integer"),
            Type::NumberOrNull => json!(["integer", "null"]),
            Type::Flag => json!("boolean"),
        }
    }
}

struct Member {
    name: &'static str,
    kind: Type,
    /// The rules whose evidence has it, separated by spaces; empty for all.
    rules: &'static str,
    about: &'static str,
}

const fn member(
    name: &'static str,
    kind: Type,
    rules: &'static str,
    about: &'static str,
) -> Member {
    Member {
        name,
        kind,
        rules,
        about,
    }
}

/// Every member. If the parts of a resource differ in one, all values are in a list under the plural of its name.
#[rustfmt::skip]
const MEMBERS: &[Member] = &[
    member("operation", Type::Text, "", "the API operation that failed"),
    member("action", Type::Text, "", "the IAM action that is missing"),
    member(
        "key_arn",
        Type::Text,
        "encryption-customer-key encryption-customer-key-recommended ebs-default-encryption kms-key-usable kms-key-shared kms-key-fully-shared kms-key-locally-usable kms-key-not-central local-vault-key-shared",
        "the KMS key, or its alias",
    ),
    member(
        "missing_actions",
        Type::Texts,
        "kms-key-shared kms-key-fully-shared kms-key-locally-usable local-vault-key-shared ebs-default-encryption backup-role-ready",
        "the actions that the policy does not allow",
    ),
    member("actions", Type::Texts, "kms-key-shared kms-key-fully-shared local-vault-key-shared", "the actions on which the policy depends"),
    member(
        "statement",
        Type::TextOrNull,
        "kms-key-shared kms-key-fully-shared local-vault-key-shared ebs-default-encryption",
        "the deciding statement of the policy; null for an implicit deny",
    ),
    member("key_state", Type::Text, "kms-key-usable", "the state of the key"),
    member("key", Type::Text, "backup-tag-valid", "the key of the tag"),
    member("value", Type::Text, "backup-tag-valid backup-tag-not-custom backup-decision-made", "the value of the tag"),
    member("instance", Type::Text, "backup-not-duplicated", "the instance that the volume is attached to"),
    member("stack", Type::Text, "backup-not-duplicated", "the stack that contains the resource"),
    member("members", Type::Texts, "backup-tag-placed", "the tagged instances of the cluster"),
    member("volumes", Type::Texts, "backup-tag-placed", "the volumes of the gateway"),
    member("engine", Type::Text, "cross-account-copy-supported", "the database engine"),
    member("outpost_arn", Type::Text, "cross-account-copy-supported", "the Outpost that the resource is on"),
    member("backup_target", Type::Text, "cross-account-copy-supported", "where the database keeps its backups"),
    member("deployment_type", Type::Text, "cross-account-copy-supported", "the deployment type of the file system"),
    member("organization_id", Type::Text, "organization-member", "the organization of the account"),
    member("expected_organization_id", Type::Text, "organization-member", "the organization that is configured"),
    member("gateway_type", Type::Text, "cross-account-copy-supported", "the type of the gateway"),
    member("aws_type", Type::Text, "cross-account-copy-supported", "the CloudFormation type"),
    member("state", Type::Text, "resource-state-ready", "the state of the resource"),
    member("versioning", Type::TextOrNull, "s3-versioning-enabled", "the versioning of the bucket; null if it was never enabled"),
    member("off", Type::Texts, "dynamodb-advanced-features-enabled", "the settings of AWS Backup in which DynamoDB is not true"),
    member("services", Type::Texts, "service-opted-in backup-role-ready", "the names of the resource types that it is about"),
    member("retention_days", Type::Number, "rds-automated-backups-enabled local-vault-ready", "the retention in days"),
    member("option_group", Type::Text, "rds-option-group-shareable", "the option group"),
    member("options", Type::Texts, "rds-option-group-shareable", "the options that keep a snapshot from being shared"),
    member("product_codes", Type::Texts, "ec2-image-copyable", "the AWS Marketplace product codes"),
    member("backup_window", Type::TextOrNull, "rds-windows-clear", "the window of automated backups, UTC; null where it is not known"),
    member("maintenance_window", Type::TextOrNull, "rds-windows-clear", "the maintenance window, UTC; null where it is not known"),
    member("resource", Type::Text, "stack-resources-ready", "the id of the member that is not ready"),
    member("member", Type::Text, "stack-resources-ready", "the ARN of the member that is not ready"),
    member("rule", Type::Text, "stack-resources-ready s3-continuous-events", "the rule that the member of the stack violates, or the lifecycle rule of the bucket"),
    member("default_vpc", Type::Flag, "s3-gateway-endpoint-present", "whether it is the default VPC"),
    member("endpoint", Type::Text, "s3-gateway-endpoint-present s3-gateway-endpoint-open s3-gateway-endpoint-routed", "the endpoint"),
    member("route_tables", Type::Texts, "s3-gateway-endpoint-routed", "the route tables without a route to the endpoint"),
    member("subnets", Type::Texts, "s3-gateway-endpoint-routed", "their subnets"),
    member("authority", Type::Text, "backup-policy-effective", "where the plans come from"),
    member("plans", Type::Texts, "backup-policy-effective", "the plans that select the tag"),
    member("vaults", Type::Texts, "backup-policy-effective local-vault-ready", "the vaults that the plans name"),
    member("copy_targets", Type::Texts, "backup-policy-effective", "the vaults that the plans copy to"),
    member("roles", Type::Texts, "backup-policy-effective", "the roles that the plans name"),
    member("interval_hours", Type::Number, "backup-policy-effective", "the hours between two backups"),
    member("resources", Type::Texts, "backup-policy-effective backup-region-covered", "the resources that no plan backs up"),
    member("regions", Type::Texts, "backup-region-covered", "their regions"),
    member("rules", Type::Texts, "central-copy-retained", "the rules of the plans whose copies are not kept"),
    member("vault", Type::Text, "local-vault-ready local-vault-key-shared", "the vault"),
    member("min_retention_days", Type::NumberOrNull, "local-vault-ready", "the minimum retention of Vault Lock; null without one"),
    member("max_retention_days", Type::NumberOrNull, "local-vault-ready", "the maximum retention of Vault Lock; null without one"),
    member("role", Type::Text, "backup-role-ready", "the backup role"),
    member("attached_policies", Type::Texts, "backup-role-ready", "the policies that are attached to the role"),
    member("job_id", Type::Text, "backup-recent copy-recent", "the job"),
    member("job_state", Type::Text, "backup-recent copy-recent", "the state of the job"),
    member("job_created_at", Type::Text, "backup-recent copy-recent", "when the job was created, RFC 3339"),
    member("status_message", Type::Text, "backup-recent copy-recent", "the message of AWS Backup about the job"),
    member("destination_vault_arn", Type::Text, "copy-recent", "the vault that was copied to"),
    member("explained_by", Type::Text, "backup-recent copy-recent", "the rule that explains the message"),
    member("contradicts", Type::Texts, "copy-recent", "rules that fail although the copy completed"),
    member("other_accounts", Type::Texts, "copy-recent", "other accounts that were copied to"),
];

/// The rule whose evidence repeats that of the rules that the members of a stack violate.
const STACK: &str = "stack-resources-ready";

impl Member {
    fn belongs_to(&self, rule: &str) -> bool {
        self.rules.is_empty() || rule == STACK || self.rules.split(' ').any(|it| it == rule)
    }

    fn to_schema(&self) -> Value {
        match self.kind {
            Type::Texts => json!({
                "description": self.about, "type": "array", "items": {"type": "string"},
            }),
            kind => json!({"description": self.about, "type": kind.to_json()}),
        }
    }
}

/// Returns the members of the evidence of a rule.
fn describe_rule(rule: &str) -> Map<String, Value> {
    let mut described = Map::new();
    for member in MEMBERS.iter().filter(|it| it.belongs_to(rule)) {
        if !member.name.ends_with('s') {
            let about = format!("every {}, if the parts of the resource differ", member.name);
            let items = json!({"type": member.kind.to_json()});
            described.insert(
                format!("{}s", member.name),
                json!({"description": about, "type": "array", "items": items}),
            );
        }
        described.insert(member.name.to_owned(), member.to_schema());
    }
    described
}

/// Adds the description of the evidence of each rule to the schema of the report.
pub(super) fn describe_evidence(schema: &mut Schema) {
    let of_rules: Vec<Value> = rules::ALL
        .iter()
        .map(|rule| {
            json!({
                "if": {"properties": {"rule": {"const": rule.id}}},
                "then": {"properties": {"evidence": {"properties": describe_rule(rule.id)}}},
            })
        })
        .collect();
    let finding = schema
        .get_mut("$defs")
        .and_then(|it| it.get_mut("JsonFinding"))
        .and_then(Value::as_object_mut);
    if let Some(finding) = finding {
        finding.insert("allOf".to_owned(), Value::Array(of_rules));
    }
}
