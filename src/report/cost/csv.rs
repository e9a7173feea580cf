//! An estimate as CSV, RFC 4180: one row per account, type, region and payer.

use std::io::Write;

use super::json::round_number;
use crate::cost::billing::Payer;
use crate::cost::estimate::{AccountEstimate, Estimate};
use crate::cost::line::{Cost, Line};
use crate::cost::volume::to_gib;
use crate::report::WriteError;
use crate::report::csv::{start_table, to_write_error};

/// The columns. New ones are appended, so existing columns keep their positions.
const COLUMNS: [&str; 21] = [
    "account_id",
    "region",
    "resource_type",
    "resources",
    "gib",
    "basis",
    "unknown_sizes",
    "unknown_plans",
    "paid_by",
    "points_least",
    "points_most",
    "grows",
    "storage_one_full_copy_usd",
    "storage_planning_usd",
    "storage_ceiling_usd",
    "transfer_one_full_copy_usd",
    "transfer_planning_usd",
    "transfer_ceiling_usd",
    "lacks_price",
    "collected_at",
    "outcome",
];

/// Writes an estimate.
pub(super) fn write(estimate: &Estimate, out: &mut dyn Write) -> Result<(), WriteError> {
    let mut rows = start_table(&COLUMNS, out)?;
    let mut write_row = |cells: [String; COLUMNS.len()]| {
        let written = rows.write_record(cells);
        written.map_err(to_write_error)
    };
    if estimate.accounts.is_empty() {
        let account_id = estimate.account_id.clone().unwrap_or_default();
        for (line, payer) in list_rows(&estimate.lines) {
            write_row(row_cells(estimate, &account_id, "", line, payer))?;
        }
    }
    for account in &estimate.accounts {
        let outcome = account.outcome.as_str();
        for (line, payer) in list_rows(&account.lines) {
            write_row(row_cells(estimate, &account.id, outcome, line, payer))?;
        }
        if account.lines.is_empty() {
            write_row(empty_cells(account))?;
        }
    }
    rows.flush()?;
    Ok(())
}

/// Returns the rows of lines: one for each payer.
fn list_rows(lines: &[Line]) -> impl Iterator<Item = (&Line, Payer)> {
    lines
        .iter()
        .flat_map(|line| Payer::ALL.map(|payer| (line, payer)))
}

/// Returns the row of an account without lines, so that none is missing.
fn empty_cells(account: &AccountEstimate) -> [String; COLUMNS.len()] {
    COLUMNS.map(|column| match column {
        "account_id" => account.id.clone(),
        "outcome" => account.outcome.as_str().to_owned(),
        _ => String::new(),
    })
}

/// Returns a row. A figure that is not known is empty, never 0.
fn row_cells(
    estimate: &Estimate,
    account_id: &str,
    outcome: &str,
    line: &Line,
    payer: Payer,
) -> [String; COLUMNS.len()] {
    let side = line.side(payer);
    let point = |number: Option<u64>| number.map(|it| it.to_string()).unwrap_or_default();
    let is_known = |cost: Cost| {
        side.points.is_some() && line.basis.is_some() && !(cost.lacks_price && cost.usd.one == 0.0)
    };
    let amount = |cost: Cost, usd: f64, applies: bool| match applies && is_known(cost) {
        true => round_number(usd).to_string(),
        false => String::new(),
    };
    let (storage, transfer) = (side.storage, side.transfer);
    let is_planned = estimate.change_rate.is_some() && !side.grows;
    [
        account_id.to_owned(),
        line.region.clone(),
        line.kind.as_str().to_owned(),
        line.resources.to_string(),
        match line.basis {
            None => String::new(),
            Some(_) => round_number(to_gib(line.bytes)).to_string(),
        },
        super::json::basis_name(line).unwrap_or_default().to_owned(),
        line.unknown_sizes.to_string(),
        line.unknown_plans.to_string(),
        payer.as_str().to_owned(),
        point(side.points.map(|it| it.0)),
        point(side.points.map(|it| it.1)),
        side.grows.to_string(),
        amount(storage, storage.usd.one, true),
        amount(storage, storage.usd.planning, is_planned),
        amount(storage, storage.usd.ceiling, !side.grows),
        amount(transfer, transfer.usd.one, true),
        amount(transfer, transfer.usd.planning, is_planned),
        amount(transfer, transfer.usd.ceiling, !side.grows),
        (storage.lacks_price || transfer.lacks_price).to_string(),
        estimate.collected_at.clone(),
        outcome.to_owned(),
    ]
}
