//! The answer: does the gate pass, how do the resources stand, where to begin.

use crate::exit::{Exit, FailOn};
use crate::report::json::Summary;
use crate::report::table::summary::{rest, verdict};
use crate::report::table::view::View;
use crate::report::{Baseline, ResourceVerdict, Status};

use super::causes::Causes;
use super::markup::Piece;
use super::matrix::{Bar, Slice};
use super::resources::{verdict_tone, verdict_words};
use super::{many, number};

/// The answer, before everything else.
#[derive(Debug)]
pub(super) struct Answer {
    /// How the gate is coloured.
    pub(super) tone: &'static str,
    pub(super) gate: &'static str,
    /// What that means for a pipeline.
    pub(super) means: String,
    /// What the gate hangs on.
    pub(super) counts: Vec<String>,
    pub(super) sentence: String,
    pub(super) rest: Vec<String>,
    pub(super) tiles: Vec<Tile>,
    pub(super) bar: Bar,
    pub(super) total: String,
    pub(super) first: Vec<First>,
}

/// How many resources have a verdict.
#[derive(Debug)]
pub(super) struct Tile {
    pub(super) tone: &'static str,
    pub(super) words: &'static str,
    pub(super) count: String,
    pub(super) about: &'static str,
}

/// A cause to begin with.
#[derive(Debug)]
pub(super) struct First {
    pub(super) number: usize,
    pub(super) headline: Vec<Piece>,
    pub(super) crowd: String,
}

impl Answer {
    pub(super) fn new(view: &View<'_>, causes: &Causes<'_>, asked: FailOn) -> Self {
        let report = view.report;
        let gating = |status: Status| {
            report
                .findings
                .iter()
                .filter(move |it| it.gating && it.status == status)
        };
        let (fails, unknown, warns) = (
            gating(Status::Fail).count(),
            gating(Status::Unknown).count(),
            gating(Status::Warn).count(),
        );
        let what = match asked {
            FailOn::Warn => "fails or warns",
            FailOn::New => "fails that the baseline lacks",
            FailOn::Fail | FailOn::Never => "fails",
        };
        let (tone, gate, means, code) = match report.exit(asked.displayed_gate()) {
            Exit::Failed => (
                "fail",
                "The gate fails",
                format!("Something that counts {what}"),
                "1",
            ),
            Exit::Ready => (
                "pass",
                "The gate passes",
                format!("Everything that counts was judged, and nothing {what}"),
                "0",
            ),
            _ => (
                "unknown",
                "The gate cannot be decided",
                format!("Nothing that counts {what}, but not all of it could be judged"),
                "3",
            ),
        };
        let means = if report.interrupted {
            format!("{means}. Reading was stopped: this is about what was read by then.")
        } else if asked == FailOn::Never && code != "0" {
            format!("{means}: exit code {code}, but 0 with --fail-on never.")
        } else {
            format!("{means}: exit code {code}.")
        };
        let mut counts = vec![
            format!("{} that count", many(fails, "failure")),
            format!("{} that count", many(unknown, "unknown")),
            many(warns, "warning"),
        ];
        if report.comparison.is_some() {
            let new = gating(Status::Fail).filter(|it| it.baseline == Some(Baseline::New));
            counts.insert(
                1,
                format!("{} since the baseline", many(new.count(), "new failure")),
            );
        }
        if !report.unread.is_empty() {
            counts.push(format!(
                "{} not read to the end",
                many(report.unread.len(), "list")
            ));
        }
        let numbers = Summary::of(report).resources;
        let number_of = |verdict| match verdict {
            ResourceVerdict::NotReady => numbers.not_ready,
            ResourceVerdict::Unknown => numbers.unknown,
            ResourceVerdict::AtRisk => numbers.at_risk,
            ResourceVerdict::Ready => numbers.ready,
            ResourceVerdict::Exempt => numbers.exempt,
        };
        let slices =
            ResourceVerdict::WORST_FIRST.map(|verdict| Slice::new(verdict, number_of(verdict)));
        Answer {
            tone,
            gate,
            means,
            counts,
            sentence: verdict(view).1,
            rest: rest(view),
            tiles: ResourceVerdict::WORST_FIRST
                .into_iter()
                .map(|verdict| Tile {
                    tone: verdict_tone(verdict),
                    words: verdict_words(verdict),
                    count: number(number_of(verdict)),
                    about: about(verdict),
                })
                .collect(),
            bar: Bar::new(slices, 1_000),
            total: many(numbers.total, "resource"),
            first: causes
                .first()
                .into_iter()
                .map(|card| First {
                    number: card.number,
                    headline: card.headline(),
                    crowd: card.crowd().to_owned(),
                })
                .collect(),
        }
    }
}

fn about(verdict: ResourceVerdict) -> &'static str {
    match verdict {
        ResourceVerdict::NotReady => "something fails: the copy cannot work",
        ResourceVerdict::Unknown => "something could not be judged",
        ResourceVerdict::AtRisk => "something warns",
        ResourceVerdict::Ready => "nothing worse than a pass",
        ResourceVerdict::Exempt => "tagged to be left out",
    }
}
