//! The report as Markdown: the summary of a pull request or of a step of GitHub Actions.
//!
//! GitHub takes at most 1 MiB from a step and shows nothing of a longer one
//! (<https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits>).
//! What does not fit is collapsed first: the lists of what does not gate, then long lists. Only then
//! is it cut, between two paragraphs, rows or lists, and says what was left out.

mod escape;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use super::place;
use super::table::reasons::Reasons;
use super::table::summary;
use super::table::view::{Place, View, noun};
use super::totals::Totals;
use super::{EarlierFinding, Finding, Report, ResourceVerdict, StaleState, Status, WriteError};
use crate::model::coverage::{Coverage, CoverageState};
use crate::settings::Standard;
use crate::text::{and_more, plural, truncate_middle};
use escape::{cell, code, sentence};

/// What GitHub shows of a step, in bytes.
pub const LIMIT: usize = 1_048_576;

/// Columns of a message that a table shows; the whole stands below it.
const MOST_OF_A_MESSAGE: usize = 240;
/// Columns of one name or answer; longer ones say nothing more to a reader.
const MOST_OF_A_NAME: usize = 1_024;
/// Rules of a cause that are named.
const MOST_RULES: usize = 4;
/// How long lists may be, one try after the other.
const LIST_LENGTHS: [usize; 4] = [1_000, 200, 50, 10];

/// Writes a report, within what GitHub shows of a step.
///
/// # Errors
/// The writer failed.
pub fn write(report: &Report, out: &mut dyn Write) -> Result<(), WriteError> {
    write_within(report, LIMIT, out)
}

/// Writes a report in at most so many bytes.
///
/// # Errors
/// The writer failed.
pub fn write_within(report: &Report, limit: usize, out: &mut dyn Write) -> Result<(), WriteError> {
    let page = Page::new(report);
    let mut detail = Detail {
        others: true,
        most: usize::MAX,
    };
    let mut parts = page.parts(detail);
    if size(&parts) > limit {
        detail.others = false;
        parts = page.parts(detail);
    }
    for most in LIST_LENGTHS {
        if size(&parts) <= limit {
            break;
        }
        detail.most = most;
        parts = page.parts(detail);
    }
    cut(&mut parts, limit);
    for part in &parts {
        out.write_all(part.text.as_bytes())?;
    }
    Ok(())
}

/// How much is told.
#[derive(Debug, Clone, Copy)]
struct Detail {
    /// Whether the resources behind what does not gate are listed.
    others: bool,
    /// How many lines a list has at most.
    most: usize,
}

/// A piece that is written whole or not at all.
#[derive(Debug)]
struct Part {
    text: String,
    what: What,
}

/// What is lost where a piece is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The beginning, or what holds others together.
    Frame,
    /// A row of the root causes.
    Cause,
    /// A list with what is behind one cause.
    List,
    /// A section beside the causes.
    Section,
}

fn size(parts: &[Part]) -> usize {
    parts.iter().map(|part| part.text.len()).sum()
}

/// Leaves out parts from the end until the rest fits, and says which.
fn cut(parts: &mut Vec<Part>, limit: usize) {
    if size(parts) <= limit {
        return;
    }
    let mut lost: BTreeMap<What, usize> = BTreeMap::new();
    let mut total = size(parts);
    while let Some(part) = parts.pop() {
        total -= part.text.len();
        *lost.entry(part.what).or_default() += 1;
        let note = cut_note(&lost);
        if total + note.len() <= limit {
            parts.push(Part {
                text: note,
                what: What::Frame,
            });
            return;
        }
    }
}

fn cut_note(lost: &BTreeMap<What, usize>) -> String {
    let words: Vec<String> = lost
        .iter()
        .filter_map(|(what, number)| match what {
            What::Frame => None,
            What::Cause => Some(plural(*number, "root cause")),
            What::List => Some(format!("{} of resources", plural(*number, "list"))),
            What::Section => Some(plural(*number, "section")),
        })
        .collect();
    let what = if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join(", "))
    };
    format!("\n**Cut off here**{what}: the whole is in `--format json`.\n")
}

/// A report with its causes, ready to be told at any length.
#[derive(Debug)]
struct Page<'a> {
    report: &'a Report,
    view: View<'a>,
    reasons: Reasons<'a>,
    ranked: Vec<usize>,
    /// Where plans and templates declare resources, by ARN.
    places: BTreeMap<&'a str, &'a crate::model::place::Place>,
    totals: Totals,
}

impl<'a> Page<'a> {
    fn new(report: &'a Report) -> Self {
        let mut reasons = Reasons::of_those(report, |it| it.waiver.is_none());
        let ranked = reasons.ranked();
        Page {
            report,
            view: View::new(report),
            reasons,
            ranked,
            places: place::by_resource(&report.findings),
            totals: Totals::of(report),
        }
    }

    /// The short ones first, so that what is cut is the lists.
    fn parts(&self, detail: Detail) -> Vec<Part> {
        let mut parts = vec![frame(self.head(detail))];
        parts.extend(self.counts());
        self.causes(&mut parts);
        parts.extend(self.unread(detail));
        parts.extend(self.baseline(detail));
        parts.extend(self.stale_waivers(detail));
        parts.extend(self.waived(detail));
        self.lists(detail, &mut parts);
        parts
    }

    /// The answer, and before it whether it is the whole one.
    fn head(&self, detail: Detail) -> String {
        let report = self.report;
        let answer = match self.totals.verdict {
            ResourceVerdict::NotReady => "not ready",
            ResourceVerdict::Unknown => "could not be judged",
            ResourceVerdict::AtRisk => "at risk",
            ResourceVerdict::Ready | ResourceVerdict::Exempt => "nothing fails",
        };
        let mut text = if report.complete {
            format!("## backup-check: {answer}\n\n")
        } else {
            format!("## backup-check: INCOMPLETE, {answer}\n\n")
        };
        if report.interrupted {
            text.push_str(
                "**INCOMPLETE:** stopped before the end; this is what had been read by then.\n\n",
            );
        } else if !report.complete {
            let services = summary::unread_services(report);
            text.push_str("**INCOMPLETE:** not everything could be read");
            if !services.is_empty() {
                text.push_str(&format!(" ({})", sentence(&services)));
            }
            text.push_str(".\n\n");
        }
        text.push_str(&format!(
            "**{}**\n\n",
            sentence(&summary::answer(&self.view))
        ));
        for sentence_of in summary::rest(&self.view) {
            text.push_str(&sentence(&sentence_of));
            text.push('\n');
        }
        let account = match &report.account_id {
            Some(id) => format!("Account {}", code(id)),
            None => "Account not known".to_owned(),
        };
        let standard = match report.standard {
            Standard::Guide => "the company guide",
            Standard::Aws => "what AWS enforces",
        };
        let when = summary::moment(&report.started_at);
        let when = if when.is_empty() {
            String::new()
        } else {
            format!(", read {}", sentence(&when))
        };
        let regions: Vec<String> = report.regions.iter().map(|it| code(it)).collect();
        text.push_str(&format!(
            "\n{account}{when}, judged by {standard}; {}{}{}.\n",
            plural(regions.len(), "region"),
            if regions.is_empty() { "" } else { ": " },
            regions.join(", ")
        ));
        if let Some(words) = report.selection.describe() {
            text.push_str(&format!(
                "\n**Only** {}: nothing else of the account was judged.\n",
                sentence(&words)
            ));
        }
        if !detail.others {
            let lists = if detail.most == usize::MAX {
                String::new()
            } else {
                format!(", and lists end after {}", detail.most)
            };
            text.push_str(&format!(
                "\nShortened to fit: what does not gate is not listed{lists}. The whole is in `--format json`.\n"
            ));
        }
        text
    }

    /// Resources by where they stand and what came of them.
    fn counts(&self) -> Vec<Part> {
        let mut text = "\n| | not ready | unknown | at risk | ready | exempt | all |\n|---|--:|--:|--:|--:|--:|--:|\n".to_owned();
        let mut any = false;
        for (place, name) in [
            (Place::Counted, "to be backed up"),
            (Place::Untagged, "without a valid tag, as if tagged"),
            (Place::Exempt, "exempt by their tag"),
            (Place::Setting, "network and account settings"),
        ] {
            let rows: Vec<_> = self.view.placed(place).collect();
            if rows.is_empty() {
                continue;
            }
            any = true;
            text.push_str(&format!("| {name} |"));
            for verdict in ResourceVerdict::WORST_FIRST {
                let number = rows.iter().filter(|row| row.verdict == verdict).count();
                text.push_str(&format!(" {} |", dash(number)));
            }
            text.push_str(&format!(" {} |\n", rows.len()));
        }
        let totals = &self.totals;
        text.push_str(&format!(
            "\nFindings that gate: {} fail, {} unknown, {} warn. Waived: {}.\n",
            totals.failed, totals.unknown, totals.warned, totals.waived
        ));
        if !any {
            let sentence = text.split_off(text.find("\nFindings").unwrap_or_default());
            text = sentence;
        }
        vec![frame(text)]
    }

    /// One row per cause, those that gate first.
    fn causes(&self, parts: &mut Vec<Part>) {
        if self.ranked.is_empty() {
            return;
        }
        parts.push(frame(
            "\n### Root causes\n\n| no. | status | gates | rule | what | where |\n|--:|---|---|---|---|---|\n"
                .to_owned(),
        ));
        for &index in &self.ranked {
            let reason = self.reasons.get(index);
            let mut what = reason.messages().into_iter().next().unwrap_or_default();
            if reason.causes() > 1 {
                what = format!("{} causes, for example: {what}", reason.causes());
            }
            let gates = if reason.gating { "yes" } else { "no" };
            parts.push(Part {
                text: format!(
                    "| {} | {} | {gates} | {} | {} | {} |\n",
                    self.reasons.number(index),
                    reason.status.as_str(),
                    cell(&reason.rule_ids(MOST_RULES)),
                    cell(&truncate_middle(&what, MOST_OF_A_MESSAGE)),
                    cell(&reason.crowd(&self.view)),
                ),
                what: What::Cause,
            });
        }
    }

    /// Each cause in full, with everything behind it.
    fn lists(&self, detail: Detail, parts: &mut Vec<Part>) {
        let told: Vec<usize> = self
            .ranked
            .iter()
            .copied()
            .filter(|&index| detail.others || self.reasons.get(index).gating)
            .collect();
        if told.is_empty() {
            return;
        }
        parts.push(frame("\n### Behind each cause\n".to_owned()));
        for index in told {
            let reason = self.reasons.get(index);
            let mut text = String::new();
            for message in reason.messages() {
                text.push_str(&format!(
                    "{}\n\n",
                    sentence(&truncate_middle(&message, MOST_OF_A_NAME))
                ));
            }
            for fix in reason.fixes() {
                text.push_str(&format!(
                    "Fix: {}\n\n",
                    sentence(&truncate_middle(&fix, MOST_OF_A_NAME))
                ));
            }
            let members: Vec<String> = reason
                .members
                .iter()
                .take(detail.most)
                .map(|arn| self.resource(arn))
                .collect();
            text.push_str(&list(members, reason.members.len()));
            parts.push(Part {
                text: folded(
                    &format!(
                        "[{}] {} {}: {}",
                        self.reasons.number(index),
                        reason.status.as_str(),
                        reason.rule_ids(MOST_RULES),
                        reason.crowd(&self.view)
                    ),
                    &text,
                ),
                what: What::List,
            });
        }
    }

    fn resource(&self, arn: &str) -> String {
        let Some(row) = self.view.row(arn) else {
            return code(&truncate_middle(arn, MOST_OF_A_NAME));
        };
        let line = row.line;
        let mut text = code(&truncate_middle(&line.id, MOST_OF_A_NAME));
        if let Some(name) = line
            .name
            .as_deref()
            .filter(|name| *name != line.id && !name.is_empty())
        {
            text.push_str(&format!(
                " ({})",
                code(&truncate_middle(name, MOST_OF_A_NAME))
            ));
        }
        text.push_str(&format!(" · {} · {}", noun(line.kind), code(&line.region)));
        if row.place == Place::Untagged {
            text.push_str(" · no valid tag");
        }
        if let Some(place) = self.places.get(arn) {
            text.push_str(&format!(" · {}", code(&place::words(place))));
        }
        text
    }

    /// What was asked and not answered.
    fn unread(&self, detail: Detail) -> Option<Part> {
        let report = self.report;
        let failed: Vec<&Coverage> = report
            .coverage
            .iter()
            .filter(|row| row.state != CoverageState::Scanned)
            .collect();
        if failed.is_empty() && report.unread.is_empty() {
            return None;
        }
        let mut text = "\n### Not read\n\n".to_owned();
        if !report.unread.is_empty() {
            let services: BTreeSet<&str> =
                report.unread.iter().map(|unread| unread.service).collect();
            text.push_str(&format!(
                "Resources to be backed up may be missing here: not every list of {} could be read to its end.\n\n",
                and_more(services, 12)
            ));
        }
        let mut kinds: BTreeMap<(&str, &str, &str, &str), BTreeSet<&str>> = BTreeMap::new();
        for row in failed {
            let error = row.error.as_ref();
            kinds
                .entry((
                    &row.service,
                    row.state.as_str(),
                    error.map_or("", |it| it.operation.as_str()),
                    error.map_or("", |it| it.code.as_str()),
                ))
                .or_default()
                .insert(&row.region);
        }
        for unread in &report.unread {
            let known = kinds.iter().any(|((service, ..), regions)| {
                *service == unread.service
                    && unread
                        .region
                        .as_deref()
                        .is_none_or(|it| regions.contains(it))
            });
            if !known {
                kinds
                    .entry((unread.service, &unread.reason, "", ""))
                    .or_default()
                    .extend(unread.region.as_deref());
            }
        }
        let total = kinds.len();
        let lines = kinds
            .into_iter()
            .take(detail.most)
            .map(|((service, state, operation, error), regions)| {
                let mut line = format!("{}: {}", sentence(service), sentence(state));
                if !operation.is_empty() {
                    line.push_str(&format!(", {}", code(operation)));
                }
                if !error.is_empty() {
                    line.push_str(&format!(" ({})", code(error)));
                }
                if !regions.is_empty() {
                    let regions: Vec<String> = regions.into_iter().map(code).collect();
                    line.push_str(&format!(" in {}", regions.join(", ")));
                }
                line
            })
            .collect();
        text.push_str(&list(lines, total));
        Some(section(text))
    }

    /// How it stands to the earlier report.
    fn baseline(&self, detail: Detail) -> Option<Part> {
        let comparison = self.report.comparison.as_ref()?;
        let mut text = format!(
            "\n### Since the baseline\n\n{} new, {} unchanged, {} fixed, {} not judged this time.\n",
            comparison.new,
            comparison.unchanged,
            comparison.fixed.len(),
            comparison.not_judged.len()
        );
        let fresh: Vec<&Finding> = self
            .report
            .findings
            .iter()
            .filter(|it| it.baseline == Some(super::Baseline::New) && (it.gating || detail.others))
            .collect();
        let lines: Vec<String> = fresh
            .iter()
            .take(detail.most)
            .map(|it| {
                let gates = if it.gating { "" } else { ", does not gate" };
                format!("{}{gates}", finding(it.status, it.rule.id, &it.resource))
            })
            .collect();
        if !fresh.is_empty() {
            text.push_str(&folded(
                &format!("New: {}", fresh.len()),
                &list(lines, fresh.len()),
            ));
        }
        for (name, earlier) in [
            ("Fixed", &comparison.fixed),
            ("Not judged this time", &comparison.not_judged),
        ] {
            if earlier.is_empty() {
                continue;
            }
            let line = |it: &EarlierFinding| finding(it.status, &it.rule, &it.resource);
            let lines = earlier.iter().take(detail.most).map(line).collect();
            text.push_str(&folded(
                &format!("{name}: {}", earlier.len()),
                &list(lines, earlier.len()),
            ));
        }
        Some(section(text))
    }

    /// Waivers that do nothing any more.
    fn stale_waivers(&self, detail: Detail) -> Option<Part> {
        let stale = &self.report.stale_waivers;
        if stale.is_empty() {
            return None;
        }
        let line = |it: &super::StaleWaiver| {
            let state = match it.state {
                StaleState::Expired if it.findings == 0 => "expired".to_owned(),
                StaleState::Expired => {
                    format!("expired, {} again", plural(it.findings, "finding"))
                }
                StaleState::Unused => "covers nothing".to_owned(),
            };
            format!(
                "line {}: {} on {} until {}, {}: {state}",
                it.line,
                sentence(&it.rule),
                code(&truncate_middle(&it.resource, MOST_OF_A_NAME)),
                sentence(&it.expires),
                sentence(&truncate_middle(&it.owner, MOST_OF_A_NAME)),
            )
        };
        let lines = stale.iter().take(detail.most).map(line).collect();
        Some(section(format!(
            "\n### Waivers that do nothing any more\n\n{}",
            list(lines, stale.len())
        )))
    }

    /// What is accepted for a time.
    fn waived(&self, detail: Detail) -> Option<Part> {
        let waived: Vec<_> = self
            .report
            .findings
            .iter()
            .filter_map(|it| it.waiver.as_ref().map(|waiver| (it, waiver)))
            .collect();
        if waived.is_empty() {
            return None;
        }
        let lines = waived
            .iter()
            .take(detail.most)
            .map(|(it, waiver)| {
                format!(
                    "{}: until {}, {}: {}",
                    finding(it.status, it.rule.id, &it.resource),
                    sentence(&waiver.expires),
                    sentence(&truncate_middle(&waiver.owner, MOST_OF_A_NAME)),
                    sentence(&truncate_middle(&waiver.reason, MOST_OF_A_NAME)),
                )
            })
            .collect();
        Some(section(format!(
            "\n### Waived\n{}",
            folded(&plural(waived.len(), "finding"), &list(lines, waived.len()))
        )))
    }
}

fn frame(text: String) -> Part {
    Part {
        text,
        what: What::Frame,
    }
}

fn section(text: String) -> Part {
    Part {
        text,
        what: What::Section,
    }
}

/// A finding on a line of its own.
fn finding(status: Status, rule: &str, resource: &str) -> String {
    format!(
        "{} {} on {}",
        status.as_str(),
        sentence(rule),
        code(&truncate_middle(resource, MOST_OF_A_NAME))
    )
}

/// Lines as a list, and how many there are beside them.
fn list(lines: Vec<String>, total: usize) -> String {
    let left = total - lines.len();
    let mut text: String = lines.iter().map(|line| format!("- {line}\n")).collect();
    if left > 0 {
        text.push_str(&format!("- and {left} more\n"));
    }
    text
}

/// A text that opens on a click. The title holds our own words alone: Markdown is not read there.
fn folded(title: &str, text: &str) -> String {
    format!("\n<details>\n<summary>{title}</summary>\n\n{text}\n</details>\n")
}

fn dash(number: usize) -> String {
    match number {
        0 => "-".to_owned(),
        number => number.to_string(),
    }
}
