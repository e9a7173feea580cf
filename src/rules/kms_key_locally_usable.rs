use crate::analysis::backup_role::check_each_role;
use crate::analysis::encryption::{KeyOwner, KeyUse, all_parts, each_customer_key};
use crate::analysis::role_name::RoleName;
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::iam::decision::{Decision, Verdict};
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::kind::BackupKey;
use crate::model::observed::{Gap, GapKind};
use crate::model::service::Service;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The key policy allows the backup role of this account what AWS Backup does with the key. It can
    /// name the role, or delegate to IAM with the root of the account as the principal.
    ///
    /// AWS Backup uses the key through the service of the resource, as far as the permissions in its AWS
    /// managed policies go:
    ///
    /// - EBS volumes, EC2 instances and Storage Gateway volumes, through `ec2`: `kms:DescribeKey`,
    ///   `kms:CreateGrant`, `kms:GenerateDataKeyWithoutPlaintext` and `kms:ReEncrypt*`.
    /// - RDS, Aurora and Redshift: `kms:DescribeKey` and `kms:CreateGrant`.
    /// - DynamoDB tables: `kms:DescribeKey`, `kms:Decrypt` and `kms:GenerateDataKey`.
    /// - Buckets: `kms:DescribeKey` and `kms:Decrypt`.
    /// - File systems: nothing. EFS reads them with its own grant.
    ///
    /// ## Why it matters
    ///
    /// Otherwise the local backup fails. For a bucket, the backup job reports success but omits the
    /// objects that it could not decrypt.
    ///
    /// ## Fix
    ///
    /// Restore the default first statement: `kms:*` for the root of the account.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    /// - <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForBackup.html>
    /// - <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSBackupServiceRolePolicyForS3Backup.html>
    RULE = Rule {
        id: "kms-key-locally-usable",
        group: Group::Encryption,
        owner: Owner::Member,
        title: "The backup role of this account can use the key",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check_resource),
        concerns: |kind| kind.backup_key != BackupKey::None,
        reads: &[Fact::Resources(Service::Ebs), Fact::BucketEncryption, Fact::Keys, Fact::Organization, Fact::Plans, Fact::Roles],
        is_of_encryption: true,
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    each_customer_key(cx, all_parts(cx, resource)?, |key| {
        if matches!(key.owner, KeyOwner::Central | KeyOwner::Foreign) {
            return Ok(Outcome::skip("the key belongs to another account"));
        }
        if key.is_missing()? {
            return Ok(Outcome::skip("the key does not exist: see kms-key-usable"));
        }
        if key.via.backup_role_actions().is_empty() {
            let message = format!("AWS Backup does not use {} of a file system", key.name());
            return Ok(Outcome::pass(message).with("key_arn", key.arn.as_str()));
        }
        check_each_role(cx, |role| check_key(cx, key, role))
    })
}

fn check_key(cx: &RuleContext<'_>, key: &KeyUse<'_>, role: &RoleName) -> CheckResult {
    let access = cx.local_access(&key.facts(), &key.arn, key.via, role)?;
    let (name, role) = (key.name(), &role.name);
    let actions = access.worst_actions();
    let use_of = format!("{} through {}", actions.join(", "), key.via.as_str());
    let reason = access.reason();
    let outcome = match access.verdict() {
        Verdict::Allowed => {
            Outcome::pass(format!("the backup role of this account can use {name}"))
        }
        Verdict::Denied if key.account().is_empty() => {
            let message = format!(
                "whether {name} allows the backup role {role} is unknown: the plan does not name the account"
            );
            return Err(Gap::new(GapKind::Unplanned, message));
        }
        Verdict::Denied => match access.worst_decision() {
            Some(Decision::ExplicitDeny { by, .. }) => Outcome::breach(format!(
                "{name} denies its backup role {role} {use_of}: {reason}"
            ))
            .fix(format!(
                "Change the explicit deny in the policy of {name} ({by}): adding an Allow statement does not override it."
            )),
            _ => Outcome::breach(format!(
                "{name} allows neither the root of this account nor its backup role {role} {use_of}: {reason}"
            ))
            .fix(format!(
                "Add a statement to the policy of {name} that allows kms:* for arn:aws:iam::{}:root.",
                key.account()
            ))
            .remedy(Remedy::GrantLocalUse {
                key_arn: key.arn.clone(),
            }),
        }
        .with("missing_actions", actions),
        Verdict::Conditional => {
            let message = format!(
                "whether {name} allows the backup role {role} of this account {use_of} is unknown: {reason}"
            );
            return Err(Gap::new(GapKind::Open, message));
        }
    };
    Ok(outcome
        .about(key.arn.as_str())
        .with("key_arn", key.arn.as_str()))
}
