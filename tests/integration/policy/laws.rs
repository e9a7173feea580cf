//! Properties that hold for every key policy.

use backup_check::iam::decision::Verdict;
use backup_check::iam::document::Document;
use backup_check::key_sharing::copy::{ACTIONS, evaluate_copy_access_any};
use backup_check::key_sharing::facts::{BackupRole, KeyFacts, Organization, ViaService};
use backup_check::key_sharing::local_use::evaluate_local_access;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ROLE, central, check_merge};

fn pick(items: &'static [&'static str]) -> impl Strategy<Value = String> {
    proptest::sample::select(items).prop_map(str::to_owned)
}

fn principal() -> impl Strategy<Value = Value> {
    let names = pick(&[
        "*",
        "692653576357",
        "arn:aws:iam::692653576357:root",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::692653576357:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup",
        "arn:aws:iam::692653576357:role/Admin",
        "arn:aws:sts::692653576357:assumed-role/AWSServiceRoleForBackup/x",
        "arn:aws:iam::*:root",
    ]);
    prop_oneof![
        1 => Just(json!("*")),
        5 => proptest::collection::vec(names, 0..3).prop_map(|names| json!({"AWS": names})),
        1 => Just(json!({"Service": "backup.amazonaws.com"})),
    ]
}

fn conditions() -> impl Strategy<Value = Value> {
    let operators = pick(&[
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLikeIfExists",
        "Bool",
        "BoolIfExists",
        "Null",
        "ArnLike",
        "ForAnyValue:StringEquals",
        "ForAllValues:StringLike",
        "NotIpAddress",
        "NumericLessThan",
    ]);
    let keys = pick(&[
        "kms:ViaService",
        "kms:GrantIsForAWSResource",
        "kms:CallerAccount",
        "aws:PrincipalArn",
        "aws:PrincipalOrgID",
        "aws:SourceIp",
        "kms:EncryptionContext:a",
    ]);
    let values = pick(&[
        "true",
        "false",
        "ec2.eu-central-1.amazonaws.com",
        "ec2.*",
        "692653576357",
        "o-a1b2c3d4e5",
        "192.0.2.0/24",
        "*",
        "${aws:PrincipalAccount}",
        "${aws:username, 'x'}",
        "arn:aws:iam::692653576357:role/*",
    ]);
    let condition = (operators, keys, proptest::collection::vec(values, 0..3));
    proptest::option::of(condition).prop_map(|condition| match condition {
        Some((operator, key, values)) => json!({operator: {key: values}}),
        None => json!({}),
    })
}

fn statement(effect: &'static str) -> impl Strategy<Value = Value> {
    let actions = pick(&[
        "*",
        "kms:*",
        "kms:*Grant*",
        "KMS:reencrypt*",
        "kms:Decrypt",
        "kms:GenerateDataKey*",
        "kms:DescribeKey",
        "s3:*",
        "kms:?ncrypt",
    ]);
    let resources = pick(&[
        "*",
        "arn:aws:kms:eu-central-1:111122223333:key/1",
        "arn:aws:kms:*:111122223333:key/*",
        "arn:aws:kms:eu-central-1:692653576357:key/1",
    ]);
    let lists = (
        proptest::collection::vec(actions, 1..4),
        proptest::collection::vec(resources, 1..3),
    );
    let negated = (
        any::<bool>(),
        proptest::bool::weighted(0.2),
        proptest::bool::weighted(0.2),
    );
    (principal(), lists, negated, conditions()).prop_map(
        move |(principal, (actions, resources), (who, what, on), conditions)| {
            let twin = |not: bool, element: &str| {
                if not {
                    format!("Not{element}")
                } else {
                    element.to_owned()
                }
            };
            json!({
                "Effect": effect,
                twin(who && effect == "Deny", "Principal"): principal,
                twin(what, "Action"): actions,
                twin(on, "Resource"): resources,
                "Condition": conditions,
            })
        },
    )
}

fn statements() -> impl Strategy<Value = Vec<Value>> {
    proptest::collection::vec(
        prop_oneof![2 => statement("Allow"), 1 => statement("Deny")],
        1..5,
    )
}

fn parse(statements: &[Value]) -> Document {
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    Document::parse(&text).unwrap()
}

/// A key of which only the account is known.
fn unknown_key() -> KeyFacts {
    KeyFacts {
        key_account: "111122223333".into(),
        ..KeyFacts::default()
    }
}

fn key(id: &str) -> KeyFacts {
    KeyFacts {
        key_arn: Some(format!("arn:aws:kms:eu-central-1:111122223333:key/{id}")),
        ..unknown_key()
    }
}

fn backup_role() -> BackupRole {
    BackupRole {
        account: "111122223333".into(),
        name: ROLE.into(),
        organization: Organization::Member("o-a1b2c3d4e5".into()),
    }
}

/// The ten verdicts, then the own account's.
fn verdicts(statements: &[Value], known: bool) -> Vec<Verdict> {
    let document = parse(statements);
    let key = if known { key("1") } else { unknown_key() };
    let access = evaluate_copy_access_any(&document, &key, &central());
    let role = backup_role();
    let local = |via| evaluate_local_access(&document, &key, &role, via).verdict();
    let ten = access
        .actions
        .iter()
        .map(|action| action.decision.verdict());
    let verdicts: Vec<_> = ten
        .chain([local(ViaService::Ec2), local(ViaService::S3)])
        .collect();
    assert_eq!(verdicts.len(), ACTIONS.len() + 2);
    verdicts
}

proptest! {
    #[test]
    fn a_deny_never_allows_more(policy in statements(), deny in statement("Deny"), known: bool) {
        let before = verdicts(&policy, known);
        let after = verdicts(&[policy, vec![deny]].concat(), known);
        prop_assert!(before.iter().zip(&after).all(|(before, after)| after >= before), "{before:?} {after:?}");
    }

    #[test]
    fn an_allow_never_denies_more(policy in statements(), allow in statement("Allow"), known: bool) {
        let before = verdicts(&policy, known);
        let after = verdicts(&[policy, vec![allow]].concat(), known);
        prop_assert!(before.iter().zip(&after).all(|(before, after)| after <= before), "{before:?} {after:?}");
    }

    #[test]
    fn the_order_of_statements_never_matters(policy in statements(), known: bool, by in 0_usize..5) {
        let mut turned = policy.clone();
        turned.reverse();
        let by = by % turned.len();
        turned.rotate_left(by);
        prop_assert_eq!(verdicts(&policy, known), verdicts(&turned, known));
    }

    #[test]
    fn knowing_the_key_only_resolves_conditional_verdicts(policy in statements()) {
        let open = verdicts(&policy, false);
        let known = verdicts(&policy, true);
        for (open, known) in open.iter().zip(&known) {
            prop_assert!(*open == Verdict::Conditional || open == known, "{open:?} became {known:?}");
        }
    }

    #[test]
    fn a_policy_about_any_resource_treats_all_keys_alike(mut policy in statements()) {
        for statement in &mut policy {
            let statement = statement.as_object_mut().unwrap();
            statement.remove("NotResource");
            statement.insert("Resource".to_owned(), json!(["arn:aws:kms:eu-central-1:111122223333:key/1", "*"]));
        }
        let document = parse(&policy);
        prop_assert!(document.is_about_any_resource());
        let [one, other] = ["1", "2"].map(|id| {
            let key = key(id);
            let copies = evaluate_copy_access_any(&document, &key, &central());
            (copies, evaluate_local_access(&document, &key, &backup_role(), ViaService::Ec2))
        });
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_policy_that_treats_keys_differently_is_not_about_any_resource(policy in statements()) {
        let document = parse(&policy);
        let [one, other] = ["1", "2"].map(|id| evaluate_copy_access_any(&document, &key(id), &central()));
        prop_assert!(one == other || !document.is_about_any_resource());
    }

    #[test]
    fn a_merged_policy_passes_or_a_deny_is_named(policy in statements(), known: bool, via in 0_usize..3) {
        let text = json!({"Version": "2012-10-17", "Statement": policy}).to_string();
        let key = if known { key("1") } else { unknown_key() };
        let merged = check_merge(&text, &key, &central(), [None, Some(ViaService::Ec2), Some(ViaService::Rds)][via]);
        prop_assert_eq!(merged, Ok(()));
    }

    #[test]
    fn any_text_is_parsed_or_rejected(text in any::<String>()) {
        let _ = Document::parse(&text);
    }

    #[test]
    fn any_broken_policy_is_parsed_or_rejected(
        policy in statements(),
        at in any::<proptest::sample::Index>(),
        piece in "[\\PC\\[\\]{}\":,]{0,3}",
    ) {
        let mut text = json!({"Statement": policy}).to_string();
        let at = at.index(text.len());
        text.replace_range(at..=at, &piece);
        if let Ok(document) = Document::parse(&text) {
            let _ = evaluate_copy_access_any(&document, &unknown_key(), &central());
        }
    }
}
