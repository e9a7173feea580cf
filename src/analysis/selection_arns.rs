//! The ARNs that backup selections name, so that a resource is not compared with each of them.

use std::collections::HashSet;

use crate::iam::truth::Truth;
use crate::model::backup_plan::BackupSelection;

/// The ARNs of a selection.
#[derive(Debug)]
pub(super) struct SelectionArns {
    /// Those that it selects.
    pub(super) resources: ArnPatterns,
    /// Those that it leaves out.
    pub(super) not_resources: ArnPatterns,
}

impl SelectionArns {
    pub(super) fn new(selection: &BackupSelection) -> Self {
        SelectionArns {
            resources: ArnPatterns::new(&selection.resources),
            not_resources: ArnPatterns::new(&selection.not_resources),
        }
    }
}

/// ARNs, some of them with wildcards.
#[derive(Debug)]
pub(super) struct ArnPatterns {
    exact: HashSet<String>,
    wildcards: Vec<String>,
}

impl ArnPatterns {
    fn new(patterns: &[String]) -> Self {
        let (wildcards, exact): (Vec<&String>, Vec<&String>) =
            patterns.iter().partition(|it| has_wildcard(it));
        ArnPatterns {
            exact: exact.into_iter().cloned().collect(),
            wildcards: wildcards.into_iter().cloned().collect(),
        }
    }

    /// Whether one of them covers a resource, of which the ARN may be known completely.
    pub(super) fn cover(&self, arn: Option<&str>, is_covered_by: impl Fn(&str) -> Truth) -> Truth {
        let exact = match arn {
            Some(arn) => self.exact.contains(arn).into(),
            None => Truth::any(self.exact.iter().map(|it| is_covered_by(it))),
        };
        exact.or(Truth::any(
            self.wildcards.iter().map(|it| is_covered_by(it)),
        ))
    }
}

pub(super) fn has_wildcard(arn: &str) -> bool {
    arn.contains(['*', '?'])
}
