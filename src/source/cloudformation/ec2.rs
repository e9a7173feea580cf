//! EBS volumes and EC2 instances.
//!
//! Whether a volume is encrypted, and with which default key, depends on the account's settings, even
//! where the template has `Encrypted: false`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-volume.html>,
//! <https://docs.aws.amazon.com/ebs/latest/userguide/encryption-by-default.html>.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::ec2::{Instance, Volume};
use crate::model::tag::{BackupTag, Tags};
use crate::model::{Gap, Observed};
use crate::source::planned::unplanned;

use super::build::{Build, locate_gap, not_yet, require_agreement};
use super::template::Declared;
use super::value::Resolved;

const VOLUME: &str = "AWS::EC2::Volume";
const INSTANCE: &str = "AWS::EC2::Instance";

pub(super) fn read_instances_and_volumes(build: &mut Build<'_>) {
    let attachments = Attachments::read_attachments(build);
    for declared in build.of_type(VOLUME) {
        let properties = build.template.properties(&declared);
        let volume = Volume {
            arn: build.declare_resource(&declared, ""),
            id: declared.id.to_owned(),
            tags: build.tags(&properties, "Tags"),
            state: not_yet(),
            encrypted: read_encrypted(&properties),
            kms_key: read_key(build, &properties),
            attached_to: attachments.of(declared.id),
            outpost_arn: locate_gap("OutpostArn", properties.get("OutpostArn").text()).into(),
        };
        build.stack_region().volumes.items.push(volume);
    }
    for declared in build.of_type(INSTANCE) {
        read_instance(build, &declared, &attachments);
    }
}

fn read_encrypted(properties: &Resolved) -> Observed<bool> {
    let given = locate_gap("Encrypted", properties.get("Encrypted").as_boolean());
    let by = if properties.get("SnapshotId").is_absent() {
        "the account's encryption by default"
    } else {
        "its snapshot and the account's encryption by default"
    };
    match given {
        Ok(Some(true)) => Observed::Known(true),
        Ok(given) => {
            let says = match given {
                Some(_) => "has Encrypted: false",
                None => "does not set Encrypted",
            };
            Observed::Unknown(unplanned(format!(
                "the template {says}, so it depends on {by}, which the template does not contain"
            )))
        }
        Err(gap) => Observed::Unknown(gap),
    }
}

fn read_key(build: &Build<'_>, properties: &Resolved) -> Observed<Option<String>> {
    match locate_gap("KmsKeyId", build.key(&properties.get("KmsKeyId"))) {
        Ok(None) => Observed::Unknown(unplanned(
            "the template names no key, so the account's default key for EBS applies, which the template does not contain",
        )),
        key => key.into(),
    }
}

/// The volumes attached to each instance.
#[derive(Default)]
struct Attachments {
    instances: BTreeMap<String, BTreeSet<String>>,
    volumes: BTreeMap<String, BTreeSet<String>>,
    /// Volumes that are attached to something outside the template.
    outside: BTreeSet<String>,
    /// Why a volume may have more attachments.
    open: Option<Gap>,
}

impl Attachments {
    fn read_attachments(build: &Build<'_>) -> Self {
        let mut all = Attachments::default();
        for declared in build.of_type("AWS::EC2::VolumeAttachment") {
            let properties = build.template.properties(&declared);
            let instance = build.referenced_resource(&properties.get("InstanceId"), &[INSTANCE]);
            let instance = instance.map(|it| it.id);
            all.note(build, &properties.get("VolumeId"), instance);
        }
        for declared in build.of_type(INSTANCE) {
            let volumes = build.template.properties(&declared).get("Volumes");
            for (_, volume) in volumes.items().unwrap_or_default() {
                all.note(build, &volume.get("VolumeId"), Some(declared.id));
            }
        }
        all
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
            // A choice that may include a resource of the template.
            (None, _, Resolved::Either(open, _)) => {
                self.open.get_or_insert_with(|| open.gap.clone());
            }
            _ => {}
        }
    }

    fn of(&self, volume: &str) -> Observed<Vec<String>> {
        if self.outside.contains(volume) {
            let message = "it is attached to an instance that the template does not contain";
            return Observed::Unknown(unplanned(message));
        }
        match (self.instances.get(volume), &self.open) {
            (None, Some(gap)) => Observed::Unknown(gap.clone()),
            (instances, _) => Observed::Known(instances.into_iter().flatten().cloned().collect()),
        }
    }
}

fn read_instance<'a>(build: &mut Build<'a>, declared: &Declared<'a>, attachments: &Attachments) {
    let properties = build.template.properties(declared);
    let by_template = !properties.get("LaunchTemplate").is_absent();
    let image = if by_template {
        "it depends on its image and its launch template, which the template does not contain"
    } else {
        "it depends on its image, which the template does not contain"
    };
    let (tags, volume_tags) = read_instance_tags(build, &properties, by_template);
    let attached = attachments.volumes.get(declared.id);
    let mut volumes: Vec<String> = attached.into_iter().flatten().cloned().collect();
    let complete = read_mapped_volumes(build, declared, &volume_tags, &mut volumes);
    // The root device name of the image is not known, so no mapping can be matched with it.
    let root = format!("{}/root", declared.id);
    let root_volume = Volume {
        arn: build.declare_resource(declared, "/root"),
        id: root.clone(),
        tags: volume_tags,
        state: not_yet(),
        encrypted: Observed::Unknown(unplanned(image)),
        kms_key: Observed::Unknown(unplanned(image)),
        attached_to: Observed::Known(vec![declared.id.to_owned()]),
        outpost_arn: Observed::Known(None),
    };
    build.stack_region().volumes.items.push(root_volume);
    volumes.push(root);

    let vpc_id = find_vpc(build, &properties);
    let instance = Instance {
        arn: build.declare_resource(declared, ""),
        id: declared.id.to_owned(),
        tags,
        state: not_yet(),
        root_device_type: Observed::Unknown(unplanned(image)),
        marketplace_codes: Observed::Unknown(unplanned(image)),
        volumes: complete.map(|()| volumes).into(),
        vpc_id,
        subnet_id: None,
        outpost_arn: Observed::Known(None),
    };
    build.stack_region().instances.items.push(instance);
}

/// Reads the tags of an instance, and those of the volumes that are created with it.
fn read_instance_tags(
    build: &Build<'_>,
    properties: &Resolved,
    by_template: bool,
) -> (Observed<Tags>, Observed<Tags>) {
    let own_tags = build.tags(properties, "Tags");
    let tags = match &own_tags {
        // A launch template may add tags.
        Observed::Known(known)
            if by_template
                && BackupTag::from_tags(&own_tags, build.tag_key()) == BackupTag::None
                && !known.contains_key(build.tag_key()) =>
        {
            Observed::Unknown(unplanned("its launch template may tag it"))
        }
        _ => own_tags,
    };
    let propagates = properties
        .get("PropagateTagsToVolumeOnCreation")
        .as_boolean();
    let volume_tags = match propagates {
        Ok(Some(true)) => tags.clone(),
        Ok(_) if by_template => Observed::Unknown(unplanned("its launch template may tag it")),
        Ok(_) => Observed::Known(Tags::new()),
        Err(gap) => Observed::Unknown(gap),
    };
    (tags, volume_tags)
}

/// Lists the volumes of an instance's block device mappings, and adds their ids to `volumes`.
///
/// # Errors
/// Why there may be fewer or more of them.
fn read_mapped_volumes<'a>(
    build: &mut Build<'a>,
    declared: &Declared<'a>,
    tags: &Observed<Tags>,
    volumes: &mut Vec<String>,
) -> Result<(), Gap> {
    let mappings = build
        .template
        .properties(declared)
        .get("BlockDeviceMappings");
    let mut complete = Ok(());
    for (condition, mapping) in mappings.items().unwrap_or_else(|gap| {
        complete = Err(gap);
        Vec::new()
    }) {
        let ebs = mapping.get("Ebs");
        if ebs.is_absent() && !matches!(mapping, Resolved::Open(_)) {
            continue;
        }
        if let Some(open) = condition {
            complete = complete.and(Err(open.gap));
        }
        let device = mapping.get("DeviceName").text().ok().flatten();
        let part = device.unwrap_or_else(|| format!("/device{}", volumes.len()));
        let volume = Volume {
            arn: build.declare_resource(declared, &part),
            id: format!("{}{part}", declared.id),
            tags: tags.clone(),
            state: not_yet(),
            encrypted: read_encrypted(&ebs),
            kms_key: read_key(build, &ebs),
            attached_to: Observed::Known(vec![declared.id.to_owned()]),
            outpost_arn: Observed::Known(None),
        };
        let listed = &mut build.stack_region().volumes.items;
        match listed.iter_mut().find(|it| it.arn == volume.arn) {
            // The same device under another condition.
            Some(other) => {
                if let Err(gap) = &complete {
                    require_agreement(&mut other.encrypted, &volume.encrypted, gap);
                    require_agreement(&mut other.kms_key, &volume.kms_key, gap);
                }
            }
            None => {
                volumes.push(volume.id.clone());
                listed.push(volume);
            }
        }
    }
    complete
}

fn find_vpc(build: &Build<'_>, properties: &Resolved) -> Observed<Option<String>> {
    let mut subnet = properties.get("SubnetId");
    if let Ok(interfaces) = properties.get("NetworkInterfaces").items()
        && let Some((_, first)) = interfaces.first()
    {
        subnet = first.get("SubnetId");
    }
    let found = build
        .referenced_resource(&subnet, &["AWS::EC2::Subnet"])
        .map(|subnet| build.template.properties(&subnet).get("VpcId"))
        .and_then(|vpc| build.referenced_resource(&vpc, &["AWS::EC2::VPC"]));
    match found {
        Some(vpc) => Observed::Known(Some(vpc.id.to_owned())),
        None => Observed::Unknown(unplanned("its subnet is not part of the template")),
    }
}
