//! FSx file systems, and volumes of FSx for ONTAP and OpenZFS.

use crate::model::fsx::{
    FLEXGROUP, FsxFileSystem, FsxVolume, LUSTRE, ONTAP, OPENZFS, OntapKind, is_intelligent_tiering,
};
use crate::model::size::Size;
use crate::model::{Gap, Observed};
use crate::source::defaults::{
    FSX_STORAGE, LUSTRE_DEPLOYMENT, ONTAP_VOLUME, ONTAP_VOLUME_STYLE, fsx_key,
};
use crate::source::planned::{Planned, unplanned};

use super::item::Item;
use super::reader::{Reader, not_in_plan};
use super::view::{Fact, View};

/// Types of file systems, with their names in FSx.
const FILE_SYSTEMS: [(&str, &str); 4] = [
    ("aws_fsx_lustre_file_system", LUSTRE),
    ("aws_fsx_ontap_file_system", ONTAP),
    ("aws_fsx_openzfs_file_system", OPENZFS),
    ("aws_fsx_windows_file_system", "WINDOWS"),
];

/// Reads the file systems and volumes of the plan.
pub(super) fn read_all<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for (kind, file_system_type) in FILE_SYSTEMS {
        for item in reader.document.items_of(kind) {
            read_file_system(reader, item, file_system_type, planned);
        }
    }
    for (kind, volume_type) in [
        ("aws_fsx_ontap_volume", ONTAP),
        ("aws_fsx_openzfs_volume", OPENZFS),
    ] {
        for item in reader.document.items_of(kind) {
            read_volume(reader, item, volume_type, planned);
        }
    }
}

fn read_file_system<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    file_system_type: &str,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let is_lustre = file_system_type == LUSTRE;
    let deployment = match is_lustre {
        true => view
            .text("deployment_type")
            .or_else(|| Ok(LUSTRE_DEPLOYMENT))
            .map(|it| Some(it.to_owned())),
        false => Observed::Known(None),
    };
    let default = deployment.get().map(|it| fsx_key(it.as_deref()));
    let kms_key = reader.key_or_else(&view, "kms_key_id", planned, || match default {
        Ok(Some(_)) if item.exists => Err(not_in_plan(&view, "the key")),
        default => default,
    });
    let file_system = FsxFileSystem {
        tags: reader.read_tags(item),
        file_system_type: Observed::Known(file_system_type.to_owned()),
        state: reader.read_state(&view, "lifecycle"),
        kms_key,
        deployment_type: deployment,
        is_linked: match is_lustre {
            true => is_linked(reader, item, &view).into(),
            false => Observed::Known(false),
        },
        is_tiered: view
            .text("storage_type")
            .or_else(|| Ok(FSX_STORAGE))
            .get()
            .and_then(|it| is_intelligent_tiering(it))
            .into(),
        size: view.size_in_gib("storage_capacity"),
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &file_system.arn, planned);
    let region = planned.region_mut(&named.region);
    region.fsx_file_systems.items.push(file_system);
}

/// Whether a Lustre file system is linked to a bucket, by itself or by an association.
fn is_linked<'a>(reader: &Reader<'a>, item: &Item<'a>, view: &View<'a>) -> Result<bool, Gap> {
    if view
        .text("import_path")
        .set_value()?
        .is_some_and(|it| !it.is_empty())
    {
        return Ok(true);
    }
    let kinds = ["aws_fsx_lustre_file_system"];
    for association in reader
        .document
        .items_of("aws_fsx_data_repository_association")
    {
        let view = association.view();
        let found = reader.linked_item(&view, "file_system_id", &kinds, &["id"])?;
        if found.is_some_and(|it| it.address == item.address) {
            return Ok(true);
        }
    }
    match item.exists {
        true => Err(not_in_plan(view, "its data repository associations")),
        false => Ok(false),
    }
}

fn read_volume<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    volume_type: &str,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let volume = FsxVolume {
        name: view.text("name").known().map(str::to_owned),
        tags: reader.read_tags(item),
        volume_type: Observed::Known(volume_type.to_owned()),
        file_system: find_file_system(reader, &view).into(),
        state: reader.read_state(&view, "lifecycle"),
        size: read_volume_size(&view, volume_type),
        ontap_kind: match volume_type {
            ONTAP => read_ontap_kind(&view).into(),
            _ => Observed::default(),
        },
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &volume.arn, planned);
    let region = planned.region_mut(&named.region);
    region.fsx_volumes.items.push(volume);
}

/// Returns the kind of a volume of ONTAP. FSx creates no FlexCache volumes, so only an existing volume may be one.
fn read_ontap_kind(view: &View<'_>) -> Result<OntapKind, Gap> {
    let given = |name: &str, default: &'static str| view.text(name).or_else(|| Ok(default));
    let volume_type = given("ontap_volume_type", ONTAP_VOLUME);
    let is_cache = match view.text("flexcache_endpoint_type").known() {
        Some(endpoint) => endpoint == "CACHE",
        None if view.item.exists => return Err(not_in_plan(view, "the FlexCache endpoint type")),
        None => false,
    };
    let snaplock = view.blocks("snaplock_configuration").set_value()?;
    let is_snaplock_flexgroup = snaplock.is_some_and(|it| !it.is_empty())
        && *given("volume_style", ONTAP_VOLUME_STYLE).get()? == FLEXGROUP;
    OntapKind::from_type(volume_type.get()?, is_cache, is_snaplock_flexgroup)
}

/// Returns the capacity of a volume.
fn read_volume_size(view: &View<'_>, volume_type: &str) -> Observed<Size> {
    if volume_type != ONTAP {
        return view.size_in_gib("storage_capacity_quota_gib");
    }
    // Large volumes have a size in bytes, which the provider writes as text.
    match view.number("size_in_bytes").known() {
        Some(bytes) => Size::provisioned_bytes(Observed::Known(bytes)),
        None => Size::provisioned_mib(view.known_number("size_in_megabytes")),
    }
}

/// Returns the id of the file system of a volume: through its storage virtual machine, for one of ONTAP.
fn find_file_system<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<String, Gap> {
    if let Fact::Known(id) = view.text("file_system_id") {
        return Ok(id.to_owned());
    }
    let outside = || {
        unplanned(format!(
            "the plan does not contain the file system of {}",
            view.item.address
        ))
    };
    let kinds = ["aws_fsx_ontap_storage_virtual_machine"];
    let machine = reader.linked_item(view, "storage_virtual_machine_id", &kinds, &["id"])?;
    let machine = machine.ok_or_else(outside)?.view();
    let kinds = ["aws_fsx_ontap_file_system"];
    let file_system = reader.linked_item(&machine, "file_system_id", &kinds, &["id"])?;
    let file_system = file_system.ok_or_else(outside)?;
    let named = reader.identify_item(file_system, file_system.view().text("id"));
    Ok(named.id)
}
