//! The product's question: can the central account use this KMS key to copy this backup?
//!
//! The copy is made by the central account's AWS Backup service-linked role
//! (<https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>), through EC2 or RDS. Its
//! own permissions allow what it needs, so the key policy decides
//! (<https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-modifying-external-accounts.html>).

use std::fmt;

pub use super::facts::{CentralAccount, KeyFacts, ViaService};
use crate::iam::decision::{BlockingDeny, Decision, Element, Verdict};
use crate::iam::document::Document;
use crate::iam::evaluator::{evaluate, find_blocking_deny};
use crate::iam::request::{Context, Request, RolePrincipal, Value};

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

/// Whether an action is about grants: in those alone `kms:GrantIsForAWSResource` exists.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-grant-is-for-aws-resource>.
#[must_use]
pub fn is_grant_action(action: &str) -> bool {
    matches!(
        action,
        "kms:CreateGrant" | "kms:ListGrants" | "kms:RevokeGrant"
    )
}

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
        let by_name = |name: &str| self.actions.iter().find(|it| it.action == name);
        let usable = by_name("kms:Decrypt")
            .is_some_and(|decrypt| decrypt.decision.verdict() == Verdict::Allowed);
        let unheard = match &action.decision {
            Decision::ImplicitDeny { nearest } => nearest
                .as_ref()
                .is_none_or(|near| near.element == Element::Action),
            _ => false,
        };
        let reason = action.decision.reason();
        if is_grant_action(action.action) && usable && unheard {
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
    let worst = |action| {
        let decisions = paths
            .iter()
            .map(|via| evaluate(document, &build_request(key, central, *via, action)));
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
    let requests = ACTIONS.iter().flat_map(|(action, _)| {
        paths
            .iter()
            .map(|via| build_request(key, central, *via, action))
    });
    let mut open = None;
    for request in requests {
        match find_blocking_deny(document, &request) {
            Some(found) if found.is_certain => return Some(found),
            found => open = open.or(found),
        }
    }
    open
}

/// Returns the request to evaluate: one action on the key by the service-linked role, through a service, for an AWS resource.
#[must_use]
pub fn build_request(
    key: &KeyFacts,
    central: &CentralAccount,
    via: ViaService,
    action: &str,
) -> Request {
    let who = service_linked_role(key, central);
    let mut context = build_context(key, &who, action);
    // The suffix is the same in every partition:
    // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    let service = format!(
        "{}.{}.amazonaws.com",
        via.as_str(),
        key.region().unwrap_or("*")
    );
    context.set("kms:ViaService", value_from_shape(service));
    context.set(
        "aws:PrincipalOrgID",
        Value::known_or_unknown(central.org_id.as_deref()),
    );
    Request {
        principal: who,
        action: action.to_owned(),
        resource: key.arn_shape(),
        context,
    }
}

fn value_from_shape(text: String) -> Value {
    if text.contains('*') {
        Value::Shaped(text)
    } else {
        Value::Known(vec![text])
    }
}

/// The condition keys that do not depend on the path of the call.
///
/// Each is stated in
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable> or
/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html>; all others stay unknown.
fn build_context(key: &KeyFacts, who: &RolePrincipal, action: &str) -> Context {
    let mut context = Context::default();
    for name in ["kms:CallerAccount", "aws:PrincipalAccount"] {
        context.set(name, Value::one(&who.account));
    }
    context.set("aws:PrincipalArn", value_from_shape(who.arn()));
    context.set("aws:PrincipalType", Value::one("AssumedRole"));
    context.set("aws:PrincipalIsAWSService", Value::one("false"));
    for name in [
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "aws:username",
    ] {
        context.set(name, Value::Absent);
    }
    context.set("aws:SecureTransport", Value::one("true"));
    context.set(
        "aws:RequestedRegion",
        value_from_shape(key.region().unwrap_or("*").to_owned()),
    );
    let account = Some(key.key_account.as_str()).filter(|account| !account.is_empty());
    context.set("aws:ResourceAccount", Value::known_or_unknown(account));

    context.set(
        "kms:GrantIsForAWSResource",
        if is_grant_action(action) {
            Value::one("true")
        } else {
            Value::Absent
        },
    );
    if matches!(
        action,
        "kms:DescribeKey" | "kms:ListGrants" | "kms:RevokeGrant"
    ) {
        context.set_family("kms:EncryptionContext:", Value::Absent);
        context.set("kms:EncryptionContextKeys", Value::Absent);
    }

    let spec = Value::known_or_unknown(key.key_spec.as_deref());
    let usage = Value::known_or_unknown(key.key_usage.as_deref());
    context.set("kms:CustomerMasterKeySpec", spec.clone());
    context.set("kms:KeySpec", spec);
    context.set("kms:CustomerMasterKeyUsage", usage.clone());
    context.set("kms:KeyUsage", usage);
    context.set(
        "kms:KeyOrigin",
        Value::known_or_unknown(key.origin.as_deref()),
    );
    if let Some(multi_region) = key.multi_region {
        context.set("kms:MultiRegion", Value::one(multi_region.to_string()));
    }
    if let Some(tags) = &key.tags {
        context.set_family("aws:ResourceTag/", Value::Absent);
        for (name, value) in tags {
            context.set(&format!("aws:ResourceTag/{name}"), Value::one(value));
        }
    }
    context
}

/// The access of the key's own account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalAccess {
    /// Whether the backup role can use the key: the worst of `kms:DescribeKey`, `kms:Decrypt`, and the better of
    /// `kms:GenerateDataKey` and `kms:GenerateDataKeyWithoutPlaintext`.
    pub usage: Decision,
    /// Whether it can also create grants, which services whose backups inherit the key need.
    pub create_grant: Decision,
}

impl LocalAccess {
    /// Returns whether the backup role of the key's account can use the key.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.usage.verdict()
    }
}

/// Evaluates whether the backup role of the key's account can use the key, because the policy names it or delegates to
/// IAM by naming the account.
///
/// `backup_role` is a role's name, with its path where that is known (`service-role/Backup`). Allowed means for sure,
/// as far as the key policy goes: the role's permissions are not read here. The service that the call comes through is
/// not known, so a condition on `kms:ViaService` makes the answer conditional.
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html>.
#[must_use]
pub fn evaluate_local_access(
    document: &Document,
    key: &KeyFacts,
    account: &str,
    backup_role: &str,
) -> LocalAccess {
    let (path, name) = match backup_role.trim_start_matches('/').rsplit_once('/') {
        Some((path, name)) => (Some(format!("/{path}/")), name),
        None => (None, backup_role),
    };
    let who = RolePrincipal {
        partition: key.partition().to_owned(),
        account: account.to_owned(),
        path,
        name: name.to_owned(),
        title: "the backup role",
    };
    let decide = |action: &str| {
        let context = build_context(key, &who, action);
        let request = Request {
            principal: who.clone(),
            action: action.to_owned(),
            resource: key.arn_shape(),
            context,
        };
        evaluate(document, &request)
    };
    let worse = |a: Decision, b: Decision| if b.verdict() > a.verdict() { b } else { a };
    let better = |a: Decision, b: Decision| if b.verdict() < a.verdict() { b } else { a };
    let data_key = better(
        decide("kms:GenerateDataKey"),
        decide("kms:GenerateDataKeyWithoutPlaintext"),
    );
    LocalAccess {
        usage: worse(
            worse(decide("kms:DescribeKey"), decide("kms:Decrypt")),
            data_key,
        ),
        create_grant: decide("kms:CreateGrant"),
    }
}
