//! What `fix` writes for templates and plans, from the file to the text.

use std::path::Path;

use crate::support::command::{backup_check, run};

/// Writes templates and returns the changes of the first.
fn fix_templates(files: &[(&str, &str)], rules: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let first = files.first().map(|(name, _)| *name).unwrap();
    run_fix(folder.path(), first, "cloudformation", rules)
}

fn run_fix(folder: &Path, name: &str, language: &str, rules: &[&str]) -> String {
    let mut command = backup_check(folder);
    command.args(["fix", "--from", name, "--as", language]);
    command.args(["--region", "eu-central-1"]);
    for rule in rules {
        command.args(["--rule", rule]);
    }
    let written = run(&mut command);
    assert!(matches!(written.code, 0 | 3), "{}", written.stderr);
    written.stdout
}

/// Returns the part that is merged into the template.
fn documents_of(written: &str) -> &str {
    written
        .find("\nParameters:")
        .or_else(|| written.find("\nResources:"))
        .map_or("", |at| written[at..].trim())
}

/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ec2-instance-blockdevicemapping.html>.
#[test]
fn devices_of_an_instance_are_in_its_mappings() {
    let template = "\
Resources:
  I:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: ami-12345678
      BlockDeviceMappings:
        - {DeviceName: /dev/xvda, Ebs: {VolumeSize: 8, Encrypted: true, KmsKeyId: alias/aws/ebs}}
        - {DeviceName: /dev/xvdb, Ebs: {VolumeSize: 8, Encrypted: true, KmsKeyId: alias/aws/ebs}}
      Tags: [{Key: backup, Value: enabled}]
";
    let written = fix_templates(&[("main.yaml", template)], &["encryption-customer-key"]);
    assert!(!written.contains("xvda: #"), "{written}");
    assert!(
        documents_of(&written).contains(
            "  I: # main.yaml:2\n    Properties:\n      BlockDeviceMappings:\n        - DeviceName: /dev/xvda\n          \
             Ebs:\n            Encrypted: true\n            KmsKeyId: !Ref KmsKeyArn\n        - DeviceName: /dev/xvdb\n          Ebs:\n            \
             Encrypted: true\n            KmsKeyId: !Ref KmsKeyArn"
        ),
        "{written}"
    );
}

/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-ec2-launchtemplate-launchtemplatedata.html>.
#[test]
fn a_device_of_a_launch_template_is_changed_there() {
    let template = "\
Resources:
  I:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: ami-12345678
      LaunchTemplate: {LaunchTemplateId: !Ref Lt, Version: !GetAtt Lt.LatestVersionNumber}
      Tags: [{Key: backup, Value: enabled}]
  Lt:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        BlockDeviceMappings: [{DeviceName: /dev/xvdk, Ebs: {VolumeSize: 8, Encrypted: true, KmsKeyId: alias/aws/ebs}}]
";
    let written = fix_templates(&[("main.yaml", template)], &["encryption-customer-key"]);
    let merged = documents_of(&written);
    assert!(
        merged.contains(
            "  Lt: # main.yaml:8\n    Properties:\n      LaunchTemplateData:\n        BlockDeviceMappings:\n          \
             - DeviceName: /dev/xvdk\n            Ebs:\n              Encrypted: true\n              KmsKeyId: !Ref KmsKeyArn"
        ),
        "{written}"
    );
    assert!(!merged.contains("  I:"), "{written}");
}

#[test]
fn the_key_of_an_attached_volume_is_changed_once_and_there() {
    let template = "\
Resources:
  I:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: ami-12345678
      Volumes: [{VolumeId: !Ref Ivol, Device: /dev/sdf}]
      Tags: [{Key: backup, Value: enabled}]
  Ivol:
    Type: AWS::EC2::Volume
    Properties: {AvailabilityZone: eu-central-1a, Size: 1, Encrypted: true, KmsKeyId: alias/aws/ebs}
";
    let written = fix_templates(&[("main.yaml", template)], &["encryption-customer-key"]);
    let merged = documents_of(&written);
    // A parameter that nothing declares cannot be referred to.
    assert_eq!(
        merged.lines().collect::<Vec<_>>()[..8],
        [
            "Parameters:",
            "  KmsKeyArn:",
            "    Type: String",
            "Resources:",
            "  Ivol: # main.yaml:8",
            "    Properties:",
            "      Encrypted: true",
            "      KmsKeyId: !Ref KmsKeyArn"
        ],
        "{written}"
    );
    assert!(!merged.contains("  I:"), "{written}");
    assert!(
        written.contains("# 1. ") && !written.contains("# 2. "),
        "{written}"
    );
}

const BUCKET: &str = "\
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {Tags: [{Key: backup, Value: enabled}]}
";

/// Two stacks of one template change it once, and two templates are two documents.
#[test]
fn every_template_has_its_own_document() {
    let parent = format!(
        "{BUCKET}  One: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: ./child.yaml}}}}\n  \
         Two: {{Type: AWS::CloudFormation::Stack, Properties: {{TemplateURL: ./child.yaml}}}}\n"
    );
    let files = [("parent.yaml", parent.as_str()), ("child.yaml", BUCKET)];
    let written = fix_templates(&files, &["s3-versioning-enabled"]);
    let versioning = "    Properties:\n      VersioningConfiguration:\n        Status: Enabled";
    let document = |file: &str| {
        format!("# Merge into {file}:\nResources:\n  Bucket: # {file}:2\n{versioning}\n")
    };
    let (child, parent) = (document("child.yaml"), document("parent.yaml"));
    assert!(
        written.ends_with(&format!("\n{child}\n---\n{parent}")),
        "{written}"
    );
}

/// A VPC has no attribute with its main route table. What refers to a resource needs its condition, and only that: a
/// stack with a condition has it already.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpc.html#aws-resource-ec2-vpc-return-values>.
#[test]
fn an_endpoint_refers_to_what_its_template_declares() {
    let net = |condition: &str, table: &str| {
        format!(
            "\
Conditions:
  Here: !Equals [!Ref AWS::Region, eu-central-1]
Resources:
  Vpc: {{Type: AWS::EC2::VPC, {condition}Properties: {{CidrBlock: 10.0.0.0/16}}}}
  Sub: {{Type: AWS::EC2::Subnet, Properties: {{VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24}}}}
  Rt: {{Type: AWS::EC2::RouteTable, {table}Properties: {{VpcId: !Ref Vpc}}}}
  Rta: {{Type: AWS::EC2::SubnetRouteTableAssociation, Properties: {{SubnetId: !Ref Sub, RouteTableId: !Ref Rt}}}}
  I: {{Type: AWS::EC2::Instance, Properties: {{ImageId: ami-12345678, SubnetId: !Ref Sub}}}}
  B:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration: {{Status: Enabled}}
      Tags: [{{Key: backup, Value: enabled}}]
"
        )
    };
    let stack = "Net: {Type: AWS::CloudFormation::Stack, Condition: Always, Properties: {TemplateURL: ./net.yaml}}";
    let parent = format!("Conditions: {{Always: !Equals [a, a]}}\nResources: {{{stack}}}\n");
    let here = "Condition: Here, ";
    let chosen = "!If [Here, !Ref Rt, !Ref AWS::NoValue]";
    let line = "    Condition: Here\n";
    for (condition, line, table, reference) in [
        ("", "", "", "!Ref Rt"),
        (here, line, "", "!Ref Rt"),
        ("", "", here, chosen),
        (here, line, here, "!Ref Rt"),
    ] {
        let net = net(condition, table);
        for files in [
            vec![("net.yaml", &*net)],
            vec![("parent.yaml", &*parent), ("net.yaml", &*net)],
        ] {
            let written = fix_templates(&files, &["s3-gateway-endpoint-present"]);
            assert_eq!(
                documents_of(&written),
                format!(
                    "Resources:\n  VpcS3GatewayEndpoint:\n    Type: AWS::EC2::VPCEndpoint\n{line}    Properties:\n      \
                     VpcId: !Ref Vpc\n      ServiceName: !Sub com.amazonaws.${{AWS::Region}}.s3\n      \
                     VpcEndpointType: Gateway\n      RouteTableIds:\n        - {reference}"
                ),
                "{written}"
            );
            assert!(
                written
                    .contains("#   The main route table of the VPC has no logical id: associate"),
                "{written}"
            );
        }
    }
}

/// Sources: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-ssespecification.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-dynamodb-globaltable-replicassespecification.html>.
#[test]
fn replicas_of_a_global_table_have_their_own_keys() {
    let template = "\
Resources:
  G:
    Type: AWS::DynamoDB::GlobalTable
    Properties:
      KeySchema: [{AttributeName: a, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: a, AttributeType: S}]
      Replicas:
        - {Region: eu-central-1, Tags: [{Key: backup, Value: enabled}]}
        - {Region: eu-west-1, Tags: [{Key: backup, Value: enabled}]}
";
    let rule = ["encryption-customer-key-recommended"];
    let written = fix_templates(&[("main.yaml", template)], &rule);
    assert!(
        documents_of(&written).ends_with(
            "    Properties:\n      SSESpecification:\n        SSEEnabled: true\n        SSEType: KMS\n      Replicas:\n        \
             - Region: eu-central-1\n          SSESpecification:\n            KMSMasterKeyId: !Ref KmsKeyArnEuCentral1\n        - Region: eu-west-1\n          \
             SSESpecification:\n            KMSMasterKeyId: !Ref KmsKeyArnEuWest1"
        ),
        "{written}"
    );
}

/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstanceReadReplica.html>.
#[test]
fn a_replica_or_a_restored_db_instance_is_given_no_key() {
    let template = "\
Resources:
  Db:
    Type: AWS::RDS::DBInstance
    Properties: {Engine: postgres, DBInstanceClass: db.t3.micro, AllocatedStorage: \"10\"}
  Rep:
    Type: AWS::RDS::DBInstance
    Properties: {SourceDBInstanceIdentifier: !Ref Db, DBInstanceClass: db.t3.micro, Tags: [{Key: backup, Value: enabled}]}
  Pit:
    Type: AWS::RDS::DBInstance
    Properties: {RestoreTime: \"2020-01-01T00:00:00Z\", SourceDBInstanceIdentifier: !Ref Db, DBInstanceClass: db.t3.micro, Tags: [{Key: backup, Value: enabled}]}
";
    let written = fix_templates(&[("main.yaml", template)], &["encryption-at-rest"]);
    let has = |text: &str| assert!(written.contains(text), "{text}: {written}");
    has(
        "#   Encrypt its source Db with a customer managed key: a read replica in the same Region has the key of its source.",
    );
    has(
        "#   Copy the snapshot with a customer managed key, and restore the DB instance from the copy:",
    );
    for id in ["  Rep:", "  Pit:"] {
        assert!(!documents_of(&written).contains(id), "{written}");
    }
}

/// A logical id that a loop makes is not in the template. The parameter is needed all the same.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html>.
#[test]
fn resources_of_a_loop_are_changed_once_in_the_loop() {
    let template = "\
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Volumes:
    - N
    - [a, b]
    - Volume${N}:
        Type: AWS::EC2::Volume
        Properties: {AvailabilityZone: eu-central-1a, Size: 1, Encrypted: true, KmsKeyId: alias/aws/ebs, Tags: [{Key: backup, Value: enabled}]}
";
    let written = fix_templates(&[("main.yaml", template)], &["encryption-customer-key"]);
    assert!(
        written.contains(
            "#   In Volume${N} of Fn::ForEach::Volumes (main.yaml:6):\n#     Encrypted: true\n#     KmsKeyId: !Ref KmsKeyArn\n"
        ),
        "{written}"
    );
    assert!(
        written.contains("# 1. ") && !written.contains("# 2. "),
        "{written}"
    );
    assert_eq!(
        documents_of(&written),
        "Parameters:\n  KmsKeyArn:\n    Type: String",
        "{written}"
    );
}

/// The body of a loop may be a loop, which the text of the template has under its own names.
#[test]
fn a_loop_in_a_loop_is_named_as_the_template_names_it() {
    let template = "\
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Teams:
    - Team
    - [a, b]
    - Fn::ForEach::Volumes${Team}:
        - N
        - [c, d]
        - Volume${Team}${N}:
            Type: AWS::EC2::Volume
            Properties: {AvailabilityZone: eu-central-1a, Size: 1, Encrypted: true, KmsKeyId: alias/aws/ebs, Tags: [{Key: backup, Value: enabled}]}
";
    let written = fix_templates(&[("main.yaml", template)], &["encryption-customer-key"]);
    assert!(
        written
            .contains("#   In Volume${Team}${N} of Fn::ForEach::Volumes${Team} (main.yaml:9):\n"),
        "{written}"
    );
    assert!(
        written.contains("# 1. ") && !written.contains("# 2. "),
        "{written}"
    );
}

const KEY: &str = "  Key: {Type: AWS::KMS::Key, Properties: {KeyPolicy: {Statement: []}}}\n";

/// A template can refer only to what it declares itself and certainly creates.
#[test]
fn a_key_of_another_template_is_a_parameter() {
    let child =
        "  Child: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: ./child.yaml}}\n";
    let maybe = "  Key: {Type: AWS::KMS::Key, Condition: Maybe, Properties: {KeyPolicy: {Statement: []}}}\n\
                 Conditions: {Maybe: !Equals [a, a]}\n";
    let with_key = format!("{BUCKET}{KEY}");
    for (files, value) in [
        (vec![("main.yaml", with_key.clone())], "!GetAtt Key.Arn"),
        (
            vec![("main.yaml", format!("{BUCKET}{maybe}"))],
            "!Ref KmsKeyArn",
        ),
        (
            vec![
                ("main.yaml", format!("Resources:\n{KEY}{child}")),
                ("child.yaml", BUCKET.to_owned()),
            ],
            "!Ref KmsKeyArn",
        ),
        (
            vec![
                ("main.yaml", format!("Resources:\n{child}")),
                ("child.yaml", with_key),
            ],
            "!GetAtt Key.Arn",
        ),
    ] {
        let texts: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, &**text)).collect();
        let written = fix_templates(&texts, &["encryption-customer-key-recommended"]);
        let merged = documents_of(&written);
        assert!(
            merged.ends_with(&format!("KMSMasterKeyID: {value}")),
            "{written}"
        );
        assert_eq!(
            merged.starts_with("Parameters:"),
            value.contains("Ref"),
            "{written}"
        );
    }
}

#[test]
fn a_template_in_json_is_changed_in_json() {
    let template = serde_json::json!({"Resources": {
        "Db": {"Type": "AWS::RDS::DBInstance", "Properties": {
            "Engine": "postgres", "DBInstanceClass": "db.t3.micro", "AllocatedStorage": "10",
            "Tags": [{"Key": "backup", "Value": "enabled"}]
        }},
    }});
    let written = fix_templates(
        &[("main.json", &template.to_string())],
        &["encryption-at-rest"],
    );
    let json = written.find("\n{").map_or("", |at| &written[at..]);
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "Parameters": {"KmsKeyArn": {"Type": "String"}},
            "Resources": {"Db": {"Properties": {"StorageEncrypted": true, "KmsKeyId": {"Ref": "KmsKeyArn"}}}}
        }),
        "{written}"
    );
    assert!(
        written.contains("#   A stack that exists replaces the resource, or rejects the change:"),
        "{written}"
    );
}
