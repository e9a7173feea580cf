//! EBS volumes and EC2 instances.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::model::ec2::{Instance, Volume};
use crate::model::observed::AccountFact;
use crate::model::place::{BlockDevice, DeviceHolder, Place};
use crate::model::tag::{BackupTag, Tags};
use crate::model::{Gap, Observed};
use crate::source::images::has_ebs_root;
use crate::source::planned::unplanned;

use super::build::{Build, locate_gap, not_yet, require_agreement, size_in_gib};
use super::ebs::{VOLUME, read_encrypted, read_volume_key};
use super::launch_image::LaunchImage;
use super::tags;
use super::template::Declared;
use super::value::{Open, Resolved};

const INSTANCE: &str = "AWS::EC2::Instance";
const LAUNCH_TEMPLATE: &str = "AWS::EC2::LaunchTemplate";

pub(super) fn read_instances_and_volumes(build: &mut Build<'_>) {
    let attachments = Attachments::read_attachments(build);
    for declared in build.of_type(VOLUME) {
        let properties = build.template.properties(&declared);
        let volume = Volume {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            state: not_yet(),
            encrypted: read_encrypted(build, &properties),
            kms_key: read_volume_key(build, &properties),
            size: size_in_gib(&properties, "Size"),
            attached_to: attachments.of(declared.id),
            outpost_arn: locate_gap("OutpostArn", properties.get("OutpostArn").text()).into(),
        };
        build.stack_region().volumes.items.push(volume);
    }
    for declared in build.of_type(INSTANCE) {
        read_instance(build, &declared, &attachments);
    }
}

/// The volumes attached to each instance.
#[derive(Default)]
struct Attachments {
    instances: BTreeMap<String, BTreeSet<String>>,
    volumes: BTreeMap<String, BTreeSet<String>>,
    /// Volumes that are attached to something outside the template.
    outside: BTreeSet<String>,
    /// Why an instance has a volume that is not known.
    unknown: BTreeMap<String, Gap>,
    /// Why it is not known whether a volume is attached.
    conditional: BTreeMap<String, Gap>,
    /// Why a volume may have more attachments.
    open: Option<Gap>,
}

impl Attachments {
    fn read_attachments(build: &Build<'_>) -> Self {
        let mut all = Attachments::default();
        for declared in build.of_type("AWS::EC2::VolumeAttachment") {
            let properties = build.template.properties(&declared);
            let named = properties.get("InstanceId");
            let instance = build.referenced_resource(&named, &[INSTANCE]);
            let instance = instance.map(|it| it.id);
            // It may be any of several instances.
            if let Some(gap) = build.choice_gap(&named) {
                let ids = build.template.of_type(INSTANCE).map(|it| it.id.to_owned());
                all.unknown.extend(ids.map(|id| (id, gap.clone())));
            }
            let volume = properties.get("VolumeId");
            if let Some(gap) = build.own_condition_gap(&declared, instance) {
                all.note_condition(build, &volume, instance, gap);
            } else {
                all.note(build, &volume, instance);
            }
        }
        for declared in build.of_type(INSTANCE) {
            let volumes = build.template.properties(&declared).get("Volumes");
            match volumes.items() {
                Ok(volumes) => volumes.into_iter().for_each(|(condition, it)| {
                    let volume = it.get("VolumeId");
                    match condition {
                        Some(open) => {
                            all.note_condition(build, &volume, Some(declared.id), open.gap);
                        }
                        None => all.note(build, &volume, Some(declared.id)),
                    }
                }),
                Err(gap) => drop(all.unknown.insert(declared.id.to_owned(), gap)),
            }
        }
        all
    }

    /// Notes a volume that is attached to an instance only if a condition holds, which is not known.
    fn note_condition(
        &mut self,
        build: &Build<'_>,
        volume: &Resolved,
        instance: Option<&str>,
        gap: Gap,
    ) {
        let instance = instance.map(|it| (it.to_owned(), gap.clone()));
        self.unknown.extend(instance);
        if let Some(volume) = build.referenced_resource(volume, &[VOLUME]) {
            self.conditional.insert(volume.id.to_owned(), gap);
        }
    }

    fn note(&mut self, build: &Build<'_>, volume: &Resolved, instance: Option<&str>) {
        match (
            build.referenced_resource(volume, &[VOLUME]),
            instance,
            volume,
        ) {
            (Some(volume), Some(instance), _) => {
                let instances = self.instances.entry(volume.id.to_owned()).or_default();
                instances.insert(instance.to_owned());
                let volumes = self.volumes.entry(instance.to_owned()).or_default();
                volumes.insert(volume.id.to_owned());
            }
            (Some(volume), None, _) => drop(self.outside.insert(volume.id.to_owned())),
            (None, instance, value) => {
                // A choice that may include a resource of the template.
                if let Resolved::OneOf(open, _) = value {
                    self.open.get_or_insert_with(|| open.gap.clone());
                }
                if let Some(instance) = instance {
                    let outside = "it is not in the template, but attached to an instance of it";
                    let gap = value.text().err().unwrap_or_else(|| unplanned(outside));
                    self.unknown.insert(instance.to_owned(), gap);
                }
            }
        }
    }

    fn of(&self, volume: &str) -> Observed<Vec<String>> {
        if self.outside.contains(volume) {
            let message = "it is attached to an instance that the template does not contain";
            return Observed::Unknown(unplanned(message));
        }
        let gap = self.conditional.get(volume).or(self.open.as_ref());
        match (self.instances.get(volume), gap) {
            (None, Some(gap)) => Observed::Unknown(gap.clone()),
            (instances, _) => Observed::Known(instances.into_iter().flatten().cloned().collect()),
        }
    }
}

fn read_instance<'a>(build: &mut Build<'a>, declared: &Declared<'a>, attachments: &Attachments) {
    let properties = build.properties(declared);
    let launch = Launch::of_instance(build, &properties);
    let (tags, volume_tags) = read_instance_tags(build, &properties, &launch);
    let attached = attachments.volumes.get(declared.id);
    let mut volumes: Vec<String> = attached.into_iter().flatten().cloned().collect();
    let image = LaunchImage::find(build, &launch.get("ImageId"));
    let mapped = read_mapped_volumes(build, declared, &launch, &image, &volume_tags, &mut volumes);
    add_image_volumes(
        build,
        declared,
        &volume_tags,
        (&image, mapped.as_ref().ok()),
        &mut volumes,
    );
    if let Some(gap) = attachments.unknown.get(declared.id) {
        // Its tags matter only where its instance may be backed up as well.
        let tags = match BackupTag::from_tags(&tags, build.tag_key()) {
            BackupTag::None => Observed::Known(Tags::new()),
            _ => Observed::Unknown(gap.clone()),
        };
        volumes.push(add_attached_volume(build, declared, tags, gap));
    }
    let unknown = |what: &str| {
        let gap = launch.open.clone();
        gap.or_else(|| image.gap().cloned()).unwrap_or_else(|| {
            unplanned(format!(
                "{what} is a property of its image, which the template does not contain"
            ))
        })
    };
    let vpc_id = find_vpc(build, &launch);
    let outpost_arn = find_outpost(build, &launch);
    mark_outpost(build, declared.id, &outpost_arn);
    let instance = Instance {
        arn: build.declare_resource(declared, ""),
        id: declared.id.to_owned(),
        tags,
        state: not_yet(),
        root_device_type: match &image {
            LaunchImage::Account(image) => image.root_device_type.clone(),
            LaunchImage::Open(_) if !is_on_ebs(&launch) => {
                Observed::Unknown(unknown("the type of its root device"))
            }
            _ => Observed::Known("ebs".to_owned()),
        },
        marketplace_codes: match &image {
            LaunchImage::Account(image) => image.marketplace_codes.clone(),
            LaunchImage::Public(_) => Observed::Known(Vec::new()),
            LaunchImage::Open(_) => Observed::Unknown(unknown("a product code")),
        },
        volumes: mapped.map(|_| volumes).into(),
        vpc_id,
        subnet_id: None,
        image_id: None,
        outpost_arn,
    };
    build.stack_region().instances.items.push(instance);
}

/// Adds the volumes that an instance gets from its image: the root volume, unless one of its mappings is known to be
/// that, and others that the image is known to have. `devices` are those of the mappings, if all are known.
fn add_image_volumes<'a>(
    build: &mut Build<'a>,
    declared: &Declared<'a>,
    tags: &Observed<Tags>,
    (image, devices): (&LaunchImage, Option<&BTreeSet<String>>),
    volumes: &mut Vec<String>,
) {
    let root = image.root_device();
    let has_root = devices.is_some_and(|it| root.is_some_and(|root| it.contains(root)));
    let mut added = Vec::new();
    let is_on_ebs = match image {
        LaunchImage::Account(image) => image.root_device_type.known().is_none_or(|it| it == "ebs"),
        _ => true,
    };
    if !has_root && is_on_ebs {
        added.push(("/root".to_owned(), root.map(str::to_owned)));
    }
    if let (LaunchImage::Account(image), Some(devices)) = (image, devices) {
        let named: Vec<&str> = devices.iter().map(String::as_str).collect();
        let more = image.more_volumes(&named).into_iter();
        added.extend(more.map(|it| (it.device.clone(), Some(it.device.clone()))));
    }
    for (part, device) in added {
        let id = format!("{}{part}", declared.id);
        let arn = build.declare_resource(declared, &part);
        let is_root = part == "/root";
        build.planned.declaration_mut(&arn).device = Some(BlockDevice {
            name: device.clone(),
            is_root,
            holder: DeviceHolder::Image,
        });
        let mut volume = Volume {
            arn,
            id: id.clone(),
            tags: tags.clone(),
            ..unconfigured_volume(declared.id)
        };
        // The root device is that of the image, whatever its name.
        let device = device.as_deref().unwrap_or("/dev/xvda");
        image.correct_encryption(&mut volume, device, false);
        build.stack_region().volumes.items.push(volume);
        volumes.push(id);
    }
}

/// Adds a volume that is attached to an instance and not known, and returns its id.
fn add_attached_volume<'a>(
    build: &mut Build<'a>,
    declared: &Declared<'a>,
    tags: Observed<Tags>,
    gap: &Gap,
) -> String {
    let part = "/attached";
    let id = format!("{}{part}", declared.id);
    let volume = Volume {
        arn: build.declare_resource(declared, part),
        id: id.clone(),
        tags,
        encrypted: Observed::Unknown(gap.clone()),
        kms_key: Observed::Unknown(gap.clone()),
        ..unconfigured_volume(declared.id)
    };
    build.stack_region().volumes.items.push(volume);
    id
}

/// Returns a volume of an instance that the template does not configure.
fn unconfigured_volume(instance: &str) -> Volume {
    let gap = || {
        unplanned(
            "the template does not configure it, so it depends on the account's encryption by default, which the template does not contain",
        )
    };
    Volume {
        arn: String::new(),
        id: String::new(),
        tags: Observed::default(),
        state: not_yet(),
        encrypted: Observed::Unknown(gap().needing(AccountFact::EbsEncryption)),
        kms_key: Observed::Unknown(gap().needing(AccountFact::EbsKey)),
        size: Observed::default(),
        attached_to: Observed::Known(vec![instance.to_owned()]),
        outpost_arn: Observed::Known(None),
    }
}

/// Returns whether the root device of an instance is an EBS volume whatever its image is, by its type.
fn is_on_ebs(launch: &Launch) -> bool {
    let kind = launch.get("InstanceType");
    let kind = kind.agree(|kind| Ok(kind.text()?.is_some_and(|it| has_ebs_root(&it))));
    kind.unwrap_or(false)
}

/// What an instance is launched with: its properties, and those of its launch template.
struct Launch {
    own: Rc<Resolved>,
    /// The data of the launch template; absent where the instance has none.
    template: Resolved,
    /// Where the launch template is declared.
    place: Option<Place>,
    /// Why the launch template is not known.
    open: Option<Gap>,
}

impl Launch {
    fn of_instance(build: &Build<'_>, properties: &Rc<Resolved>) -> Self {
        let found = find_launch_template(build, &properties.get("LaunchTemplate"));
        let (found, open) = match found {
            Ok(found) => (found, None),
            Err(gap) => (None, Some(gap)),
        };
        let data = found.as_ref().map(|it| build.properties(it));
        Launch {
            own: Rc::clone(properties),
            template: data.map_or(Resolved::Absent, |it| it.get("LaunchTemplateData")),
            place: found.map(|it| build.find_place(&it)),
            open,
        }
    }

    /// Returns a property of the instance, or that of its launch template.
    fn get(&self, name: &str) -> Resolved {
        let of_template = || match &self.open {
            Some(gap) => Resolved::Open(Open::from_gap(name, gap.clone())),
            None => self.template.get(name),
        };
        let own = self.own.get(name);
        own.map_candidates(|own| match own {
            Resolved::Absent => of_template(),
            own => own,
        })
    }

    /// Returns the tags that the launch template gives to resources of a type.
    fn tags(&self, build: &Build<'_>, of: &str) -> Result<Tags, Gap> {
        match &self.open {
            Some(gap) => Err(gap.clone()),
            None => tags::read_tags_at_launch(&self.template, of, build.around()),
        }
    }
}

/// Returns the launch template that an instance is launched from; `None` where it names none.
///
/// # Errors
/// Why it is not known.
fn find_launch_template<'a>(
    build: &Build<'a>,
    named: &Resolved,
) -> Result<Option<Declared<'a>>, Gap> {
    if named.is_absent() {
        return Ok(None);
    }
    let by_id = build.referenced_resource(&named.get("LaunchTemplateId"), &[LAUNCH_TEMPLATE]);
    let name = named.get("LaunchTemplateName");
    let found = by_id
        .or_else(|| build.named_resource(&name, LAUNCH_TEMPLATE, "LaunchTemplateName"))
        .ok_or_else(|| {
            unplanned("it depends on its launch template, which the template does not contain")
        })?;
    let version = named.get("Version");
    let is_own = matches!(
        build.referenced_resource(&version, &[LAUNCH_TEMPLATE]),
        Some(of) if of.id == found.id
    );
    // The first version of a launch template is the one that is created with it.
    if !is_own
        && !matches!(
            version.text()?.as_deref(),
            None | Some("$Latest" | "$Default" | "1")
        )
    {
        return Err(unplanned(format!(
            "it depends on a version of the launch template {} that the template does not contain",
            found.id
        )));
    }
    Ok(Some(found))
}

/// Reads the tags of an instance, and those of the volumes that are created with it.
fn read_instance_tags(
    build: &Build<'_>,
    properties: &Resolved,
    launch: &Launch,
) -> (Observed<Tags>, Observed<Tags>) {
    let own_tags = build.tags(properties, "Tags");
    let at_launch = launch.tags(build, "instance");
    let is_tagged = |tags: &Observed<Tags>| {
        let tag = BackupTag::from_tags(tags, build.tag_key());
        let has_key = tags
            .known()
            .is_some_and(|it| it.contains_key(build.tag_key()));
        tag != BackupTag::None || has_key
    };
    let tags = match (&own_tags, at_launch) {
        // A tag of the instance replaces that of the template.
        (Observed::Known(_), _) if is_tagged(&own_tags) => own_tags,
        (Observed::Known(_), Err(gap)) => Observed::Unknown(gap),
        (Observed::Known(own), Ok(more)) => {
            let is_new = !own.is_empty() && is_tagged(&Observed::Known(more.clone()));
            match is_new {
                // It is not documented whether the tags of both are combined.
                true => Observed::Unknown(unplanned(
                    "its launch template tags it too, and it is not documented whether both apply",
                )),
                false => Observed::Known(more.into_iter().chain(own.clone()).collect()),
            }
        }
        _ => own_tags,
    };
    let propagates = properties
        .get("PropagateTagsToVolumeOnCreation")
        .as_boolean();
    let volume_tags = match propagates {
        Ok(Some(true)) => tags.clone(),
        Ok(_) => launch.tags(build, "volume").into(),
        Err(gap) => Observed::Unknown(gap),
    };
    (tags, volume_tags)
}

/// Lists the volumes of an instance's block device mappings, and adds their ids to `volumes`. Returns the
/// names of the devices.
///
/// # Errors
/// Why there may be fewer or more of them.
fn read_mapped_volumes<'a>(
    build: &mut Build<'a>,
    declared: &Declared<'a>,
    launch: &Launch,
    image: &LaunchImage,
    tags: &Observed<Tags>,
    volumes: &mut Vec<String>,
) -> Result<BTreeSet<String>, Gap> {
    const NAME: &str = "BlockDeviceMappings";
    let mappings = launch.get(NAME);
    let mut complete = Ok(());
    if !launch.own.get(NAME).is_absent() {
        if let Some(gap) = &launch.open {
            complete = Err(gap.clone());
        } else if !launch.template.get(NAME).is_absent() {
            complete = Err(unplanned(
                "its launch template maps block devices too, and it is not documented how both combine",
            ));
        }
    }
    let mut devices = BTreeSet::new();
    for (condition, mapping) in mappings.items().unwrap_or_else(|gap| {
        complete = Err(gap);
        Vec::new()
    }) {
        let ebs = mapping.get("Ebs");
        let device = mapping.get("DeviceName").text().ok().flatten();
        if ebs.is_absent() && !matches!(mapping, Resolved::Open(_)) {
            // It leaves a volume of the image out.
            devices.extend(device.filter(|_| condition.is_none()));
            continue;
        }
        if let Some(open) = condition {
            complete = complete.and(Err(open.gap));
        }
        let part = device.clone();
        let part = part.unwrap_or_else(|| format!("/device{}", volumes.len()));
        devices.insert(part.clone());
        let arn = build.declare_resource(declared, &part);
        build.planned.declaration_mut(&arn).device = Some(BlockDevice {
            name: device,
            is_root: false,
            holder: match (&launch.place, launch.own.get(NAME).is_absent()) {
                (Some(place), true) => DeviceHolder::LaunchTemplate(place.clone()),
                _ => DeviceHolder::Instance,
            },
        });
        let mut volume = Volume {
            arn,
            id: format!("{}{part}", declared.id),
            tags: tags.clone(),
            state: not_yet(),
            encrypted: read_encrypted(build, &ebs),
            kms_key: read_volume_key(build, &ebs),
            size: size_in_gib(&ebs, "VolumeSize"),
            attached_to: Observed::Known(vec![declared.id.to_owned()]),
            outpost_arn: Observed::Known(None),
        };
        if ebs.get("SnapshotId").is_absent() {
            image.correct_mapping(&mut volume, &part, !ebs.get("KmsKeyId").is_absent());
        }
        let listed = &mut build.stack_region().volumes.items;
        match listed.iter_mut().find(|it| it.arn == volume.arn) {
            // The same device under another condition.
            Some(other) => {
                if let Err(gap) = &complete {
                    require_agreement(&mut other.encrypted, &volume.encrypted, gap);
                    require_agreement(&mut other.kms_key, &volume.kms_key, gap);
                    require_agreement(&mut other.size, &volume.size, gap);
                }
            }
            None => {
                volumes.push(volume.id.clone());
                listed.push(volume);
            }
        }
    }
    complete.map(|()| devices)
}

/// Returns the subnet that an instance is launched in.
fn find_subnet(launch: &Launch) -> Resolved {
    match launch.get("NetworkInterfaces").items().as_deref() {
        Ok([(_, first), ..]) => first.get("SubnetId"),
        _ => launch.get("SubnetId"),
    }
}

/// Returns the Outpost that an instance runs on: that of its subnet. A subnet that exists is in the Region, as far as
/// is known.
///
/// Source: <https://docs.aws.amazon.com/outposts/latest/userguide/launch-instance.html>.
fn find_outpost(build: &Build<'_>, launch: &Launch) -> Observed<Option<String>> {
    let subnet = build.referenced_resource(&find_subnet(launch), &["AWS::EC2::Subnet"]);
    let Some(subnet) = subnet else {
        return Observed::Known(None);
    };
    let outpost = build.properties(&subnet).get("OutpostArn");
    locate_gap("OutpostArn", outpost.text()).into()
}

/// Notes the Outpost of the volumes that are created with an instance.
fn mark_outpost(build: &mut Build<'_>, instance: &str, outpost_arn: &Observed<Option<String>>) {
    if *outpost_arn == Observed::Known(None) {
        return;
    }
    let prefix = format!("{instance}/");
    let volumes = build.stack_region().volumes.items.iter_mut();
    for volume in volumes.filter(|it| it.id.starts_with(&prefix)) {
        volume.outpost_arn = outpost_arn.clone();
    }
}

fn find_vpc(build: &Build<'_>, launch: &Launch) -> Observed<Option<String>> {
    let subnet = find_subnet(launch);
    let found = build
        .referenced_resource(&subnet, &["AWS::EC2::Subnet"])
        .map(|subnet| build.template.properties(&subnet).get("VpcId"))
        .and_then(|vpc| build.referenced_resource(&vpc, &["AWS::EC2::VPC"]));
    match found {
        Some(vpc) => Observed::Known(Some(vpc.id.to_owned())),
        None => {
            let gap = unplanned("its subnet is not part of the template");
            Observed::Unknown(match subnet.text() {
                Ok(Some(id)) => gap.needing(AccountFact::Subnet(id)),
                _ => gap,
            })
        }
    }
}
