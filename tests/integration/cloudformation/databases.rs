//! Databases that are made from other ones, and tables in several regions.

use super::*;
use Status::{Fail, Pass, Unknown, Warn};

#[test]
fn a_key_does_not_encrypt_an_unencrypted_cluster_at_a_point_in_time() {
    for (kind, engine, expected) in [
        ("AWS::DocDB::DBCluster", "", Fail),
        ("AWS::Neptune::DBCluster", "", Fail),
        ("AWS::RDS::DBCluster", "Engine: mysql", Fail),
        // The source has a key that AWS owns.
        ("AWS::RDS::DBCluster", "Engine: aurora-mysql", Unknown),
    ] {
        let text = of(&format!(
            "Key:
  Type: AWS::KMS::Key
Old:
  Type: {kind}
  Properties:
    StorageEncrypted: false
    {engine}
New:
  Type: {kind}
  Properties:
    SourceDBClusterIdentifier: !Ref Old
    RestoreType: full-copy
    UseLatestRestorableTime: true
    StorageEncrypted: true
    KmsKeyId: !GetAtt Key.Arn
    {engine}
    Tags: [{{Key: backup, Value: enabled}}]"
        ));
        let read = read(&text, Some("eu-central-1"), &[]);
        let report = judge(&read.snapshot);
        let (status, message) = findings(&report, "New")["encryption-at-rest"];
        assert_eq!(status, expected, "{kind} {engine}: {message}");
    }
}

#[test]
fn a_source_that_may_be_absent_settles_nothing() {
    let judge_cluster = |properties: &str| {
        let text = format!(
            "
Parameters:
  Open: {{Type: String}}
Conditions:
  Maybe: !Equals [!Ref Open, '']
Resources:
  Key: {{Type: AWS::KMS::Key}}
  New:
    Properties:
      KmsKeyId: !GetAtt Key.Arn
      Tags: [{{Key: backup, Value: enabled}}]
      {properties}
"
        );
        let read = read(&text, Some("eu-central-1"), &[]);
        let report = judge(&read.snapshot);
        let of = findings(&report, "New");
        ["encryption-at-rest", "encryption-customer-key"].map(|rule| of[rule].0)
    };
    let choice = "!If [Maybe, !Ref AWS::NoValue, snapshot]";
    for kind in [
        "AWS::RDS::DBCluster\n    Engine: mysql",
        "AWS::RDS::DBCluster\n    Engine: aurora-mysql",
        "AWS::DocDB::DBCluster",
        "AWS::Neptune::DBCluster",
    ] {
        let (kind, engine) = kind.split_once('\n').unwrap_or((kind, ""));
        let of = |encrypted: &str, source: &str| {
            let engine = engine.trim();
            judge_cluster(&format!(
                "StorageEncrypted: {encrypted}\n      SnapshotIdentifier: {source}\n      {engine}\n    Type: {kind}"
            ))
        };
        assert_eq!(of("true", choice), [Pass, Pass], "{kind} {engine}");
        assert_eq!(of("true", "!Ref Open"), [Pass, Pass], "{kind} {engine}");
        for source in [choice, "!Ref Open"] {
            let [_, customer] = of("false", source);
            assert_eq!(customer, Unknown, "{kind} {engine} {source}");
        }
        // A snapshot is restored with the key that is named.
        assert_eq!(of("false", "snapshot"), [Pass, Pass], "{kind} {engine}");
    }
}

/// What is found in a template of these resources.
fn judge_here(resources: &str) -> Report {
    judge(&read(&of(resources), Some("eu-west-1"), &[]).snapshot)
}

#[test]
fn a_global_table_is_one_in_each_region() {
    let resources = "T:
  Type: AWS::DynamoDB::GlobalTable
  Properties:
    SSESpecification: {SSEEnabled: true, SSEType: KMS}
    Replicas:
      - {Region: eu-west-1, Tags: [{Key: backup, Value: enabled}], SSESpecification: {KMSMasterKeyId: alias/mine}}
      - {Region: us-east-1}";
    let report = judge_here(resources);
    expect(
        &report,
        &[
            ("T", "backup-decision-made", Pass, "enabled"),
            (
                "T",
                "encryption-customer-key-recommended",
                Unknown,
                "alias/mine",
            ),
            ("T/us-east-1", "backup-decision-made", Warn, ""),
            (
                "T/us-east-1",
                "encryption-customer-key-recommended",
                Warn,
                "AWS managed key aws/dynamodb",
            ),
        ],
    );
}

#[test]
fn a_global_table_is_in_the_region_of_the_stack_even_if_its_replicas_are_open() {
    let read = |replicas: &str| {
        let table = format!(
            "T: {{Type: AWS::DynamoDB::GlobalTable, Properties: {{Replicas: {replicas}}}}}"
        );
        judge_here(&table)
    };
    let tag = "backup-decision-made";
    for replicas in [
        "!Ref Elsewhere",
        "[{Region: us-east-1}, !Ref Elsewhere]",
        "[!Ref Elsewhere, !GetAtt Custom.Replica]",
    ] {
        let report = read(replicas);
        let key = "encryption-customer-key-recommended";
        expect(&report, &[("T", tag, Unknown, ""), ("T", key, Warn, "")]);
        assert!(!report.complete, "{replicas}");
    }
    let report =
        read("[{Region: eu-west-1, Tags: [{Key: backup, Value: enabled}]}, !Ref Elsewhere]");
    expect(&report, &[("T", tag, Pass, "enabled")]);
}
