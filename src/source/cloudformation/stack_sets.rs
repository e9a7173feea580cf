//! Stack sets: each deploys another template, to the accounts and regions that it names.

use crate::model::kind::KINDS;
use crate::model::service::Service;
use crate::source::planned::unplanned;

use super::build::{Build, add_gap};
use super::macros::list_unknown_macros;
use super::node::{Node, Parsed};
use super::parse::parse_template;
use super::stack::{STACKS, is_launcher};
use super::value::Resolved;

/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html>.
const STACK_SET: &str = "AWS::CloudFormation::StackSet";

/// What is in the template of a stack set.
#[derive(PartialEq, Eq)]
enum Contents {
    /// Nothing that is checked.
    Unchecked,
    /// What is checked, but not backed up: networks and vaults.
    Infrastructure,
    /// What may be backed up.
    Data,
}

/// Notes the stack sets of the template, unless their template is in it and has nothing that is checked.
pub(super) fn note_stack_sets(build: &mut Build<'_>) {
    for declared in build.of_type(STACK_SET) {
        let contents = read_contents(build, &build.properties(&declared).get("TemplateBody"));
        let gap = unplanned(format!(
            "line {}: the stack set {} deploys another template to the accounts and regions that it names, which is not read; scan it too",
            declared.at.line, declared.id
        ));
        match contents {
            Contents::Unchecked => {}
            Contents::Infrastructure => {
                let region = build.region().to_owned();
                let message = gap.to_string();
                build
                    .planned
                    .note_partial(&region, Service::Cloudformation, message);
            }
            Contents::Data => add_gap(&mut build.stack_region().stacks.gap, &gap),
        }
    }
}

/// Returns what is in a template that is given as text.
fn read_contents(build: &Build<'_>, body: &Resolved) -> Contents {
    let text = build.text_with_stand_ins(body).ok().flatten();
    let Some(Ok(Parsed { root, .. })) = text.map(|it| parse_template(&it)) else {
        return Contents::Data;
    };
    let Some(resources) = root.get("Resources").filter(|it| !it.entries().is_empty()) else {
        return Contents::Data;
    };
    let has_macros = root.get("Fn::Transform").is_some()
        || !list_unknown_macros(root.get("Transform")).is_empty();
    let kinds = resources.entries().iter();
    let mut kinds = kinds.map(|it| it.node.get("Type").and_then(Node::text));
    let is_data = |kind: Option<&str>| kind.is_none_or(may_be_backed_up);
    if has_macros || kinds.clone().any(is_data) {
        return Contents::Data;
    }
    let is_checked = |kind: Option<&str>| kind.is_some_and(is_checked);
    match kinds.any(is_checked) {
        true => Contents::Infrastructure,
        false => Contents::Unchecked,
    }
}

/// Whether resources of a type are backed up, or create others that may be.
fn may_be_backed_up(kind: &str) -> bool {
    let rows = KINDS.iter().filter(|row| row.kind.is_backed_up());
    let mut types = rows.flat_map(|row| row.types);
    types.any(|it| it.cloudformation == kind)
        || is_launcher(kind)
        || STACKS.contains(&kind)
        || kind == STACK_SET
        || kind == "AWS::Serverless::SimpleTable"
        || kind.ends_with("::MODULE")
}

fn is_checked(kind: &str) -> bool {
    let mut types = KINDS.iter().flat_map(|row| row.types);
    types.any(|it| it.cloudformation == kind)
}
