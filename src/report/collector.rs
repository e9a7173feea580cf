//! Collects findings as they are made, without holding the same text twice.

use std::hash::BuildHasher as _;
use std::sync::Arc;

use super::baseline::Comparer;
use super::{Explanation, Finding, OmittedCounts, Report, ResourceLine};
use crate::report::maps::HashMap;

/// The number of explanations that are compared with a new one. Those of resources with the same key are equal.
const MOST_KNOWN: usize = 4_096;

/// Collects the findings of a report.
#[derive(Debug, Default)]
pub struct FindingCollector<'b> {
    /// The findings that were kept.
    findings: Vec<Finding>,
    /// The findings that were omitted.
    omitted: OmittedCounts,
    /// Whether findings that pass or do not apply are counted and omitted.
    omits_settled: bool,
    /// Whether findings keep their remedies, which only changes are made of.
    keeps_remedies: bool,
    /// The comparison with a baseline.
    comparer: Option<Comparer<'b>>,
    known: HashMap<u64, Known>,
}

impl<'b> FindingCollector<'b> {
    /// Creates a collector that may omit findings that pass or do not apply, may keep what changes are made of, and
    /// may compare all findings with a baseline.
    #[must_use]
    pub fn new(omits_settled: bool, keeps_remedies: bool, comparer: Option<Comparer<'b>>) -> Self {
        FindingCollector {
            omits_settled,
            keeps_remedies,
            comparer,
            ..FindingCollector::default()
        }
    }

    /// Adds the findings and the comparison with the baseline to the report of the evaluation that made them.
    pub fn complete_report(self, report: &mut Report) {
        report.findings = self.findings;
        for (key, (rule, number)) in self.omitted {
            report.omitted.entry(key).or_insert((rule, 0)).1 += number;
        }
        report.comparison = self.comparer.map(Comparer::into_comparison);
    }

    /// Adds a finding on a resource.
    pub fn add_finding(&mut self, mut finding: Finding, line: &mut ResourceLine) {
        if let Some(comparer) = &mut self.comparer {
            comparer.check_finding(&mut finding);
        }
        if self.omits_settled && !finding.status.is_trouble() {
            let Finding {
                rule,
                status,
                gating,
                ..
            } = finding;
            line.omitted.add_check(rule, status, gating);
            self.omitted
                .entry((rule.id, status, gating))
                .or_insert((rule, 0))
                .1 += 1;
            return;
        }
        self.share_explanation(&mut finding);
        self.findings.push(finding);
    }

    /// Replaces an explanation by an equal one that is known, without remedies where none are kept.
    fn share_explanation(&mut self, finding: &mut Finding) {
        let said = &finding.explanation;
        let key = self.known.hasher().hash_one((&said.message, &said.fix));
        let known = self.known.get(&key);
        if let Some(known) = known.filter(|it| self.equals(it, &finding.explanation)) {
            finding.explanation = Arc::clone(&known.kept);
            return;
        }
        let made = Arc::clone(&finding.explanation);
        if !self.keeps_remedies && made.causes.iter().any(|it| !it.remedies.is_empty()) {
            let explanation = Arc::make_mut(&mut finding.explanation);
            for cause in &mut explanation.causes {
                cause.remedies = Vec::new();
            }
        }
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        let kept = Arc::clone(&finding.explanation);
        self.known.insert(key, Known { made, kept });
    }

    /// Whether a known explanation can take the place of another one.
    fn equals(&self, known: &Known, made: &Arc<Explanation>) -> bool {
        if Arc::ptr_eq(&known.made, made) {
            return true;
        }
        let without_remedies = || {
            let pairs = known.made.causes.iter().zip(&made.causes);
            known.made.causes.len() == made.causes.len()
                && pairs.into_iter().all(|(a, b)| {
                    (&a.about, &a.message, &a.fix, &a.parts)
                        == (&b.about, &b.message, &b.fix, &b.parts)
                })
                && known.made.evidence == made.evidence
        };
        match self.keeps_remedies {
            true => *known.made == **made,
            false => without_remedies(),
        }
    }
}

/// An explanation as a check made it, and as it is kept.
#[derive(Debug)]
struct Known {
    made: Arc<Explanation>,
    kept: Arc<Explanation>,
}
