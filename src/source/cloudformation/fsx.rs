//! FSx file systems and volumes. Defaults of absent properties:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-fsx-filesystem.html>.

use crate::model::fsx::{
    FLEXGROUP, FsxFileSystem, FsxVolume, LUSTRE, ONTAP, OntapKind, is_intelligent_tiering,
};
use crate::model::size::Size;
use crate::model::{Gap, Observed};
use crate::source::defaults::{
    FSX_STORAGE, LUSTRE_DEPLOYMENT, ONTAP_VOLUME, ONTAP_VOLUME_STYLE, fsx_key,
};
use crate::source::planned::unplanned;

use super::build::{Build, known_number, locate_gap, not_yet, size_in_gib};
use super::template::Declared;
use super::value::Resolved;

const FILE_SYSTEM: &str = "AWS::FSx::FileSystem";
const VIRTUAL_MACHINE: &str = "AWS::FSx::StorageVirtualMachine";
const ASSOCIATION: &str = "AWS::FSx::DataRepositoryAssociation";

pub(super) fn read_all(build: &mut Build<'_>) {
    for declared in build.of_type(FILE_SYSTEM) {
        let file_system = read_file_system(build, &declared);
        build
            .stack_region()
            .fsx_file_systems
            .items
            .push(file_system);
    }
    for declared in build.of_type("AWS::FSx::Volume") {
        let properties = build.template.properties(&declared);
        let name = properties.get("Name").text().ok().flatten();
        let volume_type = read_text(&properties, "VolumeType");
        let volume = FsxVolume {
            ontap_kind: match volume_type.known().map(String::as_str) {
                Some(ONTAP) => read_ontap_kind(&properties.get("OntapConfiguration")).into(),
                _ => Observed::default(),
            },
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            name,
            tags: build.tags(&properties, "Tags"),
            volume_type,
            file_system: find_file_system(build, &properties).into(),
            state: not_yet(),
            size: read_volume_size(&properties),
        };
        build.stack_region().fsx_volumes.items.push(volume);
    }
}

fn read_file_system<'a>(build: &mut Build<'a>, declared: &Declared<'a>) -> FsxFileSystem {
    let properties = build.template.properties(declared);
    let file_system_type = read_text(&properties, "FileSystemType");
    let lustre = properties.get("LustreConfiguration");
    let is_lustre = file_system_type.known().is_some_and(|it| it == LUSTRE);
    let is_restored = !properties.get("BackupId").is_absent();
    let deployment_type = match is_lustre {
        true => match locate_gap("DeploymentType", lustre.get("DeploymentType").text()) {
            // What a restored file system leaves out is that of the one that was backed up:
            // https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateFileSystemFromBackup.html
            Ok(None) if is_restored => Err(unplanned(
                "the template has no DeploymentType, so it depends on its backup, which the template does not contain",
            )),
            given => given.map(|it| Some(it.unwrap_or_else(|| LUSTRE_DEPLOYMENT.to_owned()))),
        }
        .into(),
        false => Observed::Known(None),
    };
    let default = deployment_type
        .known()
        .and_then(|it| fsx_key(it.as_deref()));
    let named = build.key_or(&properties.get("KmsKeyId"), default.as_deref());
    let named = locate_gap("KmsKeyId", named);
    let kms_key = match named {
        Ok(None) => deployment_type.get().map(|it| fsx_key(it.as_deref())),
        key => key,
    };
    FsxFileSystem {
        arn: build.declare_resource(declared, ""),
        id: declared.id.to_owned(),
        tags: build.tags(&properties, "Tags"),
        file_system_type,
        state: not_yet(),
        kms_key: kms_key.into(),
        deployment_type,
        size: size_in_gib(&properties, "StorageCapacity"),
        is_tiered: match locate_gap("StorageType", properties.get("StorageType").text()) {
            Ok(None) if is_restored => Err(unplanned(
                "the template has no StorageType, so it depends on its backup, which the template does not contain",
            )),
            given => given.and_then(|it| is_intelligent_tiering(it.as_deref().unwrap_or(FSX_STORAGE))),
        }
        .into(),
        is_linked: match is_lustre {
            true => is_linked(build, declared.id, &lustre).into(),
            false => Observed::Known(false),
        },
    }
}

/// Returns the kind of a volume of ONTAP. A template creates no FlexCache volume.
fn read_ontap_kind(ontap: &Resolved) -> Result<OntapKind, Gap> {
    let given = |name: &str| locate_gap(name, ontap.get(name).text());
    let volume_type = given("OntapVolumeType")?;
    let is_snaplock_flexgroup = !ontap.get("SnaplockConfiguration").is_absent()
        && given("VolumeStyle")?
            .as_deref()
            .unwrap_or(ONTAP_VOLUME_STYLE)
            == FLEXGROUP;
    let volume_type = volume_type.as_deref().unwrap_or(ONTAP_VOLUME);
    OntapKind::from_type(volume_type, false, is_snaplock_flexgroup)
}

/// Returns the capacity of a volume.
fn read_volume_size(properties: &Resolved) -> Observed<Size> {
    let (ontap, zfs) = ("OntapConfiguration", "OpenZFSConfiguration");
    if !properties.get(zfs).is_absent() {
        return size_in_gib(&properties.get(zfs), "StorageCapacityQuotaGiB");
    }
    // Large volumes have a size in bytes, which templates write as text.
    let ontap = properties.get(ontap);
    match ontap.get("SizeInBytes").is_absent() {
        true => Size::provisioned_mib(known_number(&ontap, "SizeInMegabytes")),
        false => Size::provisioned_bytes(known_number(&ontap, "SizeInBytes")),
    }
}

fn read_text(properties: &Resolved, name: &str) -> Observed<String> {
    let given = locate_gap(name, properties.get(name).text());
    let missing = || unplanned(format!("the template has no {name}"));
    given.and_then(|it| it.ok_or_else(missing)).into()
}

/// Whether a Lustre file system is linked to a bucket, by itself or by an association.
fn is_linked(build: &Build<'_>, id: &str, lustre: &Resolved) -> Result<bool, Gap> {
    if !lustre.get("ImportPath").is_absent() {
        return Ok(true);
    }
    for declared in build.of_type(ASSOCIATION) {
        let properties = build.template.properties(&declared);
        if build
            .name(&properties.get("FileSystemId"), FILE_SYSTEM)?
            .as_deref()
            == Some(id)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the id of the file system of a volume: through its storage virtual machine, for one of ONTAP.
fn find_file_system(build: &Build<'_>, properties: &Resolved) -> Result<String, Gap> {
    let outside = || unplanned("the template does not contain its file system");
    let ontap = properties.get("OntapConfiguration");
    let machine = ontap.get("StorageVirtualMachineId");
    let machine = build.referenced_resource(&machine, &[VIRTUAL_MACHINE]);
    let machine = machine.ok_or_else(outside)?;
    let of_machine = build.template.properties(&machine);
    let file_system = build.name(&of_machine.get("FileSystemId"), FILE_SYSTEM)?;
    file_system.ok_or_else(outside)
}
