//! The state machine, the Job and the Slurm script, with processes instead of containers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use backup_check::model::fleet::Shard;
use serde_json::{Value, json};

use super::{python, texts, to_json};
use crate::fleet::Organization;
use crate::support::command::{repository, run, run_with_input};

const SHARDS: u32 = 4;

/// Returns the ids of accounts of an organization: some in each shard.
fn list_ids() -> Vec<String> {
    let ids: Vec<String> = (0..14).map(|number| format!("{number:012}")).collect();
    for shard in 1..=SHARDS {
        let shard = Shard::new(shard, SHARDS).unwrap();
        assert!(ids.iter().filter(|id| shard.includes(id)).count() >= 2);
    }
    ids
}

fn new_organization(fixtures: &[&str]) -> Organization {
    let ids = list_ids();
    let fixtures = fixtures.iter().cycle();
    let accounts: Vec<(&str, &str)> = ids
        .iter()
        .map(String::as_str)
        .zip(fixtures.copied())
        .collect();
    Organization::new(&accounts)
}

fn accounts_of(shard: u32) -> Vec<String> {
    let shard = Shard::new(shard, SHARDS).unwrap();
    let mut ids = list_ids();
    ids.retain(|id| shard.includes(id));
    ids
}

/// Executes the state machine over an organization.
fn execute_machine(organization: &Organization, faults: &Value) -> Value {
    let job = json!({
        "program": env!("CARGO_BIN_EXE_backup-check"),
        "folder": organization.root(),
        "template": repository().join("deploy/fleet.yaml"),
        "snapshots": organization.path("s"),
        "faults": faults,
        "parameters": {
            "Image": "image",
            "OrganizationId": "o-1234567890",
            "Subnets": "subnet-1,subnet-2",
            "VpcId": "vpc-1",
            "Shards": SHARDS,
            "RetrySeconds": 1,
            "ScanArguments": "--accounts-at-once,1",
        },
    });
    to_json(&run_with_input(
        &mut python("machine.py", &[]),
        &job.to_string(),
    ))
}

/// Returns the tasks of a command, or of a shard.
fn tasks_of<'a>(result: &'a Value, word: &str) -> Vec<&'a Value> {
    let tasks = result["tasks"].as_array().unwrap().iter();
    tasks
        .filter(|it| texts(&it["arguments"]).iter().any(|part| part == word))
        .collect()
}

fn exit_codes(tasks: &[&Value]) -> Vec<i64> {
    tasks
        .iter()
        .map(|it| it["exit_code"].as_i64().unwrap())
        .collect()
}

#[test]
fn a_shard_that_was_killed_is_started_again_and_resumes() {
    let organization = new_organization(&["clean", "mixed"]);
    let result = execute_machine(&organization, &json!({"2/4": {"killed": 1}}));
    assert_eq!(result["status"], "SUCCEEDED", "{result}");
    assert_eq!(result["output"]["exit_code"], 1);
    let run = result["output"]["run"].as_str().unwrap();
    let killed = tasks_of(&result, "2/4");
    assert_eq!(exit_codes(&killed), [137, 0]);
    for shard in ["1/4", "3/4", "4/4"] {
        assert_eq!(exit_codes(&tasks_of(&result, shard)), [0], "{shard}");
    }
    // What the first attempt has kept, the second has not written again.
    let before = killed[0]["results"].as_object().unwrap();
    let after = killed[1]["results"].as_object().unwrap();
    assert!(!before.is_empty() && before.len() < after.len());
    for (name, written) in before {
        assert_eq!(after[name], *written, "{name}");
    }
    let summary = organization.summary(&format!("bucket/runs/{run}"));
    assert_eq!(summary["outcomes"]["missing"], 0);
    assert_eq!(summary["accounts"].as_array().unwrap().len(), 14);
    let report = tasks_of(&result, "report")[0];
    assert_eq!(report["exit_code"], 1);
    // The metric filter of the alarm.
    assert!(!report["output"].as_str().unwrap().contains("NOT SEEN"));
    assert!(organization.path("bucket/lake/runs").is_dir());
    let roles: BTreeMap<&str, &str> = [
        ("accounts", "ListRole"),
        ("scan", "ScanRole"),
        ("report", "ReportRole"),
    ]
    .into();
    for (command, role) in roles {
        for task in tasks_of(&result, command) {
            let expected = format!("arn:aws:{}::arn", role.to_lowercase());
            assert_eq!(task["role"], expected, "{command}");
        }
    }
}

#[test]
fn accounts_of_a_shard_that_never_succeeds_are_named() {
    let organization = new_organization(&["clean"]);
    let faults = json!({"1/4": {"lost": true}, "3/4": {"usage": true}});
    let result = execute_machine(&organization, &faults);
    assert_eq!(result["status"], "FAILED", "{result}");
    assert_eq!(result["error"], "BackupCheck.Unknown");
    assert_eq!(exit_codes(&tasks_of(&result, "1/4")), [137, 137, 137]);
    // Arguments that cannot be used are not tried again.
    assert_eq!(exit_codes(&tasks_of(&result, "3/4")), [2]);
    let report = tasks_of(&result, "report")[0];
    assert_eq!(report["exit_code"], 3);
    assert!(report["output"].as_str().unwrap().contains("NOT SEEN"));
    let run = texts(&report["arguments"])[1].clone();
    let summary = organization.summary(&format!("bucket/{}", &run["s3://results/".len()..]));
    let accounts = summary["accounts"].as_array().unwrap().iter();
    let missing: Vec<&str> = accounts
        .filter(|it| it["outcome"] == "missing")
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    let mut expected = [accounts_of(1), accounts_of(3)].concat();
    expected.sort();
    assert_eq!(missing, expected);
}

#[test]
fn a_list_that_cannot_be_made_fails_the_run() {
    let organization = Organization::new(&[]);
    let result = execute_machine(&organization, &json!({}));
    assert_eq!(result["status"], "FAILED", "{result}");
    assert_eq!(exit_codes(&tasks_of(&result, "accounts")), [2, 2, 2]);
    assert!(tasks_of(&result, "scan").is_empty());
}

/// Returns the arguments of a container of the Job, with a folder as the bucket.
fn read_job(step: &str, organization: &Organization) -> (Value, Vec<String>) {
    let file = repository().join("deploy/kubernetes-job.yaml");
    let documents = to_json(&run(&mut python("yaml_json.py", &[&file])));
    let documents = documents.as_array().unwrap();
    let job = documents
        .iter()
        .find(|it| it["kind"] == "Job" && it["metadata"]["labels"]["step"] == step)
        .unwrap();
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(pod["restartPolicy"], "Never");
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    let container = &pod["containers"][0];
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    let bucket = organization.path("bucket").display().to_string();
    let snapshots = organization.path("s").display().to_string();
    let mut arguments = texts(&container["args"]);
    for argument in &mut arguments {
        *argument = argument.replace("s3://BUCKET", &bucket);
    }
    for (name, count) in [("--org", 1), ("--role-name", 2)] {
        if let Some(at) = arguments.iter().position(|it| it == name) {
            arguments.splice(at..at + count, ["--from".to_owned(), snapshots.clone()]);
        }
    }
    (job["spec"].clone(), arguments)
}

/// Runs the program as in a container: without an environment.
fn run_container(arguments: &[String], variables: &[(&str, String)]) -> i32 {
    let ran = run(Command::new(env!("CARGO_BIN_EXE_backup-check"))
        .args(arguments)
        .env_clear()
        .envs(variables.iter().map(|(name, value)| (name, value))));
    assert!(ran.code < 2, "{arguments:?}: {}", ran.stderr);
    ran.code
}

#[test]
fn every_index_of_the_job_is_a_shard_and_together_they_are_all_accounts() {
    let organization = Organization::new(&[("111122223333", "clean"), ("555566667777", "mixed")]);
    for folder in ["runs", "lake"] {
        fs::create_dir_all(organization.path("bucket").join(folder)).unwrap();
    }
    let (_, list) = read_job("list", &organization);
    assert_eq!(run_container(&list, &[]), 0);
    let (spec, scan) = read_job("scan", &organization);
    let completions = spec["completions"].as_u64().unwrap();
    assert!(scan.contains(&format!("auto/{completions}")), "{scan:?}");
    assert!(list.contains(&completions.to_string()), "{list:?}");
    assert_eq!(spec["maxFailedIndexes"], completions);
    for index in 0..completions {
        let variable = ("JOB_COMPLETION_INDEX", index.to_string());
        assert_eq!(run_container(&scan, &[variable]), 0);
    }
    let (_, report) = read_job("report", &organization);
    assert_eq!(run_container(&report, &[]), 1);
    let summary = organization.summary("bucket/runs/RUN");
    assert_eq!(summary["outcomes"]["missing"], 0);
    assert_eq!(summary["run"], "RUN");
}

#[test]
fn every_task_of_the_slurm_array_is_a_shard() {
    let organization = new_organization(&["clean"]);
    let folder = organization.path("runs/one");
    let listed = organization.run("accounts --from s --output runs/one");
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let bin = Path::new(env!("CARGO_BIN_EXE_backup-check"))
        .parent()
        .unwrap();
    let path = std::env::var("PATH").unwrap();
    for task in 0..SHARDS {
        let ran = run(Command::new(repository().join("deploy/slurm.sh"))
            .env("PATH", format!("{}:{path}", bin.display()))
            .env("RUN", &folder)
            .env("SOURCE", "--from s")
            .env("SLURM_ARRAY_TASK_ID", task.to_string())
            .env("SLURM_ARRAY_TASK_COUNT", SHARDS.to_string())
            .current_dir(organization.root()));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    assert_eq!(organization.run("report runs/one").code, 0);
    assert_eq!(organization.summary("runs/one")["outcomes"]["scanned"], 14);
}
