//! The ARNs that backup selections name, so that a resource is not compared with each of them.

use std::collections::HashSet;

use crate::iam::truth::Truth;
use crate::model::backup_plan::BackupSelection;

use super::backup_target::Target;

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

    /// Whether one of them covers a resource.
    pub(super) fn cover(&self, target: &Target<'_>) -> Truth {
        let named = |pattern: &String| target.is_named_by(pattern);
        let exact = match target.shape.is_none() && !has_wildcard(&target.arn) {
            true => self.exact.contains(target.arn.as_ref()).into(),
            false => Truth::any(self.exact.iter().map(named)),
        };
        exact.or(Truth::any(self.wildcards.iter().map(named)))
    }
}

fn has_wildcard(arn: &str) -> bool {
    arn.contains(['*', '?'])
}
