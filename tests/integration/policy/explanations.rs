//! Why a key policy does not allow an action, in sentences that were written by hand: one statement in each form that a
//! sentence is about.

use backup_check::iam::document::Document;
use backup_check::key_sharing::copy::evaluate_copy_access;
use backup_check::key_sharing::facts::{CentralAccount, KeyFacts, ViaService};
use serde_json::{Value, json};

use super::CENTRAL;

pub(super) const OWN: &str = "111122223333";

/// Returns the ARN of the key of an account.
pub(super) fn key_of(account: &str) -> String {
    format!("arn:aws:kms:eu-central-1:{account}:key/1234abcd-12ab-34cd-56ef-1234567890ab")
}

pub(super) fn own_key() -> KeyFacts {
    KeyFacts {
        key_arn: Some(key_of(OWN)),
        key_account: OWN.to_owned(),
        region: Some("eu-central-1".to_owned()),
        key_spec: None,
        key_usage: None,
        origin: None,
        multi_region: None,
        tags: None,
    }
}

/// Returns a statement that allows everything to the central account, apart from these fields; null removes one.
fn statement(fields: &Value) -> Value {
    let mut all = json!({
        "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{CENTRAL}:root")}, "Action": "kms:*", "Resource": "*"
    });
    for (name, value) in fields.as_object().unwrap() {
        all[name] = value.clone();
    }
    all.as_object_mut().unwrap().retain(|_, it| !it.is_null());
    all
}

/// Returns why statements do not allow the central account an action on a key.
pub(super) fn explain_of(
    key: &KeyFacts,
    version: &str,
    statements: &[Value],
    action: &str,
) -> String {
    let statements: Vec<Value> = statements.iter().map(statement).collect();
    let policy = json!({"Version": version, "Statement": statements});
    let document = Document::parse(&policy.to_string()).unwrap();
    let central = CentralAccount {
        account_id: CENTRAL.to_owned(),
        org_id: None,
    };
    let access = evaluate_copy_access(&document, key, &central, ViaService::Ec2);
    let found = access.actions.iter().find(|it| it.action == action);
    access.reason(found.unwrap())
}

pub(super) fn explain(statements: &[Value], action: &str) -> String {
    explain_of(&own_key(), "2012-10-17", statements, action)
}

fn explain_condition(condition: &Value) -> String {
    explain(&[json!({"Condition": condition})], "kms:Decrypt")
}

/// Operators: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>.
#[test]
fn a_condition_that_does_not_hold_is_explained_by_its_operator() {
    for (condition, end) in [
        (
            json!({"StringEquals": {"kms:CallerAccount": OWN}}),
            "kms:CallerAccount is 111122223333, and kms:CallerAccount is 692653576357",
        ),
        (
            json!({"StringEqualsIfExists": {"kms:CallerAccount": OWN}}),
            "kms:CallerAccount is 111122223333 (or is absent), and kms:CallerAccount is 692653576357",
        ),
        (
            json!({"StringNotEquals": {"kms:CallerAccount": CENTRAL}}),
            "kms:CallerAccount is not 692653576357, and kms:CallerAccount is 692653576357",
        ),
        (
            json!({"StringLike": {"kms:CallerAccount": "1*"}}),
            "kms:CallerAccount is like 1*, and kms:CallerAccount is 692653576357",
        ),
        (
            json!({"StringNotLike": {"kms:CallerAccount": "6*"}}),
            "kms:CallerAccount is not like 6*, and kms:CallerAccount is 692653576357",
        ),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}),
            "aws:PrincipalArn is like arn:aws:iam::*:role/x, and aws:PrincipalArn is arn:aws:iam::692653576357:role/\
             aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup",
        ),
        (
            json!({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/aws-service-role/*"}}),
            "aws:PrincipalArn is not like arn:aws:iam::*:role/aws-service-role/*, and aws:PrincipalArn is \
             arn:aws:iam::692653576357:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup",
        ),
        (
            json!({"Bool": {"aws:SecureTransport": "false"}}),
            "aws:SecureTransport is false, and aws:SecureTransport is true",
        ),
        (
            json!({"BinaryEquals": {"aws:PrincipalType": "QQ=="}}),
            "aws:PrincipalType is QQ==, and aws:PrincipalType is AssumedRole",
        ),
        (
            json!({"IpAddress": {"aws:VpcSourceIp": "10.0.0.0/8"}}),
            "aws:VpcSourceIp is in 10.0.0.0/8, and aws:VpcSourceIp is not in the request",
        ),
        (
            json!({"NumericLessThan": {"aws:VpcSourceIp": "3"}}),
            "aws:VpcSourceIp satisfies NumericLessThan 3, and aws:VpcSourceIp is not in the request",
        ),
        (
            json!({"Null": {"kms:CallerAccount": "True"}}),
            "kms:CallerAccount is absent, and kms:CallerAccount is 692653576357",
        ),
        (
            json!({"Null": {"aws:SourceVpc": "False"}}),
            "aws:SourceVpc is present, and aws:SourceVpc is not in the request",
        ),
        (
            json!({"Null": {"aws:SourceVpc": "maybe"}}),
            "aws:SourceVpc satisfies Null maybe, and aws:SourceVpc is not in the request",
        ),
        (
            json!({"ForAnyValue:StringEquals": {"kms:CallerAccount": OWN}}),
            "some value of kms:CallerAccount is 111122223333, and kms:CallerAccount is 692653576357",
        ),
        (
            json!({"ForAllValues:StringEquals": {"kms:CallerAccount": OWN}}),
            "every value of kms:CallerAccount is 111122223333, and kms:CallerAccount is 692653576357",
        ),
    ] {
        let expected = format!("statement 1 allows it only if {end}");
        assert_eq!(explain_condition(&condition), expected);
    }
}

#[test]
fn what_is_not_known_of_a_condition_is_said() {
    for (condition, end) in [
        (
            json!({"StringEquals": {"aws:PrincipalOrgID": "o-exampleorgid"}}),
            "aws:PrincipalOrgID is o-exampleorgid, and the organization id is not known",
        ),
        (
            json!({"ForAnyValue:StringLike": {"aws:principalorgpaths": "o-exampleorgid/*"}}),
            "some value of aws:principalorgpaths is like o-exampleorgid/*, and the organization id is not known",
        ),
        (
            json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
            "aws:SourceIp is not in 10.0.0.0/8, and aws:SourceIp is not known offline",
        ),
        (
            json!({"ForAllValues:Null": {"aws:SourceVpc": "false"}}),
            "every value of aws:SourceVpc satisfies ForAllValues:Null false, and aws:SourceVpc is not in the request",
        ),
        (
            json!({"ForAnyValue:Null": {"aws:SourceVpc": "true"}}),
            "some value of aws:SourceVpc satisfies ForAnyValue:Null true, and aws:SourceVpc is not in the request",
        ),
        // The first condition holds, so it is the second that decides.
        (
            json!({"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceIdentity": "x"}}),
            "aws:SourceIdentity is x, and aws:SourceIdentity is not known offline",
        ),
    ] {
        let expected = format!("statement 1 allows kms:Decrypt only if {end}");
        assert_eq!(explain_condition(&condition), expected);
    }
    let nowhere = KeyFacts {
        key_arn: None,
        region: None,
        ..own_key()
    };
    for (condition, end) in [
        (
            json!({"StringEquals": {"aws:RequestedRegion": "eu-central-1"}}),
            "aws:RequestedRegion is eu-central-1, and aws:RequestedRegion is not known",
        ),
        (
            json!({"StringEquals": {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}}),
            "kms:ViaService is ec2.eu-central-1.amazonaws.com, and kms:ViaService is ec2.*.amazonaws.com, of which \"*\" is \
             not known",
        ),
    ] {
        let statements = [json!({"Condition": condition})];
        let expected = format!("statement 1 allows kms:Decrypt only if {end}");
        assert_eq!(
            explain_of(&nowhere, "2012-10-17", &statements, "kms:Decrypt"),
            expected
        );
    }
}

/// Only the `Like` operators have wildcards:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String>.
#[test]
fn a_wildcard_that_is_compared_literally_is_noted() {
    for (operator, values, like) in [
        ("StringEquals", json!("1*"), "StringLike"),
        ("StringEqualsIgnoreCase", json!("1*"), "StringLike"),
        ("StringEqualsIfExists", json!("1*"), "StringLikeIfExists"),
        ("StringNotEquals", json!(["1*", CENTRAL]), "StringNotLike"),
        (
            "StringNotEqualsIgnoreCase",
            json!(["1*", CENTRAL]),
            "StringNotLike",
        ),
        (
            "ForAnyValue:StringEquals",
            json!("1*"),
            "ForAnyValue:StringLike",
        ),
        (
            "ForAllValues:StringEqualsIfExists",
            json!("1*"),
            "ForAllValues:StringLikeIfExists",
        ),
        // Of several values one is enough.
        ("StringEquals", json!([OWN, "1*"]), "StringLike"),
    ] {
        let found = explain_condition(&json!({operator: {"kms:CallerAccount": values}}));
        let end = format!("; {operator} compares \"*\" literally, only {like} has wildcards");
        assert!(found.ends_with(&end), "{operator}: {found}");
    }
    for condition in [
        json!({"StringLike": {"kms:CallerAccount": "1*"}}),
        json!({"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::*:role/x"}}),
        // How a policy writes an asterisk.
        json!({"StringEquals": {"kms:CallerAccount": "${*}"}}),
        json!({"StringEquals": {"kms:CallerAccount": OWN}}),
    ] {
        let found = explain_condition(&condition);
        assert!(!found.contains("literally"), "{found}");
    }
}

#[test]
fn values_are_quoted_so_that_they_can_be_seen() {
    let long = "x".repeat(121);
    for (value, quoted) in [
        (json!("692653576357 "), "\"692653576357 \"".to_owned()),
        (json!(" 692653576357"), "\" 692653576357\"".to_owned()),
        (json!(""), "\"\"".to_owned()),
        (json!("6926\t53576357"), "6926 53576357".to_owned()),
        (json!(&long), format!("{}…", &long[..120])),
        (json!(&long[..120]), long[..120].to_owned()),
        (json!(["1", "2", "3"]), "1 or 2 or 3".to_owned()),
        (
            json!(["1", "2", "3", "4", "5"]),
            "1 or 2 or 3 or 2 more".to_owned(),
        ),
    ] {
        let found = explain_condition(&json!({"StringEquals": {"kms:CallerAccount": value}}));
        let expected = format!(
            "statement 1 allows it only if kms:CallerAccount is {quoted}, and kms:CallerAccount is 692653576357"
        );
        assert_eq!(found, expected);
    }
}

/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html>.
#[test]
fn a_policy_variable_is_named_or_said_to_be_none() {
    let condition = json!({"StringEquals": {"kms:CallerAccount": "${aws:PrincipalType}"}});
    let both = "statement 1 allows it only if kms:CallerAccount is ${aws:PrincipalType}, and kms:CallerAccount is \
                692653576357";
    for (version, end) in [
        ("2012-10-17", " (the condition uses a policy variable)"),
        (
            "2008-10-17",
            " (without Version 2012-10-17, ${...} is plain text)",
        ),
    ] {
        let statements = [json!({"Condition": condition})];
        let found = explain_of(&own_key(), version, &statements, "kms:Decrypt");
        assert_eq!(found, format!("{both}{end}"));
    }
    // In the older version the first condition fails, which would hold in the newer one.
    let condition = json!({
        "StringEquals": {"kms:CallerAccount": "${aws:PrincipalAccount}"}, "StringLike": {"aws:PrincipalType": "Assumed*"}
    });
    let statements = [json!({"Condition": condition})];
    let found = explain_of(&own_key(), "2008-10-17", &statements, "kms:Decrypt");
    assert!(
        found.contains("only if kms:CallerAccount is ${aws:PrincipalAccount}"),
        "{found}"
    );
}

/// <https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html>.
#[test]
fn the_conditions_that_keys_are_shared_with_have_their_own_sentences() {
    let grants = json!({"Bool": {"KMS:GrantIsForAWSResource": "true"}});
    assert_eq!(
        explain_condition(&grants),
        "statement 1 allows it only if KMS:GrantIsForAWSResource is true; KMS:GrantIsForAWSResource is present only in \
         requests for grant actions, so the condition never holds for kms:Decrypt"
    );
    let no_grants = json!({"Condition": {"Bool": {"kms:GrantIsForAWSResource": "false"}}});
    assert_eq!(
        explain(&[no_grants], "kms:CreateGrant"),
        "statement 1 allows it only if kms:GrantIsForAWSResource is false, and kms:GrantIsForAWSResource is true"
    );
    for (condition, end) in [
        (
            json!({"StringEquals": {"KMS:ViaService": "rds.*.amazonaws.com"}}),
            "through rds.*.amazonaws.com, and KMS:ViaService is ec2.eu-central-1.amazonaws.com; StringEquals compares \"*\" \
             literally, only StringLike has wildcards",
        ),
        (
            json!({"StringNotLike": {"kms:ViaService": "ec2.*.amazonaws.com"}}),
            "if kms:ViaService is not like ec2.*.amazonaws.com, and kms:ViaService is ec2.eu-central-1.amazonaws.com",
        ),
        (
            json!({"Null": {"kms:ViaService": "true"}}),
            "if kms:ViaService is absent, and kms:ViaService is ec2.eu-central-1.amazonaws.com",
        ),
    ] {
        let expected = format!("statement 1 allows it only {end}");
        assert_eq!(explain_condition(&condition), expected);
    }
}

/// What is absent or has a literal wildcard is more often a mistake than what differs, and a key that spares services
/// says least.
#[test]
fn an_explicit_deny_names_the_condition_that_surprises_most() {
    for (condition, end) in [
        (json!({}), ""),
        (
            json!({"Bool": {"aws:ViaAWSService": "true"}}),
            " if aws:ViaAWSService is true, and aws:ViaAWSService is true",
        ),
        (
            json!({
                "Bool": {"aws:ViaAWSService": "true"}, "BoolIfExists": {"aws:principalisawsservice": "false"},
                "StringEquals": {"kms:CallerAccount": CENTRAL}
            }),
            " if kms:CallerAccount is 692653576357, and kms:CallerAccount is 692653576357",
        ),
        (
            json!({
                "StringEquals": {"kms:CallerAccount": CENTRAL}, "StringNotEquals": {"aws:SourceVpc": "vpc-1"}
            }),
            " if aws:SourceVpc is not vpc-1, and aws:SourceVpc is not in the request",
        ),
        (
            json!({
                "StringEquals": {"kms:CallerAccount": CENTRAL}, "StringNotEquals": {"aws:PrincipalType": "Assumed*"}
            }),
            " if aws:PrincipalType is not Assumed*, and aws:PrincipalType is AssumedRole; StringNotEquals compares \"*\" \
             literally, only StringNotLike has wildcards",
        ),
    ] {
        let deny = json!({"Effect": "Deny", "Sid": "No", "Condition": condition});
        let expected = format!("statement 2 (\"No\") denies it explicitly{end}");
        assert_eq!(explain(&[json!({}), deny], "kms:Decrypt"), expected);
    }
}
