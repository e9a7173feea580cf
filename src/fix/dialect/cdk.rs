//! `--as cdk`: TypeScript for version 2 of the AWS CDK, one stack for each region.
//!
//! New objects are resources of the stack. Existing objects are changed by SDK calls in custom
//! resources, with no more permissions than the calls need. Deleting a stack reverts nothing.
//!
//! Source: <https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.custom_resources.AwsCustomResource.html>.

mod stack;
mod typescript;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use crate::fix::change::{Change, Method};
use crate::fix::describe::{describe_change, describe_manual_steps, describe_source, make_name};
use crate::fix::shell::sanitize_comment;
use crate::report::{Report, WriteError};
use stack::{Stack, insert_unique, pascal_case};
use typescript::string_literal;

/// Writes the file.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let stacks = build_stacks(changes);
    let in_place = changes
        .iter()
        .filter(|it| matches!(it.method, Method::InPlace(_)))
        .count();
    write_comment(out, &describe_source(report))?;
    write_comment(
        out,
        &format!(
            "{in_place} in place, in stacks; {} by hand, in comments: they replace data, cause downtime, enable a key, or",
            changes.len() - in_place
        ),
    )?;
    write_comment(out, "need a decision.")?;
    if stacks.is_empty() {
        write_comment(out, "There is nothing to deploy.")?;
    } else {
        for line in HEAD {
            write_comment(out, line)?;
        }
        writeln!(out, "\n{IMPORTS}")?;
    }
    let mut names: BTreeSet<String> = BTreeSet::new();
    for (region, stack) in &stacks {
        let name = insert_unique(&mut names, pascal_case(&make_name("", region)));
        write_stack(report, region, &name, stack, out)?;
    }
    for (number, change) in (1..).zip(changes) {
        if !matches!(change.method, Method::InPlace(_)) {
            writeln!(out)?;
            let mut lines = describe_change(number, change);
            lines.extend(describe_manual_steps(&change.method));
            for line in lines {
                write_comment(out, &line)?;
            }
        }
    }
    Ok(())
}

/// Returns the stack of each region.
fn build_stacks(changes: &[Change]) -> BTreeMap<&str, Stack> {
    let mut stacks: BTreeMap<&str, Stack> = BTreeMap::new();
    for (number, change) in (1..).zip(changes) {
        let Method::InPlace(actions) = &change.method else {
            continue;
        };
        let mut described: BTreeSet<&str> = BTreeSet::new();
        for action in actions {
            let stack = stacks.entry(action.region()).or_default();
            if described.insert(action.region()) {
                stack.start_change(&describe_change(number, change));
            }
            stack.add_action(action, change);
        }
    }
    stacks
}

/// What to know before deploying the stacks.
const HEAD: [&str; 6] = [
    "Read `cdk diff` before you deploy. SDK calls overwrite changes made since the scan: scan again first.",
    "If another stack declares an object, leave it out here and set the same properties in that stack.",
    "Otherwise its next deployment can revert the change.",
    "Deleting the stack does not revert the changes: endpoints are retained, and no call is made.",
    "The functions of the stacks get roles with the permissions that the calls need. To deploy, you need",
    "permission to create stacks, functions, roles and endpoints.",
];

const IMPORTS: &str = r#"import * as cdk from "aws-cdk-lib";
import * as ec2 from "aws-cdk-lib/aws-ec2";
import * as iam from "aws-cdk-lib/aws-iam";
import * as cr from "aws-cdk-lib/custom-resources";
import { Construct } from "constructs";

/// Changes an existing object when the stack is created, and again when the call changes.
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

fn write_comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "// {}", sanitize_comment(text))?)
}

fn write_stack(
    report: &Report,
    region: &str,
    name: &str,
    stack: &Stack,
    out: &mut dyn Write,
) -> Result<(), WriteError> {
    let account = match &report.account_id {
        Some(account) => format!("account: {}, ", string_literal(account)),
        None => String::new(),
    };
    writeln!(
        out,
        "\nexport class BackupReadiness{name}Stack extends cdk.Stack {{"
    )?;
    writeln!(
        out,
        "  constructor(scope: Construct, id = {}, props: cdk.StackProps = {{}}) {{",
        string_literal(&format!("BackupReadiness{name}"))
    )?;
    writeln!(
        out,
        "    super(scope, id, {{ ...props, env: {{ {account}region: {} }} }});",
        string_literal(region)
    )?;
    for line in stack.code() {
        match line.is_empty() {
            true => writeln!(out)?,
            false => writeln!(out, "    {line}")?,
        }
    }
    writeln!(out, "  }}\n}}")?;
    Ok(())
}
