//! Runbook for backup tags that need a decision.

use crate::fix::change::{MAX_TAGGED_ARNS, Step};
use crate::fix::shell::quote;
use crate::model::arn::Arn;

/// Returns the steps that tag resources with a value that the operator chooses.
pub(in crate::fix) fn choose_backup_tags(
    arns: &[String],
    key: &str,
    region: &str,
    advice: &[String],
) -> Vec<Step> {
    let mut steps: Vec<Step> = advice.iter().map(Step::note).collect();
    let is_stack = |arn: &&String| Arn::parse(arn).is_some_and(|it| it.service == "cloudformation");
    let (stacks, others): (Vec<&String>, Vec<&String>) = arns.iter().partition(is_stack);
    if !stacks.is_empty() {
        steps.push(Step::note(
            "The tags of a stack are set by its next update: add them to its deployment.",
        ));
    }
    // The key is quoted, the variable is not: it holds the value that the operator chooses.
    let tag = quote(&format!("{key}="));
    for arns in others.chunks(MAX_TAGGED_ARNS) {
        let arns: Vec<String> = arns.iter().map(|arn| quote(arn)).collect();
        steps.push(Step::run(
            format!(
                "aws resourcegroupstaggingapi tag-resources --region {} --tags {tag}\"$VALUE\" --resource-arn-list {}  # VALUE: enabled, disabled or custom",
                quote(region),
                arns.join(" ")
            ),
            &["tag:TagResources"],
        ));
    }
    steps
}
