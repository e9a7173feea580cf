use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::s3::{Bucket, NoncurrentExpiry};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// A versioned bucket has a lifecycle rule that expires noncurrent versions.
    ///
    /// A versioned bucket keeps every version for ever, and so does its backup, unless a lifecycle
    /// rule says otherwise. Backups work without the rule; the bill grows.
    ///
    /// ## Fix
    ///
    /// Add a lifecycle rule with `NoncurrentVersionExpiration`.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html>
    RULE = Rule {
        id: "s3-old-versions-expire",
        group: Group::Service,
        owner: Owner::Member,
        title: "Old versions in the bucket expire",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Bucket(check),
    }
}

fn check(_: &RuleContext<'_>, bucket: &Bucket) -> CheckResult {
    if bucket.versioning.get()?.as_deref() != Some("Enabled") {
        return Ok(Outcome::skip("not versioned: see s3-versioning-enabled"));
    }
    Ok(match bucket.expiry.get()? {
        NoncurrentExpiry::AllObjects => {
            Outcome::pass("a lifecycle rule expires noncurrent versions")
        }
        NoncurrentExpiry::Filtered => {
            Outcome::pass("lifecycle rules expire noncurrent versions of some objects, not of all")
        }
        NoncurrentExpiry::Never => Outcome::breach(
            "no lifecycle rule expires noncurrent versions: bucket and backups grow without end",
        )
        .fix("Add a lifecycle rule with NoncurrentVersionExpiration, of 30 days for instance."),
    })
}
