//! The product's question: can the central account use this KMS key to copy this backup?
//!
//! The copy is made by the central account's AWS Backup service-linked role
//! (<https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>), through EC2, RDS or FSx. Its
//! own permissions allow what it needs, so the key policy decides
//! (<https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html>).

use std::fmt;

pub use super::facts::{CentralAccount, KeyFacts, Organization, ViaService};
use super::service_request::{ServiceRequest, is_grant_action};
use crate::iam::decision::{BlockingDeny, Decision, Element, Verdict};
use crate::iam::document::Document;
use crate::iam::evaluator::{evaluate, find_blocking_deny};
use crate::iam::request::RolePrincipal;

/// Whether the copy fails without an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// It fails.
    Required,
    /// The guide asks for it.
    Recommended,
}

impl Need {
    /// As reports write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Recommended => "recommended",
        }
    }
}

/// The ten actions, in the order of reports.
pub const ACTIONS: [(&str, Need); 10] = [
    ("kms:DescribeKey", Need::Required),
    ("kms:CreateGrant", Need::Required),
    ("kms:Decrypt", Need::Required),
    ("kms:ReEncryptFrom", Need::Required),
    ("kms:GenerateDataKeyWithoutPlaintext", Need::Required),
    ("kms:Encrypt", Need::Recommended),
    ("kms:ReEncryptTo", Need::Recommended),
    ("kms:GenerateDataKey", Need::Recommended),
    ("kms:ListGrants", Need::Recommended),
    ("kms:RevokeGrant", Need::Recommended),
];

/// The decision on one action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionVerdict {
    /// `kms:Decrypt`
    pub action: &'static str,
    /// Whether the copy fails without it.
    pub need: Need,
    /// What the policy says.
    pub decision: Decision,
}

/// The overall result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overall {
    /// Every action is allowed.
    Shared,
    /// Every required action is allowed, a recommended one is not.
    PartlyShared,
    /// A required action is denied.
    NotShared,
    /// No required action is denied, and one depends on something that is not known offline.
    Conditional,
}

impl Overall {
    /// As reports write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shared => "shared",
            Self::PartlyShared => "partly-shared",
            Self::NotShared => "not-shared",
            Self::Conditional => "conditional",
        }
    }

    fn from_actions(actions: &[ActionVerdict]) -> Self {
        let worst = |need: Option<Need>| {
            let asked = actions
                .iter()
                .filter(|action| need.is_none_or(|need| action.need == need));
            asked
                .map(|action| action.decision.verdict())
                .max()
                .unwrap_or(Verdict::Allowed)
        };
        match (worst(Some(Need::Required)), worst(None)) {
            (Verdict::Denied, _) => Self::NotShared,
            (Verdict::Conditional, _) => Self::Conditional,
            (Verdict::Allowed, Verdict::Allowed) => Self::Shared,
            (Verdict::Allowed, _) => Self::PartlyShared,
        }
    }
}

impl fmt::Display for Overall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The central account's access to a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyAccess {
    /// The ARN of the calling role.
    pub principal: String,
    /// The overall result.
    pub overall: Overall,
    /// The answer on each of [`ACTIONS`], in that order.
    pub actions: Vec<ActionVerdict>,
}

impl CopyAccess {
    /// The actions of one need that are not allowed for sure.
    pub fn missing_actions(&self, need: Need) -> impl Iterator<Item = &ActionVerdict> {
        let of_need = self
            .actions
            .iter()
            .filter(move |action| action.need == need);
        of_need.filter(|action| action.decision.verdict() != Verdict::Allowed)
    }

    /// Why an action is not allowed, as a sentence about the policy.
    ///
    /// Like [`Decision::reason`], but it sees the other actions: a policy that lets the central account use the key and
    /// make no grants is the guide's first statement without its second.
    #[must_use]
    pub fn reason(&self, action: &ActionVerdict) -> String {
        let verdict_of = |name: &str| {
            let found = self.actions.iter().find(|it| it.action == name);
            found.map(|it| it.decision.verdict())
        };
        let lacks_grants = verdict_of("kms:Decrypt") == Some(Verdict::Allowed)
            && verdict_of("kms:CreateGrant") != Some(Verdict::Allowed);
        let is_unmentioned = match &action.decision {
            Decision::ImplicitDeny { nearest } => nearest
                .as_ref()
                .is_none_or(|near| near.element == Element::Action),
            _ => false,
        };
        let reason = action.decision.reason();
        if is_grant_action(action.action) && lacks_grants && is_unmentioned {
            return format!(
                "{reason}; the grant statement is missing, and AWS services work through grants"
            );
        }
        reason
    }
}

/// The role that makes the copy: the central account's AWS Backup service-linked role, in the key's partition.
#[must_use]
pub fn service_linked_role(key: &KeyFacts, central: &CentralAccount) -> RolePrincipal {
    RolePrincipal {
        partition: key.partition().to_owned(),
        account: central.account_id.clone(),
        path: Some("/aws-service-role/backup.amazonaws.com/".to_owned()),
        name: "AWSServiceRoleForBackup".to_owned(),
        title: "the AWS Backup service-linked role",
    }
}

/// Evaluates a key policy for a copy through one service.
///
/// The root principal of the key's account includes only that account. The policy of a key that the central account owns is
/// evaluated the same way; see [`KeyFacts::is_central`].
#[must_use]
pub fn evaluate_copy_access(
    document: &Document,
    key: &KeyFacts,
    central: &CentralAccount,
    via: ViaService,
) -> CopyAccess {
    evaluate_through(document, key, central, &[via])
}

/// Evaluates a key policy for a copy through either service, with the worse decision on each action.
#[must_use]
pub fn evaluate_copy_access_any(
    document: &Document,
    key: &KeyFacts,
    central: &CentralAccount,
) -> CopyAccess {
    evaluate_through(document, key, central, &ViaService::ALL)
}

fn evaluate_through(
    document: &Document,
    key: &KeyFacts,
    central: &CentralAccount,
    paths: &[ViaService],
) -> CopyAccess {
    let mut requests = build_requests(key, central, paths);
    let mut worst = |action| {
        let decisions = requests
            .iter_mut()
            .map(|request| evaluate(document, request.with_action(action)));
        // The first of several worst answers, so that one path alone is not preferred by chance.
        decisions.reduce(|worst, next| {
            if next.verdict() > worst.verdict() {
                next
            } else {
                worst
            }
        })
    };
    let verdict = |(action, need)| {
        worst(action).map(|decision| ActionVerdict {
            action,
            need,
            decision,
        })
    };
    let actions: Vec<_> = ACTIONS.into_iter().filter_map(verdict).collect();
    CopyAccess {
        principal: service_linked_role(key, central).arn(),
        overall: Overall::from_actions(&actions),
        actions,
    }
}

/// Returns the Deny statement that blocks the copy or may block it. A statement that is added to the policy cannot
/// override it. One that certainly applies comes first. `via` is `None` for either service.
#[must_use]
pub fn find_copy_deny(
    document: &Document,
    key: &KeyFacts,
    central: &CentralAccount,
    via: Option<ViaService>,
) -> Option<BlockingDeny> {
    let paths = via.map_or(ViaService::ALL.to_vec(), |via| vec![via]);
    let mut requests = build_requests(key, central, &paths);
    let mut open = None;
    for (action, _) in ACTIONS {
        for request in &mut requests {
            match find_blocking_deny(document, request.with_action(action)) {
                Some(found) if found.is_certain => return Some(found),
                found => open = open.or(found),
            }
        }
    }
    open
}

/// Returns the requests to evaluate: the key is used by the service-linked role, through each service, for an AWS
/// resource.
fn build_requests(
    key: &KeyFacts,
    central: &CentralAccount,
    paths: &[ViaService],
) -> Vec<ServiceRequest> {
    let id = central.org_id.clone();
    let organization = id.map_or(Organization::Unknown, Organization::Member);
    let role = service_linked_role(key, central);
    paths
        .iter()
        .map(|via| ServiceRequest::new(key, role.clone(), &organization, *via))
        .collect()
}
