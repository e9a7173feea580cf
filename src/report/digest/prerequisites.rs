//! The prerequisites of the account that block copies, regardless of who can fix them.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::backup_types::find_type;
use crate::model::ResourceKind;
use crate::model::kind::BackupKey;
use crate::report::{Finding, Report, ResourceLine, Status};
use crate::rule::{Check, Group, Rule};
use crate::settings::Severity;
use crate::text::and_more;

/// The number of rules that a sentence names.
const MOST_RULES: usize = 5;
/// The number of regions that a sentence names for a rule.
const MOST_REGIONS: usize = 3;

/// Rules of the account's group that are about other regions than a resource's own.
const ELSEWHERE: &str = "backup-region-covered";
/// The rule of another group that decides whether the account backs a type up.
const OPT_IN: &str = "service-opted-in";
/// The rule about copies that are made, and expire with the local backup.
const RETAINED: &str = "central-copy-retained";

/// Whether copies depend on a rule about the account or the region.
fn is_prerequisite(rule: &Rule) -> bool {
    rule.id == OPT_IN || (rule.group == Group::Account && rule.id != ELSEWHERE)
}

/// The state of the account's prerequisites for one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum AccountState {
    /// They hold.
    Ready,
    /// It is not known whether they hold.
    Unknown,
    /// One of them does not hold.
    Blocked,
}

/// The findings about the account and its regions that block copies.
#[derive(Debug)]
pub(in crate::report) struct AccountPrerequisites<'a> {
    /// Failing and unknown findings, those of the account under no region.
    obstacles: BTreeMap<Option<&'a str>, Vec<&'a Finding>>,
    /// Whether rules about the account were checked.
    pub(in crate::report) is_checked: bool,
}

impl<'a> AccountPrerequisites<'a> {
    /// Collects the findings of a report.
    pub(in crate::report) fn collect(report: &'a Report) -> Self {
        let relevant = |it: &&Finding| {
            let is_of_account = is_prerequisite(it.rule) || it.kind == ResourceKind::BackupVault;
            is_of_account && it.rule.severity(report.standard) == Severity::Fail
        };
        let mut obstacles: BTreeMap<Option<&str>, Vec<&Finding>> = BTreeMap::new();
        let mut is_checked = report.omitted.iter().any(|((_, status, _), (rule, _))| {
            let is_relevant =
                is_prerequisite(rule) && rule.severity(report.standard) == Severity::Fail;
            is_relevant && rule.group == Group::Account && *status != Status::Skip
        });
        for finding in report.findings.iter().filter(relevant) {
            is_checked |= finding.rule.group == Group::Account && finding.status != Status::Skip;
            if matches!(finding.status, Status::Fail | Status::Unknown) {
                let region = match finding.rule.check {
                    Check::Account(_) => None,
                    _ => Some(finding.region.as_str()),
                };
                obstacles.entry(region).or_default().push(finding);
            }
        }
        AccountPrerequisites {
            obstacles,
            is_checked,
        }
    }

    /// Returns the findings that block copies of a resource.
    pub(in crate::report) fn obstacles_of<'s>(
        &'s self,
        line: &'s ResourceLine,
    ) -> impl Iterator<Item = &'a Finding> + 's {
        let of_account = self.obstacles.get(&None).into_iter().flatten();
        let region = Some(line.region.as_str());
        let of_region = self.obstacles.get(&region).into_iter().flatten();
        let obstacles = of_account.chain(of_region).copied();
        obstacles.filter(move |it| concerns_type(it, line))
    }

    /// Returns the state of the account's prerequisites for a resource.
    pub(in crate::report) fn state_of(&self, line: &ResourceLine) -> AccountState {
        let states = self.obstacles_of(line).map(|it| match it.status {
            Status::Fail => AccountState::Blocked,
            _ => AccountState::Unknown,
        });
        let otherwise = match self.is_checked {
            true => AccountState::Ready,
            false => AccountState::Unknown,
        };
        states.max().unwrap_or(otherwise).max(otherwise)
    }

    /// Whether copies of the resources are made, and all that the account fails is to keep them longer.
    pub(in crate::report) fn fails_only_to_retain<'r>(
        &self,
        lines: impl IntoIterator<Item = &'r ResourceLine>,
    ) -> bool {
        lines.into_iter().all(|line| {
            let failing = self
                .obstacles_of(line)
                .filter(|it| it.status == Status::Fail);
            failing.into_iter().all(|it| it.rule.id == RETAINED)
        })
    }

    /// Returns the rules with findings of a status that block copies of some of the resources, with their
    /// regions: `organization-member, local-vault-ready (eu-central-1)`.
    pub(in crate::report) fn name_rules<'r>(
        &self,
        lines: impl IntoIterator<Item = &'r ResourceLine>,
        status: Status,
    ) -> String {
        let mut rules: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let mut seen: BTreeSet<(&str, ResourceKind, Option<&str>)> = BTreeSet::new();
        for line in lines {
            let aws_type = line.aws_type.as_deref();
            if !seen.insert((&line.region, line.kind, aws_type)) {
                continue;
            }
            for finding in self.obstacles_of(line).filter(|it| it.status == status) {
                let regions = rules.entry(finding.rule.id).or_default();
                regions.extend(finding.own_region());
            }
        }
        let names: Vec<String> = rules
            .into_iter()
            .map(|(rule, regions)| match regions.is_empty() {
                true => rule.to_owned(),
                false => format!("{rule} ({})", and_more(regions, MOST_REGIONS)),
            })
            .collect();
        and_more(names.iter().map(String::as_str), MOST_RULES)
    }
}

/// Whether a finding is about resources of the type of this one. A finding that names services is about theirs, and one on
/// a vault about the types whose backups are encrypted with its key: these and all types outside the guide.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html>. Checked 2026-11-29.
fn concerns_type(finding: &Finding, line: &ResourceLine) -> bool {
    if finding.kind == ResourceKind::BackupVault {
        let is_managed = line.kind.facts().backup_key == BackupKey::Vault;
        return is_managed || line.kind == ResourceKind::Other;
    }
    let Some(services) = finding
        .explanation
        .evidence
        .get("services")
        .and_then(|it| it.as_array())
    else {
        return true;
    };
    // A Multi-AZ DB cluster is opted in as RDS, and backed up with the actions of Aurora.
    let types = match &line.aws_type {
        Some(aws_type) => vec![aws_type.as_str()],
        None => line
            .kind
            .facts()
            .types
            .iter()
            .map(|it| it.cloudformation)
            .collect(),
    };
    let names = types.into_iter().filter_map(find_type).map(|row| row.name);
    let mut names = names.chain(line.kind.opt_in_name());
    services.is_empty() || names.any(|name| services.iter().any(|it| it == name))
}
