use crate::analysis::backup_plans::in_region;
use crate::analysis::backup_target::as_if_tagged;
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::fact::Fact;
use crate::model::s3::Bucket;
use crate::model::{Observed, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// A bucket with continuous backups sends its events to Amazon EventBridge.
    ///
    /// The rule applies only if a backup plan that selects the bucket makes continuous backups. It is
    /// skipped if neither the plans nor the notifications of the bucket are in the snapshot or file.
    ///
    /// ## Why it matters
    ///
    /// AWS Backup follows the changes of a bucket through EventBridge. If the notifications are off, the
    /// continuous backup stops. There is no error, and scheduled backups continue.
    ///
    /// ## Fix
    ///
    /// Turn on EventBridge in the notification configuration of the bucket. The call replaces the
    /// configuration, so keep its other targets.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html#s3-eventbridge-dependency>
    RULE = Rule {
        id: "s3-continuous-events",
        group: Group::Service,
        owner: Owner::Member,
        title: "A bucket with continuous backups sends its events to EventBridge",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Bucket(check_bucket),
        reads: &[Fact::BucketEvents, Fact::Plans],
    }
}

fn check_bucket(cx: &RuleContext<'_>, bucket: &Bucket) -> CheckResult {
    let protection = match in_region(cx, cx.known_region()?) {
        Err(gap) if gap.kind.is_absent() => return Ok(Outcome::skip(gap.to_string())),
        protection => protection?,
    };
    let Some(target) = as_if_tagged(cx, Resource::Bucket(bucket)) else {
        return Ok(Outcome::skip("has no backups"));
    };
    let chosen = protection.chosen(&target);
    let rules = protection.rules(&chosen.by);
    let continuous = rules
        .items
        .iter()
        .find(|rule| rule.continuous == Observed::Known(true));
    let Some(rule) = continuous else {
        let unread = rules.items.iter().find_map(|rule| rule.continuous.gap());
        return match unread.cloned().or(rules.gap).or(chosen.open) {
            Some(gap) if !gap.kind.is_absent() => Err(gap),
            Some(gap) => Ok(Outcome::skip(format!("backup plans: {gap}"))),
            None => Ok(Outcome::skip(
                "no backup plan makes continuous backups of it",
            )),
        };
    };
    let is_on = match &bucket.event_bridge {
        Observed::Unknown(gap) if gap.kind.is_absent() => {
            return Ok(Outcome::skip(format!("EventBridge notifications: {gap}")));
        }
        is_on => *is_on.get()?,
    };
    if is_on {
        return Ok(Outcome::pass(format!(
            "its events go to EventBridge, which continuous backups of rule {} need",
            rule.name
        )));
    }
    let region = cx.known_region()?.to_owned();
    Ok(Outcome::breach(format!(
        "rule {} makes continuous backups of it, but its EventBridge notifications are off: continuous backups stop without an error",
        rule.name
    ))
    .fix("Turn on EventBridge in the notification configuration of the bucket, and keep its other targets.")
    .remedy(Remedy::EnableEventBridge {
        bucket: bucket.id.clone(),
        region,
    })
    .with("rule", rule.name.as_str()))
}
