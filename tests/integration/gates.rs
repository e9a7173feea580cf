//! Waivers and baselines: their effect on the gate and on reports.

use std::fs;
use std::path::Path;

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::{Exit, FailOn};
use backup_check::model::Snapshot;
use backup_check::report::baseline::Earlier;
use backup_check::report::{Baseline, Report, StaleState, Status};
use backup_check::rules::ALL;
use backup_check::settings::{Config, Settings};
use jiff::civil::date;
use serde_json::{Value, json};

use crate::formats;
use crate::support::command::{Run, backup_check, run};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "ap-southeast-1";
const BUCKET: &str = "arn:aws:s3:::sg-edge-logs-111122223333";
const RULE: &str = "s3-versioning-enabled";

fn waiver(rule: &str, resource: &str, expires: &str) -> String {
    format!(
        "[[waiver]]\nrule = {rule:?}\nresource = {resource:?}\nreason = \"moves in Q2\"\nowner = \"team-edge\"\nexpires = {expires:?}\n"
    )
}

/// Returns the report on a region in which one bucket fails one rule, evaluated on a day.
fn report_on(config: &str, today: (i16, i8, i8)) -> Report {
    report_of(snapshot(), config, today)
}

fn report_of(snapshot: Snapshot, config: &str, (year, month, day): (i16, i8, i8)) -> Report {
    let config = Config::parse(config).unwrap();
    let options = Options {
        waivers: config.waivers,
        today: Some(date(year, month, day)),
        ..Options::default()
    };
    evaluate(&snapshot, &Settings::default(), &options, &ALL)
}

/// Returns one region of the mixed account.
fn snapshot() -> Snapshot {
    let mut snapshot: Snapshot = serde_json::from_value(formats::snapshot("mixed")).unwrap();
    snapshot.restrict_to_regions(&[REGION.to_owned()]);
    snapshot
}

fn finding_of<'a>(
    report: &'a Report,
    rule: &str,
    resource: &str,
) -> &'a backup_check::report::Finding {
    let mut findings = report.findings.iter();
    findings
        .find(|it| it.rule.id == rule && it.resource == resource)
        .unwrap()
}

#[test]
fn a_waived_finding_is_reported_and_does_not_gate() {
    let before = report_on("", (2026, 3, 3));
    let after = report_on(&waiver(RULE, BUCKET, "2026-06-30"), (2026, 3, 3));
    let (was, is) = (
        finding_of(&before, RULE, BUCKET),
        finding_of(&after, RULE, BUCKET),
    );
    assert_eq!((was.status, was.gating), (Status::Fail, true));
    assert_eq!((is.status, is.gating), (Status::Fail, false));
    let waiver = is.waiver.as_ref().unwrap();
    assert_eq!(
        (
            waiver.owner.as_str(),
            waiver.reason.as_str(),
            waiver.expires.as_str()
        ),
        ("team-edge", "moves in Q2", "2026-06-30")
    );
    assert_eq!(before.findings.len(), after.findings.len());
    let verdicts = |report: &Report| -> Vec<_> {
        let lines = report.resources.iter();
        lines.map(|it| (it.arn.clone(), it.verdict)).collect()
    };
    assert_eq!(verdicts(&before), verdicts(&after));

    let json: Value = serde_json::from_str(&formats::render("json", &after)).unwrap();
    let old: Value = serde_json::from_str(&formats::render("json", &before)).unwrap();
    let count = |of: &Value, name: &str| of["summary"]["findings"][name].as_u64().unwrap();
    assert_eq!(count(&json, "waived"), 1);
    assert_eq!(count(&json, "fail"), count(&old, "fail") - 1);
    assert_eq!(count(&json, "gating_fail"), count(&old, "gating_fail") - 1);
    for (name, status) in [
        ("gating_fail", Status::Fail),
        ("gating_warn", Status::Warn),
        ("gating_unknown", Status::Unknown),
    ] {
        let gating = after.findings.iter();
        let gating = gating.filter(|it| it.gating && it.status == status);
        assert_eq!(count(&json, name), gating.count() as u64, "{name}");
    }
    let table = formats::render_causes(&after);
    assert!(table.contains("waived until 2026-06-30 by team-edge: moves in Q2"));
}

#[test]
fn a_waiver_applies_until_the_end_of_its_last_day() {
    for (today, holds) in [
        ((2026, 6, 29), true),
        ((2026, 6, 30), true),
        ((2026, 7, 1), false),
        ((2027, 1, 1), false),
    ] {
        let report = report_on(&waiver(RULE, BUCKET, "2026-06-30"), today);
        let finding = finding_of(&report, RULE, BUCKET);
        assert_eq!(finding.waiver.is_some(), holds, "{today:?}");
        assert_eq!(finding.gating, !holds, "{today:?}");
        let expired: Vec<_> = report.stale_waivers.iter().map(|it| it.state).collect();
        let expected = if holds {
            vec![]
        } else {
            vec![StaleState::Expired]
        };
        assert_eq!(expired, expected, "{today:?}");
        if !holds {
            assert_eq!(report.stale_waivers[0].findings, 1);
            assert!(formats::render_causes(&report).contains("expired on 2026-06-30"));
        }
    }
}

#[test]
fn without_a_date_nothing_is_waived() {
    let config = Config::parse(&waiver(RULE, BUCKET, "2099-12-31")).unwrap();
    let options = Options {
        waivers: config.waivers,
        ..Options::default()
    };
    let report = evaluate(&snapshot(), &Settings::default(), &options, &ALL);
    assert!(report.findings.iter().all(|it| it.waiver.is_none()));
}

#[test]
fn a_pattern_covers_only_what_it_matches() {
    for (pattern, covers) in [
        ("*", true),
        ("arn:aws:s3:::sg-*", true),
        ("arn:aws:s3:::sg-edge-logs-11112222333?", true),
        ("arn:aws:s3:::sg-edge-logs-*-*", false),
        ("arn:aws:s3:::sg-edge", false),
        ("arn:aws:s3:::SG-*", false),
        ("sg-*", false),
    ] {
        let report = report_on(&waiver(RULE, pattern, "2026-06-30"), (2026, 3, 3));
        let finding = finding_of(&report, RULE, BUCKET);
        assert_eq!(finding.waiver.is_some(), covers, "{pattern}");
        let other = report.findings.iter();
        assert!(
            other
                .filter(|it| it.rule.id != RULE)
                .all(|it| it.waiver.is_none())
        );
    }
}

#[test]
fn a_waiver_covers_every_status_but_pass_and_skip() {
    let report = report_on(
        &ALL.map(|rule| waiver(rule.id, "*", "2026-06-30"))
            .join("\n"),
        (2026, 3, 3),
    );
    let mut covered = std::collections::BTreeSet::new();
    for finding in &report.findings {
        assert_eq!(finding.waiver.is_some(), finding.status.is_trouble());
        covered.insert(finding.status);
    }
    assert_eq!(covered.len(), 5, "the account has findings of every status");
    assert!(
        !report
            .findings
            .iter()
            .any(|it| it.gating && it.status.is_trouble())
    );
    // An incomplete listing is not a finding, so no waiver covers it.
    assert!(!report.unread.is_empty());
    assert_eq!(report.exit(FailOn::Fail), Exit::Unknown);
}

/// Returns a region that was read completely.
fn complete_region() -> Snapshot {
    let mut snapshot: Snapshot = serde_json::from_value(formats::snapshot("clean")).unwrap();
    let region = snapshot.regions.keys().next().unwrap().clone();
    snapshot.restrict_to_regions(&[region]);
    snapshot
}

#[test]
fn an_unused_waiver_is_reported_where_the_report_is_complete() {
    let today = (2026, 3, 3);
    let stale = |snapshot: Snapshot, resource: &str| {
        let config = waiver(RULE, resource, "2026-06-30");
        let states = report_of(snapshot, &config, today)
            .stale_waivers
            .into_iter();
        states.map(|it| it.state).collect::<Vec<_>>()
    };
    let account = complete_region().account_id.unwrap();
    let region = complete_region().regions.keys().next().unwrap().clone();
    assert!(report_of(complete_region(), "", today).complete);
    assert_eq!(stale(complete_region(), "*"), [StaleState::Unused]);
    assert_eq!(
        stale(complete_region(), &format!("arn:aws:rds:{region}:*:db:x")),
        [StaleState::Unused]
    );
    // One config serves many accounts and regions, also those that were not scanned.
    assert_eq!(
        stale(complete_region(), "arn:aws:rds:mars-north-1:*:db:x"),
        []
    );
    assert_eq!(
        stale(complete_region(), "arn:aws:rds:*:999999999999:db:x"),
        []
    );
    assert_eq!(
        stale(complete_region(), &format!("arn:aws:rds:*:{account}:db:x")),
        [StaleState::Unused]
    );
    // A matching finding may be in what could not be read.
    assert!(!report_on("", today).complete);
    assert_eq!(stale(snapshot(), "arn:aws:s3:::no-such-bucket"), []);
}

#[test]
fn a_waiver_of_a_passing_resource_is_unused_in_an_incomplete_report() {
    let report = report_on("", (2026, 3, 3));
    assert!(!report.complete);
    let with = |status: Status| {
        let mut findings = report.findings.iter();
        let found = findings.find(|it| it.status == status && it.resource.starts_with("arn:"));
        found.unwrap()
    };
    for (finding, expected) in [
        (with(Status::Pass), &[StaleState::Unused][..]),
        (with(Status::Fail), &[]),
    ] {
        let config = waiver(finding.rule.id, &finding.resource, "2026-12-31");
        let waivers = report_on(&config, (2026, 3, 3)).stale_waivers;
        let states: Vec<StaleState> = waivers.iter().map(|it| it.state).collect();
        assert_eq!(states, expected, "{config}");
    }
}

#[test]
fn an_interrupted_scan_is_never_ready() {
    let mut snapshot: Snapshot = serde_json::from_value(formats::snapshot("clean")).unwrap();
    snapshot.interrupted = true;
    let report = report_of(snapshot, "", (2026, 3, 3));
    assert!(report.unread.is_empty());
    for gate in [FailOn::Fail, FailOn::Warn, FailOn::New] {
        assert_eq!(report.exit(gate), Exit::Unknown);
    }
    assert_eq!(report.exit(FailOn::Never), Exit::Ready);
}

#[test]
fn a_baseline_may_start_with_a_byte_order_mark() {
    let now = report_on("", (2026, 3, 3));
    let text = format!("\u{feff}{}", earlier(&now));
    assert!(Earlier::parse(&text).is_ok());
}

fn earlier(report: &Report) -> Value {
    serde_json::from_str(&formats::render("json", report)).unwrap()
}

fn compared(mut report: Report, earlier: &Value) -> Report {
    let earlier = Earlier::parse(&earlier.to_string()).unwrap();
    let account = report.account_id.clone();
    let mut comparer = earlier.compare_account(account.as_deref()).unwrap();
    for finding in &mut report.findings {
        comparer.check_finding(finding);
    }
    report.comparison = Some(comparer.into_comparison());
    report
}

#[test]
fn an_unchanged_report_has_no_new_findings() {
    let now = report_on("", (2026, 3, 3));
    let before = earlier(&now);
    let report = compared(now, &before);
    let comparison = report.comparison.as_ref().unwrap();
    assert_eq!((comparison.new, comparison.fixed.len()), (0, 0));
    assert!(comparison.not_judged.is_empty());
    for finding in &report.findings {
        let expected = finding.status.is_trouble().then_some(Baseline::Unchanged);
        assert_eq!(finding.baseline, expected, "{}", finding.id());
    }
    assert_eq!(report.exit(FailOn::Fail), Exit::Failed);
    // The baseline does not make an inconclusive check conclusive.
    assert_eq!(report.exit(FailOn::New), Exit::Unknown);
}

#[test]
fn findings_that_the_baseline_lacks_are_new() {
    let id = finding_of(&report_on("", (2026, 3, 3)), RULE, BUCKET).id();
    for (then, waived, expected) in [
        (None, false, Baseline::New),
        (Some("pass"), false, Baseline::New),
        (Some("warn"), false, Baseline::New),
        (Some("unknown"), false, Baseline::New),
        (Some("fail"), false, Baseline::Unchanged),
        // The waiver that covered the finding is gone.
        (Some("fail"), true, Baseline::New),
    ] {
        let now = report_on("", (2026, 3, 3));
        let mut before = earlier(&now);
        let findings = before["findings"].as_array_mut().unwrap();
        let at = findings.iter().position(|it| it["id"] == id).unwrap();
        match then {
            None => drop(findings.remove(at)),
            Some(status) => findings[at]["status"] = json!(status),
        }
        if waived {
            findings[at]["waiver"] = json!({"reason": "r", "owner": "o", "expires": "2026-01-01"});
        }
        let report = compared(now, &before);
        let finding = finding_of(&report, RULE, BUCKET);
        assert_eq!(finding.baseline, Some(expected), "{then:?} {waived}");
        let code = match expected {
            Baseline::New => Exit::Failed,
            Baseline::Unchanged => Exit::Unknown,
        };
        assert_eq!(report.exit(FailOn::New), code, "{then:?} {waived}");
    }
}

#[test]
fn a_failure_that_was_not_checked_is_not_fixed() {
    let now = report_on("", (2026, 3, 3));
    let mut before = earlier(&now);
    let findings = before["findings"].as_array_mut().unwrap();
    let fail = |rule: &str, resource: &str, id: &str| json!({"id": id, "rule": rule, "resource": resource, "status": "fail", "waiver": null});
    let passing = now.findings.iter().find(|it| it.status == Status::Pass);
    let passing = passing.unwrap().id();
    let entry = findings.iter_mut().find(|it| it["id"] == passing).unwrap();
    entry["status"] = json!("fail");
    findings.push(fail(RULE, "arn:aws:s3:::gone", "0123456789abcdef"));
    let report = compared(now, &before);
    let comparison = report.comparison.as_ref().unwrap();
    let ids = |list: &[backup_check::report::EarlierFinding]| {
        list.iter().map(|it| it.id.clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&comparison.fixed), [passing]);
    assert_eq!(ids(&comparison.not_judged), ["0123456789abcdef"]);
    assert!(
        formats::render("table", &report).contains("1 fixed, 1 not checked this time"),
        "{}",
        formats::render("table", &report)
    );
}

fn scan(folder: &Path, flags: &[&str]) -> Run {
    run(backup_check(folder)
        .args(["scan", "--region", REGION, "--from"])
        .arg(crate::support::command::repository().join("fixtures/accounts/mixed.json"))
        .args(flags))
}

#[test]
fn baselines_and_waivers_from_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let first = scan(folder, &["--format", "json=before.json"]);
    assert_eq!(first.code, 1, "{first:?}");
    let flags = [
        "--baseline",
        "before.json",
        "--fail-on",
        "new",
        "--allow-unknown",
    ];
    // Incomplete listings still make the exit code 3.
    assert_eq!(scan(folder, &flags).code, 3);
    let report = fs::read_to_string(folder.join("before.json")).unwrap();
    let mut report: Value = serde_json::from_str(&report).unwrap();
    let findings = report["findings"].as_array_mut().unwrap();
    findings.retain(|it| !(it["rule"] == RULE && it["resource"] == BUCKET));
    fs::write(folder.join("before.json"), report.to_string()).unwrap();
    let again = scan(folder, &flags);
    assert_eq!(again.code, 1, "{again:?}");
    assert!(again.stdout.contains("1 new"), "{}", again.stdout);

    fs::write(
        folder.join("backup-check.toml"),
        waiver(RULE, BUCKET, "9999-12-31"),
    )
    .unwrap();
    assert_eq!(scan(folder, &flags).code, 3);
    fs::write(
        folder.join("backup-check.toml"),
        waiver(RULE, BUCKET, "2020-12-31"),
    )
    .unwrap();
    let expired = scan(folder, &flags);
    assert_eq!(expired.code, 1);
    assert!(expired.stdout.contains("1 waiver expired or unused"));
}

#[test]
fn an_invalid_baseline_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let report = json!({"schema": "backup-check/v1", "scan": {"account_id": "999999999999"}, "findings": []});
    for (text, parts) in [
        ("{", &["before.json", "EOF", "line 1"][..]),
        ("[]", &["before.json", "expected an object"]),
        ("{}", &["before.json", "no \"schema\""]),
        (
            "{\"snapshot_version\": 1, \"regions\": {}}",
            &[
                "before.json",
                "this is a snapshot",
                "scan FILE --format json",
            ],
        ),
        (
            "{\"id\": \"a\"}\n{\"scan\": {}}\n",
            &["ndjson", "--format json"],
        ),
        (
            "{\"schema\": \"backup-check/v2\"}",
            &["before.json", "backup-check/v2", "backup-check/v1"],
        ),
        (
            "{\"schema\": \"backup-check/key-policy/v1\"}",
            &["before.json", "key-policy"],
        ),
        (
            "{\"schema\": \"backup-check/v1\", \"findings\": 1}",
            &["before.json", "corrupt report"],
        ),
        (
            &report.to_string(),
            &["before.json", "999999999999", ACCOUNT],
        ),
    ] {
        fs::write(folder.join("before.json"), text).unwrap();
        let run = scan(folder, &["--baseline", "before.json"]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{text}: {run:?}");
        for part in parts {
            assert!(run.stderr.contains(part), "{part} is not in {}", run.stderr);
        }
    }
    let missing = scan(folder, &["--baseline", "no-such.json"]);
    assert_eq!(missing.code, 2);
    assert!(missing.stderr.contains("no-such.json"));
    let alone = scan(folder, &["--fail-on", "new"]);
    assert_eq!(alone.code, 2);
    assert!(alone.stderr.contains("--baseline"));
}

#[test]
fn an_invalid_waiver_is_an_error_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (text, parts) in [
        (
            waiver("s3-versioning-enabld", BUCKET, "2099-12-31"),
            &["line 2", "s3-versioning-enabled"][..],
        ),
        (
            waiver(RULE, BUCKET, "soon"),
            &["line 6", "\"soon\"", "2026-06-30"],
        ),
        (
            "[[waiver]]\nrule = \"s3-versioning-enabled\"\n".to_owned(),
            &["line 1", "missing field"],
        ),
    ] {
        fs::write(folder.join("backup-check.toml"), &text).unwrap();
        let run = scan(folder, &[]);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{text}: {run:?}");
        for part in parts {
            assert!(run.stderr.contains(part), "{part} is not in {}", run.stderr);
        }
    }
}

#[test]
fn an_expired_waiver_is_printed_on_stderr_with_a_machine_format() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(
        folder.join("backup-check.toml"),
        waiver(RULE, BUCKET, "2020-12-31"),
    )
    .unwrap();
    let json = scan(folder, &["--format", "json"]);
    assert!(
        json.stderr
            .contains("expired on 2020-12-31: 1 finding counts again"),
        "{}",
        json.stderr
    );
    assert_eq!(scan(folder, &["--format", "json", "--quiet"]).stderr, "");
    assert_eq!(scan(folder, &[]).stderr, "");
}

#[test]
fn findings_of_the_baseline_fail_nothing_with_fail_on_new() {
    let before = earlier(&report_on("", (2026, 3, 3)));
    let report = compared(report_on("", (2026, 3, 3)), &before);
    let red = |format: &str, mark: &str, gate: FailOn| {
        let text = formats::render_for(format, &report, gate);
        match format {
            // The level of a rule is separate from that of its results.
            "sarif" => {
                let log: Value = serde_json::from_str(&text).unwrap();
                let results = log["runs"][0]["results"].as_array().unwrap();
                results.iter().filter(|it| it["level"] == mark).count()
            }
            _ => text.matches(mark).count(),
        }
    };
    for (format, mark) in [
        ("sarif", "error"),
        ("github", "::error "),
        ("junit", "<failure"),
    ] {
        assert!(red(format, mark, FailOn::Fail) > 0, "{format}");
        assert_eq!(red(format, mark, FailOn::New), 0, "{format}");
    }
}
