//! Instances whose volumes a template leaves open.

use super::*;
use Status::{Pass, Unknown};

/// What is found of an instance with these properties and more resources, about the keys of its volumes.
fn judge_instance(properties: &str, more: &str) -> (Status, String) {
    let text = format!(
        "
Parameters:
  Open: {{Type: String}}
  Image: {{Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64}}
Conditions:
  Maybe: !Equals [!Ref Open, '']
Resources:
  Good:
    Type: AWS::KMS::Key
    Properties: {{KeyPolicy: {{Version: 2012-10-17, Statement: [{{Effect: Allow, Principal: {{AWS: '692653576357'}}, Action: 'kms:*', Resource: '*'}}]}}}}
  Bad: {{Type: AWS::KMS::Key}}
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {{LaunchTemplateData: {{BlockDeviceMappings: [{{DeviceName: /dev/xvda, Ebs: {{Encrypted: true, KmsKeyId: !Ref Bad}}}}]}}}}
  Data: {{Type: AWS::EC2::Volume, Properties: {{AvailabilityZone: eu-central-1a, Size: 1, Encrypted: true, KmsKeyId: !Ref Bad}}}}
  Server:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      {properties}
{more}
"
    );
    let read = read(&text, Some("eu-central-1"), &[]);
    let report = judge(&read.snapshot);
    let found = findings(&report, "Server")["kms-key-shared"];
    (found.0, found.1.to_owned())
}

const MAPPED: &str = "[{DeviceName: /dev/xvda, Ebs: {Encrypted: true, KmsKeyId: !Ref Good}}]";
const TEMPLATE: &str =
    "{LaunchTemplateId: !Ref Template, Version: !GetAtt Template.LatestVersionNumber}";

#[test]
fn a_launch_template_or_mappings_that_may_be_absent_settle_nothing() {
    let of = |mapped: &str, template: &str| {
        let properties = format!("BlockDeviceMappings: {mapped}\n      LaunchTemplate: {template}");
        judge_instance(&properties, "")
    };
    let none = "!Ref AWS::NoValue";
    let maybe = |value: &str| format!("!If [Maybe, {value}, !Ref AWS::NoValue]");
    assert_eq!(of(MAPPED, none).0, Pass);
    assert_eq!(of(none, TEMPLATE).0, Status::Fail);
    for (mapped, template) in [
        (MAPPED.to_owned(), maybe(TEMPLATE)),
        (maybe(MAPPED), TEMPLATE.to_owned()),
        // A launch template that is not in the template may add volumes.
        (
            MAPPED.to_owned(),
            "{LaunchTemplateId: lt-1, Version: '1'}".to_owned(),
        ),
    ] {
        let (status, message) = of(&mapped, &template);
        assert_eq!(status, Unknown, "{mapped} {template}: {message}");
    }
}

#[test]
fn a_volume_that_may_be_attached_settles_nothing() {
    let mapped = format!("BlockDeviceMappings: {MAPPED}");
    let attach = |condition: &str| {
        format!(
            "  Attached: {{Type: AWS::EC2::VolumeAttachment, {condition}Properties: {{Device: /dev/sdh, InstanceId: !Ref Server, VolumeId: !Ref Data}}}}"
        )
    };
    assert_eq!(judge_instance(&mapped, &attach("")).0, Status::Fail);
    assert_eq!(
        judge_instance(&mapped, &attach("Condition: Maybe, ")).0,
        Unknown
    );
    let volumes = |value: &str| format!("{mapped}\n      Volumes: {value}");
    let one = "{Device: /dev/sdh, VolumeId: !Ref Data}";
    let fails = judge_instance(&volumes(&format!("[{one}]")), "");
    assert_eq!(fails.0, Status::Fail);
    for open in [
        format!("!If [Maybe, [{one}], !Ref AWS::NoValue]"),
        format!("[!If [Maybe, {one}, !Ref AWS::NoValue]]"),
    ] {
        assert_eq!(judge_instance(&volumes(&open), "").0, Unknown, "{open}");
    }
}
