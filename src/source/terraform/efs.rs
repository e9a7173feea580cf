//! EFS file systems.

use crate::model::efs::FileSystem;
use crate::source::planned::Planned;

use super::reader::{Reader, untold};

/// The key where none is named.
///
/// Source: <https://docs.aws.amazon.com/efs/latest/ug/API_CreateFileSystem.html>.
const MANAGED: &str = "alias/aws/elasticfilesystem";

/// Reads the file systems. The API encrypts one only when asked to:
/// <https://docs.aws.amazon.com/efs/latest/ug/encryption-at-rest.html>.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.of("aws_efs_file_system") {
        let view = item.view();
        let named = reader.named(item, view.text("id"));
        let encrypted = view.flag("encrypted").or(|| Ok(false));
        let is_plain = encrypted.known() == Some(&false);
        let kms_key = reader.key_or(&view, "kms_key_id", planned, || match item.exists {
            _ if is_plain => Ok(None),
            true => Err(untold(&view, "its key")),
            false => Ok(Some(MANAGED.to_owned())),
        });
        let file_system = FileSystem {
            tags: reader.tags(item),
            state: reader.state(&view, "life_cycle_state"),
            encrypted,
            kms_key,
            id: named.id,
            arn: named.arn,
        };
        reader.place(item, &file_system.arn, planned);
        planned
            .region(&named.region)
            .file_systems
            .items
            .push(file_system);
    }
}
