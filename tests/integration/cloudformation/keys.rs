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
