//! An organization from a folder of snapshots: outcomes, exit codes, resuming, shards and reports.

mod laws;
mod reports;
mod resume;

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::{Run, backup_check, repository, run};

/// A folder for the snapshots of an organization and its runs.
pub struct Organization {
    folder: tempfile::TempDir,
}

impl Organization {
    /// Returns an organization of accounts: the id of each, and the fixture that it is a copy of.
    pub fn new(accounts: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("s")).unwrap();
        let organization = Organization { folder };
        for (id, fixture) in accounts {
            organization.add_snapshot(&format!("{id}.json"), id, fixture);
        }
        organization
    }

    pub fn add_snapshot(&self, file: &str, id: &str, fixture: &str) {
        let path = repository().join(format!("fixtures/accounts/{fixture}.json"));
        let text = fs::read_to_string(path).unwrap();
        let snapshot: serde_json::Value = serde_json::from_str(&text).unwrap();
        let own = snapshot["account_id"].as_str().unwrap();
        fs::write(self.path("s").join(file), text.replace(own, id)).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs the program in the folder of the organization.
    pub fn run(&self, arguments: &str) -> Run {
        run(backup_check(self.folder.path()).args(arguments.split(' ')))
    }

    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the summary of a run.
    pub fn summary(&self, name: &str) -> serde_json::Value {
        let text = fs::read_to_string(self.path(name).join("summary.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }
}

const READY: (&str, &str) = ("111122223333", "clean");
const FAILS: (&str, &str) = ("555566667777", "mixed");
const DENIED: (&str, &str) = ("777788889999", "no-access");

#[test]
fn a_failure_counts_and_what_was_not_seen_is_named() {
    let organization = Organization::new(&[READY, FAILS, DENIED]);
    fs::write(organization.path("s/broken.json"), "{\"snapshot").unwrap();
    fs::write(organization.path("s/README.md"), "ours").unwrap();
    let run = organization.run("scan --from s --output run --run one");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let mut lines = run.stdout.lines();
    let unseen = lines.find(|it| it.starts_with("NOT SEEN"));
    assert_eq!(unseen, Some("NOT SEEN  1 account not-entered: broken.json"));
    // The next line says why. What was not seen was not checked.
    let reason = lines.next().unwrap().trim_start();
    assert!(reason.contains("not a snapshot"), "{reason}");
    assert!(!run.stdout.contains("checked"), "{}", run.stdout);
    assert!(run.stdout.lines().count() <= 25, "{}", run.stdout);
    assert!(run.stderr.contains("README.md"), "{}", run.stderr);
    let summary = organization.summary("run");
    let outcomes = &summary["outcomes"];
    assert_eq!(outcomes["not-entered"], 1);
    assert_eq!(
        outcomes["scanned"].as_u64().unwrap() + outcomes["partial"].as_u64().unwrap(),
        3
    );
    let verdicts: Vec<(&str, &str)> = summary["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(
        verdicts,
        [
            ("111122223333", "ready"),
            ("555566667777", "not-ready"),
            ("777788889999", "unknown"),
            ("broken.json", "unknown"),
        ]
    );
}

#[test]
fn the_exit_code_is_that_of_all_accounts_together() {
    let ready = Organization::new(&[READY]);
    assert_eq!(ready.run("scan --from s").code, 0);
    let unknown = Organization::new(&[READY]);
    fs::write(unknown.path("s/555566667777.json"), "").unwrap();
    let run = unknown.run("scan s");
    assert_eq!(run.code, 3);
    assert!(run.stdout.contains("555566667777"), "{}", run.stdout);
    assert_eq!(unknown.run("scan s --fail-on never").code, 0);
    let none = Organization::new(&[]);
    fs::write(none.path("s/555566667777.json"), "{}").unwrap();
    assert_eq!(none.run("scan s --fail-on never").code, 2);
}

#[test]
fn an_account_of_the_list_without_a_snapshot_is_unknown() {
    let organization = Organization::new(&[READY, FAILS]);
    let list = concat!(
        "{\"id\":\"111122223333\",\"name\":\"pay\",\"ou\":\"r-ab12/ou-ab12-11111111\"}\n",
        "{\"id\":\"222233334444\",\"name\":\"new\",\"ou\":\"r-ab12/ou-ab12-11111111/ou-ab12-22222222\"}\n",
        "{\"id\":\"333344445555\",\"ou\":\"r-ab12/ou-ab12-33333333\",\"state\":\"SUSPENDED\"}\n",
    );
    fs::write(organization.path("list"), list).unwrap();
    let run = organization.run("scan s --accounts list --output run --run one");
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stdout.contains("222233334444 new"), "{}", run.stdout);
    let summary = organization.summary("run");
    // The account that the list does not have, and the suspended one.
    assert_eq!(summary["outcomes"]["left-out"], 2);
    assert_eq!(summary["outcomes"]["not-entered"], 1);
    // A child of the unit is in it.
    let run = organization.run("scan s --accounts list --ou ou-ab12-11111111");
    assert_eq!(run.code, 3);
    let run = organization.run("scan s --accounts list --skip-ou ou-ab12-22222222");
    assert_eq!(run.code, 0, "{}", run.stdout);
    let run = organization.run("scan s --accounts list --ou ou-ab12-99999999");
    assert_eq!(run.code, 2);
    assert!(run.stderr.contains("no account of the list is in it"));
}

#[test]
fn two_snapshots_of_one_account_are_an_error_that_names_both() {
    let organization = Organization::new(&[READY]);
    organization.add_snapshot("again.json", READY.0, READY.1);
    let run = organization.run("scan s --output run");
    assert_eq!(run.code, 2);
    assert!(
        run.stderr.contains("111122223333.json and again.json"),
        "{}",
        run.stderr
    );
    assert!(!organization.path("run").exists());
}

#[test]
fn arguments_that_make_no_sense_name_the_way_out() {
    let organization = Organization::new(&[READY]);
    fs::write(organization.path("ids"), "111122223333\n111122223333\n").unwrap();
    fs::write(organization.path("two"), "111122223333\n444455556666\n").unwrap();
    let role = "{\"id\":\"111122223333\",\"role_arn\":\"arn:aws:iam::444455556666:role/A\"}";
    fs::write(organization.path("role"), role).unwrap();
    fs::write(organization.path("file"), "").unwrap();
    fs::create_dir(organization.path("empty")).unwrap();
    for (arguments, words) in [
        ("scan s --baseline x.json", "is for one account"),
        ("scan s --fail-on new", "is for one account"),
        ("scan s --cost", "is for one account"),
        ("scan s --view causes", "is for one account"),
        ("scan s --resource vol-1", "is for one account"),
        ("scan s --profile x", "is for live accounts"),
        ("scan s --format sarif", "an organization has table, json"),
        (
            "scan s --format json=s/111122223333.json",
            "would replace this file",
        ),
        (
            "scan s --accounts two --format csv=two",
            "would replace this file",
        ),
        ("scan s --resume", "--output"),
        ("scan s --shard 1/2", "--output"),
        ("scan s --output run --shard 3/2", "expected 1/2 to 2/2"),
        (
            "scan s --output run --shard auto/2",
            "none of AWS_BATCH_JOB_ARRAY_INDEX",
        ),
        (
            "scan s --output run --shard 1/2 --format json",
            "after the last one",
        ),
        ("scan s --run ../x", "expected letters"),
        ("scan s --ou Prod", "expected an ID such as ou-"),
        ("scan s --ou ou-ab12-11111111", "add \"ou\" to its line"),
        ("scan s --account 999900001111", "correct the ID"),
        ("scan s --skip-account 999900001111", "correct the ID"),
        ("scan s --skip-account 111122223333", "no account is left"),
        ("scan s --accounts ids", "listed twice: line 1 and line 2"),
        ("scan s --accounts none", "failed to read none"),
        ("scan s --output file", "failed to write file"),
        ("scan s --rule no-such-rule", "--rule"),
        ("scan empty", "has no snapshot"),
        ("scan s/111122223333.json --output run", "--from FOLDER"),
        ("report s", "no accounts.ndjson"),
        ("report none", "does not exist"),
        ("report s --format parquet", "parquet=FOLDER"),
        ("report s --format htm", "expected one of"),
        ("report s --format json csv", "only one --format"),
        ("report s --fail-on new", "trend"),
        ("report s --account-pages", "add --format html=PATH"),
        ("report s3://our-runs/../x", "is not a bucket"),
        ("trend s", "has no folder with summary.json"),
        ("scan --org", "--org needs a role to assume"),
        ("scan --accounts two", "account 444455556666 needs a role"),
        (
            "scan --org --role-name arn:aws:iam::111122223333:role/A",
            "not an ARN",
        ),
        (
            "scan --org --role-name Audit-111122223333",
            "111122223333 is an account ID",
        ),
        ("scan --org --role-name a//b", "expected the name of a role"),
        ("scan --org --accounts two --role-name A", "cannot be used"),
        ("scan s --org", "--org is for live accounts"),
        ("scan s --role-name A", "--role-name is for live accounts"),
        ("scan --role-name A", "--role-name is for an organization"),
        (
            "scan --org --role-name A --role-arn arn:aws:iam::111122223333:role/A",
            "cannot be used",
        ),
        (
            "scan --accounts two --role-arn arn:aws:iam::111122223333:role/A",
            "use --role-name",
        ),
        (
            "scan --org --role-name A --account-timeout 2h",
            "at most 55m",
        ),
        (
            "scan --org --role-name A --timeout 5m",
            "use --account-timeout",
        ),
        (
            "scan --org --role-name A --baseline x",
            "without --accounts and --org",
        ),
        (
            "scan --accounts role",
            "line 1: arn:aws:iam::444455556666:role/A is not a role of account 111122223333",
        ),
        ("scan --org-role-arn x", "--org"),
        ("accounts", "--from"),
        ("accounts --from s --shards 2", "--output"),
    ] {
        let run = organization.run(arguments);
        assert_eq!(run.code, 2, "{arguments}: {}", run.stdout);
        assert!(run.stderr.contains(words), "{arguments}: {}", run.stderr);
        assert!(!organization.path("run/accounts").exists(), "{arguments}");
    }
}
