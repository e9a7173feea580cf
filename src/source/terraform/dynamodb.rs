//! DynamoDB tables and their replicas in other regions.

use crate::model::dynamodb::Table;
use crate::model::place::TableReplica;
use crate::model::tag::Tags;
use crate::model::{Gap, Observed};
use crate::source::defaults::{DYNAMODB_KEY, DYNAMODB_KMS_ENCRYPTION};
use crate::source::planned::{Planned, unplanned};

use super::item::Item;
use super::reader::{Reader, mark_incomplete};
use super::tags::TagResources;
use super::view::{Fact, View};

/// Reads the tables of the plan.
pub(super) fn read_tables<'a>(reader: &Reader<'a>, planned: &mut Planned) {
    let kind = "aws_dynamodb_table";
    let more_tags = TagResources::of_type(reader, "aws_dynamodb_tag", "resource_arn", &[kind]);
    for item in reader.document.items_of(kind) {
        let view = item.view();
        let named = reader.identify_item(item, view.text("name"));
        let tags = reader.read_tags(item);
        let table = Table {
            kms_key: table_key(reader, &view, planned),
            size: Observed::default(),
            state: reader.read_state(&view, "table_status"),
            tags: more_tags.add_to(reader, item, tags.clone()),
            id: named.id.clone(),
            arn: named.arn,
        };
        reader.add_place(item, &table.arn, planned);
        planned.region_mut(&named.region).tables.items.push(table);
        read_replicas(reader, item, &named.id, (&tags, &more_tags), planned);
    }
    for item in reader.document.items_of("aws_dynamodb_table_replica") {
        read_replica(reader, item, planned);
    }
}

/// Reads a replica that is a resource itself, with its own tags.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/dynamodb_table_replica>.
fn read_replica<'a>(reader: &Reader<'a>, item: &'a Item<'a>, planned: &mut Planned) {
    let view = item.view();
    let kinds = ["aws_dynamodb_table"];
    let table = reader.linked_item(&view, "global_table_arn", &kinds, &["arn"]);
    let named = reader.identify_item(item, view.text("id"));
    // A replica that names no key is encrypted as the table is, with the key of its region.
    let kms_key = reader.key_or_else(&view, "kms_key_arn", planned, || match &table {
        Ok(Some(table)) if is_plain(&table.view()) => Ok(None),
        _ => Err(view.known_after_apply("kms_key_arn")),
    });
    let table = table.ok().flatten();
    let name = table.and_then(|it| it.view().text("name").known());
    let replica = Table {
        id: name.map_or(named.id, str::to_owned),
        tags: reader.read_tags(item),
        state: reader.read_state(&view, "table_status"),
        kms_key,
        size: Observed::default(),
        arn: named.arn,
    };
    reader.add_place(item, &replica.arn, planned);
    planned.declaration_mut(&replica.arn).replica = Some(TableReplica::Resource);
    planned.region_mut(&named.region).tables.items.push(replica);
}

/// Whether a table is encrypted with an AWS owned key, the default.
fn is_plain(view: &View<'_>) -> bool {
    view.blocks("server_side_encryption")
        .set_value()
        .is_ok_and(|blocks| {
            let blocks = blocks.unwrap_or_default();
            blocks
                .iter()
                .all(|it| it.flag("enabled").known() == Some(false))
        })
}

/// Returns the KMS key of a table; `None` for an AWS owned key, the default.
fn table_key<'a>(
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
        return restored_key(reader, view, planned);
    };
    match block
        .flag("enabled")
        .or_else(|| Ok(DYNAMODB_KMS_ENCRYPTION))
    {
        Observed::Known(false) => Observed::Known(None),
        Observed::Known(true) => reader.key_or_else(block, "kms_key_arn", planned, || {
            Ok(Some(DYNAMODB_KEY.to_owned()))
        }),
        Observed::Unknown(gap) => Observed::Unknown(gap),
    }
}

/// Returns the key of a table without encryption settings: that of the table which it is restored from, or else an AWS
/// owned key.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html>.
fn restored_key<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    planned: &mut Planned,
) -> Observed<Option<String>> {
    if view.item.exists {
        return Observed::Known(None);
    }
    let by = ["name", "arn"];
    for name in ["restore_source_name", "restore_source_table_arn"] {
        match reader.linked_item(view, name, &["aws_dynamodb_table"], &by) {
            Ok(Some(source)) if source.address != view.item.address => {
                return table_key(reader, &source.view(), planned);
            }
            Ok(_) => {}
            Err(gap) => return Observed::Unknown(gap),
        }
    }
    let sources = [
        "restore_source_name",
        "restore_source_table_arn",
        "restore_backup_arn",
    ];
    let mut sources = sources.into_iter();
    match sources.find(|it| !matches!(view.fact(it), Fact::Unset | Fact::Computed(_))) {
        None => Observed::Known(None),
        Some(name) => Observed::Unknown(unplanned(format!(
            "the key of {} is that of its {name}, which is not in the plan",
            view.item.address
        ))),
    }
}

/// Reads the replicas of a table in other regions, each with its own key.
fn read_replicas<'a>(
    reader: &Reader<'a>,
    item: &'a Item<'a>,
    name: &str,
    (tags, more_tags): (&Observed<Tags>, &TagResources<'a>),
    planned: &mut Planned,
) {
    let view = item.view();
    let blocks = match view.blocks("replica") {
        Fact::Known(blocks) => blocks,
        Fact::Unset | Fact::Computed(_) => return,
        Fact::Open(gap) => {
            let region = reader.places.region_of(item);
            return mark_incomplete(&mut planned.region_mut(&region).tables, gap);
        }
    };
    for block in blocks {
        let region: Result<&str, Gap> = block
            .text("region_name")
            .final_value()
            .map(Option::unwrap_or_default);
        let region = match region {
            Ok(region) => region.to_owned(),
            Err(gap) => {
                let region = reader.places.region_of(item);
                mark_incomplete(&mut planned.region_mut(&region).tables, gap);
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
            // A replica that names no key is encrypted as the table is, with the key of its region.
            Fact::Unset | Fact::Computed(_) => match table_key(reader, &view, planned) {
                Observed::Known(Some(key)) if key != DYNAMODB_KEY => {
                    Observed::Unknown(block.known_after_apply("kms_key_arn of a replica"))
                }
                other => other,
            },
            _ => reader.key_or_else(&block, "kms_key_arn", planned, || Ok(None)),
        };
        let own_tags = match block.flag("propagate_tags").or_else(|| Ok(false)) {
            Observed::Known(true) => tags.clone(),
            Observed::Known(false) => Observed::Known(Tags::new()),
            Observed::Unknown(gap) => Observed::Unknown(gap),
        };
        let table = Table {
            id: name.to_owned(),
            tags: more_tags.add_in(reader, item, &region, own_tags),
            state: reader.read_state(&block, "table_status"),
            kms_key,
            size: Observed::default(),
            arn,
        };
        reader.add_place(item, &table.arn, planned);
        let replica = TableReplica::Block(region.clone());
        planned.declaration_mut(&table.arn).replica = Some(replica);
        planned.region_mut(&region).tables.items.push(table);
    }
}
