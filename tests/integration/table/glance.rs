//! The answer at a glance: its length, and that nothing in it promises too much.

use backup_check::evaluate::Options;
use backup_check::exit::FailOn;
use backup_check::report::table::{self, Style, TableView};
use backup_check::report::{Baseline, Comparison, StaleState, StaleWaiver};
use serde_json::json;

use super::account::{REGION, key_arn, volume, with_volumes};
use super::{check_layout, evaluated, evaluated_with, fixture, plain, styled, unwrapped};

#[test]
fn a_few_resources_with_long_names_fit_a_screen() {
    for number in [1, 12, 20, 21, 60] {
        let volumes = (0..number)
            .map(|n| {
                let id = format!("vol-{n:03}-{}", "long".repeat(15));
                let key = key_arn(REGION, &n.to_string());
                volume(REGION, &id, &key, json!({"backup": "enabled"}))
            })
            .collect();
        let report = evaluated(with_volumes(volumes));
        for width in [80, 100, 140] {
            let text = plain(&report, width);
            let lines = text.lines().count();
            assert!(lines <= 60, "{lines} lines of {number} in {width}: {text}");
            let rows = text.lines().filter(|it| it.contains(" ebs vol-")).count();
            assert!(rows > 0, "{text}");
            let omits = text.contains("scan --view resources");
            assert!(omits || rows == number, "{rows} of {number}: {text}");
        }
    }
}

#[test]
fn no_row_is_wider_than_the_terminal() {
    for account in ["mixed", "clean", "no-access"] {
        let report = fixture(account);
        for view in [TableView::Causes, TableView::Resources] {
            for width in [80, 100, 140] {
                let style = Style {
                    view,
                    ..Style::plain(width)
                };
                check_layout(&styled(&report, style), width);
            }
        }
    }
}

#[test]
fn resources_that_pass_can_be_listed() {
    let text = plain(&fixture("clean"), 80);
    let command = "all resources: backup-check scan --view resources";
    assert!(text.contains(command), "{text}");
}

#[test]
fn an_untagged_resource_is_promised_nothing_that_the_account_does_not_keep() {
    // organization-member is unknown there, so no copy is certain; one Region has a vault that rejects all backups.
    let text = unwrapped(&plain(&fixture("mixed"), 80));
    let untagged = "24 could be tagged backup=enabled if the account is ready; 8 are at risk; 1 is blocked by the account.";
    assert!(text.contains(untagged), "{text}");
    let volumes = vec![volume(REGION, "vol-0a", &key_arn(REGION, "1"), json!({}))];
    let text = unwrapped(&plain(&evaluated(with_volumes(volumes)), 80));
    assert!(
        text.contains("none could be tagged backup=enabled today"),
        "{text}"
    );
}

#[test]
fn what_was_denied_is_counted_on_one_line() {
    // 9 rows of coverage of the fixture are denied or have a denied call.
    for (width, services) in [
        (80, ""),
        (
            140,
            " (backup, dynamodb, kms, rds, redshift, s3, storagegateway)",
        ),
    ] {
        let text = plain(&fixture("mixed"), width);
        let line = format!(
            "Incomplete: at least 9 calls were denied{services}; see `backup-check iam-policy`."
        );
        assert!(text.lines().any(|it| it == line), "{text}");
    }
}

#[test]
fn a_card_has_ten_lines_at_most() {
    let mixed = std::fs::read_to_string(format!(
        "{}/fixtures/accounts/mixed.json",
        env!("CARGO_MANIFEST_DIR")
    ));
    let mixed: serde_json::Value = serde_json::from_str(&mixed.expect("a fixture")).expect("JSON");
    let report = fixture("mixed");
    let backed_up = report.resources.iter().filter(|it| it.kind.is_backed_up());
    for resource in backed_up.step_by(9) {
        let mut options = Options::default();
        options.selection.resources.insert(resource.arn.clone());
        let text = plain(&evaluated_with(mixed.clone(), &options), 80);
        let card = text.split("\n\n").nth(1).expect("a card");
        let lines = card.lines().count();
        assert!((2..=10).contains(&lines), "{lines} lines: {card}");
        let is_ready = card.starts_with("ready") || card.starts_with("exempt");
        assert!(is_ready || card.contains("\n  backup-check "), "{card}");
    }
}

#[test]
fn a_cause_of_several_resources_has_a_fix() {
    let report = fixture("mixed");
    let style = Style {
        view: TableView::Causes,
        ..Style::plain(80)
    };
    let text = styled(&report, style);
    for block in text
        .split("\n\n")
        .filter(|it| it.contains("\n  backup-check fix "))
    {
        assert!(block.contains("\n  fix: "), "{block}");
    }
}

#[test]
fn the_command_that_lists_stale_waivers_is_on_one_line() {
    let mut report = fixture("clean");
    report.arguments = format!(" --from {}.json", "long-name-".repeat(12));
    report.stale_waivers = vec![StaleWaiver {
        state: StaleState::Unused,
        rule: "kms-key-shared".to_owned(),
        resource: "*".to_owned(),
        reason: String::new(),
        owner: String::new(),
        expires: "2026-06-30".to_owned(),
        line: 1,
        findings: 0,
    }];
    let text = plain(&report, 80);
    let command = format!("  backup-check scan --view causes{}", report.arguments);
    assert!(text.lines().any(|it| it == command), "{text}");
}

#[test]
fn causes_with_different_messages_are_shown_as_an_example() {
    // Only 4 of the 11 resources that cannot be copied are Redshift clusters or namespaces.
    let text = plain(&fixture("mixed"), 140);
    let merged = "11 resources, for example: a Redshift cluster: AWS Backup cannot copy";
    assert!(text.contains(merged), "{text}");
    let same = "35 resources: key ea2092fb does not let";
    assert!(text.contains(same), "{text}");
}

#[test]
fn what_is_new_comes_first_where_the_gate_is_about_it() {
    let mut report = fixture("mixed");
    // A cause of one resource, far below the largest ones.
    for finding in &mut report.findings {
        let is_new = finding.rule.id == "backup-recent" && finding.resource_id == "crm-sqlserver";
        finding.baseline = Some(if is_new {
            Baseline::New
        } else {
            Baseline::Unchanged
        });
    }
    report.comparison = Some(Comparison {
        new: 1,
        unchanged: report.findings.len() - 1,
        ..Comparison::default()
    });
    for (gate, view, first) in [
        (
            FailOn::New,
            TableView::Summary,
            "1 rds-instance, 1 new: the newest backup",
        ),
        (FailOn::Fail, TableView::Summary, "35 resources: key"),
        (
            FailOn::New,
            TableView::Causes,
            "1 rds-instance; 1 new backup-recent",
        ),
    ] {
        let style = Style {
            view,
            ..Style::plain(80)
        };
        let mut out = Vec::new();
        table::write(&report, &style, gate, &mut out).expect("a vector accepts everything");
        let text = String::from_utf8(out).expect("UTF-8");
        let causes = text
            .split_once("FIX FIRST")
            .map_or(text.as_str(), |(_, rest)| rest);
        let cause = causes.lines().find(|it| it.trim_start().starts_with("✗ "));
        assert!(cause.is_some_and(|it| it.contains(first)), "{text}");
        if gate == FailOn::New && view == TableView::Summary {
            let row = text.lines().find(|it| it.starts_with("✗ "));
            assert!(
                row.is_some_and(|it| it.starts_with("✗ rds crm-sqlserver ")),
                "{text}"
            );
            assert!(
                unwrapped(&text).ends_with("Exit code 1: 1 new failure."),
                "{text}"
            );
        }
    }
}
