//! IAM: the roles that make the backups.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;

use crate::model::arn::Arn;
use crate::model::backup::BackupRole;
use crate::model::observed::{Gap, GapKind, Observed};
use crate::model::snapshot::{GLOBAL, Region};

use super::call::{Caller, Operation, Scope};
use super::organizations::Policy;
use super::scan_scope::{Reads, asked};
use super::session::Session;

const GET_ROLE: Operation = Operation::new("iam:GetRole");
const LIST_ATTACHED_POLICIES: Operation = Operation::new("iam:ListAttachedRolePolicies");
const LIST_POLICIES: Operation = Operation::new("iam:ListRolePolicies");

/// What reading where a role is takes.
pub const ROLE_OPERATIONS: &[Operation] = &[GET_ROLE];
/// What reading roles takes.
pub const OPERATIONS: &[Operation] = &[GET_ROLE, LIST_ATTACHED_POLICIES, LIST_POLICIES];

/// The roles that the organization's policy names, or else the company's, by name. Where the account is
/// not judged, all that matters of them is the path, which the policy gives.
pub async fn roles(
    session: &Session,
    caller: &Arc<Caller>,
    policy: &Policy<'_>,
    company_role: &str,
    reads: &Reads,
) -> BTreeMap<String, Observed<Option<BackupRole>>> {
    let named = match policy.get().await {
        Observed::Known(Some(_)) if !reads.account => return BTreeMap::new(),
        Observed::Known(Some(policy)) => policy.role_arns(&session.account),
        _ => Vec::new(),
    };
    let mut names = own_names(session, named.iter().map(String::as_str));
    if named.is_empty() {
        names.extend(company_role.rsplit('/').next().map(str::to_owned));
    }
    read(session, caller, names, reads).await
}

/// The roles that the account's own plans name and that were not read yet.
pub async fn of_plans(
    session: &Session,
    caller: &Arc<Caller>,
    regions: &BTreeMap<String, Region>,
    known: &BTreeMap<String, Observed<Option<BackupRole>>>,
    reads: &Reads,
) -> BTreeMap<String, Observed<Option<BackupRole>>> {
    let plans = regions
        .values()
        .flat_map(|region| &region.backup_plans.items);
    let selections = plans.flat_map(|plan| &plan.selections.items);
    let mut names = own_names(session, selections.map(|it| it.role_arn.as_str()));
    names.retain(|name| !known.contains_key(name));
    if names.is_empty() {
        return BTreeMap::new();
    }
    read(session, caller, names, reads).await
}

/// The names of the account's own roles among some ARNs. A name is unique in its account, whatever its path.
fn own_names<'a>(session: &Session, arns: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    arns.filter_map(Arn::parse)
        .filter(|arn| arn.account == session.account)
        .filter_map(|arn| arn.resource.rsplit('/').next())
        .map(str::to_owned)
        .collect()
}

async fn read(
    session: &Session,
    caller: &Arc<Caller>,
    names: BTreeSet<String>,
    reads: &Reads,
) -> BTreeMap<String, Observed<Option<BackupRole>>> {
    let scope = &caller.scope(GLOBAL, "backup");
    let read = names.into_iter().map(|name| async move {
        let role = role(session, scope, &name, reads).await;
        (name, role.into())
    });
    join_all(read).await.into_iter().collect()
}

async fn role(
    session: &Session,
    scope: &Scope,
    name: &str,
    reads: &Reads,
) -> Result<Option<BackupRole>, Gap> {
    let client = session.iam(&session.home);
    let call = client.get_role().role_name(name).send();
    let Some(answer) = scope.find(GET_ROLE, &["NoSuchEntity"], call).await? else {
        return Ok(None);
    };
    let role = GET_ROLE.field(answer.role, "Role").get()?.clone();
    let attached = client
        .list_attached_role_policies()
        .role_name(name)
        .into_paginator()
        .send();
    let inline = client
        .list_role_policies()
        .role_name(name)
        .into_paginator()
        .send();
    let policies = async {
        tokio::join!(
            scope.list(LIST_ATTACHED_POLICIES, attached, |page| {
                let policies = page.attached_policies?.into_iter();
                Some(policies.map(|policy| policy.policy_arn).collect())
            }),
            scope.list(LIST_POLICIES, inline, |page| {
                Some(page.policy_names.into_iter().map(Some).collect())
            }),
        )
    };
    let (attached_policies, inline_policies) = asked(reads.account, policies).await;
    let document = role.assume_role_policy_document;
    let trust_policy = GET_ROLE.field(document, "AssumeRolePolicyDocument");
    Ok(Some(BackupRole {
        arn: role.arn,
        trust_policy: trust_policy.get().and_then(|text| decoded(text)).into(),
        boundary: role
            .permissions_boundary
            .and_then(|boundary| boundary.permissions_boundary_arn),
        attached_policies,
        inline_policies,
    }))
}

/// A policy as IAM returns it, URL-encoded after RFC 3986.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>.
fn decoded(text: &str) -> Result<String, Gap> {
    let garbled = || {
        let message = "the role's trust policy is not URL-encoded as IAM documents it";
        Gap::new(GapKind::Unreadable, message)
    };
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).ok_or_else(garbled)?;
        bytes.push(u8::from_str_radix(code, 16).map_err(|_| garbled())?);
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).map_err(|_| garbled())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_decoded() {
        assert_eq!(
            decoded("%7B%22a%22%3A%20%22b%22%7D").unwrap(),
            r#"{"a": "b"}"#
        );
        assert_eq!(decoded("{\"a\": 1}").unwrap(), "{\"a\": 1}");
        assert_eq!(decoded("%C3%A4").unwrap(), "ä");
        for garbled in ["%", "%7", "%zz", "%ä", "%C3"] {
            assert!(decoded(garbled).is_err(), "{garbled}");
        }
    }
}
