//! Comparison of a report with an earlier one: new, unchanged and fixed findings.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::json::SCHEMA;
use super::{Baseline, Comparison, EarlierFinding, Finding, Status, Waiver};

/// The parts of an earlier report that are compared.
#[derive(Debug)]
pub struct Earlier {
    account_id: Option<String>,
    findings: Vec<Entry>,
}

/// Why a file cannot be used as a baseline.
#[derive(Debug, Error)]
pub enum EarlierError {
    /// It is not JSON or is truncated.
    #[error("not a --format json report: {0}")]
    Json(serde_json::Error),
    /// It has one document per line.
    #[error("this looks like --format ndjson; --baseline needs a --format json report")]
    Lines,
    /// It is JSON without a schema.
    #[error("not a --format json report: no \"schema\" field")]
    NotAReport,
    /// It is a snapshot of an account.
    #[error(
        "this is a snapshot; --baseline needs a report of it: `backup-check scan FILE --format json`"
    )]
    Snapshot,
    /// It has an unsupported schema.
    #[error(
        "unsupported schema {found:?}; --baseline needs a --format json report of schema {SCHEMA:?}"
    )]
    Schema {
        /// Its schema.
        found: String,
    },
    /// It has the schema of a report but not its fields.
    #[error("corrupt report: {0}")]
    Damaged(serde_json::Error),
    /// It is for another account.
    #[error(
        "the baseline is for account {earlier} but the scan is for {now}; use one baseline per account"
    )]
    Account {
        /// The account of the baseline.
        earlier: String,
        /// The account of the report.
        now: String,
    },
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Head {
    schema: Option<String>,
    snapshot_version: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Body {
    scan: BodyScan,
    findings: Vec<Entry>,
}

#[derive(Deserialize)]
struct BodyScan {
    account_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    id: String,
    rule: String,
    resource: String,
    status: Status,
    waiver: Option<Waiver>,
}

/// Whether each of the first two lines is a JSON document.
fn is_ndjson(text: &str) -> bool {
    let mut lines = text.lines().take(2);
    let is_document = |line: &str| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    lines.next().is_some_and(is_document) && lines.next().is_some_and(is_document)
}

impl Earlier {
    /// Parses a `--format json` report.
    ///
    /// # Errors
    /// The text cannot be used as a baseline.
    pub fn parse(text: &str) -> Result<Self, EarlierError> {
        // Windows PowerShell starts redirected output with a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let head: Head = serde_json::from_str(text).map_err(|error| match is_ndjson(text) {
            true => EarlierError::Lines,
            false => EarlierError::Json(error),
        })?;
        let schema = match (head.schema, head.snapshot_version) {
            (Some(schema), _) => schema,
            (None, Some(_)) => return Err(EarlierError::Snapshot),
            (None, None) => return Err(EarlierError::NotAReport),
        };
        if schema != SCHEMA {
            return Err(EarlierError::Schema { found: schema });
        }
        let body: Body = serde_json::from_str(text).map_err(EarlierError::Damaged)?;
        Ok(Earlier {
            account_id: body.scan.account_id,
            findings: body.findings,
        })
    }

    /// Begins a comparison with the findings of an account.
    ///
    /// # Errors
    /// The earlier report is for another account.
    pub fn compare_account(&self, account_id: Option<&str>) -> Result<Comparer<'_>, EarlierError> {
        if let (Some(earlier), Some(now)) = (self.account_id.as_deref(), account_id)
            && earlier != now
        {
            return Err(EarlierError::Account {
                earlier: earlier.to_owned(),
                now: now.to_owned(),
            });
        }
        let troubles = self.findings.iter().filter(|it| it.status.is_trouble());
        Ok(Comparer {
            before: troubles.map(|it| (it.id.as_str(), it)).collect(),
            ..Comparer::default()
        })
    }
}

/// A comparison of findings with earlier ones, one by one.
#[derive(Debug, Default)]
pub struct Comparer<'b> {
    before: BTreeMap<&'b str, &'b Entry>,
    /// The statuses of the findings that were in trouble before.
    checked: BTreeMap<&'b str, Status>,
    comparison: Comparison,
}

impl Comparer<'_> {
    /// Marks a finding as new or unchanged.
    pub fn mark_finding(&self, finding: &mut Finding) {
        if !finding.status.is_trouble() {
            return;
        }
        // A waiver accepted the earlier finding, so it counts again once the waiver is gone.
        let accepted = self
            .before
            .get(finding.id().as_str())
            .is_some_and(|earlier| {
                earlier.status >= finding.status
                    && (earlier.waiver.is_none() || finding.waiver.is_some())
            });
        finding.baseline = Some(match accepted {
            true => Baseline::Unchanged,
            false => Baseline::New,
        });
    }

    /// Marks a finding as new or unchanged, and counts it.
    pub fn check_finding(&mut self, finding: &mut Finding) {
        self.mark_finding(finding);
        if let Some((id, _)) = self.before.get_key_value(finding.id().as_str()) {
            self.checked.insert(id, finding.status);
        }
        match finding.baseline {
            Some(Baseline::New) => self.comparison.new += 1,
            Some(Baseline::Unchanged) => self.comparison.unchanged += 1,
            None => {}
        }
    }

    /// Returns the numbers of the findings that were counted, and the earlier findings that are not among them.
    #[must_use]
    pub fn into_comparison(self) -> Comparison {
        let mut comparison = self.comparison;
        for (id, earlier) in self.before {
            let entry = EarlierFinding {
                id: earlier.id.clone(),
                rule: earlier.rule.clone(),
                resource: earlier.resource.clone(),
                status: earlier.status,
            };
            match self.checked.get(id) {
                Some(status) if status.is_trouble() => {}
                Some(_) => comparison.fixed.push(entry),
                None => comparison.not_judged.push(entry),
            }
        }
        for list in [&mut comparison.fixed, &mut comparison.not_judged] {
            list.sort_by(|a, b| (&a.resource, &a.rule).cmp(&(&b.resource, &b.rule)));
        }
        comparison
    }
}
