//! Resources that are checked by their tag only: secrets, parameters, and types that AWS Backup supports
//! and the guide does not cover.

use std::collections::BTreeSet;

use crate::model::kind::KINDS;
use crate::model::tag::BackupTag;
use crate::model::tagged::TaggedResource;

use super::build::Build;

pub(super) fn read_tagged_resources(build: &mut Build<'_>) {
    let rows = KINDS.iter().filter(|row| row.is_found_by_tag());
    let types = rows.flat_map(|row| row.types);
    let types: BTreeSet<&str> = types.map(|it| it.cloudformation).collect();
    for kind in types {
        for declared in build.of_type(kind) {
            let properties = build.template.properties(&declared);
            let tags = build.tags(&properties, "Tags");
            let tag = BackupTag::from_tags(&tags, build.tag_key());
            if !matches!(
                tag,
                BackupTag::Enabled | BackupTag::Invalid | BackupTag::Unknown
            ) {
                continue;
            }
            let resource = TaggedResource {
                arn: build.declare_resource(&declared, ""),
                id: declared.id.to_owned(),
                aws_type: kind.to_owned(),
                tags,
                exists: None,
            };
            build.stack_region().tagged.items.push(resource);
        }
    }
}
