//! What is known of every call that AWS Backup makes with the backup role.
//!
//! Sources: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>,
//! <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbackup.html>. Checked 2026-11-29.

use crate::iam::request::{Context, Value};
use crate::key_sharing::facts::Organization;
use crate::key_sharing::service_request::OF_VPC_ENDPOINTS;

/// Keys that only a call by a service itself, a user or a session with MFA has.
const ABSENT: [&str; 8] = [
    "aws:MultiFactorAuthPresent",
    "aws:MultiFactorAuthAge",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
];

/// Sets what does not depend on the action: the session of the role, its organization, the way of the call.
pub(crate) fn set_call(context: &mut Context, account: &str, region: &str) {
    context.set("aws:PrincipalAccount", Value::one(account));
    context.set("aws:PrincipalType", Value::one("AssumedRole"));
    context.set("aws:PrincipalIsAWSService", Value::one("false"));
    // A service that uses a service role is no forward access session.
    context.set("aws:ViaAWSService", Value::one("false"));
    context.set("aws:RequestedRegion", Value::one(region));
    context.set("aws:SecureTransport", Value::one("true"));
    for name in ABSENT.iter().chain(&OF_VPC_ENDPOINTS) {
        context.set(name, Value::Absent);
    }
}

/// Sets the organization of what some keys are about: `aws:Principal`, `aws:Resource`, `backup:CopyTarget`. The
/// central account is in that of this account, or nothing is copied.
pub(crate) fn set_organization(context: &mut Context, organization: &Organization, whose: &[&str]) {
    for name in whose {
        let (id, paths) = organization.values();
        context.set(&format!("{name}OrgID"), id);
        context.set(&format!("{name}OrgPaths"), paths);
    }
}
