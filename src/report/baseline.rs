//! A report held against an earlier one: what is new, what was there, what is fixed.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::json::SCHEMA;
use super::{Baseline, Comparison, EarlierFinding, Report, Status, Waiver};

/// An earlier report, as far as it is compared.
#[derive(Debug)]
pub struct Earlier {
    account_id: Option<String>,
    findings: Vec<Entry>,
}

/// Why a file cannot be compared with.
#[derive(Debug, Error)]
pub enum EarlierError {
    /// It is not JSON, or breaks off.
    #[error("not a report of `--format json`: {0}")]
    Json(serde_json::Error),
    /// It has a document on each line.
    #[error(
        "a report of `--format ndjson`, by its looks: only one of `--format json` can be compared with"
    )]
    Lines,
    /// It is JSON of another sort.
    #[error("not a report of `--format json`: it has no \"schema\"")]
    NotAReport,
    /// It has another schema.
    #[error(
        "its schema is {found:?}; only a report of `scan --format json`, {SCHEMA:?}, can be compared with"
    )]
    Schema {
        /// The schema it has.
        found: String,
    },
    /// It says that it is a report and does not have the form of one.
    #[error("a damaged report: {0}")]
    Damaged(serde_json::Error),
    /// It is about another account.
    #[error(
        "it is a report of account {earlier}, this one is of {now}: each account has a baseline of its own"
    )]
    Account {
        /// Its account.
        earlier: String,
        /// The account of the report.
        now: String,
    },
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Head {
    schema: Option<String>,
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

/// Whether the first two lines are JSON, each for itself.
fn is_lines(text: &str) -> bool {
    let mut lines = text.lines().take(2);
    let whole = |line: &str| serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok();
    lines.next().is_some_and(whole) && lines.next().is_some_and(whole)
}

impl Earlier {
    /// Reads a report of `--format json`.
    ///
    /// # Errors
    /// Why the text cannot be compared with.
    pub fn read(text: &str) -> Result<Self, EarlierError> {
        // Windows PowerShell puts a byte order mark before what it redirects.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let head: Head = serde_json::from_str(text).map_err(|error| match is_lines(text) {
            true => EarlierError::Lines,
            false => EarlierError::Json(error),
        })?;
        let schema = head.schema.ok_or(EarlierError::NotAReport)?;
        if schema != SCHEMA {
            return Err(EarlierError::Schema { found: schema });
        }
        let body: Body = serde_json::from_str(text).map_err(EarlierError::Damaged)?;
        Ok(Earlier {
            account_id: body.scan.account_id,
            findings: body.findings,
        })
    }

    /// Marks what of a report is new and what was there, and lists what is fixed. What fails, warns or
    /// is unknown is compared; a pass that was a pass is nobody's news.
    ///
    /// # Errors
    /// The earlier report is about another account.
    pub fn compare(&self, report: &mut Report) -> Result<(), EarlierError> {
        if let (Some(earlier), Some(now)) = (&self.account_id, &report.account_id)
            && earlier != now
        {
            return Err(EarlierError::Account {
                earlier: earlier.clone(),
                now: now.clone(),
            });
        }
        let before: BTreeMap<&str, &Entry> = self
            .findings
            .iter()
            .filter(|it| it.status.is_trouble())
            .map(|it| (it.id.as_str(), it))
            .collect();
        let mut comparison = Comparison::default();
        let mut judged = BTreeMap::new();
        for finding in &mut report.findings {
            judged.insert(finding.id.clone(), finding.status);
            if !finding.status.is_trouble() {
                continue;
            }
            // A waiver accepted it then, not the baseline: once the waiver is gone it counts.
            let accepted = before.get(finding.id.as_str()).is_some_and(|earlier| {
                earlier.status >= finding.status
                    && (earlier.waiver.is_none() || finding.waiver.is_some())
            });
            if accepted {
                comparison.unchanged += 1;
                finding.baseline = Some(Baseline::Unchanged);
            } else {
                comparison.new += 1;
                finding.baseline = Some(Baseline::New);
            }
        }
        for earlier in before.into_values() {
            let entry = EarlierFinding {
                id: earlier.id.clone(),
                rule: earlier.rule.clone(),
                resource: earlier.resource.clone(),
                status: earlier.status,
            };
            match judged.get(&earlier.id) {
                Some(status) if status.is_trouble() => {}
                Some(_) => comparison.fixed.push(entry),
                None => comparison.not_judged.push(entry),
            }
        }
        for list in [&mut comparison.fixed, &mut comparison.not_judged] {
            list.sort_by(|a, b| (&a.resource, &a.rule).cmp(&(&b.resource, &b.rule)));
        }
        report.comparison = Some(comparison);
        Ok(())
    }
}
