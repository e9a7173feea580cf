//! Each service's defaults, and what hangs together.

use super::*;
use Status::{Fail, Pass, Skip, Unknown, Warn};

fn report(resources: &str) -> Report {
    judge(&read(&of(resources), Some("eu-west-1"), &[]).snapshot)
}

#[test]
fn volumes_of_an_instance_are_judged_with_it() {
    let report = report(
        "Key:
  Type: AWS::KMS::Key
  Properties:
    KeyPolicy: {Version: '2012-10-17', Statement: [{Effect: Allow, Principal: {AWS: !Ref AWS::AccountId}, Action: 'kms:*', Resource: '*'}]}
Web:
  Type: AWS::EC2::Instance
  Properties:
    BlockDeviceMappings:
      - {DeviceName: /dev/sdf, Ebs: {Encrypted: true, KmsKeyId: !Ref Key}}
      - {DeviceName: /dev/sdg, VirtualName: ephemeral0}
    Volumes: [{VolumeId: !Ref Data, Device: /dev/sdh}]
    Tags: [{Key: backup, Value: enabled}]
Data:
  Type: AWS::EC2::Volume
  Properties: {Encrypted: true, KmsKeyId: !Ref Key, Tags: [{Key: backup, Value: enabled}]}
Other:
  Type: AWS::EC2::Volume
  Properties: {Encrypted: true, KmsKeyId: !Ref Key, Tags: [{Key: backup, Value: enabled}]}
Hang:
  Type: AWS::EC2::VolumeAttachment
  Properties: {VolumeId: !Ref Other, InstanceId: !Ref Web}
Bare:
  Type: AWS::EC2::Instance
  Properties: {Tags: [{Key: backup, Value: enabled}]}
Launched:
  Type: AWS::EC2::Instance
  Properties: {LaunchTemplate: {LaunchTemplateId: lt-1, Version: 1}}",
    );
    expect(
        &report,
        &[
            ("Web", "kms-key-shared", Fail, "key Key"),
            ("Web/dev/sdf", "kms-key-shared", Fail, ""),
            (
                "Web/root",
                "encryption-at-rest",
                Unknown,
                "it depends on its image",
            ),
            ("Data", "backup-not-duplicated", Warn, "Web"),
            ("Other", "backup-not-duplicated", Warn, "Web"),
            (
                "Bare",
                "encryption-at-rest",
                Unknown,
                "it depends on its image",
            ),
            ("Bare", "cross-account-copy-supported", Unknown, "image"),
            (
                "Launched",
                "backup-decision-made",
                Unknown,
                "launch template",
            ),
        ],
    );
}

#[test]
fn defaults_are_what_aws_documents() {
    let report = report(
        "Yes: {Type: AWS::EC2::Volume, Properties: {Encrypted: 'TRUE', KmsKeyId: alias/aws/ebs}}
No: {Type: AWS::EC2::Volume, Properties: {Encrypted: false}}
Odd: {Type: AWS::EC2::Volume, Properties: {Encrypted: perhaps}}
Db: {Type: AWS::RDS::DBInstance, Properties: {Engine: postgres, StorageEncrypted: true}}
Plain: {Type: AWS::RDS::DBInstance, Properties: {Engine: postgres}}
Custom: {Type: AWS::RDS::DBInstance, Properties: {Engine: custom-oracle-ee}}
Fresh: {Type: AWS::RDS::DBInstance, Properties: {Engine: postgres, DBSnapshotIdentifier: '', StorageEncrypted: true, KmsKeyId: ''}}
Replica: {Type: AWS::RDS::DBInstance, Properties: {SourceDBInstanceIdentifier: !Ref Db}}
Oracle: {Type: AWS::RDS::DBInstance, Properties: {Engine: oracle-ee}}
Tde: {Type: AWS::RDS::DBInstance, Properties: {Engine: oracle-ee, OptionGroupName: !Ref Options}}
Old: {Type: AWS::RDS::DBInstance, Properties: {Engine: oracle-ee, OptionGroupName: the-old-one}}
Options: {Type: AWS::RDS::OptionGroup, Properties: {OptionConfigurations: [{OptionName: TDE}]}}
Aurora: {Type: AWS::RDS::DBCluster, Properties: {Engine: aurora-mysql}}
Restored: {Type: AWS::RDS::DBCluster, Properties: {Engine: aurora-mysql, SnapshotIdentifier: s}}
Locked: {Type: AWS::S3::Bucket, Properties: {ObjectLockEnabled: true}}
Suspended: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Suspended}}}
Some: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}, LifecycleConfiguration: {Rules: [{Status: Enabled, Prefix: logs/, NoncurrentVersionExpirationInDays: 3}]}}}
Never: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}, LifecycleConfiguration: {Rules: [{Status: Disabled, NoncurrentVersionExpirationInDays: 3}]}}}
Managed: {Type: AWS::S3::Bucket, Properties: {BucketEncryption: {ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: 'aws:kms'}}]}}}
Table: {Type: AWS::DynamoDB::Table}
Files: {Type: AWS::EFS::FileSystem}
Warehouse: {Type: AWS::Redshift::Cluster}
Taken: {Type: AWS::Redshift::Cluster, Properties: {SnapshotIdentifier: s}}
Names: {Type: AWS::RedshiftServerless::Namespace}
Outside: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: alias/theirs}}
Central: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: 'arn:aws:kms:eu-west-1:692653576357:key/1'}}",
    );
    expect(
        &report,
        &[
            ("Yes", "encryption-at-rest", Pass, ""),
            (
                "Yes",
                "encryption-customer-key",
                Fail,
                "AWS managed key aws/ebs",
            ),
            ("No", "encryption-at-rest", Unknown, "has Encrypted: false"),
            (
                "Odd",
                "encryption-at-rest",
                Unknown,
                "Encrypted: it is not true or false",
            ),
            (
                "Db",
                "encryption-customer-key",
                Fail,
                "AWS managed key aws/rds",
            ),
            ("Db", "rds-automated-backups-enabled", Pass, "1 day"),
            ("Plain", "encryption-at-rest", Fail, "not encrypted"),
            ("Fresh", "encryption-at-rest", Pass, ""),
            (
                "Fresh",
                "encryption-customer-key",
                Fail,
                "AWS managed key aws/rds",
            ),
            ("Custom", "cross-account-copy-supported", Fail, "Oracle"),
            ("Replica", "rds-automated-backups-enabled", Warn, "0 days"),
            (
                "Oracle",
                "rds-option-group-shareable",
                Pass,
                "no option group",
            ),
            (
                "Tde",
                "rds-option-group-shareable",
                Fail,
                "transparent data encryption",
            ),
            (
                "Old",
                "rds-option-group-shareable",
                Unknown,
                "already exist",
            ),
            ("Aurora", "encryption-at-rest", Pass, "AWS owned"),
            ("Aurora", "encryption-customer-key", Fail, "AWS owned"),
            (
                "Restored",
                "encryption-at-rest",
                Unknown,
                "SnapshotIdentifier",
            ),
            ("Locked", "s3-versioning-enabled", Pass, ""),
            ("Suspended", "s3-versioning-enabled", Fail, "suspended"),
            ("Some", "s3-old-versions-expire", Pass, "some objects"),
            ("Never", "s3-old-versions-expire", Warn, "no lifecycle rule"),
            (
                "Managed",
                "encryption-customer-key-recommended",
                Warn,
                "AWS managed key aws/s3",
            ),
            (
                "Table",
                "encryption-customer-key-recommended",
                Warn,
                "AWS owned",
            ),
            (
                "Files",
                "encryption-customer-key-recommended",
                Warn,
                "not encrypted",
            ),
            ("Warehouse", "encryption-at-rest", Pass, ""),
            ("Warehouse", "encryption-customer-key", Fail, "AWS owned"),
            ("Taken", "encryption-customer-key", Unknown, "snapshot"),
            ("Names", "encryption-customer-key", Fail, "AWS owned"),
            ("Outside", "kms-key-shared", Unknown, "alias/theirs"),
            (
                "Central",
                "kms-key-shared",
                Pass,
                "belongs to the central account",
            ),
            ("Central", "kms-key-not-central", Warn, "central account"),
        ],
    );
}

#[test]
fn a_key_is_what_its_properties_say() {
    let report = report(
        "Off: {Type: AWS::KMS::Key, Properties: {Enabled: false}}
Signs: {Type: AWS::KMS::Key, Properties: {KeySpec: RSA_2048, KeyUsage: SIGN_VERIFY}}
Brought: {Type: AWS::KMS::Key, Properties: {Origin: EXTERNAL}}
Replica: {Type: AWS::KMS::ReplicaKey, Properties: {PrimaryKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/mrk-1', KeyPolicy: {}}}
A: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Off}}
B: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Signs}}
C: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Brought}}
D: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !GetAtt Replica.Arn}}
Round: {Type: AWS::KMS::Alias, Properties: {AliasName: alias/round, TargetKeyId: !Ref Round}}
E: {Type: AWS::EC2::Volume, Properties: {Encrypted: true, KmsKeyId: !Ref Round}}",
    );
    expect(
        &report,
        &[
            ("A", "kms-key-usable", Fail, "disabled"),
            ("B", "kms-key-usable", Fail, "RSA_2048"),
            ("C", "kms-key-usable", Unknown, "imported"),
            ("D", "kms-key-usable", Unknown, "another region"),
            ("E", "kms-key-usable", Unknown, "does not refer to a key"),
        ],
    );
}

#[test]
fn tags_come_in_every_shape() {
    let enabled = |resources: &str| {
        let read = read(&of(resources), None, &[]);
        let report = judge(&read.snapshot);
        let tag = report
            .resources
            .iter()
            .find(|it| it.id == "X")
            .map(|it| it.backup_tag.as_str());
        tag.unwrap_or("not listed")
    };
    for (resource, want) in [
        (
            "X: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: backup, Value: enabled}]}}",
            "enabled",
        ),
        (
            "X: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: Backup, Value: enabled}]}}",
            "invalid",
        ),
        (
            "X: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: backup, Value: true}]}}",
            "invalid",
        ),
        (
            "X: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: !ImportValue k, Value: x}]}}",
            "unknown",
        ),
        (
            "X: {Type: AWS::S3::Bucket, Properties: {Tags: !ImportValue k}}",
            "unknown",
        ),
        (
            "X: {Type: AWS::S3::Bucket, Properties: {Tags: [!Ref AWS::NoValue]}}",
            "none",
        ),
        (
            "X: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: other, Value: !ImportValue k}]}}",
            "none",
        ),
        (
            "X: {Type: AWS::S3::Bucket, Properties: {'Fn::Transform': {Name: M}, Tags: []}}",
            "unknown",
        ),
        ("X: {Type: AWS::S3::Bucket}", "none"),
        (
            "X: {Type: AWS::EFS::FileSystem, Properties: {FileSystemTags: [{Key: backup, Value: enabled}]}}",
            "enabled",
        ),
        (
            "X: {Type: AWS::SSM::Parameter, Properties: {Tags: {backup: enabled}}}",
            "enabled",
        ),
        ("X: {Type: AWS::SSM::Parameter}", "not listed"),
        (
            "X: {Type: AWS::DynamoDB::GlobalTable, Properties: {Replicas: [{Region: !Ref AWS::Region, Tags: [{Key: backup, Value: enabled}]}]}}",
            "enabled",
        ),
        (
            "X: {Type: AWS::Serverless::SimpleTable, Properties: {Tags: {backup: enabled}}}",
            "enabled",
        ),
        (
            "X: {Type: AWS::DocDB::DBCluster, Properties: {Tags: [{Key: backup, Value: enabled}]}}",
            "enabled",
        ),
        (
            "X: {Type: AWS::EKS::Cluster, Properties: {Tags: !ImportValue k}}",
            "unknown",
        ),
        (
            "X: {Type: AWS::Timestream::Table, Properties: {}}",
            "not listed",
        ),
    ] {
        assert_eq!(enabled(resource), want, "{resource}");
    }
}

#[test]
fn a_network_is_followed_from_the_subnet_to_the_endpoint() {
    let network = |rest: &str| {
        report(&format!(
            "Net: {{Type: AWS::EC2::VPC}}
A: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Net}}}}
Routes: {{Type: AWS::EC2::RouteTable, Properties: {{VpcId: !Ref Net}}}}
Join: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{SubnetId: !Ref A, RouteTableId: !Ref Routes}}}}
{rest}"
        ))
    };
    let runs = "Fn: {Type: AWS::Lambda::Function, Properties: {VpcConfig: {SubnetIds: [!Ref A]}}}";
    let endpoint = |more: &str| {
        format!(
            "{runs}\nS3: {{Type: AWS::EC2::VPCEndpoint, Properties: {{VpcId: !Ref Net, ServiceName: com.amazonaws.eu-west-1.s3{more}}}}}"
        )
    };
    let (present, routed, open) = (
        "s3-gateway-endpoint-present",
        "s3-gateway-endpoint-routed",
        "s3-gateway-endpoint-open",
    );
    let here = |text: &str, expected: &[(&str, Status)]| {
        let report = network(text);
        let expected: Vec<_> = expected
            .iter()
            .map(|(rule, status)| ("Net", *rule, *status, ""))
            .collect();
        expect(&report, &expected);
    };
    here("", &[(present, Skip)]);
    here(runs, &[(present, Fail)]);
    here(
        &endpoint(""),
        &[(present, Pass), (routed, Fail), (open, Pass)],
    );
    here(
        &endpoint(", RouteTableIds: [!Ref Routes]"),
        &[(present, Pass), (routed, Pass)],
    );
    // Another stack created them.
    here(
        &endpoint(", RouteTableIds: !ImportValue tables"),
        &[(present, Pass), (routed, Fail)],
    );
    here(
        &endpoint(", RouteTableIds: !GetAtt Custom.Tables"),
        &[(present, Pass), (routed, Unknown)],
    );
    here(
        &endpoint(", VpcEndpointType: Interface"),
        &[(present, Fail)],
    );
    here(
        &endpoint(
            ", PolicyDocument: {Statement: [{Effect: Allow, Principal: '*', Action: 's3:GetObject', Resource: '*'}]}",
        ),
        &[(open, Warn)],
    );
    here(
        &endpoint(", PolicyDocument: !ImportValue policy"),
        &[(open, Unknown)],
    );
    let public = "\nOut: {Type: AWS::EC2::Route, Properties: {RouteTableId: !Ref Routes, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Igw}}\nIgw: {Type: AWS::EC2::InternetGateway}";
    here(&format!("{}{public}", endpoint("")), &[(routed, Warn)]);
    let grouped = "Group: {Type: AWS::RDS::DBSubnetGroup, Properties: {SubnetIds: [!Ref A]}}";
    here(grouped, &[(present, Skip)]);
    here(
        &format!(
            "{grouped}\nDb: {{Type: AWS::RDS::DBInstance, Properties: {{Engine: mysql, DBSubnetGroupName: !Ref Group}}}}"
        ),
        &[(present, Fail)],
    );
    // Without a region the service's own says nothing against the endpoint.
    let text = format!(
        "Net: {{Type: AWS::EC2::VPC}}\nA: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Net}}}}\n{}",
        endpoint("")
    );
    let report = judge(&read(&of(&text), None, &[]).snapshot);
    expect(&report, &[("Net", present, Pass, "")]);
}

#[test]
fn vaults_and_plans_are_read() {
    let resources = "Vault:
  Type: AWS::Backup::BackupVault
  Properties:
    BackupVaultName: local
    LockConfiguration: {MinRetentionDays: 7}
    EncryptionKeyArn: !GetAtt Key.Arn
Key: {Type: AWS::KMS::Key}
Plan:
  Type: AWS::Backup::BackupPlan
  Properties:
    BackupPlan:
      BackupPlanName: daily
      BackupPlanRule:
        - RuleName: daily
          TargetBackupVault: !Ref Vault
          ScheduleExpression: cron(0 3 * * ? *)
          Lifecycle: {DeleteAfterDays: 3}
          CopyActions: [{DestinationBackupVaultArn: 'arn:aws:backup:eu-west-1:692653576357:backup-vault:central', Lifecycle: {DeleteAfterDays: 365, MoveToColdStorageAfterDays: 30, OptInToArchiveForSupportedResources: true}}]
Tagged:
  Type: AWS::Backup::BackupSelection
  Properties:
    BackupPlanId: !Ref Plan
    BackupSelection:
      SelectionName: tagged
      IamRoleArn: !Sub arn:aws:iam::${AWS::AccountId}:role/Backup
      ListOfTags: [{ConditionType: STRINGEQUALS, ConditionKey: backup, ConditionValue: enabled}]";
    let read = read(&of(resources), Some("eu-west-1"), &[]);
    let region = &read.snapshot.regions["eu-west-1"];
    let vault = &region.vaults.items[0];
    assert_eq!(
        (vault.id.as_str(), vault.min_retention_days.known()),
        ("local", Some(&Some(7)))
    );
    let plan = &region.backup_plans.items[0];
    let rule = &plan.rules.items[0];
    assert_eq!(
        (
            rule.vault.as_str(),
            rule.retention_days,
            rule.schedule.as_deref()
        ),
        ("local", Some(3), Some("cron(0 3 * * ? *)"))
    );
    assert_eq!(rule.cold_storage, Observed::Known(None));
    let cold = ColdStorage {
        after_days: 30,
        archives: true,
    };
    assert_eq!(rule.copies[0].cold_storage, Observed::Known(Some(cold)));
    assert_eq!(
        plan.selections.items[0].role_arn,
        "arn:aws:iam:::role/Backup"
    );
    let report = judge(&read.snapshot);
    let locked = report
        .findings
        .iter()
        .find(|it| it.rule.id == "local-vault-ready")
        .unwrap();
    assert_eq!(locked.status, Fail, "{}", locked.explanation.message);
    assert!(
        locked.explanation.message.contains("at least 7 days"),
        "{}",
        locked.explanation.message
    );
    // It copies all that it selects, whatever other plans the account has.
    let policy = report
        .findings
        .iter()
        .find(|it| it.rule.id == "backup-policy-effective")
        .unwrap();
    assert_eq!(policy.status, Pass, "{}", policy.explanation.message);
}

// AWS::Backup::BackupPlan BackupRuleResourceType: TargetLogicallyAirGappedBackupVaultArn.
#[test]
fn the_air_gapped_vault_of_a_rule_is_read() {
    let template = |target: &str, properties: &str| {
        of(&format!(
            "Vault: {{Type: AWS::Backup::BackupVault, Properties: {{BackupVaultName: local}}}}
Locked:
  Type: AWS::Backup::LogicallyAirGappedBackupVault
  Properties: {{BackupVaultName: locked, MinRetentionDays: 7, MaxRetentionDays: 90{properties}}}
Bucket: {{Type: AWS::S3::Bucket, Properties: {{Tags: [{{Key: backup, Value: enabled}}]}}}}
Plan:
  Type: AWS::Backup::BackupPlan
  Properties:
    BackupPlan:
      BackupPlanName: daily
      BackupPlanRule:
        - {{RuleName: daily, TargetBackupVault: !Ref Vault, TargetLogicallyAirGappedBackupVaultArn: {target}, Lifecycle: {{DeleteAfterDays: 1}}}}
Tagged:
  Type: AWS::Backup::BackupSelection
  Properties:
    BackupPlanId: !Ref Plan
    BackupSelection:
      SelectionName: tagged
      IamRoleArn: arn:aws:iam::111122223333:role/Backup
      ListOfTags: [{{ConditionType: STRINGEQUALS, ConditionKey: backup, ConditionValue: enabled}}]"
        ))
    };
    let created = template("!GetAtt Locked.BackupVaultArn", "");
    let created = read(&created, Some("eu-west-1"), &[]).snapshot;
    let rules = &created.regions["eu-west-1"].backup_plans.items[0].rules;
    assert_eq!(rules.items[0].air_gapped_name(), Some("locked"));
    let ready = judge(&created).findings;
    let ready = ready.iter().find(|it| it.rule.id == "local-vault-ready");
    let message = &ready.unwrap().explanation.message;
    assert!(
        message.contains("Vault Lock on locked requires"),
        "{message}"
    );

    let elsewhere = "arn:aws:backup:eu-central-1:111122223333:backup-vault:locked";
    let read_key = |properties: &str| {
        let read = read(&template(elsewhere, properties), Some("eu-west-1"), &[]);
        read.snapshot.regions["eu-west-1"].vaults.items[1].clone()
    };
    assert_eq!(read_key("").kms_key, Observed::Known(None));
    let given = read_key(", EncryptionKeyArn: 'arn:aws:kms:eu-west-1:111122223333:key/1'");
    assert_eq!(
        given.kms_key,
        Observed::Known(Some("arn:aws:kms:eu-west-1:111122223333:key/1".to_owned()))
    );
}

// What the template only points at may hold anything, and that is said.
#[test]
fn what_may_be_more_is_unlisted() {
    for (text, kind, words) in [
        (
            "Transform: Mine\nResources: {}\n",
            GapKind::AfterApply,
            "line 1: the resources that the macro Mine adds",
        ),
        (
            "Transform: [AWS::LanguageExtensions, {Name: AWS::Include}]\nResources: {}\n",
            GapKind::AfterApply,
            "AWS::Include",
        ),
        (
            "Resources:\n  Fn::Transform: {Name: AWS::Include}\n",
            GapKind::AfterApply,
            "Fn::Transform",
        ),
        (
            "Resources:\n  N: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: 'https://x'}}\n",
            GapKind::Unplanned,
            "line 2: the nested stack N",
        ),
        (
            "Resources:\n  N: {Type: AWS::Serverless::Application}\n",
            GapKind::Unplanned,
            "nested stack N",
        ),
        (
            "Resources:\n  N: {Type: 'Mine::S3::Bucket::MODULE'}\n",
            GapKind::Unplanned,
            "N is a module",
        ),
    ] {
        let read = read(text, None, &[]);
        let gaps = gaps(&read.snapshot);
        assert!(
            gaps.iter()
                .any(|(of, said)| *of == kind && said.contains(words)),
            "{text}: {gaps:?}"
        );
        let report = judge(&read.snapshot);
        assert!(!report.complete, "{text}");
        let exit = report.exit(backup_check::exit::FailOn::Fail);
        assert_eq!(exit, backup_check::exit::Exit::Unknown, "{text}");
    }
    for text in [
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function}\n",
        "Transform: [AWS::LanguageExtensions]\nResources: {}\n",
    ] {
        assert!(gaps(&read(text, None, &[]).snapshot).is_empty(), "{text}");
    }
    // A nested stack that is tagged is what is in it, and that is not read.
    let nested = report(
        "N: {Type: AWS::CloudFormation::Stack, Properties: {Tags: [{Key: backup, Value: enabled}]}}\nB: {Type: AWS::S3::Bucket, Properties: {Tags: [{Key: backup, Value: enabled}]}}",
    );
    expect(
        &nested,
        &[
            ("N", "stack-resources-ready", Unknown, "nested stack N"),
            ("B", "backup-not-duplicated", Skip, ""),
        ],
    );
}
