//! Readiness by service and region, as stacked bars.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::GLOBAL;
use crate::report::ResourceVerdict;
use crate::report::digest::names::service_name;
use crate::report::digest::view::{Row, Section, View};
use crate::report::facts::ResourceCounts;
use crate::text::escape_invisible;

use super::resources::{verdict_class, verdict_name};
use super::text::{count_of, encode_fragment, format_number};

/// The width of a bar in a cell, in units of its view box.
const WIDTH: usize = 100;
/// The least width of a slice: one resource of a thousand must be visible.
const NARROWEST: usize = 5;

/// Readiness by service and region.
#[derive(Debug)]
pub(super) struct Matrix {
    pub(super) regions: Vec<String>,
    pub(super) rows: Vec<MatrixRow>,
    pub(super) totals: Vec<Cell>,
    /// Whether untagged resources are counted.
    pub(super) has_untagged: bool,
    /// Whether something is counted that is in no region.
    pub(super) has_global: bool,
}

/// One service. The last cell is that of all regions together.
#[derive(Debug)]
pub(super) struct MatrixRow {
    pub(super) service: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// One service in one region.
#[derive(Debug)]
pub(super) struct Cell {
    /// The fragment that filters the page by service and region.
    pub(super) link: String,
    pub(super) bar: Bar,
    pub(super) total: String,
    pub(super) is_empty: bool,
}

/// A stacked bar.
#[derive(Debug)]
pub(super) struct Bar {
    pub(super) slices: Vec<Slice>,
    pub(super) width: usize,
    /// The description for screen readers.
    pub(super) description: String,
}

/// A part of a stacked bar.
#[derive(Debug)]
pub(super) struct Slice {
    pub(super) class: &'static str,
    pub(super) name: &'static str,
    pub(super) count: usize,
    pub(super) x: usize,
    pub(super) width: usize,
}

impl Slice {
    pub(super) fn new(verdict: ResourceVerdict, count: usize) -> Self {
        Slice {
            class: verdict_class(verdict),
            name: verdict_name(verdict),
            count,
            x: 0,
            width: 0,
        }
    }
}

impl Bar {
    /// Returns a bar of the given width.
    pub(super) fn new(slices: impl IntoIterator<Item = Slice>, width: usize) -> Self {
        let mut slices: Vec<Slice> = slices.into_iter().filter(|it| it.count > 0).collect();
        let total: usize = slices.iter().map(|it| it.count).sum();
        let texts: Vec<String> = slices
            .iter()
            .map(|it| format!("{} {}", format_number(it.count), it.name))
            .collect();
        let free = width.saturating_sub(NARROWEST * slices.len());
        let mut x = 0;
        for slice in &mut slices {
            slice.x = x;
            slice.width = NARROWEST + free * slice.count / total.max(1);
            x += slice.width;
        }
        // The last slice gets the remainder of the rounding.
        if let Some(last) = slices.last_mut() {
            last.width = width.saturating_sub(last.x);
        }
        Bar {
            slices,
            width,
            description: texts.join(", "),
        }
    }
}

impl Matrix {
    pub(super) fn new(view: &View<'_>) -> Self {
        let is_regional = |region: &str| region != GLOBAL && !region.is_empty();
        // Regions without resources were scanned, too.
        let scanned = view.report.regions.iter().map(String::as_str);
        let regions: BTreeSet<&str> = scanned
            .chain(view.rows.iter().map(|it| it.line.region.as_str()))
            .filter(|region| is_regional(region))
            .collect();
        // Settings come after the services whose resources are backed up.
        let mut services: BTreeMap<(bool, &'static str), Vec<&Row<'_>>> = BTreeMap::new();
        for row in &view.rows {
            let kind = row.line.kind;
            let key = (!kind.is_backed_up(), service_name(kind));
            services.entry(key).or_default().push(row);
        }
        let cells = |service: Option<&str>, rows: &[&Row<'_>]| -> Vec<Cell> {
            let in_regions = regions.iter().map(|region| {
                let here = rows.iter().filter(|it| it.line.region == *region);
                Cell::new(service, Some(region), here.copied())
            });
            let all = Cell::new(service, None, rows.iter().copied());
            in_regions.chain([all]).collect()
        };
        let everything: Vec<&Row<'_>> = view.rows.iter().collect();
        Matrix {
            has_untagged: view.rows_in(Section::Untagged).next().is_some(),
            has_global: view.rows.iter().any(|it| !is_regional(&it.line.region)),
            totals: cells(None, &everything),
            rows: services
                .iter()
                .map(|((_, service), rows)| MatrixRow {
                    service,
                    cells: cells(Some(service), rows),
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
        rows: impl Iterator<Item = &'r Row<'r>>,
    ) -> Self {
        let counts: ResourceCounts = rows.map(|row| row.verdict).collect();
        let total = counts.total;
        let mut terms = Vec::new();
        if let Some(service) = service {
            terms.push(format!("service={}", encode_fragment(service)));
        }
        if let Some(region) = region {
            terms.push(format!(
                "region={}",
                encode_fragment(&escape_invisible(region))
            ));
        }
        let slices = counts
            .worst_first()
            .map(|(verdict, number)| Slice::new(verdict, number));
        let mut bar = Bar::new(slices, WIDTH);
        bar.description = format!(
            "{} in {}: {} ({})",
            service.unwrap_or("all services"),
            escape_invisible(region.unwrap_or("all regions")),
            count_of(total, "resource"),
            bar.description
        );
        Cell {
            link: terms.join("&"),
            bar,
            total: format_number(total),
            is_empty: total == 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_resource_of_a_thousand_is_visible_and_the_bar_is_full() {
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
            .map(|it| (it.class, it.x, it.width))
            .collect();
        assert_eq!(slices, [("fail", 0, 5), ("pass", 5, 95)]);
        assert_eq!(bar.description, "1 not ready, 999 ready");
    }

    #[test]
    fn a_bar_without_resources_is_empty() {
        let bar = Bar::new([Slice::new(ResourceVerdict::Ready, 0)], 100);
        assert!(bar.slices.is_empty());
    }
}
