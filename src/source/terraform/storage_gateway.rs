//! Storage gateways, and the volumes of volume gateways.

use crate::model::storage_gateway::{Gateway, GatewayVolume};
use crate::model::{Gap, Observed};
use crate::source::planned::Planned;

use super::document::Item;
use super::reader::Reader;
use super::view::View;

/// Reads gateways and volumes.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.of("aws_storagegateway_gateway") {
        let view = item.view();
        let named = reader.named(item, view.text("gateway_id"));
        // The provider's default.
        let kind = view.text("gateway_type").or(|| Ok("STORED"));
        let gateway = Gateway {
            name: view.text("gateway_name").known().map(str::to_owned),
            tags: reader.tags(item),
            gateway_type: kind.map(str::to_owned),
            id: named.id,
            arn: named.arn,
        };
        reader.place(item, &gateway.arn, planned);
        planned.region(&named.region).gateways.items.push(gateway);
    }
    for kind in [
        "aws_storagegateway_cached_iscsi_volume",
        "aws_storagegateway_stored_iscsi_volume",
    ] {
        for item in reader.document.of(kind) {
            volume(reader, item, planned);
        }
    }
}

fn volume<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let named = reader.named(item, view.text("volume_id"));
    let volume = GatewayVolume {
        gateway: gateway(reader, &view).unwrap_or_default(),
        tags: reader.tags(item),
        state: reader.state(&view, "volume_status"),
        kms_key: key(reader, &view, planned).into(),
        id: named.id,
        arn: named.arn,
    };
    reader.place(item, &volume.arn, planned);
    planned
        .region(&named.region)
        .gateway_volumes
        .items
        .push(volume);
}

fn gateway<'a>(reader: &Reader<'a>, view: &View<'a>) -> Option<String> {
    let kinds = ["aws_storagegateway_gateway"];
    let found = reader
        .linked(view, "gateway_arn", &kinds, &["arn", "id"])
        .ok()?;
    let named = found.map(|gateway| reader.named(gateway, gateway.view().text("gateway_id")).arn);
    named.or_else(|| view.text("gateway_arn").known().map(str::to_owned))
}

/// The key of a volume: S3's own where nothing is set.
///
/// Source: <https://docs.aws.amazon.com/storagegateway/latest/APIReference/API_CreateCachediSCSIVolume.html>.
fn key<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    planned: &mut Planned,
) -> Result<Option<String>, Gap> {
    if !view.flag("kms_encrypted").set()?.unwrap_or(false) {
        return Ok(None);
    }
    let named = reader.key_or(view, "kms_key", planned, || Err(view.later("kms_key")));
    match named {
        Observed::Known(key) => Ok(key),
        Observed::Unknown(gap) => Err(gap),
    }
}
