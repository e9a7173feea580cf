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

/// Condition keys that only a call through a VPC endpoint has. A forward access session does not keep those of the first
/// call. It keeps `aws:SourceIp`, which stays unknown: it is an address of AWS Backup.
///
/// Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_forward_access_sessions.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-network-properties>.
/// Checked 2026-11-29.
const OF_VPC_ENDPOINTS: [&str; 7] = [
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
];

/// Condition keys that only a call by a service principal, a user, or a session of another origin has: AWS Backup assumes
/// the role by itself, without MFA, and no other service delivers its credentials.
///
/// Sources: the availability of each key on
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>. Checked 2026-11-29.
const OF_OTHER_CALLERS: [&str; 22] = [
    "aws:AssumedRoot",
    "aws:ChatbotSourceArn",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:SignInSessionArn",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:username",
    "codebuild:BuildArn",
    "codebuild:ProjectArn",
    "ec2:RoleDelivery",
    "ec2:SourceInstanceArn",
    "glue:CredentialIssuingService",
    "glue:RoleAssumedBy",
    "lambda:SourceFunctionArn",
    "ssm:SourceInstanceArn",
];

const OF_GRANTS: &[&str] = &["kms:CreateGrant"];
const OF_DATA: &[&str] = &[
    "kms:Decrypt",
    "kms:Encrypt",
    "kms:GenerateDataKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];

/// Condition keys of AWS KMS that only requests for some actions have, of the actions of a copy or a backup.
///
/// Source: <https://docs.aws.amazon.com/kms/latest/developerguide/kms-api-permissions-reference.html>. Checked 2026-11-29.
const OF_ACTIONS: [(&str, &[&str]); 8] = [
    ("kms:EncryptionAlgorithm", OF_DATA),
    ("kms:GrantConstraintSourceArn", OF_GRANTS),
    ("kms:GrantConstraintType", OF_GRANTS),
    ("kms:GranteePrincipal", OF_GRANTS),
    ("kms:GranteeServicePrincipal", OF_GRANTS),
    ("kms:GrantOperations", OF_GRANTS),
    ("kms:RetiringPrincipal", OF_GRANTS),
    ("kms:RetiringServicePrincipal", OF_GRANTS),
];

/// Sets what is known of a session of a role that AWS Backup assumed, except for the role itself.
///
/// Temporary credentials have `aws:MultiFactorAuthPresent`, which is false without MFA. AWS does not say so of the
/// credentials of its services.
pub(crate) fn set_session(context: &mut Context, account: &str) {
    context.set("aws:PrincipalAccount", Value::one(account));
    context.set("aws:PrincipalType", Value::one("AssumedRole"));
    context.set("aws:PrincipalIsAWSService", Value::one("false"));
    context.set(
        "aws:MultiFactorAuthPresent",
        Value::Possible("false".to_owned()),
    );
    context.set("aws:SecureTransport", Value::one("true"));
    for name in OF_OTHER_CALLERS.iter().chain(&OF_VPC_ENDPOINTS) {
        context.set(name, Value::Absent);
    }
}

/// Returns the request of one action on the key by a role, through a service, for an AWS resource.
pub(super) fn build_service_request(
    key: &KeyFacts,
    role: RolePrincipal,
    organization: &Organization,
    via: ViaService,
    action: &str,
) -> Request {
    let mut context = Context::default();
    set_principal(&mut context, &role);
    set_organization(&mut context, organization);
    set_path(&mut context, key, via);
    set_action(&mut context, action);
    set_key(&mut context, key);
    Request {
        principal: role,
        action: action.to_owned(),
        resource: key.arn_shape(),
        context,
    }
}

fn set_principal(context: &mut Context, role: &RolePrincipal) {
    set_session(context, &role.account);
    context.set("kms:CallerAccount", Value::one(&role.account));
    context.set("aws:PrincipalArn", value_from_shape(role.arn()));
}

/// Sets the organization of the role, which is also that of the key: AWS Backup copies only within one organization
/// (<https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>).
fn set_organization(context: &mut Context, organization: &Organization) {
    for whose in ["Principal", "Resource"] {
        let (id, paths) = organization.values();
        context.set(&format!("aws:{whose}OrgID"), id);
        context.set(&format!("aws:{whose}OrgPaths"), paths);
    }
}

fn set_path(context: &mut Context, key: &KeyFacts, via: ViaService) {
    let region = key.region().unwrap_or("*");
    // The suffix is the same in every partition:
    // https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service
    let service = format!("{}.{region}.amazonaws.com", via.as_str());
    context.set("kms:ViaService", value_from_shape(service));
    context.set("aws:ViaAWSService", Value::one("true"));
    context.set("aws:RequestedRegion", value_from_shape(region.to_owned()));
}

fn set_action(context: &mut Context, action: &str) {
    let for_resource = match is_grant_action(action) {
        true => Value::one("true"),
        false => Value::Absent,
    };
    context.set("kms:GrantIsForAWSResource", for_resource);
    for (name, actions) in OF_ACTIONS {
        if !actions.contains(&action) {
            context.set(name, Value::Absent);
        }
    }
    if matches!(
        action,
        "kms:DescribeKey" | "kms:ListGrants" | "kms:RevokeGrant"
    ) {
        context.set_family("kms:EncryptionContext:", Value::Absent);
        context.set("kms:EncryptionContextKeys", Value::Absent);
    }
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

/// Returns a value of which each `*` is not known.
fn value_from_shape(text: String) -> Value {
    if text.contains('*') {
        Value::Shaped(text)
    } else {
        Value::Known(vec![text])
    }
}
