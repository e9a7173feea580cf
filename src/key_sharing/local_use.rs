//! Whether AWS Backup can back up a resource of this account that is encrypted with a key.

use super::facts::{BackupRole, KeyFacts, ViaService};
use super::service_request::ServiceRequest;
use crate::iam::decision::{Decision, Verdict};
use crate::iam::document::Document;
use crate::iam::evaluator::evaluate;
use crate::iam::request::RolePrincipal;

/// The access of the backup role of the key's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAccess {
    /// The service that the role uses the key through.
    pub via: ViaService,
    /// The decision on each of [`ViaService::backup_role_actions`], in that order.
    pub actions: Vec<(&'static str, Decision)>,
}

impl LocalAccess {
    /// Returns whether the backup role of the key's account can use the key: the worst verdict on an action.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let verdicts = self.actions.iter().map(|(_, decision)| decision.verdict());
        verdicts.max().unwrap_or(Verdict::Allowed)
    }

    /// Returns the actions with the worst verdict.
    #[must_use]
    pub fn worst_actions(&self) -> Vec<&'static str> {
        let worst = self.verdict();
        let actions = self.actions.iter();
        let with_worst = actions.filter(|(_, decision)| decision.verdict() == worst);
        with_worst.map(|(action, _)| *action).collect()
    }

    /// Returns a decision with the worst verdict: an explicit deny if there is one. `None` where nothing is needed.
    #[must_use]
    pub fn worst_decision(&self) -> Option<&Decision> {
        let worst = self.verdict();
        let decisions = || {
            let decisions = self.actions.iter().map(|(_, decision)| decision);
            decisions.filter(move |decision| decision.verdict() == worst)
        };
        let explicit = decisions().find(|it| matches!(it, Decision::ExplicitDeny { .. }));
        explicit.or_else(|| decisions().next())
    }

    /// Returns the reason for the verdict, as a sentence about the policy.
    #[must_use]
    pub fn reason(&self) -> String {
        let decision = self.worst_decision();
        decision.map_or_else(|| "nothing is needed".to_owned(), Decision::reason)
    }
}

/// Evaluates whether the backup role of the key's account can use the key through a service, because the policy names it
/// or delegates to IAM by naming the account.
///
/// Allowed means for sure, as far as the key policy goes: the role's own permissions are not read here.
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
#[must_use]
pub fn evaluate_local_access(
    document: &Document,
    key: &KeyFacts,
    role: &BackupRole,
    via: ViaService,
) -> LocalAccess {
    let (path, name) = match role.name.trim_start_matches('/').rsplit_once('/') {
        Some((path, name)) => (Some(format!("/{path}/")), name),
        None => (None, role.name.as_str()),
    };
    let caller = RolePrincipal {
        partition: key.partition().to_owned(),
        account: role.account.clone(),
        path,
        name: name.to_owned(),
        title: "the backup role",
    };
    let mut request = ServiceRequest::new(key, caller, &role.organization, via);
    let decide = |action: &'static str| (action, evaluate(document, request.with_action(action)));
    LocalAccess {
        via,
        actions: via
            .backup_role_actions()
            .iter()
            .copied()
            .map(decide)
            .collect(),
    }
}

/// Combines the verdicts of the services that may use a key: conditional if they differ.
#[must_use]
pub fn combine_verdicts(through: &[LocalAccess]) -> Verdict {
    let mut verdicts = through.iter().map(LocalAccess::verdict);
    let first = verdicts.next().unwrap_or(Verdict::Allowed);
    if verdicts.all(|it| it == first) {
        first
    } else {
        Verdict::Conditional
    }
}
