//! The report as Markdown, for a pull request or the summary of a GitHub Actions step.
//!
//! GitHub accepts at most 1 MiB from a step and shows nothing of a longer summary
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits>).
//! A report that does not fit loses the lists of resources behind non-gating causes first, then the ends of
//! long lists. Only then is it cut between two paragraphs, rows or lists, and says what was omitted.

mod changes;
mod detail;
pub(in crate::report) mod escape;
mod header;
mod parts;

use std::collections::BTreeMap;
use std::io::Write;

use detail::{Detail, LONGEST_TEXT};

use super::cost::write_section;
use super::digest::Digest;
use super::digest::coverage_gaps::Failure;
use super::digest::names::distinct_name;
use super::digest::root_causes::RootCause;
use super::digest::view::Section;
use super::place::{format_location, locations_by_arn};
use super::{Report, WriteError};
use crate::model::place::Place;
use crate::text::truncate_middle;
use escape::{escape_cell, escape_sentence, quote_code};
use parts::{Content, Part, cut_parts, format_list, format_summary, total_size};

/// The size of a step summary that GitHub shows, in bytes.
pub const LIMIT: usize = 1_048_576;

/// The width to which a message is truncated in a table, in columns.
const LONGEST_CELL: usize = 240;
/// The number of rules of a cause that are named.
const MOST_RULES: usize = 4;
/// The number of messages and fixes of a cause that are shown.
const MOST_TEXTS: usize = 3;
/// The lengths to which lists are cut, one attempt after the other.
const LIST_LENGTHS: [usize; 4] = [1_000, 200, 50, 10];

/// Writes a report within the size that GitHub shows.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, out: &mut dyn Write) -> Result<(), WriteError> {
    write_within(report, LIMIT, out)
}

/// Writes a report in at most `limit` bytes.
///
/// # Errors
/// The writer failed.
pub fn write_within(report: &Report, limit: usize, out: &mut dyn Write) -> Result<(), WriteError> {
    let digest = Digest::new(report);
    let document = Document {
        digest: &digest,
        locations: locations_by_arn(&report.findings),
    };
    let mut detail = Detail {
        non_gating: true,
        list_length: usize::MAX,
    };
    let mut parts = document.to_parts(detail);
    if total_size(&parts) > limit {
        detail.non_gating = false;
        parts = document.to_parts(detail);
    }
    for length in LIST_LENGTHS {
        if total_size(&parts) <= limit {
            break;
        }
        detail.list_length = length;
        parts = document.to_parts(detail);
    }
    cut_parts(&mut parts, limit);
    for part in &parts {
        out.write_all(part.text.as_bytes())?;
    }
    Ok(())
}

/// A report that can be written at any level of detail.
#[derive(Debug)]
struct Document<'d, 'a> {
    digest: &'d Digest<'a>,
    /// The locations of resources in plans and templates, by ARN.
    locations: BTreeMap<&'a str, &'a Place>,
}

impl Document<'_, '_> {
    /// Returns the parts of the document: the short ones first, so that lists are cut first.
    fn to_parts(&self, detail: Detail) -> Vec<Part> {
        let (report, digest) = (self.digest.report, self.digest);
        let mut parts = vec![
            Part::frame(header::write_header(digest, detail)),
            Part::frame(header::write_counts(digest)),
        ];
        self.push_cause_table(&mut parts);
        let sections = [
            report.cost.as_ref().map(write_section),
            self.write_gaps(detail),
            changes::write_baseline(report, detail),
            changes::write_stale_waivers(report, detail),
            changes::write_waived(report, detail),
        ];
        parts.extend(sections.into_iter().flatten().map(Part::section));
        self.push_cause_lists(detail, &mut parts);
        parts
    }

    /// Adds a table of the causes, gating ones first.
    fn push_cause_table(&self, parts: &mut Vec<Part>) {
        if self.digest.causes.open().next().is_none() {
            return;
        }
        parts.push(Part::frame(
            "\n### Root causes\n\n| cause | status | gates | rule | finding | resources |\n|---|---|---|---|---|---|\n"
                .to_owned(),
        ));
        for cause in self.digest.causes.open() {
            let messages = cause.message_texts(MOST_TEXTS);
            let mut message = messages.into_iter().next().unwrap_or_default();
            if cause.similar > 1 {
                message = format!("{} similar causes, for example: {message}", cause.similar);
            }
            let gates = if cause.gating { "yes" } else { "no" };
            let text = format!(
                "| `{}` | {} | {gates} | {} | {} | {} |\n",
                cause.short_id(),
                cause.status.as_str(),
                escape_cell(&cause.rule_ids(MOST_RULES)),
                escape_cell(&truncate_middle(&message, LONGEST_CELL)),
                escape_cell(&cause.describe_open(&self.digest.view)),
            );
            let content = Content::Cause;
            parts.push(Part { text, content });
        }
    }

    /// Adds each cause with its messages, fixes and resources.
    fn push_cause_lists(&self, detail: Detail, parts: &mut Vec<Part>) {
        let causes = self.digest.causes.open();
        let listed: Vec<&RootCause<'_>> = causes
            .filter(|cause| detail.non_gating || cause.gating)
            .collect();
        if listed.is_empty() {
            return;
        }
        parts.push(Part::frame("\n### Details of each cause\n".to_owned()));
        for cause in listed {
            let mut text = String::new();
            for message in cause.message_texts(MOST_TEXTS) {
                let message = truncate_middle(&message, LONGEST_TEXT);
                text.push_str(&format!("{}\n\n", escape_sentence(&message)));
            }
            for fix in cause.fix_texts(MOST_TEXTS, &self.digest.report.arguments) {
                let fix = truncate_middle(&fix, LONGEST_TEXT);
                text.push_str(&format!("Fix: {}\n\n", escape_sentence(&fix)));
            }
            let members = cause.open_members().take(detail.list_length);
            let members = members.map(|(arn, _)| self.write_resource(arn)).collect();
            text.push_str(&format_list(members, cause.open_members().count()));
            let title = format!(
                "{} {} {}: {}",
                cause.short_id(),
                cause.status.as_str(),
                cause.rule_ids(MOST_RULES),
                cause.describe_open(&self.digest.view)
            );
            parts.push(Part {
                text: format_summary(&title, &text),
                content: Content::List,
            });
        }
    }

    fn write_resource(&self, arn: &str) -> String {
        let quote = |name: &str| quote_code(&truncate_middle(name, LONGEST_TEXT));
        let Some(row) = self.digest.view.row_of(arn) else {
            return quote(arn);
        };
        let line = row.line;
        let mut text = quote(&line.id);
        if let Some(name) = distinct_name(line) {
            text.push_str(&format!(" ({})", quote(name)));
        }
        let region = quote_code(&line.region);
        text.push_str(&format!(" · {} · {region}", line.kind.noun()));
        if row.section == Section::Untagged {
            text.push_str(" · no valid tag");
        }
        if let Some(location) = self.locations.get(arn) {
            text.push_str(&format!(" · {}", quote_code(&format_location(location))));
        }
        text
    }

    /// Returns the section on data that could not be read.
    fn write_gaps(&self, detail: Detail) -> Option<String> {
        let gaps = &self.digest.gaps;
        if gaps.is_empty() {
            return None;
        }
        let mut text = "\n### Could not be read\n\n".to_owned();
        if let Some(warning) = gaps.missing_resources() {
            text.push_str(&format!("{}\n\n", escape_sentence(&warning)));
        }
        let failures = gaps.failures.iter().map(write_failure);
        let lists = gaps.lists.iter().map(|list| {
            let head = (list.service, list.reason);
            write_gap(head, ("", ""), list.regions.iter().copied())
        });
        let lines = failures.chain(lists).take(detail.list_length).collect();
        let total = gaps.failures.len() + gaps.lists.len();
        text.push_str(&format_list(lines, total));
        Some(text)
    }
}

fn write_failure(failure: &Failure<'_>) -> String {
    write_gap(
        (failure.service, failure.state.as_str()),
        (failure.operation, failure.code),
        failure.regions.iter().copied(),
    )
}

/// Returns a line on data that could not be read.
fn write_gap<'r>(
    (service, reason): (&str, &str),
    (operation, code): (&str, &str),
    regions: impl Iterator<Item = &'r str>,
) -> String {
    let mut line = format!("{}: {}", escape_sentence(service), escape_sentence(reason));
    if !operation.is_empty() {
        line.push_str(&format!(", {}", quote_code(operation)));
    }
    if !code.is_empty() {
        line.push_str(&format!(" ({})", quote_code(code)));
    }
    let regions: Vec<String> = regions.map(quote_code).collect();
    if !regions.is_empty() {
        line.push_str(&format!(" in {}", regions.join(", ")));
    }
    line
}
