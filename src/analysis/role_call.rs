//! What is known of every call that AWS Backup makes with the backup role, and of the call that assumes it.
//!
//! Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbackup.html>. Checked 2026-11-29.

use crate::iam::request::{Context, Value};
use crate::key_sharing::facts::Organization;
use crate::key_sharing::service_request::OF_VPC_ENDPOINTS;
use crate::model::arn::Arn;

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

/// Sets what is known of the session of a role that AWS Backup assumed, except for the role itself.
///
/// Temporary credentials have `aws:MultiFactorAuthPresent`, which is false without MFA. AWS does not say so of the
/// credentials of its services.
fn set_session(context: &mut Context, account: &str) {
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

/// Sets what does not depend on the action: the session of the role, its organization, the way of the call.
pub(crate) fn set_call(context: &mut Context, account: &str, region: &str) {
    set_session(context, account);
    // A service that uses a service role is no forward access session.
    context.set("aws:ViaAWSService", Value::one("false"));
    context.set("aws:RequestedRegion", Value::one(region));
}

/// Condition keys that the call of a service principal does not have: it is in no organization, has no session, and names
/// no external id.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>. Checked 2026-11-29.
const OF_OTHER_PRINCIPALS: [&str; 7] = [
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:username",
    "sts:ExternalId",
];

/// Returns the context in which AWS Backup assumes the role, for resources of the role's own account.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html>.
pub(crate) fn build_trust_context(
    role_arn: &str,
    service: &str,
    organization: &Organization,
) -> Context {
    let mut context = Context::default();
    if let Some(arn) = Arn::parse(role_arn) {
        for name in ["aws:SourceAccount", "aws:ResourceAccount"] {
            context.set(name, Value::one(arn.account));
        }
        let source = format!("arn:{}:backup:*:{}:*", arn.partition, arn.account);
        context.set("aws:SourceArn", Value::Shaped(source));
    }
    organization.set(&mut context, &["aws:Source", "aws:Resource"]);
    context.set("aws:SecureTransport", Value::one("true"));
    context.set("aws:PrincipalIsAWSService", Value::one("true"));
    context.set("aws:PrincipalServiceName", Value::one(service));
    for name in OF_OTHER_PRINCIPALS {
        context.set(name, Value::Absent);
    }
    context
}
