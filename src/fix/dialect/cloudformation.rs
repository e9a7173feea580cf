//! `--as cloudformation`: a part of a template, to be merged into the one that declares the resources.
//!
//! Changes of an account whose resources the scan did not find in a template are in comments, with the properties
//! to set where they are declared.

mod tree;

use std::collections::BTreeMap;
use std::io::Write;

use crate::analysis::remedy::Declaration;
use crate::fix::change::{Action, Change, Method};
use crate::fix::describe::{
    describe_change, describe_manual_steps, describe_notes, describe_source,
};
use crate::fix::shell::sanitize_comment;
use crate::report::{Report, WriteError};
use tree::Tree;

/// Writes the part of the template.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let written = changes.iter().filter(|it| find_declaration(it).is_some());
    let written = written.count();
    write_comment(out, &describe_source(report))?;
    write_comment(
        out,
        &format!(
            "{written} of {} are in the template; the others are comments.",
            changes.len()
        ),
    )?;
    if written == 0 {
        write_comment(out, "There is nothing to merge.")?;
    } else {
        write_comment(
            out,
            "Merge it into the template, and read the change set before you execute it: it must not replace data.",
        )?;
    }
    for (number, change) in (1..).zip(changes) {
        writeln!(out)?;
        for line in describe_change(number, change) {
            write_comment(out, &line)?;
        }
        if let Some(declaration) = find_declaration(change) {
            for line in describe_notes(declaration) {
                write_comment(out, &line)?;
            }
            continue;
        }
        let lines = match &change.method {
            Method::InPlace(actions) => actions.iter().flat_map(describe_properties).collect(),
            method => describe_manual_steps(method),
        };
        for line in lines {
            write_comment(out, &line)?;
        }
    }
    let needs_key = |it: &Change| match &it.method {
        Method::Declaration(declaration) => !declaration.key_parameters().is_empty(),
        _ => false,
    };
    if changes.iter().any(needs_key) {
        writeln!(out)?;
        write_comment(out, KEY_PARAMETERS)?;
    }
    write_resources(changes, out)
}

/// What to do with a parameter that names a key.
const KEY_PARAMETERS: &str = "Set each KmsKeyArn parameter to the ARN of a customer managed key that is shared with the central account. A parent stack must pass it to a nested stack.";

/// Returns the declaration that a change makes, if it can be merged into a template.
fn find_declaration(change: &Change) -> Option<&Declaration> {
    match &change.method {
        Method::Declaration(it) if it.logical_id.is_some() => Some(it),
        _ => None,
    }
}

fn write_comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "# {}", sanitize_comment(text))?)
}

/// Writes the resources of all changes, each once, in a document for each template: a nested stack has its own.
fn write_resources(changes: &[Change], out: &mut dyn Write) -> Result<(), WriteError> {
    let mut templates: BTreeMap<&str, Tree> = BTreeMap::new();
    let mut places: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for declaration in changes.iter().filter_map(find_declaration) {
        let template = templates.entry(&declaration.file).or_default();
        for name in declaration.key_parameters() {
            let lines = ["Parameters:", &format!("  {name}:"), "    Type: String"];
            template.add_lines(lines.map(str::to_owned));
        }
    }
    for declaration in changes.iter().filter_map(find_declaration) {
        let template = templates.entry(&declaration.file).or_default();
        let id = declaration.logical_id.as_deref().unwrap_or_default();
        if !declaration.lines.is_empty() {
            let head = ["Resources:", &format!("  {id}:"), "    Properties:"].map(str::to_owned);
            let lines = declaration.lines.iter().map(|it| format!("      {it}"));
            template.add_lines(head.into_iter().chain(lines));
            places.insert((&declaration.file, id), &declaration.place);
        }
        if !declaration.separate.is_empty() {
            let lines = declaration.separate.iter().map(|it| format!("  {it}"));
            template.add_lines(std::iter::once("Resources:".to_owned()).chain(lines));
        }
    }
    let several = templates.len() > 1;
    for (number, (file, template)) in templates.iter().enumerate() {
        writeln!(out)?;
        if number > 0 {
            writeln!(out, "---")?;
        }
        if several {
            write_comment(out, &format!("Merge into {file}:"))?;
        }
        for line in template.lines() {
            let id = line.strip_prefix("  ").and_then(|it| it.strip_suffix(':'));
            match id.and_then(|id| places.get(&(*file, id))) {
                Some(place) => writeln!(out, "{line} # {}", sanitize_comment(place))?,
                None => writeln!(out, "{line}")?,
            }
        }
    }
    Ok(())
}

/// Returns the properties that an action sets, as lines of a comment.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>.
fn describe_properties(action: &Action) -> Vec<String> {
    let (what, lines) = match action {
        Action::PutKeyPolicy { key_arn, after, .. } => (
            format!("AWS::KMS::Key of {key_arn}"),
            vec![format!("KeyPolicy: {after}")],
        ),
        Action::EnableVersioning { bucket, .. } => (
            format!("AWS::S3::Bucket of {bucket}"),
            vec!["VersioningConfiguration: {Status: Enabled}".to_owned()],
        ),
        Action::ExpireOldVersions { bucket, days, .. } => (
            format!("AWS::S3::Bucket of {bucket}"),
            vec![format!(
                "LifecycleConfiguration: {{Rules: [{{Status: Enabled, NoncurrentVersionExpiration: {{NoncurrentDays: {days}}}}}]}}"
            )],
        ),
        Action::Tag {
            arns, key, value, ..
        } => (
            format!("the resources {}", arns.join(", ")),
            vec![format!("Tags: [{{Key: {key}, Value: {value}}}]")],
        ),
        Action::Untag { arns, key, .. } => (
            format!("the resources {}", arns.join(", ")),
            vec![format!("Tags without {key}")],
        ),
        Action::CreateS3Endpoint {
            vpc_id,
            region,
            route_tables,
        } => (
            "a new resource".to_owned(),
            vec![format!(
                "{{Type: AWS::EC2::VPCEndpoint, Properties: {{VpcId: {vpc_id}, ServiceName: com.amazonaws.{region}.s3, VpcEndpointType: Gateway, RouteTableIds: [{}]}}}}",
                route_tables.join(", ")
            )],
        ),
        Action::AddRouteTables {
            endpoint_id,
            route_tables,
            ..
        } => (
            format!("AWS::EC2::VPCEndpoint of {endpoint_id}"),
            vec![format!("RouteTableIds: also {}", route_tables.join(", "))],
        ),
        Action::ResetEndpointPolicy { endpoint_id, .. } => (
            format!("AWS::EC2::VPCEndpoint of {endpoint_id}"),
            vec!["no PolicyDocument".to_owned()],
        ),
        Action::BackupSettings { region, .. } | Action::EbsDefaults { region } => {
            return vec![format!(
                "  CloudFormation has no resource for these settings of {region}: use --as aws-cli."
            )];
        }
    };
    let head = format!("  In {what}:");
    let lines = lines.into_iter().map(|it| format!("    {it}"));
    std::iter::once(head).chain(lines).collect()
}
