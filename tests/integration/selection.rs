//! `--service` and `--resource` on saved accounts, and what the flags refuse.

use std::collections::BTreeSet;

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::selection::{Selection, Target};
use backup_check::model::service::Service;
use backup_check::model::{ResourceKind, Snapshot};
use backup_check::report::{Finding, Report};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::saved;

use crate::support::command::{Run, backup_check, repository, run};

fn account(name: &str) -> Snapshot {
    let path = repository().join(format!("fixtures/accounts/{name}.json"));
    saved::read_snapshot(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn evaluate_selection(snapshot: &Snapshot, selection: Selection) -> Report {
    let options = Options {
        selection,
        ..Options::default()
    };
    evaluate(snapshot, &Settings::default(), &options, &ALL)
}

fn describe_finding(finding: &Finding) -> (String, String, String, String) {
    (
        finding.resource.clone(),
        finding.rule.id.to_owned(),
        finding.status.as_str().to_owned(),
        finding.explanation.message.clone(),
    )
}

/// The rule whose findings need stacks, which only a selection of CloudFormation includes.
const ABOUT_STACKS: &str = "backup-not-duplicated";

/// What a report says of some resources, settings apart, without what it says of the stacks that contain them.
fn find_findings<'a>(
    report: &'a Report,
    holds: impl Fn(&Finding) -> bool + 'a,
) -> BTreeSet<(String, String, String, String)> {
    let settings = [ResourceKind::Region, ResourceKind::Account];
    let own = report.findings.iter();
    let own = own.filter(|it| !settings.contains(&it.kind) && holds(it));
    let own = own.filter(|it| it.rule.id != ABOUT_STACKS);
    own.map(describe_finding).collect()
}

#[test]
fn a_selection_yields_the_same_findings_as_the_complete_account() {
    for name in ["clean", "mixed", "no-access"] {
        let snapshot = account(name);
        let full = evaluate_selection(&snapshot, Selection::default());
        for service in Service::ALL.into_iter().filter(|it| *it != Service::Kms) {
            let part = evaluate_selection(&snapshot, Selection::of_services([service]));
            assert_eq!(
                find_findings(&part, |_| true),
                find_findings(&full, |it| it.kind.service() == Some(service)),
                "{name}: {service:?}"
            );
            assert!(
                part.unread
                    .iter()
                    .all(|it| { [service.as_str(), "regions"].contains(&it.service) })
            );
            let whole_rows: Vec<&str> =
                full.coverage.iter().map(|it| it.service.as_str()).collect();
            assert!(part.coverage.len() <= whole_rows.len());
        }
        let lines = full.resources.iter();
        for line in lines.filter(|it| Target::parse(&it.arn).is_ok()) {
            let selection = Selection {
                resources: BTreeSet::from([line.arn.clone()]),
                ..Selection::default()
            };
            let part = evaluate_selection(&snapshot, selection);
            assert_eq!(
                find_findings(&part, |_| true),
                find_findings(&full, |it| it.resource == line.arn),
                "{name}: {}",
                line.arn
            );
        }
    }
}

// docs/src/first-scan.md: what was excluded is never a pass and never unknown. A live scan of these services does not
// read stacks either.
#[test]
fn stacks_in_a_snapshot_say_nothing_of_a_selection_without_cloudformation() {
    let snapshot = account("mixed");
    let table = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders-outbox";
    let status = |selection: Selection| {
        let report = evaluate_selection(&snapshot, selection);
        let mut findings = report.findings.iter();
        let found = findings.find(|it| it.rule.id == ABOUT_STACKS && it.resource == table);
        let found = found.unwrap();
        (found.status.as_str(), found.explanation.message.clone())
    };
    let twice =
        "backed up twice: its stack orders-service is tagged backup=enabled too and includes it";
    let full = ("warn", twice.to_owned());
    assert_eq!(status(Selection::default()), full);
    let both = [Service::Dynamodb, Service::Cloudformation];
    assert_eq!(status(Selection::of_services(both)), full);
    let of_table = Selection {
        resources: BTreeSet::from([table.to_owned()]),
        ..Selection::default()
    };
    for selection in [Selection::of_services([Service::Dynamodb]), of_table] {
        let (status, message) = status(selection);
        assert_eq!(status, "skip", "{message}");
        assert!(message.contains("the selection excluded"), "{message}");
    }
}

fn scan(more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let mut command = backup_check(folder.path());
    let mixed = repository().join("fixtures/accounts/mixed.json");
    command.args(["scan", "--from"]).arg(mixed).args(more);
    run(&mut command)
}

#[test]
fn rules_about_the_network_and_the_account_run_only_if_selected() {
    let groups = |more: &[&str]| -> BTreeSet<String> {
        let run = scan(&[more, &["--format", "json"]].concat());
        let report: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap().iter();
        let rules = findings.filter_map(|it| it["rule"].as_str());
        let groups = rules.map(|id| ALL.iter().find(|rule| rule.id == id).unwrap().group);
        groups.map(|group| group.as_str().to_owned()).collect()
    };
    let plain = groups(&["--service", "s3"]);
    assert!(
        !plain.contains("network") && !plain.contains("account"),
        "{plain:?}"
    );
    assert_eq!(
        groups(&["--service", "s3", "--rule", "network"]),
        ["network".to_owned()].into()
    );
    assert_eq!(
        groups(&["--service", "s3", "--rule", "account"]),
        ["account".to_owned()].into()
    );
    assert!(groups(&["--service", "vpc"]).contains("network"));
    assert!(groups(&["--service", "backup"]).contains("account"));
    let defaults = ["--service", "s3", "--rule", "ebs-default-encryption"];
    assert_eq!(groups(&defaults), ["encryption".to_owned()].into());
}

#[test]
fn the_table_names_the_selection() {
    let run = scan(&["--service", "s3"]);
    assert!(run.stdout.contains("\nOnly s3; "), "{}", run.stdout);
}

// VPCs are found and checked, and nothing backs them up.
#[test]
fn a_selection_of_vpcs_has_nothing_to_back_up() {
    let run = scan(&["--service", "vpc"]);
    let words: Vec<&str> = run.stdout.split_whitespace().collect();
    let text = words.join(" ");
    assert!(
        text.contains("no resource to back up was found in the selection"),
        "{text}"
    );
}

#[test]
fn an_invalid_selection_is_a_usage_error() {
    const VOLUME: &str = "arn:aws:ec2:eu-central-1:111122223333:volume/vol-1";
    for (more, part) in [
        (&["--service", "s4"][..], "storagegateway"),
        (&["--service", "kms"], "add the services that use the keys"),
        (
            &["--service", "s3", "--resource", VOLUME],
            "cannot be used with",
        ),
        (&["--resource", "vol-1"], "no resource with this ID or name"),
        (
            &[
                "--resource",
                "arn:aws:lambda:eu-west-1:111122223333:function:f",
            ],
            "S3 buckets",
        ),
        (
            &["--resource", "arn:aws:kms:eu-west-1:111122223333:key/1"],
            "backup-check key-policy",
        ),
        (
            &[
                "--resource",
                "arn:aws:ec2:eu-west-1:111122223333:snapshot/snap-1",
            ],
            "created from",
        ),
        (
            &[
                "--resource",
                "arn:aws:ec2:eu-west-1:999999999999:volume/vol-1",
            ],
            "999999999999",
        ),
        (&["--resource", VOLUME], "does not exist"),
        (
            &["--resource", VOLUME, "--region", "eu-west-1"],
            "remove --region",
        ),
        (
            &["--service", "s3", "--rule", "ec2-image-copyable"],
            "--rule ec2-image-copyable does not apply to s3; remove it or widen the selection",
        ),
    ] {
        let run = scan(more);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{more:?}");
        assert!(run.stderr.contains(part), "{more:?}: {}", run.stderr);
    }
}

#[test]
fn a_resource_is_selected_by_its_id_its_name_or_its_address() {
    let selected = |arguments: &[&str]| -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let run = run(backup_check(folder.path())
            .arg("scan")
            .args(arguments)
            .args(["--format", "json"]));
        let report: serde_json::Value = serde_json::from_str(&run.stdout)
            .unwrap_or_else(|_| panic!("{arguments:?}: {}", run.stderr));
        let settings = ["region", "account"];
        let listed = report["resources"].as_array().unwrap().iter();
        let listed = listed.filter(|it| !settings.contains(&it["type"].as_str().unwrap()));
        let listed: BTreeSet<&str> = listed.map(|it| it["arn"].as_str().unwrap()).collect();
        let resources = report["scan"]["selection"]["resources"].as_array().unwrap();
        let named: BTreeSet<&str> = resources.iter().map(|it| it.as_str().unwrap()).collect();
        assert_eq!(listed, named, "{arguments:?}");
        let arns = resources.iter().map(|it| it.as_str().unwrap().to_owned());
        arns.collect()
    };
    let path = |name: &str| {
        repository()
            .join("fixtures")
            .join(name)
            .display()
            .to_string()
    };
    let mixed = path("accounts/mixed.json");
    let volume = "arn:aws:ec2:eu-central-1:111122223333:volume/vol-005c961941f2c8848";
    for name in ["vol-005c961941f2c8848", "app-api-1-data", volume] {
        assert_eq!(selected(&[&mixed, "--resource", name]), [volume], "{name}");
    }
    let cluster = "arn:aws:rds:eu-central-1:111122223333:cluster:webshop-aurora";
    let both = [&mixed, "--resource", "webshop-aurora", "app-api-1-data"];
    assert_eq!(selected(&both), [volume, cluster]);
    let bucket = "sg-edge-logs-111122223333";
    let arn = format!("arn:aws:s3:::{bucket}");
    assert_eq!(selected(&[&mixed, "--resource", bucket]), [arn]);
    let template = path("cloudformation/orders.yaml");
    let address = format!("{template}#Orders");
    let place = ["--region", "eu-central-1"];
    for name in ["Orders", &address] {
        let arguments = [&template, "--resource", name, place[0], place[1]];
        assert_eq!(selected(&arguments), [address.as_str()], "{name}");
    }
    let plan = path("cases/terraform/default-encryption-order.json");
    let arguments = [
        &plan,
        "--resource",
        "aws_ebs_volume.data",
        place[0],
        place[1],
    ];
    assert_eq!(selected(&arguments), ["aws_ebs_volume.data"]);
}

#[test]
fn a_name_of_nothing_or_of_several_resources_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let mixed = repository().join("fixtures/accounts/mixed.json");
    let text = std::fs::read_to_string(mixed).unwrap();
    std::fs::write(
        folder.path().join("twice.json"),
        text.replace("\"app-api-1-data\"", "\"app-api-1\""),
    )
    .unwrap();
    let scan = |file: &str, name: &str| {
        let mut command = backup_check(folder.path());
        run(command.args(["scan", file, "--resource", name]))
    };
    let instance = "arn:aws:ec2:eu-central-1:111122223333:instance/i-0aaabe5c736da0b2e";
    let volume = "arn:aws:ec2:eu-central-1:111122223333:volume/vol-005c961941f2c8848";
    let clean = repository().join("fixtures/accounts/clean.json");
    let clean = clean.to_str().unwrap();
    for (file, name, parts) in [
        (
            "twice.json",
            "app-api-1",
            &["2 resources have this ID or name", instance, volume][..],
        ),
        (
            "twice.json",
            "webshop-auror",
            &["did you mean webshop-aurora"],
        ),
        ("twice.json", "APP-API-2", &["did you mean app-api-2"]),
        ("twice.json", "qqqqqqqqqqqq", &["could be listed", "ARN"]),
        (clean, "qqqqqqqqqqqq", &["--view resources"]),
        (
            "twice.json",
            "webshop-aurora-1",
            &["member of the DB cluster webshop-aurora"],
        ),
        (
            "twice.json",
            "vpc-0b47e863d5802cba7",
            &["a VPC cannot be selected"],
        ),
        ("twice.json", " ", &["expected an ID, name or ARN"]),
    ] {
        let run = scan(file, name);
        assert_eq!((run.code, run.stdout.as_str()), (2, ""), "{name}");
        for part in parts {
            assert!(run.stderr.contains(part), "{name}: {}", run.stderr);
        }
    }
}
