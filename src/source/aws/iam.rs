//! IAM: the backup roles.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_iam::Client;
use futures_util::future::join_all;

use crate::iam::aws_managed::find_known;
use crate::model::arn::Arn;
use crate::model::backup::BackupRole;
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::snapshot::Region;

use super::call::ServiceCalls;
use super::listing::read_if;
use super::operation::{Operation, ResponseText};
use super::organizations::BackupPolicy;
use super::reader::AccountReader;

const GET_ROLE: Operation = Operation::new("iam:GetRole");
const LIST_ATTACHED_POLICIES: Operation = Operation::new("iam:ListAttachedRolePolicies");
const LIST_POLICIES: Operation = Operation::new("iam:ListRolePolicies");
const GET_ROLE_POLICY: Operation = Operation::new("iam:GetRolePolicy");
const GET_POLICY: Operation = Operation::new("iam:GetPolicy");
const GET_POLICY_VERSION: Operation = Operation::new("iam:GetPolicyVersion");

/// API operations used to locate the backup role.
pub const ROLE_OPERATIONS: &[Operation] = &[GET_ROLE];
/// API operations used to read backup roles with their policies.
pub const OPERATIONS: &[Operation] = &[
    GET_ROLE,
    LIST_ATTACHED_POLICIES,
    LIST_POLICIES,
    GET_ROLE_POLICY,
    GET_POLICY,
    GET_POLICY_VERSION,
];

/// Backup roles by name. `None` is a role that does not exist.
pub type BackupRoles = BTreeMap<String, Observed<Option<BackupRole>>>;

/// Reads the roles that the organization's backup policy names, or else the default backup role.
///
/// Without account rules only the path of a role is needed, and the policy contains it.
pub async fn read_roles(
    reader: &AccountReader<'_>,
    policy: &BackupPolicy<'_>,
    default_role: &str,
) -> BackupRoles {
    let arns = match policy.get().await {
        Observed::Known(Some(_)) if !reader.scope.role_policies => return BTreeMap::new(),
        Observed::Known(Some(policy)) => policy.role_arns(&reader.session.account),
        _ => Vec::new(),
    };
    let mut names = role_names(reader, arns.iter().map(String::as_str));
    if arns.is_empty() {
        names.extend(default_role.rsplit('/').next().map(str::to_owned));
    }
    read_by_name(reader, names).await
}

/// Reads the roles that the account's backup plans name and that were not read yet.
pub async fn read_roles_of_plans(
    reader: &AccountReader<'_>,
    regions: &BTreeMap<String, Region>,
    known: &BackupRoles,
) -> BackupRoles {
    let plans = regions
        .values()
        .flat_map(|region| &region.backup_plans.items);
    let selections = plans.flat_map(|plan| &plan.selections.items);
    let mut names = role_names(reader, selections.map(|it| it.role_arn.as_str()));
    names.retain(|name| !known.contains_key(name));
    if names.is_empty() {
        return BTreeMap::new();
    }
    read_by_name(reader, names).await
}

/// Returns the names of the roles that belong to this account. A name is unique in an account,
/// regardless of the path.
fn role_names<'a>(
    reader: &AccountReader<'_>,
    arns: impl Iterator<Item = &'a str>,
) -> BTreeSet<String> {
    arns.filter_map(Arn::parse)
        .filter(|arn| arn.account == reader.session.account)
        .filter_map(|arn| arn.resource.rsplit('/').next())
        .map(str::to_owned)
        .collect()
}

async fn read_by_name(reader: &AccountReader<'_>, names: BTreeSet<String>) -> BackupRoles {
    let calls = &reader.begin_global();
    let read = names.into_iter().map(|name| async move {
        let role = read_role(reader, calls, &name).await;
        (name, role.into())
    });
    join_all(read).await.into_iter().collect()
}

async fn read_role(
    reader: &AccountReader<'_>,
    calls: &ServiceCalls,
    name: &str,
) -> Result<Option<BackupRole>, Gap> {
    let client = reader.session.clients.iam(&reader.session.home);
    let call = client.get_role().role_name(name).send();
    let Some(response) = calls
        .find_optional(GET_ROLE, &["NoSuchEntity"], call)
        .await?
    else {
        return Ok(None);
    };
    let role = GET_ROLE.require_field(response.role, "Role").get()?.clone();
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
            calls.list_items(LIST_ATTACHED_POLICIES, attached, |page| {
                let policies = page.attached_policies?.into_iter();
                Some(policies.map(|policy| policy.policy_arn.filled()).collect())
            }),
            calls.list_items(LIST_POLICIES, inline, |page| {
                Some(
                    page.policy_names
                        .into_iter()
                        .map(ResponseText::filled)
                        .collect(),
                )
            }),
        )
    };
    let (attached_policies, inline_policies): (Listing<String>, Listing<String>) =
        read_if(reader.scope.role_policies, policies).await;
    let boundary = role
        .permissions_boundary
        .and_then(|boundary| boundary.permissions_boundary_arn.filled());
    // Without account rules only the path and the trust policy of a role are needed.
    let boundary_to_read = boundary.iter().filter(|_| reader.scope.role_policies);
    let managed = attached_policies.items.iter().chain(boundary_to_read);
    let managed: BTreeSet<&String> = managed.filter(|arn| find_known(arn).is_none()).collect();
    let mut documents = BTreeMap::new();
    for arn in managed {
        let document = read_managed_policy(&client, calls, arn).await;
        documents.insert(arn.clone(), document.into());
    }
    for policy in &inline_policies.items {
        let document = read_inline_policy(&client, calls, name, policy).await;
        documents.insert(policy.clone(), document.into());
    }
    let document = role.assume_role_policy_document;
    let trust_policy = GET_ROLE.require_text(document, "AssumeRolePolicyDocument");
    let arn = GET_ROLE.require_text(Some(role.arn), "Arn");
    Ok(Some(BackupRole {
        arn: arn.get()?.clone(),
        trust_policy: trust_policy
            .get()
            .and_then(|text| decode_policy(text))
            .into(),
        boundary,
        attached_policies,
        inline_policies,
        documents,
    }))
}

/// Reads the default version of a managed policy. AWS's own policies that are known by name are not read.
async fn read_managed_policy(
    client: &Client,
    calls: &ServiceCalls,
    arn: &str,
) -> Result<String, Gap> {
    let call = client.get_policy().policy_arn(arn).send();
    let response = calls.send_call(GET_POLICY, call).await?;
    let version = response.policy.and_then(|policy| policy.default_version_id);
    let version = GET_POLICY.require_text(version, "DefaultVersionId");
    let call = client
        .get_policy_version()
        .policy_arn(arn)
        .version_id(version.get()?)
        .send();
    let response = calls.send_call(GET_POLICY_VERSION, call).await?;
    let document = response.policy_version.and_then(|version| version.document);
    let document = GET_POLICY_VERSION.require_text(document, "Document");
    decode_policy(document.get()?)
}

/// Reads an inline policy of a role.
async fn read_inline_policy(
    client: &Client,
    calls: &ServiceCalls,
    role: &str,
    policy: &str,
) -> Result<String, Gap> {
    let call = client
        .get_role_policy()
        .role_name(role)
        .policy_name(policy)
        .send();
    let response = calls.send_call(GET_ROLE_POLICY, call).await?;
    let document = GET_ROLE_POLICY.require_text(Some(response.policy_document), "PolicyDocument");
    decode_policy(document.get()?)
}

/// Decodes a policy as IAM returns it, URL-encoded as in RFC 3986.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html>.
fn decode_policy(text: &str) -> Result<String, Gap> {
    let invalid = || {
        let message = "a policy of the role is not valid URL-encoded text";
        Gap::new(GapKind::Unreadable, message)
    };
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part.get(..2).ok_or_else(invalid)?;
        bytes.push(u8::from_str_radix(code, 16).map_err(|_| invalid())?);
        bytes.extend(part[2..].bytes());
    }
    String::from_utf8(bytes).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_are_decoded() {
        assert_eq!(
            decode_policy("%7B%22a%22%3A%20%22b%22%7D").unwrap(),
            r#"{"a": "b"}"#
        );
        assert_eq!(decode_policy("{\"a\": 1}").unwrap(), "{\"a\": 1}");
        assert_eq!(decode_policy("%C3%A4").unwrap(), "ä");
        for text in ["%", "%7", "%zz", "%ä", "%C3"] {
            assert!(decode_policy(text).is_err(), "{text}");
        }
    }
}
