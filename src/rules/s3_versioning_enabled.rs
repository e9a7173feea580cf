use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::fact::Fact;
use crate::model::s3::Bucket;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The bucket has versioning enabled.
    ///
    /// ## Why it matters
    ///
    /// AWS Backup supports only buckets with versioning enabled. A bucket with suspended versioning is
    /// not supported either.
    ///
    /// ## Fix
    ///
    /// Enable versioning. Also add a lifecycle rule that expires noncurrent versions. Otherwise the
    /// bucket and its backups grow without limit.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html>
    RULE = Rule {
        id: "s3-versioning-enabled",
        group: Group::Service,
        owner: Owner::Member,
        title: "The bucket has versioning enabled",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Bucket(check_bucket),
        reads: &[Fact::BucketVersioning],
    }
}

fn check_bucket(cx: &RuleContext<'_>, bucket: &Bucket) -> CheckResult {
    let status = bucket.versioning.get()?.as_deref();
    let seen = match status {
        Some("Enabled") => {
            return Ok(Outcome::pass("versioning is enabled").with("versioning", "Enabled"));
        }
        Some(other) => format!("versioning is {}", other.to_lowercase()),
        None => "versioning was never enabled".to_owned(),
    };
    Ok(Outcome::breach(format!("{seen}: AWS Backup supports only versioned buckets"))
        .fix(format!(
            "Run `aws s3api put-bucket-versioning --bucket {} --versioning-configuration Status=Enabled`.",
            bucket.id
        ))
        .remedy(
            cx.known_region()
                .ok()
                .map(|region| Remedy::EnableVersioning {
                    bucket: bucket.id.clone(),
                    region: region.to_owned(),
                }),
        )
        .with("versioning", status))
}
