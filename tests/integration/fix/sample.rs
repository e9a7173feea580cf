//! Hand-written changes: one of each kind, with a hostile text wherever a text can be.

use std::collections::{BTreeMap, BTreeSet};

use backup_check::fix::change::Preferences;
use backup_check::fix::{Action, Change, FixedFinding, Method, Step};
use serde_json::json;

pub const REGION: &str = "eu-central-1";
pub const KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Texts that would be code in some dialect.
pub const CODE: [&str; 10] = [
    "${file(\"/etc/passwd\")}",
    "${a}%${file(\"/etc/passwd\")}$${b}$$${c}",
    "%{ if true }%{ endif }%%{x}",
    "\"}\nresource \"null_resource\" \"x\" {",
    "\\\"; process.exit(1); //",
    "`${process.exit(1)}`",
    "*/ process.exit(1) /*",
    "a\u{2028}process.exit(1)\u{2029}b\u{85}c\u{b}d\rprocess.exit(1)",
    "</script><script>alert(1)</script>",
    "\u{202e}\u{1f4a3}\u{0}\u{7f}\u{1b}[31mgrün",
];

/// The merged policy of a key.
pub fn policy(sid: &str) -> String {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": sid,
            "Effect": "Allow",
            "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]},
            "Action": "kms:*",
            "Resource": "*",
            "Condition": {"StringEquals": {"aws:PrincipalTag/${team}": "${aws:username}"}, "NumericLessThan": {"n": 1.5}},
        }],
    })
    .to_string()
}

/// A change in place.
pub fn change(title: &str, actions: Vec<Action>) -> Change {
    let permissions = actions.iter().flat_map(|it| it.permissions());
    Change {
        title: title.to_owned(),
        region: Some(REGION.to_owned()),
        fixes: vec![FixedFinding {
            resource: title.to_owned(),
            rule: "kms-key-shared",
            finding: "0123456789abcdef".to_owned(),
        }],
        permissions: permissions.copied().collect(),
        method: Method::InPlace(actions),
        warnings: vec![title.to_owned()],
    }
}

/// A runbook and advice.
pub fn by_hand(title: &str) -> [Change; 2] {
    let with = |method| Change {
        method,
        permissions: BTreeSet::new(),
        ..change(title, Vec::new())
    };
    let steps = vec![
        Step::Note(title.to_owned()),
        Step::Run {
            command: format!("aws ec2 create-snapshot {title}"),
            permissions: &["ec2:CreateSnapshot"],
        },
    ];
    [
        with(Method::Runbook(steps)),
        with(Method::Advice(vec![title.to_owned()])),
    ]
}

fn owned_texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|it| (*it).to_owned()).collect()
}

fn preferences(on: &[&str], kept: &[(&str, bool)]) -> Preferences {
    let kept = kept.iter().map(|(name, on)| ((*name).to_owned(), *on));
    let kept: BTreeMap<String, bool> = kept.collect();
    let off = on.iter().map(|name| ((*name).to_owned(), false));
    Preferences {
        on: owned_texts(on),
        before: off.chain(kept.clone()).collect(),
        kept,
    }
}

fn put_key_policy(text: &str) -> Action {
    Action::PutKeyPolicy {
        key_arn: KEY.to_owned(),
        region: REGION.to_owned(),
        before: policy("before"),
        after: policy(text),
    }
}

fn update_backup_settings(text: &str) -> Action {
    Action::BackupSettings {
        region: REGION.to_owned(),
        opt_in: preferences(&["EBS", text], &[("EFS", false), ("S3", true)]),
        management: preferences(&["DynamoDB"], &[("EFS", true)]),
    }
}

fn change_bucket(text: &str) -> [Action; 2] {
    [
        Action::EnableVersioning {
            bucket: text.to_owned(),
            region: REGION.to_owned(),
        },
        Action::ExpireOldVersions {
            bucket: text.to_owned(),
            region: REGION.to_owned(),
            days: 30,
        },
    ]
}

fn change_tags(text: &str) -> [Action; 2] {
    [
        Action::Tag {
            arns: vec![
                "arn:aws:ec2:eu-central-1:111122223333:volume/vol-0a1b".to_owned(),
                "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".to_owned(),
                format!("arn:aws:rds:eu-central-1:111122223333:db:{text}"),
            ],
            region: REGION.to_owned(),
            key: "backup".to_owned(),
            value: text.to_owned(),
        },
        Action::Untag {
            arns: vec!["arn:aws:ec2:eu-central-1:111122223333:volume/vol-0c2d".to_owned()],
            region: REGION.to_owned(),
            key: text.to_owned(),
        },
    ]
}

fn change_ec2_settings() -> [Action; 4] {
    [
        Action::EbsDefaults {
            region: REGION.to_owned(),
        },
        Action::CreateS3Endpoint {
            vpc_id: "vpc-0a1b".to_owned(),
            region: REGION.to_owned(),
            route_tables: owned_texts(&["rtb-01", "rtb-02"]),
        },
        Action::AddRouteTables {
            vpc_id: "vpc-0c2d".to_owned(),
            endpoint_id: "vpce-0c2d".to_owned(),
            region: REGION.to_owned(),
            route_tables: owned_texts(&["rtb-03", "rtb-04"]),
        },
        Action::ResetEndpointPolicy {
            endpoint_id: "vpce-0e3f".to_owned(),
            region: REGION.to_owned(),
        },
    ]
}

/// One action of each kind, with `text` wherever a user chooses one.
///
/// The match below has no wildcard: a new kind must be added here.
pub fn every_action(text: &str) -> Vec<Action> {
    let mut actions = vec![put_key_policy(text), update_backup_settings(text)];
    actions.extend(change_bucket(text));
    actions.extend(change_tags(text));
    actions.extend(change_ec2_settings());
    let kinds: BTreeSet<u8> = actions
        .iter()
        .map(|action| match action {
            Action::PutKeyPolicy { .. } => 0,
            Action::BackupSettings { .. } => 1,
            Action::EnableVersioning { .. } => 2,
            Action::ExpireOldVersions { .. } => 3,
            Action::Tag { .. } => 4,
            Action::Untag { .. } => 5,
            Action::EbsDefaults { .. } => 6,
            Action::CreateS3Endpoint { .. } => 7,
            Action::AddRouteTables { .. } => 8,
            Action::ResetEndpointPolicy { .. } => 9,
        })
        .collect();
    assert_eq!(kinds.len(), 10);
    actions
}

/// A change of each kind, a runbook and advice.
pub fn every_change(text: &str) -> Vec<Change> {
    let actions = every_action(text).into_iter();
    let mut changes: Vec<Change> = actions.map(|action| change(text, vec![action])).collect();
    changes.extend(by_hand(text));
    changes
}
