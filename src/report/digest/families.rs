//! The worst check of a resource in each family: the columns of the tables of services and resources.

use crate::report::maps::HashMap;
use crate::report::{Report, Status};
use crate::rule::Family;

/// Returns the heading of the column of a family.
pub(in crate::report) fn family_heading(family: Family) -> &'static str {
    match family {
        Family::Tag => "tag",
        Family::Encryption => "encr",
        Family::Key => "key",
        Family::Service => "service",
        Family::Proof => "proof",
    }
}

/// The worst status of a resource in each family; `None` where no rule of the family was checked.
pub(in crate::report) type Marks = [Option<Status>; Family::ALL.len()];

/// Returns the marks of the wanted resources, by ARN. Waived findings count as passed.
pub(in crate::report) fn mark_resources(
    report: &Report,
    is_wanted: impl Fn(&str) -> bool,
) -> HashMap<&str, Marks> {
    let lines = report.resources.iter();
    let lines = lines.filter(|line| is_wanted(&line.arn));
    let passed = |is_passed: bool| is_passed.then_some(Status::Pass);
    let mut marks: HashMap<&str, Marks> = lines
        .map(|line| (line.arn.as_str(), line.omitted.passed.map(passed)))
        .collect();
    for finding in &report.findings {
        let Some(of_resource) = marks.get_mut(finding.resource.as_str()) else {
            continue;
        };
        let status = match finding.waiver {
            Some(_) => Status::Pass,
            None => finding.status,
        };
        if status != Status::Skip {
            let mark = &mut of_resource[finding.rule.family() as usize];
            *mark = (*mark).max(Some(status));
        }
    }
    marks
}
