use crate::analysis::stack_members::{Member, find_members};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Gap;
use crate::model::cloudformation::Stack;
use crate::model::kind::kinds_in_stack;
use crate::model::observed::GapKind;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Every resource of the stack that AWS Backup supports is ready to be copied. Nested stacks are
    /// included. Each resource is checked as if it were tagged `backup=enabled`.
    ///
    /// A resource that could not be read, or whose type is not checked, makes the result unknown.
    ///
    /// ## Why it matters
    ///
    /// The backup of a stack consists of the backups of its resources. A resource that cannot be copied
    /// is left out, and the copy is partial.
    ///
    /// The company guide asks for the tag on every resource of a stack. AWS Backup does not need it:
    /// the tag of the stack is enough. A resource that is tagged too is backed up twice
    /// (`backup-not-duplicated`).
    ///
    /// ## Fix
    ///
    /// Fix each resource in the finding, following the rule that is named with it.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>
    /// - The company guide, "AWS CloudFormation".
    RULE = Rule {
        id: "stack-resources-ready",
        group: Group::Service,
        owner: Owner::Member,
        title: "Every resource in the stack is ready to be copied",
        guide: Severity::Fail,
        aws: Severity::Warn,
        check: Check::Stack(check_stack),
    }
}

fn check_stack(cx: &RuleContext<'_>, stack: &Stack) -> CheckResult {
    let found = find_members(cx, stack);
    let unread = found.gaps.iter().map(Outcome::unknown);
    let judged = found.list.iter().flat_map(|member| match member {
        Member::Read(resource) => {
            let (_, id) = resource.arn_and_id().unwrap_or_default();
            cx.shortcomings(*resource)
                .iter()
                .map(|it| {
                    it.outcome
                        .clone()
                        .under(it.rule)
                        .part(Some(id))
                        .with("resource", id)
                        .with("rule", it.rule)
                })
                .collect()
        }
        Member::NotRead(resource) => {
            let id = resource.physical_id.as_deref();
            let id = id.filter(|_| resource.has_id());
            let id = id.unwrap_or(&resource.logical_id);
            let kind = resource.resource_type.as_str();
            let by_tag_alone = kinds_in_stack(kind).any(|row| row.is_found_by_tag());
            let gap = if by_tag_alone || cx.stack_member(resource).is_some() {
                let message =
                    format!("resources of type {kind} are not covered by the company guide and not checked");
                Gap::new(GapKind::Open, message)
            } else if !resource.has_id() {
                let message = format!("the physical id of an {kind} is not known");
                Gap::new(GapKind::Unreadable, message)
            } else {
                let message = format!(
                    "an {kind} of the stack was not found: deleted outside of CloudFormation, or created after the scan"
                );
                let gap = cx.gap_around(resource);
                gap.unwrap_or_else(|| Gap::new(GapKind::Open, message))
            };
            vec![Outcome::unknown(&gap).part(Some(id)).with("resource", id)]
        }
    });
    let worst = Outcome::worst(unread.chain(judged));
    Ok(worst.unwrap_or_else(|| match found.list.len() {
        0 => Outcome::skip("contains nothing that AWS Backup supports"),
        1 => Outcome::pass("its only resource that AWS Backup supports is ready"),
        count => Outcome::pass(format!(
            "all {count} of its resources that AWS Backup supports are ready"
        )),
    }))
}
