//! The summary of an organization, schema `backup-check/fleet/v1`.

use std::collections::BTreeMap;
use std::io::Write;

use schemars::{JsonSchema, Schema, schema_for};
use serde::{Deserialize, Serialize};

use super::causes::FleetCauses;
use super::result::AccountResult;
use crate::exit::{Exit, FailOn};
use crate::model::ResourceKind;
use crate::model::fleet::{Account, OuPath, Outcome};
use crate::report::json::{FindingCounts, JsonReport, ResourceCounts, Tool};
use crate::report::{ResourceVerdict, Status, WriteError};
use crate::rules;

pub use super::causes::FleetCause;

/// The name of the schema.
pub const FLEET_SCHEMA: &str = "backup-check/fleet/v1";
/// The id of the JSON Schema.
pub const FLEET_SCHEMA_ID: &str = concat!(
    env!("CARGO_PKG_REPOSITORY"),
    "/schema/backup-check-fleet-v1.json"
);

/// The report of an organization.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "backup-check report of an organization")]
pub struct FleetReport {
    /// Always `backup-check/fleet/v1`.
    #[schemars(extend("const" = FLEET_SCHEMA))]
    pub schema: String,
    /// The tool that wrote the report.
    pub tool: Tool,
    /// The run.
    pub run: String,
    /// The options that can change a verdict, by name.
    pub options: BTreeMap<String, String>,
    /// The time at which reading of the first account started, RFC 3339; null where none was read.
    pub started_at: Option<String>,
    /// The time at which reading of the last account finished, RFC 3339; null where none was read.
    pub finished_at: Option<String>,
    /// What makes the exit code 1.
    pub gate: FailOn,
    /// The verdict of all accounts together.
    pub verdict: ResourceVerdict,
    /// The exit code.
    pub exit_code: u8,
    /// Accounts by what became of them.
    pub outcomes: OutcomeCounts,
    /// Accounts by verdict. Accounts of which nothing was seen are unknown; those left out have no verdict.
    pub verdicts: VerdictCounts,
    /// Resources by verdict.
    pub resources: ResourceCounts,
    /// Findings by status.
    pub findings: FindingCounts,
    /// Resources by type and verdict.
    pub resources_by_type: Vec<TypeCount>,
    /// Findings by rule and status.
    pub findings_by_rule: Vec<RuleCount>,
    /// The number of API calls.
    pub api_calls: u64,
    /// The rules, in the order of [`AccountLine::statuses`].
    pub rules: Vec<String>,
    /// Accounts by organizational unit, sorted by path.
    pub units: Vec<UnitLine>,
    /// The largest causes across accounts, worst first.
    pub causes: Vec<FleetCause>,
    /// The number of further causes.
    pub more_causes: usize,
    /// Every account of the list, sorted by id.
    pub accounts: Vec<AccountLine>,
    /// Whether each account that was seen has a page `accounts/ID.html` next to this report.
    #[serde(skip)]
    pub has_account_pages: bool,
}

/// Accounts by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OutcomeCounts {
    /// Read completely.
    pub scanned: usize,
    /// Some of it could not be read.
    pub partial: usize,
    /// The role could not be assumed, or the snapshot cannot be read.
    pub not_entered: usize,
    /// Reading exceeded the time limit.
    pub timed_out: usize,
    /// A signal came first.
    pub interrupted: usize,
    /// In the list, without a result.
    pub missing: usize,
    /// Not to be scanned.
    pub left_out: usize,
}

impl OutcomeCounts {
    /// Returns the number of accounts with an outcome.
    #[must_use]
    pub fn get(&self, outcome: Outcome) -> usize {
        match outcome {
            Outcome::Scanned => self.scanned,
            Outcome::Partial => self.partial,
            Outcome::NotEntered => self.not_entered,
            Outcome::TimedOut => self.timed_out,
            Outcome::Interrupted => self.interrupted,
            Outcome::Missing => self.missing,
            Outcome::LeftOut => self.left_out,
        }
    }

    fn count_account(&mut self, outcome: Outcome) {
        let number = match outcome {
            Outcome::Scanned => &mut self.scanned,
            Outcome::Partial => &mut self.partial,
            Outcome::NotEntered => &mut self.not_entered,
            Outcome::TimedOut => &mut self.timed_out,
            Outcome::Interrupted => &mut self.interrupted,
            Outcome::Missing => &mut self.missing,
            Outcome::LeftOut => &mut self.left_out,
        };
        *number += 1;
    }

    /// Returns the number of accounts of which nothing was seen.
    #[must_use]
    pub fn count_unseen(&self) -> usize {
        self.not_entered + self.timed_out + self.interrupted + self.missing
    }

    /// Returns the number of accounts that were to be scanned.
    #[must_use]
    pub fn count_selected(&self) -> usize {
        self.count_unseen() + self.scanned + self.partial
    }
}

/// Accounts by verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct VerdictCounts {
    /// No gating check fails, warns or is inconclusive.
    pub ready: usize,
    /// A gating check warns.
    pub at_risk: usize,
    /// A gating check is inconclusive and none fails, or nothing of the account was seen.
    pub unknown: usize,
    /// A gating check fails.
    pub not_ready: usize,
}

impl VerdictCounts {
    fn count_verdict(&mut self, verdict: ResourceVerdict) {
        let number = match verdict {
            ResourceVerdict::Exempt | ResourceVerdict::Ready => &mut self.ready,
            ResourceVerdict::AtRisk => &mut self.at_risk,
            ResourceVerdict::Unknown => &mut self.unknown,
            ResourceVerdict::NotReady => &mut self.not_ready,
        };
        *number += 1;
    }
}

/// The number of resources of a type with a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TypeCount {
    /// The type.
    #[serde(rename = "type")]
    pub kind: ResourceKind,
    /// The verdict.
    pub verdict: ResourceVerdict,
    /// The number of resources.
    pub resources: usize,
}

/// The number of findings of a rule with a status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleCount {
    /// The rule's id.
    pub rule: String,
    /// The status. Findings that a waiver covers are not counted.
    pub status: Status,
    /// The number of findings.
    pub findings: usize,
}

/// The accounts of an organizational unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UnitLine {
    /// Its path; null for accounts whose place is not known.
    pub ou: Option<OuPath>,
    /// Accounts by verdict.
    pub verdicts: VerdictCounts,
    /// The number of accounts of which nothing was seen; they count as unknown, too.
    pub unseen: usize,
    /// The number of accounts that were left out.
    pub left_out: usize,
}

/// One account in the report of an organization.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AccountLine {
    /// Its id; the name of the file for a snapshot whose account cannot be read.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// Its place in the organization.
    pub ou: Option<OuPath>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why nothing of it was seen, not all of it, or why it was left out.
    pub reason: Option<String>,
    /// The verdict of its gating findings; null where it was left out.
    pub verdict: Option<ResourceVerdict>,
    /// The exit code that it alone would give; null where it was left out.
    pub exit_code: Option<u8>,
    /// Resources by verdict.
    pub resources: ResourceCounts,
    /// Findings by status.
    pub findings: FindingCounts,
    /// The worst status of each rule, a letter per rule in the order of the list of rules: `f` fail, `u` unknown,
    /// `w` warn, `p` pass, `-` where it does not apply. Empty where nothing was seen.
    pub statuses: String,
    /// The number of API calls.
    pub api_calls: u64,
    /// The duration of reading in seconds; null where nothing was seen.
    pub seconds: Option<i64>,
}

impl AccountLine {
    /// Returns the id with the name, if it has one.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.id),
            None => self.id.clone(),
        }
    }
}

/// The summary of a run, folded account by account.
#[derive(Debug)]
pub struct Fleet {
    run: String,
    gate: FailOn,
    options: BTreeMap<String, String>,
    started_at: Option<String>,
    finished_at: Option<String>,
    exit: Exit,
    verdict: ResourceVerdict,
    outcomes: OutcomeCounts,
    verdicts: VerdictCounts,
    resources: ResourceCounts,
    findings: FindingCounts,
    by_type: BTreeMap<(ResourceKind, ResourceVerdict), usize>,
    by_rule: BTreeMap<(String, Status), usize>,
    api_calls: u64,
    units: BTreeMap<Option<OuPath>, UnitLine>,
    causes: FleetCauses,
    accounts: Vec<AccountLine>,
}

impl Fleet {
    /// Returns a summary of no account.
    #[must_use]
    pub fn new(run: &str, gate: FailOn) -> Self {
        Fleet {
            run: run.to_owned(),
            gate,
            options: BTreeMap::new(),
            started_at: None,
            finished_at: None,
            exit: Exit::Ready,
            verdict: ResourceVerdict::Ready,
            outcomes: OutcomeCounts::default(),
            verdicts: VerdictCounts::default(),
            resources: ResourceCounts::default(),
            findings: FindingCounts::default(),
            by_type: BTreeMap::new(),
            by_rule: BTreeMap::new(),
            api_calls: 0,
            units: BTreeMap::new(),
            causes: FleetCauses::default(),
            accounts: Vec::new(),
        }
    }

    /// Returns the id of the run.
    #[must_use]
    pub fn run_id(&self) -> &str {
        &self.run
    }

    /// Returns the line of the account that was added last.
    #[must_use]
    pub fn last_account(&self) -> Option<&AccountLine> {
        self.accounts.last()
    }

    /// Adds an account with its result.
    pub fn add_result(&mut self, account: &Account, result: &AccountResult) {
        if self.options.is_empty() {
            self.options.clone_from(&result.head.options);
        }
        let outcome = result.head.outcome;
        let mut line = new_line(account, outcome, result.head.reason.clone());
        if let Some(report) = &result.report {
            fill_line(&mut line, report, self.gate);
            self.add_report(&account.id, report);
        }
        self.add_line(line);
    }

    /// Adds an account that has no result: it is left out or missing.
    pub fn add_absent(&mut self, account: &Account, outcome: Outcome, reason: Option<String>) {
        self.add_line(new_line(account, outcome, reason));
    }

    fn add_line(&mut self, line: AccountLine) {
        self.outcomes.count_account(line.outcome);
        let unit = self
            .units
            .entry(line.ou.clone())
            .or_insert_with(|| UnitLine {
                ou: line.ou.clone(),
                verdicts: VerdictCounts::default(),
                unseen: 0,
                left_out: 0,
            });
        unit.unseen += usize::from(line.outcome.is_unseen());
        unit.left_out += usize::from(line.outcome == Outcome::LeftOut);
        if let Some(verdict) = line.verdict {
            unit.verdicts.count_verdict(verdict);
            self.verdicts.count_verdict(verdict);
            self.verdict = self.verdict.max(verdict);
        }
        if let Some(code) = line.exit_code {
            self.exit = self.exit.and(exit_of_code(code));
        }
        self.api_calls += line.api_calls;
        add_resources(&mut self.resources, &line.resources);
        add_findings(&mut self.findings, &line.findings);
        self.accounts.push(line);
    }

    fn add_report(&mut self, account: &str, report: &JsonReport) {
        let scan = &report.scan;
        let started = Some(scan.started_at.clone()).filter(|it| !it.is_empty());
        self.started_at = match (self.started_at.take(), started) {
            (Some(known), Some(started)) => Some(known.min(started)),
            (known, started) => known.or(started),
        };
        let finished = Some(scan.finished_at.clone()).filter(|it| !it.is_empty());
        self.finished_at = self.finished_at.take().max(finished);
        for resource in &report.resources {
            *self
                .by_type
                .entry((resource.kind, resource.verdict))
                .or_default() += 1;
        }
        let findings = report.findings.iter().filter(|it| it.waiver.is_none());
        for finding in findings.filter(|it| it.status != Status::Skip) {
            let key = (finding.rule.to_string(), finding.status);
            *self.by_rule.entry(key).or_default() += 1;
        }
        for cause in &report.causes {
            self.causes.add_cause(account, cause);
        }
    }

    /// Returns the report. The exit is that of all accounts together; a usage error if none could be entered.
    #[must_use]
    pub fn finish_report(self) -> (FleetReport, Exit) {
        let selected = self.outcomes.count_selected();
        let none_entered = selected > 0 && self.outcomes.not_entered == selected;
        let exit = match (none_entered, self.gate) {
            (true, _) => Exit::Usage,
            (false, FailOn::Never) => Exit::Ready,
            (false, _) => self.exit,
        };
        let (causes, more_causes) = self.causes.into_largest();
        let mut accounts = self.accounts;
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        let types = self.by_type.into_iter();
        let counts = self.by_rule.into_iter();
        let report = FleetReport {
            schema: FLEET_SCHEMA.to_owned(),
            tool: Tool::current(),
            run: self.run,
            options: self.options,
            started_at: self.started_at,
            finished_at: self.finished_at,
            gate: self.gate,
            verdict: self.verdict,
            exit_code: exit.code(),
            outcomes: self.outcomes,
            verdicts: self.verdicts,
            resources: self.resources,
            findings: self.findings,
            resources_by_type: types
                .map(|((kind, verdict), resources)| TypeCount {
                    kind,
                    verdict,
                    resources,
                })
                .collect(),
            findings_by_rule: counts
                .map(|((rule, status), findings)| RuleCount {
                    rule,
                    status,
                    findings,
                })
                .collect(),
            api_calls: self.api_calls,
            rules: rules::ALL.iter().map(|rule| rule.id.to_owned()).collect(),
            units: self.units.into_values().collect(),
            causes,
            more_causes,
            accounts,
            has_account_pages: false,
        };
        (report, exit)
    }
}

fn new_line(account: &Account, outcome: Outcome, reason: Option<String>) -> AccountLine {
    let is_unseen = outcome.is_unseen();
    AccountLine {
        id: account.id.clone(),
        name: account.name.clone(),
        ou: account.ou.clone(),
        outcome,
        reason,
        verdict: is_unseen.then_some(ResourceVerdict::Unknown),
        exit_code: is_unseen.then(|| Exit::Unknown.code()),
        resources: ResourceCounts::default(),
        findings: FindingCounts::default(),
        statuses: String::new(),
        api_calls: 0,
        seconds: None,
    }
}

fn fill_line(line: &mut AccountLine, report: &JsonReport, gate: FailOn) {
    line.verdict = Some(report.verdict);
    line.exit_code = Some(exit_of_account(report, gate).code());
    line.resources = report.summary.resources.clone();
    line.findings = report.summary.findings.clone();
    line.statuses = list_statuses(report);
    line.api_calls = report.scan.stats.api_calls;
    let time = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let times = (
        time(&report.scan.started_at),
        time(&report.scan.finished_at),
    );
    if let (Some(started), Some(finished)) = times {
        line.seconds = Some(finished.as_second() - started.as_second());
    }
}

fn exit_of_account(report: &JsonReport, gate: FailOn) -> Exit {
    let counts = &report.summary.findings;
    let warns = gate == FailOn::Warn && counts.gating_warn > 0;
    let incomplete =
        counts.gating_unknown > 0 || !report.unread.is_empty() || report.scan.interrupted;
    match (counts.gating_fail > 0 || warns, incomplete) {
        (true, _) => Exit::Failed,
        (false, true) => Exit::Unknown,
        (false, false) => Exit::Ready,
    }
}

fn exit_of_code(code: u8) -> Exit {
    let exits = [Exit::Ready, Exit::Failed];
    let known = exits.into_iter().find(|exit| exit.code() == code);
    known.unwrap_or(Exit::Unknown)
}

fn list_statuses(report: &JsonReport) -> String {
    let mut worst: BTreeMap<&str, Status> = BTreeMap::new();
    for finding in report.findings.iter().filter(|it| it.waiver.is_none()) {
        let status = worst.entry(&finding.rule).or_insert(Status::Skip);
        *status = (*status).max(finding.status);
    }
    let statuses = rules::ALL.iter().map(|rule| match worst.get(rule.id) {
        None | Some(Status::Skip) => '-',
        Some(Status::Pass) => 'p',
        Some(Status::Warn) => 'w',
        Some(Status::Unknown) => 'u',
        Some(Status::Fail) => 'f',
    });
    statuses.collect()
}

fn add_resources(sum: &mut ResourceCounts, more: &ResourceCounts) {
    sum.total += more.total;
    sum.ready += more.ready;
    sum.at_risk += more.at_risk;
    sum.not_ready += more.not_ready;
    sum.unknown += more.unknown;
    sum.exempt += more.exempt;
}

fn add_findings(sum: &mut FindingCounts, more: &FindingCounts) {
    sum.pass += more.pass;
    sum.fail += more.fail;
    sum.warn += more.warn;
    sum.unknown += more.unknown;
    sum.gating_fail += more.gating_fail;
    sum.gating_warn += more.gating_warn;
    sum.gating_unknown += more.gating_unknown;
    sum.waived += more.waived;
}

/// Writes a report as JSON.
///
/// # Errors
/// The output failed.
pub fn write_json(report: &FleetReport, out: &mut dyn Write) -> Result<(), WriteError> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    Ok(writeln!(out)?)
}

/// Returns the JSON Schema of the report of an organization.
#[must_use]
pub fn fleet_schema() -> Schema {
    let mut schema = schema_for!(FleetReport);
    schema.insert("$id".to_owned(), FLEET_SCHEMA_ID.into());
    schema
}
