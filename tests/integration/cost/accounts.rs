//! `backup-check cost` of a folder of snapshots.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::command::{Run, backup_check, repository, run};

const FIRST: &str = "222233334444";
const SECOND: &str = "333344445555";
const UNREAD: &str = "444455556666";

/// The account of the samples, as two accounts: the second has only its volumes in Ireland: 100 GiB, and
/// 50 GiB that belong to an instance in the first.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(repository().join("fixtures/cost/account.json")).unwrap();
    let sample: Value = serde_json::from_str(&text).unwrap();
    let own = sample["account_id"].as_str().unwrap();
    fs::write(folder.path().join("a.json"), text.replace(own, FIRST)).unwrap();
    let mut second: Value = serde_json::from_str(&text.replace(own, SECOND)).unwrap();
    second["buckets"]["items"] = json!([]);
    let regions = second["regions"].as_object_mut().unwrap();
    for (region, lists) in regions {
        for (list, items) in lists.as_object_mut().unwrap() {
            let is_kept = list == "volumes" && region == "eu-west-1";
            let is_resource = list != "vaults" && list != "backup_plans";
            if items.get("items").is_some() && is_resource && !is_kept {
                items["items"] = json!([]);
            }
        }
    }
    fs::write(folder.path().join("b.json"), second.to_string()).unwrap();
    folder
}

fn cost(folder: &Path, args: &[&str]) -> Run {
    run(backup_check(folder)
        .args(["cost", "--from", "."])
        .args(args))
}

fn json_of(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"))
}

#[test]
fn accounts_are_added_up_by_type_and_region() {
    let folder = folder();
    let run = cost(folder.path(), &["--format", "json"]);
    assert_eq!(run.code, 0, "{run:?}");
    let sum = json_of(&run);
    assert_eq!(sum["account_id"], Value::Null);
    // 100 GiB in Ireland and 100 in Paris here, and 150 GiB in Ireland there.
    let volumes = |region: &str| {
        let mut lines = sum["lines"].as_array().unwrap().iter();
        let found = lines.find(|it| it["type"] == "ebs-volume" && it["region"] == region);
        found.unwrap().clone()
    };
    assert_eq!(volumes("eu-west-1")["resources"], 3);
    assert_eq!(volumes("eu-west-1")["gib"], 250.0);
    assert_eq!(volumes("eu-west-3")["gib"], 100.0);
    // At 0.05.
    let one = &volumes("eu-west-1")["central"]["storage"]["one_full_copy"];
    assert_eq!(*one, 12.5);
    let of_account = |id: &str| {
        let mut accounts = sum["accounts"].as_array().unwrap().iter();
        accounts.find(|it| it["account_id"] == id).unwrap()
    };
    let amount = |it: &Value| {
        it["totals"]["member"]["storage"]["one_full_copy"]
            .as_f64()
            .unwrap()
    };
    assert_eq!(amount(of_account(SECOND)), 7.5);
    assert_eq!(of_account(SECOND)["resources"], 2);
    assert_eq!(of_account(SECOND)["at_least"], false);
    // As `cost` of the first account alone has it.
    assert_eq!(amount(of_account(FIRST)), 12.8);
    assert_eq!(of_account(FIRST)["at_least"], true);
    assert_eq!(amount(&sum), 20.3);
}

#[test]
fn each_account_is_in_the_table_and_has_rows_in_csv() {
    let folder = folder();
    let list = format!("{{\"id\":\"{SECOND}\",\"name\":\"Shop\"}}\n{FIRST}\n");
    fs::write(folder.path().join("list.txt"), list).unwrap();
    let args = ["--accounts", "list.txt", "--quiet"];
    let table = cost(folder.path(), &args).stdout;
    let rows: Vec<String> = table
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert!(table.starts_with("Backup cost of 2 accounts: "), "{table}");
    for row in [
        "333344445555 Shop 2 7.50 7.50",
        // 50 and 100 GiB at 0.05 and 100 at 0.053 here; all of them at 0.05 in Ireland.
        "222233334444 6 12.80+ 12.50+",
        // Of seven points.
        "The accounts pay at least 20.30 USD a month for one full copy, 142.10 USD if",
    ] {
        assert!(rows.iter().any(|it| it == row), "{row}\n{table}");
    }
    let csv = cost(folder.path(), &[&args[..], &["--format", "csv"]].concat()).stdout;
    let own = csv.lines().filter(|it| it.starts_with(SECOND));
    let own: Vec<&str> = own.collect();
    assert_eq!(own.len(), 2, "{csv}");
    assert!(own[0].contains(",ebs-volume,2,150,at-most,"), "{}", own[0]);
    assert!(own.iter().all(|it| it.ends_with(",scanned")), "{own:?}");
}

#[test]
fn what_was_not_seen_is_named_and_makes_the_totals_too_low() {
    let folder = folder();
    fs::write(folder.path().join(format!("{UNREAD}.json")), "{").unwrap();
    let run = cost(folder.path(), &["--format", "json"]);
    assert_eq!(run.code, 3, "{run:?}");
    let sum = json_of(&run);
    assert_eq!(sum["missing"]["accounts"], 1);
    assert_eq!(sum["at_least"], true);
    let accounts = sum["accounts"].as_array().unwrap();
    let unseen = accounts.iter().find(|it| it["totals"].is_null()).unwrap();
    assert_eq!(unseen["outcome"], "not-entered");
    assert_eq!(unseen["resources"], Value::Null);
    assert!(unseen["reason"].as_str().unwrap().contains("snapshot"));
    let table = cost(folder.path(), &[]).stdout;
    let words: Vec<&str> = table.split_whitespace().collect();
    let text = words.join(" ");
    assert!(text.contains("1 account that could not be read"), "{table}");
    let csv = cost(folder.path(), &["--format", "csv"]).stdout;
    assert!(csv.lines().any(|it| it.ends_with(",not-entered")), "{csv}");

    // Nothing at all is an error.
    for name in ["a.json", "b.json"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    assert_eq!(cost(folder.path(), &[]).code, 2);
}

#[test]
fn accounts_are_selected_and_the_others_cost_nothing() {
    let folder = folder();
    let run = cost(
        folder.path(),
        &["--skip-account", FIRST, "--format", "json"],
    );
    let sum = json_of(&run);
    assert_eq!(sum["totals"]["member"]["storage"]["one_full_copy"], 7.5);
    let accounts = sum["accounts"].as_array().unwrap();
    let left_out = accounts
        .iter()
        .find(|it| it["account_id"] == FIRST)
        .unwrap();
    assert_eq!(
        (&left_out["outcome"], &left_out["totals"]),
        (&json!("left-out"), &Value::Null)
    );
    assert_eq!(left_out["at_least"], false);
    assert_eq!(run.code, 0, "{run:?}");
}

#[test]
fn arguments_that_do_not_fit_are_named() {
    let folder = folder();
    let file = folder.path().join("a.json").display().to_string();
    for (args, message) in [
        (
            &["--from", ".", "--resource", "vol-1"][..],
            "--resource is for one account",
        ),
        (
            &["--from", ".", "--role-name", "Reader"],
            "--role-name is for live accounts",
        ),
        (
            &["--from", ".", "--metrics"],
            "--metrics needs live accounts",
        ),
        (
            &["--from", ".", "--parameter", "A=b"],
            "--parameter is for one account",
        ),
        (
            &["--from", &file, "--ou", "ou-ab12-11112222"],
            "--ou is for an organization",
        ),
        (&["--org"], "--org needs a role to assume"),
        (
            &["--org", "--max-calls", "9", "--role-name", "Reader"],
            "--max-calls is for one account",
        ),
    ] {
        let run = run(backup_check(folder.path()).arg("cost").args(args));
        assert_eq!(run.code, 2, "{run:?}");
        assert!(run.stderr.contains(message), "{message}: {}", run.stderr);
    }
}
