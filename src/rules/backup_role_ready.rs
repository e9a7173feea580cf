use std::collections::BTreeSet;

use crate::analysis::backup_plans::in_region;
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::iam::document::Document;
use crate::iam::trust::trusts_service;
use crate::iam::truth::Truth;
use crate::model::ResourceKind;
use crate::model::arn::Arn;
use crate::model::backup::BackupRole;
use crate::model::observed::{Gap, GapKind};
use crate::model::selection::Target;
use crate::model::snapshot::Snapshot;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The backup role exists and AWS Backup can assume it. If there are buckets to back up, the role
    /// has the permissions for S3.
    ///
    /// The role is the one that the backup policy of the organization names. If there is no policy, or
    /// it could not be read, the role comes from the backup plans of the account. Otherwise it is the
    /// role that AWS Control Tower creates.
    ///
    /// ## Why it matters
    ///
    /// Without the role, no backup job is created. The standard backup policy does not include the
    /// permissions for S3. They are in `AWSBackupServiceRolePolicyForS3Backup`.
    ///
    /// ## Fix
    ///
    /// Ask the platform team. They own the role.
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
        title: "The backup role exists and AWS Backup can use it",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Account(check_account),
    }
}

const SERVICE: &str = "backup.amazonaws.com";

/// AWS managed policies that allow what a backup of a bucket needs.
const ALLOW_S3: [&str; 2] = [
    "AWSBackupServiceRolePolicyForS3Backup",
    "AdministratorAccess",
];

/// AWS managed policies for AWS Backup that do not allow it.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html>.
const OTHER_POLICIES: [&str; 3] = [
    "AWSBackupServiceRolePolicyForBackup",
    "AWSBackupServiceRolePolicyForRestores",
    "AWSBackupServiceRolePolicyForS3Restore",
];

/// The backup roles of the account.
struct Named {
    /// By ARN or by name.
    roles: BTreeSet<String>,
    /// What names them, with its verb: a clause for messages.
    by: &'static str,
    /// Why other roles may be in use, if only the configuration names these.
    guessed: Option<Gap>,
}

fn check_account(cx: &RuleContext<'_>, snapshot: &Snapshot) -> CheckResult {
    let named = find_roles(cx, snapshot);
    let outcomes = named.roles.iter().map(|role| {
        check_role(cx, snapshot, role, &named)
            .unwrap_or_else(|gap| Outcome::unknown(&gap))
            .with("role", role.as_str())
    });
    Ok(
        Outcome::worst(outcomes)
            .unwrap_or_else(|| Outcome::skip("the backup policy names no role")),
    )
}

fn find_roles(cx: &RuleContext<'_>, snapshot: &Snapshot) -> Named {
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
        by: "the configuration or the company guide names",
        guessed: match policy {
            Some(_) => None,
            None => unread.or(gap).or_else(no_region),
        },
    }
}

fn check_role(
    cx: &RuleContext<'_>,
    snapshot: &Snapshot,
    named: &str,
    meant: &Named,
) -> CheckResult {
    let by = meant.by;
    let arn = Arn::parse(named);
    let name = named.rsplit('/').next().unwrap_or(named);
    let own = snapshot.account_id.as_deref();
    if let Some(arn) = arn.filter(|arn| Some(arn.account) != own) {
        return Ok(Outcome::breach(format!(
            "{by} {named}, a role of account {}: AWS Backup accepts only a role of this account",
            arn.account
        ))
        .fix(ask_contact(cx, "to name a role of this account")));
    }
    let read = snapshot.backup_roles.get(name).ok_or_else(|| {
        let message = format!("the snapshot does not contain the role {name}, which {by}");
        Gap::new(GapKind::NotCollected, message)
    })?;
    let Some(role) = read.get()? else {
        if let Some(gap) = &meant.guessed {
            let mut outcome = Outcome::unknown(gap);
            for cause in &mut outcome.causes {
                cause.message = format!(
                    "the role {name} does not exist, but only the configuration or the company guide names it; the backup role is unknown: {}",
                    cause.message
                );
            }
            return Ok(outcome);
        }
        return Ok(Outcome::breach(format!(
            "the role {name}, which {by}, does not exist: no backups are made"
        ))
        .fix(ask_contact(cx, "to create the role")));
    };
    if arn.is_some() && role.arn != named {
        return Ok(Outcome::breach(format!(
            "{by} {named}, but the role of that name in this account is {}",
            role.arn
        ))
        .fix(ask_contact(
            cx,
            "to add the path to the role ARN in the plan",
        )));
    }
    let parts = [
        check_trust(cx, role),
        check_s3_permissions(cx, snapshot, role),
    ];
    let outcomes = parts
        .into_iter()
        .map(|part| part.unwrap_or_else(|gap| Outcome::unknown(&gap)));
    Ok(
        Outcome::worst(outcomes)
            .unwrap_or_else(|| Outcome::pass(format!("the role {name} exists"))),
    )
}

fn check_trust(cx: &RuleContext<'_>, role: &BackupRole) -> CheckResult {
    let name = name_of(&role.arn);
    let document = Document::parse(role.trust_policy.get()?).map_err(|error| {
        let message = format!("failed to parse the trust policy of role {name}: {error}");
        Gap::new(GapKind::Unreadable, message)
    })?;
    match trusts_service(&document, SERVICE) {
        Truth::True => Ok(Outcome::pass(format!(
            "AWS Backup can assume the role {name}"
        ))),
        Truth::False => Ok(Outcome::breach(format!(
            "the role {name} does not trust {SERVICE}: AWS Backup cannot assume it"
        ))
        .fix(ask_contact(cx, "to allow AWS Backup to assume the role"))),
        Truth::Unknown => Err(Gap::new(
            GapKind::Open,
            format!(
                "whether the role {name} trusts {SERVICE} depends on a condition of its trust policy"
            ),
        )),
    }
}

fn check_s3_permissions(
    cx: &RuleContext<'_>,
    snapshot: &Snapshot,
    role: &BackupRole,
) -> CheckResult {
    let name = name_of(&role.arn);
    let attached = &role.attached_policies;
    let given = attached
        .items
        .iter()
        .find(|arn| is_aws_managed(arn) && ALLOW_S3.contains(&name_of(arn)));
    if let (Some(policy), None) = (given, &role.boundary) {
        return Ok(Outcome::pass(format!(
            "the role {name} has {}",
            name_of(policy)
        )));
    }
    let Some(buckets) = find_enabled_bucket(cx, snapshot)? else {
        return Ok(Outcome::pass(format!(
            "no buckets to back up with the role {name}"
        )));
    };
    if let Some(boundary) = &role.boundary {
        let message = format!(
            "whether the role {name} can back up buckets depends on its permissions boundary {boundary}"
        );
        return Err(Gap::new(GapKind::Open, message));
    }
    let others: Vec<&str> = attached
        .all_items()?
        .iter()
        .filter(|arn| !(is_aws_managed(arn) && OTHER_POLICIES.contains(&name_of(arn))))
        .chain(role.inline_policies.all_items()?)
        .map(|policy| name_of(policy))
        .collect();
    if !others.is_empty() {
        let message = format!(
            "the role {name} does not have {}; its other policies ({}) were not read and may allow bucket backups",
            ALLOW_S3[0],
            others.join(", ")
        );
        return Err(Gap::new(GapKind::Open, message));
    }
    Ok(Outcome::breach(format!(
        "the role {name} lacks {}, which bucket {buckets} needs",
        ALLOW_S3[0]
    ))
    .fix(ask_contact(
        cx,
        &format!("to attach {} to the role", ALLOW_S3[0]),
    ))
    .with("attached_policies", attached.items.clone()))
}

/// Returns a bucket that is tagged `enabled`, if there is one.
fn find_enabled_bucket(cx: &RuleContext<'_>, snapshot: &Snapshot) -> Result<Option<String>, Gap> {
    let listing = &snapshot.buckets;
    let by_tag = snapshot
        .regions
        .keys()
        .flat_map(|region| cx.enabled_by_tag(region));
    let mut targets = by_tag.filter_map(|arn| Target::parse(arn).ok());
    if let Some(bucket) = targets.find(|target| target.kind == ResourceKind::S3Bucket) {
        return Ok(Some(bucket.id));
    }
    let enabled = listing.find(|bucket| cx.backup_tag(&bucket.tags) == BackupTag::Enabled);
    if let Some(bucket) = enabled? {
        return Ok(Some(bucket.id.clone()));
    }
    let unsure = listing.items.iter().find_map(|bucket| bucket.tags.gap());
    unsure.map_or(Ok(None), |gap| Err(gap.clone()))
}

/// Whether the policy is an AWS managed policy: `arn:aws:iam::aws:policy/...`.
fn is_aws_managed(policy: &str) -> bool {
    Arn::parse(policy).is_some_and(|arn| arn.account == "aws")
}

/// Returns the name of a role or policy, without its path.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn ask_contact(cx: &RuleContext<'_>, what: &str) -> String {
    format!("Ask {} {what}.", cx.settings.contact)
}
