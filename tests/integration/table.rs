//! The report as text: its content, its order and its width.

mod account;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::Snapshot;
use backup_check::report::Report;
use backup_check::report::table::{self, Style};
use backup_check::rules;
use backup_check::settings::Settings;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use account::{
    ACCOUNT, REGION, account, add_failed_copy, bucket, key_arn, private_key, volume, with_volumes,
};

fn evaluated(snapshot: Value) -> Report {
    evaluated_with(snapshot, &Options::default())
}

fn evaluated_with(snapshot: Value, options: &Options) -> Report {
    let snapshot: Snapshot = serde_json::from_value(snapshot).expect("a snapshot");
    evaluate(&snapshot, &Settings::default(), options, &rules::ALL)
}

fn fixture(name: &str) -> Report {
    let path = format!(
        "{}/fixtures/accounts/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(&path).expect(&path);
    let snapshot = backup_check::source::saved::read_snapshot(&text).expect(&path);
    evaluate(
        &snapshot,
        &Settings::default(),
        &Options::default(),
        &rules::ALL,
    )
}

fn styled(report: &Report, style: Style) -> String {
    let mut out = Vec::new();
    table::write(report, &style, &mut out).expect("a vector accepts everything");
    String::from_utf8(out).expect("UTF-8")
}

/// Returns the report without colors, and checks what holds at every width.
fn plain(report: &Report, width: usize) -> String {
    let text = styled(
        report,
        Style {
            width,
            color: false,
            show_skipped: false,
        },
    );
    for line in text.lines() {
        assert!(line.width() <= width, "{} columns: {line}", line.width());
        assert!(!line.ends_with(' '), "a blank at the end of {line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    assert!(!text.starts_with('\n') && !text.contains("\n\n\n"));
    text
}

fn snapshot(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(format!("table-{name}"), text));
}

/// Returns the text without line breaks.
fn unwrapped(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn times(text: &str, part: &str) -> usize {
    unwrapped(text).matches(part).count()
}

fn position(text: &str, part: &str) -> usize {
    text.find(part)
        .unwrap_or_else(|| panic!("no {part:?} in:\n{text}"))
}

#[test]
fn a_thousand_volumes_under_one_key_are_one_cause() {
    let volumes = (0..1000)
        .map(|n| {
            volume(
                REGION,
                &format!("vol-{n:017x}"),
                &key_arn(REGION, "1"),
                json!({"backup": "enabled", "Name": format!("data-{n}")}),
            )
        })
        .collect();
    let mut account = with_volumes(volumes);
    for n in 0..1000 {
        let id = format!("vol-{n:017x}");
        add_failed_copy(&mut account, n, &id, "Given key ID is not accessible");
    }
    let text = plain(&evaluated(account), 80);
    assert!(text.lines().count() < 64, "{text}");
    assert_eq!(times(&text, "Given key ID is not accessible"), 1, "{text}");
    assert_eq!(
        times(&text, "does not let 692653576357 use kms:DescribeKey"),
        1,
        "{text}"
    );
    assert!(text.contains("kms-key-shared · 1000 ebs-volumes"), "{text}");
    assert!(
        text.contains("+ 996 more ebs-volumes in eu-central-1"),
        "{text}"
    );
    assert!(text.contains("vol-00000000000000000 (data-0)"), "{text}");
    assert!(
        text.contains("backup-check explain kms-key-shared"),
        "{text}"
    );
    snapshot("thousand-volumes", &text);
}

#[test]
fn a_thousand_causes_of_one_rule_do_not_fill_the_screen() {
    let mut account = with_volumes(
        (0..1000)
            .map(|n| {
                volume(
                    REGION,
                    &format!("vol-{n:017x}"),
                    &key_arn(REGION, &format!("k{n}")),
                    json!({"backup": "enabled"}),
                )
            })
            .collect(),
    );
    for n in 0..1000 {
        account["keys"][key_arn(REGION, &format!("k{n}"))] = private_key();
    }
    let text = plain(&evaluated(account), 80);
    assert!(text.lines().count() < 250, "{}", text.lines().count());
    assert!(text.contains("kms-key-shared · 991 ebs-volumes"), "{text}");
    assert!(text.contains("991 similar causes"), "{text}");
}

#[test]
fn the_same_message_about_two_resources_is_shown_once() {
    let mut account = account();
    let mut buckets: Vec<Value> = ["logs-prod", "logs-test"]
        .iter()
        .map(|name| bucket(name, json!({"backup": "enabled"})))
        .collect();
    for bucket in &mut buckets {
        bucket["versioning"] = json!({"known": null});
    }
    account["buckets"]["items"] = Value::Array(buckets);
    let text = plain(&evaluated(account), 80);
    assert_eq!(times(&text, "versioning was never enabled"), 1, "{text}");
    assert_eq!(
        times(&text, "put-bucket-versioning --bucket <id> --versioning"),
        1,
        "{text}"
    );
}

#[test]
fn a_command_for_one_resource_contains_its_name() {
    let mut account = account();
    let mut logs = bucket("logs-prod", json!({"backup": "enabled"}));
    logs["versioning"] = json!({"known": "Suspended"});
    account["buckets"]["items"] = json!([logs]);
    let text = plain(&evaluated(account), 80);
    assert_eq!(
        times(
            &text,
            "put-bucket-versioning --bucket logs-prod --versioning"
        ),
        1,
        "{text}"
    );
}

#[test]
fn gating_sections_come_first_and_the_worst_before_the_rest() {
    let text = plain(&fixture("mixed"), 80);
    let order = [
        "Account 111122223333",
        "TO BE BACKED UP",
        "not-ready: ",
        "unknown: ",
        "at-risk: ",
        "ready: ",
        "WITHOUT A BACKUP TAG",
        "EXEMPT",
        "COUNTS",
        "COULD NOT BE READ",
        "SUMMARY",
        "NEXT",
    ];
    let text = format!("\n{text}");
    let places: Vec<usize> = order
        .iter()
        .map(|part| position(&text, &format!("\n{part}")))
        .collect();
    assert!(places.is_sorted(), "{places:?}\n{text}");
}

#[test]
fn every_failing_resource_to_be_backed_up_is_named_or_counted() {
    let report = fixture("mixed");
    let text = plain(&report, 120);
    let collapsed: usize = text
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("+ ")?
                .split(' ')
                .next()?
                .parse::<usize>()
                .ok()
        })
        .sum();
    let failing: Vec<&str> = report
        .resources
        .iter()
        .filter(|it| it.backup_tag.as_str() == "enabled" && it.verdict.as_str() == "not-ready")
        .map(|it| it.id.as_str())
        .collect();
    let unnamed = failing.iter().filter(|id| !text.contains(*id)).count();
    assert!(
        unnamed <= collapsed,
        "{unnamed} of {} are missing, {collapsed} counted",
        failing.len()
    );
}

#[test]
fn every_reference_is_to_a_cause_that_is_shown_once() {
    for width in [72, 80, 140] {
        let text = plain(&fixture("mixed"), width);
        let mut shown: Vec<&str> = Vec::new();
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("  [") {
                let number = rest.split(']').next().unwrap_or_default();
                if !line.contains("(see above)") {
                    assert!(!shown.contains(&number), "[{number}] twice");
                    shown.push(number);
                }
            }
        }
        for reference in text
            .split('[')
            .skip(1)
            .filter_map(|rest| rest.split_once(']'))
            .map(|(number, _)| number)
        {
            if reference.bytes().all(|b| b.is_ascii_digit()) {
                assert!(
                    shown.contains(&reference),
                    "[{reference}] is not shown\n{text}"
                );
            }
        }
        assert!(shown.len() > 20);
    }
}

#[test]
fn up_to_forty_untagged_resources_have_a_line_each() {
    let volumes = (0..45)
        .map(|n| {
            volume(
                REGION,
                &format!("vol-{n:017x}"),
                &key_arn(REGION, if n < 3 { "1" } else { "2" }),
                json!({}),
            )
        })
        .collect();
    let mut account = with_volumes(volumes);
    let mut shared = private_key();
    let open = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}});
    shared["policy"]["known"] = json!(open.to_string());
    account["keys"][key_arn(REGION, "2")] = shared;
    let text = plain(&evaluated(account), 80);
    let lines = text
        .lines()
        .filter(|line| line.contains(" vol-0000000"))
        .count();
    assert_eq!(lines, 40, "{text}");
    assert!(text.contains("and 5 more (5 ready)"), "{text}");
    // The missing tag itself does not affect the verdict.
    assert!(
        text.contains("  not-ready ebs-volume eu-central-1 vol-00000000000000000"),
        "{text}"
    );
    assert!(
        text.contains("  ready     ebs-volume eu-central-1 vol-00000000000000003"),
        "{text}"
    );
    assert!(
        unwrapped(&text).contains("No resource is tagged backup=enabled"),
        "{text}"
    );
    snapshot("untagged", &text);
}

#[test]
fn preflight_counts_untagged_resources() {
    let volumes = vec![volume(REGION, "vol-0a", &key_arn(REGION, "1"), json!({}))];
    let options = Options {
        preflight: true,
        ..Options::default()
    };
    let text = plain(&evaluated_with(with_volumes(volumes), &options), 80);
    assert!(
        text.contains("TO BE BACKED UP: 1 resource (1 without a tag)"),
        "{text}"
    );
    assert!(!text.contains("WITHOUT A BACKUP TAG"), "{text}");
}

#[test]
fn hostile_and_wide_names_move_neither_the_cursor_nor_the_columns() {
    let tags = |name: &str| json!({"backup": "enabled", "Name": name});
    let long = "x".repeat(256);
    let names = [
        "\u{1b}[2J\u{1b}[31mred",
        "line\nbreak\ttab",
        "\u{202e}gnp.exe",
        "\u{9b}31mcsi",
        "\u{7}bell",
        "zero\u{200b}width",
        "データベース本番",
        "監視 👩‍💻",
        "🚀🚀🚀",
        "e\u{301}te\u{301}",
        &long,
        "",
    ];
    let mut volumes: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(n, name)| {
            volume(
                REGION,
                &format!("vol-{n:017x}"),
                &key_arn(REGION, &format!("k{}", n % 5)),
                tags(name),
            )
        })
        .collect();
    volumes.push(volume(
        REGION,
        "vol-\u{1b}]0;title\u{7}",
        &key_arn(REGION, "k0"),
        json!({"backup": "enabled\u{1b}[31m\u{202e}\n"}),
    ));
    volumes.push(volume(
        REGION,
        "vol-untagged",
        &key_arn(REGION, "k0"),
        json!({"Name": "監視 \u{1b}[31m"}),
    ));
    let mut account = with_volumes(volumes);
    for n in 0..5 {
        account["keys"][key_arn(REGION, &format!("k{n}"))] = private_key();
    }
    account["keys"][key_arn(REGION, "k0")]["policy"] = json!({"unknown": {
        "kind": "error", "operation": "kms:GetKeyPolicy", "message": "proxy said \u{1b}[31m<html>\r\n</html>",
    }});
    account["coverage"] = json!([{"region": REGION, "service": "kms", "state": "error", "resources": 0, "error": {
        "code": "\u{1b}[31m", "operation": "kms:GetKeyPolicy", "message": "proxy said \u{1b}[31m<html>\r\n</html>",
    }}]);
    let message = "\u{1b}[31mfailed\u{202e}\n\"quoted\" 👩‍💻";
    add_failed_copy(&mut account, 0, &format!("vol-{:017x}", 0), message);
    let report = evaluated(account);
    for width in [72, 80, 132, 400] {
        plain(&report, width);
    }
    let text = plain(&report, 80);
    assert!(text.contains("\\u{1b}[2J"), "{text}");
    assert!(text.contains("データベース本番"), "{text}");
    assert!(text.contains('…'), "{text}");
    snapshot("hostile", &text);
}

#[test]
fn an_empty_account_has_nothing_to_back_up() {
    let text = plain(&evaluated(account()), 80);
    assert!(unwrapped(&text).contains("Nothing to back up"), "{text}");
    assert!(!text.contains("INCOMPLETE"), "{text}");
    snapshot("empty", &text);
}

#[test]
fn an_untagged_gateway_needs_no_tag() {
    let gateway = |id: &str, tags: Value| {
        let arn = format!("arn:aws:storagegateway:{REGION}:{ACCOUNT}:gateway/{id}");
        json!({"arn": arn, "id": id, "tags": {"known": tags}, "gateway_type": {"known": "FILE_S3"}})
    };
    let mut account = account();
    account["regions"][REGION]["gateways"]["items"] = json!([gateway("sgw-1", json!({}))]);
    let text = plain(&evaluated(account.clone()), 72);
    assert!(!text.contains("WITHOUT A BACKUP TAG"), "{text}");
    assert!(unwrapped(&text).contains("Nothing to back up"), "{text}");
    // A tagged gateway is not backed up, and its finding gates.
    let tagged = gateway("sgw-2", json!({"backup": "enabled"}));
    account["regions"][REGION]["gateways"]["items"] = json!([tagged]);
    let text = plain(&evaluated(account), 72);
    assert!(text.contains("not-ready: 1"), "{text}");
    assert!(text.contains("sgw-2"), "{text}");
}

#[test]
fn no_access_is_not_mistaken_for_an_empty_account() {
    let text = plain(&fixture("no-access"), 80);
    assert!(text.contains("INCOMPLETE:"), "{text}");
    assert!(!text.contains("Nothing to back up"), "{text}");
    assert!(
        unwrapped(&text).contains("Nothing could be checked"),
        "{text}"
    );
    assert!(text.contains("backup-check iam-policy"), "{text}");
    assert_eq!(
        text.lines()
            .filter(|line| line.contains("dynamodb:ListTables"))
            .count(),
        1,
        "{text}"
    );
    snapshot("no-access", &text);
}

#[test]
fn an_interrupted_scan_is_incomplete_in_the_first_line() {
    let mut account = with_volumes(vec![volume(
        REGION,
        "vol-0a",
        &key_arn(REGION, "1"),
        json!({"backup": "enabled"}),
    )]);
    account["interrupted"] = json!(true);
    account["regions"][REGION]["tables"] = json!({"items": [], "gap": {
        "kind": "interrupted", "operation": "dynamodb:ListTables", "message": "stopped by Ctrl-C",
    }});
    let text = plain(&evaluated(account), 80);
    assert!(text.starts_with("INCOMPLETE: "), "{text}");
    assert!(
        unwrapped(&text)
            .contains("dynamodb in eu-central-1: dynamodb:ListTables was not completed"),
        "{text}"
    );
    snapshot("interrupted", &text);
}

#[test]
fn disabled_regions_are_named() {
    let mut account = account();
    account["regions"]["ap-southeast-1"] = json!({"disabled": true});
    account["coverage"] = json!([
        {"region": "ap-southeast-1", "service": "ec2", "state": "disabled", "resources": 0, "error": null},
        {"region": "ap-southeast-1", "service": "kms", "state": "disabled", "resources": 0, "error": null},
    ]);
    let text = plain(&evaluated(account), 80);
    assert!(
        text.contains("disabled not enabled for this account: ap-southeast-1"),
        "{text}"
    );
}

#[test]
fn the_report_on_a_healthy_account_is_short() {
    let text = plain(&fixture("clean"), 80);
    assert!(text.lines().count() < 45, "{text}");
    assert!(
        unwrapped(&text).contains("can be copied to the central account 692653576357"),
        "{text}"
    );
    assert!(!text.contains("NEXT"), "{text}");
    snapshot("clean", &text);
}

#[test]
fn a_mixed_account() {
    snapshot("mixed", &plain(&fixture("mixed"), 80));
    plain(&fixture("mixed"), 72);
    plain(&fixture("mixed"), 160);
}

#[test]
fn counts_agree_with_the_resources() {
    let report = fixture("mixed");
    let text = plain(&report, 80);
    let counts = &text[position(&text, "\nCOUNTS")..];
    let all = counts
        .lines()
        .find(|line| line.trim_start().starts_with("all "))
        .expect("a last row");
    let total = all
        .split_whitespace()
        .last()
        .and_then(|number| number.parse().ok());
    assert_eq!(total, Some(report.resources.len()), "{all}");
}

#[test]
fn skipped_findings_are_shown_on_request() {
    let report = evaluated(with_volumes(vec![volume(
        REGION,
        "vol-0a",
        &key_arn(REGION, "1"),
        json!({"backup": "enabled"}),
    )]));
    let style = Style {
        width: 80,
        color: false,
        show_skipped: true,
    };
    let text = styled(&report, style);
    assert!(text.contains("SKIPPED"), "{text}");
    assert!(text.contains("part of no instance and no stack"), "{text}");
    assert!(!plain(&report, 80).contains("SKIPPED"));
}

#[test]
fn colors_do_not_change_the_text() {
    let report = fixture("mixed");
    let colored = styled(
        &report,
        Style {
            width: 80,
            color: true,
            show_skipped: false,
        },
    );
    assert!(
        colored.contains("\u{1b}[1m\u{1b}[31mnot-ready: "),
        "{colored}"
    );
    let mut stripped = String::new();
    let mut rest = colored.as_str();
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        stripped.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    stripped.push_str(rest);
    for line in stripped.lines() {
        assert!(!line.ends_with(' '), "{line:?}");
    }
    assert_eq!(stripped, plain(&report, 80));
}
