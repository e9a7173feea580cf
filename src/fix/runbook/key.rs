//! Runbooks for KMS keys.

use crate::fix::change::Step;
use crate::fix::shell::quote;
use crate::model::arn::Arn;

/// Returns the steps that enable a key.
pub(in crate::fix) fn enable_key(arn: &str, is_pending_deletion: bool) -> Vec<Step> {
    let region = Arn::parse(arn).map_or("", |arn| arn.region);
    let key = format!("--region {} --key-id {}", quote(region), quote(arn));
    let mut steps = vec![Step::note(
        "First find out why the key was disabled; it may be intentional.",
    )];
    if is_pending_deletion {
        steps.push(Step::note(
            "The deletion cannot be canceled after the waiting period.",
        ));
        steps.push(Step::run(
            format!("aws kms cancel-key-deletion {key}"),
            &["kms:CancelKeyDeletion"],
        ));
    }
    steps.push(Step::run(
        format!("aws kms enable-key {key}"),
        &["kms:EnableKey"],
    ));
    steps
}

/// Returns the steps that delegate access to a key to the IAM policies of this account.
pub(in crate::fix) fn grant_local_use(arn: &str, account: Option<&str>) -> Vec<Step> {
    let parsed = Arn::parse(arn);
    let key = format!(
        "--region {} --key-id {}",
        quote(parsed.map_or("", |arn| arn.region)),
        quote(arn)
    );
    let partition = parsed.map_or("aws", |arn| arn.partition);
    let account = account
        .or(parsed.map(|arn| arn.account))
        .unwrap_or_default();
    let statement = format!(
        r#"{{"Sid": "Enable IAM policies", "Effect": "Allow", "Principal": {{"AWS": "arn:{partition}:iam::{account}:root"}}, "Action": "kms:*", "Resource": "*"}}"#
    );
    vec![
        Step::note(
            "The key policy does not delegate to the IAM policies of this account, so the backup role cannot use the key. This statement of the default key policy delegates to them. Alternatively, allow only the backup role the actions of the guide. IAM policies cannot allow this change either: a principal that the key policy allows to administer the key must make it.",
        ),
        Step::run(
            format!(
                "aws kms get-key-policy {key} --policy-name default --query Policy --output text >policy.json  # add to its Statement: {statement}"
            ),
            &["kms:GetKeyPolicy"],
        ),
        Step::run(
            format!(
                "aws kms put-key-policy {key} --policy-name default --policy file://policy.json"
            ),
            &["kms:PutKeyPolicy"],
        ),
    ]
}
