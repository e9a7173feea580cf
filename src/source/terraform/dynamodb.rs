//! DynamoDB tables, with their replicas in other regions.

use crate::model::dynamodb::Table;
use crate::model::tag::Tags;
use crate::model::{Gap, Observed};
use crate::source::planned::Planned;

use super::document::Item;
use super::reader::{Reader, widen};
use super::view::{Fact, View};

/// The key where encryption with KMS is switched on and no key is named.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html>.
const MANAGED: &str = "alias/aws/dynamodb";

/// Reads the tables.
pub(super) fn read<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    for item in reader.document.of("aws_dynamodb_table") {
        let view = item.view();
        let named = reader.named(item, view.text("name"));
        let tags = reader.tags(item);
        let table = Table {
            kms_key: key(reader, &view, planned),
            state: reader.state(&view, "table_status"),
            tags: tags.clone(),
            id: named.id.clone(),
            arn: named.arn,
        };
        reader.place(item, &table.arn, planned);
        planned.region(&named.region).tables.items.push(table);
        replicas(reader, item, &named.id, &tags, planned);
    }
}

/// The key of a table: DynamoDB's own where nothing is set.
fn key<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    planned: &mut Planned,
) -> Observed<Option<String>> {
    let blocks = match view.blocks("server_side_encryption") {
        Fact::Known(blocks) => blocks,
        Fact::Unset | Fact::Computed(_) => Vec::new(),
        Fact::Open(gap) => return Observed::Unknown(gap),
    };
    let Some(block) = blocks.first() else {
        return Observed::Known(None);
    };
    match block.flag("enabled").or(|| Ok(false)) {
        Observed::Known(false) => Observed::Known(None),
        Observed::Known(true) => reader.key_or(block, "kms_key_arn", planned, || {
            Ok(Some(MANAGED.to_owned()))
        }),
        Observed::Unknown(gap) => Observed::Unknown(gap),
    }
}

/// The same table in other regions, each with a key of its own.
fn replicas<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    name: &str,
    tags: &Observed<Tags>,
    planned: &mut Planned,
) {
    let view = item.view();
    let blocks = match view.blocks("replica") {
        Fact::Known(blocks) => blocks,
        Fact::Unset | Fact::Computed(_) => return,
        Fact::Open(gap) => {
            let region = reader.places.region(item);
            return widen(&mut planned.region(&region).tables, gap);
        }
    };
    for block in blocks {
        let region: Result<&str, Gap> = block
            .text("region_name")
            .chosen()
            .map(Option::unwrap_or_default);
        let region = match region {
            Ok(region) => region.to_owned(),
            Err(gap) => {
                let region = reader.places.region(item);
                widen(&mut planned.region(&region).tables, gap);
                continue;
            }
        };
        let arn = block.text("arn").known().filter(|_| item.exists);
        let arn = arn.map_or_else(
            || format!("{}.replica[{region:?}]", item.address),
            str::to_owned,
        );
        let own_key = block.text("kms_key_arn");
        let kms_key = match own_key {
            // Without one it is encrypted as the table is, under the key of its own region.
            Fact::Unset | Fact::Computed(_) => match key(reader, &view, planned) {
                Observed::Known(Some(key)) if key != MANAGED => {
                    Observed::Unknown(block.later("kms_key_arn of a replica"))
                }
                other => other,
            },
            _ => reader.key_or(&block, "kms_key_arn", planned, || Ok(None)),
        };
        let table = Table {
            id: name.to_owned(),
            tags: match block.flag("propagate_tags").or(|| Ok(false)) {
                Observed::Known(true) => tags.clone(),
                Observed::Known(false) => Observed::Known(Tags::new()),
                Observed::Unknown(gap) => Observed::Unknown(gap),
            },
            state: reader.state(&block, "table_status"),
            kms_key,
            arn,
        };
        reader.place(item, &table.arn, planned);
        planned.region(&region).tables.items.push(table);
    }
}
