//! The answer: the result of the gate, the counts behind it, and the causes to start with.

use super::causes::Causes;
use super::markup::Piece;
use super::matrix::{Bar, Slice};
use super::resources::{verdict_class, verdict_name};
use super::text::{count_of, format_number};
use crate::exit::{Exit, FailOn};
use crate::report::digest::Digest;
use crate::report::digest::summary::{summarize_resources, summarize_rest};
use crate::report::digest::view::{Section, View};
use crate::report::facts::ResourceCounts;
use crate::report::{Report, ResourceVerdict};

/// The width of the bar of verdicts, in units of its view box.
const BAR_WIDTH: usize = 1_000;

/// The answer at the top of the page.
#[derive(Debug)]
pub(super) struct GateAnswer {
    /// The CSS class of the gate.
    pub(super) class: &'static str,
    pub(super) gate: &'static str,
    /// The reason and the exit code.
    pub(super) reason: String,
    /// The numbers of gating findings.
    pub(super) counts: Vec<String>,
    pub(super) sentence: String,
    pub(super) rest: Vec<String>,
    pub(super) tiles: Vec<Tile>,
    pub(super) bar: Bar,
    pub(super) total: String,
    /// What the total consists of: every other number of the page is a part of it.
    pub(super) bridge: String,
    pub(super) starting_points: Vec<StartingPoint>,
}

/// The number of resources with a verdict.
#[derive(Debug)]
pub(super) struct Tile {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) count: String,
    pub(super) about: &'static str,
}

/// A cause to start with.
#[derive(Debug)]
pub(super) struct StartingPoint {
    pub(super) id: String,
    pub(super) headline: Vec<Piece>,
    pub(super) resources: String,
}

struct GateResult {
    class: &'static str,
    gate: &'static str,
    reason: String,
    exit_code: u8,
}

impl GateAnswer {
    pub(super) fn new(digest: &Digest<'_>, causes: &Causes<'_>, asked: FailOn) -> Self {
        let report = digest.report;
        let result = evaluate_gate(report, asked);
        let view = &digest.view;
        let verdicts: ResourceCounts = view.rows.iter().map(|it| it.verdict).collect();
        let slices = verdicts
            .worst_first()
            .map(|(verdict, number)| Slice::new(verdict, number));
        let tiles = verdicts
            .worst_first()
            .map(|(verdict, number)| Tile::new(verdict, number));
        GateAnswer {
            class: result.class,
            gate: result.gate,
            reason: explain_result(report, &result, asked),
            counts: count_gating(digest),
            sentence: summarize_resources(&digest.view).sentence,
            rest: summarize_rest(&digest.view),
            tiles: tiles.into_iter().collect(),
            bar: Bar::new(slices, BAR_WIDTH),
            total: count_of(verdicts.total, "resource"),
            bridge: explain_total(view),
            starting_points: causes
                .starting_points()
                .map(|card| StartingPoint {
                    id: card.cause.short_id().to_owned(),
                    headline: card.headline(),
                    resources: card.resources.clone(),
                })
                .collect(),
        }
    }
}

fn evaluate_gate(report: &Report, asked: FailOn) -> GateResult {
    let fails = match asked {
        FailOn::Warn => "fails or warns",
        FailOn::New => "fails that passes in the baseline",
        FailOn::Fail | FailOn::Never => "fails",
    };
    match report.exit(asked.displayed_gate()) {
        Exit::Failed => GateResult {
            class: "fail",
            gate: "The gate fails",
            reason: format!("A gating check {fails}"),
            exit_code: 1,
        },
        Exit::Ready => GateResult {
            class: "pass",
            gate: "The gate passes",
            reason: format!("No gating check {fails} or is inconclusive"),
            exit_code: 0,
        },
        _ => GateResult {
            class: "unknown",
            gate: "The gate is inconclusive",
            reason: format!("No gating check {fails}, but some are inconclusive"),
            exit_code: 3,
        },
    }
}

/// Returns the reason for the result, with its exit code.
fn explain_result(report: &Report, result: &GateResult, asked: FailOn) -> String {
    let GateResult {
        reason, exit_code, ..
    } = result;
    if report.interrupted {
        format!("{reason}. The scan was interrupted; results are partial.")
    } else if asked == FailOn::Never && *exit_code != 0 {
        format!("{reason}: exit code {exit_code}, but 0 with --fail-on never.")
    } else {
        format!("{reason}: exit code {exit_code}.")
    }
}

/// Returns the sentence that explains the total.
fn explain_total(view: &View<'_>) -> String {
    let count = |section: Section| view.rows_in(section).count();
    let parts = [
        (count(Section::Counted), "to be backed up"),
        (
            count(Section::Untagged),
            "without a backup tag, counted as if tagged",
        ),
        (count(Section::Exempt), "exempt by their tag"),
        (count(Section::Setting), "networks, vaults and settings"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", format_number(*number)))
        .collect();
    match parts.split_last() {
        None => "Nothing was found.".to_owned(),
        Some((only, [])) => format!("All are {}.", only.split_once(' ').map_or("", |it| it.1)),
        Some((last, others)) => format!("{} and {last}.", others.join(", ")),
    }
}

/// Returns the numbers of gating findings and of incomplete lists.
fn count_gating(digest: &Digest<'_>) -> Vec<String> {
    let totals = &digest.totals;
    let mut counts = vec![count_of(totals.failed, "gating failure")];
    if digest.report.comparison.is_some() {
        let new = count_of(totals.new_failures, "new failure");
        counts.push(format!("{new} since the baseline"));
    }
    let unknown = count_of(totals.unknown, "gating finding");
    counts.push(format!("{unknown} unknown"));
    counts.push(count_of(totals.warned, "gating warning"));
    let lists = digest.report.unread.len();
    if lists > 0 {
        counts.push(count_of(lists, "incomplete list"));
    }
    counts
}

impl Tile {
    fn new(verdict: ResourceVerdict, number: usize) -> Self {
        Tile {
            class: verdict_class(verdict),
            name: verdict_name(verdict),
            count: format_number(number),
            about: match verdict {
                ResourceVerdict::NotReady => "a check fails: the copy cannot work",
                ResourceVerdict::Unknown => "a check is inconclusive",
                ResourceVerdict::AtRisk => "a check warns",
                ResourceVerdict::Ready => "no check fails or warns",
                ResourceVerdict::Exempt => "excluded by its tag",
            },
        }
    }
}
