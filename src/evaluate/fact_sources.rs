//! Where the facts come from that decide a finding about a plan or template.

use std::collections::BTreeMap;

use crate::model::snapshot::{DefaultFact, Snapshot, Source};
use crate::report::{FactSource, Status};
use crate::rule::{Group, Rule};
use crate::settings::Settings;

use super::evaluate_each;
use super::evaluation::Evaluation;
use super::options::Options;
use super::resource::Subject;

/// The statuses and messages of the findings of a plan or template alone, by their ids.
#[derive(Debug, Default)]
pub(super) struct FindingsByFile(BTreeMap<String, (Status, String)>);

impl FindingsByFile {
    /// Evaluates a plan or template that an account completed as if it had not; empty for any other snapshot.
    pub(super) fn of_snapshot(
        snapshot: &Snapshot,
        settings: &Settings,
        options: &Options,
        rules: &[&'static Rule],
    ) -> Self {
        let mut found = BTreeMap::new();
        if let Some(file) = &snapshot.file_only {
            evaluate_each(file, settings, options, rules, &mut |finding| {
                found.insert(finding.id, (finding.status, finding.message));
            });
        }
        FindingsByFile(found)
    }
}

impl Evaluation<'_, '_> {
    /// Returns where the facts come from that decide a finding: from the account if the finding would be
    /// another one without it.
    pub(super) fn find_sources(
        &self,
        rule: &Rule,
        subject: &Subject<'_>,
        id: &str,
        (status, message): (Status, &str),
    ) -> Vec<FactSource> {
        let file = match self.snapshot.source {
            Source::Aws | Source::Snapshot => return Vec::new(),
            Source::TerraformPlan | Source::TerraformState => FactSource::Plan,
            Source::Cloudformation => FactSource::Template,
        };
        let mut sources = Vec::new();
        let without = self.without_account.0.get(id);
        let is_in_file = match without {
            Some((status, _)) => *status != Status::Skip,
            None => self.snapshot.account_from.is_none(),
        };
        if is_in_file || self.snapshot.places.contains_key(&subject.arn) {
            sources.push(file);
        }
        let differs = without.is_none_or(|it| (it.0, it.1.as_str()) != (status, message));
        if self.snapshot.account_from.is_some() && differs {
            sources.push(FactSource::Account);
        }
        let defaults = self.snapshot.defaults.get(&subject.arn);
        if defaults.is_some_and(|facts| facts.iter().any(|fact| decides(*fact, rule))) {
            sources.push(FactSource::Default);
        }
        sources
    }
}

/// Whether a rule reads a fact that was left to a default.
fn decides(fact: DefaultFact, rule: &Rule) -> bool {
    match fact {
        DefaultFact::Encryption => rule.group == Group::Encryption,
        DefaultFact::Policy => matches!(
            rule.id,
            "kms-key-shared"
                | "kms-key-fully-shared"
                | "kms-key-locally-usable"
                | "s3-gateway-endpoint-open"
        ),
        DefaultFact::Retention => rule.id == "rds-automated-backups-enabled",
        DefaultFact::Versioning => {
            matches!(rule.id, "s3-versioning-enabled" | "s3-old-versions-expire")
        }
    }
}
