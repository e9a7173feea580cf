//! Storage gateways and the volumes of volume gateways.

use crate::model::size::Size;
use crate::model::storage_gateway::{Gateway, GatewayVolume};
use crate::model::{Gap, Observed};
use crate::source::defaults::TERRAFORM_GATEWAY_TYPE;
use crate::source::planned::Planned;

use super::item::Item;
use super::reader::Reader;
use super::view::View;

/// Reads the gateways and volumes of the plan.
pub(super) fn read_gateways<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.items_of("aws_storagegateway_gateway") {
        let view = item.view();
        let named = reader.identify_item(item, view.text("gateway_id"));
        let kind = view
            .text("gateway_type")
            .or_else(|| Ok(TERRAFORM_GATEWAY_TYPE));
        let gateway = Gateway {
            name: view.text("gateway_name").known().map(str::to_owned),
            tags: reader.read_tags(item),
            gateway_type: kind.map(str::to_owned),
            id: named.id,
            arn: named.arn,
        };
        reader.add_place(item, &gateway.arn, planned);
        planned
            .region_mut(&named.region)
            .gateways
            .items
            .push(gateway);
    }
    for kind in [
        "aws_storagegateway_cached_iscsi_volume",
        "aws_storagegateway_stored_iscsi_volume",
    ] {
        for item in reader.document.items_of(kind) {
            read_volume(reader, item, planned);
        }
    }
}

fn read_volume<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.identify_item(item, view.text("volume_id"));
    let volume = GatewayVolume {
        gateway: gateway_arn(reader, &view).unwrap_or_default(),
        tags: reader.read_tags(item),
        state: reader.read_state(&view, "volume_status"),
        kms_key: volume_key(reader, &view, planned).into(),
        size: Size::provisioned_bytes(view.known_number("volume_size_in_bytes")),
        id: named.id,
        arn: named.arn,
    };
    reader.add_place(item, &volume.arn, planned);
    planned
        .region_mut(&named.region)
        .gateway_volumes
        .items
        .push(volume);
}

/// Returns the ARN of the gateway of a volume, if it is known.
fn gateway_arn<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<String> {
    let kinds = ["aws_storagegateway_gateway"];
    let found = reader
        .linked_item(view, "gateway_arn", &kinds, &["arn", "id"])
        .ok()?;
    let named = found.map(|gateway| {
        reader
            .identify_item(gateway, gateway.view().text("gateway_id"))
            .arn
    });
    named.or_else(|| view.text("gateway_arn").known().map(str::to_owned))
}

/// Returns the KMS key of a volume; `None` for keys that S3 manages, the default.
///
/// Source: <https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_CreateCachediSCSIVolume.html>.
fn volume_key<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    planned: &mut Planned,
) -> Result<Option<String>, Gap> {
    if !view.flag("kms_encrypted").set_value()?.unwrap_or(false) {
        return Ok(None);
    }
    let named = reader.key_or_else(view, "kms_key", planned, || {
        Err(view.known_after_apply("kms_key"))
    });
    match named {
        Observed::Known(key) => Ok(key),
        Observed::Unknown(gap) => Err(gap),
    }
}
