//! What a template creates that is checked, by the types of its resources.

use crate::model::kind::KINDS;

use super::macros::list_unknown_macros;
use super::node::{Node, Parsed};
use super::parse::parse_template;
use super::stack::{STACKS, list_launchers};

/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-stackset.html>.
pub(super) const STACK_SET: &str = "AWS::CloudFormation::StackSet";

/// What is in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Nothing that is checked.
    Unchecked,
    /// What is checked, but not backed up: networks and vaults.
    Infrastructure,
    /// What may be backed up.
    Data,
}

/// Returns what is in a template that is given as text. What cannot be read may have data.
#[must_use]
pub fn find_contents(text: &str) -> Contents {
    let Ok(Parsed { root, .. }) = parse_template(text) else {
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

/// Returns the types whose resources deploy another template.
pub fn list_stack_types() -> impl Iterator<Item = &'static str> {
    STACKS.into_iter().chain([STACK_SET])
}

/// Whether resources of a type are backed up, or create others that may be.
fn may_be_backed_up(kind: &str) -> bool {
    let rows = KINDS.iter().filter(|row| row.kind.is_backed_up());
    let mut types = rows.flat_map(|row| row.types);
    types.any(|it| it.cloudformation == kind)
        || list_stack_types()
            .chain(list_launchers())
            .any(|it| it == kind)
        || kind == "AWS::Serverless::SimpleTable"
        || kind.ends_with("::MODULE")
}

fn is_checked(kind: &str) -> bool {
    let mut types = KINDS.iter().flat_map(|row| row.types);
    types.any(|it| it.cloudformation == kind)
}
