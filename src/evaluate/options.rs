//! What to check, and what counts.

use std::collections::BTreeSet;

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::analysis::Outcome;
use crate::model::selection::Selection;
use crate::model::tag::BackupTag;
use crate::rule::{Group, Rule};
use crate::settings::{Severity, Standard, Waiver};

/// What to check, and what counts for the exit code.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The standard whose severities apply.
    pub standard: Standard,
    /// Severities that replace the standard's, by rule id.
    pub severities: BTreeMap<String, Severity>,
    /// Which resources are checked, by their backup tag.
    pub scope: Scope,
    /// Which resources are checked, by service or ARN. A snapshot of a smaller selection is checked for
    /// what it contains.
    pub selection: Selection,
    /// The ids of the rules to check; all where it is empty.
    pub only: BTreeSet<&'static str>,
    /// The ids of the rules to leave out.
    pub without: BTreeSet<&'static str>,
    /// Check every resource as if it were tagged `backup=enabled`, and let all of it gate.
    pub preflight: bool,
    /// Groups whose findings gate although the platform team owns them.
    pub gate: BTreeSet<Group>,
    /// Rules whose unknown findings do not gate.
    pub allow_unknown: AllowUnknown,
    /// Findings that are accepted until a date.
    pub waivers: Vec<Waiver>,
    /// The day on which a waiver must still be valid; without it, none is.
    pub today: Option<Date>,
    /// Count the findings that pass or do not apply, and omit them from the report.
    pub omit_settled: bool,
}

/// Which resources are checked, by their backup tag.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Scope {
    /// All resources.
    #[default]
    All,
    /// Resources that carry the backup tag, or whose tags could not be read.
    Tagged,
    /// Resources that are tagged `enabled`, or whose tags could not be read.
    Enabled,
}

impl Scope {
    /// Whether a resource with this backup tag is checked.
    pub(super) fn includes(self, tag: BackupTag) -> bool {
        match self {
            Scope::All => true,
            Scope::Tagged => tag != BackupTag::None,
            Scope::Enabled => matches!(tag, BackupTag::Enabled | BackupTag::Unknown),
        }
    }
}

/// Rules whose unknown findings do not gate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowUnknown {
    /// No rule's.
    #[default]
    None,
    /// Those of these rules.
    Rules(BTreeSet<&'static str>),
    /// All of them.
    All,
}

impl AllowUnknown {
    /// Whether an unknown finding of a rule is allowed.
    pub(super) fn includes(&self, rule: &str) -> bool {
        match self {
            AllowUnknown::None => false,
            AllowUnknown::Rules(rules) => rules.contains(rule),
            AllowUnknown::All => true,
        }
    }
}

impl Options {
    /// Returns what a violation of a rule yields.
    #[must_use]
    pub fn severity(&self, rule: &Rule) -> Severity {
        self.severities
            .get(rule.id)
            .copied()
            .unwrap_or_else(|| rule.severity(self.standard))
    }

    /// Returns what an outcome of a rule yields if it is a violation. One of the guide alone is at most a warning under the
    /// AWS standard.
    pub(super) fn severity_of(&self, rule: &Rule, outcome: &Outcome) -> Severity {
        let severity = self.severity(rule);
        let is_mild = outcome.is_guide_only && self.standard == Standard::Aws;
        if is_mild && severity == Severity::Fail && !self.severities.contains_key(rule.id) {
            return Severity::Warn;
        }
        severity
    }

    /// Whether a rule applies to a selection: rules about the network, the account and a service's
    /// settings only where they are part of it, or named.
    pub(super) fn applies_to(&self, rule: &Rule, selection: &Selection) -> bool {
        match rule.settings_of() {
            None => true,
            Some(_) if selection.is_everything() => true,
            Some(service) => {
                selection.services.contains(&service)
                    || (self.only.contains(rule.id) && selection.includes_settings_of(service))
            }
        }
    }

    /// Whether a rule is checked, or left out only because the standard switches it off.
    pub(super) fn covers_rule(&self, rule: &Rule) -> bool {
        self.selects_rule(rule) || rule.severity(self.standard) == Severity::Off
    }

    /// Whether a rule is checked.
    pub(super) fn selects_rule(&self, rule: &Rule) -> bool {
        (self.only.is_empty() || self.only.contains(rule.id))
            && !self.without.contains(rule.id)
            && self.severity(rule) != Severity::Off
    }
}
