//! Results: one per finding that fails or warns.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::model::{
    Fingerprints, Level, Location, LogicalLocation, Message, PhysicalLocation, Properties, Region,
    SarifResult,
};
use super::text::{ByteCounter, clean_text, escape_markup, file_location};
use crate::exit::FailOn;
use crate::model::ResourceKind;
use crate::model::place::Place;
use crate::report::{Finding, WriteError, cause_id_of};
use crate::rule::Rule;
use crate::text::escape_invisible;

/// The maximum number of results in a run: GitHub rejects more and displays the first 5,000.
const MAX_RESULTS: usize = 25_000;
/// The maximum size of the results in bytes. GitHub rejects a file of more than 10 MB after gzip, which
/// compresses such results to a tenth, or to a seventh where every name is random.
const MAX_BYTES: usize = 36_000_000;
/// The maximum length of a name in characters.
pub(super) const MAX_NAME: usize = 256;
/// The maximum length of a message or fix in characters.
pub(super) const MAX_TEXT: usize = 3_000;

/// The parts of the report that every result needs.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) anchor: &'a str,
    pub(super) gate: FailOn,
    pub(super) names: BTreeMap<&'a str, &'a str>,
    pub(super) rules: Vec<&'static Rule>,
}

/// Results that are serialized one at a time.
#[derive(Debug)]
pub(super) struct Results<'a> {
    pub(super) frame: &'a Frame<'a>,
    pub(super) findings: &'a [&'a Finding],
}

impl Serialize for Results<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.findings.iter().map(|it| self.frame.new_result(it)))
    }
}

impl Frame<'_> {
    /// Returns the number of findings, from the first, that GitHub's limits allow.
    pub(super) fn count_fitting(&self, findings: &[&Finding]) -> Result<usize, WriteError> {
        let mut size = ByteCounter(0);
        let most = findings.len().min(MAX_RESULTS);
        for (at, finding) in findings[..most].iter().enumerate() {
            serde_json::to_writer(&mut size, &self.new_result(finding))?;
            if size.0 > MAX_BYTES {
                return Ok(at);
            }
        }
        Ok(most)
    }

    pub(super) fn rule_index(&self, rule: &Rule) -> usize {
        self.rules.partition_point(|it| it.id < rule.id)
    }

    pub(super) fn new_result(&self, finding: &Finding) -> SarifResult {
        SarifResult {
            rule_id: finding.rule.id,
            rule_index: self.rule_index(finding.rule),
            level: Level::from_finding(finding, self.gate),
            message: self.new_message(finding),
            locations: [self.new_location(finding)],
            partial_fingerprints: Fingerprints {
                // A hash and the number of its occurrence, the form of GitHub's own fingerprints:
                // https://github.com/github/codeql-action/blob/main/src/fingerprints.ts
                primary_location_line_hash: format!("{}:1", finding.id()),
            },
            baseline_state: finding.baseline,
            properties: new_properties(finding),
        }
    }

    /// Returns the resource, the message and the fix. GitHub displays the first sentence as the title.
    pub(super) fn new_message(&self, finding: &Finding) -> Message {
        let id = clean_text(&finding.resource_id, MAX_NAME);
        let label = match self.names.get(finding.resource.as_str()) {
            Some(name) if *name != finding.resource_id => {
                format!("{} ({id})", clean_text(name, MAX_NAME))
            }
            _ => id,
        };
        let place = match finding.kind {
            ResourceKind::Region | ResourceKind::Account => String::new(),
            _ => format!(" in {}", escape_invisible(&finding.region)),
        };
        let mut text = format!(
            "{} {label}{place}: {}",
            finding.kind.as_str(),
            clean_text(&finding.explanation.message, MAX_TEXT)
        );
        if let Some(fix) = &finding.explanation.fix {
            if !text.ends_with(['.', '!', '?']) {
                text.push('.');
            }
            text.push_str(" Fix: ");
            text.push_str(&clean_text(fix, MAX_TEXT));
        }
        Message {
            text: escape_markup(&text),
        }
    }

    pub(super) fn new_location(&self, finding: &Finding) -> Location {
        let (file, line, column) = match finding.place.as_deref() {
            Some(Place {
                file,
                line: Some(line),
                column,
                ..
            }) => (file.as_str(), *line, column.unwrap_or(1)),
            Some(place) => (place.file.as_str(), 1, 1),
            None => (self.anchor, 1, 1),
        };
        let (line, column) = (line.max(1), column.max(1));
        Location {
            physical_location: PhysicalLocation {
                artifact_location: file_location(file),
                region: Region {
                    start_line: line,
                    start_column: column,
                    end_line: line,
                    end_column: column.saturating_add(1),
                },
            },
            logical_locations: [LogicalLocation {
                name: clean_text(&finding.resource_id, MAX_NAME),
                fully_qualified_name: escape_invisible(&finding.resource).into_owned(),
                kind: "resource",
            }],
        }
    }
}

pub(super) fn new_properties(finding: &Finding) -> Properties {
    Properties {
        status: finding.status,
        gating: finding.gating,
        cause: cause_id_of(finding),
        resource_type: finding.kind,
        backup_tag: finding.backup_tag,
        region: escape_invisible(&finding.region).into_owned(),
        account: finding
            .account_id
            .as_deref()
            .map(|it| escape_invisible(it).into_owned()),
    }
}
