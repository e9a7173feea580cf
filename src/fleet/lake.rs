//! The tables of a run in a data lake: files that are complete or absent.

use std::fs::File;
use std::io::{Read, Seek};

use jiff::Timestamp;
use serde::Serialize;

use super::FleetError;
use super::run::summarize_run;
use crate::exit::{Exit, FailOn};
use crate::report::WriteError;
use crate::report::fleet::lake::{LakeFindings, LakeTables, TABLES};
use crate::report::fleet::summary::FleetReport;
use crate::store::Store;

/// The row that makes a run count, written last.
#[derive(Debug, Serialize)]
struct RunRow<'a> {
    run: &'a str,
    time: &'a str,
    accounts: usize,
    unseen: usize,
    exit_code: u8,
}

/// Writes the tables of a run, in one pass over its results, and returns its summary.
///
/// # Errors
/// The run cannot be read, or the lake cannot be written.
pub fn write_lake(
    store: &dyn Store,
    lake: &dyn Store,
    gate: FailOn,
    which: LakeFindings,
) -> Result<(FleetReport, Exit), FleetError> {
    let open = || tempfile::tempfile().map_err(WriteError::Io);
    let files = [open()?, open()?, open()?];
    let mut tables: Option<LakeTables<File>> = None;
    let summary = summarize_run(store, gate, None, &mut |fleet, result| {
        if tables.is_none() {
            let handle = |at: usize| files[at].try_clone().map_err(WriteError::Io);
            let outputs = [handle(0)?, handle(1)?, handle(2)?];
            tables = Some(LakeTables::new(fleet.run_id(), which, outputs)?);
        }
        if let (Some(tables), Some(line)) = (&mut tables, fleet.last_account()) {
            tables.add_account(line, result.and_then(|it| it.report.as_ref()))?;
        }
        Ok(())
    })?;
    let (report, _) = &summary;
    if let Some(tables) = tables {
        tables.finish()?;
    }
    let at = report.finished_at.clone().unwrap_or_default();
    let date = date_of(&at);
    for (mut file, table) in files.into_iter().zip(TABLES) {
        let mut content = Vec::new();
        let read = file.rewind().and_then(|()| file.read_to_end(&mut content));
        read.map_err(WriteError::Io)?;
        lake.put_document(
            &name_part(table, &date, &report.run, "-0001.parquet"),
            &content,
        )?;
    }
    let row = RunRow {
        run: &report.run,
        time: &at,
        accounts: report.outcomes.count_selected(),
        unseen: report.outcomes.count_unseen(),
        exit_code: report.exit_code,
    };
    let row = serde_json::to_string(&row).map_err(WriteError::from)? + "\n";
    let key = name_part("runs", &date, &report.run, ".json");
    lake.put_document(&key, row.as_bytes())?;
    Ok(summary)
}

/// Returns the partition of a time: its day in UTC.
fn date_of(at: &str) -> String {
    let time: Option<Timestamp> = at.parse().ok();
    let day = time.map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date());
    day.map_or_else(|| "unknown".to_owned(), |day| day.to_string())
}

fn name_part(table: &str, date: &str, run: &str, ending: &str) -> String {
    format!("{table}/date={date}/{run}{ending}")
}
