//! SARIF, validated against its schema and GitHub's limits:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

use backup_check::evaluate::Options;
use backup_check::model::place::Place;
use backup_check::model::snapshot::Source;
use backup_check::report::{Baseline, Finding, Report, StaleState, StaleWaiver, Status, Waiver};
use jsonschema::Validator;
use serde_json::Value;

use super::{hostile, render, report, snapshot};
use crate::support::command::repository;

fn schema() -> Validator {
    let file = repository().join("fixtures/schema/sarif-2.1.0.json");
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    // The regular expression of the schema has a superfluous bracket; no report has a language.
    for object in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][object]["properties"]["language"];
        assert!(
            language
                .as_object_mut()
                .unwrap()
                .remove("pattern")
                .is_some()
        );
    }
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

fn mixed() -> Report {
    report(snapshot("mixed"), &Options::default())
}

fn waiver() -> Waiver {
    Waiver {
        reason: "[moves](https://example.org) {0}".to_owned(),
        owner: "team".to_owned(),
        expires: "2026-06-30".to_owned(),
    }
}

/// Returns reports of every kind.
fn reports() -> Vec<(&'static str, Report)> {
    let mut placed = mixed();
    placed.source = Source::Cloudformation;
    for (at, finding) in placed.findings.iter_mut().enumerate() {
        finding.place = Some(Box::new(Place {
            file: "/tmp/a b/ü:%.yaml".to_owned(),
            line: (at % 2 == 0).then_some(7),
            column: (at % 3 == 0).then_some(3),
            address: None,
            condition: None,
            loop_body: None,
            own_condition: None,
        }));
    }
    let mut compared = mixed();
    for (at, finding) in compared.findings.iter_mut().enumerate() {
        let state = if at % 2 == 0 {
            Baseline::New
        } else {
            Baseline::Unchanged
        };
        finding.baseline = finding.status.is_trouble().then_some(state);
    }
    let mut waived = mixed();
    for finding in waived.findings.iter_mut().step_by(2) {
        finding.waiver = finding.status.is_trouble().then(|| Box::new(waiver()));
        finding.gating &= finding.waiver.is_none();
    }
    waived.stale_waivers.push(StaleWaiver {
        state: StaleState::Expired,
        rule: "s3-versioning-enabled".to_owned(),
        resource: "arn:aws:s3:::[a](b)".to_owned(),
        reason: "none".to_owned(),
        owner: "team".to_owned(),
        expires: "2025-06-30".to_owned(),
        line: 4,
        findings: 1,
    });
    let mut odd = report(snapshot("no-access"), &Options::default());
    odd.interrupted = true;
    odd.account_id = None;
    odd.started_at = "yesterday".to_owned();
    odd.finished_at = "2026-03-03T08:00:00+02:00".to_owned();
    vec![
        ("mixed", mixed()),
        ("clean", report(snapshot("clean"), &Options::default())),
        (
            "no-access",
            report(snapshot("no-access"), &Options::default()),
        ),
        ("hostile", report(hostile(), &Options::default())),
        (
            "preflight",
            report(
                hostile(),
                &Options {
                    preflight: true,
                    ..Options::default()
                },
            ),
        ),
        ("placed", placed),
        ("compared", compared),
        ("waived", waived),
        ("odd", odd),
    ]
}

fn sarif(report: &Report) -> Value {
    serde_json::from_str(&render("sarif", report)).unwrap()
}

fn run(log: &Value) -> &Value {
    &log["runs"][0]
}

fn results(log: &Value) -> &[Value] {
    run(log)["results"].as_array().unwrap()
}

fn notifications(log: &Value) -> &[Value] {
    run(log)["invocations"][0]["toolExecutionNotifications"]
        .as_array()
        .unwrap()
}

fn text(object: &Value) -> &str {
    object["message"]["text"].as_str().unwrap()
}

/// Whether a finding is a result.
fn is_result(finding: &Finding) -> bool {
    matches!(finding.status, Status::Fail | Status::Warn) && finding.waiver.is_none()
}

#[test]
fn every_report_fits_the_schema() {
    let schema = schema();
    for (name, report) in reports() {
        let log = sarif(&report);
        let errors: Vec<String> = schema
            .iter_errors(&log)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
    // The schema rejects an invalid level.
    let mut log = sarif(&mixed());
    log["runs"][0]["results"][0]["level"] = "severe".into();
    assert!(!schema.is_valid(&log));
}

#[test]
fn each_fail_and_warn_is_one_result_with_the_level_of_its_effect() {
    for (name, report) in reports() {
        let log = sarif(&report);
        let mut by_hash: BTreeMap<&str, &Value> = BTreeMap::new();
        for result in results(&log) {
            let hash = result["partialFingerprints"]["primaryLocationLineHash"]
                .as_str()
                .unwrap();
            assert!(
                by_hash.insert(hash, result).is_none(),
                "{name}: {hash} twice"
            );
        }
        let expected: Vec<&Finding> = report.findings.iter().filter(|it| is_result(it)).collect();
        assert_eq!(by_hash.len(), expected.len(), "{name}");
        for finding in expected {
            let result = by_hash[format!("{}:1", finding.id()).as_str()];
            let level = match (finding.gating, finding.status) {
                (true, Status::Fail) => "error",
                (true, _) => "warning",
                (false, _) => "note",
            };
            assert_eq!(result["level"], level, "{name}: {}", finding.id());
            assert_eq!(result["ruleId"], finding.rule.id);
            assert_eq!(result["properties"]["gating"], finding.gating);
            let state = match finding.baseline {
                None => Value::Null,
                Some(Baseline::New) => "new".into(),
                Some(Baseline::Unchanged) => "unchanged".into(),
            };
            assert_eq!(result["baselineState"], state);
        }
    }
}

#[test]
fn the_message_of_a_bucket_without_versioning_is_readable() {
    let mut snapshot = snapshot("clean");
    let buckets = snapshot["buckets"]["items"].as_array_mut().unwrap();
    let bucket = buckets
        .iter_mut()
        .find(|it| it["tags"]["known"]["backup"] == "enabled")
        .unwrap();
    bucket["versioning"] = serde_json::json!({"known": null});
    let id = bucket["id"].as_str().unwrap().to_owned();
    let report = report(snapshot, &Options::default());
    let log = sarif(&report);
    let result = results(&log)
        .iter()
        .find(|it| it["ruleId"] == "s3-versioning-enabled")
        .unwrap();
    let start = format!("s3-bucket {id} in ");
    assert!(text(result).starts_with(&start), "{}", text(result));
    let rest = format!(
        ": versioning was never enabled: AWS Backup supports only versioned buckets. Fix: Run `aws s3api put-bucket-versioning --bucket {id} --versioning-configuration Status=Enabled`."
    );
    assert!(text(result).ends_with(&rest), "{}", text(result));
    let location = &result["locations"][0];
    assert_eq!(
        location["physicalLocation"],
        serde_json::json!({
            "artifactLocation": {"uri": "backup-check.toml", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 2},
        })
    );
    assert_eq!(
        location["logicalLocations"],
        serde_json::json!([{
            "name": id, "fullyQualifiedName": format!("arn:aws:s3:::{id}"), "kind": "resource",
        }])
    );
}

#[test]
fn a_finding_in_a_file_points_at_its_line() {
    let mut report = mixed();
    report.source = Source::TerraformPlan;
    let finding = report.findings.iter_mut().find(|it| is_result(it)).unwrap();
    let hash = format!("{}:1", finding.id());
    finding.place = Some(Box::new(Place {
        file: "infra/db main.yaml".to_owned(),
        line: Some(12),
        column: Some(5),
        address: Some("Database".to_owned()),
        condition: None,
        loop_body: None,
        own_condition: None,
    }));
    let log = sarif(&report);
    let result = results(&log)
        .iter()
        .find(|it| it["partialFingerprints"]["primaryLocationLineHash"] == hash.as_str())
        .unwrap();
    assert_eq!(
        result["locations"][0]["physicalLocation"],
        serde_json::json!({
            "artifactLocation": {"uri": "infra/db%20main.yaml", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 12, "startColumn": 5, "endLine": 12, "endColumn": 6},
        })
    );
    // An account may have many plans. A category in the file would merge them, because it overrides that of
    // the upload: https://github.com/github/codeql-action/issues/2694
    assert_eq!(run(&log)["automationDetails"], Value::Null);
}

/// The tables "Supported SARIF output file properties" and the limits under "Validating your SARIF file".
#[test]
fn every_report_is_within_the_limits_of_github() {
    let filled = |value: &Value, what: &str| {
        let text = value.as_str().unwrap_or_default();
        assert!(!text.trim().is_empty(), "{what} is empty");
        text.to_owned()
    };
    for (name, report) in reports() {
        let log = sarif(&report);
        assert_eq!(log["version"], "2.1.0");
        assert_eq!(
            log["$schema"],
            "https://json.schemastore.org/sarif-2.1.0.json"
        );
        // "Runs per file: 20."
        assert_eq!(log["runs"].as_array().unwrap().len(), 1);
        let driver = &run(&log)["tool"]["driver"];
        assert_eq!(driver["name"], "backup-check");
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            let id = filled(&rule["id"], "id");
            // "Limited to 1024 characters."
            for part in ["shortDescription", "fullDescription"] {
                let text = filled(&rule[part]["text"], part);
                assert!(text.chars().count() <= 1024, "{id}: {part}");
            }
            filled(&rule["help"]["text"], "help.text");
            filled(&rule["help"]["markdown"], "help.markdown");
            // "Tags per rule: 20; only 10 tags will be included."
            assert!(rule["properties"]["tags"].as_array().unwrap().len() <= 10);
            // "A string representing a score ... greater than 0.0 up to 10.0."
            let score: f64 = filled(&rule["properties"]["security-severity"], "score")
                .parse()
                .unwrap();
            assert!(score > 0.0 && score <= 10.0);
        }
        let ids: Vec<&str> = rules.iter().map(|it| it["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted(), "{name}");
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());

        for result in results(&log) {
            let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
            assert_eq!(rules[index]["id"], result["ruleId"], "{name}");
            filled(&result["message"]["text"], "message.text");
            // "Only one location should be included."
            assert_eq!(result["locations"].as_array().unwrap().len(), 1);
            let place = &result["locations"][0]["physicalLocation"];
            let uri = filled(&place["artifactLocation"]["uri"], "uri");
            // "For the best results ... a relative path from the root"; an absolute one must have the
            // scheme of the checkout, `file`.
            let relative = !uri.contains(':') && !uri.starts_with('/');
            assert!(relative || uri.starts_with("file:///"), "{uri}");
            assert_eq!(
                place["artifactLocation"]["uriBaseId"] == "%SRCROOT%",
                relative
            );
            assert!(!uri.contains("arn:"), "{uri}");
            for edge in ["startLine", "startColumn", "endLine", "endColumn"] {
                assert!(place["region"][edge].as_u64().unwrap() >= 1, "{name}");
            }
            // The form of https://github.com/github/codeql-action/blob/main/src/fingerprints.ts:
            // hexadecimal digits of 64 bits, a colon, a count.
            let hash = filled(
                &result["partialFingerprints"]["primaryLocationLineHash"],
                "hash",
            );
            let (hash, count) = hash.split_once(':').unwrap();
            assert!(u64::from_str_radix(hash, 16).is_ok() && count == "1");
        }
    }
}

/// By default a check fails on `error`, and on a security severity of `high` (7.0) and above:
/// <https://docs.github.com/en/code-security/code-scanning/managing-code-scanning-alerts/triaging-code-scanning-alerts-in-pull-requests>.
#[test]
fn only_gating_failures_fail_a_check() {
    let mut report = mixed();
    let high = |log: &Value| -> Vec<String> {
        let rules = run(log)["tool"]["driver"]["rules"].as_array().unwrap();
        let severe = rules.iter().filter(|rule| {
            let score = rule["properties"]["security-severity"].as_str().unwrap();
            score.parse::<f64>().unwrap() >= 7.0
        });
        severe
            .map(|rule| rule["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let failing: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|it| it.gating && it.status == Status::Fail)
        .map(|it| it.rule.id)
        .collect();
    assert!(!failing.is_empty());
    assert_eq!(
        high(&sarif(&report)),
        failing.into_iter().collect::<Vec<_>>()
    );

    for finding in &mut report.findings {
        finding.gating &= finding.status != Status::Fail;
    }
    let log = sarif(&report);
    assert!(high(&log).is_empty());
    assert!(results(&log).iter().all(|it| it["level"] != "error"));
    assert!(results(&log).iter().any(|it| it["level"] == "warning"));
    assert!(results(&log).iter().any(|it| it["level"] == "note"));
}

#[test]
fn each_account_has_its_category() {
    let log = sarif(&mixed());
    // "`category` is everything in the string until the last forward slash."
    assert_eq!(
        run(&log)["automationDetails"]["id"],
        "backup-check/111122223333/"
    );
}

#[test]
fn an_inconclusive_finding_is_a_notification() {
    let report = report(snapshot("no-access"), &Options::default());
    let log = sarif(&report);
    for finding in &report.findings {
        if finding.status != Status::Unknown {
            continue;
        }
        let found: Vec<&Value> = notifications(&log)
            .iter()
            .filter(|it| {
                it["associatedRule"]["id"] == finding.rule.id
                    && it["locations"][0]["logicalLocations"][0]["fullyQualifiedName"]
                        == finding.resource.as_str()
            })
            .collect();
        assert_eq!(found.len(), 1, "{} {}", finding.rule.id, finding.resource);
        let level = if finding.gating { "warning" } else { "note" };
        assert_eq!(found[0]["level"], level);
        let index = found[0]["associatedRule"]["index"].as_u64().unwrap();
        let rule = &run(&log)["tool"]["driver"]["rules"][usize::try_from(index).unwrap()];
        assert_eq!(rule["id"], finding.rule.id);
    }
    assert!(!report.unread.is_empty());
    for list in &report.unread {
        let words = format!("the {} listing", list.service);
        let found = notifications(&log).iter().find(|it| {
            text(it).contains(&words)
                && list
                    .region
                    .as_deref()
                    .is_none_or(|region| text(it).contains(region))
        });
        assert_eq!(found.unwrap()["level"], "warning");
    }
    let denied = report
        .coverage
        .iter()
        .find(|row| row.state.as_str() == "denied")
        .unwrap();
    let words = format!("{} in {}: access denied", denied.service, denied.region);
    assert!(
        notifications(&log)
            .iter()
            .any(|it| text(it).starts_with(&words))
    );
    assert_eq!(run(&log)["invocations"][0]["executionSuccessful"], true);
}

#[test]
fn an_interrupted_scan_is_marked() {
    let (_, odd) = reports().pop().unwrap();
    let log = sarif(&odd);
    let invocation = &run(&log)["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["startTimeUtc"], Value::Null);
    assert_eq!(invocation["endTimeUtc"], "2026-03-03T06:00:00Z");
    assert_eq!(run(&log)["automationDetails"], Value::Null);
    assert_eq!(notifications(&log)[0]["level"], "error");
}

#[test]
fn waived_findings_are_omitted() {
    let mut report = report(snapshot("no-access"), &Options::default());
    report.findings.extend(mixed().findings);
    for finding in &mut report.findings {
        if finding.status.is_trouble() {
            finding.waiver = Some(Box::new(waiver()));
            finding.gating = false;
        }
    }
    report.unread.clear();
    report.coverage.clear();
    let log = sarif(&report);
    assert!(results(&log).is_empty());
    assert!(notifications(&log).is_empty());
    assert!(
        run(&log)["tool"]["driver"]["rules"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[test]
fn stale_waivers_are_notifications() {
    let reports = reports();
    let (_, waived) = reports.iter().find(|(name, _)| *name == "waived").unwrap();
    let log = sarif(waived);
    let found = &run(&log)["invocations"][0]["toolConfigurationNotifications"][0];
    assert_eq!(found["level"], "note");
    assert_eq!(
        text(found),
        "The waiver for s3-versioning-enabled on arn:aws:s3:::\\[a\\](b) (config line 4, owner team, expires 2025-06-30) has no effect: it has expired"
    );
}

#[test]
fn messages_hold_no_links_no_placeholders_and_no_control_characters() {
    let mut attacked = mixed();
    for finding in &mut attacked.findings {
        Arc::make_mut(&mut finding.explanation).message =
            "see [the fix](https://evil.example) or {0}\u{7}\u{202e}\n".to_owned();
        Arc::make_mut(&mut finding.explanation).fix = Some("[x\\](1)".to_owned());
    }
    let log = sarif(&attacked);
    for result in results(&log) {
        let end = ": see \\[the fix\\](https://evil.example) or {{0}}\\\\u{{7}}\\\\u{{202e}}\\\\n. Fix: \\[x\\\\\\](1)";
        assert!(text(result).ends_with(end), "{}", text(result));
    }
    for (name, report) in reports() {
        let log = sarif(&report);
        for it in results(&log).iter().chain(notifications(&log)) {
            assert!(!text(it).contains(char::is_control), "{name}: {}", text(it));
            assert!(!text(it).contains('\u{202e}'), "{name}: {}", text(it));
            // An even number of consecutive braces denotes half as many: SARIF 3.11.5.
            let odd = |brace: char| text(it).split(|c| c != brace).any(|run| run.len() % 2 == 1);
            assert!(!odd('{') && !odd('}'), "{name}: {}", text(it));
        }
    }
}

/// Returns copies of one finding on different resources.
fn copies_of(of: &Finding, number: usize) -> impl Iterator<Item = Finding> {
    (0..number).map(move |at| {
        let mut copy = of.clone();
        copy.resource = format!("{}-{at}", of.resource);
        copy
    })
}

/// "Results per run: 25,000", and more are rejected:
/// <https://docs.github.com/en/code-security/code-scanning/troubleshooting-sarif-uploads/results-exceed-limit>.
#[test]
fn gating_results_are_kept_where_there_are_too_many() {
    let mut report = mixed();
    let find = |status, gating| {
        let findings = &report.findings;
        let found = findings
            .iter()
            .find(|it| it.status == status && it.gating == gating);
        found.unwrap().clone()
    };
    let (note, warning, error) = (
        find(Status::Fail, false),
        find(Status::Warn, true),
        find(Status::Fail, true),
    );
    report.findings = copies_of(&note, 25_000).collect();
    report.findings.extend([warning, error]);
    let log = sarif(&report);
    assert_eq!(results(&log).len(), 25_000);
    assert_eq!(results(&log)[0]["level"], "error");
    assert_eq!(results(&log)[1]["level"], "warning");
    assert!(results(&log)[2..].iter().all(|it| it["level"] == "note"));
    let found = notifications(&log)
        .iter()
        .find(|it| text(it).starts_with("2 results were omitted"));
    assert_eq!(found.unwrap()["level"], "warning");
}

/// "A maximum size of 10 MB for the gzip-compressed SARIF file."
#[test]
fn results_beyond_the_size_limit_are_omitted() {
    let mut report = mixed();
    let mut long = report
        .findings
        .iter()
        .find(|it| it.status == Status::Fail && it.gating)
        .unwrap()
        .clone();
    let explanation = Arc::make_mut(&mut long.explanation);
    explanation.message = "x".repeat(3_500);
    explanation.fix = Some("y".repeat(3_500));
    report.findings = copies_of(&long, 7_000).collect();
    let text = render("sarif", &report);
    assert!(text.len() < 40_000_000, "{}", text.len());
    let log: Value = serde_json::from_str(&text).unwrap();
    let kept = results(&log).len();
    assert!(kept > 4_000 && kept < 7_000, "{kept}");
    let words = format!("{} results were omitted", 7_000 - kept);
    assert!(
        notifications(&log)
            .iter()
            .any(|it| super::sarif::text(it).starts_with(&words))
    );
}

#[test]
fn gating_unknown_findings_are_kept_where_there_are_too_many() {
    let mut report = report(snapshot("no-access"), &Options::default());
    let unknown = report
        .findings
        .iter()
        .find(|it| it.status == Status::Unknown)
        .unwrap()
        .clone();
    report.findings = copies_of(&unknown, 5_000).collect();
    for (at, finding) in report.findings.iter_mut().enumerate() {
        finding.gating = at == 4_999;
    }
    let log = sarif(&report);
    let about_rules: Vec<&Value> = notifications(&log)
        .iter()
        .filter(|it| !it["associatedRule"].is_null())
        .collect();
    assert_eq!(about_rules[0]["level"], "warning");
    assert_eq!(notifications(&log).len(), 2_500);
    let words = format!(
        "{} further unknown findings were omitted",
        5_000 - about_rules.len()
    );
    assert!(
        notifications(&log)
            .iter()
            .any(|it| text(it).starts_with(&words))
    );
}
