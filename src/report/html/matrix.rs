//! The picture: readiness by service and region, in stacked bars.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::GLOBAL;
use crate::report::table::view::{Place, View};
use crate::report::{ResourceLine, ResourceVerdict};
use crate::text::escape_invisible;

use super::resources::{service, verdict_tone, verdict_words};
use super::{encoded, many, number};

/// Width of the bar of the fullest cell.
const WIDTH: usize = 100;
/// A slice is never narrower than this: one of a thousand must be seen.
const NARROWEST: usize = 5;

/// Readiness by service and region.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) regions: Vec<String>,
    pub(super) rows: Vec<MatrixRow>,
    pub(super) totals: Vec<Cell>,
    /// Whether a missing tag makes a verdict worse.
    pub(super) untagged: bool,
}

/// One service in all regions; the last cell is that of all regions together.
#[derive(Debug)]
pub(super) struct MatrixRow {
    pub(super) service: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// One service in one region.
#[derive(Debug)]
pub(super) struct Cell {
    /// The filter that shows what is behind it.
    pub(super) link: String,
    pub(super) bar: Bar,
    pub(super) total: String,
    pub(super) empty: bool,
}

/// A stacked bar.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) slices: Vec<Slice>,
    pub(super) width: usize,
    /// The same in words.
    pub(super) words: String,
}

/// A part of a stacked bar.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) tone: &'static str,
    pub(super) words: &'static str,
    pub(super) count: usize,
    pub(super) x: usize,
    pub(super) width: usize,
}

impl Slice {
    pub(super) fn new(verdict: ResourceVerdict, count: usize) -> Self {
        Slice {
            tone: verdict_tone(verdict),
            words: verdict_words(verdict),
            count,
            x: 0,
            width: 0,
        }
    }
}

impl Bar {
    /// A bar of slices, worst first, over a width.
    pub(super) fn new(slices: impl IntoIterator<Item = Slice>, width: usize) -> Self {
        let mut slices: Vec<Slice> = slices.into_iter().filter(|it| it.count > 0).collect();
        let total: usize = slices.iter().map(|it| it.count).sum();
        let words: Vec<String> = slices
            .iter()
            .map(|it| format!("{} {}", number(it.count), it.words))
            .collect();
        let free = width.saturating_sub(NARROWEST * slices.len());
        let mut x = 0;
        for slice in &mut slices {
            slice.x = x;
            slice.width = NARROWEST + free * slice.count / total.max(1);
            x += slice.width;
        }
        // What rounding left over belongs to the last.
        if let Some(last) = slices.last_mut() {
            last.width = width.saturating_sub(last.x);
        }
        Bar {
            slices,
            width,
            words: words.join(", "),
        }
    }
}

impl Matrix {
    pub(super) fn new(view: &View<'_>) -> Self {
        let report = view.report;
        let backed_up = || report.resources.iter().filter(|it| it.kind.is_backed_up());
        // A region with nothing in it was looked at all the same.
        let regions: BTreeSet<&str> = report
            .regions
            .iter()
            .map(String::as_str)
            .chain(backed_up().map(|it| it.region.as_str()))
            .filter(|region| *region != GLOBAL)
            .collect();
        let mut services: BTreeMap<&'static str, Vec<&ResourceLine>> = BTreeMap::new();
        for line in backed_up() {
            services.entry(service(line.kind)).or_default().push(line);
        }
        let cells = |service: Option<&str>, lines: &[&ResourceLine]| -> Vec<Cell> {
            let in_regions = regions.iter().map(|region| {
                let here = lines.iter().filter(|it| it.region == *region);
                Cell::new(service, Some(region), here.copied())
            });
            let all = Cell::new(service, None, lines.iter().copied());
            in_regions.chain([all]).collect()
        };
        let everything: Vec<&ResourceLine> = backed_up().collect();
        Matrix {
            untagged: view
                .placed(Place::Untagged)
                .any(|row| row.verdict < row.line.verdict),
            totals: cells(None, &everything),
            rows: services
                .iter()
                .map(|(service, lines)| MatrixRow {
                    service,
                    cells: cells(Some(service), lines),
                })
                .collect(),
            regions: regions
                .iter()
                .map(|it| escape_invisible(it).into_owned())
                .collect(),
        }
    }
}

impl Cell {
    fn new<'r>(
        service: Option<&str>,
        region: Option<&str>,
        lines: impl Iterator<Item = &'r ResourceLine>,
    ) -> Self {
        let mut counts: BTreeMap<ResourceVerdict, usize> = BTreeMap::new();
        for line in lines {
            *counts.entry(line.verdict).or_default() += 1;
        }
        let total: usize = counts.values().sum();
        let mut terms = Vec::new();
        if let Some(service) = service {
            terms.push(format!("service={}", encoded(service)));
        }
        if let Some(region) = region {
            terms.push(format!("region={}", encoded(&escape_invisible(region))));
        }
        let slices = ResourceVerdict::WORST_FIRST
            .map(|verdict| Slice::new(verdict, counts.get(&verdict).copied().unwrap_or_default()));
        let mut bar = Bar::new(slices, WIDTH);
        let place = [
            service.unwrap_or("all services"),
            region.unwrap_or("all regions"),
        ];
        bar.words = format!(
            "{} in {}: {} ({})",
            place[0],
            escape_invisible(place[1]),
            many(total, "resource"),
            bar.words
        );
        Cell {
            link: terms.join("&"),
            bar,
            total: number(total),
            empty: total == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_of_a_thousand_is_seen_and_the_bar_is_full() {
        let bar = Bar::new(
            [
                Slice::new(ResourceVerdict::NotReady, 1),
                Slice::new(ResourceVerdict::AtRisk, 0),
                Slice::new(ResourceVerdict::Ready, 999),
            ],
            100,
        );
        let slices: Vec<_> = bar
            .slices
            .iter()
            .map(|it| (it.tone, it.x, it.width))
            .collect();
        assert_eq!(slices, [("fail", 0, 5), ("pass", 5, 95)]);
        assert_eq!(bar.words, "1 not ready, 999 ready");
    }

    #[test]
    fn nothing_makes_no_bar() {
        let bar = Bar::new([Slice::new(ResourceVerdict::Ready, 0)], 100);
        assert!(bar.slices.is_empty());
    }
}
