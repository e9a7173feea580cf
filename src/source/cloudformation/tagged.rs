//! Resources that are checked by their tag only: secrets, parameters, and types that AWS Backup supports
//! and the guide does not cover.

use std::collections::BTreeSet;

use crate::model::kind::KINDS;
use crate::model::service::Service;
use crate::model::tag::BackupTag;
use crate::model::tagged::TaggedResource;
use crate::source::unsupported::{UNSUPPORTED, explain_unsupported};

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

/// Notes what is tagged for backup and has a type that AWS Backup does not support.
pub(super) fn note_unsupported(build: &mut Build<'_>) {
    for kind in UNSUPPORTED.iter().map(|it| it.cloudformation) {
        for declared in build.of_type(kind) {
            let tags = build.tags(&build.template.properties(&declared), "Tags");
            if BackupTag::from_tags(&tags, build.tag_key()) == BackupTag::Enabled {
                let name = format!("line {}: {}", declared.at.line, declared.id);
                let reason = explain_unsupported(&name, kind);
                let region = build.region().to_owned();
                build.planned.note_partial(&region, Service::Backup, reason);
            }
        }
    }
}
