use crate::analysis::backup_plans::{account_of, in_region, local_vaults};
use crate::analysis::backup_role::check_each_role;
use crate::analysis::role_name::RoleName;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::iam::document::Document;
use crate::iam::evaluator::find_blocking_deny;
use crate::iam::request::{Context, Request, RolePrincipal, Value};
use crate::model::backup::Vault;
use crate::model::backup_plan::BackupRule;
use crate::model::observed::{Gap, GapKind};
use crate::model::snapshot::Region;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The vault that the backup policy names is there, and takes the backups and lets them be copied:
    /// Vault Lock allows the plan's retention, and its access policy does not deny
    /// `backup:CopyFromBackupVault`.
    ///
    /// AWS does not look whether the vault of a policy exists: without it no job is made, and nothing
    /// says so. Where a plan's retention is outside Vault Lock's limits, every job fails. Where no policy
    /// holds and no plan uses a vault, any vault of the region that takes backups will do: one of type
    /// `BACKUP_VAULT`, and not the one of EFS's automatic backups, which lets no backup be copied to
    /// another account.
    ///
    /// ## Fix
    ///
    /// Ask the platform team: the vault, its lock and its policy are theirs.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_backup_syntax.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/vault-lock.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-a-vault-access-policy.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupVaultListMember.html>
    RULE = Rule {
        id: "local-vault-ready",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The local vault takes backups and lets them be copied",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Region(check),
    }
}

const COPY_FROM_VAULT: &str = "backup:CopyFromBackupVault";

const BACKUP_VAULT: &str = "BACKUP_VAULT";

/// The vault of EFS's automatic backups, of which no copy can go to another account.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>.
const EFS_VAULT: &str = "aws/efs/automatic-backup-vault";

fn check(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let named = local_vaults(cx);
    // Without any vault nothing can be backed up, whatever the plan says.
    if region.vaults.items.is_empty() && region.vaults.gap.is_none() {
        let what = match named.as_deref() {
            Ok([(name, _), ..]) => format!("no vault in {}, so not {name} either", cx.region),
            _ => format!("no vault in {}", cx.region),
        };
        return Ok(
            Outcome::breach(format!("there is {what}: no backup can be made"))
                .fix(ask(cx, "to create the vault"))
                .with("vaults", Vec::<&str>::new()),
        );
    }
    let named = named?;
    if named.is_empty() {
        return any_vault(cx, region);
    }
    let outcomes = named.into_iter().map(|(name, rules)| {
        judge(cx, region, name, &rules)
            .unwrap_or_else(|gap| Outcome::unknown(&gap))
            .with("vault", name)
    });
    Ok(Outcome::worst(outcomes).unwrap_or_else(|| Outcome::skip("no vault is used")))
}

/// Where nobody says which vault is used: whether there is one that could be.
fn any_vault(cx: &RuleContext<'_>, region: &Region) -> CheckResult {
    let vaults = &region.vaults;
    let others = || vaults.items.iter().filter(|it| it.id != EFS_VAULT);
    let usable: Vec<&str> = others()
        .filter(|vault| {
            vault
                .vault_type
                .known()
                .is_some_and(|it| it == BACKUP_VAULT)
        })
        .map(|vault| vault.id.as_str())
        .collect();
    if !usable.is_empty() {
        return Ok(Outcome::pass(format!(
            "no plan says which vault is used; there is {}",
            usable.join(", ")
        ))
        .with("vaults", usable));
    }
    if let Some((vault, gap)) = others().find_map(|it| Some((it, it.vault_type.gap()?))) {
        let mut outcome = Outcome::unknown(gap);
        for cause in &mut outcome.causes {
            cause.message = format!(
                "whether plans can use the vault {} is not known without its type: {}",
                vault.id, cause.message
            );
        }
        return Ok(outcome);
    }
    let found: Vec<&str> = vaults
        .all_items()?
        .iter()
        .map(|it| it.id.as_str())
        .collect();
    Ok(Outcome::breach(format!(
        "there is no vault in {} that plans can use, only {}: no backup can be made that can be copied",
        cx.region,
        found.join(", ")
    ))
    .fix(ask(cx, "to create a vault"))
    .with("vaults", found))
}

fn judge(cx: &RuleContext<'_>, region: &Region, name: &str, rules: &[&BackupRule]) -> CheckResult {
    let authority = in_region(cx, cx.region)?.authority;
    let words = authority.words();
    let Some(vault) = region.vaults.find(|vault| vault.id == name)? else {
        return Ok(Outcome::breach(format!(
            "the vault {name} does not exist in {}, and {words} {} the backups there: no job is made{}",
            cx.region,
            authority.either("sends", "send"),
            authority.why()
        ))
        .fix(ask(cx, "to create the vault")));
    };
    let parts = [lock(cx, vault, rules), access(cx, vault, rules)];
    let outcomes = parts
        .into_iter()
        .map(|part| part.unwrap_or_else(|gap| Outcome::unknown(&gap)));
    Ok(match Outcome::worst(outcomes) {
        Some(outcome) if outcome.causes.len() == 1 => outcome,
        Some(outcome) if outcome.verdict == Verdict::Pass => Outcome::pass(format!(
            "the vault {name} is there, takes what {words} {}, and lets it be copied{}",
            authority.either("keeps", "keep"),
            authority.why()
        )),
        Some(outcome) => outcome,
        None => Outcome::pass(format!("the vault {name} is there")),
    })
}

/// Whether Vault Lock allows what the rules keep.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupVaultListMember.html>.
fn lock(cx: &RuleContext<'_>, vault: &Vault, rules: &[&BackupRule]) -> CheckResult {
    let shortest = *vault.min_retention_days.get()?;
    let longest = *vault.max_retention_days.get()?;
    let name = &vault.id;
    for rule in rules {
        let kept = match rule.retention_days {
            Some(1) => "1 day".to_owned(),
            Some(days) => format!("{days} days"),
            None => "for ever".to_owned(),
        };
        let limit = match (shortest, longest, rule.retention_days) {
            (Some(shortest), _, Some(days)) if days < shortest => {
                Some(format!("at least {shortest} days"))
            }
            (_, Some(longest), days) if days.is_none_or(|days| days > longest) => {
                Some(format!("at most {longest} days"))
            }
            _ => None,
        };
        if let Some(limit) = limit {
            return Ok(Outcome::breach(format!(
                "Vault Lock on {name} wants backups kept {limit}, and the rule {} keeps them {kept}: every job fails",
                rule.name
            ))
            .fix(ask(cx, "to bring the plan's retention and the vault's lock together"))
            .with("min_retention_days", shortest)
            .with("max_retention_days", longest)
            .with("retention_days", rule.retention_days));
        }
    }
    Ok(Outcome::pass(format!(
        "the vault {name} is there and takes what the plan keeps"
    )))
}

/// Whether the vault's access policy lets backups be copied out of it.
fn access(cx: &RuleContext<'_>, vault: &Vault, rules: &[&BackupRule]) -> CheckResult {
    let name = &vault.id;
    let Some(text) = vault.access_policy.get()? else {
        return Ok(Outcome::pass(format!(
            "the vault {name} has no access policy"
        )));
    };
    let document = Document::parse(text).map_err(|error| {
        let message = format!("the access policy of vault {name} cannot be understood: {error}");
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
        match find_blocking_deny(&document, &request(cx, vault, role, &targets)) {
            None => Ok(Outcome::pass(format!(
                "the vault {name} lets its backups be copied"
            ))),
            Some(found) if found.is_certain => Ok(Outcome::breach(format!(
                "the access policy of vault {name} does not let the role {by} copy its backups ({COPY_FROM_VAULT}): {}",
                found.explanation
            ))
            .fix(ask(cx, "to take the denial out of the vault's access policy"))
            .with("statement", found.statement.to_string())),
            Some(found) => {
                let message = format!(
                    "whether the access policy of vault {name} lets the role {by} copy its backups cannot be known from here: {}",
                    found.explanation
                );
                Err(Gap::new(GapKind::Open, message))
            }
        }
    })
}

/// The copy as the vault's policy sees it: the backup role takes a backup out of the vault.
///
/// Keys: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbackup.html>.
fn request(cx: &RuleContext<'_>, vault: &Vault, role: &RoleName, targets: &[String]) -> Request {
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
    let arn = who.arn();
    context.set(
        "aws:PrincipalArn",
        if arn.contains('*') {
            Value::Shaped(arn)
        } else {
            Value::one(arn)
        },
    );
    context.set("aws:PrincipalAccount", Value::one(&account));
    context.set("aws:PrincipalType", Value::one("AssumedRole"));
    context.set("aws:PrincipalOrgID", Value::known_or_unknown(cx.org_id()));
    context.set("aws:ResourceAccount", Value::one(&account));
    context.set("aws:SecureTransport", Value::one("true"));
    if !targets.is_empty() {
        context.set("backup:CopyTargets", Value::Known(targets.to_vec()));
    }
    Request {
        principal: who,
        action: COPY_FROM_VAULT.to_owned(),
        // The policy's resource is the backup, of which only the vault's account is known.
        resource: "*".to_owned(),
        context,
    }
}

fn ask(cx: &RuleContext<'_>, what: &str) -> String {
    format!("Ask {} {what}.", cx.settings.contact)
}
