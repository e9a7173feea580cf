use crate::analysis::backup_plans::local_vaults;
use crate::analysis::encryption::{KeyOwner, is_aws_alias, judge_sharing, resolve};
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::key_sharing::copy::Need;
use crate::key_sharing::facts::ViaService;
use crate::model::backup::Vault;
use crate::model::s3::Bucket;
use crate::model::selection::Target;
use crate::model::snapshot::Region;
use crate::model::{Gap, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The key of the local vault is shared with the central account.
    ///
    /// Backups of types that AWS Backup manages fully (buckets, file systems, DynamoDB tables) are
    /// encrypted with the vault's key, whatever the key of the source. For their copies this is the
    /// key that the central account must be able to use. A vault under one central key, as the
    /// platform team sets it up, is theirs and is not judged.
    ///
    /// ## Fix
    ///
    /// A vault's key cannot be changed. Ask the platform team for a vault under the central key; or
    /// share the account's own key with the central account.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault.html>
    RULE = Rule {
        id: "local-vault-key-shared",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The local vault's key is shared with the central account",
        guide: Severity::Warn,
        aws: Severity::Warn,
        check: Check::Region(check),
    }
}

fn check(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    if !holds_managed(cx, region)? {
        return Ok(Outcome::skip(
            "holds nothing whose backup the vault's key encrypts",
        ));
    }
    let named = local_vaults(cx)?;
    if named.is_empty() {
        return Ok(Outcome::skip(
            "no plan uses a vault here: see backup-policy-effective",
        ));
    }
    let outcomes = named.into_iter().map(|(name, _)| {
        let outcome = region
            .vaults
            .find(|vault| vault.id == name)
            .and_then(|vault| match vault {
                Some(vault) => judge(cx, vault),
                None => Ok(Outcome::skip(format!(
                    "the vault {name} does not exist: see local-vault-ready"
                ))),
            });
        outcome
            .unwrap_or_else(|gap| Outcome::unknown(&gap))
            .with("vault", name)
    });
    Ok(Outcome::worst(outcomes).unwrap_or_else(|| Outcome::skip("no vault is used")))
}

/// Whether the region holds a resource whose backup is encrypted with the vault's key.
fn holds_managed(cx: &RuleContext<'_>, region: &Region) -> Result<bool, Gap> {
    let mut resources = cx.snapshot.resources_in(cx.region);
    let managed = |resource: Resource<'_>| {
        let exempt = resource
            .tags()
            .is_some_and(|tags| cx.backup_tag(tags).is_exempt());
        resource.kind().is_fully_managed() && !exempt
    };
    let by_tag = cx.enabled_by_tag(cx.region).iter();
    let is_managed = |arn: &String| {
        let target = Target::parse(arn);
        matches!(
            target,
            Ok(Target::Bucket(_) | Target::Table(_) | Target::FileSystem(_))
        )
    };
    if resources.any(managed) || by_tag.into_iter().any(is_managed) {
        return Ok(true);
    }
    cx.snapshot.buckets.all_items()?;
    region.tables.all_items()?;
    region.file_systems.all_items()?;
    let mut unplaced = cx.snapshot.buckets_without_region();
    let may_count = |bucket: &Bucket| !cx.backup_tag(&bucket.tags).is_exempt();
    match unplaced.find(|(bucket, _)| may_count(bucket)) {
        Some((_, gap)) => Err(gap.clone()),
        None => Ok(false),
    }
}

fn judge(cx: &RuleContext<'_>, vault: &Vault) -> CheckResult {
    let name = &vault.id;
    let fix = format!(
        "Ask {} for a vault under the central key: the key of a vault cannot be changed.",
        cx.settings.contact
    );
    let aws_managed = |key: &str| {
        Outcome::breach(format!(
            "the vault {name} is encrypted with {key}, whose policy nobody can change: copies of backups in it may fail"
        ))
        .fix(fix.clone())
    };
    let Some(key) = vault.kms_key.get()? else {
        return Ok(aws_managed("a key that AWS owns"));
    };
    if is_aws_alias(key) {
        return Ok(aws_managed("the AWS managed key aws/backup").with("key_arn", key.as_str()));
    }
    let used = resolve(cx, key, None, ViaService::Backup)?;
    if matches!(used.owner, KeyOwner::Central | KeyOwner::Foreign) {
        return Ok(Outcome::skip(format!(
            "the key of the vault {name} belongs to account {}: the platform team looks after it",
            used.account()
        ))
        .with("key_arn", used.arn.as_str()));
    }
    if used.is_aws_managed()? {
        return Ok(aws_managed("the AWS managed key aws/backup").with("key_arn", used.arn));
    }
    let outcome = judge_sharing(cx, &used, Need::Required)?;
    Ok(match outcome.verdict {
        Verdict::Breach => outcome.fix(format!(
            "Share {} with {} as `backup-check explain kms-key-shared` shows. {fix}",
            used.name(),
            cx.settings.central_account
        )),
        _ => outcome,
    })
}
