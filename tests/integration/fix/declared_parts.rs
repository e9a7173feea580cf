//! Where a declaration belongs: parts of an instance or of a table are blocks or resources of their own.

use std::collections::BTreeMap;

use backup_check::analysis::Remedy;
use backup_check::analysis::declaration::declare;
use backup_check::analysis::remedy::Language;
use backup_check::model::ResourceKind;
use backup_check::model::place::{BlockDevice, Configurer, DeviceHolder, Place, TableReplica};

use super::declarations::{REGION, file, lines_of, use_key};

/// Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/dynamodb_table#replica>,
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/dynamodb_table_replica>.
#[test]
fn a_replica_of_a_table_has_its_own_key() {
    let arn = "aws_dynamodb_table.t.replica[\"eu-west-1\"]";
    let mut plan = file(
        "terraform-plan",
        arn,
        "aws_dynamodb_table.t",
        None,
        &BTreeMap::new(),
    );
    for (replica, lines) in [
        (
            TableReplica::Block("eu-west-1".to_owned()),
            "replica {\n  region_name = \"eu-west-1\"\n  kms_key_arn = var.kms_key_arn_eu_central_1\n}",
        ),
        (
            TableReplica::Resource,
            "kms_key_arn = var.kms_key_arn_eu_central_1",
        ),
    ] {
        plan.declarations.entry(arn.to_owned()).or_default().replica = Some(replica);
        let declared = declare(&plan, &use_key(ResourceKind::DynamodbTable, "t", true), arn);
        let declaration = declared.unwrap().declaration;
        assert_eq!(declaration.lines.join("\n"), lines);
        assert!(declaration.notes[0].starts_with("The table and each of its replicas need"));
        let variable = declaration.key_parameter.as_deref();
        assert_eq!(variable, Some("kms_key_arn_eu_central_1"));
    }
}

/// A volume of an instance is a block of it. Other resources have an id that is not their address.
#[test]
fn a_declaration_says_where_it_belongs() {
    let instance = "aws_instance.app";
    let block = "aws_instance.app.root_block_device[0]";
    let volume = |id: &str| Remedy::UseCustomerKey {
        kind: ResourceKind::EbsVolume,
        id: id.to_owned(),
        holder: Some(id.to_owned()),
        region: REGION.to_owned(),
        is_encrypted: true,
    };
    let mut plan = file("terraform-plan", block, instance, None, &BTreeMap::new());
    let place = |address: &str| Place {
        address: Some(address.to_owned()),
        ..plan.places[block].clone()
    };
    let (attached, template) = (
        place("aws_ebs_volume.data"),
        place("aws_launch_template.lt"),
    );
    plan.places
        .insert("aws_ebs_volume.data".to_owned(), attached);
    let mut device = |name: Option<&str>, is_root, holder| {
        let name = name.map(str::to_owned);
        plan.declarations
            .entry(block.to_owned())
            .or_default()
            .device = Some(BlockDevice {
            name,
            is_root,
            holder,
        });
        declare(&plan, &volume(block), instance).unwrap()
    };
    let [on, key] = ["encrypted = true", "kms_key_id = var.kms_key_arn"];
    let own = device(None, true, DeviceHolder::Instance);
    assert_eq!(own.declaration.address, instance);
    assert_eq!(
        (own.declaration.place.as_str(), own.declaration.language),
        ("stack/main", Language::Hcl)
    );
    assert_eq!(
        lines_of(&own),
        format!("root_block_device {{\n  {on}\n  {key}\n}}")
    );
    let more = device(Some("/dev/sdb"), false, DeviceHolder::Instance);
    assert_eq!(
        lines_of(&more),
        format!("ebs_block_device {{\n  device_name = \"/dev/sdb\"\n  {on}\n  {key}\n}}")
    );
    let in_template = DeviceHolder::LaunchTemplate(template);
    let mapped = device(Some("/dev/xvdk"), false, in_template.clone());
    assert_eq!(mapped.declaration.address, "aws_launch_template.lt");
    assert_eq!(
        lines_of(&mapped),
        format!(
            "block_device_mappings {{\n  device_name = \"/dev/xvdk\"\n  ebs {{\n    {on}\n    {key}\n  }}\n}}"
        )
    );
    let unnamed = device(None, false, in_template);
    assert_eq!(
        (lines_of(&unnamed).as_str(), unnamed.declaration.notes),
        (
            "",
            vec![format!(
                "Set `{on}` and `{key}` in the block device mapping of aws_launch_template.lt."
            )]
        )
    );
    let root = device(Some("/dev/xvda"), true, DeviceHolder::Image);
    assert_eq!(root.declaration.address, instance);
    assert_eq!(
        lines_of(&root),
        format!("root_block_device {{\n  {on}\n  {key}\n}}")
    );
    let more = device(Some("/dev/sdb"), false, DeviceHolder::Image);
    assert_eq!(
        lines_of(&more),
        format!("ebs_block_device {{\n  device_name = \"/dev/sdb\"\n  {on}\n  {key}\n}}")
    );
    // An attached volume has its own declaration, and one of another file has none.
    let attached = declare(&plan, &volume("aws_ebs_volume.data"), instance).unwrap();
    assert_eq!(attached.declaration.address, "aws_ebs_volume.data");
    assert_eq!(declare(&plan, &volume("vol-1"), instance), None);
    let snapshot = file("cloudformation", "Db", "Db", Some(7), &BTreeMap::new());
    let remedy = Remedy::EnableAutomatedBackups {
        arn: "Db".to_owned(),
    };
    let declared = declare(&snapshot, &remedy, "Db").unwrap().declaration;
    assert_eq!(
        (declared.place.as_str(), declared.language),
        ("stack/main:7", Language::Template)
    );
    assert_eq!(declare(&snapshot, &remedy, "Other"), None);
}

/// Two resources that configure one bucket overwrite each other, and two of one name are an error.
///
/// Sources: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket_lifecycle_configuration>,
/// <https://developer.hashicorp.com/terraform/language/meta-arguments/for_each#chaining-for_each-between-resources>.
#[test]
fn a_bucket_has_one_resource_of_each_type_that_configures_it() {
    let [one, other] = ["a.b", "c"].map(|key| format!("module.m[\"x\"].aws_s3_bucket.b[{key:?}]"));
    let remedy = Remedy::ExpireNoncurrentVersions {
        bucket: "b".to_owned(),
        region: REGION.to_owned(),
    };
    let mut plan = file("terraform-plan", &one, &one, None, &BTreeMap::new());
    let first = declare(&plan, &remedy, &one).unwrap().declaration;
    assert_eq!(first.address, "module.m.aws_s3_bucket.b");
    assert_eq!(
        first.separate[..3],
        [
            "resource \"aws_s3_bucket_lifecycle_configuration\" \"b\" {",
            "  for_each = aws_s3_bucket.b",
            "  bucket   = each.value.id",
        ]
    );
    let second = file("terraform-plan", &other, &other, None, &BTreeMap::new());
    assert_eq!(
        declare(&second, &remedy, &other).unwrap().declaration,
        first
    );
    let kind = "aws_s3_bucket_lifecycle_configuration";
    let own = "module.m[\"x\"].aws_s3_bucket_lifecycle_configuration.own";
    let facts = plan.declarations.entry(one.clone()).or_default();
    facts
        .configured_by
        .insert(kind, Configurer::Resource(own.to_owned()));
    let changed = declare(&plan, &remedy, &one).unwrap().declaration;
    assert_eq!(
        changed.address,
        "module.m.aws_s3_bucket_lifecycle_configuration.own"
    );
    assert!(changed.separate.is_empty());
    assert_eq!(changed.lines[0], "rule {");
}

/// Creating these resources puts a configuration in place of that of a bucket that exists.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/s3_bucket_notification>.
#[test]
fn a_new_resource_of_a_bucket_that_exists_replaces_its_configuration() {
    let (bucket, region) = ("b".to_owned(), REGION.to_owned());
    let address = "aws_s3_bucket.b";
    let notes = |arn: &str, remedy: &Remedy| {
        let plan = file("terraform-plan", arn, address, None, &BTreeMap::new());
        declare(&plan, remedy, arn).unwrap().declaration.notes
    };
    let versioning = Remedy::EnableVersioning {
        bucket: bucket.clone(),
        region: region.clone(),
    };
    let expiry = Remedy::ExpireNoncurrentVersions {
        bucket: bucket.clone(),
        region: region.clone(),
    };
    let events = Remedy::EnableEventBridge { bucket, region };
    let block =
        "If a dynamic block of the bucket declares this setting, change that block instead.";
    let all = |others: &str| {
        format!(
            "It replaces all {others} of the bucket: declare those that the bucket has in it, too."
        )
    };
    let existing = "arn:aws:s3:::b";
    assert_eq!(notes(existing, &versioning), [block]);
    assert_eq!(
        notes(existing, &expiry),
        [block.to_owned(), all("lifecycle rules")]
    );
    assert_eq!(notes(existing, &events), [all("notifications")]);
    for remedy in [versioning, expiry, events] {
        assert!(notes(address, &remedy).is_empty());
    }
}
