//! Three flat tables for a data lake: findings, resources and accounts.

use std::io::Write;

use jiff::Timestamp;

use super::parquet::{Cell, Column, ColumnType, Table};
use super::summary::AccountLine;
use crate::report::json::{JsonFinding, JsonReport};
use crate::report::{ResourceLine, Status, WriteError};

/// The tables, as their folders are named.
pub const TABLES: [&str; 3] = ["findings", "resources", "accounts"];

const FINDINGS: &[Column] = &[
    ("run", ColumnType::Text),
    ("time", ColumnType::OptionalTime),
    ("account_id", ColumnType::Text),
    ("account_name", ColumnType::OptionalText),
    ("ou_path", ColumnType::OptionalText),
    ("region", ColumnType::Text),
    ("resource_type", ColumnType::Text),
    ("resource", ColumnType::Text),
    ("backup_tag", ColumnType::OptionalText),
    ("rule", ColumnType::Text),
    ("status", ColumnType::Text),
    ("gating", ColumnType::Boolean),
    ("waived", ColumnType::Boolean),
    ("message", ColumnType::Text),
    ("evidence", ColumnType::OptionalText),
    ("id", ColumnType::Text),
];

const RESOURCES: &[Column] = &[
    ("run", ColumnType::Text),
    ("time", ColumnType::OptionalTime),
    ("account_id", ColumnType::Text),
    ("account_name", ColumnType::OptionalText),
    ("ou_path", ColumnType::OptionalText),
    ("region", ColumnType::Text),
    ("resource_type", ColumnType::Text),
    ("resource", ColumnType::Text),
    ("name", ColumnType::OptionalText),
    ("backup_tag", ColumnType::OptionalText),
    ("verdict", ColumnType::Text),
    ("verdict_if_tagged", ColumnType::OptionalText),
];

const ACCOUNTS: &[Column] = &[
    ("run", ColumnType::Text),
    ("time", ColumnType::OptionalTime),
    ("account_id", ColumnType::Text),
    ("account_name", ColumnType::OptionalText),
    ("ou_path", ColumnType::OptionalText),
    ("outcome", ColumnType::Text),
    ("reason", ColumnType::OptionalText),
    ("verdict", ColumnType::OptionalText),
    ("resources", ColumnType::OptionalInteger),
    ("resources_not_ready", ColumnType::OptionalInteger),
    ("gating_fail", ColumnType::OptionalInteger),
    ("gating_unknown", ColumnType::OptionalInteger),
    ("api_calls", ColumnType::OptionalInteger),
    ("seconds", ColumnType::OptionalInteger),
];

/// Which findings the table of findings has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LakeFindings {
    /// Those that fail, warn or are unknown.
    Failing,
    /// All that apply.
    All,
}

/// The three tables of a run, written account by account.
pub struct LakeTables<W: Write + Send> {
    run: String,
    which: LakeFindings,
    findings: Table<W>,
    resources: Table<W>,
    accounts: Table<W>,
}

impl<W: Write + Send> LakeTables<W> {
    /// Begins the tables, in the order of [`TABLES`].
    ///
    /// # Errors
    /// The output failed.
    pub fn new(run: &str, which: LakeFindings, outputs: [W; 3]) -> Result<Self, WriteError> {
        let [findings, resources, accounts] = outputs;
        Ok(LakeTables {
            run: run.to_owned(),
            which,
            findings: Table::new("findings", FINDINGS, findings)?,
            resources: Table::new("resources", RESOURCES, resources)?,
            accounts: Table::new("accounts", ACCOUNTS, accounts)?,
        })
    }

    /// Adds an account, with its report if anything of it was seen.
    ///
    /// # Errors
    /// The output failed.
    pub fn add_account(
        &mut self,
        line: &AccountLine,
        report: Option<&JsonReport>,
    ) -> Result<(), WriteError> {
        let ou = line.ou.as_ref().map(ToString::to_string);
        let time = report.and_then(|it| it.scan.finished_at.parse::<Timestamp>().ok());
        let owner = Owner {
            run: &self.run,
            time: time.map(Timestamp::as_millisecond),
            line,
            ou: ou.as_deref(),
        };
        self.accounts
            .add_row(&owner.account_row(report.is_some()))?;
        let Some(report) = report else {
            return Ok(());
        };
        for resource in &report.resources {
            self.resources.add_row(&owner.resource_row(resource))?;
        }
        let which = self.which;
        let findings = report.findings.iter().filter(|it| match which {
            LakeFindings::Failing => it.status.is_trouble(),
            LakeFindings::All => it.status != Status::Skip,
        });
        for finding in findings {
            let evidence = serde_json::to_string(&finding.evidence)?;
            let row = owner.finding_row(finding, &evidence);
            self.findings.add_row(&row)?;
        }
        Ok(())
    }

    /// Ends the tables and returns their outputs, in the order of [`TABLES`].
    ///
    /// # Errors
    /// The output failed.
    pub fn finish(self) -> Result<[W; 3], WriteError> {
        Ok([
            self.findings.finish()?,
            self.resources.finish()?,
            self.accounts.finish()?,
        ])
    }
}

/// What the rows of an account have in common.
struct Owner<'a> {
    run: &'a str,
    time: Option<i64>,
    line: &'a AccountLine,
    ou: Option<&'a str>,
}

impl<'a> Owner<'a> {
    /// Returns the first cells of every table and those of a row.
    fn row_with<'c, const N: usize>(&self, cells: [Cell<'c>; N]) -> Vec<Cell<'c>>
    where
        'a: 'c,
    {
        let mut row = vec![
            Cell::Text(Some(self.run)),
            Cell::Integer(self.time),
            Cell::Text(Some(&self.line.id)),
            Cell::Text(self.line.name.as_deref()),
            Cell::Text(self.ou),
        ];
        row.extend(cells);
        row
    }

    fn account_row(&self, is_seen: bool) -> Vec<Cell<'a>> {
        let line = self.line;
        let number = |value: usize| {
            let value = i64::try_from(value).unwrap_or(i64::MAX);
            Cell::Integer(is_seen.then_some(value))
        };
        self.row_with([
            line.outcome.as_str().into(),
            Cell::Text(line.reason.as_deref()),
            Cell::Text(line.verdict.map(|it| it.as_str())),
            number(line.resources.total),
            number(line.resources.not_ready),
            number(line.findings.gating_fail),
            number(line.findings.gating_unknown),
            number(usize::try_from(line.api_calls).unwrap_or(usize::MAX)),
            Cell::Integer(line.seconds),
        ])
    }

    fn resource_row<'c>(&self, resource: &'c ResourceLine) -> Vec<Cell<'c>>
    where
        'a: 'c,
    {
        self.row_with([
            resource.region.as_str().into(),
            resource.kind.as_str().into(),
            resource.arn.as_str().into(),
            Cell::Text(resource.name.as_deref()),
            Cell::Text(Some(resource.backup_tag.as_str())),
            resource.verdict.as_str().into(),
            Cell::Text(resource.verdict_if_tagged.map(|it| it.as_str())),
        ])
    }

    fn finding_row<'c>(&self, finding: &'c JsonFinding, evidence: &'c str) -> Vec<Cell<'c>>
    where
        'a: 'c,
    {
        self.row_with([
            finding.region.as_ref().into(),
            finding.resource_type.as_str().into(),
            finding.resource.as_ref().into(),
            Cell::Text(Some(finding.backup_tag.as_str())),
            finding.rule.as_ref().into(),
            finding.status.as_str().into(),
            Cell::Boolean(finding.gating),
            Cell::Boolean(finding.waiver.is_some()),
            finding.message.as_ref().into(),
            Cell::Text(Some(evidence).filter(|it| *it != "{}")),
            finding.id.as_ref().into(),
        ])
    }
}
