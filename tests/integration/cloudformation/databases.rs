//! Databases that are made from other ones.

use super::*;
use Status::{Fail, Unknown};

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
