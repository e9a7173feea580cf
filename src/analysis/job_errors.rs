//! Why AWS Backup jobs fail: known status messages, and the rule that explains each.
//!
//! Most messages are from AWS's list of reasons for problematic jobs:
//! <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-dashboards.html>. A message
//! from another source names it.

use crate::model::observed::Denial;
use crate::model::{Resource, ResourceKind};

use super::job_history::{Job, Prerequisites};
use super::outcome::{Outcome, Verdict};
use crate::analysis::RuleContext;

/// The kind of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// A backup job.
    Backup,
    /// A copy job.
    Copy,
}

impl Work {
    /// Returns the name as in AWS CLI commands.
    fn as_str(self) -> &'static str {
        match self {
            Work::Backup => "backup",
            Work::Copy => "copy",
        }
    }
}

/// The reason behind a status message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    /// A rule explains it.
    Rule(&'static str),
    /// It is in the central account, which a member account can neither read nor change.
    Central(&'static str),
    /// It is in this account and no rule checks it; with the fix.
    Here(&'static str, &'static str),
}

/// A part of a message in lower case, with the kind of job and resource that it is about.
struct Known {
    text: &'static str,
    work: Option<Work>,
    kind: Option<ResourceKind>,
    reason: Reason,
}

const fn known(text: &'static str, reason: Reason) -> Known {
    Known {
        text,
        work: None,
        kind: None,
        reason,
    }
}

const ROLE: Reason = Reason::Rule("backup-role-ready");
const WINDOW: Reason = Reason::Rule("rds-windows-clear");
const CENTRAL_KEY: Reason =
    Reason::Central("the vault in the central account needs a customer managed key");

/// Known messages; the first match counts.
#[rustfmt::skip]
const KNOWN: [Known; 32] = [
    known("given key id is not accessible", Reason::Rule("kms-key-shared")),
    // RDS: <https://repost.aws/knowledge-center/backup-cross-account-copy-error>, and for backups
    // <https://docs.aws.amazon.com/aws-backup/latest/devguide/troubleshooting.html>.
    Known { work: Some(Work::Copy), ..known("source snapshot kms key", Reason::Rule("kms-key-shared")) },
    Known { work: Some(Work::Backup), ..known("source snapshot kms key", Reason::Rule("kms-key-locally-usable")) },
    // EC2 says CMK: <https://docs.aws.amazon.com/ebs/latest/userguide/ebs-modifying-snapshot-permissions.html>.
    known("encrypted with the aws managed cmk can't be shared", Reason::Rule("encryption-customer-key")),
    known("encrypted with the aws managed key can't be shared", Reason::Rule("encryption-customer-key")),
    known("with amazon ebs default key cannot be shared", Reason::Rule("encryption-customer-key")),
    known("kms key is either disabled or pending deletion", Reason::Rule("kms-key-usable")),
    known("given key id does not exist", Reason::Rule("kms-key-usable")),
    known("images from aws marketplace cannot be copied", Reason::Rule("ec2-image-copyable")),
    Known {
        kind: Some(ResourceKind::DynamodbTable),
        ..known(
            "feature is not supported for provided resource type",
            Reason::Rule("dynamodb-advanced-features-enabled"),
        )
    },
    known("feature is not supported for provided resource type", Reason::Rule("cross-account-copy-supported")),
    known("instance is not in state", Reason::Rule("resource-state-ready")),
    known("not in the available state", Reason::Rule("resource-state-ready")),
    known("not in available state", Reason::Rule("resource-state-ready")),
    known("miss permission to get bucket versioning", ROLE),
    // <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html>: versioning is required.
    Known { kind: Some(ResourceKind::S3Bucket), ..known("versioning", Reason::Rule("s3-versioning-enabled")) },
    // <https://github.com/ministryofjustice/modernisation-platform/issues/6152>.
    known("does not have permission to describe resource", ROLE),
    known("cannot be assumed by aws backup", ROLE),
    // <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
    known("no identity-based policy allows", ROLE),
    known("no resource-based policy allows the kms:", Reason::Rule("kms-key-shared")),
    // <https://docs.aws.amazon.com/aws-backup/latest/devguide/troubleshooting.html>.
    known("does not have sufficient permissions", ROLE),
    known("insufficient privileges to perform this action", ROLE),
    known("close to the weekly maintenance window", WINDOW),
    known("close to the automated backup window", WINDOW),
    known(
        "backup job expired before completion",
        Reason::Here(
            "it did not start or complete within the plan's window",
            "Request a longer start or completion window in the backup plan.",
        ),
    ),
    // <https://repost.aws/knowledge-center/backup-resolve-access-denied-error>.
    Known {
        work: Some(Work::Copy),
        ..known(
            "access denied trying to call aws backup service",
            Reason::Central(
                "the access policy of the vault in the central account does not allow copies from this account",
            ),
        )
    },
    known("destination backup vault is encrypted with the default backup service managed key", CENTRAL_KEY),
    known("copies require a user-created backup vault and key at destination", CENTRAL_KEY),
    known("must be a member of the same organization", Reason::Central("this account and the central account must be in the same organization")),
    known("cross-account copy feature is not enabled", Reason::Central("cross-account backup is off in the organization's management account")),
    Known { work: Some(Work::Backup), ..known("not within the range specified for the target backup vault", Reason::Rule("local-vault-ready")) },
    known(
        "not within the range specified for the target backup vault",
        Reason::Central(
            "Vault Lock on the vault in the central account does not allow the plan's retention",
        ),
    ),
];

fn reason(message: &str, work: Work, kind: ResourceKind) -> Option<Reason> {
    let message = message.to_lowercase();
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = |known: &&Known| {
        message.contains(known.text)
            && known.work.is_none_or(|it| it == work)
            && known.kind.is_none_or(|it| it == kind)
    };
    KNOWN.iter().find(fits).map(|known| known.reason)
}

/// The rules about a key, in the order in which they explain a message about one: nothing can be shared
/// that an AWS managed key encrypts.
const KEY_RULES: [&str; 4] = [
    "encryption-customer-key",
    "kms-key-usable",
    "kms-key-locally-usable",
    "kms-key-shared",
];

/// Returns the rule that explains a message: of the rules about a key the first that the resource violates,
/// as AWS uses the same messages for all of them.
fn find_explanation(id: &'static str, found: &Prerequisites) -> &'static str {
    let is_broken = |id: &str| found.verdict_of(id) == Some(Verdict::Breach);
    if is_broken(id) || !KEY_RULES.contains(&id) {
        return id;
    }
    let mut broken = KEY_RULES.into_iter().filter(|id| is_broken(id));
    broken.next().unwrap_or(id)
}

/// Returns the violation of a failed job: its message, what explains it and the fix. Notes when the
/// resource's prerequisites contradict it.
#[must_use]
pub fn breach(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    work: Work,
    job: &Job<'_>,
    seen: String,
    found: &Prerequisites,
) -> Outcome {
    let reason = match Denial::from_message(job.message()) {
        Some(denial) => match explain_denial(denial, job.message(), found) {
            Some(id) => Some(Reason::Rule(id)),
            None => return report_denial(cx, denial, seen),
        },
        None => match reason(job.message(), work, resource.kind()) {
            Some(Reason::Rule(id)) => Some(Reason::Rule(find_explanation(id, found))),
            reason => reason,
        },
    };
    let central = &cx.settings.central_account;
    let reason = match reason {
        Some(ROLE) if is_call_of(job.message(), central) => Some(Reason::Central(
            "a role in the central account lacks the permission",
        )),
        reason => reason,
    };
    let outcome = Outcome::breach(seen + &describe_reason(reason, work, found));
    let outcome = outcome.fix(describe_fix(cx, resource, work, reason));
    match reason {
        Some(Reason::Rule(id)) => outcome.with("explained_by", id),
        _ => outcome,
    }
}

/// Whether a message is about a call that a role of an account made.
fn is_call_of(message: &str, account: &str) -> bool {
    message.contains(&format!("User: arn:aws:sts::{account}:"))
}

/// Returns the rule about the policy that denied a job: of the key, the vault or the role. No rule is about the
/// organization's policies.
fn explain_denial(denial: Denial, message: &str, found: &Prerequisites) -> Option<&'static str> {
    if denial.is_organization {
        return None;
    }
    let message = message.to_lowercase();
    if message.contains("in a resource-based policy") {
        if message.contains("backup:copyfrombackupvault") {
            return Some("local-vault-ready");
        }
        let is_broken = |id: &&str| found.verdict_of(id) == Some(Verdict::Breach);
        let of_key = || KEY_RULES.into_iter().find(is_broken);
        return message.contains("kms:").then(of_key).flatten();
    }
    let of_role = ["in an identity-based policy", "in a permissions boundary"];
    let is_of_role = of_role.iter().any(|it| message.contains(it));
    is_of_role.then_some("backup-role-ready")
}

/// Reports a job that a policy denied, whatever else is in order.
fn report_denial(cx: &RuleContext<'_>, denial: Denial, seen: String) -> Outcome {
    let (policy, contact) = (denial.policy, &cx.settings.contact);
    let fix = match denial.is_organization {
        true => format!(
            "Contact {contact}: only the organization's policies can be changed to allow it, IAM permissions in this account do not override them."
        ),
        false => format!(
            "Remove the deny that the message names, or contact {contact} if the policy is not this account's."
        ),
    };
    let denied = match policy.starts_with("the ") {
        true => format!("denied by {policy}"),
        false => format!("{policy} denies it"),
    };
    Outcome::breach(format!("{seen}; {denied}")).fix(fix)
}

fn describe_reason(reason: Option<Reason>, work: Work, found: &Prerequisites) -> String {
    let in_order = if work == Work::Copy && found.all_met() {
        "; every copy prerequisite of the resource passes"
    } else {
        ""
    };
    match reason {
        Some(Reason::Rule(id)) => match found.verdict_of(id) {
            Some(Verdict::Breach) => format!("; {id} explains it"),
            Some(Verdict::Pass | Verdict::Warn) => format!(
                "; {id} would explain this but passes now, so it was fixed since or the cause is different{in_order}"
            ),
            // A rule about the account: whether that is in order is not known here.
            None => format!("; see {id}"),
            _ => format!("; see {id}{in_order}"),
        },
        Some(Reason::Central(words) | Reason::Here(words, _)) => format!("; {words}{in_order}"),
        None => match found.broken().as_slice() {
            broken @ [_, ..] if work == Work::Copy => {
                format!("; {} may explain it", broken.join(", "))
            }
            _ => in_order.to_owned(),
        },
    }
}

fn describe_fix(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    work: Work,
    reason: Option<Reason>,
) -> String {
    let (work, contact) = (work.as_str(), &cx.settings.contact);
    match reason {
        Some(Reason::Rule(id)) => {
            format!("Follow `backup-check explain {id}`; the next {work} shows whether it worked.")
        }
        Some(Reason::Central(_)) => {
            format!("Contact {contact}; this cannot be fixed in this account.")
        }
        Some(Reason::Here(_, fix)) => fix.to_owned(),
        None => format!(
            "Look at its jobs: `aws backup list-{work}-jobs --region {} --by-resource-arn {}`; contact {contact} if they show nothing about this account.",
            cx.region,
            resource.arn_and_id().map_or("", |(arn, _)| arn)
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    #[test]
    fn messages_lead_to_rules_that_there_are() {
        for known in &KNOWN {
            assert_eq!(known.text, known.text.to_lowercase());
            if let Reason::Rule(id) = known.reason {
                assert!(rules::find(id).is_some(), "{id}");
            }
        }
    }

    #[test]
    fn a_message_means_another_thing_for_another_job() {
        let rds = "The source snapshot KMS key [arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab] does not exist, is not enabled or you do not have permissions to access it.";
        let kind = ResourceKind::RdsInstance;
        assert_eq!(
            reason(rds, Work::Copy, kind),
            Some(Reason::Rule("kms-key-shared"))
        );
        assert_eq!(
            reason(rds, Work::Backup, kind),
            Some(Reason::Rule("kms-key-locally-usable"))
        );
        let unsupported = "Copy job from us-west-2 to us-east-1 cannot be initiated for DynamoDB resources. Feature is not supported for provided resource type.";
        assert_eq!(
            reason(unsupported, Work::Copy, ResourceKind::DynamodbTable),
            Some(Reason::Rule("dynamodb-advanced-features-enabled"))
        );
        assert_eq!(
            reason(unsupported, Work::Copy, ResourceKind::RdsCluster),
            Some(Reason::Rule("cross-account-copy-supported"))
        );
        assert_eq!(
            reason("An internal error occurred.", Work::Copy, kind),
            None
        );
    }
}
