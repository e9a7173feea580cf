//! EFS file systems. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-efs-filesystem.html>,
//! <https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html>.

use crate::model::Observed;
use crate::model::efs::FileSystem;
use crate::model::snapshot::DefaultFact;

use super::build::{Build, locate_gap, not_yet};
use crate::source::defaults::{EFS_ENCRYPTED, EFS_KEY, managed_key};

pub(super) fn read_file_systems(build: &mut Build<'_>) {
    for declared in build.of_type("AWS::EFS::FileSystem") {
        let properties = build.template.properties(&declared);
        let encrypted = locate_gap("Encrypted", properties.get("Encrypted").as_boolean());
        let encrypted: Observed<bool> = encrypted.map(|it| it.unwrap_or(EFS_ENCRYPTED)).into();
        let default = managed_key(encrypted.known().copied(), EFS_KEY);
        let kms_key = build.key_or(&properties.get("KmsKeyId"), default.as_deref());
        let file_system = FileSystem {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "FileSystemTags"),
            state: not_yet(),
            encrypted,
            kms_key: locate_gap("KmsKeyId", kms_key).into(),
            size: not_yet(),
        };
        build.note_default(
            &file_system.arn,
            &properties,
            "KmsKeyId",
            DefaultFact::Encryption,
        );
        build.stack_region().file_systems.items.push(file_system);
    }
}
