//! Changes that mend findings: which there are, and what each dialect makes of them.

use backup_check::evaluate::{Options, evaluate};
use backup_check::fix::{Change, Wanted, changes};
use backup_check::model::Snapshot;
use backup_check::report::Report;
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use serde_json::Value;

/// The report of a snapshot, and the changes that mend what is wanted of it.
pub fn mended(snapshot: Value, wanted: &Wanted) -> (Report, Vec<Change>) {
    let snapshot: Snapshot = serde_json::from_value(snapshot).unwrap();
    let settings = Settings::default();
    let report = evaluate(&snapshot, &settings, &Options::default(), &ALL);
    let changes = changes(&snapshot, &settings, &report, wanted);
    (report, changes)
}

/// What a dialect writes.
pub fn script(report: &Report, changes: &[Change]) -> String {
    let mut out = Vec::new();
    backup_check::fix::aws_cli::write(report, changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn show() {
    let (report, changes) = mended(
        crate::formats::snapshot("mixed"),
        &Wanted::FailingAndWarning,
    );
    std::fs::write("/tmp/x/fix.sh", script(&report, &changes)).unwrap();
    let (report, changes) = mended(crate::formats::hostile(), &Wanted::FailingAndWarning);
    std::fs::write("/tmp/x/fixh.sh", script(&report, &changes)).unwrap();
}
