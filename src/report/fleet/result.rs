//! The result of one account: what became of it, and its report.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use serde::{Deserialize, Serialize};

use crate::exit::FailOn;
use crate::model::fleet::{Account, Outcome};
use crate::report::convert::assemble_report;
use crate::report::html;
use crate::report::json::{self, JsonReport, Tool};
use crate::report::{Report, WriteError};

/// The name of the schema.
pub const RESULT_SCHEMA: &str = "backup-check/account/v1";

/// What a result holds besides the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultHead {
    /// Always [`RESULT_SCHEMA`].
    pub schema: String,
    /// The run that it belongs to.
    pub run: String,
    /// The version of the tool that wrote it.
    pub version: String,
    /// The options that can change a verdict, by name.
    pub options: BTreeMap<String, String>,
    /// The account.
    pub account: Account,
    /// What became of it.
    pub outcome: Outcome,
    /// Why nothing of it was seen, or not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A result that was read.
#[derive(Debug)]
pub struct AccountResult {
    /// What it holds besides the report.
    pub head: ResultHead,
    /// The report; none where nothing of the account was seen.
    pub report: Option<JsonReport>,
}

impl AccountResult {
    /// Writes the report of the account as an HTML page, if it has one. Returns whether it has.
    ///
    /// # Errors
    /// The report is of another version, or the output failed.
    pub fn write_page(self, gate: FailOn, out: &mut dyn Write) -> Result<bool, WriteError> {
        let Some(report) = self.report else {
            return Ok(false);
        };
        let report = assemble_report(report).map_err(std::io::Error::other)?;
        html::write(&report, false, gate, out)?;
        Ok(true)
    }
}

#[derive(Deserialize)]
struct Document {
    #[serde(flatten)]
    head: ResultHead,
    report: Option<JsonReport>,
}

/// Returns the version of this tool.
#[must_use]
pub fn tool_version() -> String {
    Tool::current().version
}

/// Returns a result as the two parts of one JSON document: the head alone can be read without the rest.
///
/// # Errors
/// The report cannot be written as JSON.
pub fn write_result(
    head: &ResultHead,
    report: Option<&Report>,
) -> Result<(Vec<u8>, Vec<u8>), WriteError> {
    let mut first = serde_json::to_vec(head)?;
    // The report is one more member of the object.
    first.pop();
    let mut rest = Vec::new();
    if let Some(report) = report {
        rest.extend_from_slice(b",\"report\":");
        // The gate of a run can be changed when its report is written.
        json::write_report(report, false, FailOn::Fail, &mut rest)?;
    }
    rest.extend_from_slice(b"}\n");
    Ok((first, rest))
}

/// Reads the head of a result from the first part of its text, or from all of it.
///
/// # Errors
/// It is not the head of a result.
pub fn read_head(first: &str) -> Result<ResultHead, String> {
    let closed = format!("{first}}}");
    let head: ResultHead = serde_json::from_str(&closed)
        .or_else(|_| serde_json::from_str(first))
        .map_err(|error| format!("not a result of backup-check: {error}"))?;
    check_schema(&head)?;
    Ok(head)
}

/// Reads a result from its text.
///
/// # Errors
/// It is not a result.
pub fn read_result(text: &[u8]) -> Result<AccountResult, String> {
    let Document { head, report } =
        serde_json::from_slice(text).map_err(|error| explain_failure(text, &error))?;
    check_schema(&head)?;
    if head.outcome.is_unseen() == report.is_some() {
        let outcome = head.outcome.as_str();
        return Err(format!(
            "damaged result: its outcome {outcome} contradicts its report"
        ));
    }
    Ok(AccountResult { head, report })
}

/// Returns why a text is not a result.
fn explain_failure(text: &[u8], damage: &serde_json::Error) -> String {
    match serde_json::from_slice::<ResultHead>(text) {
        Ok(head) => check_schema(&head)
            .err()
            .unwrap_or_else(|| format!("damaged result: {damage}")),
        Err(error) => format!("not a result of backup-check: {error}"),
    }
}

fn check_schema(head: &ResultHead) -> Result<(), String> {
    match head.schema == RESULT_SCHEMA {
        true => Ok(()),
        false => Err(format!(
            "unsupported schema {:?}; expected {RESULT_SCHEMA:?}",
            head.schema
        )),
    }
}

/// Returns the names of the options that differ, sorted.
#[must_use]
pub fn list_differences(
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
) -> Vec<String> {
    let names: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| before.get(*name) != now.get(*name));
    differ.cloned().collect()
}
