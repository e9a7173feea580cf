//! AMIs that plans and templates may launch instances from: those that the account owns, those that its instances and
//! launch templates use, and those that a file names.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{BlockDeviceMapping, Filter, ProductCodeValues};
use futures_util::future::join_all;

use crate::model::ec2::Instance;
use crate::model::image::{Image, ImageVolume};
use crate::model::observed::{Gap, GapKind, Listing, Observed};
use crate::model::size::Size;

use super::ec2::{PAGE, build_filters};
use super::listing::join_listings;
use super::operation::{
    DESCRIBE_IMAGES, DESCRIBE_SNAPSHOTS, DESCRIBE_TEMPLATES, Operation, ResponseText,
};
use super::reader::RegionReader;

/// API operations used to read images.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_IMAGES, DESCRIBE_SNAPSHOTS, DESCRIBE_TEMPLATES];

/// The largest page of versions of launch templates:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeLaunchTemplateVersions.html>.
const TEMPLATE_PAGE: i32 = 200;

/// An image with what is needed to find the keys of its volumes.
struct Described {
    image: Image,
    owner: Option<String>,
    /// The snapshots of its volumes, in their order.
    snapshots: Vec<Option<String>>,
}

/// A snapshot that an image refers to.
struct Snapshot {
    id: String,
    owner: Observed<String>,
    key: Option<String>,
}

/// Lists the images that the account owns, those that its instances and launch templates use, and some others.
pub async fn list_images(
    reader: &RegionReader<'_>,
    instances: &[Instance],
    others: &BTreeSet<String>,
) -> Listing<Image> {
    let (own, of_templates) =
        tokio::join!(describe_images(reader, None), list_template_images(reader),);
    let known: BTreeSet<&String> = own.items.iter().map(|it| &it.image.id).collect();
    let of_instances = instances.iter().filter_map(|it| it.image_id.as_ref());
    let used = of_instances.chain(&of_templates.items).chain(others);
    let used: BTreeSet<&String> = used.filter(|it| !known.contains(it)).collect();
    let used: Vec<String> = used.into_iter().cloned().collect();
    // A filter, because AWS rejects a call with an id that does not exist.
    let filters = build_filters("image-id", &used).into_iter();
    let found = join_all(filters.map(|filter| describe_images(reader, Some(filter)))).await;
    let described = join_listings([own].into_iter().chain(found));
    let snapshots = describe_snapshots(reader, &described.items).await;
    let images = described.items.into_iter();
    Listing {
        items: images.map(|it| it.with_keys(reader, &snapshots)).collect(),
        gap: described.gap.or(of_templates.gap),
    }
}

/// Describes the images that a filter selects; without one, those that the account owns.
async fn describe_images(reader: &RegionReader<'_>, filter: Option<Filter>) -> Listing<Described> {
    let calls = reader.begin_service("ec2");
    let call = reader.session.clients.ec2(reader.region).describe_images();
    let call = match filter {
        Some(filter) => call.filters(filter),
        None => call.owners("self"),
    };
    // Instances can be launched from deprecated images, but not from disabled ones.
    let pages = call.include_deprecated(true).max_results(PAGE);
    let pages = pages.into_paginator().send();
    calls
        .list_items(DESCRIBE_IMAGES, pages, |page| {
            Some(
                page.images?
                    .into_iter()
                    .map(Described::from_image)
                    .collect(),
            )
        })
        .await
}

/// Lists the images of the default and the latest versions of the launch templates.
async fn list_template_images(reader: &RegionReader<'_>) -> Listing<String> {
    let calls = reader.begin_service("ec2");
    let call = reader
        .session
        .clients
        .ec2(reader.region)
        .describe_launch_template_versions();
    // Without the id of a template, these are the versions of all templates.
    let call = call.versions("$Latest").versions("$Default");
    let pages = call.max_results(TEMPLATE_PAGE).into_paginator().send();
    let found = calls
        .list_items(DESCRIBE_TEMPLATES, pages, |page| {
            let versions = page.launch_template_versions?.into_iter();
            let images =
                versions.map(|it| it.launch_template_data.and_then(|it| it.image_id.filled()));
            Some(images.map(|it| Some(it.unwrap_or_default())).collect())
        })
        .await;
    // The others have no image, or a parameter of Systems Manager that names it.
    let images = found.items.into_iter().filter(|it| it.starts_with("ami-"));
    Listing {
        items: images.collect(),
        gap: found.gap,
    }
}

/// Describes the encrypted snapshots of images. Those that another account shares only with the image are missing.
async fn describe_snapshots(reader: &RegionReader<'_>, images: &[Described]) -> Listing<Snapshot> {
    let pairs = images
        .iter()
        .flat_map(|it| it.image.volumes.iter().zip(&it.snapshots));
    let encrypted = pairs.filter(|(volume, _)| volume.encrypted == Observed::Known(true));
    let ids: BTreeSet<&String> = encrypted
        .filter_map(|(_, snapshot)| snapshot.as_ref())
        .collect();
    let ids: Vec<String> = ids.into_iter().cloned().collect();
    let calls = reader.begin_service("ebs");
    let listings = build_filters("snapshot-id", &ids)
        .into_iter()
        .map(|filter| {
            let call = reader
                .session
                .clients
                .ec2(reader.region)
                .describe_snapshots();
            let pages = call
                .filters(filter)
                .max_results(PAGE)
                .into_paginator()
                .send();
            calls.list_items(DESCRIBE_SNAPSHOTS, pages, |page| {
                let snapshots = page.snapshots?.into_iter().map(|it| {
                    Some(Snapshot {
                        id: it.snapshot_id.filled()?,
                        owner: DESCRIBE_SNAPSHOTS.require_text(it.owner_id, "OwnerId"),
                        key: it.kms_key_id.filled(),
                    })
                });
                Some(snapshots.collect())
            })
        });
    join_listings(join_all(listings).await)
}

impl Described {
    fn from_image(image: aws_sdk_ec2::types::Image) -> Option<Self> {
        let operation = DESCRIBE_IMAGES;
        let state = image.state.map(|it| it.as_str().to_owned());
        let root_device_type = image.root_device_type.map(|it| it.as_str().to_owned());
        let codes = image.product_codes.unwrap_or_default();
        let is_typed = codes.iter().all(|it| {
            let kind = it.product_code_type.as_ref();
            kind.map(|it| it.as_str().to_owned()).filled().is_some()
        });
        let of_marketplace = codes
            .into_iter()
            .filter(|it| it.product_code_type == Some(ProductCodeValues::Marketplace));
        let codes = of_marketplace.filter_map(|it| it.product_code_id.filled());
        let codes = is_typed.then(|| codes.collect());
        let mappings = image.block_device_mappings.unwrap_or_default().into_iter();
        let mapped = mappings.filter(|it| it.ebs.is_some()).map(volume_from);
        // An image of which a volume is not known is not known.
        let (volumes, snapshots) = mapped.collect::<Option<Vec<_>>>()?.into_iter().unzip();
        let image_from = |id| Image {
            id,
            state: operation.require_text(state, "State"),
            root_device_type: operation.require_text(root_device_type, "RootDeviceType"),
            root_device: operation.require_text(image.root_device_name, "RootDeviceName"),
            marketplace_codes: operation.require_field(codes, "type in a product code"),
            volumes,
        };
        Some(Described {
            image: image_from(image.image_id.filled()?),
            owner: image.owner_id.filled(),
            snapshots,
        })
    }

    /// Returns the image with the keys of its volumes.
    fn with_keys(self, reader: &RegionReader<'_>, snapshots: &Listing<Snapshot>) -> Image {
        let account = &reader.session.account;
        let mut image = self.image;
        let is_foreign = self.owner.as_ref().is_some_and(|it| it != account);
        for (volume, id) in image.volumes.iter_mut().zip(&self.snapshots) {
            if volume.encrypted != Observed::Known(true) {
                continue;
            }
            let found = snapshots.find(|it| Some(&it.id) == id.as_ref());
            volume.kms_key = match found {
                Ok(Some(snapshot)) => match &snapshot.owner {
                    Observed::Known(owner) if owner != account => Observed::Known(None),
                    Observed::Known(_) => DESCRIBE_SNAPSHOTS
                        .require_text(snapshot.key.clone(), "KmsKeyId")
                        .map(Some),
                    Observed::Unknown(gap) => Observed::Unknown(gap.clone()),
                },
                // A snapshot of this account is in its list.
                Ok(None) if is_foreign => Observed::Known(None),
                Ok(None) => Observed::Unknown(Gap::new(
                    GapKind::Unreadable,
                    "the account does not list the snapshot of its image",
                )),
                Err(gap) => Observed::Unknown(gap),
            };
        }
        image
    }
}

/// Returns an EBS volume of a block device mapping, with the id of its snapshot; `None` if it has no name.
fn volume_from(mapping: BlockDeviceMapping) -> Option<(ImageVolume, Option<String>)> {
    let ebs = mapping.ebs?;
    let size = DESCRIBE_IMAGES.require_field(ebs.volume_size, "VolumeSize");
    let encrypted = DESCRIBE_IMAGES.require_field(ebs.encrypted, "Encrypted");
    let volume = ImageVolume {
        device: mapping.device_name.filled()?,
        kms_key: encrypted.get().map(|_| None).into(),
        encrypted,
        size: Size::provisioned_gib(size.map(i64::from)),
    };
    Some((volume, ebs.snapshot_id.filled()))
}
