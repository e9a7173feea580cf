//! EC2 instances, EBS volumes, and how new volumes are encrypted.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::model::ec2::{Instance, Volume};
use crate::model::tag::Tags;
use crate::model::{Gap, GapKind, Observed};
use crate::source::planned::{Planned, unplanned};

use super::document::{Item, data};
use super::keys::KeyName;
use super::reader::{Link, Reader, untold};
use super::view::{Fact, View};

/// What encryption of new volumes will be in a region, as far as the plan says.
#[derive(Debug, Clone)]
struct Defaults {
    encryption: Observed<bool>,
    key: Observed<String>,
}

/// Reads volumes and instances.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    settings(reader, planned);
    let attachments = attachments(reader);
    for item in reader.document.of("aws_ebs_volume") {
        volume(reader, item, &attachments, planned);
    }
    for item in reader.document.of("aws_instance") {
        instance(reader, item, &attachments, planned);
    }
}

/// Encryption by default, where the plan sets it.
fn settings<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.of("aws_ebs_encryption_by_default") {
        let region = reader.places.region(item);
        let on = item.view().flag("enabled").or(|| Ok(true));
        planned.region(&region).ebs_defaults.encryption = on;
    }
    for item in reader.document.of("aws_ebs_default_kms_key") {
        let region = reader.places.region(item);
        let key = match reader.key(&item.view(), "key_arn", planned) {
            KeyName::Is(key) => Observed::Known(key),
            KeyName::Unset => Observed::Unknown(item.view().later("key_arn")),
            KeyName::Open(gap) => Observed::Unknown(gap),
        };
        planned.region(&region).ebs_defaults.kms_key = key;
    }
}

fn defaults(planned: &mut Planned, region: &str) -> Defaults {
    let defaults = planned.region(region).ebs_defaults.clone();
    let as_account_has = |gap: Gap| match gap.kind {
        GapKind::Unplanned => unplanned(
            "it is left to how EBS encrypts new volumes of the region, a setting of the account that the plan does not hold",
        ),
        _ => gap,
    };
    Defaults {
        encryption: defaults
            .encryption
            .get()
            .copied()
            .map_err(as_account_has)
            .into(),
        key: defaults
            .kms_key
            .get()
            .cloned()
            .map_err(as_account_has)
            .into(),
    }
}

/// Attachments that the plan makes.
#[derive(Debug, Default)]
struct Attachments {
    /// Ids of instances by the id of a volume.
    instances: BTreeMap<String, Vec<String>>,
    /// Ids of volumes by the id of an instance.
    volumes: BTreeMap<String, Vec<String>>,
    /// Ids of the instances that the plan holds.
    here: BTreeSet<String>,
    /// Why a volume may be attached to more.
    of_volumes: Option<Gap>,
    /// Why an instance may have more.
    of_instances: Option<Gap>,
}

fn attachments<'a>(reader: &Reader<'a>) -> Attachments {
    let instances = reader.document.of("aws_instance");
    let mut found = Attachments {
        here: instances.map(|it| reader.id(it)).collect(),
        ..Attachments::default()
    };
    for item in reader.document.of("aws_volume_attachment") {
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
                // One end that is not known leaves the other open as well.
                let gap = volume.err().or(instance.err());
                let gap = gap.unwrap_or_else(|| view.later("volume_id"));
                found.of_volumes.get_or_insert_with(|| gap.clone());
                found.of_instances.get_or_insert(gap);
            }
        }
    }
    found
}

fn volume<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    attachments: &Attachments,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.named(item, view.text("id"));
    let from_snapshot = match view.text("snapshot_id") {
        Fact::Unset | Fact::Computed(_) => None,
        _ => Some("the snapshot that it is made from"),
    };
    let (encrypted, kms_key) = encryption(reader, &view, &named.region, from_snapshot, planned);
    let attached_to = match (
        &attachments.of_volumes,
        attachments.instances.get(&named.id),
    ) {
        (Some(gap), _) => Observed::Unknown(gap.clone()),
        // What exists may be attached to what other plans hold.
        (None, found) if found.is_none() && item.exists => {
            Observed::Unknown(untold(&view, "what it is attached to"))
        }
        (None, found) => {
            let found = found.cloned().unwrap_or_default();
            match found.iter().all(|id| attachments.here.contains(id)) {
                true => Observed::Known(found),
                false => Observed::Unknown(untold(&view, "the instance it is attached to")),
            }
        }
    };
    let volume = Volume {
        tags: reader.tags(item),
        state: reader.state(&view, "state"),
        encrypted,
        kms_key,
        attached_to,
        id: named.id,
        arn: named.arn,
    };
    reader.place(item, &volume.arn, planned);
    planned.region(&named.region).volumes.items.push(volume);
}

/// Whether a new volume is encrypted, and with which key.
///
/// Without a key of its own it gets the region's default key; encryption by default cannot be left out:
/// <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>. One that is made from an
/// encrypted snapshot is encrypted too:
/// <https://docs.aws.amazon.com/ebs/latest/userguide/how-ebs-encryption-works.html>.
fn encryption<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    region: &str,
    from: Option<&str>,
    planned: &mut Planned,
) -> (Observed<bool>, Observed<Option<String>>) {
    let key = reader.key(view, "kms_key_id", planned);
    let defaults = defaults(planned, region);
    let forced = defaults.encryption.known() == Some(&true);
    let inherited = |from: &str| {
        unplanned(format!(
            "whether {} is encrypted, and how, depends on {from}, which the plan does not hold",
            view.item.address
        ))
    };
    let encrypted = match view.flag("encrypted") {
        Fact::Known(true) => Observed::Known(true),
        // What exists is as it was made.
        Fact::Known(false) if view.item.exists => Observed::Known(false),
        Fact::Known(false) | Fact::Unset | Fact::Computed(_) if forced => Observed::Known(true),
        Fact::Open(gap) => Observed::Unknown(gap),
        _ => match from {
            Some(from) => Observed::Unknown(inherited(from)),
            None => defaults.encryption,
        },
    };
    let kms_key = match (key, from) {
        (KeyName::Is(key), _) => Observed::Known(Some(key)),
        (KeyName::Open(gap), _) => Observed::Unknown(gap),
        (KeyName::Unset, _) if encrypted.known() == Some(&false) => Observed::Known(None),
        (KeyName::Unset, _) if view.item.exists => Observed::Unknown(untold(view, "its key")),
        (KeyName::Unset, Some(from)) => Observed::Unknown(inherited(from)),
        (KeyName::Unset, None) => defaults.key.map(Some),
    };
    (encrypted, kms_key)
}

fn instance<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    attachments: &Attachments,
    planned: &mut Planned,
) {
    let view = item.view();
    let named = reader.named(item, view.text("id"));
    let mut ids = Vec::new();
    let template = template(&view);
    let mut open = attachments.of_instances.clone().or(template.clone());
    if let Some(gap) = more_of_image(reader, &view) {
        open.get_or_insert(gap);
    }
    let of_image = (!image_is_plain(reader, &view)).then_some("its image");
    for (block, from) in [("root_block_device", of_image), ("ebs_block_device", None)] {
        let blocks = match view.blocks(block) {
            Fact::Known(blocks) => blocks,
            Fact::Unset => Vec::new(),
            // Every image has a root device, and may bring more volumes.
            Fact::Computed(_) if block == "ebs_block_device" => Vec::new(),
            Fact::Computed(gap) | Fact::Open(gap) => {
                open.get_or_insert(gap);
                continue;
            }
        };
        for (number, device) in blocks.into_iter().enumerate() {
            let address = format!("{}.{block}[{number}]", item.address);
            let id = device.text("volume_id").known();
            let id = id.map_or_else(|| address.clone(), str::to_owned);
            let arn = match id == address || reader.account().is_empty() {
                true => address,
                false => reader.arn("ec2", &named.region, &format!("volume/{id}")),
            };
            let from = match device.text("snapshot_id") {
                Fact::Unset | Fact::Computed(_) => from,
                _ => Some("the snapshot that it is made from"),
            };
            let (encrypted, kms_key) = encryption(reader, &device, &named.region, from, planned);
            let volume = Volume {
                tags: device_tags(reader, &view, &device),
                state: reader.state(&device, "state"),
                encrypted,
                kms_key,
                attached_to: Observed::Known(vec![named.id.clone()]),
                id: id.clone(),
                arn,
            };
            reader.place(item, &volume.arn, planned);
            // A volume of its own that is attached shows among the instance's as well.
            let volumes = &mut planned.region(&named.region).volumes.items;
            match volumes.iter_mut().find(|it| it.id == id) {
                Some(known) => known.attached_to = volume.attached_to,
                None => volumes.push(volume),
            }
            ids.push(id);
        }
    }
    for id in attachments.volumes.get(&named.id).into_iter().flatten() {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    let known_volumes = |id: &String, planned: &mut Planned| {
        let volumes = &planned.region(&named.region).volumes.items;
        volumes.iter().any(|volume| volume.id == *id)
    };
    if let Some(id) = ids.iter().find(|id| !known_volumes(id, planned)) {
        open.get_or_insert(unplanned(format!(
            "the plan attaches {id} to {} and does not hold it",
            item.address
        )));
    }
    let volumes = match open {
        Some(gap) => Observed::Unknown(gap),
        None => Observed::Known(ids),
    };
    let vpc_id = super::vpc::of_subnet(reader, &view, "subnet_id");
    let instance = Instance {
        tags: tags_with(template, reader.tags(item), reader),
        state: reader.state(&view, "instance_state"),
        root_device_type: root_device(reader, &view),
        marketplace_codes: marketplace_codes(reader, &view),
        volumes,
        vpc_id,
        id: named.id,
        arn: named.arn,
    };
    reader.place(item, &instance.arn, planned);
    planned.region(&named.region).instances.items.push(instance);
}

/// What a launch template may add to an instance that is made from one: volumes, and tags.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-launch-templates.html>.
fn template(view: &View<'_>) -> Option<Gap> {
    let is_used = match view.fact("launch_template") {
        Fact::Known(blocks) => blocks.as_array().is_none_or(|it| !it.is_empty()),
        Fact::Unset => false,
        Fact::Computed(_) | Fact::Open(_) => true,
    };
    let message = || {
        let address = view.item.address;
        unplanned(format!("the launch template of {address} may add to it"))
    };
    (is_used && !view.item.exists).then(message)
}

/// An instance's tags: its own come before those of its launch template.
fn tags_with(template: Option<Gap>, own: Observed<Tags>, reader: &Reader<'_>) -> Observed<Tags> {
    match (template, own) {
        (Some(gap), Observed::Known(own)) if !own.contains_key(reader.around.tag_key) => {
            Observed::Unknown(gap)
        }
        (_, own) => own,
    }
}

/// Why an instance has volumes beside those that it names: its image brings them.
fn more_of_image<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<Gap> {
    let image = image(reader, view).filter(|_| !view.item.exists)?;
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
    // Where the image does not name its root, one of its volumes is that.
    (more > usize::from(!is_known)).then(|| {
        let address = view.item.address;
        unplanned(format!(
            "the image of {address} brings more volumes than it names"
        ))
    })
}

/// The tags of a volume that is made with its instance.
///
/// `volume_tags` of the instance are for all of them:
/// <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/instance>.
fn device_tags(reader: &Reader<'_>, instance: &View<'_>, device: &View<'_>) -> Observed<Tags> {
    let own = reader.tags_of(device, "tags", "tags_all");
    match (instance.fact("volume_tags"), own) {
        (Fact::Unset | Fact::Computed(_), own) => own,
        (_, Observed::Known(own)) if own.is_empty() => {
            reader.tags_of(instance, "volume_tags", "volume_tags")
        }
        (_, own) => own,
    }
}

/// The image of an instance, where the plan looked it up.
fn image<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<&'a Item<'a>> {
    let mut images = reader.document.of(data("aws_ami"));
    match reader.link(view, "ami", &["data.aws_ami"]) {
        Link::Named(id) => images.find(|it| it.view().text("id").known() == Some(id)),
        Link::To(item) => Some(item),
        Link::Nothing | Link::Open(_) => None,
    }
}

/// Whether the plan looked up the image, and no volume in it is encrypted.
fn image_is_plain<'a>(reader: &Reader<'a>, view: &View<'a>) -> bool {
    let Some(image) = image(reader, view) else {
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

fn root_device<'a>(reader: &Reader<'a>, view: &View<'a>) -> Observed<String> {
    let told = image(reader, view).and_then(|it| it.view().text("root_device_type").known());
    let has_volume =
        matches!(view.blocks("root_block_device"), Fact::Known(blocks) if !blocks.is_empty());
    match told {
        Some(told) => Observed::Known(told.to_owned()),
        None if has_volume => Observed::Known("ebs".to_owned()),
        None => Observed::Unknown(unplanned(format!(
            "the plan does not hold the image of {}, which says what its root device is",
            view.item.address
        ))),
    }
}

fn marketplace_codes<'a>(reader: &Reader<'a>, view: &View<'a>) -> Observed<Vec<String>> {
    let gap = || {
        unplanned(format!(
            "the plan does not hold the image of {}, which may be one of the AWS Marketplace: look it up with the data source aws_ami",
            view.item.address
        ))
    };
    let Some(image) = image(reader, view) else {
        return Observed::Unknown(gap());
    };
    match image.view().blocks("product_codes") {
        Fact::Known(codes) => {
            let of_marketplace = codes
                .iter()
                .filter(|code| code.text("product_code_type").known() == Some("marketplace"));
            let codes = of_marketplace.map(|code| code.text("product_code_id").chosen());
            let codes: Result<Vec<Option<&str>>, Gap> = codes.collect();
            let named = codes.map(|codes| codes.into_iter().flatten().map(str::to_owned).collect());
            named.into()
        }
        Fact::Unset => Observed::Known(Vec::new()),
        Fact::Computed(_) | Fact::Open(_) => Observed::Unknown(gap()),
    }
}
