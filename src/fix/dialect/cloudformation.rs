//! `--as cloudformation`: a part of a template, to be merged into the one that declares the resources.
//!
//! Changes of an account whose resources the scan did not find in a template are in comments, with the properties
//! to set where they are declared.

mod tree;

use std::collections::BTreeMap;
use std::io::Write;

use crate::analysis::remedy::{Declaration, Language};
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
    let merged = changes.iter().filter_map(find_declaration);
    let merged = merged.filter(|it| it.logical_id.is_some()).count();
    let parts = collect_parts(changes);
    write_comment(out, &describe_source(report))?;
    write_comment(
        out,
        &format!(
            "{merged} of {} are in the template; the others are comments.",
            changes.len()
        ),
    )?;
    match parts.is_empty() {
        true => write_comment(out, "There is nothing to merge.")?,
        false => {
            for line in HEAD {
                write_comment(out, line)?;
            }
        }
    }
    for (number, change) in (1..).zip(changes) {
        writeln!(out)?;
        for line in describe_change(number, change) {
            write_comment(out, &line)?;
        }
        let lines = match (&change.method, find_declaration(change)) {
            (_, Some(declaration)) if declaration.logical_id.is_some() => {
                describe_notes(declaration)
            }
            (Method::InPlace(actions), _) => actions.iter().flat_map(describe_properties).collect(),
            (method, _) => describe_manual_steps(method),
        };
        for line in lines {
            write_comment(out, &line)?;
        }
    }
    let mut declarations = changes.iter().filter_map(find_declaration);
    if declarations.any(|it| it.key_parameter.is_some()) {
        writeln!(out)?;
        write_comment(out, KEY_PARAMETERS)?;
    }
    write_parts(&parts, out)
}

/// What to know before merging.
const HEAD: [&str; 2] = [
    "Merge it into the template: keep the other properties, and the other items of lists, such as lifecycle rules and",
    "block devices. Read the change set before you execute it: it must not replace data.",
];

/// What to do with a parameter that names a key.
const KEY_PARAMETERS: &str = "Set each KmsKeyArn parameter to the ARN of a customer managed key that is shared with the central account. A parent stack must pass it to a nested stack. Keep the type of a parameter that the template has already.";

/// Returns the declaration that a change makes in a template.
fn find_declaration(change: &Change) -> Option<&Declaration> {
    match &change.method {
        Method::Declaration(it) if it.language == Language::Template => Some(it),
        _ => None,
    }
}

fn write_comment(out: &mut dyn Write, text: &str) -> Result<(), WriteError> {
    Ok(writeln!(out, "# {}", sanitize_comment(text))?)
}

/// The part of one template that changes.
#[derive(Debug, Default)]
struct Part<'a> {
    tree: Tree,
    /// Where the template declares the resources, by their logical ids.
    places: BTreeMap<&'a str, &'a str>,
}

/// Returns the changed parts of templates by their files: a nested stack has its own template.
fn collect_parts(changes: &[Change]) -> BTreeMap<&str, Part<'_>> {
    let mut parts: BTreeMap<&str, Part<'_>> = BTreeMap::new();
    for declaration in changes.iter().filter_map(find_declaration) {
        if let Some(name) = &declaration.key_parameter {
            let lines = ["Parameters:", &format!("  {name}:"), "    Type: String"];
            let part = parts.entry(&declaration.file).or_default();
            part.tree.add_lines(lines.map(str::to_owned));
        }
    }
    for declaration in changes.iter().filter_map(find_declaration) {
        let Some(id) = &declaration.logical_id else {
            continue;
        };
        let part = parts.entry(&declaration.file).or_default();
        if !declaration.lines.is_empty() {
            let head = ["Resources:", &format!("  {id}:"), "    Properties:"].map(str::to_owned);
            let lines = declaration.lines.iter().map(|it| format!("      {it}"));
            part.tree.add_lines(head.into_iter().chain(lines));
            part.places.insert(id, &declaration.place);
        }
        if !declaration.separate.is_empty() {
            let lines = declaration.separate.iter().map(|it| format!("  {it}"));
            let head = std::iter::once("Resources:".to_owned());
            part.tree.add_lines(head.chain(lines));
        }
    }
    parts
}

/// Writes a document for each template, in its format.
fn write_parts(parts: &BTreeMap<&str, Part<'_>>, out: &mut dyn Write) -> Result<(), WriteError> {
    for (number, (file, part)) in parts.iter().enumerate() {
        writeln!(out)?;
        if number > 0 {
            writeln!(out, "---")?;
        }
        if parts.len() > 1 {
            write_comment(out, &format!("Merge into {file}:"))?;
        }
        if file.ends_with(".json") {
            writeln!(out, "{:#}", part.tree.to_json())?;
            continue;
        }
        for line in part.tree.lines() {
            let id = line.strip_prefix("  ").and_then(|it| it.strip_suffix(':'));
            match id.and_then(|id| part.places.get(id)) {
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
            std::iter::once("KeyPolicy:".to_owned())
                .chain(after.lines().map(|it| format!("  {it}")))
                .collect(),
        ),
        Action::EnableVersioning { bucket, .. } => (
            format!("AWS::S3::Bucket of {bucket}"),
            vec!["VersioningConfiguration: {Status: Enabled}".to_owned()],
        ),
        Action::ExpireOldVersions { bucket, days, .. } => (
            format!("AWS::S3::Bucket of {bucket}"),
            vec![
                format!(
                    "LifecycleConfiguration: {{Rules: [{{Status: Enabled, NoncurrentVersionExpiration: {{NoncurrentDays: {days}}}}}]}}"
                ),
                "Keep the other rules of the bucket.".to_owned(),
            ],
        ),
        Action::Tag {
            arns, key, value, ..
        } => (
            format!("the resources {}", arns.join(", ")),
            vec![
                format!("Tags: [{{Key: {key}, Value: {value}}}]"),
                "Keep the other tags. The property is FileSystemTags in AWS::EFS::FileSystem."
                    .to_owned(),
            ],
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
            vec![
                "PolicyDocument: {Version: \"2008-10-17\", Statement: [{Effect: Allow, Principal: \"*\", Action: \"*\", Resource: \"*\"}]}"
                    .to_owned(),
            ],
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
