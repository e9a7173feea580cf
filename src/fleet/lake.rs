//! The tables of a run in a data lake: files that are complete or absent.

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::FleetError;
use super::run::summarize_run;
use crate::exit::{Exit, FailOn};
use crate::report::WriteError;
use crate::report::fleet::lake::{LakeFindings, LakeTables, TABLES};
use crate::report::fleet::summary::FleetReport;
use crate::store::{Folder, Store};

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
    lake: &Path,
    gate: FailOn,
    which: LakeFindings,
) -> Result<(FleetReport, Exit), FleetError> {
    let folder = Folder::create(lake)?;
    let open = || {
        tempfile::Builder::new()
            .prefix(".backup-check-")
            .tempfile_in(lake)
    };
    let files = [open(), open(), open()];
    let [findings, resources, accounts] = files.map(|file| file.map_err(WriteError::Io));
    let files = [findings?, resources?, accounts?];
    let handle = |at: usize| -> Result<File, WriteError> { Ok(files[at].reopen()?) };
    let mut tables: Option<LakeTables<File>> = None;
    let summary = summarize_run(store, gate, None, &mut |fleet, result| {
        if tables.is_none() {
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
        for file in tables.finish()? {
            file.sync_all().map_err(WriteError::Io)?;
        }
    }
    let at = report.finished_at.clone().unwrap_or_default();
    let date = date_of(&at);
    for (file, table) in files.into_iter().zip(TABLES) {
        let path = lake.join(part_path(table, &date, &report.run, "-0001.parquet"));
        keep_file(file, &path).map_err(WriteError::Io)?;
    }
    let row = RunRow {
        run: &report.run,
        time: &at,
        accounts: report.outcomes.count_selected(),
        unseen: report.outcomes.count_unseen(),
        exit_code: report.exit_code,
    };
    let row = serde_json::to_string(&row).map_err(WriteError::from)? + "\n";
    let key = part_path("runs", &date, &report.run, ".json");
    folder.put_document(&key.to_string_lossy(), row.as_bytes())?;
    Ok(summary)
}

/// Returns the partition of a time: its day in UTC.
fn date_of(at: &str) -> String {
    let time: Option<Timestamp> = at.parse().ok();
    let day = time.map(|time| time.to_zoned(jiff::tz::TimeZone::UTC).date());
    day.map_or_else(|| "unknown".to_owned(), |day| day.to_string())
}

fn part_path(table: &str, date: &str, run: &str, ending: &str) -> PathBuf {
    Path::new(table)
        .join(format!("date={date}"))
        .join(format!("{run}{ending}"))
}

fn keep_file(file: tempfile::NamedTempFile, path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
