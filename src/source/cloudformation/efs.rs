//! EFS file systems. What a property's absence means:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-efs-filesystem.html>,
//! <https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html>.

use crate::model::Observed;
use crate::model::efs::FileSystem;
use crate::source::defaults::{EFS_ENCRYPTED, EFS_KEY, managed_key};

use super::build::{Build, located, not_yet};

pub(super) fn read(build: &mut Build<'_>) {
    for declared in build.of_type("AWS::EFS::FileSystem") {
        let properties = build.template.properties(&declared);
        let encrypted = located("Encrypted", properties.get("Encrypted").boolean());
        let encrypted: Observed<bool> = encrypted.map(|it| it.unwrap_or(EFS_ENCRYPTED)).into();
        let named = located("KmsKeyId", build.key(&properties.get("KmsKeyId")));
        let default = managed_key(encrypted.known().copied(), EFS_KEY);
        let kms_key = named.map(|key| key.or(default));
        let file_system = FileSystem {
            arn: build.declare(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "FileSystemTags"),
            state: not_yet(),
            encrypted,
            kms_key: kms_key.into(),
        };
        build.here().file_systems.items.push(file_system);
    }
}
