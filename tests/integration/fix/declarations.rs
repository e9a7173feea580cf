//! What is declared in a plan or a template instead of a command: the lines, where they belong, and the sentence.

use std::collections::BTreeMap;

use backup_check::analysis::Remedy;
use backup_check::analysis::declaration::{Declared, declare};
use backup_check::analysis::remedy::RouteTableIds;
use backup_check::model::ResourceKind;
use backup_check::model::snapshot::{SNAPSHOT_VERSION, Snapshot};
use serde_json::{Value, json};

pub(super) const REGION: &str = "eu-central-1";

/// Returns the ARN of a key of a file, by which the snapshot has it.
fn key_arn(region: &str, address: &str) -> String {
    format!("arn:aws:kms:{region}:111122223333:key/{address}")
}

fn key(state: &str, spec: &str) -> Value {
    json!({"metadata": {"known": {
        "manager": "CUSTOMER", "state": state, "spec": spec, "usage": "ENCRYPT_DECRYPT", "origin": "AWS_KMS",
        "multi_region": false
    }}})
}

fn usable() -> Value {
    key("Enabled", "SYMMETRIC_DEFAULT")
}

/// Returns a file that declares one resource, and keys by their ARNs.
pub(super) fn file(
    source: &str,
    arn: &str,
    address: &str,
    line: Option<u32>,
    keys: &BTreeMap<String, Value>,
) -> Snapshot {
    let place = json!({"file": "stack/main", "line": line, "address": address});
    let snapshot = json!({
        "snapshot_version": SNAPSHOT_VERSION, "source": source, "account_id": "111122223333", "tag_key": "backup",
        "started_at": "2026-03-03T06:00:00Z", "finished_at": "2026-03-03T06:00:04Z",
        "places": {arn: place}, "keys": keys
    });
    serde_json::from_value(snapshot).unwrap()
}

/// Declares the remedy of a resource that does not exist yet.
fn declare_in(
    source: &str,
    address: &str,
    keys: &[(String, Value)],
    remedy: &Remedy,
) -> Option<Declared> {
    let keys = keys.iter().cloned().collect();
    declare(
        &file(source, address, address, None, &keys),
        remedy,
        address,
    )
}

fn in_plan(address: &str, remedy: &Remedy) -> Declared {
    declare_in("terraform-plan", address, &[], remedy).unwrap()
}

fn in_template(address: &str, remedy: &Remedy) -> Declared {
    declare_in("cloudformation", address, &[], remedy).unwrap()
}

pub(super) fn use_key(kind: ResourceKind, id: &str, is_encrypted: bool) -> Remedy {
    Remedy::UseCustomerKey {
        kind,
        id: id.to_owned(),
        holder: None,
        region: REGION.to_owned(),
        is_encrypted,
    }
}

pub(super) fn lines_of(declared: &Declared) -> String {
    declared.declaration.lines.join("\n")
}

fn separate_of(declared: &Declared) -> String {
    declared.declaration.separate.join("\n")
}

/// Sources: the examples of <https://registry.terraform.io/providers/hashicorp/aws/latest/docs>.
#[test]
fn a_plan_declares_what_a_bucket_lacks_in_resources_of_its_own() {
    let (bucket, region) = ("logs".to_owned(), REGION.to_owned());
    let versioning = Remedy::EnableVersioning {
        bucket: bucket.clone(),
        region: region.clone(),
    };
    let declared = in_plan("module.data[\"a.b\"].aws_s3_bucket.logs[0]", &versioning);
    assert_eq!(lines_of(&declared), "");
    assert_eq!(
        separate_of(&declared),
        "resource \"aws_s3_bucket_versioning\" \"logs\" {\n  count  = length(aws_s3_bucket.logs)\n  \
         bucket = aws_s3_bucket.logs[count.index].id\n  \
         versioning_configuration {\n    status = \"Enabled\"\n  }\n}"
    );
    assert_eq!(
        declared.fix,
        "Declare `aws_s3_bucket_versioning` for the bucket, with `versioning_configuration { status = \"Enabled\" }`."
    );
    let expiry = Remedy::ExpireNoncurrentVersions {
        bucket: bucket.clone(),
        region: region.clone(),
    };
    let declared = in_plan("aws_s3_bucket.logs", &expiry);
    assert_eq!(
        separate_of(&declared),
        "resource \"aws_s3_bucket_lifecycle_configuration\" \"logs\" {\n  bucket = aws_s3_bucket.logs.id\n  rule {\n    \
         id     = \"expire-noncurrent-versions\"\n    status = \"Enabled\"\n    filter {}\n    \
         noncurrent_version_expiration {\n      noncurrent_days = 30\n    }\n  }\n}"
    );
    let events = Remedy::EnableEventBridge { bucket, region };
    let declared = in_plan("aws_s3_bucket.logs", &events);
    assert_eq!(
        separate_of(&declared),
        "resource \"aws_s3_bucket_notification\" \"logs\" {\n  bucket = aws_s3_bucket.logs.id\n  eventbridge = true\n}"
    );
    let declared = in_plan(
        "aws_s3_bucket.logs",
        &use_key(ResourceKind::S3Bucket, "logs", false),
    );
    assert_eq!(
        separate_of(&declared),
        "resource \"aws_s3_bucket_server_side_encryption_configuration\" \"logs\" {\n  bucket = aws_s3_bucket.logs.id\n  \
         rule {\n    apply_server_side_encryption_by_default {\n      sse_algorithm     = \"aws:kms\"\n      \
         kms_master_key_id = var.kms_key_arn\n    }\n  }\n}"
    );
    assert_eq!(
        declared.fix,
        "Declare `aws_s3_bucket_server_side_encryption_configuration` for the bucket, with `kms_master_key_id` of a \
         customer managed key."
    );
}

/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html>.
#[test]
fn a_template_declares_what_a_bucket_lacks_in_its_properties() {
    let (bucket, region) = ("logs".to_owned(), REGION.to_owned());
    let versioning = Remedy::EnableVersioning {
        bucket: bucket.clone(),
        region: region.clone(),
    };
    let declared = in_template("Logs", &versioning);
    assert_eq!(separate_of(&declared), "");
    assert_eq!(
        lines_of(&declared),
        "VersioningConfiguration:\n  Status: Enabled"
    );
    assert_eq!(
        declared.fix,
        "Set `VersioningConfiguration: Status: Enabled` of the bucket in the template."
    );
    let expiry = Remedy::ExpireNoncurrentVersions {
        bucket: bucket.clone(),
        region: region.clone(),
    };
    assert_eq!(
        lines_of(&in_template("Logs", &expiry)),
        "LifecycleConfiguration:\n  Rules:\n    - Id: expire-noncurrent-versions\n      Status: Enabled\n      \
         NoncurrentVersionExpiration:\n        NoncurrentDays: 30"
    );
    let events = Remedy::EnableEventBridge { bucket, region };
    assert_eq!(
        lines_of(&in_template("Logs", &events)),
        "NotificationConfiguration:\n  EventBridgeConfiguration:\n    EventBridgeEnabled: true"
    );
    let declared = in_template("Logs", &use_key(ResourceKind::S3Bucket, "logs", false));
    assert_eq!(
        lines_of(&declared),
        "BucketEncryption:\n  ServerSideEncryptionConfiguration:\n    - ServerSideEncryptionByDefault:\n        \
         SSEAlgorithm: aws:kms\n        KMSMasterKeyID: !Ref KmsKeyArn"
    );
    assert_eq!(
        declared.fix,
        "Set `KMSMasterKeyID` in `BucketEncryption` of the bucket to a customer managed key."
    );
}

#[test]
fn a_table_has_its_key_in_a_block() {
    let remedy = use_key(ResourceKind::DynamodbTable, "orders", true);
    let declared = in_plan("aws_dynamodb_table.orders", &remedy);
    assert_eq!(
        lines_of(&declared),
        "server_side_encryption {\n  enabled     = true\n  kms_key_arn = var.kms_key_arn\n}"
    );
    assert_eq!(
        declared.fix,
        "Set `kms_key_arn` in `server_side_encryption` of the table to a customer managed key."
    );
    let declared = in_template("Orders", &remedy);
    assert_eq!(
        lines_of(&declared),
        "SSESpecification:\n  SSEEnabled: true\n  SSEType: KMS\n  KMSMasterKeyId: !Ref KmsKeyArn"
    );
    assert_eq!(
        declared.fix,
        "Set `KMSMasterKeyId` in `SSESpecification` of the table to a customer managed key."
    );
}

/// Types with an argument for encryption itself, one of another name, and none. What is encrypted now may be so by a
/// default of the account, and a key without the argument is an error.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ebs_volume#kms_key_id>.
#[test]
fn a_key_comes_with_encryption() {
    use ResourceKind::{
        EbsVolume, FsxFileSystem, FsxVolume, NeptuneCluster, RedshiftCluster, RedshiftNamespace,
        StorageGatewayVolume,
    };
    for (kind, is_encrypted, plan, template) in [
        (
            EbsVolume,
            true,
            "encrypted = true\nkms_key_id = var.kms_key_arn",
            "Encrypted: true\nKmsKeyId: !Ref KmsKeyArn",
        ),
        (
            EbsVolume,
            false,
            "encrypted = true\nkms_key_id = var.kms_key_arn",
            "Encrypted: true\nKmsKeyId: !Ref KmsKeyArn",
        ),
        (
            NeptuneCluster,
            false,
            "storage_encrypted = true\nkms_key_arn = var.kms_key_arn",
            "StorageEncrypted: true\nKmsKeyId: !Ref KmsKeyArn",
        ),
        (
            FsxFileSystem,
            false,
            "kms_key_id = var.kms_key_arn",
            "KmsKeyId: !Ref KmsKeyArn",
        ),
        (
            RedshiftCluster,
            false,
            "encrypted = true\nkms_key_id = var.kms_key_arn",
            "Encrypted: true\nKmsKeyId: !Ref KmsKeyArn",
        ),
        (
            FsxVolume,
            true,
            "kms_key_id = var.kms_key_arn",
            "KmsKeyId: !Ref KmsKeyArn",
        ),
        (
            RedshiftNamespace,
            true,
            "kms_key_id = var.kms_key_arn",
            "KmsKeyId: !Ref KmsKeyArn",
        ),
    ] {
        let remedy = use_key(kind, "it", is_encrypted);
        assert_eq!(
            lines_of(&in_plan("aws_it.it", &remedy)),
            plan,
            "{kind:?} {is_encrypted}"
        );
        assert_eq!(
            lines_of(&in_template("It", &remedy)),
            template,
            "{kind:?} {is_encrypted}"
        );
    }
    let gateway_volume = use_key(StorageGatewayVolume, "it", false);
    assert_eq!(
        lines_of(&in_plan(
            "aws_storagegateway_cached_iscsi_volume.it",
            &gateway_volume
        )),
        "kms_encrypted = true\nkms_key = var.kms_key_arn"
    );
    // CloudFormation has no such type.
    let without_key = use_key(StorageGatewayVolume, "it", true);
    assert_eq!(declare_in("cloudformation", "It", &[], &without_key), None);
}

#[test]
fn the_sentence_says_what_a_stack_would_replace() {
    let some = "the ARN of a customer managed key that is shared with the central account";
    for (source, address, kind, is_encrypted, fix) in [
        (
            "terraform-plan",
            "aws_ebs_volume.data",
            ResourceKind::EbsVolume,
            false,
            format!("Set `encrypted = true`, and `kms_key_id` to {some}, where it is declared."),
        ),
        (
            "cloudformation",
            "Data",
            ResourceKind::EbsVolume,
            true,
            format!(
                "Set `Encrypted: true`, and `KmsKeyId` to {some}, in the template. A stack that exists replaces the resource."
            ),
        ),
        (
            "cloudformation",
            "Store",
            ResourceKind::RedshiftCluster,
            false,
            format!("Set `Encrypted: true`, and `KmsKeyId` to {some}, where it is declared."),
        ),
    ] {
        let remedy = use_key(kind, "other", is_encrypted);
        assert_eq!(
            declare_in(source, address, &[], &remedy).unwrap().fix,
            fix,
            "{address}"
        );
    }
}

/// A new key replaces a database and its data, but not a Redshift cluster, a namespace, a bucket or a table.
#[test]
fn what_exists_keeps_its_data() {
    use ResourceKind::{DynamodbTable, RdsInstance, RedshiftCluster, RedshiftNamespace, S3Bucket};
    let arn = "arn:aws:any:eu-central-1:111122223333:it/it";
    for (kind, is_declared) in [
        (RdsInstance, false),
        (RedshiftCluster, true),
        (RedshiftNamespace, true),
        (S3Bucket, true),
        (DynamodbTable, true),
    ] {
        let snapshot = file("terraform-plan", arn, "aws_it.it", None, &BTreeMap::new());
        let declared = declare(&snapshot, &use_key(kind, "it", true), arn);
        assert_eq!(declared.is_some(), is_declared, "{kind:?}");
    }
}

#[test]
fn the_only_usable_key_of_the_file_is_referred_to() {
    let plan = |address: &str| (key_arn(REGION, address), usable());
    let main = || plan("aws_kms_key.main");
    let cases = [
        ("one key", vec![main()], "aws_kms_key.main.arn"),
        (
            "one of several of a resource",
            vec![plan("aws_kms_key.main[\"eu west\"]")],
            "aws_kms_key.main[\"eu west\"].arn",
        ),
        ("two keys", vec![main(), plan("aws_kms_key.other")], ""),
        (
            "a key of another region",
            vec![main(), (key_arn("eu-west-1", "aws_kms_key.far"), usable())],
            "aws_kms_key.main.arn",
        ),
        (
            "a key that is disabled",
            vec![(
                key_arn(REGION, "aws_kms_key.main"),
                key("Disabled", "SYMMETRIC_DEFAULT"),
            )],
            "",
        ),
        (
            "a key that signs",
            vec![(
                key_arn(REGION, "aws_kms_key.main"),
                key("Enabled", "RSA_2048"),
            )],
            "",
        ),
        (
            "a key that is not known",
            vec![(key_arn(REGION, "aws_kms_key.main"), json!({}))],
            "",
        ),
        (
            "a key of a module",
            vec![plan("module.keys.aws_kms_key.main")],
            "",
        ),
        (
            "a key that exists",
            vec![plan("1234abcd-12ab-34cd-56ef-1234567890ab")],
            "",
        ),
    ];
    let remedy = use_key(ResourceKind::EbsVolume, "other", true);
    for (name, keys, reference) in cases {
        let found = declare_in("terraform-plan", "aws_ebs_volume.data", &keys, &remedy).unwrap();
        let expected = match reference {
            "" => "encrypted = true\nkms_key_id = var.kms_key_arn".to_owned(),
            reference => format!("encrypted = true\nkms_key_id = {reference}"),
        };
        assert_eq!(lines_of(&found), expected, "{name}");
    }
    let keys = [
        plan("module.db[0].aws_kms_key.main"),
        plan("aws_kms_key.outside"),
    ];
    let found = declare_in(
        "terraform-plan",
        "module.db[0].aws_ebs_volume.data",
        &keys,
        &remedy,
    );
    let found = found.unwrap();
    assert_eq!(
        lines_of(&found),
        "encrypted = true\nkms_key_id = aws_kms_key.main.arn"
    );
    assert_eq!(
        found.fix,
        "Set `encrypted = true`, and `kms_key_id` to aws_kms_key.main.arn, where it is declared."
    );
}

/// In more keys than anybody declares in one file none is looked for.
#[test]
fn a_key_is_not_looked_for_among_very_many() {
    let remedy = use_key(ResourceKind::EbsVolume, "other", true);
    for (count, line) in [
        (199, "encrypted = true\nkms_key_id = aws_kms_key.main.arn"),
        (200, "encrypted = true\nkms_key_id = var.kms_key_arn"),
    ] {
        let far = |at| {
            (
                key_arn("eu-west-1", &format!("aws_kms_key.k{at}")),
                usable(),
            )
        };
        let mut keys: Vec<_> = (0..count).map(far).collect();
        keys.push((key_arn(REGION, "aws_kms_key.main"), usable()));
        let found = declare_in("terraform-plan", "aws_ebs_volume.data", &keys, &remedy).unwrap();
        assert_eq!(lines_of(&found), line, "{count} others");
    }
}

#[test]
fn one_line_turns_on_automated_backups() {
    let remedy = Remedy::EnableAutomatedBackups {
        arn: "aws_db_instance.orders".to_owned(),
    };
    let declared = in_plan("aws_db_instance.orders", &remedy);
    assert_eq!(lines_of(&declared), "backup_retention_period = 7");
    assert_eq!(
        declared.fix,
        "Set `backup_retention_period = 7` in its declaration."
    );
    let declared = in_template("Orders", &remedy);
    assert_eq!(lines_of(&declared), "BackupRetentionPeriod: 7");
    // Only a DB instance that exists has anything to restart.
    let arn = "arn:aws:rds:eu-central-1:111122223333:db:orders";
    let keys = BTreeMap::new();
    let plan = file("terraform-plan", arn, "aws_db_instance.x[0]", None, &keys);
    let existing = declare(&plan, &remedy, arn).unwrap();
    assert_eq!(existing.declaration.address, "aws_db_instance.x");
    let restarted = "A DB instance that exists may be restarted: choose a quiet time.";
    for (declared, notes) in [
        (existing, vec![restarted]),
        (in_template("Orders", &remedy), vec![restarted]),
        (in_plan("aws_db_instance.orders", &remedy), vec![]),
    ] {
        assert_eq!(declared.declaration.notes, notes);
    }
}

/// Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/vpc_endpoint>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpcendpoint.html>.
#[test]
fn an_endpoint_is_declared_with_the_route_tables_of_private_subnets() {
    let endpoint = |private: &[&str]| Remedy::CreateS3Endpoint {
        vpc_id: "it".to_owned(),
        region: REGION.to_owned(),
        route_tables: Some(RouteTableIds {
            private: private.iter().map(|it| (*it).to_owned()).collect(),
            public: vec!["rtb-public".to_owned()],
        }),
    };
    let tables = [
        "module.a.aws_route_table.private[0]",
        "module.a.aws_vpc.net.main_route_table_id",
        "rtb-0123",
        "aws_route_table.outer",
        "module.a.module.b.aws_route_table.inner",
    ];
    let declared = in_plan("module.a.aws_vpc.net", &endpoint(&tables));
    assert_eq!(
        separate_of(&declared),
        "resource \"aws_vpc_endpoint\" \"net_s3_gateway\" {\n  vpc_id            = aws_vpc.net.id\n  \
         service_name      = \"com.amazonaws.eu-central-1.s3\"\n  vpc_endpoint_type = \"Gateway\"\n  \
         route_table_ids   = [aws_route_table.private[0].id, aws_vpc.net.main_route_table_id, \"rtb-0123\"]\n}"
    );
    assert_eq!(
        declared.declaration.notes,
        [
            "Add the ids of route tables in other modules to `route_table_ids`: `aws_route_table.outer`, `module.a.module.b.aws_route_table.inner`."
        ]
    );
    assert_eq!(
        declared.fix,
        "Declare a gateway endpoint for com.amazonaws.eu-central-1.s3 in the VPC, with its route tables."
    );
    for (address, label) in [
        ("aws_vpc.net[1]", "net_1_s3_gateway"),
        (
            "module.a[0].aws_vpc.net[\"eu-west\"]",
            "net_eu_west_s3_gateway",
        ),
    ] {
        let declared = in_plan(address, &endpoint(&[]));
        let head = format!("resource \"aws_vpc_endpoint\" \"{label}\" {{");
        assert_eq!(declared.declaration.separate[0], head);
    }
    let start = "NetS3GatewayEndpoint:\n  Type: AWS::EC2::VPCEndpoint\n  Properties:\n    VpcId: !Ref Net\n    \
                 ServiceName: !Sub com.amazonaws.${AWS::Region}.s3\n    VpcEndpointType: Gateway";
    let declared = in_template("Net", &endpoint(&["Private", "rtb-0123"]));
    assert_eq!(
        separate_of(&declared),
        format!("{start}\n    RouteTableIds:\n      - !Ref Private\n      - rtb-0123")
    );
    let declared = in_template("Net", &endpoint(&[]));
    assert_eq!(separate_of(&declared), start);
}
