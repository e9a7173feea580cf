//! The code of a stack.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::typescript::{allow_statement, ec2_arn, json_literal, string_literal};
use crate::fix::change::{Action, Change, Preferences};
use crate::fix::describe::make_name;
use crate::fix::shell::sanitize_comment;
use crate::model::arn::Arn;

/// A call of the SDK in a custom resource.
struct SdkCall<'a> {
    /// The id of the construct: what the call is for, and on what.
    id: (&'a str, &'a str),
    /// The service, as in the name of its SDK package.
    service: &'a str,
    /// The operation.
    operation: &'a str,
    /// The parameters, as an expression.
    parameters: String,
    /// The statements that allow the call.
    statements: Vec<String>,
}

/// The body of a stack's constructor.
#[derive(Debug, Default)]
pub(super) struct Stack {
    code: Vec<String>,
    names: BTreeSet<String>,
}

impl Stack {
    /// Returns the lines of code.
    pub(super) fn code(&self) -> &[String] {
        &self.code
    }

    /// Starts a change with its description.
    pub(super) fn start_change(&mut self, description: &[String]) {
        self.code.push(String::new());
        for line in description {
            self.add_comment(line);
        }
    }

    fn add_comment(&mut self, text: &str) {
        self.code.push(format!("// {}", sanitize_comment(text)));
    }

    fn add_lines(&mut self, code: &str) {
        self.code.extend(code.lines().map(str::to_owned));
    }

    /// Adds the code of an action.
    pub(super) fn add_action(&mut self, action: &Action, change: &Change) {
        let region = action.region();
        match action {
            Action::PutKeyPolicy { key_arn, after, .. } => self.add_key_policy(key_arn, after),
            Action::BackupSettings {
                opt_in, management, ..
            } => self.add_backup_settings(opt_in, management),
            Action::EnableVersioning { bucket, .. } => self.add_versioning(bucket),
            Action::ExpireOldVersions { bucket, days, .. } => {
                self.add_comment("PutBucketLifecycleConfiguration replaces all lifecycle rules of a bucket, so there is no call for it.");
                self.add_comment(&format!("Where {bucket} is declared, add a rule with noncurrentVersionExpiration: cdk.Duration.days({days});"));
                self.add_comment("--as aws-cli adds the rule and keeps the others.");
            }
            Action::Tag {
                arns, key, value, ..
            } => {
                let parameters = json!({"ResourceARNList": arns, "Tags": {key: value}});
                let tag = format!("{key}-{value}");
                self.add_tagging(("Tag", &tag), "TagResources", arns, &parameters, change);
            }
            Action::Untag { arns, key, .. } => {
                let parameters = json!({"ResourceARNList": arns, "TagKeys": [key]});
                self.add_tagging(("Untag", key), "UntagResources", arns, &parameters, change);
            }
            Action::EbsDefaults { .. } => self.add_ebs_defaults(),
            Action::CreateS3Endpoint {
                vpc_id,
                route_tables,
                ..
            } => self.add_endpoint(region, vpc_id, route_tables),
            Action::AddRouteTables {
                endpoint_id,
                route_tables,
                ..
            } => {
                let parameters =
                    json!({"VpcEndpointId": endpoint_id, "AddRouteTableIds": route_tables});
                self.modify_endpoint("Routes", endpoint_id, route_tables, &parameters);
            }
            Action::ResetEndpointPolicy { endpoint_id, .. } => {
                let parameters = json!({"VpcEndpointId": endpoint_id, "ResetPolicy": true});
                self.modify_endpoint("EndpointPolicy", endpoint_id, &[], &parameters);
            }
        }
    }

    fn add_key_policy(&mut self, key_arn: &str, policy: &str) {
        let Ok(policy) = serde_json::from_str::<Value>(policy) else {
            self.add_comment(&format!(
                "The merged policy of {key_arn} is not valid JSON. Put it by hand."
            ));
            return;
        };
        self.add_comment("KMS denies the call unless the key policy allows kms:PutKeyPolicy to roles of this account.");
        let id = key_arn.rsplit('/').next().unwrap_or(key_arn);
        let parameters = format!(
            "{{ KeyId: {}, PolicyName: \"default\", Policy: JSON.stringify({}) }}",
            string_literal(key_arn),
            json_literal(&policy)
        );
        self.add_call(SdkCall {
            id: ("KeyPolicy", id),
            service: "kms",
            operation: "PutKeyPolicy",
            parameters,
            statements: vec![allow_statement(
                &["kms:PutKeyPolicy"],
                &[string_literal(key_arn)],
            )],
        });
    }

    fn add_backup_settings(&mut self, opt_in: &Preferences, management: &Preferences) {
        let mut parameters = serde_json::Map::new();
        for (name, preferences) in [
            ("ResourceTypeOptInPreference", opt_in),
            ("ResourceTypeManagementPreference", management),
        ] {
            if !preferences.is_empty() {
                parameters.insert(name.to_owned(), json!(preferences.merged()));
            }
        }
        self.add_call(SdkCall {
            id: ("BackupSettings", ""),
            service: "backup",
            operation: "UpdateRegionSettings",
            parameters: json_literal(&Value::Object(parameters)),
            statements: vec![allow_on_any(&["backup:UpdateRegionSettings"])],
        });
    }

    fn add_versioning(&mut self, bucket: &str) {
        let parameters = format!(
            "{{ Bucket: {}, ExpectedBucketOwner: this.account, VersioningConfiguration: {{ Status: \"Enabled\" }} }}",
            string_literal(bucket)
        );
        let arn = format!(
            "this.formatArn({{ service: \"s3\", region: \"\", account: \"\", resource: {} }})",
            string_literal(bucket)
        );
        self.add_call(SdkCall {
            id: ("Versioning", bucket),
            service: "s3",
            operation: "PutBucketVersioning",
            parameters,
            statements: vec![allow_statement(&["s3:PutBucketVersioning"], &[arn])],
        });
    }

    /// Adds a call of the tagging API. Its own permission has no resources; those of the services have.
    ///
    /// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html>.
    fn add_tagging(
        &mut self,
        id: (&str, &str),
        operation: &str,
        arns: &[String],
        parameters: &Value,
        change: &Change,
    ) {
        self.add_comment(
            "The call succeeds even if it cannot tag a resource: scan again afterwards.",
        );
        let services: BTreeSet<&str> = arns
            .iter()
            .filter_map(|arn| Arn::parse(arn))
            .map(|arn| arn.service)
            .collect();
        let (tagging, by_service): (Vec<&str>, Vec<&str>) = change
            .permissions
            .iter()
            .filter(|it| {
                let service = it.split(':').next().unwrap_or_default();
                service == "tag" || services.contains(service)
            })
            .partition(|it| it.starts_with("tag:"));
        let mut statements = vec![allow_on_any(&tagging)];
        if !by_service.is_empty() {
            let arns: Vec<String> = arns.iter().map(|it| string_literal(it)).collect();
            statements.push(allow_statement(&by_service, &arns));
        }
        self.add_call(SdkCall {
            id,
            service: "resource-groups-tagging-api",
            operation,
            parameters: json_literal(parameters),
            statements,
        });
    }

    fn add_ebs_defaults(&mut self) {
        let parameter = self.construct_id("EbsKeyArn", "");
        self.add_lines(&format!(
            "{{\nconst ebsKeyArn = new cdk.CfnParameter(this, {}, {{\n  type: \"String\",\n  allowedPattern: \"arn:[^:]+:kms:[^:]+:[0-9]{{12}}:key/.+\",\n  description: \"ARN of a customer managed key in this region that is shared with the central account\",\n}});",
            string_literal(&parameter)
        ));
        self.code.push("const ebsKey =".to_owned());
        self.add_call(SdkCall {
            id: ("EbsKey", ""),
            service: "ec2",
            operation: "ModifyEbsDefaultKmsKeyId",
            parameters: "{ KmsKeyId: ebsKeyArn.valueAsString }".to_owned(),
            statements: vec![allow_on_any(&["ec2:ModifyEbsDefaultKmsKeyId"])],
        });
        self.code.push("const ebsEncryption =".to_owned());
        self.add_call(SdkCall {
            id: ("EbsEncryption", ""),
            service: "ec2",
            operation: "EnableEbsEncryptionByDefault",
            parameters: "{}".to_owned(),
            statements: vec![allow_on_any(&["ec2:EnableEbsEncryptionByDefault"])],
        });
        // Without a default key, encryption by default would use the AWS managed key.
        self.add_lines("ebsEncryption.node.addDependency(ebsKey);\n}");
    }

    fn add_endpoint(&mut self, region: &str, vpc_id: &str, route_tables: &[String]) {
        let id = self.construct_id("S3Endpoint", vpc_id);
        let properties = json_literal(&json!({
            "vpcId": vpc_id,
            "serviceName": format!("com.amazonaws.{region}.s3"),
            "vpcEndpointType": "Gateway",
            "routeTableIds": route_tables,
        }));
        self.add_lines(&format!(
            "new ec2.CfnVPCEndpoint(this, {}, {properties}).applyRemovalPolicy(cdk.RemovalPolicy.RETAIN);",
            string_literal(&id)
        ));
    }

    fn modify_endpoint(
        &mut self,
        purpose: &str,
        endpoint_id: &str,
        route_tables: &[String],
        parameters: &Value,
    ) {
        let mut arns = vec![ec2_arn("vpc-endpoint", endpoint_id)];
        arns.extend(route_tables.iter().map(|it| ec2_arn("route-table", it)));
        self.add_call(SdkCall {
            id: (purpose, endpoint_id),
            service: "ec2",
            operation: "ModifyVpcEndpoint",
            parameters: json_literal(parameters),
            statements: vec![allow_statement(&["ec2:ModifyVpcEndpoint"], &arns)],
        });
    }

    fn add_call(&mut self, call: SdkCall<'_>) {
        let id = self.construct_id(call.id.0, call.id.1);
        self.add_lines(&format!(
            "change(\n  this,\n  {},\n  {{\n    service: {},\n    action: {},\n    parameters: {},\n  }},\n  [\n    {},\n  ],\n);",
            string_literal(&id),
            string_literal(&format!("@aws-sdk/client-{}", call.service)),
            string_literal(call.operation),
            call.parameters.replace('\n', "\n    "),
            call.statements.join(",\n    "),
        ));
    }

    /// Returns a unique construct id of letters and digits, as in logical ids.
    ///
    /// Source: <https://docs.aws.amazon.com/cdk/v2/guide/identifiers.html>.
    fn construct_id(&mut self, purpose: &str, id: &str) -> String {
        let name = match id.is_empty() {
            true => purpose.to_owned(),
            false => pascal_case(&make_name(&format!("{purpose}-"), id)),
        };
        insert_unique(&mut self.names, name)
    }
}

/// Returns a statement that allows actions on any resource.
fn allow_on_any(actions: &[&str]) -> String {
    allow_statement(actions, &[string_literal("*")])
}

/// Inserts a name, with a number if it is in use, and returns it.
pub(super) fn insert_unique(names: &mut BTreeSet<String>, name: String) -> String {
    let mut unique = name.clone();
    let mut number = 2;
    while !names.insert(unique.clone()) {
        unique = format!("{name}N{number}");
        number += 1;
    }
    unique
}

/// Returns `EuCentral1` for `eu-central-1`.
pub(super) fn pascal_case(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}
