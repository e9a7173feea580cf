//! Where the facts come from that decide a finding about a plan or template.

use std::collections::BTreeMap;

use crate::model::snapshot::{DefaultFact, Snapshot, Source};
use crate::report::{FactSource, Status};
use crate::rule::{Group, Rule};

/// The statuses and messages of the findings about the file alone, by rule and ARN.
pub(super) type FindingsWithoutAccount = BTreeMap<(&'static str, String), (Status, String)>;

/// What decides the findings about a snapshot: the file that it was read from, the account that completed the
/// file, and defaults.
#[derive(Debug)]
pub(super) struct FactSources<'a> {
    snapshot: &'a Snapshot,
    without_account: FindingsWithoutAccount,
}

impl<'a> FactSources<'a> {
    /// Creates the table. `without_account` are the findings about the file alone; none if no account completed it.
    pub(super) fn new(snapshot: &'a Snapshot, without_account: FindingsWithoutAccount) -> Self {
        FactSources {
            snapshot,
            without_account,
        }
    }

    /// Returns where the facts come from that decide a finding: from the account if the finding would be
    /// another one without it.
    pub(super) fn find(
        &self,
        rule: &Rule,
        arn: &str,
        (status, message): (Status, &str),
    ) -> Vec<FactSource> {
        let file = match self.snapshot.source {
            Source::Aws | Source::Snapshot => return Vec::new(),
            Source::TerraformPlan | Source::TerraformState => FactSource::Plan,
            Source::Cloudformation => FactSource::Template,
        };
        let mut sources = Vec::new();
        let without = self.without_account.get(&(rule.id, arn.to_owned()));
        let is_in_file = match without {
            Some((status, _)) => *status != Status::Skip,
            None => self.snapshot.account_from.is_none(),
        };
        if is_in_file || self.snapshot.places.contains_key(arn) {
            sources.push(file);
        }
        let differs = without.is_none_or(|it| (it.0, it.1.as_str()) != (status, message));
        if self.snapshot.account_from.is_some() && differs {
            sources.push(FactSource::Account);
        }
        let defaults = self.snapshot.defaults.get(arn);
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
