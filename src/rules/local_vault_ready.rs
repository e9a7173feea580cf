use std::collections::BTreeMap;

use crate::analysis::backup_plans::{Authority, account_of, find_vaults, in_region, is_failure};
use crate::analysis::backup_role::check_each_role;
use crate::analysis::backup_usage::has_fully_managed_resources;
use crate::analysis::role_call::set_call;
use crate::analysis::role_name::RoleName;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::iam::document::Document;
use crate::iam::evaluator::find_blocking_deny;
use crate::iam::request::{Context, Request, RolePrincipal, Value};
use crate::model::arn::Arn;
use crate::model::backup::{AIR_GAPPED_VAULT, EFS_VAULT, Vault};
use crate::model::backup_plan::BackupRule;
use crate::model::fact::Fact;
use crate::model::observed::{Gap, GapKind};
use crate::model::snapshot::Region;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;
use crate::text::plural_days;

rule! {
    /// The vault that the backup policy names exists, is available, accepts the backups and allows copies. Vault Lock
    /// must allow the retention of the plan. The access policy must not deny
    /// `backup:CopyFromBackupVault`.
    ///
    /// A plan stores its backups in a vault of type `BACKUP_VAULT` that is not the one of EFS automatic
    /// backups. A rule may name a logically air-gapped vault besides, of the same account and region: backups that AWS
    /// Backup manages fully are stored in it directly, others of supported types are copied to it. The same is checked of
    /// that vault.
    ///
    /// If there is no policy and no plan uses a vault, any vault of type `BACKUP_VAULT` in the region
    /// passes. The vault of EFS automatic backups does not count: its backups cannot be copied to
    /// another account.
    ///
    /// ## Why it matters
    ///
    /// AWS does not verify that the vault of a policy exists. If it is missing, no backup job is
    /// created and no error is reported. If the retention is outside the limits of Vault Lock, every
    /// backup job fails.
    ///
    /// ## Fix
    ///
    /// Ask the platform team. They own the vault, its lock and its access policy.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault-access-policy.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupVaultListMember.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html>
    RULE = Rule {
        id: "local-vault-ready",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The local vault accepts backups and allows copies",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Region(check_region),
        reads: &[Fact::Organization, Fact::Plans, Fact::TagsInScannedRegions, Fact::Vaults],
    }
}

const COPY_FROM_VAULT: &str = "backup:CopyFromBackupVault";

const BACKUP_VAULT: &str = "BACKUP_VAULT";

fn check_region(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let named = find_vaults(cx);
    // Without a vault no backup is possible, with any plan.
    if region.vaults.items.is_empty() && region.vaults.gap.is_none() {
        let what = match named.as_ref().map(|(named, _)| named.as_slice()) {
            Ok([(name, _), ..]) => format!("no vaults in {} ({name} does not exist)", cx.region),
            _ => format!("no vaults in {}", cx.region),
        };
        return Ok(Outcome::breach(format!("{what}: no backups are made"))
            .fix(cx.ask_contact("to create the vault"))
            .with("vaults", Vec::<&str>::new()));
    }
    let (named, open) = named?;
    if named.is_empty() {
        return check_any_vault(cx, region);
    }
    let protection = in_region(cx, cx.region)?;
    let mut air_gapped: BTreeMap<String, Vec<&BackupRule>> = BTreeMap::new();
    for rule in named.iter().flat_map(|(_, rules)| rules) {
        if let Some(arn) = &rule.air_gapped_vault {
            let filling = air_gapped.entry(protection.expand(arn));
            filling.or_default().push(*rule);
        }
    }
    let outcomes = named.into_iter().map(|(name, rules)| {
        Outcome::from(check_vault(cx, region, name, &rules)).with("vault", name)
    });
    let (invalid, open): (Vec<_>, Vec<_>) = open
        .iter()
        .partition(|gap| protection.is_of_invalid_plan(gap));
    let air_gapped = air_gapped.into_iter().map(|(arn, rules)| {
        Outcome::from(check_air_gapped_vault(cx, region, &arn, &rules)).with("vault", arn)
    });
    let outcomes = outcomes.chain(air_gapped);
    let outcomes = outcomes.chain(open.into_iter().map(Outcome::unknown));
    let outcome = Outcome::worst(outcomes);
    let outcome = outcome.unwrap_or_else(|| Outcome::skip("no vault is in use"));
    Ok(match invalid.first() {
        Some(gap) if outcome.verdict == Verdict::Pass => outcome.noted(&gap.message),
        _ => outcome,
    })
}

/// Checks that the region has a usable vault if no policy and no plan names one.
fn check_any_vault(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let vaults = &region.vaults;
    let others = || vaults.items.iter().filter(|it| it.id != EFS_VAULT);
    let usable: Vec<&str> = others()
        .filter(|vault| {
            let vault_type = vault.vault_type.known();
            vault.is_available() && vault_type.is_some_and(|it| it == BACKUP_VAULT)
        })
        .map(|vault| vault.id.as_str())
        .collect();
    if !usable.is_empty() {
        return Ok(Outcome::pass(format!(
            "no plan names a vault; usable vaults: {}",
            usable.join(", ")
        ))
        .with("vaults", usable));
    }
    if let Some((vault, gap)) = others().find_map(|it| Some((it, it.vault_type.gap()?))) {
        return Ok(Outcome::unknown(gap).after(&format!(
            "whether plans can use vault {} depends on its type, which is unknown",
            vault.id
        )));
    }
    let found: Vec<&str> = vaults
        .all_items()?
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    Ok(Outcome::breach(format!(
        "no vault in {} that plans can use, only {}: no backup can be copied",
        cx.region,
        found.join(", ")
    ))
    .fix(cx.ask_contact("to create a vault"))
    .with("vaults", found))
}

fn check_vault(
    cx: &RuleContext<'_>,
    region: &Region,
    name: &str,
    rules: &[&BackupRule],
) -> CheckResult {
    let authority = find_authority(cx, rules)?;
    let words = authority.words();
    let Some(vault) = region.vaults.find(|vault| vault.id == name)? else {
        return Ok(Outcome::breach(format!(
            "vault {name} does not exist in {}, but {words} {} it: {} no backup jobs{}",
            cx.region,
            authority.either("names", "name"),
            authority.either("it creates", "they create"),
            authority.why()
        ))
        .fix(cx.ask_contact("to create the vault")));
    };
    if let Some(reason) = find_other_use(vault)? {
        let message = format!("vault {name} is {reason}: no backup that a plan makes goes to it");
        return Ok(
            Outcome::breach(message).fix(cx.ask_contact("to name another vault in the plan"))
        );
    }
    if let Some(unavailable) = find_unavailable(cx, vault) {
        return unavailable;
    }
    let parts = [
        check_vault_lock(cx, vault, rules, "every job fails"),
        check_access_policy(cx, vault, rules),
    ];
    Ok(match Outcome::worst(parts.map(Outcome::from)) {
        Some(outcome) if outcome.causes.len() == 1 => outcome,
        Some(outcome) if outcome.verdict == Verdict::Pass => Outcome::pass(format!(
            "vault {name} exists, satisfies {} retention and allows copies{}",
            authority.either("the policy's", "the plans'"),
            authority.why()
        )),
        Some(outcome) => outcome,
        None => Outcome::pass(format!("vault {name} exists")),
    })
}

/// Checks the logically air-gapped vault that rules name besides their vault.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html>. Checked 2026-11-30.
fn check_air_gapped_vault(
    cx: &RuleContext<'_>,
    region: &Region,
    arn: &str,
    rules: &[&BackupRule],
) -> CheckResult {
    let authority = find_authority(cx, rules)?;
    let names = format!(
        "{} {}",
        authority.words(),
        authority.either("names", "name")
    );
    let name = arn.rsplit(':').next().unwrap_or(arn);
    let account = cx.snapshot.account_id.as_deref();
    let is_elsewhere = Arn::parse(arn).is_some_and(|it| {
        it.region != cx.region || account.is_some_and(|account| account != it.account)
    });
    if is_elsewhere {
        return Ok(Outcome::breach(format!(
            "{names} the logically air-gapped vault {arn}, but AWS Backup accepts only one of the same account and region"
        ))
        .fix(cx.ask_contact("to name another vault in the plan")));
    }
    let Some(vault) = region.vaults.find(|vault| vault.id == name)? else {
        return Ok(Outcome::breach(format!(
            "logically air-gapped vault {name} does not exist in {}, but {names} it{}",
            cx.region,
            authority.why()
        ))
        .fix(cx.ask_contact("to create the vault")));
    };
    if vault.vault_type.get()? != AIR_GAPPED_VAULT {
        return Ok(Outcome::breach(format!(
            "vault {name} is not logically air-gapped, but {names} it as such"
        ))
        .fix(cx.ask_contact("to name another vault in the plan")));
    }
    if let Some(unavailable) = find_unavailable(cx, vault) {
        return unavailable;
    }
    let lock = check_vault_lock(cx, vault, rules, DIRECT_JOBS_FAIL)?;
    // Backups of other types stay in the vault of the rule if they cannot be copied to this one.
    let lock = match lock.verdict == Verdict::Breach && !has_fully_managed_resources(cx)? {
        true => {
            let message = lock
                .message()
                .replace(DIRECT_JOBS_FAIL, "its backups are not copied to this vault");
            lock.lightened(message)
        }
        false => lock,
    };
    let parts = [Ok(lock), check_access_policy(cx, vault, rules)];
    Ok(Outcome::worst(parts.map(Outcome::from))
        .unwrap_or_else(|| Outcome::pass(format!("vault {name} exists"))))
}

/// What follows from a retention that a logically air-gapped vault does not allow.
const DIRECT_JOBS_FAIL: &str = "backup jobs of the types that AWS Backup manages fully fail";

/// Returns what a vault is for if plans cannot store backups in it. The target of a rule is a standard vault, besides
/// which a rule may name a logically air-gapped one.
///
/// Sources: <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html#working-with-efs>,
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html>. Checked 2026-11-30.
///
/// # Errors
/// Why its type is not known.
fn find_other_use(vault: &Vault) -> Result<Option<&'static str>, Gap> {
    if vault.id == EFS_VAULT {
        return Ok(Some("reserved for the automatic backups of Amazon EFS"));
    }
    // An older snapshot has no types.
    if let Some(gap) = vault.vault_type.gap().filter(|gap| is_failure(gap)) {
        return Err(gap.clone());
    }
    Ok(match vault.vault_type.known().map(String::as_str) {
        Some(AIR_GAPPED_VAULT) => Some("logically air-gapped, and a rule names a standard vault"),
        Some("RESTORE_ACCESS_BACKUP_VAULT") => Some("a restore access backup vault"),
        _ => None,
    })
}

/// Returns where the plans of backup rules were read.
fn find_authority<'a>(cx: &RuleContext<'a>, rules: &[&BackupRule]) -> Result<Authority<'a>, Gap> {
    let protection = in_region(cx, cx.region)?;
    let is_named = |rule: &BackupRule| rules.iter().any(|it| std::ptr::eq(*it, rule));
    let mut by = protection.in_use(cx).by;
    by.retain(|choice| choice.plan.rules.items.iter().any(is_named));
    Ok(protection.authority_of(&by))
}

/// Returns the outcome for a vault that is not available, or `None` if it is.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupVaultListMember.html>.
fn find_unavailable(cx: &RuleContext<'_>, vault: &Vault) -> Option<CheckResult> {
    let name = &vault.id;
    let state = vault.state.as_deref().filter(|_| !vault.is_available())?;
    if state == "FAILED" {
        let message = format!("vault {name} could not be created: its state is FAILED");
        let fix = cx.ask_contact("to create the vault again");
        return Some(Ok(Outcome::breach(message).fix(fix)));
    }
    let message = format!("vault {name} is not available yet: its state is {state}");
    Some(Err(Gap::new(GapKind::Open, message)))
}

/// Checks that Vault Lock allows the retention of the backup rules.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupVaultListMember.html>.
fn check_vault_lock(
    cx: &RuleContext<'_>,
    vault: &Vault,
    rules: &[&BackupRule],
    effect: &str,
) -> CheckResult {
    let shortest = *vault.min_retention_days.get()?;
    let longest = *vault.max_retention_days.get()?;
    let name = &vault.id;
    for rule in rules {
        let kept = match rule.retention_days {
            Some(days) => format!("for {}", plural_days(days)),
            None => "forever".to_owned(),
        };
        let limit = match (shortest, longest, rule.retention_days) {
            (Some(shortest), _, Some(days)) if days < shortest => {
                Some(format!("at least {}", plural_days(shortest)))
            }
            (_, Some(longest), days) if days.is_none_or(|days| days > longest) => {
                Some(format!("at most {}", plural_days(longest)))
            }
            _ => None,
        };
        if let Some(limit) = limit {
            return Ok(Outcome::breach(format!(
                "Vault Lock on {name} requires a retention of {limit}, but backup rule {} keeps backups {kept}: {effect}",
                rule.name
            ))
            .fix(cx.ask_contact("to align the retention of the plan with Vault Lock"))
            .with("min_retention_days", shortest)
            .with("max_retention_days", longest)
            .with("retention_days", rule.retention_days));
        }
    }
    Ok(Outcome::pass(format!(
        "vault {name} exists and allows the retention of the plan"
    )))
}

/// Checks that the access policy of the vault allows its backups to be copied.
fn check_access_policy(cx: &RuleContext<'_>, vault: &Vault, rules: &[&BackupRule]) -> CheckResult {
    let name = &vault.id;
    let Some(text) = vault.access_policy.get()? else {
        return Ok(Outcome::pass(format!("vault {name} has no access policy")));
    };
    let document = Document::parse(text).map_err(|error| {
        let message = format!("failed to parse the access policy of vault {name}: {error}");
        Gap::new(GapKind::Unreadable, message)
    })?;
    let protection = in_region(cx, cx.region)?;
    let central = &cx.settings.central_account;
    let targets = protection.copy_targets(rules);
    let targets: Vec<String> = targets
        .into_iter()
        .filter(|arn| account_of(arn) == central)
        .collect();
    check_each_role(cx, |role| {
        let by = &role.name;
        match find_blocking_deny(&document, &copy_request(cx, vault, role, &targets)) {
            None => Ok(Outcome::pass(format!(
                "vault {name} allows its backups to be copied"
            ))),
            Some(found) if found.is_certain => Ok(Outcome::breach(format!(
                "the access policy of vault {name} does not allow role {by} to copy its backups ({COPY_FROM_VAULT}): {}",
                found.explanation
            ))
            .fix(cx.ask_contact("to remove the deny from the access policy of the vault"))
            .with("statement", found.statement.to_string())),
            Some(found) => {
                let message = format!(
                    "whether the access policy of vault {name} allows role {by} to copy its backups is unknown: {}",
                    found.explanation
                );
                Err(Gap::new(GapKind::Open, message))
            }
        }
    })
}

/// Returns the request that the access policy of the vault evaluates: the backup role copies a backup from it.
///
/// Keys: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbackup.html>.
fn copy_request(
    cx: &RuleContext<'_>,
    vault: &Vault,
    role: &RoleName,
    targets: &[String],
) -> Request {
    let (path, name) = match role.name.rsplit_once('/') {
        Some((path, name)) => (Some(format!("/{path}/")), name),
        None => (role.has_path.then(|| "/".to_owned()), role.name.as_str()),
    };
    let account = cx.snapshot.account_id.clone().unwrap_or_default();
    let who = RolePrincipal {
        partition: vault.arn.split(':').nth(1).unwrap_or("aws").to_owned(),
        account: account.clone(),
        path,
        name: name.to_owned(),
        title: "the backup role",
    };
    let mut context = Context::default();
    context.set("aws:PrincipalArn", Value::from_shape(who.arn()));
    set_call(&mut context, &account, cx.region);
    context.set("aws:ResourceAccount", Value::one(&account));
    let organization = cx.own_organization();
    organization.set(&mut context, &["aws:Principal", "aws:Resource"]);
    if !targets.is_empty() {
        context.set("backup:CopyTargets", Value::Known(targets.to_vec()));
        organization.set(&mut context, &["backup:CopyTarget"]);
    }
    Request {
        principal: who,
        action: COPY_FROM_VAULT.to_owned(),
        // The resource is the recovery point, of which only the account is known.
        resource: "*".to_owned(),
        context,
    }
}
