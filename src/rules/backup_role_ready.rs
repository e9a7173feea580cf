use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::backup_plans::{account_of, in_region, is_failure};
use crate::analysis::backup_types::{COPY_NEEDS, Need, TAG_NEEDS};
use crate::analysis::backup_usage::{TypeInUse, find_types_in_use};
use crate::analysis::bucket_keys::{DECRYPT, find_unread_key, list_delegating_keys};
use crate::analysis::role_call::build_trust_context;
use crate::analysis::role_permissions::{Permission, RolePermissions, Source};
use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext, Verdict};
use crate::iam::aws_managed::is_aws_managed;
use crate::iam::document::Document;
use crate::iam::trust::trusts_service;
use crate::iam::truth::Truth;
use crate::model::arn::Arn;
use crate::model::backup::BackupRole;
use crate::model::fact::Fact;
use crate::model::observed::{Gap, GapKind};
use crate::model::snapshot::Snapshot;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;
use crate::text::and_more;

rule! {
    /// The backup role exists, AWS Backup can assume it, and it is allowed what backups and copies need for
    /// every type of resource that is tagged for backup.
    ///
    /// The role is the one that the backup policy of the organization names, or the backup plans of the
    /// account. If neither names one, it is the configured role, by default the one that AWS Control Tower
    /// creates.
    ///
    /// Its managed and inline policies, its permissions boundary and its trust policy are evaluated as IAM
    /// does. AWS managed policies are known by name. A policy that was not read may deny what another one
    /// allows, so the check passes only if all policies are known. Service control policies and the policy of
    /// the central vault are not visible to a member account.
    ///
    /// For buckets under a key whose policy delegates to IAM, the role also needs `kms:Decrypt`: without it
    /// the job succeeds, but the objects are not backed up. Key policies are the subject of
    /// `kms-key-locally-usable`.
    ///
    /// ## Why it matters
    ///
    /// Without the role or its permissions, no backup is created. A role with only
    /// `AWSBackupServiceRolePolicyForS3Backup` can back up buckets, but not copy them or back up anything
    /// else. The standard backup policy does not include the permissions for S3. The policies for restores
    /// are not enough.
    ///
    /// It is a warning if the role lacks an action that AWS includes in its policies and that backups can do
    /// without, such as to delete expired backups.
    ///
    /// ## Fix
    ///
    /// Ask the platform team, who own the role, to attach the missing policies:
    ///
    /// ```sh
    /// aws iam attach-role-policy --role-name ROLE \
    ///     --policy-arn arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup
    /// aws iam attach-role-policy --role-name ROLE \
    ///     --policy-arn arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup
    /// ```
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/iam-service-roles.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html#prereq-cab>
    /// - <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html>
    /// - <https://docs.aws.amazon.com/controltower/latest/userguide/backup-resources.html>
    RULE = Rule {
        id: "backup-role-ready",
        group: Group::Account,
        owner: Owner::Platform,
        title: "The backup role exists and AWS Backup can use it",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Account(check_account),
        reads: &[Fact::BucketEncryption, Fact::Keys, Fact::Organization, Fact::Plans, Fact::RolePolicies, Fact::Roles, Fact::TagsInScannedRegions],
    }
}

const SERVICE: &str = "backup.amazonaws.com";

/// The policy of AWS for backups and copies of every type but S3, and the one for S3.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/security-iam-awsmanpol.html>.
const BACKUP_POLICY: &str = "service-role/AWSBackupServiceRolePolicyForBackup";
const S3_POLICY: &str = "AWSBackupServiceRolePolicyForS3Backup";

/// What the actions that no single type needs are for.
const COPIES: &str = "copies";
const SELECTION: &str = "selection by tag";

/// The evidence that names the services whose backups are affected.
const SERVICES: &str = "services";

/// The number of actions that a message names for a type.
const MOST_ACTIONS: usize = 6;

/// The backup roles of the account.
struct Named {
    /// By ARN or by name.
    roles: BTreeSet<String>,
    /// Those that the organization's policy names.
    of_policy: Vec<String>,
    /// Whether only the configuration names them.
    is_configured: bool,
    /// Why other roles may be in use, if only the configuration names these.
    guessed: Option<Gap>,
    /// Why selections that were not read may have other roles.
    unread: Option<Gap>,
}

impl Named {
    /// Returns what names a role, with its verb: a clause for messages.
    fn describe_source(&self, role: &str) -> &'static str {
        match self.of_policy.iter().any(|it| it == role) {
            _ if self.is_configured => "the configuration or the company guide names",
            true => "the organization's backup policy names",
            false => "the account's backup plans name",
        }
    }
}

fn check_account(cx: &RuleContext<'_>, snapshot: &Snapshot) -> CheckResult {
    let named = find_roles(cx, snapshot);
    let outcomes = named.roles.iter().map(|role| {
        Outcome::from(check_role(cx, snapshot, role, &named)).with("role", role.as_str())
    });
    let outcomes = outcomes.chain(named.unread.iter().map(Outcome::unknown));
    Ok(join_outcomes(outcomes).unwrap_or_else(|| Outcome::skip("the backup policy names no role")))
}

/// Returns the worst outcome. It names the services that it affects only if every part does.
fn join_outcomes(outcomes: impl Iterator<Item = Outcome>) -> Option<Outcome> {
    let outcomes: Vec<Outcome> = outcomes.collect();
    let names_services = |it: &&Outcome| it.evidence.contains_key(SERVICES);
    let breaches = || outcomes.iter().filter(|it| it.verdict == Verdict::Breach);
    let all = breaches().filter(names_services).count() == breaches().count();
    let mut worst = Outcome::worst(outcomes)?;
    if !all {
        worst.evidence.remove(SERVICES);
    }
    Some(worst)
}

fn find_roles(cx: &RuleContext<'_>, snapshot: &Snapshot) -> Named {
    let policy = snapshot.backup_policy.known().and_then(Option::as_ref);
    let mut roles = BTreeSet::new();
    let mut gap = None;
    let mut unread = None;
    for region in snapshot.regions.keys() {
        let found = in_region(cx, region).map(|protection| {
            let in_use = protection.in_use(cx);
            roles.extend(protection.roles(&in_use.by));
            unread = unread.take().or_else(|| protection.unread_selections());
            in_use.open
        });
        let open = found.unwrap_or_else(Some);
        gap = gap.or(open);
    }
    let lists = policy.into_iter().flat_map(|policy| &policy.plans);
    let mut lists = lists.filter_map(|it| it.plan.selections.gap.as_ref());
    let unread = unread.or_else(|| lists.find(|gap| is_failure(gap)).cloned());
    let account = snapshot.account_id.as_deref().unwrap_or_default();
    let of_policy = policy.map_or_else(Vec::new, |policy| policy.role_arns(account));
    if roles.is_empty() {
        roles.extend(of_policy.iter().cloned());
    }
    if !roles.is_empty() {
        return Named {
            roles,
            of_policy,
            is_configured: false,
            guessed: None,
            unread,
        };
    }
    let policy_gap = snapshot.backup_policy.gap().cloned();
    let no_region = || snapshot.regions.is_empty().then(Gap::not_collected);
    Named {
        roles: BTreeSet::from([cx.settings.backup_role.clone()]),
        of_policy,
        is_configured: true,
        guessed: match policy {
            Some(_) => None,
            None => policy_gap.or(gap).or_else(no_region),
        },
        unread,
    }
}

fn check_role(
    cx: &RuleContext<'_>,
    snapshot: &Snapshot,
    named: &str,
    meant: &Named,
) -> CheckResult {
    let by = meant.describe_source(named);
    let arn = Arn::parse(named);
    let name = name_of(named);
    let own = snapshot.account_id.as_deref();
    if let Some(arn) = arn.filter(|arn| own.is_some_and(|own| arn.account != own)) {
        return Ok(Outcome::breach(format!(
            "{by} {named}, a role of account {}: AWS Backup accepts only a role of this account",
            arn.account
        ))
        .fix(cx.ask_contact("to name a role of this account")));
    }
    // A file contains only the roles that it creates.
    if snapshot.has_no_account() && !snapshot.backup_roles.contains_key(name) {
        return Ok(Outcome::skip("the file does not contain the backup role"));
    }
    let read = snapshot.backup_roles.get(name).ok_or_else(|| {
        let message = format!("the snapshot does not contain the role {name}, which {by}");
        Gap::new(GapKind::NotCollected, message)
    })?;
    let Some(role) = read.get()? else {
        if let Some(gap) = &meant.guessed {
            return Ok(Outcome::unknown(gap).after(&format!(
                "the role {name} does not exist, but only the configuration or the company guide names it; the backup role is unknown"
            )));
        }
        return Ok(Outcome::breach(format!(
            "the role {name}, which {by}, does not exist: no backups are made"
        ))
        .fix(cx.ask_contact("to create the role")));
    };
    if arn.is_some() && role.arn != named {
        return Ok(Outcome::breach(format!(
            "{by} {named}, but the role of that name in this account is {}",
            role.arn
        ))
        .fix(cx.ask_contact("to add the path to the role ARN in the plan")));
    }
    let parts = [
        Ok(check_permissions(cx, snapshot, role, meant.unread.as_ref())),
        check_trust(cx, role),
    ];
    Ok(join_outcomes(parts.into_iter().map(Outcome::from))
        .unwrap_or_else(|| Outcome::pass(format!("the role {name} exists"))))
}

fn check_trust(cx: &RuleContext<'_>, role: &BackupRole) -> CheckResult {
    let name = name_of(&role.arn);
    let document = Document::parse(role.trust_policy.get()?).map_err(|error| {
        let message = format!("failed to parse the trust policy of role {name}: {error}");
        Gap::new(GapKind::Unreadable, message)
    })?;
    match trusts_service(
        &document,
        SERVICE,
        &build_trust_context(&role.arn, SERVICE, &cx.own_organization()),
    ) {
        Truth::True => Ok(Outcome::pass(format!(
            "AWS Backup can assume the role {name}"
        ))),
        Truth::False => Ok(Outcome::breach(format!(
            "the role {name} does not trust {SERVICE}: AWS Backup cannot assume it"
        ))
        .fix(cx.ask_contact("to allow AWS Backup to assume the role"))),
        Truth::Unknown => Err(Gap::new(
            GapKind::Open,
            format!(
                "whether the role {name} trusts {SERVICE} depends on a condition of its trust policy"
            ),
        )),
    }
}

/// What a role lacks: actions by what they are for, by the reason.
#[derive(Default)]
struct Lack {
    required: BTreeMap<Reason, BTreeMap<&'static str, BTreeSet<&'static str>>>,
    extra: BTreeMap<&'static str, BTreeSet<&'static str>>,
    unknown: Vec<Gap>,
}

/// Why the role lacks an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    NotAllowed,
    Denied(String),
    OutsideBoundary(String),
}

impl Lack {
    /// Adds the answer for an action. `maybe` is why it is not known whether anything needs it.
    fn add(
        &mut self,
        need: &Need,
        purpose: &'static str,
        permission: Permission,
        maybe: Option<&Gap>,
    ) {
        let reason = match permission {
            Permission::Allowed => return,
            Permission::Unknown(_) if !need.is_required => return,
            Permission::Unknown(gap) => return self.add_unknown(gap),
            Permission::NotAllowed => Reason::NotAllowed,
            Permission::Denied(policy) => Reason::Denied(policy),
            Permission::OutsideBoundary(policy) => Reason::OutsideBoundary(policy),
        };
        match (need.is_required, maybe) {
            (_, Some(gap)) => self.add_unknown(gap.clone()),
            (true, None) => {
                let of_reason = self.required.entry(reason).or_default();
                of_reason.entry(purpose).or_default().insert(need.action);
            }
            (false, None) => {
                self.extra.entry(purpose).or_default().insert(need.action);
            }
        }
    }

    /// Adds a gap, but of what depends on conditions only the first.
    fn add_unknown(&mut self, gap: Gap) {
        let is_open = |it: &Gap| it.kind == GapKind::Open;
        if !is_open(&gap) || !self.unknown.iter().any(is_open) {
            self.unknown.push(gap);
        }
    }
}

/// Checks the permissions of a role. `unread` is why a selection that was not read may have another role.
fn check_permissions(
    cx: &RuleContext<'_>,
    snapshot: &Snapshot,
    role: &BackupRole,
    unread: Option<&Gap>,
) -> Outcome {
    let permissions = RolePermissions::new(cx, role);
    let partition = Arn::parse(&role.arn).map_or("aws", |arn| arn.partition);
    let account = account_of(&role.arn);
    let types = find_types_in_use(cx);
    let applies = |it: &&TypeInUse<'_>| it.roles.is_empty() || it.roles.contains(&role.arn);
    let mut lack = Lack::default();
    let regions: Vec<&str> = match snapshot.regions.is_empty() {
        true => vec!["*"],
        false => snapshot.regions.keys().map(String::as_str).collect(),
    };
    for region in regions {
        let vaults = list_central_vaults(cx, region, partition);
        let tag_needs: &[Need] = match selects_by_tag(cx, region, &role.arn) {
            true => TAG_NEEDS,
            false => &[],
        };
        for (needs, purpose) in [(COPY_NEEDS, COPIES), (tag_needs, SELECTION)] {
            for need in needs {
                let permission = permissions.check_need(need, Source::new(region, "*", &vaults));
                lack.add(need, purpose, permission, None);
            }
        }
        for used in types
            .iter()
            .filter(|it| it.region == region)
            .filter(applies)
        {
            let shape = used.row.arn_shape(partition, region, account);
            // What no known selection includes may be included by one with another role.
            let other_role = unread.filter(|_| used.roles.is_empty());
            let maybe = used.gap.as_ref().or(other_role);
            for need in used.row.needs {
                let permission = permissions.check_type(need, used, &shape, &vaults);
                lack.add(need, used.row.name, permission, maybe);
                for (permission, gap) in permissions.check_unread(need, used, &shape, &vaults) {
                    lack.add(need, used.row.name, permission, Some(gap));
                }
            }
            if let (Some(gap), "S3") = (find_unread_key(cx, used), used.row.name) {
                let key = format!("arn:{partition}:kms:{region}:{account}:key/*");
                let source = Source::new(region, &key, &[]).with_any_tags();
                let permission = permissions.check_need(&DECRYPT, source);
                lack.add(&DECRYPT, used.row.name, permission, Some(&gap));
            }
            for key in list_delegating_keys(cx, used, &role.arn) {
                let source = Source::new(region, key, &[]).with_any_tags();
                let permission = permissions.check_need(&DECRYPT, source);
                lack.add(&DECRYPT, used.row.name, permission, None);
            }
        }
    }
    let certain = types.iter().filter(|it| it.gap.is_none()).filter(applies);
    let names: BTreeSet<&str> = certain.map(|it| it.row.name).collect();
    describe_lack(cx, role, lack, &names)
}

/// Whether a selection with the role selects by tags, as far as selections are known.
fn selects_by_tag(cx: &RuleContext<'_>, region: &str, role_arn: &str) -> bool {
    let region = cx.snapshot.regions.get_key_value(region);
    let Some(protection) = region.and_then(|(region, _)| in_region(cx, region).ok()) else {
        return true;
    };
    let chosen = protection.in_use(cx).by;
    let mut of_role = chosen
        .iter()
        .map(|choice| choice.selection)
        .filter(|it| protection.expand(&it.role_arn) == role_arn)
        .peekable();
    of_role.peek().is_none() || of_role.any(|it| !it.tags.is_empty() || !it.conditions.is_empty())
}

/// Returns the vaults of the central account that plans copy to, else the shape of all of them.
fn list_central_vaults(cx: &RuleContext<'_>, region: &str, partition: &str) -> Vec<String> {
    let central = &cx.settings.central_account;
    let protection = cx
        .snapshot
        .regions
        .get_key_value(region)
        .and_then(|(region, _)| in_region(cx, region).ok());
    let mut vaults: Vec<String> = protection.map_or_else(Vec::new, |protection| {
        let rules = protection.rules(&protection.in_use(cx).by).items;
        let targets = protection.copy_targets(&rules).into_iter();
        targets.filter(|arn| account_of(arn) == central).collect()
    });
    if vaults.is_empty() {
        vaults.push(format!(
            "arn:{partition}:backup:{region}:{central}:backup-vault:*"
        ));
    }
    vaults
}

fn describe_lack(
    cx: &RuleContext<'_>,
    role: &BackupRole,
    lack: Lack,
    types: &BTreeSet<&str>,
) -> Outcome {
    let name = name_of(&role.arn);
    let mut parts: Vec<Outcome> = Vec::new();
    for (reason, actions) in &lack.required {
        parts.push(describe_reason(cx, role, reason, actions));
    }
    let missing: BTreeSet<&str> = lack
        .required
        .values()
        .flat_map(BTreeMap::values)
        .flatten()
        .copied()
        .collect();
    let affected: BTreeSet<&str> = lack
        .required
        .values()
        .flat_map(BTreeMap::keys)
        .copied()
        .collect();
    parts.extend(lack.unknown.iter().map(Outcome::unknown));
    if !lack.extra.is_empty() {
        let list = list_actions(&lack.extra);
        let outcome = Outcome::warn(format!(
            "the role {name} lacks permissions that AWS includes in its policies for {list}"
        ));
        parts.push(ask_to_attach(cx, role, &lack.extra, outcome));
    }
    let attached = role.attached_policies.items.clone();
    match Outcome::worst(parts) {
        Some(outcome) if !missing.is_empty() => {
            let outcome = outcome
                .with("attached_policies", attached)
                .with("missing_actions", missing.into_iter().collect::<Vec<_>>());
            match affected.contains(COPIES) || affected.contains(SELECTION) {
                true => outcome,
                false => outcome.with(SERVICES, affected.into_iter().collect::<Vec<_>>()),
            }
        }
        Some(outcome) => outcome,
        None if types.is_empty() => Outcome::pass(format!(
            "the role {name} is allowed what copies need; no resource is tagged for backup"
        )),
        None => {
            let types: Vec<&str> = types.iter().copied().collect();
            Outcome::pass(format!(
                "the role {name} is allowed what backups and copies of {} need",
                types.join(", ")
            ))
        }
    }
}

/// Returns the outcome for required actions that a role may not take for one reason.
fn describe_reason(
    cx: &RuleContext<'_>,
    role: &BackupRole,
    reason: &Reason,
    actions: &BTreeMap<&'static str, BTreeSet<&'static str>>,
) -> Outcome {
    let name = name_of(&role.arn);
    let list = list_actions(actions);
    match reason {
        Reason::NotAllowed => {
            let message = format!("the role {name} lacks permissions for {list}");
            ask_to_attach(cx, role, actions, Outcome::breach(message))
        }
        Reason::Denied(policy) => {
            let fix = match is_aws_managed(policy) {
                true => format!("to detach policy {policy} from the role"),
                false => format!("to remove the deny from policy {policy}"),
            };
            let policy = name_of(policy);
            let message = format!("policy {policy} of the role {name} denies actions for {list}");
            Outcome::breach(message).fix(cx.ask_contact(&fix))
        }
        Reason::OutsideBoundary(policy) => {
            let fix = match is_aws_managed(policy) {
                true => "to replace the permissions boundary".to_owned(),
                false => format!("to allow them in the permissions boundary {policy}"),
            };
            let message = format!(
                "the permissions boundary {policy} of the role {name} does not allow actions for {list}"
            );
            Outcome::breach(message).fix(cx.ask_contact(&fix))
        }
    }
}

/// Returns the actions with what they are for: `EBS (ec2:CreateSnapshot), copies (...)`.
fn list_actions(actions: &BTreeMap<&'static str, BTreeSet<&'static str>>) -> String {
    let parts: Vec<String> = actions
        .iter()
        .map(|(purpose, actions)| {
            format!(
                "{purpose} ({})",
                and_more(actions.iter().copied(), MOST_ACTIONS)
            )
        })
        .collect();
    parts.join(", ")
}

/// Adds the commands that attach the policies of AWS that allow the actions.
fn ask_to_attach(
    cx: &RuleContext<'_>,
    role: &BackupRole,
    actions: &BTreeMap<&'static str, BTreeSet<&'static str>>,
    outcome: Outcome,
) -> Outcome {
    let name = name_of(&role.arn);
    let partition = Arn::parse(&role.arn).map_or("aws", |arn| arn.partition);
    let needs_s3 = actions.contains_key("S3");
    let needs_others = actions.keys().any(|it| *it != "S3");
    let policies = [(needs_others, BACKUP_POLICY), (needs_s3, S3_POLICY)];
    let arns: Vec<String> = policies
        .into_iter()
        .filter(|(is_needed, _)| *is_needed)
        .map(|(_, policy)| format!("arn:{partition}:iam::aws:policy/{policy}"))
        .collect();
    let commands: Vec<String> = arns
        .iter()
        .map(|arn| format!("`aws iam attach-role-policy --role-name {name} --policy-arn {arn}`"))
        .collect();
    let fix = format!("to run {}", commands.join(" and "));
    arns.into_iter()
        .fold(outcome.fix(cx.ask_contact(&fix)), |outcome, policy_arn| {
            outcome.remedy(Remedy::AttachRolePolicy {
                role: name.to_owned(),
                policy_arn,
            })
        })
}

/// Returns the name of a role or policy, without its path.
fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
