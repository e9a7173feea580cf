//! One resource: its rules, its findings, its verdict.

use std::borrow::Cow;
use std::sync::Arc;

use crate::analysis::declaration::declare;
use crate::analysis::encryption::EncryptionState;
use crate::analysis::proof::{ProofBasis, ProofSources};
use crate::analysis::{Outcome, Prerequisites, Remedy, RuleContext, Verdict};
use crate::model::fact::Fact;
use crate::model::service::Service;
use crate::model::snapshot::{Snapshot, Source};
use crate::model::tag::BackupTag;
use crate::model::{GapKind, Resource, ResourceKind};
use crate::report::{
    Finding, FindingSubject, OmittedChecks, ReasonIfTagged, ResourceLine, ResourceVerdict, Status,
};
use crate::rule::{Check, Group, Owner, Rule};
use crate::settings::Severity;

use super::answer::{Answer, SharedAnswers};
use super::evaluation::{Evaluation, Inputs};
use super::gating::RegionStakes;

/// A resource with the ARN and id that its findings carry.
#[derive(Debug)]
pub(super) struct Subject<'a> {
    resource: Resource<'a>,
    kind: ResourceKind,
    arn: Cow<'a, str>,
    id: Cow<'a, str>,
}

/// What a rule said of a resource.
struct Checked {
    rule: &'static Rule,
    status: Status,
    answer: Answer,
}

/// The line of a resource, and what its rules said.
pub(super) struct EvaluatedResource {
    line: ResourceLine,
    checks: Vec<CheckedRule>,
    /// The services whose facts could not be read although a check needed them, and why.
    missing: Vec<(Option<Service>, String)>,
}

/// A check of a resource: its finding, or that it passes or does not apply and its finding is omitted.
enum CheckedRule {
    /// Rule, status, and whether the finding would gate.
    Settled(&'static Rule, Status, bool),
    Finding(Finding),
}

impl<'a> Subject<'a> {
    /// Names a resource. The account and a region's settings have no ARN of AWS.
    pub(super) fn new(snapshot: &Snapshot, region: &str, resource: Resource<'a>) -> Self {
        let kind = resource.kind();
        let account = snapshot.account_id.as_deref().unwrap_or_default();
        let (arn, id) = match resource.arn_and_id() {
            Some((arn, id)) => (arn.into(), id.into()),
            None if kind == ResourceKind::Account => (
                format!("backup-check:account:{account}").into(),
                account.to_owned().into(),
            ),
            None => (
                format!("backup-check:region:{account}:{region}").into(),
                region.to_owned().into(),
            ),
        };
        Subject {
            resource,
            kind,
            arn,
            id,
        }
    }

    /// Returns the key by which resources of a region are sorted in a report.
    pub(super) fn sort_key(&self) -> (&'static str, &str) {
        (self.kind.as_str(), &self.arn)
    }
}

/// Checks a prerequisite of a copy; `None` where it is not about the resource's kind.
pub(super) fn check_prerequisite<'a>(
    rule: &Rule,
    cx: &RuleContext<'a>,
    resource: Resource<'a>,
) -> Option<Outcome> {
    let result = rule.check_resource(cx, resource, None)?;
    Some(Outcome::from(result))
}

/// Whether a copy of a resource with this verdict of a prerequisite fails, or may.
pub(super) fn is_shortcoming(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Breach | Verdict::Unknown | Verdict::NotAsked
    )
}

impl Evaluation<'_, '_> {
    /// Emits the findings of a resource and keeps its line.
    pub(super) fn emit_evaluated(&mut self, evaluated: EvaluatedResource) {
        let EvaluatedResource {
            mut line,
            checks,
            missing,
        } = evaluated;
        for (service, reason) in missing {
            let missing = self.facts_missing.entry((line.region.clone(), service));
            missing.or_insert(reason);
        }
        for check in checks {
            match check {
                CheckedRule::Settled(rule, status, gating) => {
                    self.waivers.note_settled(rule, &line.arn);
                    line.omitted.add_check(rule, status, gating);
                    let key = (rule.id, status, gating);
                    self.omitted.entry(key).or_insert((rule, 0)).1 += 1;
                }
                CheckedRule::Finding(mut finding) => {
                    self.waivers.apply(&mut finding);
                    (self.emit)(finding, &mut line);
                }
            }
        }
        if self.keeps_lines {
            self.resources.push(line);
        }
    }
}

impl<'a> Inputs<'a> {
    /// Reads a resource's backup tag; none where it cannot carry one.
    pub(super) fn read_tag(&self, resource: Resource<'_>) -> BackupTag {
        resource.tags().map_or(BackupTag::None, |tags| {
            BackupTag::from_tags(tags, &self.settings.tag_key)
        })
    }

    /// The second phase for one resource: checks its rules. `None` where the resource is not in the report.
    pub(super) fn evaluate_subject(
        &self,
        cx: &RuleContext<'a>,
        subject: Subject<'a>,
        answers: &SharedAnswers<'a>,
        stakes: RegionStakes,
    ) -> Option<EvaluatedResource> {
        let tag = self.read_tag(subject.resource);
        if subject.kind.is_backed_up() && !self.options.scope.includes(tag) {
            return None;
        }
        let exempt = tag.is_exempt() && !self.options.preflight;
        let mut checked = self.check_rules(cx, &subject, answers, tag);
        // A row of settings with nothing but skips is left out of a scan of some services.
        if subject.kind.is_settings()
            && !self.selection.is_everything()
            && checked.iter().all(|it| it.status == Status::Skip)
        {
            return None;
        }
        let if_tagged = self.evaluate_if_tagged(cx, &subject, tag, &checked);
        let (verdict_if_tagged, reasons_if_tagged) = if_tagged.unzip();
        let worst = checked
            .iter()
            .map(|it| ResourceVerdict::of(it.status))
            .fold(ResourceVerdict::Ready, Ord::max);
        let unread = checked.iter().map(|it| it.answer.outcome());
        let unread = unread.filter(|it| it.unread);
        let missing = unread.map(|it| (subject.kind.service(), it.message()));
        let missing = missing.collect();
        checked.sort_by_key(|it| it.rule.id);
        let place = self.snapshot.places.get(&*subject.arn);
        let shared = Arc::new(FindingSubject {
            resource: subject.arn.to_string(),
            resource_id: subject.id.to_string(),
            kind: subject.kind,
            account_id: self.snapshot.account_id.clone(),
            region: cx.region.to_owned(),
            backup_tag: tag,
            place: place.cloned().map(Box::new),
        });
        let line = ResourceLine {
            aws_type: subject.resource.aws_type().map(str::to_owned),
            name: subject.resource.name().map(str::to_owned),
            arn: subject.arn.into_owned(),
            kind: subject.kind,
            id: subject.id.into_owned(),
            region: cx.region.to_owned(),
            account_id: self.snapshot.account_id.clone(),
            backup_tag: tag,
            verdict: match exempt {
                true => ResourceVerdict::Exempt,
                false => worst,
            },
            verdict_if_tagged,
            omitted: OmittedChecks::default(),
            reasons_if_tagged: reasons_if_tagged.unwrap_or_default(),
            prerequisites: Vec::new(),
        };
        let checks = checked.into_iter();
        let checks = checks.map(|it| self.make_check(it, &shared, stakes));
        Some(EvaluatedResource {
            checks: checks.collect(),
            line,
            missing,
        })
    }

    /// Makes the finding of a check, unless it passes or does not apply and such findings are omitted.
    fn make_check(
        &self,
        checked: Checked,
        subject: &Arc<FindingSubject>,
        stakes: RegionStakes,
    ) -> CheckedRule {
        let Checked { rule, status, .. } = checked;
        let gating =
            (self.options).finding_gates(rule, status, subject.kind, subject.backup_tag, stakes);
        if self.options.omit_settled && !status.is_trouble() {
            return CheckedRule::Settled(rule, status, gating);
        }
        CheckedRule::Finding(self.make_finding(checked, subject, gating))
    }

    /// Returns the verdict that a resource would have if it were tagged for backup; `None` where it is. The
    /// checks of an exempt resource are made for this alone, so the reasons come with it.
    fn evaluate_if_tagged(
        &self,
        cx: &RuleContext<'a>,
        subject: &Subject<'a>,
        tag: BackupTag,
        checked: &[Checked],
    ) -> Option<(ResourceVerdict, Vec<ReasonIfTagged>)> {
        if tag == BackupTag::Enabled {
            return None;
        }
        let is_asked =
            |rule: &Rule| rule.group != Group::Tagging && !matches!(rule.check, Check::Proof(_));
        let worst = |statuses: &mut dyn Iterator<Item = Status>| {
            let verdicts = statuses.map(ResourceVerdict::of);
            verdicts.fold(ResourceVerdict::Ready, Ord::max)
        };
        if !tag.is_exempt() || self.options.preflight {
            // A tag changes nothing about what is not backed up.
            let is_asked = |rule: &Rule| is_asked(rule) || !subject.kind.is_backed_up();
            let checked = checked.iter().filter(|it| is_asked(it.rule));
            return Some((worst(&mut checked.map(|it| it.status)), Vec::new()));
        }
        let rules = self.rules.reported.iter().filter(|rule| is_asked(rule));
        let outcomes = rules.filter_map(|rule| {
            let outcome = self.check_subject(rule, cx, subject, None)?;
            let status = status_of(outcome.verdict, self.options.severity(rule));
            status.is_trouble().then(|| ReasonIfTagged {
                rule: rule.id.to_owned(),
                status,
                message: outcome.message(),
            })
        });
        let reasons: Vec<ReasonIfTagged> = outcomes.collect();
        Some((worst(&mut reasons.iter().map(|it| it.status)), reasons))
    }

    fn check_rules(
        &self,
        cx: &RuleContext<'a>,
        subject: &Subject<'a>,
        answers: &SharedAnswers<'a>,
        tag: BackupTag,
    ) -> Vec<Checked> {
        let state = EncryptionState::of(subject.resource);
        let state = state.filter(|_| !self.snapshot.source.is_planned());
        let exempt = tag.is_exempt() && !self.options.preflight;
        let needs_proof = self.needs_proof(subject.resource, tag);
        let mut prerequisites = needs_proof.then(Prerequisites::default);
        let mut checked = Vec::new();
        // Of an account that was not read, only what its resources need is checked.
        let of_unread_account =
            subject.kind == ResourceKind::Account && self.snapshot.has_no_account();
        let is_checked = |rule: &&&'static Rule| {
            (!exempt || rule.group == Group::Tagging)
                && (!of_unread_account || self.is_in_file(rule))
        };
        for rule in self.rules.direct.iter().filter(is_checked) {
            let check = || self.check_subject(rule, cx, subject, None);
            let is_given = asks_for_tag(rule) && is_valid_or_missing(tag);
            let answer = match state.filter(|_| rule.is_of_encryption) {
                _ if self.options.preflight && is_given => {
                    check().map(|_| Answer::Own(Outcome::skip("checked as if tagged")))
                }
                Some(state) => answers.find(rule, state, check),
                None => check().map(Answer::Own),
            };
            let Some(answer) = answer else { continue };
            if let (Some(prerequisites), true) = (&mut prerequisites, rule.is_copy_prerequisite()) {
                prerequisites.add(rule.id, answer.outcome().verdict_on_copy());
            }
            checked.push(self.rate_answer(rule, answer));
        }
        let mut proof = self.rules.proof.iter().filter(is_checked).peekable();
        let Some(mut prerequisites) = prerequisites.filter(|_| proof.peek().is_some()) else {
            return checked;
        };
        self.add_unselected_prerequisites(&mut prerequisites, cx, subject.resource);
        let basis = ProofBasis {
            prerequisites,
            sources: ProofSources::find(cx, subject.resource, &answers.expected),
        };
        for rule in proof {
            if let Some(outcome) = self.check_subject(rule, cx, subject, Some(&basis)) {
                checked.push(self.rate_answer(rule, Answer::Own(outcome)));
            }
        }
        checked
    }

    /// Whether a rule about an account can be checked by a plan or template alone: one of the members, and that about
    /// the backup role if the file creates it.
    fn is_in_file(&self, rule: &Rule) -> bool {
        let has_roles = !self.snapshot.backup_roles.is_empty();
        rule.owner == Owner::Member || (has_roles && rule.reads.contains(&Fact::RolePolicies))
    }

    /// Whether backups of a resource should exist by now: not of one that is not tagged for backup, that is
    /// checked before it is tagged, or that exists only in a plan.
    fn needs_proof(&self, resource: Resource<'_>, tag: BackupTag) -> bool {
        resource.kind().has_backups()
            && matches!(tag, BackupTag::Enabled | BackupTag::Unknown)
            && matches!(self.snapshot.source, Source::Aws | Source::Snapshot)
            && !self.options.preflight
    }

    /// Checks the copy prerequisites that were not selected.
    fn add_unselected_prerequisites(
        &self,
        prerequisites: &mut Prerequisites,
        cx: &RuleContext<'a>,
        resource: Resource<'a>,
    ) {
        for rule in &self.rules.copy_prerequisites {
            if prerequisites.verdict_of(rule.id).is_none()
                && let Some(outcome) = check_prerequisite(rule, cx, resource)
            {
                prerequisites.add(rule.id, outcome.verdict_on_copy());
            }
        }
    }

    fn check_subject(
        &self,
        rule: &Rule,
        cx: &RuleContext<'a>,
        subject: &Subject<'a>,
        basis: Option<&ProofBasis<'_>>,
    ) -> Option<Outcome> {
        let result = rule.check_resource(cx, subject.resource, basis)?;
        let mut outcome = match result {
            // An account's settings are rarely in the plan of its resources.
            Err(gap) if subject.kind.is_settings() && gap.kind == GapKind::Unplanned => {
                Outcome::skip(gap.to_string())
            }
            result => Outcome::from(result),
        };
        if self.snapshot.source.is_planned() {
            let declare = |remedy: &Remedy| declare(self.snapshot, remedy, &subject.arn);
            outcome = outcome.declared(rule.id, declare);
        }
        Some(outcome)
    }

    fn rate_answer(&self, rule: &'static Rule, answer: Answer) -> Checked {
        let outcome = answer.outcome();
        Checked {
            rule,
            status: status_of(outcome.verdict, self.options.severity_of(rule, outcome)),
            answer,
        }
    }

    fn make_finding(
        &self,
        checked: Checked,
        subject: &Arc<FindingSubject>,
        gating: bool,
    ) -> Finding {
        let Checked {
            rule,
            status,
            answer,
        } = checked;
        let explanation = answer.into_explanation();
        let said = (status, explanation.message.as_str());
        let sources = self.sources.find(rule, &subject.resource, said);
        Finding {
            rule,
            severity: self.options.severity(rule),
            status,
            gating,
            subject: Arc::clone(subject),
            explanation,
            waiver: None,
            baseline: None,
            sources,
        }
    }
}

fn status_of(verdict: Verdict, severity: Severity) -> Status {
    match (verdict, severity) {
        (Verdict::Skip | Verdict::NotAsked, _) => Status::Skip,
        (Verdict::Pass, _) => Status::Pass,
        (Verdict::Unknown, _) => Status::Unknown,
        (Verdict::Breach, Severity::Fail) => Status::Fail,
        (Verdict::Warn, _) | (Verdict::Breach, _) => Status::Warn,
    }
}

/// Whether a rule is about the decision that a tag records. A check before tagging answers as if it were made.
fn asks_for_tag(rule: &Rule) -> bool {
    matches!(rule.id, "backup-decision-made" | "backup-tag-not-custom")
}

/// Whether a tag is missing, or a decision that the check before tagging replaces.
fn is_valid_or_missing(tag: BackupTag) -> bool {
    matches!(
        tag,
        BackupTag::None | BackupTag::Disabled | BackupTag::Custom
    )
}
