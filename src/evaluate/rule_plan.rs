//! Which rules run, and in which of the two phases.

use crate::model::fact::Needs;
use crate::model::selection::Selection;
use crate::rule::{Check, Group, Rule};
use crate::settings::Severity;

use super::options::Options;

/// The groups of rules that say whether a copy can work.
const COPY_GROUPS: [Group; 2] = [Group::Encryption, Group::Service];

/// The rules of one evaluation.
#[derive(Debug)]
pub(super) struct RulePlan {
    /// The rules whose findings are reported, in the order of the catalog.
    pub(super) reported: Vec<&'static Rule>,
    /// Those of them that look at a resource itself, by id: nearly the order of the findings of a resource.
    pub(super) direct: Vec<&'static Rule>,
    /// Those of them that compare proof of backups and copies with what the others found.
    pub(super) proof: Vec<&'static Rule>,
    /// The rules that the members of a stack must pass, regardless of the rules selected.
    pub(super) stack_prerequisites: Vec<&'static Rule>,
    /// The rules that proof of backups and copies is compared with, regardless of the rules selected.
    pub(super) copy_prerequisites: Vec<&'static Rule>,
    /// Whether every rule that says whether a copy can work is checked.
    pub(super) covers_copy: bool,
}

impl RulePlan {
    /// Selects from the given rules.
    pub(super) fn new(rules: &[&'static Rule], options: &Options, selection: &Selection) -> Self {
        let select = |keep: &dyn Fn(&Rule) -> bool| {
            let rules = rules.iter().copied();
            rules.filter(|rule| keep(rule)).collect::<Vec<_>>()
        };
        let reported =
            select(&|rule| options.selects_rule(rule) && options.applies_to(rule, selection));
        let (proof, mut direct): (Vec<_>, Vec<_>) = reported
            .iter()
            .copied()
            .partition(|rule| matches!(rule.check, Check::Proof(_)));
        direct.sort_by_key(|rule| rule.id);
        RulePlan {
            reported,
            direct,
            proof,
            stack_prerequisites: select(&|rule| {
                COPY_GROUPS.contains(&rule.group)
                    && options.severity(rule) == Severity::Fail
                    && !options.without.contains(rule.id)
            }),
            copy_prerequisites: select(&Rule::is_copy_prerequisite),
            covers_copy: rules
                .iter()
                .filter(|rule| COPY_GROUPS.contains(&rule.group))
                .all(|rule| options.covers_rule(rule)),
        }
    }

    /// Returns what the rules need of an account. Proof of backups is compared with the prerequisites of a copy, and
    /// a stack with those of its members.
    pub(super) fn needs(&self) -> Needs {
        let mut rules = self.reported.clone();
        if !self.proof.is_empty() {
            rules.extend(&self.copy_prerequisites);
        }
        if rules.iter().any(|it| matches!(it.check, Check::Stack(_))) {
            rules.extend(&self.stack_prerequisites);
        }
        Needs::Only(rules.into_iter().flat_map(Rule::needs).collect())
    }

    /// Whether the members of stacks must be checked before their stacks.
    pub(super) fn checks_stacks(&self) -> bool {
        let checks_stacks = |rule: &&&Rule| matches!(rule.check, Check::Stack(_));
        let all = [&self.reported, &self.copy_prerequisites];
        all.iter()
            .any(|rules| rules.iter().any(|rule| checks_stacks(&rule)))
    }
}
