use crate::analysis::stack_members::{Member, find_members};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Gap;
use crate::model::cloudformation::Stack;
use crate::model::kind::kinds_in_stack;
use crate::model::observed::GapKind;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// Every resource of the stack that AWS Backup backs up with it is ready for the copy: nested
    /// stacks are opened, and each resource is judged as if it were tagged `backup=enabled`.
    ///
    /// The backup of a stack is made of the backups of its resources. One that cannot be copied is
    /// left out of the copy, which is then partial. A resource that was not read makes the stack
    /// unknown, and so does one of a type that is not judged here.
    ///
    /// The company guide asks for the tag on every resource of a stack. AWS Backup does not need it
    /// there: a stack's tag is enough, and a resource that is tagged too is backed up twice
    /// (`backup-not-duplicated`).
    ///
    /// ## Fix
    ///
    /// Mend the resources that are named, each by the rule that is named.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>
    /// - The company guide, "AWS CloudFormation".
    RULE = Rule {
        id: "stack-resources-ready",
        group: Group::Service,
        owner: Owner::Member,
        title: "Everything in the stack is ready for the copy",
        guide: Severity::Fail,
        aws: Severity::Warn,
        check: Check::Stack(check),
    }
}

fn check(cx: &RuleContext<'_>, stack: &Stack) -> CheckResult {
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
            let id = resource.physical_id.as_deref().unwrap_or_default();
            let kind = resource.resource_type.as_str();
            let gap = if kinds_in_stack(kind).any(|row| row.is_found_by_tag()) {
                let message =
                    format!("resources of type {kind} are outside the guide and not judged");
                Gap::new(GapKind::Open, message)
            } else {
                let message = format!(
                    "an {kind} of the stack is not among what was read: it was deleted by hand, or made since"
                );
                let gap = cx.gap_around(resource);
                gap.unwrap_or_else(|| Gap::new(GapKind::Open, message))
            };
            vec![Outcome::unknown(&gap).part(Some(id)).with("resource", id)]
        }
    });
    let worst = Outcome::worst(unread.chain(judged));
    Ok(worst.unwrap_or_else(|| match found.list.len() {
        0 => Outcome::skip("holds nothing that AWS Backup backs up"),
        1 => Outcome::pass("the one resource in it that AWS Backup backs up is ready"),
        count => Outcome::pass(format!(
            "the {count} resources in it that AWS Backup backs up are ready"
        )),
    }))
}
