//! Requests to Security Hub, validated against the model of its API and the limits in its guides.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::sync::LazyLock;

use backup_check::evaluate::Options;
use backup_check::exit::FailOn;
use backup_check::model::ResourceKind;
use backup_check::report::{Report, Status, Waiver, WriteError};
use serde_json::{Value, json};

use super::{hostile, render, render_skipped, render_with, report, snapshot, try_render};
use crate::support::command::repository;

/// The maximum sizes of a finding and of a request, in bytes:
/// <https://docs.aws.amazon.com/securityhub/latest/partnerguide/guidelines-batchimportfindings.html>.
const MOST_BYTES: (usize, usize) = (240_000, 6_000_000);

static MODEL: LazyLock<Value> = LazyLock::new(|| {
    let file = "fixtures/schema/securityhub-2018-10-26-batch-import-findings.json";
    serde_json::from_str(&fs::read_to_string(repository().join(file)).unwrap()).unwrap()
});

fn requests(report: &Report) -> Vec<Value> {
    let text = render("asff", report);
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn findings(requests: &[Value]) -> impl Iterator<Item = &Value> {
    requests
        .iter()
        .flat_map(|it| it["Findings"].as_array().unwrap())
}

/// Returns the number after a text, `Maximum length of 512.`
fn number(documentation: &str, after: &str) -> Option<usize> {
    let (_, rest) = documentation.split_once(after)?;
    let digits: String = rest
        .chars()
        .take_while(|c| c.is_ascii_digit() || *c == ',')
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

/// Collects the violations of the limits in the documentation of a member.
fn check_limits(documentation: &str, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let mut hold = |what: &str, length: usize, most: Option<usize>| {
        if most.is_some_and(|most| length > most) {
            wrong.push(format!("{at}: {length} {what}, {most:?} at most"));
        }
    };
    match value {
        Value::String(text) => {
            let most = ["Maximum length of ", "Maximum of "];
            let most = most
                .iter()
                .find_map(|after| number(documentation, after))
                .or(number(documentation, "Length Constraints: "));
            // Bytes, because AWS counts bytes for some fields and characters for others.
            hold("bytes", text.len(), most);
        }
        Value::Array(items) => {
            let most = number(documentation, "Maximum number of ");
            hold("items", items.len(), most);
        }
        Value::Object(fields) => {
            hold("pairs", fields.len(), number(documentation, "up to "));
            let key = number(documentation, "the key can contain up to ");
            let text = number(documentation, "the value can contain up to ");
            for (name, value) in fields {
                hold("bytes in a key", name.len(), key);
                hold("bytes", value.as_str().map_or(0, str::len), text);
            }
        }
        _ => {}
    }
}

/// Collects the violations of a shape of the model.
fn check(model: &Value, shape: &str, value: &Value, at: &str, wrong: &mut Vec<String>) {
    let shape = &model["shapes"][shape];
    match (shape["type"].as_str(), value) {
        (Some("structure"), Value::Object(fields)) => {
            for name in shape["required"].as_array().into_iter().flatten() {
                if !fields.contains_key(name.as_str().unwrap()) {
                    wrong.push(format!("{at}.{name}: required"));
                }
            }
            for (name, value) in fields {
                let at = format!("{at}.{name}");
                let member = &shape["members"][name];
                let Some(of) = member["shape"].as_str() else {
                    wrong.push(format!("{at}: no such member"));
                    continue;
                };
                check(model, of, value, &at, wrong);
                let documentation = member["documentation"].as_str().unwrap_or_default();
                check_limits(documentation, value, &at, wrong);
            }
        }
        (Some("list"), Value::Array(items)) => {
            let (min, max) = (shape["min"].as_u64(), shape["max"].as_u64());
            let count = items.len() as u64;
            if min.is_some_and(|min| count < min) || max.is_some_and(|max| count > max) {
                wrong.push(format!("{at}: {count} items"));
            }
            for item in items {
                let of = shape["member"]["shape"].as_str().unwrap();
                check(model, of, item, at, wrong);
            }
        }
        (Some("map"), Value::Object(fields)) => {
            for (name, value) in fields {
                let of = |part: &str| shape[part]["shape"].as_str().unwrap();
                check(model, of("key"), &json!(name), at, wrong);
                check(model, of("value"), value, at, wrong);
            }
        }
        (Some("string"), Value::String(text)) => {
            if let Some(values) = shape["enum"].as_array()
                && !values.contains(value)
            {
                wrong.push(format!("{at}: {text} is none of {values:?}"));
            }
            if let Some(pattern) = shape["pattern"].as_str() {
                assert_eq!(pattern, ".*\\S.*", "the test supports only this pattern");
                // The dot does not match a line break.
                let ends = |c| matches!(c, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}');
                if text.trim().is_empty() || text.contains(ends) {
                    wrong.push(format!("{at}: {text:?} does not match {pattern}"));
                }
            }
        }
        (kind, value) => wrong.push(format!("{at}: {value} is no {kind:?}")),
    }
}

fn wrong(request: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let shape = MODEL["operations"]["BatchImportFindings"]["input"]["shape"].as_str();
    check(&MODEL, shape.unwrap(), request, "request", &mut wrong);
    wrong
}

#[test]
fn every_request_fits_the_model() {
    for (snapshot, show_skipped) in [
        (hostile(), true),
        (snapshot("mixed"), false),
        (snapshot("no-access"), true),
        (snapshot("clean"), false),
    ] {
        let mut report = report(snapshot, &Options::default());
        for finding in report.findings.iter_mut().step_by(3) {
            finding.waiver = Some(Box::new(Waiver {
                reason: "because\n\u{20ac}".repeat(1000),
                owner: " ".into(),
                expires: "2026-06-30".into(),
            }));
        }
        let text = render_with("asff", &report, FailOn::Fail, show_skipped);
        let mut ids = BTreeSet::new();
        for line in text.lines() {
            let request: Value = serde_json::from_str(line).unwrap();
            assert_eq!(wrong(&request), Vec::<String>::new());
            assert!(line.len() <= MOST_BYTES.1, "{}", line.len());
            for finding in request["Findings"].as_array().unwrap() {
                assert!(finding.to_string().len() <= MOST_BYTES.0);
                assert!(ids.insert(finding["Id"].as_str().unwrap().to_owned()));
            }
        }
        assert_eq!(ids.len(), report.shown(show_skipped).count());
    }
}

#[test]
fn the_validation_finds_violations() {
    let report = report(snapshot("clean"), &Options::default());
    let good = requests(&report).remove(0);
    assert!(wrong(&good).is_empty());
    for (pointer, bad) in [
        ("/Findings", json!([])),
        ("/Findings/0/Title", json!("x".repeat(257))),
        ("/Findings/0/Description", json!("x".repeat(1025))),
        ("/Findings/0/Description", json!(" ")),
        ("/Findings/0/Description", json!("two\nlines")),
        ("/Findings/0/Id", json!("x".repeat(513))),
        ("/Findings/0/AwsAccountId", json!("1111222233334")),
        ("/Findings/0/RecordState", json!("GONE")),
        ("/Findings/0/Severity/Label", json!("DIRE")),
        ("/Findings/0/Compliance/Status", json!("FAIL")),
        ("/Findings/0/ProductFields", json!({"a": "x".repeat(2049)})),
        ("/Findings/0/ProductFields", json!({"a": ""})),
        ("/Findings/0/Resources/0", json!({"Type": "Other"})),
        (
            "/Findings/0/Resources",
            json!(vec![good["Findings"][0]["Resources"][0].clone(); 33]),
        ),
        (
            "/Findings/0/Resources/0/Details",
            json!({"AwsMadeUpThing": {}}),
        ),
    ] {
        let mut request = good.clone();
        *request.pointer_mut(pointer).expect(pointer) = bad;
        assert!(!wrong(&request).is_empty(), "{pointer}");
    }
    let mut request = good.clone();
    let many = vec![good["Findings"][0].clone(); 101];
    request["Findings"] = json!(many);
    assert!(!wrong(&request).is_empty());
    for name in ["Title", "Resources", "ProductArn", "SchemaVersion"] {
        let mut request = good.clone();
        let finding = request["Findings"][0].as_object_mut().unwrap();
        finding.remove(name);
        assert!(!wrong(&request).is_empty(), "{name}");
    }
}

#[test]
fn a_request_holds_a_hundred_findings_of_one_region() {
    let report = report(snapshot("mixed"), &Options::default());
    let requests = requests(&report);
    let mut sizes = BTreeSet::new();
    for request in &requests {
        let findings = request["Findings"].as_array().unwrap();
        let products = findings.iter().map(|it| it["ProductArn"].as_str().unwrap());
        let products: BTreeSet<&str> = products.collect();
        assert_eq!(products.len(), 1);
        for finding in findings {
            // The README's script reads the region of a request from here.
            let region = finding["Resources"][0]["Region"].as_str().unwrap();
            assert_eq!(
                finding["ProductArn"],
                format!("arn:aws:securityhub:{region}:111122223333:product/111122223333/default")
            );
        }
        sizes.insert(findings.len());
    }
    assert_eq!(sizes.last(), Some(&100));
    // Findings of the account go to the first region that was scanned.
    let global = report.findings.iter().filter(|it| it.region == "global");
    let global: Vec<_> = global.filter(|it| it.status != Status::Skip).collect();
    assert!(!global.is_empty());
    for finding in global {
        let written = findings(&requests)
            .find(|it| it["Id"].as_str().unwrap().ends_with(&finding.id()))
            .unwrap();
        assert_eq!(written["Resources"][0]["Region"], "ap-southeast-1");
        assert_eq!(
            (
                &written["Resources"][0]["Type"],
                &written["Resources"][0]["Id"]
            ),
            (&json!("AwsAccount"), &json!("AWS::::Account:111122223333"))
        );
    }
}

#[test]
fn a_finding_has_the_values_of_the_report() {
    let types = &MODEL["shapes"]["ResourceDetails"]["members"];
    let mut report = report(hostile(), &Options::default());
    let failing = report
        .findings
        .iter_mut()
        .find(|it| it.status == Status::Fail)
        .unwrap();
    failing.waiver = Some(Box::new(Waiver {
        reason: "moves in Q2".into(),
        owner: "team-payments".into(),
        expires: "2026-06-30".into(),
    }));
    failing.gating = false;
    let requests = requests(&report);
    let mut seen = BTreeSet::new();
    for (written, finding) in findings(&requests).zip(report.shown(false)) {
        let compliance = match finding.status {
            Status::Pass => "PASSED",
            Status::Fail => "FAILED",
            Status::Warn => "WARNING",
            Status::Unknown => "NOT_AVAILABLE",
            Status::Skip => unreachable!(),
        };
        let severity = match (finding.status, finding.gating) {
            (Status::Fail, true) => "HIGH",
            (Status::Fail, false) | (Status::Warn | Status::Unknown, true) => "MEDIUM",
            (Status::Warn | Status::Unknown, false) => "LOW",
            _ => "INFORMATIONAL",
        };
        let state = match &finding.waiver {
            Some(_) => "ARCHIVED",
            None => "ACTIVE",
        };
        for (pointer, want) in [
            ("/SchemaVersion", json!("2018-10-08")),
            ("/AwsAccountId", json!("111122223333")),
            (
                "/GeneratorId",
                json!(format!("backup-check/{}", finding.rule.id)),
            ),
            ("/CreatedAt", json!("2026-03-03T06:00:18Z")),
            ("/UpdatedAt", json!("2026-03-03T06:00:18Z")),
            ("/Compliance/Status", json!(compliance)),
            ("/Severity/Label", json!(severity)),
            ("/FindingProviderFields/Severity/Label", json!(severity)),
            ("/RecordState", json!(state)),
            ("/ProductFields/backup-check~1finding", json!(finding.id())),
            ("/Resources/0/Partition", json!("aws")),
        ] {
            assert_eq!(
                written.pointer(pointer),
                Some(&want),
                "{pointer}: {written:#}"
            );
        }
        // A finding that does not pass has a reason.
        let reasons = written["Compliance"]["StatusReasons"].as_array();
        assert_eq!(reasons.is_some(), finding.status != Status::Pass);
        // <https://docs.aws.amazon.com/securityhub/latest/userguide/asff-type-taxonomy.html>
        let kind = written["FindingProviderFields"]["Types"][0]
            .as_str()
            .unwrap();
        assert!(kind.starts_with("Software and Configuration Checks/AWS Security Best Practices/"));
        // Every type but the account's is in the model.
        let kind = written["Resources"][0]["Type"].as_str().unwrap();
        let is_account = matches!(finding.kind, ResourceKind::Region | ResourceKind::Account);
        assert_eq!(kind == "AwsAccount", is_account);
        assert!(is_account || types.get(kind).is_some(), "{kind}");
        // The workflow is never updated, so a suppressed finding would stay hidden after its waiver expires.
        assert_eq!(written.get("Workflow"), None);
        seen.insert(compliance);
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
    let waived: Vec<&Value> = findings(&requests)
        .filter(|it| it["RecordState"] == "ARCHIVED")
        .collect();
    assert_eq!(waived.len(), 1);
    assert_eq!(waived[0]["Compliance"]["Status"], "FAILED");
    let fields = &waived[0]["ProductFields"];
    assert_eq!(fields["backup-check/waiver/reason"], "moves in Q2");
    assert_eq!(fields["backup-check/waiver/owner"], "team-payments");
    assert_eq!(fields["backup-check/waiver/expires"], "2026-06-30");
}

#[test]
fn long_texts_are_truncated_with_an_ellipsis() {
    let mut report = report(snapshot("clean"), &Options::default());
    let finding = &mut report.findings[0];
    finding.status = Status::Fail;
    Arc::make_mut(&mut finding.explanation).message = "\u{1F4A3}".repeat(400);
    Arc::make_mut(&mut finding.explanation).fix = Some("x".repeat(513));
    let resource = finding.resource.clone();
    let id = finding.id();
    let mut lines = report.resources.iter_mut();
    let line = lines.find(|it| it.arn == resource).unwrap();
    line.name = Some("y".repeat(5000));
    let requests = requests(&report);
    assert_eq!(wrong(&requests[0]), Vec::<String>::new());
    let written = findings(&requests)
        .find(|it| it["Id"].as_str().unwrap().ends_with(&id))
        .unwrap();
    // 255 characters of 4 bytes are 1,020 bytes; the ellipsis needs 3 of the remaining 4.
    let message = format!("{}\u{2026}", "\u{1F4A3}".repeat(255));
    assert_eq!(written["Description"], message);
    let fix = format!("{}\u{2026}", "x".repeat(509));
    assert_eq!(written["Remediation"]["Recommendation"]["Text"], fix);
    let name = &written["Resources"][0]["Details"]["Other"]["Name"];
    // <https://docs.aws.amazon.com/securityhub/latest/userguide/asff-resourcedetails-other.html>:
    // fewer than 1,024 characters.
    assert_eq!(*name, format!("{}\u{2026}", "y".repeat(1020)));
}

#[test]
fn rules_that_do_not_apply_are_archived() {
    let report = report(snapshot("mixed"), &Options::default());
    let requests: Vec<Value> = render_skipped("asff", &report)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let skipped: Vec<&Value> = findings(&requests)
        .filter(|it| it["Severity"]["Original"] == "skip")
        .collect();
    assert!(!skipped.is_empty());
    for finding in skipped {
        assert_eq!(finding["RecordState"], "ARCHIVED");
        assert_eq!(finding["Compliance"]["Status"], "NOT_AVAILABLE");
    }
}

#[test]
fn other_partitions_have_their_own_products() {
    let mut report = report(snapshot("clean"), &Options::default());
    report.findings.truncate(2);
    for (finding, region) in report
        .findings
        .iter_mut()
        .zip(["cn-north-1", "us-gov-west-1"])
    {
        finding.status = Status::Pass;
        finding.region = region.into();
        finding.resource = "aws_db_instance.main".into();
    }
    let requests = requests(&report);
    let products: Vec<&str> = findings(&requests)
        .map(|it| it["ProductArn"].as_str().unwrap())
        .collect();
    assert_eq!(
        products,
        [
            "arn:aws-cn:securityhub:cn-north-1:444455556666:product/444455556666/default",
            "arn:aws-us-gov:securityhub:us-gov-west-1:444455556666:product/444455556666/default",
        ]
    );
}

#[test]
fn without_an_account_or_region_nothing_is_written() {
    let error_of = |report: &Report| {
        let (out, result) = try_render("asff", report, FailOn::Fail, false);
        let error = result.unwrap_err();
        assert!(matches!(error, WriteError::Unfit { .. }));
        assert!(out.is_empty());
        error.to_string()
    };
    let mut no_account = report(snapshot("clean"), &Options::default());
    no_account.account_id = None;
    no_account
        .findings
        .iter_mut()
        .for_each(|it| it.account_id = None);
    let error = error_of(&no_account);
    assert!(
        error.contains("asff: no account id; ASFF is not available for plans and templates"),
        "{error}"
    );
    let mut no_region = report(snapshot("clean"), &Options::default());
    no_region.regions.clear();
    let error = error_of(&no_region);
    assert!(error.contains("no region"), "{error}");
}
