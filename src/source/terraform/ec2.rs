//! EC2 instances, EBS volumes, and the default encryption of new volumes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::ec2::{Instance, Volume};
use crate::model::observed::AccountFact;
use crate::model::tag::Tags;
use crate::model::{Gap, GapKind, Observed};
use crate::source::defaults::TERRAFORM_EBS_ENCRYPTION_BY_DEFAULT;
use crate::source::planned::{Planned, unplanned};

use super::item::{Item, data_type};
use super::keys::KeyName;
use super::reader::{Identity, Link, Reader, not_in_plan};
use super::view::{Fact, View};

/// The default encryption of new volumes in a region.
#[derive(Debug, Clone)]
struct Defaults {
    encryption: Observed<bool>,
    key: Observed<String>,
}

/// Reads the volumes and instances of the plan.
pub(super) fn read_instances<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    read_ebs_defaults(reader, planned);
    let attachments = read_attachments(reader);
    for item in reader.document.items_of("aws_ebs_volume") {
        read_volume(reader, item, &attachments, planned);
    }
    for item in reader.document.items_of("aws_instance") {
        read_instance(reader, item, &attachments, planned);
    }
}

/// Reads the default encryption of new volumes, if the plan sets it.
fn read_ebs_defaults<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.items_of("aws_ebs_encryption_by_default") {
        let region = reader.places.region_of(item);
        let on = item
            .view()
            .flag("enabled")
            .or_else(|| Ok(TERRAFORM_EBS_ENCRYPTION_BY_DEFAULT));
        planned.region_mut(&region).ebs_defaults.encryption = on;
    }
    for item in reader.document.items_of("aws_ebs_default_kms_key") {
        let region = reader.places.region_of(item);
        let key = match reader.read_key(&item.view(), "key_arn", planned) {
            KeyName::Is(key) => Observed::Known(key),
            KeyName::Unset => Observed::Unknown(item.view().known_after_apply("key_arn")),
            KeyName::Open(gap) => Observed::Unknown(gap),
        };
        planned.region_mut(&region).ebs_defaults.kms_key = key;
    }
}

/// Returns the default encryption of new volumes in a region.
fn ebs_defaults(planned: &mut Planned, region: &str) -> Defaults {
    let defaults = planned.region_mut(region).ebs_defaults.clone();
    let explain = |gap: Gap, fact: AccountFact| {
        match gap.kind {
        GapKind::Unplanned => unplanned(
            "it depends on the default EBS encryption of the region, a setting of the account that is not in the plan",
        )
        .needing(fact),
        _ => gap,
    }
    };
    let encryption = defaults.encryption.get().copied();
    let key = defaults.kms_key.get().cloned();
    Defaults {
        encryption: encryption
            .map_err(|gap| explain(gap, AccountFact::EbsEncryption))
            .into(),
        key: key.map_err(|gap| explain(gap, AccountFact::EbsKey)).into(),
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
        let volume = reader.linked_id(&view, "volume_id", &["aws_ebs_volume"]);
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
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let origin = match view.text("snapshot_id") {
        Fact::Unset | Fact::Computed(_) => None,
        _ => Some("its snapshot"),
    };
    let (encrypted, kms_key) = volume_encryption(reader, &view, &named.region, origin, planned);
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
        tags: reader.read_tags(item),
        state: reader.read_state(&view, "state"),
        encrypted,
        kms_key,
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

/// Returns whether a volume is encrypted, and with which key.
///
/// A volume that names no key uses the default key of the region. A volume cannot opt out of encryption by
/// default: <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>. A volume from an
/// encrypted snapshot is encrypted:
/// <https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html>.
fn volume_encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    region: &str,
    origin: Option<&str>,
    planned: &mut Planned,
) -> (Observed<bool>, Observed<Option<String>>) {
    let key = reader.read_key(view, "kms_key_id", planned);
    let defaults = ebs_defaults(planned, region);
    let forced = defaults.encryption.known() == Some(&true);
    let inherited = |origin: &str| {
        unplanned(format!(
            "the encryption of {} depends on {origin}, which is not in the plan",
            view.item.address
        ))
    };
    let encrypted = match view.flag("encrypted") {
        Fact::Known(true) => Observed::Known(true),
        // The encryption of an existing volume cannot change.
        Fact::Known(false) if view.item.exists => Observed::Known(false),
        Fact::Known(false) | Fact::Unset | Fact::Computed(_) if forced => Observed::Known(true),
        Fact::Open(gap) => Observed::Unknown(gap),
        _ => match origin {
            Some(origin) => Observed::Unknown(inherited(origin)),
            None => defaults.encryption,
        },
    };
    let kms_key = match (key, origin) {
        (KeyName::Is(key), _) => Observed::Known(Some(key)),
        (KeyName::Open(gap), _) => Observed::Unknown(gap),
        (KeyName::Unset, _) if encrypted.known() == Some(&false) => Observed::Known(None),
        (KeyName::Unset, _) if view.item.exists => Observed::Unknown(not_in_plan(view, "the key")),
        (KeyName::Unset, Some(origin)) => Observed::Unknown(inherited(origin)),
        (KeyName::Unset, None) => defaults.key.map(Some),
    };
    (encrypted, kms_key)
}

fn read_instance<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    attachments: &Attachments,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("id"));
    let template = launch_template_gap(&view);
    let mut devices = Devices {
        ids: Vec::new(),
        gap: attachments.of_instances.clone().or(template.clone()),
    };
    if let Some(gap) = extra_image_volumes(reader, &view) {
        devices.gap.get_or_insert(gap);
    }
    read_devices(reader, &view, &named, &mut devices, planned);
    add_attached_volumes(&named, item, attachments, &mut devices, planned);
    let volumes = match devices.gap {
        Some(gap) => Observed::Unknown(gap),
        None => Observed::Known(devices.ids),
    };
    let vpc_id = super::vpc::vpc_of_subnet(reader, &view, "subnet_id");
    let instance = Instance {
        tags: tags_with_template(template, reader.read_tags(item), reader),
        state: reader.read_state(&view, "instance_state"),
        root_device_type: root_device_type(reader, &view),
        marketplace_codes: marketplace_codes(reader, &view),
        volumes,
        vpc_id,
        subnet_id: None,
        outpost_arn: view
            .text("outpost_arn")
            .set_value()
            .map(|it| it.map(str::to_owned))
            .into(),
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &instance.arn, planned);
    let region = planned.region_mut(&named.region);
    region.instances.items.push(instance);
}

/// The volumes of an instance.
struct Devices {
    /// Ids of its volumes.
    ids: Vec<String>,
    /// Why it may have others.
    gap: Option<Gap>,
}

/// Reads the volumes that are created with an instance.
fn read_devices<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    named: &Identity,
    devices: &mut Devices,
    planned: &mut Planned,
) {
    let image = (!image_is_unencrypted(reader, view)).then_some("its image");
    for (block, origin) in [("root_block_device", image), ("ebs_block_device", None)] {
        let blocks = match view.blocks(block) {
            Fact::Known(blocks) => blocks,
            Fact::Unset => Vec::new(),
            // Every image has a root device and may add other volumes.
            Fact::Computed(_) if block == "ebs_block_device" => Vec::new(),
            Fact::Computed(gap) | Fact::Open(gap) => {
                devices.gap.get_or_insert(gap);
                continue;
            }
        };
        for (number, device) in blocks.into_iter().enumerate() {
            let address = format!("{}.{block}[{number}]", view.item.address);
            let id = device.text("volume_id").known();
            let id = id.map_or_else(|| address.clone(), str::to_owned);
            let arn = match id == address || reader.account_id().is_empty() {
                true => address,
                false => reader.build_arn("ec2", &named.region, &format!("volume/{id}")),
            };
            let origin = match device.text("snapshot_id") {
                Fact::Unset | Fact::Computed(_) => origin,
                _ => Some("its snapshot"),
            };
            let (encrypted, kms_key) =
                volume_encryption(reader, &device, &named.region, origin, planned);
            let volume = Volume {
                tags: device_tags(reader, view, &device),
                state: reader.read_state(&device, "state"),
                encrypted,
                kms_key,
                attached_to: Observed::Known(vec![named.id.clone()]),
                outpost_arn: Observed::Known(None),
                id: id.clone(),
                arn,
            };
            reader.add_place(view.item, &volume.arn, planned);
            // An attached `aws_ebs_volume` is also in the blocks of the instance.
            let volumes = &mut planned.region_mut(&named.region).volumes.items;
            match volumes.iter_mut().find(|it| it.id == id) {
                Some(known) => known.attached_to = volume.attached_to,
                None => volumes.push(volume),
            }
            devices.ids.push(id);
        }
    }
}

/// Adds the volumes that the plan attaches to an instance.
fn add_attached_volumes(
    named: &Identity,
    item: &Item<'_>,
    attachments: &Attachments,
    devices: &mut Devices,
    planned: &mut Planned,
) {
    for id in attachments.volumes.get(&named.id).into_iter().flatten() {
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

/// Returns why the volumes and tags of an instance are not known: it uses a launch template.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html>.
fn launch_template_gap(view: &View<'_>) -> Option<Gap> {
    let is_used = match view.fact("launch_template") {
        Fact::Known(blocks) => blocks.as_array().is_none_or(|it| !it.is_empty()),
        Fact::Unset => false,
        Fact::Computed(_) | Fact::Open(_) => true,
    };
    let message = || {
        let address = view.item.address;
        unplanned(format!(
            "the launch template of {address} may add volumes and tags"
        ))
    };
    (is_used && !view.item.exists).then(message)
}

/// Returns the tags of an instance, which override those of its launch template.
fn tags_with_template(
    template: Option<Gap>,
    own: Observed<Tags>,
    reader: &Reader<'_>,
) -> Observed<Tags> {
    match (template, own) {
        (Some(gap), Observed::Known(own)) if !own.contains_key(reader.around.tag_key) => {
            Observed::Unknown(gap)
        }
        (_, own) => own,
    }
}

/// Returns why an instance has volumes that it does not name: its image adds them.
fn extra_image_volumes<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<Gap> {
    let image = find_image(reader, view).filter(|_| !view.item.exists)?;
    let image = image.view();
    let mut named: Vec<&str> = image.text("root_device_name").known().into_iter().collect();
    let devices = view.blocks("ebs_block_device").known().unwrap_or_default();
    named.extend(
        devices
            .iter()
            .filter_map(|it| it.text("device_name").known()),
    );
    let mappings = image.blocks("block_device_mappings").known()?;
    let is_more = |mapping: &View<'_>| {
        let ebs = mapping.values.get("ebs").and_then(Value::as_object);
        let device = mapping.text("device_name").known();
        ebs.is_some_and(|it| !it.is_empty()) && device.is_some_and(|it| !named.contains(&it))
    };
    let is_known = image.text("root_device_name").known().is_some();
    let more = mappings.iter().filter(|it| is_more(it)).count();
    // If the image does not name its root device, one of its volumes is the root volume.
    (more > usize::from(!is_known)).then(|| {
        let address = view.item.address;
        unplanned(format!(
            "the image of {address} adds volumes that the plan does not contain"
        ))
    })
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

/// Returns the image of an instance if a data source looked it up.
fn find_image<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<&'a Item<'a>> {
    let mut images = reader.document.items_of(data_type("aws_ami"));
    match reader.resolve_link(view, "ami", &["data.aws_ami"]) {
        Link::Named(id) => images.find(|it| it.view().text("id").known() == Some(id)),
        Link::To(item) => Some(item),
        Link::Nothing | Link::OneOf(..) | Link::Open(_) => None,
    }
}

/// Returns whether a data source looked up the image, and it has no encrypted volume.
fn image_is_unencrypted<'a>(reader: &Reader<'a>, view: &View<'a>) -> bool {
    let Some(image) = find_image(reader, view) else {
        return false;
    };
    let Fact::Known(mappings) = image.view().blocks("block_device_mappings") else {
        return false;
    };
    let is_plain = |mapping: &View<'_>| {
        let ebs = mapping.values.get("ebs").and_then(|it| it.get("encrypted"));
        ebs.is_some_and(|it| *it == false || *it == "false")
    };
    !mappings.is_empty() && mappings.iter().all(is_plain)
}

fn root_device_type<'a>(reader: &Reader<'a>, view: &View<'a>) -> Observed<String> {
    let shown = find_image(reader, view).and_then(|it| it.view().text("root_device_type").known());
    let has_volume =
        matches!(view.blocks("root_block_device"), Fact::Known(blocks) if !blocks.is_empty());
    match shown {
        Some(device) => Observed::Known(device.to_owned()),
        None if has_volume => Observed::Known("ebs".to_owned()),
        None => Observed::Unknown(unplanned(format!(
            "the plan does not contain the image of {}, which defines the root device type",
            view.item.address
        ))),
    }
}

fn marketplace_codes<'a>(reader: &Reader<'a>, view: &View<'a>) -> Observed<Vec<String>> {
    let gap = || {
        unplanned(format!(
            "the plan does not contain the image of {}, which may be from AWS Marketplace; look it up with the data source aws_ami",
            view.item.address
        ))
    };
    let Some(image) = find_image(reader, view) else {
        return Observed::Unknown(gap());
    };
    match image.view().blocks("product_codes") {
        Fact::Known(codes) => {
            let of_marketplace = codes
                .iter()
                .filter(|code| code.text("product_code_type").known() == Some("marketplace"));
            let codes = of_marketplace.map(|code| code.text("product_code_id").final_value());
            let codes: Result<Vec<Option<&str>>, Gap> = codes.collect();
            let named = codes.map(|codes| codes.into_iter().flatten().map(str::to_owned).collect());
            named.into()
        }
        Fact::Unset => Observed::Known(Vec::new()),
        Fact::Computed(_) | Fact::Open(_) => Observed::Unknown(gap()),
    }
}
