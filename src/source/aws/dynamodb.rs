//! DynamoDB tables.

use std::sync::Arc;

use aws_sdk_dynamodb::types::{SseStatus, TableDescription};
use futures_util::future::join_all;

use crate::model::dynamodb::Table;
use crate::model::observed::{Listing, Observed};

use super::call::{Caller, Operation, Scope};
use super::session::Session;

const LIST_TABLES: Operation = Operation::new("dynamodb:ListTables");
const DESCRIBE_TABLE: Operation = Operation::new("dynamodb:DescribeTable");

/// What reading tables takes.
pub const OPERATIONS: &[Operation] = &[LIST_TABLES, DESCRIBE_TABLE];

/// The largest page: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_ListTables.html>.
const PAGE: i32 = 100;

/// The tables of a region. Their tags are for the caller to add.
pub async fn collect(session: &Session, caller: &Arc<Caller>, region: &str) -> Listing<Table> {
    let scope = caller.scope(region, "dynamodb");
    let client = session.dynamodb(region);
    let pages = client.list_tables().limit(PAGE).into_paginator().send();
    let names = scope
        .list(LIST_TABLES, pages, |page| {
            page.table_names
                .map(|names| names.into_iter().map(Some).collect())
        })
        .await;
    Listing {
        items: described(session, &scope, region, names.items).await,
        gap: names.gap,
    }
}

/// Some tables. Their tags are for the caller to add.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    names: &[String],
) -> Listing<Table> {
    let scope = caller.scope(region, "dynamodb");
    Listing::complete(described(session, &scope, region, names.to_vec()).await)
}

async fn described(
    session: &Session,
    scope: &Scope,
    region: &str,
    names: Vec<String>,
) -> Vec<Table> {
    let client = session.dynamodb(region);
    let tables = join_all(names.into_iter().map(|name| {
        let client = &client;
        async move {
            let call = client.describe_table().table_name(&name).send();
            // A table that went away between the two calls is no gap.
            let answer = scope
                .find(DESCRIBE_TABLE, &["ResourceNotFoundException"], call)
                .await;
            let arn = session.arn("dynamodb", region, &format!("table/{name}"));
            match answer {
                Ok(None) => None,
                Ok(Some(answer)) => Some(table_of(arn, name, answer.table.unwrap_or_else(empty))),
                Err(gap) => Some(Table {
                    arn,
                    id: name,
                    tags: Observed::default(),
                    state: Observed::Unknown(gap.clone()),
                    kms_key: Observed::Unknown(gap),
                }),
            }
        }
    }))
    .await;
    tables.into_iter().flatten().collect()
}

fn empty() -> TableDescription {
    TableDescription::builder().build()
}

fn table_of(arn: String, name: String, table: TableDescription) -> Table {
    let state = table.table_status.map(|status| status.as_str().to_owned());
    // AWS leaves the description out where DynamoDB owns the key, and keeps it, disabled, where the
    // table went back to that.
    let encryption = table
        .sse_description
        .filter(|it| it.status != Some(SseStatus::Disabled));
    Table {
        arn: table.table_arn.unwrap_or(arn),
        id: name,
        tags: Observed::default(),
        kms_key: match encryption {
            None if state.is_none() => DESCRIBE_TABLE.field(None, "TableStatus"),
            None => Observed::Known(None),
            Some(encryption) => DESCRIBE_TABLE
                .field(encryption.kms_master_key_arn, "KMSMasterKeyArn")
                .map(Some),
        },
        state: DESCRIBE_TABLE.field(state, "TableStatus"),
    }
}
