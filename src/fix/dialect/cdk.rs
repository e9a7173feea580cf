//! `--as cdk`: TypeScript for version 2 of the AWS CDK, one stack for each region.
//!
//! New resources are resources of the stack. What exists is changed by calls in custom resources, which
//! may do just that and take nothing back.
//!
//! Source: <https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources.AwsCustomResource.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde_json::{Value, json};

use crate::fix::shell::remark;
use crate::fix::text;
use crate::fix::{Action, Change, Remedy};
use crate::model::arn::Arn;
use crate::report::{Report, WriteError};

/// Writes the file.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let mut stacks: BTreeMap<&str, Stack> = BTreeMap::new();
    let mut others: Vec<(usize, Vec<String>)> = Vec::new();
    for (number, change) in (1..).zip(changes) {
        if let Remedy::InPlace(actions) = &change.remedy {
            let mut begun: BTreeSet<&str> = BTreeSet::new();
            for action in actions {
                let stack = stacks.entry(action.region()).or_default();
                if begun.insert(action.region()) {
                    stack.code.push(String::new());
                    for line in heading(number, change) {
                        stack.say(&line);
                    }
                }
                stack.action(action, change);
            }
        } else {
            let mut lines = heading(number, change);
            lines.extend(text::by_hand(&change.remedy));
            others.push((number, lines));
        }
    }
    let in_place = changes.len() - others.len();
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
            "{in_place} in place, in stacks; {} by hand, in comments: they replace data, cost downtime, revive a key, or",
            others.len()
        ),
    )?;
    comment(out, "want a decision.")?;
    if stacks.is_empty() {
        comment(out, "There is nothing to deploy.")?;
    } else {
        for line in HEAD {
            comment(out, line)?;
        }
        writeln!(out, "\n{IMPORTS}")?;
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (region, stack) in &stacks {
        let name = free(&mut names, pascal(&text::name("", region)));
        head(report, region, &name, out)?;
        for line in &stack.code {
            match line.is_empty() {
                true => writeln!(out)?,
                false => writeln!(out, "    {line}")?,
            }
        }
        writeln!(out, "  }}\n}}")?;
    }
    for (_, lines) in others {
        writeln!(out)?;
        for line in lines {
            comment(out, &line)?;
        }
    }
    Ok(())
}

/// What to know before any of it is deployed.
const HEAD: [&str; 5] = [
    "Read `cdk diff` before the deployment. Calls do not look at what has changed since it was read: scan again first.",
    "What another stack declares is changed there: leave it out here, and set the same properties where it is",
    "declared, or the next deployment of that stack may take it back.",
    "Deleting a stack takes nothing back: endpoints stay, and no call is made.",
    "The roles of the stacks' functions get what the calls need; whoever deploys needs to create stacks, functions, roles and endpoints.",
];

const IMPORTS: &str = r#"import * as cdk from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as cr from "aws-cdk-lib/custom-resources";
import { Construct } from "constructs";

/// A call that changes what exists: when the stack is created, and when the call is another one.
function change(
  scope: Construct,
  id: string,
  call: { service: string; action: string; parameters: object },
  statements: iam.PolicyStatementProps[],
): cr.AwsCustomResource {
  return new cr.AwsCustomResource(scope, id, {
    onUpdate: { ...call, physicalResourceId: cr.PhysicalResourceId.of(id) },
    policy: cr.AwsCustomResourcePolicy.fromStatements(
      statements.map((statement) => new iam.PolicyStatement(statement)),
    ),
    installLatestAwsSdk: false,
  });
}"#;

fn comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "// {}", remark(text))?)
}

fn heading(number: usize, change: &Change) -> Vec<String> {
    let mut lines = vec![format!("{number}. {}", change.title)];
    lines.extend(text::about(change));
    lines.push(format!("Findings: {}", text::ids(change).join(" ")));
    lines
}

fn head(report: &Report, region: &str, name: &str, out: &mut dyn Write) -> Result<(), WriteError> {
    let account = match &report.account_id {
        Some(account) => format!("account: {}, ", string(account)),
        None => String::new(),
    };
    writeln!(
        out,
        "\nexport class BackupReadiness{name}Stack extends cdk.Stack {{"
    )?;
    writeln!(
        out,
        "  constructor(scope: Construct, id = {}, props: cdk.StackProps = {{}}) {{",
        string(&format!("BackupReadiness{name}"))
    )?;
    writeln!(
        out,
        "    super(scope, id, {{ ...props, env: {{ {account}region: {} }} }});",
        string(region)
    )?;
    Ok(())
}

/// The body of a stack's constructor.
#[derive(Debug, Default)]
struct Stack {
    code: Vec<String>,
    names: BTreeSet<String>,
}

impl Stack {
    fn say(&mut self, text: &str) {
        self.code.push(format!("// {}", remark(text)));
    }

    fn action(&mut self, action: &Action, change: &Change) {
        let region = action.region();
        match action {
            Action::PutKeyPolicy { key_arn, after, .. } => {
                let Ok(policy) = serde_json::from_str::<Value>(after) else {
                    self.say(&format!(
                        "The policy that {key_arn} would get is no JSON: put it by hand."
                    ));
                    return;
                };
                self.say("Without kms:PutKeyPolicy for roles of this account in the key's policy KMS refuses the call.");
                let id = key_arn.rsplit('/').next().unwrap_or(key_arn);
                let parameters = format!(
                    "{{ KeyId: {}, PolicyName: \"default\", Policy: JSON.stringify({}) }}",
                    string(key_arn),
                    indented(&policy)
                );
                let statement = allow(&["kms:PutKeyPolicy"], &[string(key_arn)]);
                self.call(
                    "KeyPolicy",
                    id,
                    ("kms", "PutKeyPolicy"),
                    &parameters,
                    &[statement],
                );
            }
            Action::BackupSettings {
                opt_in, management, ..
            } => {
                let mut parameters = serde_json::Map::new();
                for (name, preferences) in [
                    ("ResourceTypeOptInPreference", opt_in),
                    ("ResourceTypeManagementPreference", management),
                ] {
                    if !preferences.is_empty() {
                        parameters.insert(name.to_owned(), json!(preferences.whole()));
                    }
                }
                let parameters = indented(&Value::Object(parameters));
                let statement = allow(&["backup:UpdateRegionSettings"], &[any()]);
                let call = ("backup", "UpdateRegionSettings");
                self.call("BackupSettings", "", call, &parameters, &[statement]);
            }
            Action::EnableVersioning { bucket, .. } => {
                let parameters = format!(
                    "{{ Bucket: {}, ExpectedBucketOwner: this.account, VersioningConfiguration: {{ Status: \"Enabled\" }} }}",
                    string(bucket)
                );
                let arn = format!(
                    "this.formatArn({{ service: \"s3\", region: \"\", account: \"\", resource: {} }})",
                    string(bucket)
                );
                let statement = allow(&["s3:PutBucketVersioning"], &[arn]);
                self.call(
                    "Versioning",
                    bucket,
                    ("s3", "PutBucketVersioning"),
                    &parameters,
                    &[statement],
                );
            }
            Action::ExpireOldVersions { bucket, days, .. } => {
                self.say("One call puts all lifecycle rules of a bucket, and those that are not in it are deleted: none stands here.");
                self.say(&format!("Where {bucket} is declared, add a rule with noncurrentVersionExpiration: cdk.Duration.days({days});"));
                self.say("--as aws-cli adds the rule and keeps the others.");
            }
            Action::Tag {
                arns, key, value, ..
            } => {
                let parameters = indented(&json!({"ResourceARNList": arns, "Tags": {key: value}}));
                let tag = format!("{key}-{value}");
                self.tagging(("Tag", "TagResources"), &tag, arns, &parameters, change);
            }
            Action::Untag { arns, key, .. } => {
                let parameters = indented(&json!({"ResourceARNList": arns, "TagKeys": [key]}));
                self.tagging(("Untag", "UntagResources"), key, arns, &parameters, change);
            }
            Action::EbsDefaults { .. } => self.ebs_defaults(),
            Action::CreateS3Endpoint {
                vpc_id,
                route_tables,
                ..
            } => {
                let name = self.name("S3Endpoint", vpc_id);
                let properties = indented(&json!({
                    "vpcId": vpc_id,
                    "serviceName": format!("com.amazonaws.{region}.s3"),
                    "vpcEndpointType": "Gateway",
                    "routeTableIds": route_tables,
                }));
                self.lines(&format!(
                    "new ec2.CfnVPCEndpoint(this, {}, {properties}).applyRemovalPolicy(cdk.RemovalPolicy.RETAIN);",
                    string(&name)
                ));
            }
            Action::AddRouteTables {
                endpoint_id,
                route_tables,
                ..
            } => {
                let parameters = indented(&json!({
                    "VpcEndpointId": endpoint_id,
                    "AddRouteTableIds": route_tables,
                }));
                let mut arns = vec![ec2_arn("vpc-endpoint", endpoint_id)];
                arns.extend(route_tables.iter().map(|it| ec2_arn("route-table", it)));
                let statement = allow(&["ec2:ModifyVpcEndpoint"], &arns);
                let call = ("ec2", "ModifyVpcEndpoint");
                self.call("Routes", endpoint_id, call, &parameters, &[statement]);
            }
            Action::ResetEndpointPolicy { endpoint_id, .. } => {
                let parameters = indented(&json!({
                    "VpcEndpointId": endpoint_id,
                    "ResetPolicy": true,
                }));
                let arns = [ec2_arn("vpc-endpoint", endpoint_id)];
                let statement = allow(&["ec2:ModifyVpcEndpoint"], &arns);
                let call = ("ec2", "ModifyVpcEndpoint");
                self.call(
                    "EndpointPolicy",
                    endpoint_id,
                    call,
                    &parameters,
                    &[statement],
                );
            }
        }
    }

    /// The tagging API's own permission has no resources; the services' permissions have.
    /// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html>.
    fn tagging(
        &mut self,
        (name, action): (&str, &str),
        tag: &str,
        arns: &[String],
        parameters: &str,
        change: &Change,
    ) {
        self.say("The call succeeds even where a resource refuses: scan again afterwards.");
        let services: BTreeSet<&str> = arns
            .iter()
            .filter_map(|arn| Arn::parse(arn))
            .map(|arn| arn.service)
            .collect();
        let (general, own): (Vec<&str>, Vec<&str>) = change
            .permissions
            .iter()
            .filter(|it| {
                let service = it.split(':').next().unwrap_or_default();
                service == "tag" || services.contains(service)
            })
            .partition(|it| it.starts_with("tag:"));
        let mut statements = vec![allow(&general, &[any()])];
        if !own.is_empty() {
            let arns: Vec<String> = arns.iter().map(|it| string(it)).collect();
            statements.push(allow(&own, &arns));
        }
        let call = ("resource-groups-tagging-api", action);
        self.call(name, tag, call, parameters, &statements);
    }

    fn ebs_defaults(&mut self) {
        let parameter = self.name("EbsKeyArn", "");
        self.lines(&format!(
            "{{\nconst ebsKeyArn = new cdk.CfnParameter(this, {}, {{\n  type: \"String\",\n  allowedPattern: \"arn:[^:]+:kms:[^:]+:[0-9]{{12}}:key/.+\",\n  description: \"ARN of a customer managed key in this region that is shared with the central account\",\n}});",
            string(&parameter)
        ));
        let statement = allow(&["ec2:ModifyEbsDefaultKmsKeyId"], &[any()]);
        self.code.push("const ebsKey =".to_owned());
        let parameters = "{ KmsKeyId: ebsKeyArn.valueAsString }";
        let call = ("ec2", "ModifyEbsDefaultKmsKeyId");
        self.call("EbsKey", "", call, parameters, &[statement]);
        // Until there is a key, volumes would get the one that AWS manages.
        let statement = allow(&["ec2:EnableEbsEncryptionByDefault"], &[any()]);
        self.code.push("const ebsEncryption =".to_owned());
        let call = ("ec2", "EnableEbsEncryptionByDefault");
        self.call("EbsEncryption", "", call, "{}", &[statement]);
        self.lines("ebsEncryption.node.addDependency(ebsKey);\n}");
    }

    /// A call of the SDK: the service as its package is called, and the action as the API calls it.
    fn call(
        &mut self,
        before: &str,
        id: &str,
        (service, action): (&str, &str),
        parameters: &str,
        statements: &[String],
    ) {
        let name = self.name(before, id);
        let service = string(&format!("@aws-sdk/client-{service}"));
        self.lines(&format!(
            "change(\n  this,\n  {},\n  {{\n    service: {service},\n    action: {},\n    parameters: {},\n  }},\n  [\n    {},\n  ],\n);",
            string(&name),
            string(action),
            parameters.replace('\n', "\n    "),
            statements.join(",\n    "),
        ));
    }

    fn lines(&mut self, code: &str) {
        self.code.extend(code.lines().map(str::to_owned));
    }

    /// An id of a construct, of letters and digits, as logical ids are.
    /// Source: <https://docs.aws.amazon.com/cdk/v2/guide/identifiers.html>.
    fn name(&mut self, before: &str, id: &str) -> String {
        let name = match id.is_empty() {
            true => before.to_owned(),
            false => pascal(&text::name(&format!("{before}-"), id)),
        };
        free(&mut self.names, name)
    }
}

fn free(names: &mut BTreeSet<String>, name: String) -> String {
    let mut free = name.clone();
    let mut number = 2;
    while !names.insert(free.clone()) {
        free = format!("{name}N{number}");
        number += 1;
    }
    free
}

/// `eu-central-1` as `EuCentral1`.
fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words
        .map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|c| c.to_ascii_uppercase());
            first.into_iter().chain(letters).collect::<String>()
        })
        .collect()
}

/// A statement that allows actions on what the resources' expressions name.
fn allow(actions: &[&str], resources: &[String]) -> String {
    let actions: Vec<String> = actions.iter().map(|it| string(it)).collect();
    format!(
        "{{ actions: [{}], resources: [{}] }}",
        actions.join(", "),
        resources.join(", ")
    )
}

fn any() -> String {
    string("*")
}

/// The ARN of something of EC2 in the stack's account and region.
fn ec2_arn(resource: &str, id: &str) -> String {
    format!(
        "this.formatArn({{ service: \"ec2\", resource: {}, resourceName: {} }})",
        string(resource),
        string(id)
    )
}

/// A text as a literal that JSON and TypeScript read alike, and that ends no script element.
/// Source: <https://tc39.es/ecma262/#sec-literals-string-literals>.
fn string(text: &str) -> String {
    let text = text::escaped(text, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    });
    format!("\"{}\"", text.replace("</", "<\\/"))
}

/// A JSON document as TypeScript, over several lines.
fn indented(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items.iter().map(|it| inner(&indented(it))).collect();
            format!("[\n{}\n]", items.join(",\n"))
        }
        Value::Object(fields) if !fields.is_empty() => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, it)| inner(&format!("{}: {}", key(name), indented(it))))
                .collect();
            format!("{{\n{}\n}}", fields.join(",\n"))
        }
        other => other.to_string(),
    }
}

/// A property's name. As a plain literal this one would set the prototype.
fn key(name: &str) -> String {
    match name {
        "__proto__" => format!("[{}]", string(name)),
        _ => string(name),
    }
}

fn inner(text: &str) -> String {
    format!("  {}", text.replace('\n', "\n  "))
}
