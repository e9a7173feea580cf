//! The files of `deploy/`: linted, executed with processes instead of containers, and queried.

mod lake;
mod machine;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::command::{Run, backup_check, repository, run, run_with_input};
use crate::support::promtool::check_metrics;
use crate::support::python::install_python;

/// Returns a command that runs a program of `tests/integration/deploy`.
fn python(program: &str, arguments: &[&Path]) -> Command {
    let folder = repository().join("tests/integration/deploy");
    let mut command = Command::new(install_python("deploy"));
    command
        .arg(folder.join(program))
        .args(arguments)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    command
}

fn to_json(run: &Run) -> Value {
    assert_eq!(run.code, 0, "{}", run.stderr);
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

fn texts(value: &Value) -> Vec<String> {
    let items = match value {
        Value::Array(items) => items.as_slice(),
        other => std::slice::from_ref(other),
    };
    items
        .iter()
        .map(|it| it.as_str().unwrap().to_owned())
        .collect()
}

/// Returns npm. A developer may lack it; a CI job may not.
fn find_npm() -> Option<&'static str> {
    let found = Command::new("npm").arg("--version").output().is_ok();
    assert!(
        found || std::env::var_os("CI").is_none(),
        "the linter of state machines needs npm"
    );
    found.then_some("npm")
}

#[test]
fn templates_manifests_and_the_state_machine_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let definition = folder.path().join("machine.asl.json");
    let linted = run(&mut python(
        "lint.py",
        &[&repository().join("deploy"), &definition],
    ));
    assert_eq!((linted.code, linted.stdout.as_str()), (0, ""), "{linted:?}");
    let Some(npm) = find_npm() else {
        return;
    };
    let linter = ["exec", "--yes", "--package=asl-validator@4.0.0", "--"];
    let validate = |path: &Path| {
        let command = ["asl-validator", "--json-path"];
        run(Command::new(npm)
            .args(linter)
            .args(command)
            .arg(path)
            .current_dir(folder.path()))
    };
    let valid = validate(&definition);
    assert_eq!(valid.code, 0, "{valid:?}");
    let text = fs::read_to_string(&definition).unwrap();
    let wrong = folder.path().join("wrong.asl.json");
    fs::write(
        &wrong,
        text.replace("\"Next\": \"Lost\"", "\"Next\": \"Los\""),
    )
    .unwrap();
    assert_ne!(validate(&wrong).code, 0, "a state that does not exist");
}

#[test]
fn a_role_has_what_its_task_needs_and_no_more() {
    let roles = to_json(&run(&mut python(
        "roles.py",
        &[&repository().join("deploy")],
    )));
    let roles = roles.as_object().unwrap();
    let mut everywhere = Vec::new();
    for (role, statements) in roles {
        for statement in statements.as_array().unwrap() {
            assert_eq!(statement["Effect"], "Allow");
            for action in texts(&statement["Action"]) {
                assert!(!action.contains('*'), "{role}: {action}");
                if texts(&statement["Resource"]).contains(&"*".to_owned())
                    && statement["Sid"] != "BackupCheckReads"
                {
                    everywhere.push(format!("{role} {action}"));
                }
            }
        }
    }
    // Neither has resources.
    everywhere.sort();
    assert_eq!(
        everywhere,
        [
            "ExecutionRole ecr:GetAuthorizationToken",
            "ListRole organizations:DescribeOrganization",
            "ListRole organizations:ListAccounts",
            "ListRole organizations:ListAccountsForParent",
            "ListRole organizations:ListOrganizationalUnitsForParent",
            "ListRole organizations:ListRoots",
        ]
    );
    let allows = |role: &str, action: &str| {
        let statements = roles[role].as_array().unwrap();
        let allowing = statements
            .iter()
            .filter(|it| texts(&it["Action"]).contains(&action.to_owned()));
        allowing.cloned().collect::<Vec<Value>>()
    };
    let assume = allows("ScanRole", "sts:AssumeRole");
    assert_eq!(assume.len(), 1);
    assert_eq!(assume[0]["Resource"], "arn:aws:iam::*:role/BackupCheck");
    assert_eq!(
        assume[0]["Condition"]["StringEquals"]["aws:ResourceOrgID"],
        "o-1234567890"
    );
    for role in [
        "ListRole",
        "ReportRole",
        "ExecutionRole",
        "MachineRole",
        "ScheduleRole",
    ] {
        assert!(allows(role, "sts:AssumeRole").is_empty(), "{role}");
    }
    // What a shard writes cannot replace the list, nor a report.
    let written: Vec<String> = allows("ScanRole", "s3:PutObject")
        .iter()
        .flat_map(|it| texts(&it["Resource"]))
        .collect();
    assert_eq!(written, ["arn:aws:results::arn/runs/*/accounts/*"]);
    let pass = allows("MachineRole", "iam:PassRole");
    assert_eq!(
        pass[0]["Condition"]["StringEquals"]["iam:PassedToService"],
        "ecs-tasks.amazonaws.com"
    );
    let mut passed = texts(&pass[0]["Resource"]);
    passed.sort();
    assert_eq!(
        passed,
        ["executionrole", "listrole", "reportrole", "scanrole"]
            .map(|it| format!("arn:aws:{it}::arn"))
    );
}

#[test]
fn the_metrics_of_an_organization_are_read_by_prometheus() {
    let organization = lake::scan_organization();
    let printed = organization.run("report run --format openmetrics");
    let samples = run_with_input(&mut python("metrics.py", &[]), &printed.stdout);
    let samples = to_json(&samples);
    let summary = organization.summary("run");
    let unseen = samples.as_array().unwrap().iter().find(|it| {
        it["name"] == "backup_check_accounts" && it["labels"]["outcome"] == "not-entered"
    });
    assert_eq!(
        unseen.unwrap()["value"].as_f64(),
        summary["outcomes"]["not-entered"].as_f64()
    );
    check_metrics(&printed.stdout);
}

#[test]
fn roles_have_the_actions_that_a_scan_needs() {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(backup_check(folder.path()).args(["iam-policy", "--stackset"]));
    let kept = fs::read_to_string(repository().join("deploy/member-role.yaml")).unwrap();
    assert_eq!(printed.stdout, kept, "write deploy/member-role.yaml again");
    let policy = to_json(&run(backup_check(folder.path()).arg("iam-policy")));
    let roles = to_json(&run(&mut python(
        "roles.py",
        &[&repository().join("deploy")],
    )));
    let own = roles["ScanRole"].as_array().unwrap();
    let own = own.iter().find(|it| it["Sid"] == "BackupCheckReads");
    assert_eq!(policy["Statement"][0]["Action"], own.unwrap()["Action"]);
}

#[test]
fn every_argument_that_is_shipped_exists() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read_to_string(repository().join("deploy").join(name)).unwrap();
    let machine = read("fleet.yaml");
    let of_slurm = |line: &&str| line.starts_with("#SBATCH");
    let slurm: Vec<String> = (read("slurm.sh").lines())
        .filter(|line| !of_slurm(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let files = [
        machine.split("DefinitionString").nth(1).unwrap().to_owned(),
        read("kubernetes-job.yaml"),
        slurm.concat(),
    ];
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    let helps: String = ["accounts", "scan", "report"]
        .map(|command| run(backup_check(folder.path()).args([command, "--help"])).stdout)
        .concat();
    let mut count = 0;
    for text in files {
        for (at, _) in text.match_indices(" --").chain(text.match_indices("'--")) {
            let rest = &text[at + 1..];
            let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
            let name = &rest[..end];
            let is_of_scheduler =
                ["--parsable", "--export", "--dependency", "--wrap"].contains(&name);
            assert!(
                is_of_scheduler
                    || helps.contains(&format!("{name} "))
                    || helps.contains(&format!("{name}\n")),
                "{name}"
            );
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
