//! Which statement of a key policy comes closest to allowing an action, and what it lacks, in sentences that were written by
//! hand.

use backup_check::key_sharing::facts::KeyFacts;
use serde_json::json;

use super::CENTRAL;
use super::explanations::{OWN, explain, explain_of, key_of, own_key};

#[test]
fn the_statement_that_lacks_least_is_the_near_miss() {
    let other_key = json!({"Resource": key_of("444455556666")});
    let condition = json!({"Condition": {"StringEquals": {"kms:CallerAccount": OWN}}});
    let both = json!({
        "Resource": key_of("444455556666"), "Condition": {"StringEquals": {"kms:CallerAccount": OWN}}
    });
    let other_action = json!({"Action": "kms:Sign"});
    let role =
        |name: &str| json!({"Principal": {"AWS": format!("arn:aws:iam::{CENTRAL}:role/{name}")}});
    let unrelated = json!({"Principal": {"AWS": "arn:aws:iam::444455556666:root"}});
    let deny = json!({"Effect": "Deny", "Resource": key_of("444455556666")});
    for (statements, nearest, part) in [
        ([&both, &condition], "2", "allows it only if"),
        ([&both, &other_key], "2", "allows it on another resource"),
        ([&condition, &both], "1", "allows it only if"),
        // Of equals the first.
        (
            [&other_key, &condition],
            "1",
            "allows it on another resource",
        ),
        ([&condition, &other_key], "1", "allows it only if"),
        (
            [&both, &role("other")],
            "1",
            "allows it on another resource",
        ),
        (
            [&role("other"), &both],
            "2",
            "allows it on another resource",
        ),
        ([&other_action, &role("other")], "2", "names another role"),
        ([&role("other"), &other_action], "1", "names another role"),
        ([&unrelated, &other_action], "2", "applies to"),
        ([&deny, &other_action], "2", "applies to"),
        ([&role("first"), &role("second")], "1", "role/first"),
    ] {
        let found = explain(&statements.map(std::clone::Clone::clone), "kms:Decrypt");
        let start = format!("statement {nearest} ");
        assert!(
            found.starts_with(&start) && found.contains(part),
            "{statements:?}: {found}"
        );
    }
    assert_eq!(
        explain(&[unrelated, deny], "kms:Decrypt"),
        "no statement allows it"
    );
}

/// `kms:ReEncrypt` is no action: there are `kms:ReEncryptFrom` and `kms:ReEncryptTo`.
#[test]
fn an_action_that_is_not_allowed_is_explained() {
    let role = "the AWS Backup service-linked role";
    for (fields, action, end) in [
        (
            json!({"Action": ["kms:Encrypt", "KMS:reencrypt"]}),
            "kms:ReEncryptFrom",
            format!(
                "applies to {role} but allows kms:Encrypt, KMS:reencrypt, not kms:ReEncryptFrom; kms:ReEncrypt is not an \
                 action; use kms:ReEncrypt*"
            ),
        ),
        (
            json!({"Action": ["kms:Encrypt", "kms:ReEncrypt"]}),
            "kms:Decrypt",
            format!("applies to {role} but allows kms:Encrypt, kms:ReEncrypt, not kms:Decrypt"),
        ),
        (
            json!({"Action": "kms:Encrypt"}),
            "kms:ReEncryptFrom",
            format!("applies to {role} but allows kms:Encrypt, not kms:ReEncryptFrom"),
        ),
        (
            json!({"Action": []}),
            "kms:Decrypt",
            "has no Action, so it has no effect".to_owned(),
        ),
        (
            json!({"Action": null}),
            "kms:Decrypt",
            "has no Action, so it has no effect".to_owned(),
        ),
        (
            json!({"Action": null, "NotAction": "kms:Decrypt"}),
            "kms:Decrypt",
            "excludes kms:Decrypt with NotAction".to_owned(),
        ),
    ] {
        assert_eq!(explain(&[fields], action), format!("statement 1 {end}"));
    }
}

/// In a key policy `*` is the key itself: <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html>.
#[test]
fn a_resource_that_is_not_the_key_is_explained() {
    let (central, other) = (key_of(CENTRAL), key_of("444455556666"));
    let of_bucket = format!("arn:aws:any:eu-central-1:{CENTRAL}:it/it");
    let hint = "in a key policy Resource is \"*\" or the ARN of the key";
    for (fields, end) in [
        (
            json!({"Resource": [&other, &central]}),
            format!(
                "allows it on the central key ({central}), which grants nothing on this one; in a key policy Resource is \"*\""
            ),
        ),
        (
            json!({"Resource": [&other, &of_bucket]}),
            format!("allows it on another resource ({other} or {of_bucket}); {hint}"),
        ),
        (
            json!({"Resource": []}),
            "has no Resource, so it has no effect".to_owned(),
        ),
        (
            json!({"Resource": null}),
            "has no Resource, so it has no effect".to_owned(),
        ),
        (
            json!({"Resource": null, "NotResource": "*"}),
            "excludes this key with NotResource".to_owned(),
        ),
    ] {
        assert_eq!(
            explain(&[fields], "kms:Decrypt"),
            format!("statement 1 {end}")
        );
    }
    // Of a key in the central account another one is just another.
    let of_central = KeyFacts {
        key_arn: Some(format!("{central}0")),
        key_account: CENTRAL.to_owned(),
        ..own_key()
    };
    let statements = [json!({"Resource": &central})];
    assert_eq!(
        explain_of(&of_central, "2012-10-17", &statements, "kms:Decrypt"),
        format!("statement 1 allows it on another resource ({central}); {hint}")
    );
}

/// Principals: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
#[test]
fn a_related_principal_is_named() {
    let role = "the AWS Backup service-linked role";
    let linked = "role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup";
    let (central, other) = (key_of(CENTRAL), key_of("444455556666"));
    for (principal, end) in [
        (
            json!({"Service": "backup.amazonaws.com"}),
            format!("names the service backup.amazonaws.com as principal; the caller is {role}"),
        ),
        (
            json!({"AWS": &central}),
            format!("names the central key's ARN ({central}) as principal, which grants nothing"),
        ),
        (
            json!({"AWS": &other}),
            format!("names a key's ARN ({other}) as principal, which grants nothing"),
        ),
        (
            json!({"AWS": format!("arn:aws:iam::{CENTRAL}:role/*")}),
            format!(
                "names arn:aws:iam::{CENTRAL}:role/* as principal: a wildcard in part of a principal matches nothing"
            ),
        ),
        // A name that is no ARN, with a wildcard.
        (
            json!({"AWS": "6926535763?7"}),
            "names 6926535763?7 as principal: a wildcard in part of a principal matches nothing"
                .to_owned(),
        ),
        (
            json!({"AWS": "69265357635*"}),
            "names 69265357635* as principal: a wildcard in part of a principal matches nothing"
                .to_owned(),
        ),
        (
            json!({"AWS": format!("arn:aws:sts::{CENTRAL}:assumed-role/AWSServiceRoleForBackup/")}),
            format!(
                "names a session of another role of {CENTRAL} (arn:aws:sts::{CENTRAL}:assumed-role/AWSServiceRoleForBackup/), \
                 which is not {role}"
            ),
        ),
        (
            json!({"AWS": format!("arn:aws:iam::{CENTRAL}:user/ops")}),
            format!(
                "names a user of {CENTRAL} (arn:aws:iam::{CENTRAL}:user/ops), which is not {role}"
            ),
        ),
        (
            json!({"AWS": format!("arn:aws:iam::{CENTRAL}:role/ops")}),
            format!(
                "names another role of {CENTRAL} (arn:aws:iam::{CENTRAL}:role/ops), which is not {role}"
            ),
        ),
        (
            json!({"AWS": format!("arn:aws:iam::{CENTRAL}:role/AWSServiceRoleForBackup")}),
            format!(
                "names arn:aws:iam::{CENTRAL}:role/AWSServiceRoleForBackup, which is not the ARN of {role}: that is \
                 arn:aws:iam::{CENTRAL}:{linked}"
            ),
        ),
        (
            json!({"AWS": format!("arn:aws-cn:iam::{CENTRAL}:root")}),
            format!(
                "names arn:aws-cn:iam::{CENTRAL}:root, which is in another partition than the key"
            ),
        ),
    ] {
        let fields = json!({"Principal": principal});
        assert_eq!(
            explain(&[fields], "kms:Decrypt"),
            format!("statement 1 {end}")
        );
    }
    for unrelated in [
        json!({"Service": "ec2.amazonaws.com"}),
        json!({"AWS": "arn:aws:iam::444455556666:root"}),
        json!({"AWS": "444455556666"}),
        json!({"AWS": "AROAEXAMPLEID"}),
    ] {
        let fields = json!({"Principal": unrelated});
        assert_eq!(explain(&[fields], "kms:Decrypt"), "no statement allows it");
    }
}

/// A session name is not known offline, and neither is the ARN of a key of a plan.
#[test]
fn a_statement_that_may_apply_is_explained() {
    let role = "the AWS Backup service-linked role";
    let session = format!("arn:aws:sts::{CENTRAL}:assumed-role/AWSServiceRoleForBackup/job");
    assert_eq!(
        explain(&[json!({"Principal": {"AWS": session}})], "kms:Decrypt"),
        format!(
            "statement 1 allows kms:Decrypt to a session of {role} by its name, which is not known offline"
        )
    );
    let except = json!({
        "Effect": "Deny", "Principal": null,
        "NotPrincipal": {"AWS": [format!("arn:aws:iam::{CENTRAL}:root"), format!("arn:aws:iam::{CENTRAL}:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup")]}
    });
    assert_eq!(
        explain(&[json!({}), except], "kms:Decrypt"),
        format!(
            "statement 2 denies kms:Decrypt to all principals except those that it names; {role} is exempt only if its \
             account, role and session are all named, and the session name is not known offline"
        )
    );
    let except =
        json!({"Principal": null, "NotPrincipal": {"AWS": "arn:aws:iam::444455556666:root"}});
    assert_eq!(
        explain(&[except], "kms:Decrypt"),
        "statement 1 combines Allow with NotPrincipal, which AWS does not support"
    );
    let planned = KeyFacts {
        key_arn: None,
        ..own_key()
    };
    let statements = [json!({"Resource": key_of(OWN)})];
    assert_eq!(
        explain_of(&planned, "2012-10-17", &statements, "kms:Decrypt"),
        "statement 1 allows kms:Decrypt on resources by ARN, and the key's ARN is not known"
    );
}

/// The guide's first statement without its second.
#[test]
fn a_missing_grant_statement_is_said_to_be_missing() {
    let note = "; the grant statement is missing, and AWS services work through grants";
    let use_key = json!({"Action": ["kms:DescribeKey", "kms:Decrypt"]});
    let found = explain(std::slice::from_ref(&use_key), "kms:CreateGrant");
    assert!(found.ends_with(note), "{found}");
    let found = explain(std::slice::from_ref(&use_key), "kms:Encrypt");
    assert!(!found.contains(note), "{found}");
    // A statement about grants is there, and something else is wrong with it.
    let restricted = json!({
        "Action": "kms:CreateGrant", "Condition": {"Bool": {"kms:GrantIsForAWSResource": "false"}}
    });
    let found = explain(&[use_key.clone(), restricted], "kms:CreateGrant");
    assert!(!found.contains(note), "{found}");
    // Grants can be made, and not listed.
    let grant = json!({"Action": "kms:CreateGrant"});
    let found = explain(&[use_key, grant], "kms:ListGrants");
    assert!(!found.contains(note), "{found}");
    // Nothing is shared, which is no statement that is missing.
    let describe = json!({"Action": "kms:DescribeKey"});
    let found = explain(&[describe], "kms:CreateGrant");
    assert!(!found.contains(note), "{found}");
}
