use crate::analysis::encryption::{each_customer_key, inherited};
use crate::analysis::sharing::judge_sharing;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::key_sharing::copy::Need;
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::kind::BackupKey;
use crate::model::service::Service;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The key policy allows the central account the actions that a copy needs: `kms:DescribeKey`,
    /// `kms:CreateGrant`, `kms:Decrypt`, `kms:ReEncryptFrom` and `kms:GenerateDataKeyWithoutPlaintext`.
    ///
    /// ## Why it matters
    ///
    /// The backup of a volume or a database keeps the key of its source. The central account copies it
    /// with its own AWS Backup role. KMS allows that role only if the *key policy* does. If the key is
    /// not shared, the backup in the member account succeeds and only the copy job fails.
    ///
    /// ## Fix
    ///
    /// Run `backup-check key-policy` to print the current policy with the missing statements added. To
    /// do it by hand, add two statements for `arn:aws:iam::<central account>:root`. The statement with
    /// the use actions has no condition. The statement with the grant actions has the condition
    /// `kms:GrantIsForAWSResource`. This condition is never true for the use actions.
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
        check: Check::Any(check_resource),
        reads: &[Fact::Resources(Service::Ebs), Fact::Keys, Fact::Organization],
        is_of_encryption: true,
        // A backup of Redshift cannot be copied, with any key.
        concerns: |kind| {
            kind.backup_key == BackupKey::Inherited && kind.service != Some(Service::Redshift)
        },
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, inherited(cx, resource)?, |key| {
        judge_sharing(cx, key, Need::Required)
    })
    .map(|outcome| match (outcome.verdict, resource) {
        (Verdict::Skip, Resource::Bucket(_) | Resource::Table(_) | Resource::FileSystem(_)) => {
            Outcome::skip("its backup is encrypted with the key of the vault")
        }
        (Verdict::Skip, Resource::RedshiftCluster(_) | Resource::RedshiftNamespace(_)) => {
            Outcome::skip("cannot be copied anyway: see cross-account-copy-supported")
        }
        _ => outcome,
    })
}
