//! The request that KMS sees when a service uses a key on behalf of a role of AWS Backup.
//!
//! The service uses a forward access session: KMS checks the permissions of the role, and `kms:ViaService` names the
//! service. Each condition key is stated in
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#principaltable>,
//! <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html> or
//! <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html>; all others are unknown.

use super::facts::{KeyFacts, Organization, ViaService};
use crate::iam::request::{Context, Request, RolePrincipal, Value};

/// Whether an action is about grants: in those alone `kms:GrantIsForAWSResource` exists.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-grant-is-for-aws-resource>.
pub(super) fn is_grant_action(action: &str) -> bool {
    matches!(
        action,
        "kms:CreateGrant" | "kms:ListGrants" | "kms:RevokeGrant"
    )
}

/// The key of the encryption context of what AWS Backup encrypts with the key of a vault.
const VAULT_CONTEXT: &str = "aws:backup:backup-vault";

/// Condition keys that only a call through a VPC endpoint has. A forward access session does not keep those of the first
/// call. It keeps `aws:SourceIp`, which stays unknown: it is an address of AWS Backup.
///
/// Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-network-properties>.
/// Checked 2026-11-29.
pub(crate) const OF_VPC_ENDPOINTS: [&str; 7] = [
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
];

/// The request of a role that uses a key through a service, for an AWS resource. Its action changes: all but a few
/// condition keys are the same for each.
pub(super) struct ServiceRequest {
    request: Request,
    via: ViaService,
}

impl ServiceRequest {
    /// Returns a request that has no action yet.
    pub(super) fn new(
        key: &KeyFacts,
        role: RolePrincipal,
        organization: &Organization,
        via: ViaService,
    ) -> Self {
        let mut context = Context::default();
        set_principal(&mut context, &role);
        organization.set(&mut context, &["aws:Principal", "aws:Resource"]);
        set_path(&mut context, key, via);
        set_key(&mut context, key);
        let request = Request {
            principal: role,
            action: String::new(),
            resource: key.arn_shape(),
            context,
        };
        ServiceRequest { request, via }
    }

    /// Returns the request with an action.
    pub(super) fn with_action(&mut self, action: &str) -> &Request {
        action.clone_into(&mut self.request.action);
        set_action(&mut self.request.context, self.via, action);
        &self.request
    }
}

fn set_principal(context: &mut Context, role: &RolePrincipal) {
    for name in ["kms:CallerAccount", "aws:PrincipalAccount"] {
        context.set(name, Value::one(&role.account));
    }
    context.set("aws:PrincipalArn", Value::from_shape(role.arn()));
    context.set("aws:PrincipalType", Value::one("AssumedRole"));
    context.set("aws:PrincipalIsAWSService", Value::one("false"));
    for name in [
        "aws:PrincipalServiceName",
        "aws:PrincipalServiceNamesList",
        "aws:username",
    ] {
        context.set(name, Value::Absent);
    }
}

fn set_path(context: &mut Context, key: &KeyFacts, via: ViaService) {
    let region = key.region().unwrap_or("*");
    // The suffix is the same in every partition:
    // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    let service = format!("{}.{region}.amazonaws.com", via.as_str());
    context.set("kms:ViaService", Value::from_shape(service));
    context.set("aws:ViaAWSService", Value::one("true"));
    for name in OF_VPC_ENDPOINTS {
        context.set(name, Value::Absent);
    }
    context.set("aws:SecureTransport", Value::one("true"));
    context.set("aws:RequestedRegion", Value::from_shape(region.to_owned()));
}

fn set_action(context: &mut Context, via: ViaService, action: &str) {
    let for_resource = match is_grant_action(action) {
        true => Value::one("true"),
        false => Value::Absent,
    };
    context.set("kms:GrantIsForAWSResource", for_resource);
    let (context_pairs, context_keys) = match action {
        "kms:DescribeKey" | "kms:ListGrants" | "kms:RevokeGrant" => (Value::Absent, Value::Absent),
        // The context of backups under the key of a vault, as AWS's own policy has it:
        // https://docs.aws.amazon.com/aws-backup/latest/devguide/encryption.html#backup-permissions-grants-deny-statements
        _ if via == ViaService::Backup => (Value::Unknown, Value::one(VAULT_CONTEXT)),
        _ => (Value::Unknown, Value::Unknown),
    };
    context.set_family("kms:EncryptionContext:", context_pairs);
    context.set("kms:EncryptionContextKeys", context_keys);
}

fn set_key(context: &mut Context, key: &KeyFacts) {
    let account = Some(key.key_account.as_str()).filter(|account| !account.is_empty());
    context.set("aws:ResourceAccount", Value::known_or_unknown(account));
    let spec = Value::known_or_unknown(key.key_spec.as_deref());
    let usage = Value::known_or_unknown(key.key_usage.as_deref());
    context.set("kms:CustomerMasterKeySpec", spec.clone());
    context.set("kms:KeySpec", spec);
    context.set("kms:CustomerMasterKeyUsage", usage.clone());
    context.set("kms:KeyUsage", usage);
    let origin = Value::known_or_unknown(key.origin.as_deref());
    context.set("kms:KeyOrigin", origin);
    if let Some(multi_region) = key.multi_region {
        context.set("kms:MultiRegion", Value::one(multi_region.to_string()));
    }
    if let Some(tags) = &key.tags {
        context.set_family("aws:ResourceTag/", Value::Absent);
        for (name, value) in tags {
            context.set(&format!("aws:ResourceTag/{name}"), Value::one(value));
        }
    }
}
