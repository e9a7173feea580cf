use crate::analysis::encryption::{each_customer_key, inherited, judge_sharing};
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::key_sharing::copy::Need;
use crate::model::Resource;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The policy of the key lets the central account do what a copy needs: `kms:DescribeKey`,
    /// `kms:CreateGrant`, `kms:Decrypt`, `kms:ReEncryptFrom` and
    /// `kms:GenerateDataKeyWithoutPlaintext`.
    ///
    /// The backup of a volume or database keeps the key of its source. The central account copies it
    /// by its own AWS Backup role, which KMS lets in only where the *key's policy* does. The backup in
    /// the member account succeeds without that; the copy fails, and the backup job stays green.
    ///
    /// ## Fix
    ///
    /// `backup-check key-policy` prints the policy that would pass, from the present one. By hand: add
    /// two statements for `arn:aws:iam::<central account>:root`, one with the use actions and no
    /// condition, one with the grant actions and the condition `kms:GrantIsForAWSResource`. On the use
    /// actions that condition shares nothing.
    ///
    /// ```json
    /// {
    ///   "Sid": "LetCentralBackupUseTheKey",
    ///   "Effect": "Allow",
    ///   "Principal": {"AWS": "arn:aws:iam::692653576357:root"},
    ///   "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"],
    ///   "Resource": "*"
    /// },
    /// {
    ///   "Sid": "LetCentralBackupGrantTheKey",
    ///   "Effect": "Allow",
    ///   "Principal": {"AWS": "arn:aws:iam::692653576357:root"},
    ///   "Action": ["kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"],
    ///   "Resource": "*",
    ///   "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    /// }
    /// ```
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>
    /// - <https://docs.aws.amazon.com/ebs/latest/userguide/share-kms-key.html>
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html>
    RULE = Rule {
        id: "kms-key-shared",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "The key is shared with the central account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, inherited(cx, resource)?, |key| {
        judge_sharing(cx, key, Need::Required)
    })
    .map(|outcome| match (outcome.verdict, resource) {
        (Verdict::Skip, Resource::Bucket(_) | Resource::Table(_) | Resource::FileSystem(_)) => {
            Outcome::skip("its backup is encrypted with the vault's key")
        }
        (Verdict::Skip, Resource::RedshiftCluster(_) | Resource::RedshiftNamespace(_)) => {
            Outcome::skip("cannot be copied in any case: see cross-account-copy-supported")
        }
        _ => outcome,
    })
}
