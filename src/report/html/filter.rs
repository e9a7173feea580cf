//! The values that the page can be filtered by.

use std::collections::BTreeSet;

use crate::report::Report;
use crate::report::digest::names::service_name;
use crate::text::escape_invisible;

/// The options of the filter form.
pub(super) struct FilterOptions {
    pub(super) services: Vec<&'static str>,
    pub(super) regions: Vec<String>,
    pub(super) rules: Vec<&'static str>,
}

impl FilterOptions {
    pub(super) fn new(report: &Report) -> Self {
        let lines = || report.resources.iter();
        let services: BTreeSet<&str> = lines().map(|it| service_name(it.kind)).collect();
        let regions: BTreeSet<&str> = lines().map(|it| it.region.as_str()).collect();
        let rules: BTreeSet<&str> = report
            .findings
            .iter()
            .filter(|it| it.status.is_trouble())
            .map(|it| it.rule.id)
            .collect();
        FilterOptions {
            services: services.into_iter().collect(),
            regions: regions
                .into_iter()
                .map(|it| escape_invisible(it).into_owned())
                .collect(),
            rules: rules.into_iter().collect(),
        }
    }
}
