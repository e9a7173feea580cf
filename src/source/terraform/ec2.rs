//! EC2 instances and EBS volumes.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ec2::{Instance, Volume};
use crate::model::place::{BlockDevice, DeviceHolder};
use crate::model::tag::Tags;
use crate::model::{Gap, Observed};
use crate::source::planned::{Planned, unplanned};

use super::ebs::{Origin, SNAPSHOTS, VOLUMES, volume_encryption};
use super::ebs_defaults::{ebs_defaults_for, read_ebs_defaults};
use super::item::Item;
use super::launch::Launch;
use super::network::SUBNETS;
use super::reader::{Identity, Link, Reader, not_in_plan};
use super::tags::TagResources;
use super::view::{Fact, View};

/// Reads the volumes and instances of the plan.
pub(super) fn read_instances<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    read_ebs_defaults(reader, planned);
    let attachments = read_attachments(reader);
    let tags = TagResources::of_type(
        reader,
        "aws_ec2_tag",
        "resource_id",
        &["aws_instance", "aws_ebs_volume", "aws_ebs_volume_copy"],
    );
    for kind in VOLUMES {
        for item in reader.document.items_of(kind) {
            read_volume(reader, item, &attachments, &tags, planned);
        }
    }
    for item in reader.document.items_of("aws_instance") {
        read_instance(reader, item, &attachments, &tags, planned);
    }
}

/// The volume attachments in the plan.
#[derive(Debug, Default)]
struct Attachments {
    /// Ids of instances by volume id.
    instances: BTreeMap<String, Vec<String>>,
    /// Ids of volumes by instance id.
    volumes: BTreeMap<String, Vec<String>>,
    /// Ids of the instances in the plan.
    here: BTreeSet<String>,
    /// Why a volume may have other attachments.
    of_volumes: Option<Gap>,
    /// Why an instance may have other attachments.
    of_instances: Option<Gap>,
}

fn read_attachments<'a>(reader: &Reader<'a>) -> Attachments {
    let instances = reader.document.items_of("aws_instance");
    let mut found = Attachments {
        here: instances.map(|it| reader.id_of(it)).collect(),
        ..Attachments::default()
    };
    for item in reader.document.items_of("aws_volume_attachment") {
        let view = item.view();
        let volume = reader.linked_id(&view, "volume_id", &VOLUMES);
        let instance = reader.linked_id(&view, "instance_id", &["aws_instance"]);
        match (volume, instance) {
            (Ok(Some(volume)), Ok(Some(instance))) => {
                let instances = found.instances.entry(volume.clone()).or_default();
                instances.push(instance.clone());
                found.volumes.entry(instance).or_default().push(volume);
            }
            (volume, instance) => {
                // If one end is not known, the attachments of the other are not known either.
                let gap = volume.err().or(instance.err());
                let gap = gap.unwrap_or_else(|| view.known_after_apply("volume_id"));
                found.of_volumes.get_or_insert_with(|| gap.clone());
                found.of_instances.get_or_insert(gap);
            }
        }
    }
    found
}

fn read_volume<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    attachments: &Attachments,
    more_tags: &TagResources<'a>,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let origin = Origin::of_volume(reader, &view);
    let defaults = ebs_defaults_for(reader, item, &named.region, planned);
    let (encrypted, kms_key) = volume_encryption(reader, &view, item, origin, defaults, planned);
    let attached_to = match (
        &attachments.of_volumes,
        attachments.instances.get(&named.id),
    ) {
        (Some(gap), _) => Observed::Unknown(gap.clone()),
        // An existing volume may be attached to an instance in another plan.
        (None, found) if found.is_none() && item.exists => {
            Observed::Unknown(not_in_plan(&view, "the attachments"))
        }
        (None, found) => {
            let found = found.cloned().unwrap_or_default();
            match found.iter().all(|id| attachments.here.contains(id)) {
                true => Observed::Known(found),
                false => Observed::Unknown(not_in_plan(&view, "the attached instance")),
            }
        }
    };
    let volume = Volume {
        tags: more_tags.add_to(reader, item, reader.read_tags(item)),
        state: reader.read_state(&view, "state"),
        encrypted,
        kms_key,
        size: view.size_in_gib("size"),
        attached_to,
        outpost_arn: view
            .text("outpost_arn")
            .set_value()
            .map(|it| it.map(str::to_owned))
            .into(),
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &volume.arn, planned);
    planned.region_mut(&named.region).volumes.items.push(volume);
}

fn read_instance<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    attachments: &Attachments,
    more_tags: &TagResources<'a>,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let launch = Launch::of_instance(reader, view);
    let mut volumes = VolumeIds {
        ids: Vec::new(),
        gap: attachments
            .of_instances
            .clone()
            .or(launch.template_gap.clone()),
    };
    read_devices(reader, &launch, &named, more_tags, &mut volumes, planned);
    add_attached_volumes(&named, item, attachments, &mut volumes, planned);
    let own_tags = template_tags(reader, &launch, "instance", reader.read_tags(item));
    let instance = Instance {
        tags: more_tags.add_to(reader, item, own_tags),
        state: reader.read_state(&view, "instance_state"),
        root_device_type: launch.root_device_type(),
        marketplace_codes: launch.marketplace_codes(),
        volumes: match volumes.gap {
            Some(gap) => Observed::Unknown(gap),
            None => Observed::Known(volumes.ids),
        },
        vpc_id: super::vpc::vpc_of_subnet(reader, &view, "subnet_id"),
        subnet_id: None,
        image_id: None,
        outpost_arn: read_outpost(reader, &view).into(),
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &instance.arn, planned);
    let region = planned.region_mut(&named.region);
    region.instances.items.push(instance);
}

/// Returns the Outpost on which an instance runs: that of its subnet, if the plan contains it.
///
/// Source: <https://docs.aws.amazon.com/outposts/latest/userguide/launch-instance.html>.
fn read_outpost<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<Option<String>, Gap> {
    let of = |view: &View<'a>| view.text("outpost_arn").set_value();
    let own = of(view)?;
    let of_subnet = match own {
        Some(_) => None,
        None => {
            let kinds = [SUBNETS[0], SUBNETS[1], "data.aws_subnet"];
            let read = |subnet: &'a Item<'a>| of(&subnet.view());
            // A subnet that is not known is one in the Region, as almost all are.
            let found = reader.settle_link(view, "subnet_id", &kinds, &["id"], read);
            found.unwrap_or_default().flatten()
        }
    };
    Ok(own.or(of_subnet).map(str::to_owned))
}

/// Adds the tags of the launch template to those of an instance or volume, which override them.
fn template_tags(
    reader: &Reader<'_>,
    launch: &Launch<'_>,
    resource_type: &str,
    own: Observed<Tags>,
) -> Observed<Tags> {
    let Observed::Known(own) = own else {
        return own;
    };
    let is_decided = own.contains_key(reader.around.tag_key);
    let gap = launch.template_gap.as_ref().filter(|_| !is_decided);
    if let Some(gap) = gap {
        return Observed::Unknown(gap.clone());
    }
    let Some(template) = launch.template else {
        return Observed::Known(own);
    };
    match reader.read_specified_tags(&template, resource_type) {
        Ok(mut tags) => {
            tags.extend(own);
            Observed::Known(tags)
        }
        Err(_) if is_decided => Observed::Known(own),
        Err(gap) => Observed::Unknown(gap),
    }
}

/// The volumes of an instance.
struct VolumeIds {
    ids: Vec<String>,
    /// Why it may have others.
    gap: Option<Gap>,
}

/// A volume that is created with an instance.
struct Device<'a> {
    /// Address of the volume in the instance.
    address: String,
    /// Name of the device.
    name: Option<&'a str>,
    /// Its attributes.
    view: View<'a>,
    /// Whether it is the root volume, which is made from the image.
    is_root: bool,
    /// Whether only the image names it.
    is_of_image: bool,
    /// The launch template that declares it.
    of_template: Option<&'a Item<'a>>,
}

/// Returns the image of an instance as the origin of one of its volumes, unless that is not encrypted.
fn find_image_origin(launch: &Launch<'_>, device: &Device<'_>) -> Option<Origin> {
    let encryption = launch.find_encryption(device.name, (device.is_root, device.is_of_image));
    let is_plain = !device.is_root || launch.has_plain_image() || launch.has_plain_root();
    if encryption.is_none() && is_plain {
        return None;
    }
    Some(Origin {
        what: "its image",
        encryption,
    })
}

/// Lists the volumes that are created with an instance: those that it names itself, those of its launch
/// template, and the root volume if neither names it.
fn list_devices<'a>(launch: &Launch<'a>, volumes: &mut VolumeIds) -> Vec<Device<'a>> {
    let view = &launch.instance;
    let address = view.item.address;
    let mut devices = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    for block in ["root_block_device", "ebs_block_device"] {
        match view.blocks(block) {
            Fact::Known(blocks) => {
                for (number, view) in blocks.into_iter().enumerate() {
                    let name = view.text("device_name").known();
                    names.extend(name);
                    devices.push(Device {
                        address: format!("{address}.{block}[{number}]"),
                        name,
                        view,
                        is_root: block == "root_block_device",
                        is_of_image: false,
                        of_template: None,
                    });
                }
            }
            Fact::Unset | Fact::Computed(_) => {}
            Fact::Open(gap) => {
                volumes.gap.get_or_insert(gap);
                return devices;
            }
        }
    }
    let mut has_root = devices.iter().any(|it| it.is_root);
    let root = launch.root_device_name();
    let mappings = launch.template.map(|it| it.blocks("block_device_mappings"));
    let mappings = match mappings.map(Fact::set_value) {
        None | Some(Ok(None)) => Vec::new(),
        Some(Ok(Some(mappings))) => mappings,
        Some(Err(gap)) => {
            volumes.gap.get_or_insert(gap);
            Vec::new()
        }
    };
    for (number, mapping) in mappings.iter().enumerate() {
        let Fact::Known(name) = mapping.text("device_name") else {
            let gap = mapping.known_after_apply("device_name");
            volumes.gap.get_or_insert(gap);
            continue;
        };
        let is_root = root == Some(name);
        if names.contains(&name) || (is_root && has_root) {
            continue;
        }
        names.push(name);
        has_root |= is_root;
        for view in mapping.blocks("ebs").known().unwrap_or_default() {
            devices.push(Device {
                address: format!("{address}.block_device_mappings[{number}]"),
                name: Some(name),
                view,
                is_root,
                is_of_image: false,
                of_template: launch.template.map(|it| it.item),
            });
        }
    }
    add_image_devices(launch, (names, has_root), &mut devices, volumes);
    devices
}

/// Adds the volumes that only the image of an instance names, the root volume among them. `names` are the devices
/// that are named, and whether the root volume is one of them.
fn add_image_devices<'a>(
    launch: &Launch<'a>,
    (mut names, has_root): (Vec<&'a str>, bool),
    devices: &mut Vec<Device<'a>>,
    volumes: &mut VolumeIds,
) {
    let view = &launch.instance;
    let address = view.item.address;
    if let Some(gap) = launch.extra_image_volumes(&names) {
        volumes.gap.get_or_insert(gap);
    }
    let of_image = |part: &str, name, is_root| Device {
        address: format!("{address}.{part}"),
        name,
        view: view.absent_block(),
        is_root,
        is_of_image: true,
        of_template: None,
    };
    let root_type = launch.root_device_type();
    let has_no_volume = root_type.known().is_some_and(|it| it != "ebs");
    if !has_root && !has_no_volume {
        match view.item.exists {
            true => drop(
                volumes
                    .gap
                    .get_or_insert(not_in_plan(view, "the root volume")),
            ),
            false => {
                let root = launch.root_device_name();
                devices.push(of_image("root_block_device[0]", root, true));
            }
        }
    }
    // An instance may leave volumes of its image out.
    let left_out = view.blocks("ephemeral_block_device").known();
    let left_out = left_out.unwrap_or_default();
    let left_out = left_out.iter().map(|it| it.text("device_name").known());
    names.extend(left_out.flatten());
    for volume in launch.more_volumes(&names) {
        let device = volume.device.as_str();
        devices.push(of_image(device, Some(device), false));
    }
}

/// Reads the volumes that are created with an instance.
fn read_devices<'a>(
    reader: &Reader<'a>,
    launch: &Launch<'a>,
    named: &Identity,
    more_tags: &TagResources<'a>,
    volumes: &mut VolumeIds,
    planned: &mut Planned,
) {
    let item = launch.instance.item;
    let defaults = ebs_defaults_for(reader, item, &named.region, planned);
    for device in list_devices(launch, volumes) {
        let (view, address) = (device.view, device.address.clone());
        let id = view.text("volume_id").known();
        let id = id.map_or_else(|| address.clone(), str::to_owned);
        let arn = match id == address || reader.account_id().is_empty() {
            true => address,
            false => reader.build_arn("ec2", &named.region, &format!("volume/{id}")),
        };
        let origin = match reader.resolve_link(&view, "snapshot_id", &SNAPSHOTS) {
            Link::Nothing => find_image_origin(launch, &device),
            _ => Some(Origin::SNAPSHOT),
        };
        let (encrypted, kms_key) =
            volume_encryption(reader, &view, item, origin, defaults.clone(), planned);
        let tags = device_tags(reader, &launch.instance, &view);
        let tags = template_tags(reader, launch, "volume", tags);
        let volume = Volume {
            tags: more_tags.add_to_volume(reader, &id, tags),
            state: match item.exists {
                true => reader.read_state(&view, "state"),
                false => reader.read_state(&launch.instance, "state"),
            },
            encrypted,
            kms_key,
            size: view.size_in_gib("volume_size"),
            attached_to: Observed::Known(vec![named.id.clone()]),
            outpost_arn: read_outpost(reader, &launch.instance).into(),
            id: id.clone(),
            arn,
        };
        reader.add_place(item, &volume.arn, planned);
        // An attached `aws_ebs_volume` is also in the blocks of the instance.
        let mut own = reader.document.items_named("aws_ebs_volume", &id, &["id"]);
        let is_listed = own.next().is_some();
        drop(own);
        if !is_listed {
            planned.declaration_mut(&volume.arn).device = Some(BlockDevice {
                name: device.name.map(str::to_owned),
                is_root: device.is_root,
                holder: match device.of_template {
                    Some(template) => DeviceHolder::LaunchTemplate(reader.find_place(template)),
                    None if device.is_of_image => DeviceHolder::Image,
                    None => DeviceHolder::Instance,
                },
            });
        }
        let listed = &mut planned.region_mut(&named.region).volumes.items;
        match listed.iter_mut().find(|it| is_listed && it.id == id) {
            Some(known) => known.attached_to = volume.attached_to,
            None => listed.push(volume),
        }
        volumes.ids.push(id);
    }
}

/// Adds the volumes that the plan attaches to an instance.
fn add_attached_volumes(
    named: &Identity,
    item: &Item<'_>,
    attachments: &Attachments,
    devices: &mut VolumeIds,
    planned: &mut Planned,
) {
    let Some(attached) = attachments.volumes.get(&named.id) else {
        return;
    };
    for id in attached {
        if !devices.ids.contains(id) {
            devices.ids.push(id.clone());
        }
    }
    let volumes = &planned.region_mut(&named.region).volumes.items;
    let is_missing = |id: &&String| !volumes.iter().any(|volume| volume.id == **id);
    if let Some(id) = devices.ids.iter().find(is_missing) {
        let gap = unplanned(format!(
            "the plan attaches {id} to {} but does not contain it",
            item.address
        ));
        devices.gap.get_or_insert(gap);
    }
}

/// Returns the tags of a volume that is created with its instance. `volume_tags` of the instance apply to all
/// its volumes:
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/instance>.
fn device_tags(reader: &Reader<'_>, instance: &View<'_>, device: &View<'_>) -> Observed<Tags> {
    let own = reader.read_block_tags(device, "tags", "tags_all");
    match (instance.fact("volume_tags"), own) {
        (Fact::Unset | Fact::Computed(_), own) => own,
        (_, Observed::Known(own)) if own.is_empty() => {
            reader.read_block_tags(instance, "volume_tags", "volume_tags")
        }
        (_, own) => own,
    }
}
