use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::fact::Fact;
use crate::model::s3::{Bucket, NoncurrentExpiry};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// A versioned bucket has a lifecycle rule that expires noncurrent versions.
    ///
    /// ## Why it matters
    ///
    /// Without such a rule, a versioned bucket and its backups keep every version forever. Backups work
    /// without the rule, but their cost keeps growing.
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
        title: "Noncurrent versions in the bucket expire",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Bucket(check_bucket),
        reads: &[Fact::BucketLifecycle, Fact::BucketVersioning],
    }
}

fn check_bucket(cx: &RuleContext<'_>, bucket: &Bucket) -> CheckResult {
    if bucket.versioning.get()?.as_deref() != Some("Enabled") {
        return Ok(Outcome::skip("not versioned: see s3-versioning-enabled"));
    }
    Ok(match bucket.expiry.get()? {
        NoncurrentExpiry::AllObjects => {
            Outcome::pass("a lifecycle rule expires noncurrent versions")
        }
        NoncurrentExpiry::Filtered => {
            Outcome::pass("lifecycle rules expire noncurrent versions of some objects but not of all")
        }
        NoncurrentExpiry::Never => Outcome::breach(
            "no lifecycle rule expires noncurrent versions: the bucket and its backups grow without limit",
        )
        .fix("Add a lifecycle rule with NoncurrentVersionExpiration, for example after 30 days.")
        .remedy(
            cx.known_region()
                .ok()
                .map(|region| Remedy::ExpireNoncurrentVersions {
                    bucket: bucket.id.clone(),
                    region: region.to_owned(),
                }),
        ),
    })
}
