//! Runs that are interrupted, and runs in shards.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use backup_check::source::saved::decompress_file;

use super::{FAILS, Organization, READY};
use crate::support::command::backup_check;

/// Accounts, of which some are ready and some fail.
const IDS: [&str; 6] = [
    "100000000001",
    "100000000002",
    "100000000003",
    "100000000004",
    "100000000005",
    "100000000006",
];

fn organization() -> Organization {
    let fixture = |at: usize| {
        if at.is_multiple_of(2) {
            READY.1
        } else {
            FAILS.1
        }
    };
    let accounts: Vec<(&str, &str)> = IDS
        .iter()
        .enumerate()
        .map(|(at, id)| (*id, fixture(at)))
        .collect();
    Organization::new(&accounts)
}

/// Returns the documents of a run by name, decompressed.
fn read_run(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut documents = BTreeMap::new();
    for part in ["", "accounts"] {
        for entry in fs::read_dir(folder.join(part)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // What a killed run leaves is no document.
            if path.is_file() && !name.starts_with('.') {
                let content = decompress_file(fs::read(&path).unwrap()).unwrap();
                documents.insert(format!("{part}/{name}"), content);
            }
        }
    }
    documents
}

#[test]
fn a_run_that_was_killed_and_resumed_equals_an_undisturbed_one() {
    let organization = organization();
    let whole = organization.run("scan s --output undisturbed --run one");
    assert_eq!(whole.code, 1, "{}", whole.stderr);
    let expected = read_run(&organization.path("undisturbed"));
    assert_eq!(expected.len(), IDS.len() + 2);
    for results in [0, 1, 3, 5] {
        let name = format!("killed-{results}");
        let folder = organization.path(&name);
        let mut child = backup_check(organization.root())
            .args(["scan", "s", "--output", &name, "--run", "one"])
            .args(["--accounts-at-once", "1"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is killed as soon as so many results are there.
        let count = || fs::read_dir(folder.join("accounts")).map_or(0, Iterator::count);
        while child.try_wait().unwrap().is_none() && (!folder.exists() || count() < results) {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().unwrap();
        let resumed = organization.run(&format!("scan s --output {name} --resume --run one"));
        assert_eq!(resumed.code, 1, "{}", resumed.stderr);
        let documents = read_run(&folder);
        let names = |run: &BTreeMap<String, Vec<u8>>| run.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&documents), names(&expected));
        for (name, content) in &documents {
            assert!(*content == expected[name], "{name} differs");
        }
    }
}

#[test]
fn shards_together_are_the_run_and_a_lost_shard_is_named() {
    let organization = organization();
    assert_eq!(organization.run("scan s --output one --run one").code, 1);
    let listed = organization.run("accounts --from s --output parts --shards 3");
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let shards = fs::read_to_string(organization.path("parts/shards.json")).unwrap();
    assert_eq!(shards, "[\"1/3\",\"2/3\",\"3/3\"]");
    let scan = "scan s --output parts --run one --resume --fail-on never --shard";
    for shard in ["1/3", "2/3"] {
        let run = organization.run(&format!("{scan} {shard}"));
        assert_eq!((run.code, run.stdout.as_str()), (0, ""), "{}", run.stderr);
    }
    let done = fs::read_dir(organization.path("parts/accounts")).map_or(0, Iterator::count);
    let report = organization.run("report parts --format json");
    let summary = organization.summary("parts");
    let missing = IDS.len() - done;
    assert!(missing > 0);
    assert_eq!(summary["outcomes"]["missing"], missing);
    assert_eq!(report.code, 1);
    assert_eq!(organization.run(&format!("{scan} 3/3")).code, 0);
    assert_eq!(organization.run("report parts").code, 1);
    let expected = read_run(&organization.path("one"));
    let mut documents = read_run(&organization.path("parts"));
    documents.remove("/shards.json");
    assert!(documents == expected);
}

#[test]
fn an_account_that_has_no_result_makes_a_ready_organization_unknown() {
    let organization = Organization::new(&[READY, ("100000000001", READY.1)]);
    assert_eq!(organization.run("scan s --output run").code, 0);
    fs::remove_file(organization.path("run/accounts/100000000001.json.zst")).unwrap();
    let report = organization.run("report run");
    assert_eq!(report.code, 3);
    assert!(
        report.stdout.contains("1 account missing: 100000000001"),
        "{}",
        report.stdout
    );
    // A damaged result is as good as none.
    fs::write(organization.path("run/accounts/100000000001.json.zst"), "x").unwrap();
    assert_eq!(organization.run("report run").code, 3);
    let resumed = organization.run("scan s --output run --resume");
    assert_eq!(resumed.code, 0, "{}", resumed.stdout);
}

#[test]
fn a_run_is_continued_only_with_its_own_options_and_accounts() {
    let organization = Organization::new(&[READY, FAILS]);
    assert_eq!(organization.run("scan s --output run").code, 1);
    for (arguments, words) in [
        ("scan s --output run", "add --resume"),
        (
            "scan s --output run --resume --preflight",
            "--preflight was not set, now yes",
        ),
        (
            "scan s --output run --resume --scope enabled",
            "--scope was all, now enabled",
        ),
        (
            "scan s --output run --resume --run other",
            "it has results of run",
        ),
        (
            "scan s --output run --resume --skip-account 555566667777",
            "no longer is",
        ),
    ] {
        let run = organization.run(arguments);
        assert_eq!(run.code, 2, "{arguments}");
        assert!(run.stderr.contains(words), "{arguments}: {}", run.stderr);
    }
    // A result of an account that the list does not have is not left out silently.
    let results = organization.path("run/accounts");
    fs::copy(
        results.join("111122223333.json.zst"),
        results.join("999900001111.json.zst"),
    )
    .unwrap();
    let report = organization.run("report run");
    assert_eq!(report.code, 2);
    assert!(report.stderr.contains("999900001111"), "{}", report.stderr);
}
