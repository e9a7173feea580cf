//! A snapshot and the rules, made into a report.
//!
//! Loops, regions, scope, severities and order are here, so that a rule can neither forget a region
//! nor gate what counts.

mod waiver;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use sha2::{Digest, Sha256};

use crate::analysis::backup_plans::is_local;
use crate::analysis::context::PolicyCache;
use crate::analysis::{CheckResult, Outcome, Prerequisites, RuleContext, Verdict};
use crate::model::coverage::CoverageState;
use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::model::snapshot::{GLOBAL, Snapshot, Source};
use crate::model::tag::BackupTag;
use crate::model::{Gap, GapKind, Resource, ResourceKind};
use crate::report::{Finding, Report, ResourceLine, ResourceVerdict, Status, Unread};
use crate::rule::{Check, Group, Owner, Rule};
use crate::settings::{Settings, Severity, Standard, Waiver};

/// How to judge.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Whose severities count.
    pub standard: Standard,
    /// Severities that replace the standard's, by rule.
    pub severities: BTreeMap<String, Severity>,
    /// Which resources are judged, by their tag.
    pub scope: Scope,
    /// Which resources are judged, by their service or ARN. A snapshot that holds less is judged for
    /// what it holds.
    pub selection: Selection,
    /// Which rules are judged, by id; all where it is empty.
    pub only: BTreeSet<&'static str>,
    /// Rules that are left out, by id.
    pub without: BTreeSet<&'static str>,
    /// Judge every resource as if it were tagged `backup=enabled`, and let all of it gate.
    pub preflight: bool,
    /// Groups whose findings gate although they are the platform team's.
    pub gate: BTreeSet<Group>,
    /// Rules whose unknown findings do not gate.
    pub allow_unknown: AllowUnknown,
    /// Findings that are known and accepted for a time.
    pub waivers: Vec<Waiver>,
    /// The day on which a waiver must still hold; without one, none does.
    pub today: Option<Date>,
}

/// Which resources are judged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// All.
    #[default]
    All,
    /// Those that carry the backup tag, or may.
    Tagged,
    /// Those that are tagged `enabled`, or may be.
    Enabled,
}

impl Scope {
    fn holds(self, tag: BackupTag) -> bool {
        match self {
            Scope::All => true,
            Scope::Tagged => tag != BackupTag::None,
            Scope::Enabled => matches!(tag, BackupTag::Enabled | BackupTag::Unknown),
        }
    }
}

/// Whose unknown findings do not gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowUnknown {
    /// Nobody's.
    #[default]
    None,
    /// Those of these rules.
    Rules(BTreeSet<&'static str>),
    /// Everybody's.
    All,
}

impl AllowUnknown {
    fn holds(&self, rule: &str) -> bool {
        match self {
            AllowUnknown::None => false,
            AllowUnknown::Rules(rules) => rules.contains(rule),
            AllowUnknown::All => true,
        }
    }
}

impl Options {
    /// What a breach of a rule yields.
    #[must_use]
    pub fn severity(&self, rule: &Rule) -> Severity {
        self.severities
            .get(rule.id)
            .copied()
            .unwrap_or_else(|| rule.severity(self.standard))
    }

    /// Whether a rule has something to look at: of those about the network, the account and a service's
    /// settings only what is part of the selection, or named.
    fn asks(&self, rule: &Rule, selection: &Selection) -> bool {
        match rule.settings_of() {
            None => true,
            Some(_) if selection.is_everything() => true,
            Some(service) => {
                selection.services.contains(&service)
                    || (self.only.contains(rule.id) && selection.settings_of(service))
            }
        }
    }

    /// Whether a rule is judged, or left out because the standard does not know it.
    fn judges(&self, rule: &Rule) -> bool {
        self.selects(rule) || rule.severity(self.standard) == Severity::Off
    }

    fn selects(&self, rule: &Rule) -> bool {
        (self.only.is_empty() || self.only.contains(rule.id))
            && !self.without.contains(rule.id)
            && self.severity(rule) != Severity::Off
    }
}

/// What in a region the exit code hangs on.
#[derive(Debug, Clone, Copy, Default)]
struct Stakes {
    resources: bool,
    buckets: bool,
}

/// The groups that say whether a copy can work.
const COPY_GROUPS: [Group; 2] = [Group::Encryption, Group::Service];

/// Judges a snapshot.
#[must_use]
pub fn evaluate(
    snapshot: &Snapshot,
    settings: &Settings,
    options: &Options,
    rules: &[&'static Rule],
) -> Report {
    let given = rules;
    let selection = match options.selection.is_everything() {
        true => &snapshot.selection,
        false => &options.selection,
    };
    let rules: Vec<&'static Rule> = rules
        .iter()
        .copied()
        .filter(|rule| options.selects(rule) && options.asks(rule, selection))
        .collect();
    // What a stack's resources are held against, whatever rules were asked for.
    let prerequisites: Vec<&'static Rule> = given
        .iter()
        .copied()
        .filter(|rule| {
            COPY_GROUPS.contains(&rule.group)
                && options.severity(rule) == Severity::Fail
                && !options.without.contains(rule.id)
        })
        .collect();
    // And what the rules on backups are held against.
    let enforced: Vec<&Rule> = given
        .iter()
        .copied()
        .filter(|rule| Prerequisites::include(rule))
        .collect();
    let policies = PolicyCache::default();
    let mut judge = Judge {
        snapshot,
        settings,
        options,
        selection,
        rules: &rules,
        enforced: &enforced,
        resources: Vec::new(),
        findings: Vec::new(),
        unread: false,
    };
    let mut unread: Vec<Unread> = snapshot
        .unlisted()
        .into_iter()
        .filter(|unlisted| match unlisted.of {
            Some(service) => selection.selects(service),
            // Whether a resource is there is known without the list of regions.
            None => selection.resources.is_empty(),
        })
        .map(|unlisted| Unread::new(unlisted.region, unlisted.service, unlisted.gap))
        .collect();

    let unplaced = snapshot.buckets_without_region();
    for (bucket, gap) in unplaced.filter(|(bucket, _)| selection.holds(Resource::Bucket(bucket))) {
        let cx = RuleContext::unplaced(snapshot, settings, gap, &policies).selecting(selection);
        judge.resource(&cx, Resource::Bucket(bucket), Stakes::default());
    }
    for (name, region) in &snapshot.regions {
        let cx = RuleContext::new(snapshot, settings, name, &policies)
            .judging_by(&prerequisites)
            .selecting(selection);
        let stakes = judge.stakes(name);
        let judged = snapshot.resources_in(name);
        for resource in judged.filter(|resource| selection.holds(*resource)) {
            judge.resource(&cx, resource, stakes);
        }
        if region.disabled {
            continue;
        }
        for vault in &region.vaults.items {
            if selection.holds(Resource::Vault(vault)) && is_local(&cx, vault) {
                judge.resource(&cx, Resource::Vault(vault), stakes);
            }
        }
        judge.resource(&cx, Resource::Region(region), stakes);
        // VPCs matter to the exit code only where their traffic goes to buckets that matter.
        if let (true, true, Some(gap)) = (
            stakes.buckets,
            selection.settings_of(Service::Vpc),
            &region.network.vpcs.gap,
        ) {
            unread.push(Unread::new(Some(name), "vpc", gap));
        }
    }

    // A plan or a template says nothing of the account it is for.
    if matches!(snapshot.source, Source::Aws | Source::Snapshot) {
        let cx = RuleContext::new(snapshot, settings, GLOBAL, &policies).selecting(selection);
        judge.resource(&cx, Resource::Account(snapshot), Stakes::default());
    }

    let Judge {
        mut resources,
        mut findings,
        unread: missing_facts,
        ..
    } = judge;
    resources.sort_by(|a, b| {
        (&a.region, a.kind.as_str(), &a.arn).cmp(&(&b.region, b.kind.as_str(), &b.arn))
    });
    findings.sort_by(|a, b| {
        (&a.region, a.kind.as_str(), &a.resource, a.rule.id).cmp(&(
            &b.region,
            b.kind.as_str(),
            &b.resource,
            b.rule.id,
        ))
    });
    let mut coverage = snapshot.coverage.clone();
    // Other regions are asked for the sake of the account alone.
    let is_other = |region: &str| region != GLOBAL && !snapshot.regions.contains_key(region);
    coverage.retain(|row| {
        Service::of_name(&row.service).is_none_or(|service| selection.reads(service))
            && (!is_other(&row.region) || selection.settings_of(Service::Backup))
    });
    coverage.sort_by(|a, b| (&a.region, &a.service).cmp(&(&b.region, &b.service)));
    let complete = unread.is_empty()
        && !missing_facts
        && !snapshot.interrupted
        && coverage
            .iter()
            .all(|row| row.state == CoverageState::Scanned);
    let mut report = Report {
        source: snapshot.source,
        account_id: snapshot.account_id.clone(),
        central_account_id: settings.central_account.clone(),
        contact: settings.contact.clone(),
        tag_key: settings.tag_key.clone(),
        standard: options.standard,
        selection: selection.clone(),
        regions: snapshot.regions.keys().cloned().collect(),
        started_at: snapshot.started_at.clone(),
        finished_at: snapshot.finished_at.clone(),
        interrupted: snapshot.interrupted,
        complete,
        all_rules: COPY_GROUPS.iter().all(|group| {
            given
                .iter()
                .filter(|rule| rule.group == *group)
                .all(|rule| options.judges(rule))
        }),
        rules: rules.len(),
        stats: snapshot.stats,
        coverage,
        unread,
        resources,
        findings,
        stale_waivers: Vec::new(),
        comparison: None,
    };
    waiver::apply(&mut report, options, &rules);
    report
}

struct Judge<'a> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
    options: &'a Options,
    selection: &'a Selection,
    rules: &'a [&'static Rule],
    enforced: &'a [&'a Rule],
    resources: Vec<ResourceLine>,
    findings: Vec<Finding>,
    unread: bool,
}

impl Judge<'_> {
    fn tag(&self, resource: Resource<'_>) -> BackupTag {
        resource.tags().map_or(BackupTag::None, |tags| {
            BackupTag::read(tags, &self.settings.tag_key)
        })
    }

    fn stakes(&self, region: &str) -> Stakes {
        let mut stakes = Stakes::default();
        // A bucket whose region is not known may be in this one.
        let unplaced = self
            .snapshot
            .buckets_without_region()
            .map(|(bucket, _)| Resource::Bucket(bucket));
        for resource in self.snapshot.resources_in(region).chain(unplaced) {
            if resource.kind().is_backed_up() && self.counts(self.tag(resource)) {
                stakes.resources |= self.selection.holds(resource);
                stakes.buckets |= resource.kind() == ResourceKind::S3Bucket;
            }
        }
        // Whoever asks for the network alone wants to know, whatever buckets there are.
        let gap = self.snapshot.buckets.gap.as_ref();
        stakes.buckets |= gap.is_some_and(|gap| gap.kind == GapKind::NotAsked);
        stakes
    }

    /// Whether a resource with this tag gates.
    fn counts(&self, tag: BackupTag) -> bool {
        self.options.preflight || matches!(tag, BackupTag::Enabled | BackupTag::Unknown)
    }

    fn gates(
        &self,
        rule: &Rule,
        status: Status,
        kind: ResourceKind,
        tag: BackupTag,
        stakes: Stakes,
    ) -> bool {
        if status == Status::Unknown && self.options.allow_unknown.holds(rule.id) {
            return false;
        }
        if status == Status::Skip {
            return false;
        }
        if self.options.gate.contains(&rule.group) {
            return true;
        }
        match rule.owner {
            Owner::Platform => false,
            Owner::Member if rule.group == Group::Tagging => true,
            Owner::Member => match kind {
                ResourceKind::Vpc => stakes.buckets,
                ResourceKind::Region | ResourceKind::BackupVault => stakes.resources,
                ResourceKind::Account => true,
                _ => self.counts(tag),
            },
        }
    }

    /// Whether there should be backups of a resource by now: not of one that is not tagged for it, that
    /// is judged before it is tagged, or that exists in a plan only.
    fn is_due(&self, resource: Resource<'_>, tag: BackupTag) -> bool {
        resource.kind().has_backups()
            && matches!(tag, BackupTag::Enabled | BackupTag::Unknown)
            && matches!(self.snapshot.source, Source::Aws | Source::Snapshot)
            && !self.options.preflight
    }

    /// Judges what a copy takes, as far as nobody asked for it.
    fn complete(&self, found: &mut Prerequisites, cx: &RuleContext<'_>, resource: Resource<'_>) {
        for rule in self.enforced {
            if found.of(rule.id).is_none()
                && let Some(judgement) = rule.check.run(cx, resource, None)
            {
                found.note(rule, settle(judgement).verdict);
            }
        }
    }

    fn resource(&mut self, cx: &RuleContext<'_>, resource: Resource<'_>, stakes: Stakes) {
        let tag = self.tag(resource);
        let kind = resource.kind();
        if kind.is_backed_up() && !self.options.scope.holds(tag) {
            return;
        }
        let exempt = tag.is_exempt() && !self.options.preflight;
        let account = self.snapshot.account_id.as_deref().unwrap_or_default();
        let (arn, id) = match resource.names() {
            Some((arn, id)) => (arn.to_owned(), id.to_owned()),
            None if kind == ResourceKind::Account => (
                format!("backup-check:account:{account}"),
                account.to_owned(),
            ),
            None => (
                format!("backup-check:region:{account}:{}", cx.region),
                cx.region.to_owned(),
            ),
        };
        let mut found = self.is_due(resource, tag).then(Prerequisites::default);
        let mut worst = ResourceVerdict::Ready;
        let before = self.findings.len();
        for rule in self.rules {
            if exempt && rule.group != Group::Tagging {
                continue;
            }
            if let (Check::Proof(_), Some(found)) = (&rule.check, &mut found) {
                self.complete(found, cx, resource);
            }
            let Some(judgement) = rule.check.run(cx, resource, found.as_ref()) else {
                continue;
            };
            let judgement = judgement.or_else(|gap| {
                // Nobody plans an account's settings along with every resource.
                let is_settings = matches!(kind, ResourceKind::Region | ResourceKind::Account);
                match is_settings && gap.kind == GapKind::Unplanned {
                    true => Ok(Outcome::skip(gap.sentence())),
                    false => Err(gap),
                }
            });
            let mut outcome = settle(judgement);
            if self.snapshot.source.is_planned() {
                outcome = outcome.declared(rule.id);
            }
            if let Some(found) = &mut found {
                found.note(rule, outcome.verdict);
            }
            self.unread |= outcome.unread;
            let status = status(outcome.verdict, self.options.severity(rule));
            worst = worst.max(ResourceVerdict::of(status));
            self.findings.push(Finding {
                id: finding_id(rule.id, &arn),
                rule,
                status,
                gating: self.gates(rule, status, kind, tag, stakes),
                resource: arn.clone(),
                resource_id: id.clone(),
                kind,
                account_id: self.snapshot.account_id.clone(),
                region: cx.region.to_owned(),
                backup_tag: tag,
                message: outcome.message(),
                fix: outcome.fixes(),
                evidence: outcome.evidence,
                causes: outcome.causes,
                waiver: None,
                baseline: None,
                place: self.snapshot.places.get(&arn).cloned(),
            });
        }
        // A row of settings that nobody asked about would say nothing.
        let is_settings = matches!(kind, ResourceKind::Region | ResourceKind::Account);
        let found = &self.findings[before..];
        if is_settings
            && !self.selection.is_everything()
            && found.iter().all(|it| it.status == Status::Skip)
        {
            self.findings.truncate(before);
            return;
        }
        self.resources.push(ResourceLine {
            arn,
            kind,
            id,
            aws_type: match resource {
                Resource::Tagged(it) if kind == ResourceKind::Other => Some(it.aws_type.clone()),
                _ => None,
            },
            name: resource.name().map(str::to_owned),
            region: cx.region.to_owned(),
            account_id: self.snapshot.account_id.clone(),
            backup_tag: tag,
            verdict: if exempt {
                ResourceVerdict::Exempt
            } else {
                worst
            },
        });
    }
}

fn settle(judgement: CheckResult) -> Outcome {
    judgement.unwrap_or_else(|gap: Gap| Outcome::unknown(&gap))
}

fn status(verdict: Verdict, severity: Severity) -> Status {
    match (verdict, severity) {
        (Verdict::Skip | Verdict::NotAsked, _) => Status::Skip,
        (Verdict::Pass, _) => Status::Pass,
        (Verdict::Unknown, _) => Status::Unknown,
        (Verdict::Breach, Severity::Fail) => Status::Fail,
        (Verdict::Warn, _) | (Verdict::Breach, _) => Status::Warn,
    }
}

/// A finding's id: the first 16 hex digits of SHA-256 over the rule, a newline and the ARN.
#[must_use]
pub fn finding_id(rule: &str, arn: &str) -> String {
    let digest = Sha256::digest(format!("{rule}\n{arn}"));
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    // printf 'kms-key-shared\narn:aws:ec2:eu-central-1:111122223333:volume/vol-0ab' | sha256sum | head -c 16
    #[test]
    fn a_finding_keeps_its_id() {
        let id = finding_id(
            "kms-key-shared",
            "arn:aws:ec2:eu-central-1:111122223333:volume/vol-0ab",
        );
        assert_eq!(id, "f9a2bcac660086a4");
    }
}
