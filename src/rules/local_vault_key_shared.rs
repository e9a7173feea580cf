use crate::analysis::backup_plans::{encrypting_vaults, is_failure};
use crate::analysis::backup_usage::{NOT_FULLY_MANAGED, has_fully_managed_resources};
use crate::analysis::encryption::{
    KeyOwner, Part, check_each_part, is_aws_alias, resolve, vault_part,
};
use crate::analysis::sharing::judge_sharing;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::key_sharing::copy::Need;
use crate::key_sharing::facts::ViaService;
use crate::model::backup::Vault;
use crate::model::fact::Fact;
use crate::model::snapshot::Region;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The key of the local vault is shared with the central account.
    ///
    /// A vault key that belongs to another account is skipped: the platform team is responsible for it.
    ///
    /// ## Why it matters
    ///
    /// Backups of buckets, file systems and DynamoDB tables are fully managed by AWS Backup. They are
    /// encrypted with the key of the vault, not with the key of the source. The central account needs
    /// access to this key to copy them. If a rule of the plan names a logically air-gapped vault, they are stored in
    /// that vault, which AWS Backup encrypts with a key that AWS owns unless it was created with a customer managed key.
    ///
    /// ## Fix
    ///
    /// The key of a vault cannot be changed. Ask the platform team for a vault with the central key. If
    /// the vault uses a key of this account, you can share that key with the central account instead.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/logicallyairgappedvault.html#lag-encryption-key-types>
    RULE = Rule {
        id: "local-vault-key-shared",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The key of the local vault is shared with the central account",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Region(check_region),
        reads: &[Fact::Keys, Fact::Organization, Fact::Plans, Fact::TagsInScannedRegions, Fact::Vaults],
    }
}

fn check_region(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let doubt = match has_fully_managed_resources(cx) {
        Ok(false) => return Ok(Outcome::skip(NOT_FULLY_MANAGED)),
        Ok(true) => None,
        Err(gap) => Some(gap),
    };
    let named = encrypting_vaults(cx)?;
    if named.is_empty() {
        return Ok(Outcome::skip(
            "no plan uses a vault in this region: see backup-policy-effective",
        ));
    }
    let outcomes = named.into_iter().map(|name| {
        let found = region.vaults.find(|vault| vault.id == name);
        let missing = || {
            Outcome::skip(format!(
                "the vault {name} does not exist: see local-vault-ready"
            ))
        };
        let outcome = found.map(|vault| {
            let vault = vault?;
            check_each_part(&[vault_part(vault)], |part| check_vault(cx, vault, part))
        });
        let outcome = outcome.map(|it| it.unwrap_or_else(missing));
        Outcome::from(outcome).with("vault", name)
    });
    let outcome = Outcome::worst(outcomes).unwrap_or_else(|| Outcome::skip("no vault is in use"));
    match doubt.filter(|_| outcome.verdict != Verdict::Skip) {
        Some(gap) => Err(gap),
        None => Ok(outcome),
    }
}

fn check_vault(cx: &RuleContext<'_>, vault: &Vault, part: &Part<'_>) -> CheckResult {
    let name = &vault.id;
    let fix =
        cx.ask_contact("for a vault with the central key: the key of a vault cannot be changed");
    let aws_managed = |key: &str| {
        Outcome::breach(format!(
            "vault {name} is encrypted with {key} whose policy cannot be edited; copies may fail"
        ))
        .fix(fix.clone())
    };
    let Some(key) = part.key.clone()? else {
        // Older snapshots do not have the type of a vault, and no logically air-gapped one.
        if let Some(gap) = vault.vault_type.gap().filter(|gap| is_failure(gap)) {
            return Err(gap.clone());
        }
        return Ok(match vault.is_air_gapped() {
            true => Outcome::pass(format!(
                "vault {name} is logically air-gapped and encrypted with an AWS owned key, to which no other account needs access"
            )),
            false => aws_managed("an AWS owned key"),
        });
    };
    if is_aws_alias(key) {
        return Ok(aws_managed("aws/backup, an AWS managed key").with("key_arn", key));
    }
    let used = resolve(cx, key, ViaService::Backup)?;
    if matches!(used.owner, KeyOwner::Central | KeyOwner::Foreign) {
        return Ok(Outcome::skip(format!(
            "the key of vault {name} belongs to account {}: the platform team is responsible for it",
            used.account()
        ))
        .with("key_arn", used.arn.as_str()));
    }
    if used.is_aws_managed()? {
        return Ok(aws_managed("aws/backup, an AWS managed key").with("key_arn", used.arn));
    }
    let outcome = judge_sharing(cx, &used, Need::Required)?;
    Ok(match outcome.verdict {
        // The platform team owns the vault, so its key is not changed here.
        Verdict::Breach => outcome.without_remedies().fix(format!(
            "Share {} with {} as `backup-check explain kms-key-shared` shows. {fix}",
            used.name(),
            cx.settings.central_account
        )),
        _ => outcome,
    })
}
