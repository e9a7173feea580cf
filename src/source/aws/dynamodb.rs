//! DynamoDB tables.

use aws_sdk_dynamodb::types::{SseStatus, TableDescription};
use futures_util::future::join_all;

use crate::model::ResourceKind;
use crate::model::dynamodb::Table;
use crate::model::observed::{Listing, Observed};
use crate::model::selection::Target;
use crate::model::service::Service;
use crate::model::size::Size;

use super::call::ServiceCalls;
use super::key_requests::ListOrder;
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;
use super::service_reader::{ServiceReader, TagSource, store};

const LIST_TABLES: Operation = Operation::new("dynamodb:ListTables");
const DESCRIBE_TABLE: Operation = Operation::new("dynamodb:DescribeTable");

/// The reader of tables.
pub const READER: ServiceReader = ServiceReader {
    services: &[Service::Dynamodb],
    operations: &[LIST_TABLES, DESCRIBE_TABLE],
    tags: TagSource::Tagging(&["dynamodb:table"]),
    finds_one_by_one: false,
    order: ListOrder::Second,
    list: |reader| {
        Box::pin(async move {
            let found = list_tables(reader).await;
            store(|region| region.tables = found)
        })
    },
    find: |reader, targets| {
        Box::pin(async move {
            let names = Target::ids_of(targets, ResourceKind::DynamodbTable);
            let calls = reader.begin_service("dynamodb");
            let found = describe_tables(reader, &calls, names).await;
            store(|region| region.tables = Listing::complete(found))
        })
    },
};

/// The largest page: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html>.
const PAGE: i32 = 100;

/// Lists the tables of a region. Their tags are added later.
async fn list_tables(reader: &RegionReader<'_>) -> Listing<Table> {
    let calls = reader.begin_service("dynamodb");
    let client = reader.session.clients.dynamodb(reader.region);
    let pages = client.list_tables().limit(PAGE).into_paginator().send();
    let names = calls
        .list_items(LIST_TABLES, pages, |page| {
            page.table_names
                .map(|names| names.into_iter().map(ResponseText::filled).collect())
        })
        .await;
    Listing {
        items: describe_tables(reader, &calls, names.items).await,
        gap: names.gap,
    }
}

async fn describe_tables(
    reader: &RegionReader<'_>,
    calls: &ServiceCalls,
    names: Vec<String>,
) -> Vec<Table> {
    let client = &reader.session.clients.dynamodb(reader.region);
    let tables = join_all(names.into_iter().map(|name| async move {
        let call = client.describe_table().table_name(&name).send();
        // A table that was deleted between the two calls is no gap.
        let response = calls
            .find_optional(DESCRIBE_TABLE, &["ResourceNotFoundException"], call)
            .await;
        let arn = reader.build_arn("dynamodb", &format!("table/{name}"));
        match response {
            Ok(None) => None,
            Ok(Some(response)) => {
                let description = response.table;
                let description = description.unwrap_or_else(empty_description);
                Some(table_from(arn, name, description))
            }
            Err(gap) => Some(Table {
                arn,
                id: name,
                tags: Observed::default(),
                state: Observed::Unknown(gap.clone()),
                size: Observed::Unknown(gap.clone()),
                kms_key: Observed::Unknown(gap),
            }),
        }
    }))
    .await;
    tables.into_iter().flatten().collect()
}

fn empty_description() -> TableDescription {
    TableDescription::builder().build()
}

fn table_from(arn: String, name: String, table: TableDescription) -> Table {
    let state = table
        .table_status
        .and_then(|status| status.as_str().to_owned().filled());
    // The description is missing for an AWS owned key. It remains, with the status DISABLED, after a
    // table is switched back to an AWS owned key.
    let encryption = table
        .sse_description
        .filter(|it| it.status != Some(SseStatus::Disabled));
    Table {
        arn: table.table_arn.filled().unwrap_or(arn),
        id: name,
        tags: Observed::default(),
        size: Size::measured_bytes(
            DESCRIBE_TABLE.require_field(table.table_size_bytes, "TableSizeBytes"),
        ),
        kms_key: match encryption {
            None if state.is_none() => DESCRIBE_TABLE.require_field(None, "TableStatus"),
            None => Observed::Known(None),
            Some(encryption) => DESCRIBE_TABLE
                .require_text(encryption.kms_master_key_arn, "KMSMasterKeyArn")
                .map(Some),
        },
        state: DESCRIBE_TABLE.require_text(state, "TableStatus"),
    }
}
