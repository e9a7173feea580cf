//! EFS file systems.

use crate::model::Observed;
use crate::model::efs::FileSystem;
use crate::model::size::Size;
use crate::source::defaults::{EFS_ENCRYPTED, EFS_KEY, managed_key};
use crate::source::planned::Planned;

use super::reader::{Reader, not_in_plan};
use super::view::View;

/// Reads the file systems of the plan.
pub(super) fn read_file_systems<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.items_of("aws_efs_file_system") {
        let view = item.view();
        let named = reader.identify_item(item, view.text("id"));
        let encrypted = view.flag("encrypted").or_else(|| Ok(EFS_ENCRYPTED));
        let kms_key = reader.key_or_else(&view, "kms_key_id", planned, || {
            match managed_key(encrypted.known().copied(), EFS_KEY) {
                Some(_) if item.exists => Err(not_in_plan(&view, "the key")),
                key => Ok(key),
            }
        });
        let file_system = FileSystem {
            tags: reader.read_tags(item),
            state: reader.read_state(&view, "life_cycle_state"),
            encrypted,
            kms_key,
            size: read_size(&view),
            id: named.id,
            arn: named.arn,
        };
        reader.add_place(item, &file_system.arn, planned);
        let region = planned.region_mut(&named.region);
        region.file_systems.items.push(file_system);
    }
}

/// Returns the metered size of a file system, which only a state contains.
fn read_size(view: &View<'_>) -> Observed<Size> {
    let blocks = view.blocks("size_in_bytes").known().unwrap_or_default();
    let bytes = blocks.first().map(|block| block.known_number("value"));
    Size::measured_bytes(bytes.unwrap_or_default())
}
