//! The report as text: its content, its order and its width.

mod account;
mod glance;

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::model::Snapshot;
use backup_check::report::table::{self, Style, TableView};
use backup_check::report::{Report, Status};
use backup_check::rules;
use backup_check::settings::Settings;
use serde_json::{Value, json};
use unicode_width::UnicodeWidthStr;

use account::{REGION, account, add_failed_copy, key_arn, private_key, volume, with_volumes};

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
    table::write(report, &style, FailOn::Fail, &mut out).expect("a vector accepts everything");
    String::from_utf8(out).expect("UTF-8")
}

/// Returns the report without colors, and checks what holds at every width.
fn plain(report: &Report, width: usize) -> String {
    let text = styled(report, Style::plain(width));
    check_layout(&text, width);
    text
}

fn check_layout(text: &str, width: usize) {
    for line in text.lines() {
        // The id of a resource is on its own line if it is long.
        let is_id = line.split(' ').count() == 3 && !line.starts_with(' ');
        let is_command = line.contains("backup-check ") || line.contains("`aws ");
        assert!(
            is_command || is_id || line.width() <= width,
            "{} columns: {line}",
            line.width()
        );
        assert!(!line.ends_with(' '), "a blank at the end of {line:?}");
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    assert!(!text.starts_with('\n') && !text.contains("\n\n\n"));
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

#[test]
fn a_thousand_volumes_under_one_key_are_one_cause() {
    let key = key_arn(REGION, "1");
    let tags = json!({"backup": "enabled"});
    let volumes = (0..1_000)
        .map(|n| volume(REGION, &format!("vol-{n:04}"), &key, tags.clone()))
        .collect();
    let text = plain(&evaluated(with_volumes(volumes)), 80);
    assert_eq!(times(&text, "1000 ebs-volumes:"), 1, "{text}");
    assert!(text.lines().count() <= 60, "{text}");
}

#[test]
fn a_narrow_table_of_services_is_two() {
    for width in [40, 50, 60, 71] {
        for account in ["mixed", "clean", "no-access"] {
            plain(&fixture(account), width);
        }
        let text = plain(&fixture("mixed"), width);
        let rows = text.lines().filter(|line| line.starts_with("redshift "));
        assert_eq!(rows.count(), 2, "{text}");
    }
}

#[test]
fn the_summary_fits_a_screen_at_every_width() {
    for account in ["mixed", "clean", "no-access"] {
        for width in [80, 100, 140] {
            let lines = plain(&fixture(account), width).lines().count();
            assert!(lines <= 60, "{lines} lines of {account} in {width} columns");
        }
    }
}

#[test]
fn commands_are_on_one_line_and_have_no_placeholders() {
    let mut report = fixture("mixed");
    report.arguments = format!(" --from {}.json", "long-name-".repeat(12));
    for view in [TableView::Summary, TableView::Causes, TableView::Resources] {
        let style = Style {
            view,
            ..Style::plain(80)
        };
        let text = styled(&report, style);
        let commands = text
            .lines()
            .filter(|line| line.contains("backup-check scan --view"));
        assert!(
            commands.clone().all(|line| line.ends_with(".json")),
            "{text}"
        );
        assert!(!text.contains("<arn>") && !text.contains("<id>"), "{text}");
    }
}

#[test]
fn every_resource_to_be_backed_up_has_a_row_on_request() {
    let report = fixture("mixed");
    let style = Style {
        view: TableView::Resources,
        ..Style::plain(140)
    };
    let text = styled(&report, style);
    for resource in &report.resources {
        assert!(
            text.contains(&resource.id),
            "{} is not in the table",
            resource.id
        );
    }
}

#[test]
fn every_cause_is_shown_on_request_with_its_rule() {
    let report = fixture("mixed");
    let style = Style {
        view: TableView::Causes,
        ..Style::plain(80)
    };
    let text = styled(&report, style);
    let failing = report
        .findings
        .iter()
        .filter(|it| it.status == Status::Fail);
    for finding in failing {
        assert!(
            text.contains(finding.rule.id),
            "{} is not shown",
            finding.rule.id
        );
    }
}

#[test]
fn one_resource_is_a_card_with_every_family_and_its_fix() {
    let mut options = Options::default();
    let tags = json!({"backup": "enabled"});
    let volume = volume(REGION, "vol-0a", &key_arn(REGION, "1"), tags);
    let arn = volume["arn"].as_str().expect("an ARN").to_owned();
    options.selection.resources.insert(arn);
    let text = plain(&evaluated_with(with_volumes(vec![volume]), &options), 80);
    assert!(text.contains("not-ready: ebs-volume vol-0a"), "{text}");
    for family in ["tag", "encr", "key", "service"] {
        assert!(text.contains(&format!(" {family}")), "{family}: {text}");
    }
    assert!(
        text.contains("fix:") && text.contains("backup-check fix "),
        "{text}"
    );
}

#[test]
fn the_table_is_ascii_on_request() {
    let style = Style {
        ascii: true,
        ..Style::plain(80)
    };
    for view in [TableView::Summary, TableView::Causes, TableView::Resources] {
        let report = fixture("mixed");
        let text = styled(&report, Style { view, ..style });
        // Names keep their letters.
        let sign = text.chars().find(|c| !c.is_ascii() && !c.is_alphanumeric());
        assert_eq!(sign, None, "{text}");
        if view == TableView::Summary {
            assert!(text.contains(" x ") && text.contains(" ok"), "{text}");
            assert!(text.contains('~'), "{text}");
        }
    }
}

#[test]
fn the_result_is_two_lines() {
    let text = plain(&fixture("mixed"), 80);
    let result = text.find("Result:").unwrap();
    assert_eq!(text[result..].lines().count(), 2, "{text}");
    let text = plain(&fixture("mixed"), 140);
    let result = text.find("Result:").unwrap();
    assert!(text[result..].lines().count() <= 2, "{text}");
}

#[test]
fn nothing_is_called_ready_where_the_account_cannot_copy() {
    let mut report = fixture("clean");
    let finding = report
        .findings
        .iter_mut()
        .find(|it| it.rule.id == "backup-role-ready")
        .expect("the rule is checked");
    finding.status = Status::Fail;
    let text = plain(&report, 80).replace("\n  ", " ");
    assert!(
        !text.contains("backed up can be copied to the central account"),
        "{text}"
    );
    assert!(
        text.contains("cannot be copied to the central account")
            && text.contains("backup-role-ready"),
        "{text}"
    );
}

// The copies are made: recov-point-create-a-copy.html.
#[test]
fn copies_that_expire_early_are_not_called_impossible() {
    let mut report = fixture("clean");
    let findings = report.findings.iter_mut();
    let of_rule = findings.filter(|it| it.rule.id == "central-copy-retained");
    of_rule.for_each(|finding| finding.status = Status::Fail);
    let text = plain(&report, 80).replace("\n  ", " ");
    assert!(
        text.contains("do not outlive local backups: the account fails central-copy-retained"),
        "{text}"
    );
    assert!(!text.contains("cannot be copied"), "{text}");
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
    for width in [80, 132, 400] {
        plain(&report, width);
    }
    let resources = Style {
        view: TableView::Resources,
        ..Style::plain(140)
    };
    let text = styled(&report, resources);
    assert!(text.contains("\\u{1b}[2J"), "{text}");
    assert!(text.contains("データベース本番"), "{text}");
    assert!(text.contains('…'), "{text}");
    snapshot("hostile", &text);
}

#[test]
fn an_empty_account_has_nothing_to_back_up() {
    let text = plain(&evaluated(account()), 80);
    assert!(unwrapped(&text).contains("Nothing to back up"), "{text}");
    assert!(!text.contains("Incomplete"), "{text}");
    snapshot("empty", &text);
}

#[test]
fn no_access_is_not_mistaken_for_an_empty_account() {
    let report = fixture("no-access");
    let text = plain(&report, 80);
    assert!(text.contains("Incomplete:"), "{text}");
    assert!(!text.contains("Nothing to back up"), "{text}");
    assert!(
        unwrapped(&text).contains("Nothing could be checked"),
        "{text}"
    );
    assert!(text.contains("backup-check iam-policy"), "{text}");
    snapshot("no-access", &text);
    let causes = Style {
        view: TableView::Causes,
        ..Style::plain(80)
    };
    let text = styled(&report, causes);
    assert_eq!(times(&text, "dynamodb:ListTables"), 1, "{text}");
}

#[test]
fn a_mixed_account() {
    snapshot("mixed", &plain(&fixture("mixed"), 80));
    plain(&fixture("mixed"), 160);
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
        show_skipped: true,
        ..Style::plain(80)
    };
    let text = styled(&report, style);
    assert!(text.contains("SKIPPED"), "{text}");
    assert!(
        text.contains("not part of an instance or a stack"),
        "{text}"
    );
    assert!(!plain(&report, 80).contains("SKIPPED"));
}

#[test]
fn colors_do_not_change_the_text() {
    let report = fixture("mixed");
    let colored = styled(
        &report,
        Style {
            color: true,
            ..Style::plain(80)
        },
    );
    assert!(colored.contains("\u{1b}[1mResult:\u{1b}[0m"), "{colored}");
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

/// Returns a text without hyperlinks, and their addresses.
fn without_links(text: &str) -> (String, Vec<String>) {
    let mut urls = Vec::new();
    let mut parts = text.split("\u{1b}]8;;");
    let mut plain = parts.next().unwrap().to_owned();
    for part in parts {
        let (url, rest) = part.split_once("\u{1b}\\").unwrap();
        urls.push(url.to_owned());
        plain.push_str(rest);
    }
    urls.retain(|url| !url.is_empty());
    (plain, urls)
}

#[test]
fn names_of_resources_and_rules_are_hyperlinks_and_change_no_word() {
    let report = fixture("mixed");
    for view in [TableView::Summary, TableView::Causes, TableView::Resources] {
        let style = Style {
            view,
            ..Style::plain(100)
        };
        let linked = styled(
            &report,
            Style {
                links: true,
                ..style
            },
        );
        let (plain, urls) = without_links(&linked);
        assert_eq!(plain, styled(&report, style), "{view:?}");
        assert!(!urls.is_empty(), "{view:?}");
        let console = |url: &String| url.contains(".console.aws.amazon.com/");
        let rule = |url: &String| url.ends_with("#kms-key-shared");
        match view {
            TableView::Summary => assert!(urls.iter().any(console)),
            _ => assert!(
                urls.iter().any(console) && urls.iter().any(rule),
                "{view:?}"
            ),
        }
        let volume = "\u{1b}]8;;https://eu-central-1.console.aws.amazon.com/ec2/home?region=eu-central-1#VolumeDetails:volumeId=vol-005c961941f2c8848\u{1b}\\vol-005c961941f2c8848\u{1b}]8;;\u{1b}\\";
        assert!(linked.contains(volume), "{view:?}");
    }
}

#[test]
fn an_id_that_looks_like_a_word_is_a_hyperlink_only_as_a_name() {
    let text = std::fs::read_to_string(format!(
        "{}/fixtures/accounts/clean.json",
        env!("CARGO_MANIFEST_DIR")
    ));
    let text = text
        .unwrap()
        .replace("shop-access-logs-444455556666", "resources");
    let report = evaluated(serde_json::from_str(&text).unwrap());
    let style = Style {
        view: TableView::Resources,
        links: true,
        ..Style::plain(100)
    };
    let (plain, urls) = without_links(&styled(&report, style));
    let of_bucket = urls
        .iter()
        .filter(|url| url.contains("/s3/buckets/resources?"));
    assert_eq!(of_bucket.count(), plain.matches("s3 resources").count());
    assert!(plain.matches("resources").count() > plain.matches("s3 resources").count());
}
