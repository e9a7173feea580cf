//! CloudFormation templates: JSON and YAML, by hand or by `cdk synth`.
//!
//! A template becomes the snapshot of the one stack that it creates, in one region. What is known only
//! after deployment is `after-apply`, what is not part of the template is `unplanned`, and a function
//! that is not supported is a gap that names its line.

mod account;
mod backup;
mod build;
mod clusters;
mod compose;
mod conditions;
mod contents;
mod dynamodb;
mod ebs;
mod ec2;
mod efs;
mod error;
mod flow;
mod for_each;
mod fsx;
mod functions;
mod iam;
mod json;
mod kms;
mod launch_image;
mod macros;
mod nested;
mod node;
mod parameter;
mod parse;
mod policy;
mod rds;
mod rds_origin;
mod redshift;
mod references;
mod s3;
mod stack;
mod stack_sets;
mod tagged;
mod tags;
mod template;
mod value;
mod vpc;
mod yaml;

use std::collections::BTreeMap;

use serde::de::IgnoredAny;

use crate::model::Snapshot;
use crate::source::planned::Surroundings;

use build::Build;
use node::{MOST_BYTES, Mark, Parsed, Value};
use template::{Given, Template};

pub use contents::{Contents, find_contents, list_stack_types};
pub use error::TemplateError;
pub use stack::list_launchers;

/// A template after reading.
#[derive(Debug)]
pub struct Read {
    /// The resources that it creates.
    pub snapshot: Snapshot,
    /// Notes for the reader of the report.
    pub notes: Vec<String>,
}

/// Whether a text is meant to be a template: it has a section that no other file has. The text need not
/// be valid.
#[must_use]
pub fn is_template(text: &str) -> bool {
    const SECTIONS: [&str; 2] = ["AWSTemplateFormatVersion", "Resources"];
    if parse::is_json(text) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        return match serde_json::from_str::<BTreeMap<String, IgnoredAny>>(text) {
            Ok(members) => SECTIONS.iter().any(|name| members.contains_key(*name)),
            Err(_) => {
                let named = |name: &str| text.contains(&format!("\"{name}\""));
                SECTIONS.iter().any(|name| named(name)) && text.contains("AWS::")
            }
        };
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let indent = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let says =
        |line: &&str| !line.trim_start().is_empty() && !line.trim_start().starts_with(['#', '%']);
    let mut lines = text
        .lines()
        .filter(says)
        .filter(|line| !line.starts_with("---"));
    let Some(root) = lines.clone().next().map(indent) else {
        return false;
    };
    lines.any(|line| {
        let name = line.trim_start().trim_start_matches(['"', '\'']);
        let is_section = |section: &&str| {
            let rest = name.strip_prefix(section);
            rest.is_some_and(|rest| rest.trim_start_matches(['"', '\'', ' ']).starts_with(':'))
        };
        indent(line) == root && SECTIONS.iter().any(is_section)
    })
}

/// Reads a template.
///
/// # Errors
/// The template is not valid, or a parameter does not fit it.
pub fn read(
    text: &str,
    around: &Surroundings<'_>,
    parameters: &[(String, String)],
) -> Result<Read, TemplateError> {
    read_with_nested(text, around, parameters, &|_| None)
}

/// Reads a template with its nested stacks, whose templates `read_file` reads by their paths.
///
/// # Errors
/// The template is not valid, or a parameter does not fit it.
pub fn read_with_nested(
    text: &str,
    around: &Surroundings<'_>,
    parameters: &[(String, String)],
    read_file: &dyn Fn(&str) -> Option<String>,
) -> Result<Read, TemplateError> {
    let mut read = read_once(text, around, parameters, read_file)?;
    let may_look_up = text.contains("ImportValue") || text.contains("AWS::EC2::Instance");
    if may_look_up && around.has_lookups() {
        let alone = Surroundings {
            without_lookups: true,
            ..around.clone()
        };
        let alone = read_once(text, &alone, parameters, read_file)?;
        read.snapshot.file_only = Some(Box::new(alone.snapshot));
    }
    Ok(read)
}

fn read_once(
    text: &str,
    around: &Surroundings<'_>,
    parameters: &[(String, String)],
    read_file: &dyn Fn(&str) -> Option<String>,
) -> Result<Read, TemplateError> {
    if text.len() > MOST_BYTES {
        let message = format!("a template has at most {} MiB", MOST_BYTES >> 20);
        return Err(TemplateError::at(Mark { line: 1, column: 1 }, message));
    }
    let Parsed { mut root, repeated } = parse::parse_template(text)?;
    if !matches!(root.value, Value::Map(_)) {
        return Err(TemplateError::at(
            root.at,
            "a template is a mapping of sections",
        ));
    }
    let values = parameter::read_values(root.get("Parameters"), parameters)?;
    for_each::expand_loops(&mut root, &values, around.region)?;
    let files = nested::inline_stacks(&mut root, around.file, read_file);
    let given = Given {
        region: around.region,
        account: around.account_id(),
        parameters,
    };
    let mut template = Template::read(&root, &given, around)?;
    let own = account::infer_account(&template, around.central_account);
    if let (Some((account, _)), None) = (&own, around.account_id()) {
        let account = Some(account.as_str());
        template = Template::read(&root, &Given { account, ..given }, around)?;
    }
    let mut build = Build::new(template, around, files);
    backup::read_backup_resources(&mut build);
    clusters::read_clusters(&mut build);
    dynamodb::read_tables(&mut build);
    ec2::read_instances_and_volumes(&mut build);
    efs::read_file_systems(&mut build);
    fsx::read_all(&mut build);
    iam::read_backup_roles(&mut build);
    kms::read_keys(&mut build);
    rds::read_databases(&mut build);
    redshift::read_warehouses(&mut build);
    s3::read_buckets(&mut build);
    stack::read_stack(&mut build);
    stack_sets::note_stack_sets(&mut build);
    tagged::read_tagged_resources(&mut build);
    tagged::note_unsupported(&mut build);
    vpc::read_networks(&mut build);
    let (mut snapshot, mut notes) = build.finish_snapshot();
    if let Some((account, key)) = own {
        if around.account_id().is_none() {
            notes.push(format!(
                "the policy of {key} is for account {account}, so the template is read as one for it"
            ));
        }
        snapshot.account_id = Some(account);
    }
    notes.extend(repeated.into_iter().map(|(name, at)| {
        format!(
            "line {}: {name} is given more than once; CloudFormation uses the last",
            at.line
        )
    }));
    Ok(Read { snapshot, notes })
}
