use std::collections::BTreeSet;

use crate::analysis::backup_plans::in_region;
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::iam::document::Document;
use crate::iam::trust::trusts_service;
use crate::iam::truth::Truth;
use crate::model::arn::Arn;
use crate::model::backup::BackupRole;
use crate::model::observed::{Gap, GapKind};
use crate::model::selection::Target;
use crate::model::snapshot::Snapshot;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The role that makes the backups exists, AWS Backup may assume it, and with buckets to back up it
    /// has the permissions for S3.
    ///
    /// That is the role which the organization's policy names; where that was not read or none holds,
    /// the one of the account's plans; else the one that AWS Control Tower sets up. Without it no job
    /// is made. What a bucket needs is not part of the usual backup policy, but in
    /// `AWSBackupServiceRolePolicyForS3Backup`.
    ///
    /// ## Fix
    ///
    /// Ask the platform team: the role is theirs.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/s3-backups.html>
    /// - <https://docs.aws.amazon.com/controltower/latest/userguide/backup-resources.html>
    RULE = Rule {
        id: "backup-role-ready",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The backup role exists and may do its work",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Account(check),
    }
}

const SERVICE: &str = "backup.amazonaws.com";

/// AWS's policies that give what a backup of a bucket needs.
const ALLOW_S3: [&str; 2] = [
    "AWSBackupServiceRolePolicyForS3Backup",
    "AdministratorAccess",
];

/// AWS's policies for AWS Backup that do not.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html>.
const OTHER_POLICIES: [&str; 3] = [
    "AWSBackupServiceRolePolicyForBackup",
    "AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Restore",
];

/// The roles that are meant.
struct Named {
    /// By ARN or by name.
    roles: BTreeSet<String>,
    /// Who names them, with the verb.
    by: &'static str,
    /// Why it may be others that make the backups, where only the config names these.
    guessed: Option<Gap>,
}

fn check(cx: &RuleContext<'_>, snapshot: &Snapshot) -> CheckResult {
    let named = named(cx, snapshot);
    let outcomes = named.roles.iter().map(|role| {
        judge(cx, snapshot, role, &named)
            .unwrap_or_else(|gap| Outcome::unknown(&gap))
            .with("role", role.as_str())
    });
    Ok(Outcome::worst(outcomes).unwrap_or_else(|| Outcome::skip("the policy names no role")))
}

fn named(cx: &RuleContext<'_>, snapshot: &Snapshot) -> Named {
    let policy = snapshot.backup_policy.known().and_then(Option::as_ref);
    let mut roles = BTreeSet::new();
    let mut gap = None;
    for region in snapshot.regions.keys() {
        let found = in_region(cx, region).map(|protection| {
            let in_use = protection.in_use(cx);
            roles.extend(protection.roles(&in_use.by));
            in_use.open
        });
        let open = found.unwrap_or_else(Some);
        gap = gap.or(open);
    }
    if roles.is_empty() {
        let account = snapshot.account_id.as_deref().unwrap_or_default();
        roles.extend(
            policy
                .into_iter()
                .flat_map(|policy| policy.role_arns(account)),
        );
    }
    if !roles.is_empty() {
        let by = match policy {
            Some(_) => "the organization's backup policy names",
            None => "the account's backup plans name",
        };
        return Named {
            roles,
            by,
            guessed: None,
        };
    }
    let unread = snapshot.backup_policy.gap().cloned();
    let no_region = || snapshot.regions.is_empty().then(Gap::not_collected);
    Named {
        roles: BTreeSet::from([cx.settings.backup_role.clone()]),
        by: "the company guide, or the config, names",
        guessed: match policy {
            Some(_) => None,
            None => unread.or(gap).or_else(no_region),
        },
    }
}

fn judge(cx: &RuleContext<'_>, snapshot: &Snapshot, named: &str, meant: &Named) -> CheckResult {
    let by = meant.by;
    let arn = Arn::parse(named);
    let name = named.rsplit('/').next().unwrap_or(named);
    let own = snapshot.account_id.as_deref();
    if let Some(arn) = arn.filter(|arn| Some(arn.account) != own) {
        return Ok(Outcome::breach(format!(
            "{by} {named}, a role of account {}: AWS Backup takes only one of the account itself",
            arn.account
        ))
        .fix(ask(cx, "to name a role of this account")));
    }
    let read = snapshot.backup_roles.get(name).ok_or_else(|| {
        let message = format!("the snapshot does not hold the role {name}, which {by}");
        Gap::new(GapKind::NotCollected, message)
    })?;
    let Some(role) = read.get()? else {
        if let Some(gap) = &meant.guessed {
            let mut outcome = Outcome::unknown(gap);
            for cause in &mut outcome.causes {
                cause.message = format!(
                    "the role {name} does not exist, and only the config, or the company guide, names it; which role makes the backups is not known: {}",
                    cause.message
                );
            }
            return Ok(outcome);
        }
        return Ok(Outcome::breach(format!(
            "the role {name}, which {by}, does not exist: no backup can be made"
        ))
        .fix(ask(cx, "to create the role")));
    };
    if arn.is_some() && role.arn != named {
        return Ok(Outcome::breach(format!(
            "{by} {named}, and the account's role of that name is {}",
            role.arn
        ))
        .fix(ask(cx, "to name the role with its path")));
    }
    let parts = [trust(cx, role), s3(cx, snapshot, role)];
    let outcomes = parts
        .into_iter()
        .map(|part| part.unwrap_or_else(|gap| Outcome::unknown(&gap)));
    Ok(
        Outcome::worst(outcomes)
            .unwrap_or_else(|| Outcome::pass(format!("the role {name} exists"))),
    )
}

fn trust(cx: &RuleContext<'_>, role: &BackupRole) -> CheckResult {
    let name = id(&role.arn);
    let document = Document::parse(role.trust_policy.get()?).map_err(|error| {
        let message = format!("the trust policy of role {name} cannot be understood: {error}");
        Gap::new(GapKind::Unreadable, message)
    })?;
    match trusts_service(&document, SERVICE) {
        Truth::True => Ok(Outcome::pass(format!(
            "AWS Backup may assume the role {name}"
        ))),
        Truth::False => Ok(Outcome::breach(format!(
            "the role {name} does not trust {SERVICE}: AWS Backup cannot assume it"
        ))
        .fix(ask(cx, "to let AWS Backup assume the role"))),
        Truth::Unknown => Err(Gap::new(
            GapKind::Open,
            format!(
                "whether the role {name} trusts {SERVICE} depends on a condition of its trust policy"
            ),
        )),
    }
}

fn s3(cx: &RuleContext<'_>, snapshot: &Snapshot, role: &BackupRole) -> CheckResult {
    let name = id(&role.arn);
    let attached = &role.attached_policies;
    let given = attached
        .items
        .iter()
        .find(|arn| is_aws(arn) && ALLOW_S3.contains(&id(arn)));
    if let (Some(policy), None) = (given, &role.boundary) {
        return Ok(Outcome::pass(format!("the role {name} has {}", id(policy))));
    }
    let Some(buckets) = buckets(cx, snapshot)? else {
        return Ok(Outcome::pass(format!(
            "no bucket is to be backed up by the role {name}"
        )));
    };
    if let Some(boundary) = &role.boundary {
        let message = format!(
            "whether the role {name} may back up buckets depends on its permissions boundary {boundary}"
        );
        return Err(Gap::new(GapKind::Open, message));
    }
    let others: Vec<&str> = attached
        .all_items()?
        .iter()
        .filter(|arn| !(is_aws(arn) && OTHER_POLICIES.contains(&id(arn))))
        .chain(role.inline_policies.all_items()?)
        .map(|policy| id(policy))
        .collect();
    if !others.is_empty() {
        let message = format!(
            "the role {name} does not have {}, and whether another policy ({}) gives what a backup of a bucket needs is not read",
            ALLOW_S3[0],
            others.join(", ")
        );
        return Err(Gap::new(GapKind::Open, message));
    }
    Ok(Outcome::breach(format!(
        "the role {name} lacks {}, and there are buckets to back up ({buckets})",
        ALLOW_S3[0]
    ))
    .fix(ask(cx, &format!("to attach {} to the role", ALLOW_S3[0])))
    .with("attached_policies", attached.items.clone()))
}

/// A bucket that is tagged `enabled`; none where no bucket is.
fn buckets(cx: &RuleContext<'_>, snapshot: &Snapshot) -> Result<Option<String>, Gap> {
    let listing = &snapshot.buckets;
    let by_tag = snapshot
        .regions
        .keys()
        .flat_map(|region| cx.enabled_by_tag(region));
    if let Some(Target::Bucket(name)) = by_tag
        .filter_map(|arn| Target::parse(arn).ok())
        .find(|target| matches!(target, Target::Bucket(_)))
    {
        return Ok(Some(name));
    }
    let enabled = listing.find(|bucket| cx.backup_tag(&bucket.tags) == BackupTag::Enabled);
    if let Some(bucket) = enabled? {
        return Ok(Some(bucket.id.clone()));
    }
    let unsure = listing.items.iter().find_map(|bucket| bucket.tags.gap());
    unsure.map_or(Ok(None), |gap| Err(gap.clone()))
}

/// Whether a policy is AWS's own: `arn:aws:iam::aws:policy/...`.
fn is_aws(policy: &str) -> bool {
    Arn::parse(policy).is_some_and(|arn| arn.account == "aws")
}

/// The name of a role or policy: what follows its path.
fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn ask(cx: &RuleContext<'_>, what: &str) -> String {
    format!("Ask {} {what}.", cx.settings.contact)
}
