//! Keys of which a template leaves something open.

use super::*;
use Status::{Fail, Pass, Unknown};

/// What is found of a volume under a key with these properties and a policy of these statements.
fn judge_key(properties: &str, more: &str) -> [(Status, String); 4] {
    let text = format!(
        "
Parameters:
  Open: {{Type: String}}
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      {properties}
      KeyPolicy:
        Version: 2012-10-17
        Statement:
        - {{Effect: Allow, Principal: {{AWS: !Sub 'arn:aws:iam::${{AWS::AccountId}}:root'}}, Action: 'kms:*', Resource: '*'}}
        {more}
  Data:
    Type: AWS::EC2::Volume
    Properties:
      Encrypted: true
      KmsKeyId: !GetAtt Key.Arn
      Tags: [{{Key: backup, Value: enabled}}]
"
    );
    let read = read(&text, Some("eu-central-1"), &[]);
    let report = judge(&read.snapshot);
    let found = findings(&report, "Data");
    [
        "kms-key-usable",
        "kms-key-shared",
        "kms-key-locally-usable",
        "encryption-customer-key",
    ]
    .map(|rule| (found[rule].0, found[rule].1.to_owned()))
}

#[test]
fn a_key_that_may_be_disabled_has_a_known_policy() {
    let shared = "- {Effect: Allow, Principal: {AWS: 'arn:aws:iam::692653576357:root'}, Action: 'kms:*', Resource: '*'}";
    for property in [
        "Enabled: !Ref Open",
        "KeySpec: !Ref Open",
        "KeyUsage: !Ref Open",
        "MultiRegion: !Ref Open",
    ] {
        let [usable, is_shared, local, customer] = judge_key(property, shared);
        assert_eq!(usable.0, Unknown, "{property}");
        assert!(usable.1.contains("parameter Open"), "{}", usable.1);
        assert_eq!(
            [is_shared.0, local.0, customer.0],
            [Pass; 3],
            "{property}: {}",
            is_shared.1
        );
        let [usable, is_shared, ..] = judge_key(property, "");
        assert_eq!([usable.0, is_shared.0], [Unknown, Fail], "{property}");
    }
}

#[test]
fn a_policy_that_depends_on_what_is_open_of_its_key_is_open() {
    let multi = "- {Effect: Allow, Principal: {AWS: 'arn:aws:iam::692653576357:root'}, Action: 'kms:*', Resource: '*', Condition: {Bool: {'kms:MultiRegion': 'true'}}}";
    let [_, shared, ..] = judge_key("MultiRegion: !Ref Open", multi);
    assert_eq!(shared.0, Unknown, "{}", shared.1);
    let [_, shared, ..] = judge_key("MultiRegion: true", multi);
    assert_eq!(shared.0, Pass, "{}", shared.1);
}

/// A template of keys that are shared in two ways, of keys that are not, and of one resource with a choice of keys.
fn judge_choice_of_keys(kind: &str, properties: &str, first: &str, second: &str) -> Report {
    let root = "{Effect: Allow, Principal: {AWS: !Sub 'arn:aws:iam::${AWS::AccountId}:root'}, Action: 'kms:*', Resource: '*'}";
    let central = "{Effect: Allow, Principal: {AWS: 'arn:aws:iam::692653576357:root'}, Action: 'kms:*', Resource: '*'}";
    let role = "{Effect: Allow, Principal: {AWS: 'arn:aws:iam::692653576357:role/aws-service-role/backup.amazonaws.com/AWSServiceRoleForBackup'}, Action: 'kms:*', Resource: '*'}";
    let key = |statements: &str| {
        format!(
            "{{Type: AWS::KMS::Key, Properties: {{KeyPolicy: {{Statement: [{root}{statements}]}}}}}}"
        )
    };
    let text = format!(
        "
Parameters: {{Open: {{Type: String}}}}
Conditions: {{Maybe: !Equals [!Ref Open, '']}}
Resources:
  Shared: {}
  SharedToo: {}
  Own: {}
  OwnToo: {}
  Data:
    Type: {kind}
    Properties: {{{properties}: !If [Maybe, {first}, {second}]}}
",
        key(&format!(", {central}")),
        key(&format!(", {role}")),
        key(""),
        key(
            ", {Effect: Allow, Principal: {AWS: 'arn:aws:iam::111122223333:root'}, Action: 'kms:*', Resource: '*'}"
        ),
    );
    judge(&read(&text, Some("eu-central-1"), &[]).snapshot)
}

#[test]
fn a_choice_of_keys_has_the_verdict_that_each_of_them_has() {
    let volume = ("AWS::EC2::Volume", "Size: 1, Encrypted: true, KmsKeyId");
    let database = (
        "AWS::RDS::DBInstance",
        "Engine: mysql, StorageEncrypted: true, KmsKeyId",
    );
    let restored = (
        "AWS::RDS::DBCluster",
        "Engine: aurora-mysql, SnapshotIdentifier: s, KmsKeyId",
    );
    let files = ("AWS::EFS::FileSystem", "Encrypted: true, KmsKeyId");
    let (shared, shared_too) = ("!GetAtt Shared.Arn", "!Ref SharedToo");
    let (own, own_too) = ("!GetAtt Own.Arn", "!Ref OwnToo");
    let ebs = "!Sub 'arn:aws:kms:${AWS::Region}:${AWS::AccountId}:alias/aws/ebs'";
    let none = "!Ref AWS::NoValue";
    let (is_shared, is_customer) = ("kms-key-shared", "encryption-customer-key");
    for (of, first, second, rule, expected) in [
        (volume, shared, shared_too, is_shared, Pass),
        (volume, shared, shared_too, is_customer, Pass),
        (volume, own, own_too, is_shared, Fail),
        (volume, own, shared, is_shared, Unknown),
        (volume, own, shared, is_customer, Pass),
        (volume, shared, ebs, is_customer, Unknown),
        (volume, "alias/aws/ebs", ebs, is_customer, Fail),
        // The account's default key applies.
        (volume, shared, none, is_customer, Unknown),
        (database, "alias/aws/rds", none, is_customer, Fail),
        (database, shared, none, is_customer, Unknown),
        (restored, shared, shared_too, is_shared, Pass),
        (restored, own, own_too, "encryption-at-rest", Pass),
        (
            files,
            shared,
            own,
            "encryption-customer-key-recommended",
            Pass,
        ),
        (
            files,
            shared,
            none,
            "encryption-customer-key-recommended",
            Unknown,
        ),
    ] {
        let report = judge_choice_of_keys(of.0, of.1, first, second);
        let (status, message) = findings(&report, "Data")[rule];
        assert_eq!(
            status, expected,
            "{} {first} or {second}: {rule}: {message}",
            of.0
        );
    }
}
