//! Groups findings by root cause: each group becomes one change.

use std::collections::BTreeMap;

use super::cause::{Cause, Draft};
use crate::analysis::Remedy;
use crate::report::Finding;

/// Returns a draft for each root cause. A finding with several remedies is in several drafts.
pub(super) fn group_by_cause<'a>(
    findings: impl Iterator<Item = &'a Finding>,
) -> BTreeMap<Cause, Draft> {
    let mut drafts: BTreeMap<Cause, Draft> = BTreeMap::new();
    let mut add = |cause: Cause, finding: &Finding, remedy: Option<&Remedy>| {
        let draft = drafts.entry(cause).or_insert_with(|| Draft::new(finding));
        draft.add_finding(finding, remedy);
    };
    for finding in findings {
        let remedies: Vec<&Remedy> = finding
            .explanation
            .causes
            .iter()
            .flat_map(|it| &it.remedies)
            .collect();
        if remedies.is_empty() {
            add(Cause::without_remedy(finding), finding, None);
        }
        for remedy in remedies {
            let cause = Cause::from_remedy(remedy, finding);
            add(cause, finding, Some(remedy));
        }
    }
    drafts
}
