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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_known_arn_is_compared_with_patterns_alone() {
        let volume = |id: &str| format!("arn:aws:ec2:eu-central-1:111122223333:volume/{id}");
        let selection = BackupSelection {
            resources: vec![volume("vol-1"), volume("vol-2"), volume("*-3")],
            ..BackupSelection::default()
        };
        let arns = SelectionArns::new(&selection);
        let compared = Cell::new(0);
        let compare = |_: &str| {
            compared.set(compared.get() + 1);
            Truth::False
        };
        let known = volume("vol-2");
        assert_eq!(arns.resources.cover(Some(&known), compare), Truth::True);
        let other = volume("vol-9");
        assert_eq!(arns.resources.cover(Some(&other), compare), Truth::False);
        assert_eq!(compared.replace(0), 2, "once for each resource");
        // Of what has no ARN yet, each may be the one.
        assert_eq!(arns.resources.cover(None, compare), Truth::False);
        assert_eq!(compared.get(), 3);
    }
}
