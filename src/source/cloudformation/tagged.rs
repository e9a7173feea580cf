//! Resources that are checked by their tag only: secrets, parameters, and types that AWS Backup supports
//! and the guide does not cover.

use std::collections::BTreeSet;

use crate::model::cloudformation::BEYOND_THE_GUIDE;
use crate::model::tag::BackupTag;
use crate::model::tagged::{TAGGED_TYPES, TaggedResource};

use super::build::Build;

pub(super) fn read_tagged_resources(build: &mut Build<'_>) {
    let of_tags = TAGGED_TYPES.iter().map(|it| it.aws_type);
    let own: BTreeSet<&str> = of_tags.chain(BEYOND_THE_GUIDE).collect();
    // RDS has its own listing; in live accounts this type also covers the types that share its ARN format.
    for kind in own
        .into_iter()
        .filter(|kind| *kind != "AWS::RDS::DBCluster")
    {
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
            };
            build.stack_region().tagged.items.push(resource);
        }
    }
}
