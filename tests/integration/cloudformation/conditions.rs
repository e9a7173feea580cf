//! What hangs on conditions that nobody knows: no verdict rests on one of the cases.

use super::*;
use Status::{Fail, Pass, Unknown};

const SECTIONS: &str = "Parameters:
  Stage: {Type: String}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Test: !Not [!Condition Prod]
";

/// The report on resources under the conditions `Prod` and `Test`.
fn report(resources: &str) -> Report {
    let text = format!("{SECTIONS}{}", of(resources));
    judge(&read(&text, Some("eu-west-1"), &[]).snapshot)
}

/// A key that is shared with the central account.
const SHARED: &str = "Shared:
  Type: AWS::KMS::Key
  Properties:
    KeyPolicy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {AWS: [!Ref AWS::AccountId, '692653576357']}, Action: 'kms:*', Resource: '*'}]}
";

#[test]
fn a_database_that_comes_from_a_snapshot_does_not_take_the_key_that_it_names() {
    let report = report(&format!(
        "{SHARED}Restored: {{Type: AWS::RDS::DBInstance, Properties: {{Engine: mysql, DBSnapshotIdentifier: s, StorageEncrypted: true, KmsKeyId: !Ref Shared, BackupRetentionPeriod: 0}}}}
Rewound: {{Type: AWS::RDS::DBInstance, Properties: {{SourceDBInstanceIdentifier: s, UseLatestRestorableTime: true, StorageEncrypted: true, KmsKeyId: !Ref Shared}}}}
Replica: {{Type: AWS::RDS::DBInstance, Properties: {{SourceDBInstanceIdentifier: s, KmsKeyId: !Ref Shared}}}}
Cluster: {{Type: AWS::RDS::DBCluster, Properties: {{Engine: aurora-mysql, SnapshotIdentifier: s, StorageEncrypted: true, KmsKeyId: !Ref Shared}}}}
Inherits: {{Type: AWS::RDS::DBCluster, Properties: {{Engine: aurora-mysql, SnapshotIdentifier: s, StorageEncrypted: true}}}}"
    ));
    expect(
        &report,
        &[
            (
                "Restored",
                "encryption-at-rest",
                Unknown,
                "DBSnapshotIdentifier",
            ),
            (
                "Restored",
                "kms-key-shared",
                Unknown,
                "DBSnapshotIdentifier",
            ),
            (
                "Restored",
                "rds-automated-backups-enabled",
                Unknown,
                "DBSnapshotIdentifier",
            ),
            (
                "Rewound",
                "kms-key-shared",
                Unknown,
                "SourceDBInstanceIdentifier",
            ),
            (
                "Replica",
                "encryption-at-rest",
                Unknown,
                "SourceDBInstanceIdentifier",
            ),
            (
                "Replica",
                "kms-key-shared",
                Unknown,
                "SourceDBInstanceIdentifier",
            ),
            ("Cluster", "kms-key-shared", Pass, ""),
            (
                "Inherits",
                "encryption-at-rest",
                Unknown,
                "SnapshotIdentifier",
            ),
        ],
    );
}

// An instance that is only judged as part of a cluster would be missing where it has none.
#[test]
fn an_instance_that_may_be_alone_is_not_left_out() {
    let report = report(
        "Cluster: {Type: AWS::RDS::DBCluster, Properties: {Engine: aurora-mysql}}
Perhaps: {Type: AWS::RDS::DBInstance, Properties: {Engine: mysql, DBClusterIdentifier: !If [Prod, !Ref Cluster, !Ref 'AWS::NoValue']}}
Alone: {Type: AWS::RDS::DBInstance, Properties: {Engine: mysql, DBClusterIdentifier: ''}}
Member: {Type: AWS::RDS::DBInstance, Properties: {Engine: aurora-mysql, DBClusterIdentifier: !Ref Cluster}}",
    );
    expect(
        &report,
        &[
            ("Perhaps", "encryption-at-rest", Unknown, "parameter Stage"),
            (
                "Perhaps",
                "rds-automated-backups-enabled",
                Unknown,
                "parameter Stage",
            ),
            ("Alone", "encryption-at-rest", Fail, "not encrypted"),
        ],
    );
    assert!(findings(&report, "Member").is_empty());
}

#[test]
fn an_alias_that_may_not_be_made_leads_to_no_key() {
    let report = report(&format!(
        "{SHARED}Own: {{Type: AWS::KMS::Key}}
One: {{Type: AWS::KMS::Alias, Condition: Prod, Properties: {{AliasName: alias/data, TargetKeyId: !Ref Shared}}}}
Other: {{Type: AWS::KMS::Alias, Condition: Test, Properties: {{AliasName: alias/data, TargetKeyId: !Ref Own}}}}
Sure: {{Type: AWS::KMS::Alias, Properties: {{AliasName: alias/sure, TargetKeyId: !Ref Shared}}}}
A: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: alias/data}}}}
B: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: alias/sure}}}}"
    ));
    expect(
        &report,
        &[
            ("A", "kms-key-shared", Unknown, "parameter Stage"),
            ("B", "kms-key-shared", Pass, ""),
        ],
    );
}

// The same device, or the same replica, in both cases of a condition.
#[test]
fn what_differs_from_case_to_case_is_unknown() {
    let report = report(&format!(
        "{SHARED}Web:
  Type: AWS::EC2::Instance
  Properties:
    BlockDeviceMappings: !If
      - Prod
      - [{{DeviceName: /dev/sdf, Ebs: {{Encrypted: true, KmsKeyId: !Ref Shared}}}}]
      - [{{DeviceName: /dev/sdf, Ebs: {{Encrypted: false}}}}]
T:
  Type: AWS::DynamoDB::GlobalTable
  Properties:
    Replicas: !If
      - Prod
      - [{{Region: eu-west-1, Tags: [{{Key: backup, Value: disabled}}]}}, {{Region: us-east-1}}]
      - [{{Region: eu-west-1, Tags: [{{Key: backup, Value: enabled}}]}}, {{Region: us-east-1}}]"
    ));
    expect(
        &report,
        &[
            (
                "Web/dev/sdf",
                "encryption-at-rest",
                Unknown,
                "parameter Stage",
            ),
            ("Web/dev/sdf", "kms-key-shared", Unknown, "parameter Stage"),
            ("T", "backup-tag-valid", Unknown, "parameter Stage"),
        ],
    );
    let of_table = |it: &&backup_check::report::Finding| {
        it.resource == "t.yaml#T" && it.rule.id == "backup-tag-valid"
    };
    assert_eq!(report.findings.iter().filter(of_table).count(), 1);
}

#[test]
fn a_network_that_hangs_on_conditions_is_open() {
    let (present, routed) = ("s3-gateway-endpoint-present", "s3-gateway-endpoint-routed");
    let network = |vpc: &str, join: &str, endpoint: &str, rest: &str| {
        report(&format!(
            "Net: {{Type: AWS::EC2::VPC{vpc}}}
A: {{Type: AWS::EC2::Subnet{vpc}, Properties: {{VpcId: !Ref Net}}}}
Routes: {{Type: AWS::EC2::RouteTable{vpc}, Properties: {{VpcId: !Ref Net}}}}
Join: {{Type: AWS::EC2::SubnetRouteTableAssociation{join}}}
Fn: {{Type: AWS::Lambda::Function, Properties: {{VpcConfig: {{SubnetIds: [!Ref A]}}}}}}
S3: {{Type: AWS::EC2::VPCEndpoint{endpoint}, Properties: {{VpcId: !Ref Net, ServiceName: com.amazonaws.eu-west-1.s3, RouteTableIds: [!Ref Routes]}}}}
{rest}"
        ))
    };
    let plain = ", Properties: {SubnetId: !Ref A, RouteTableId: !Ref Routes}";
    let prod = ", Condition: Prod";
    let prod_join = format!("{prod}{plain}");
    let either = ", Properties: {SubnetId: !If [Prod, !Ref A, !Ref 'AWS::NoValue'], RouteTableId: !Ref Routes}";
    for (vpc, join, endpoint, is_present, is_routed) in [
        ("", plain, "", Pass, Pass),
        ("", plain, prod, Unknown, Unknown),
        ("", prod_join.as_str(), "", Pass, Unknown),
        ("", either, "", Pass, Unknown),
        // All of it is made, or none.
        (prod, prod_join.as_str(), prod, Pass, Pass),
    ] {
        let report = network(vpc, join, endpoint, "");
        expect(
            &report,
            &[
                ("Net", present, is_present, ""),
                ("Net", routed, is_routed, ""),
            ],
        );
    }
    // A nested stack that is told of the VPC may make the endpoint there.
    let bare = "Net: {Type: AWS::EC2::VPC}
A: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Net}}
Fn: {Type: AWS::Lambda::Function, Properties: {VpcConfig: {SubnetIds: [!Ref A]}}}
";
    for (rest, status) in [
        ("", Fail),
        (
            "N: {Type: AWS::CloudFormation::Stack, Properties: {Parameters: {Vpc: !Ref Net}}}",
            Unknown,
        ),
        (
            "N: {Type: AWS::CloudFormation::Stack, Properties: {Parameters: {Name: other}}}",
            Fail,
        ),
        ("N: {Type: 'Mine::Vpc::Endpoints::MODULE'}", Unknown),
    ] {
        expect(
            &report(&format!("{bare}{rest}")),
            &[("Net", present, status, "")],
        );
    }
}

// The account's id is not known, and no wildcard may stand in for it.
#[test]
fn a_pattern_around_the_account_lets_nobody_else_in() {
    let shared = |pattern: &str| {
        let text = format!(
            "K:
  Type: AWS::KMS::Key
  Properties:
    KeyPolicy:
      Version: '2012-10-17'
      Statement:
        - {{Effect: Allow, Principal: {{AWS: !Ref AWS::AccountId}}, Action: 'kms:*', Resource: '*'}}
        - {{Effect: Allow, Principal: '*', Action: 'kms:*', Resource: '*', Condition: {{StringLike: {pattern}}}}}
V: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: !Ref K}}}}"
        );
        let report = report(&text);
        findings(&report, "V")["kms-key-shared"].0
    };
    for (pattern, status) in [
        ("{aws:PrincipalAccount: !Sub '${AWS::AccountId}*'}", Unknown),
        ("{aws:PrincipalAccount: !Sub '*${AWS::AccountId}'}", Unknown),
        ("{aws:PrincipalArn: !Sub '*:${AWS::AccountId}:*'}", Unknown),
        (
            "{aws:PrincipalArn: !Sub 'arn:*:iam::${AWS::AccountId}:role/*'}",
            Fail,
        ),
        (
            "{aws:PrincipalArn: !Sub 'arn:aws:iam::${AWS::AccountId}:*'}",
            Fail,
        ),
        ("{aws:PrincipalAccount: !Ref AWS::AccountId}", Fail),
    ] {
        assert_eq!(shared(pattern), status, "{pattern}");
    }
}

#[test]
fn a_key_of_the_template_is_named_by_nothing_else() {
    let report = report(&format!(
        "{SHARED}Alias: {{Type: AWS::KMS::Alias, Properties: {{AliasName: alias/data, TargetKeyId: !Ref Shared}}}}
Own: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: !Sub 'arn:aws:kms:${{AWS::Region}}:${{AWS::AccountId}}:alias/data'}}}}
Elsewhere: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: !Sub 'arn:aws:kms:us-east-1:${{AWS::AccountId}}:alias/data'}}}}
Foreign: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: 'arn:aws:kms:eu-west-1:111122223333:alias/data'}}}}
Other: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: !GetAtt Shared.Nothing}}}}
Tagged: {{Type: AWS::EC2::Volume, Properties: {{Encrypted: true, KmsKeyId: !Ref Shared, Tags: enabled}}}}"
    ));
    expect(
        &report,
        &[
            ("Own", "kms-key-shared", Pass, ""),
            ("Elsewhere", "kms-key-shared", Unknown, "does not contain"),
            ("Foreign", "kms-key-shared", Unknown, "does not contain"),
            ("Other", "kms-key-shared", Unknown, "Nothing of Shared"),
            ("Tagged", "backup-tag-valid", Unknown, "Tags"),
        ],
    );
}

// They are no resources of the template, and yet they will be tagged.
#[test]
fn what_is_launched_with_the_tag_is_told_as_missing() {
    let tag = "Tags: [{Key: backup, Value: enabled, PropagateAtLaunch: true}]";
    let open = "Tags: [{Key: backup, Value: !Ref Stage, PropagateAtLaunch: true}]";
    for (resource, words) in [
        (
            format!("G: {{Type: AWS::AutoScaling::AutoScalingGroup, Properties: {{{tag}}}}}"),
            "these launch are tagged for backup and are not in the template: G (line 8)",
        ),
        (
            format!("G: {{Type: AWS::AutoScaling::AutoScalingGroup, Properties: {{{open}}}}}"),
            "these launch are perhaps tagged for backup and are not in the template: G (line 8)",
        ),
        (
            "T: {Type: AWS::EC2::LaunchTemplate, Properties: {LaunchTemplateData: {TagSpecifications: [{ResourceType: volume, Tags: [{Key: backup, Value: enabled}]}]}}}".to_owned(),
            "these launch are tagged for backup and are not in the template: T (line 8)",
        ),
    ] {
        let text = format!("{SECTIONS}{}", of(&resource));
        let read = read(&text, None, &[]);
        let gaps = gaps(&read.snapshot);
        let is_told = gaps.iter().any(|(_, said)| said.contains(words));
        assert!(is_told, "{resource}: {gaps:?}");
        assert!(!judge(&read.snapshot).complete);
    }
    let plain = "G: {Type: AWS::AutoScaling::AutoScalingGroup, Properties: {Tags: [{Key: Name, Value: web}]}}";
    assert!(report(plain).complete);
}

#[test]
fn a_backup_plan_that_may_select_a_resource_is_not_called_none() {
    let text = "
Parameters:
  Open: {Type: String}
Conditions:
  Maybe: !Equals [!Ref Open, '']
Resources:
  Plan:
    Type: AWS::Backup::BackupPlan
    Properties:
      BackupPlan:
        BackupPlanName: daily
        BackupPlanRule: [{RuleName: daily, TargetBackupVault: local, ScheduleExpression: cron(0 5 ? * * *), EnableContinuousBackup: true}]
  Selection:
    Type: AWS::Backup::BackupSelection
    Properties:
      BackupPlanId: !If [Maybe, !Ref Plan, other]
      BackupSelection: {SelectionName: s, IamRoleArn: 'arn:aws:iam::111122223333:role/b', ListOfTags: [{ConditionType: STRINGEQUALS, ConditionKey: backup, ConditionValue: enabled}]}
  Database: {Type: AWS::RDS::DBInstance, Properties: {Engine: postgres, Tags: [{Key: backup, Value: enabled}]}}
  Bucket: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: backup, Value: enabled}]}}
";
    let read = read(text, Some("eu-central-1"), &[]);
    let report = judge(&read.snapshot);
    for (id, rule) in [
        ("Database", "rds-windows-clear"),
        ("Bucket", "s3-continuous-events"),
    ] {
        let (status, message) = findings(&report, id)[rule];
        assert_ne!(status, Status::Pass, "{message}");
        assert!(!message.contains("no backup plan"), "{message}");
    }
}

#[test]
fn a_member_that_a_choice_names_may_be_one_of_the_cluster() {
    for (kind, engine) in [
        ("RDS", "Engine: aurora-mysql"),
        ("DocDB", "StorageEncrypted: true"),
        ("Neptune", "StorageEncrypted: true"),
    ] {
        let tag_placed = |name: &str, of: &str| {
            let text = format!(
                "
Parameters:
  Open: {{Type: String}}
Conditions:
  Maybe: !Equals [!Ref Open, '']
Resources:
  Cluster: {{Type: 'AWS::{kind}::DBCluster', Properties: {{DBClusterIdentifier: {name}, {engine}}}}}
  Member: {{Type: 'AWS::{kind}::DBInstance', Properties: {{DBClusterIdentifier: {of}, DBInstanceClass: db.r6g.large, Tags: [{{Key: backup, Value: enabled}}]}}}}
"
            );
            let read = read(&text, Some("eu-central-1"), &[]);
            findings(&judge(&read.snapshot), "Cluster")["backup-tag-placed"].0
        };
        let choice = "!If [Maybe, main, other]";
        assert_eq!(tag_placed("main", "main"), Status::Fail, "{kind}");
        assert_eq!(tag_placed("main", "elsewhere"), Status::Pass, "{kind}");
        assert_eq!(tag_placed("main", choice), Status::Unknown, "{kind}");
        assert_eq!(tag_placed(choice, "main"), Status::Unknown, "{kind}");
    }
}

#[test]
fn events_that_may_not_be_configured_are_unknown() {
    let text = "
Parameters:
  Open: {Type: String}
Conditions:
  Maybe: !Equals [!Ref Open, '']
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        EventBridgeConfiguration: !If [Maybe, {}, !Ref AWS::NoValue]
  Of:
    Type: AWS::S3::Bucket
    Properties: {}
  Configured:
    Type: Custom::S3BucketNotifications
    Properties: {BucketName: !If [Maybe, !Ref Of, other], NotificationConfiguration: {EventBridgeConfiguration: {}}}
";
    let read = read(text, Some("eu-central-1"), &[]);
    let buckets = &read.snapshot.buckets.items;
    let is_open = |id: &str| {
        let bucket = buckets.iter().find(|it| it.arn.ends_with(id)).unwrap();
        bucket.event_bridge.gap().is_some()
    };
    assert!(is_open("#Bucket") && is_open("#Of"));
}

// The file does not list the plans that exist in the account, but the deployment of this one fails.
#[test]
fn a_plan_that_aws_rejects_fails() {
    for (rule, expected) in [
        ("ScheduleExpression: cron(0 3 * * *)", Status::Fail),
        ("Lifecycle: {DeleteAfterDays: 0}", Status::Fail),
        ("Lifecycle: {DeleteAfterDays: -1}", Status::Pass),
    ] {
        let (status, message) = judge_plan(rule);
        assert_eq!(status, expected, "{message}");
        let is_rejected = message.contains("AWS Backup rejects plan Plan");
        assert_eq!(is_rejected, expected == Status::Fail, "{message}");
    }
}

/// Returns what is said of a plan with a rule.
fn judge_plan(rule: &str) -> (Status, String) {
    let resources = "Plan:
  Type: AWS::Backup::BackupPlan
  Properties:
    BackupPlan:
      BackupPlanName: daily
      BackupPlanRule:
        - RuleName: all
          TargetBackupVault: local
          RULE
          CopyActions: [{DestinationBackupVaultArn: 'arn:aws:backup:eu-west-1:692653576357:backup-vault:central'}]
Tagged:
  Type: AWS::Backup::BackupSelection
  Properties:
    BackupPlanId: !Ref Plan
    BackupSelection:
      SelectionName: tagged
      IamRoleArn: !Sub arn:aws:iam::${AWS::AccountId}:role/Backup
      ListOfTags: [{ConditionType: STRINGEQUALS, ConditionKey: backup, ConditionValue: enabled}]";
    let resources = resources.replace("RULE", rule);
    let report = judge(&read(&of(&resources), Some("eu-west-1"), &[]).snapshot);
    let policy = report
        .findings
        .iter()
        .find(|it| it.rule.id == "backup-policy-effective")
        .unwrap();
    (policy.status, policy.explanation.message.clone())
}
