//! The SQL of the lake, run by DuckDB, against the JSON of the same run.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use super::{python, texts, to_json};
use crate::fleet::Organization;
use crate::support::command::{repository, run};

/// Returns an organization with a run in which an account was not seen.
pub(super) fn scan_organization() -> Organization {
    let accounts = [
        ("111122223333", "clean"),
        ("555566667777", "mixed"),
        ("100000000001", "mixed"),
        ("777788889999", "no-access"),
    ];
    let organization = Organization::new(&accounts);
    fs::write(organization.path("s/222233334444.json"), "{").unwrap();
    let scanned = organization.run("scan s --output run --run one");
    assert_eq!(scanned.code, 1, "{}", scanned.stderr);
    organization
}

fn write_lake(organization: &Organization, name: &str) {
    let written = organization.run(&format!("report {name} --format parquet=lake"));
    assert_eq!(written.code, 1, "{}", written.stderr);
}

fn ask_lake(organization: &Organization, what: &str) -> Value {
    let lake = repository().join("deploy/lake");
    let mut command = python("questions.py", &[&lake]);
    to_json(&run(command.arg(what).current_dir(organization.root())))
}

/// Returns a column of rows.
fn column<'a>(rows: &'a Value, name: &str) -> Vec<&'a Value> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| &row[name]).collect()
}

fn sum(rows: &Value, name: &str) -> u64 {
    column(rows, name)
        .iter()
        .map(|it| it.as_u64().unwrap())
        .sum()
}

#[test]
fn answers_of_the_lake_equal_the_json() {
    let organization = scan_organization();
    write_lake(&organization, "run");
    let answers = ask_lake(&organization, "duckdb");
    let answers = answers.as_array().unwrap();
    assert_eq!(answers.len(), 5);
    let summary = organization.summary("run");
    let accounts = summary["accounts"].as_array().unwrap();
    assert_eq!(column(&answers[0], "account_id"), ["222233334444"]);
    assert_eq!(column(&answers[0], "outcome"), ["not-entered"]);
    assert_eq!(sum(&answers[1], "accounts"), 5);
    assert_eq!(sum(&answers[1], "not_seen"), 1);
    let resources = &summary["resources"];
    for name in ["not_ready", "resources"] {
        let member = if name == "resources" {
            "total"
        } else {
            "not-ready"
        };
        assert_eq!(sum(&answers[1], name), resources[member], "{name}");
        assert_eq!(sum(&answers[3], name), resources[member], "{name}");
    }
    assert_eq!(sum(&answers[3], "ready"), resources["ready"]);
    assert_eq!(sum(&answers[3], "unknown"), resources["unknown"]);
    let failing = accounts
        .iter()
        .map(|it| it["findings"]["gating_fail"].as_u64().unwrap());
    assert_eq!(sum(&answers[2], "findings"), failing.sum::<u64>());
    assert_eq!(
        answers[4].as_array().unwrap().len(),
        0,
        "there is no run before"
    );
}

#[test]
fn what_is_new_is_new_only_in_accounts_that_were_seen_before() {
    let organization = Organization::new(&[("111122223333", "clean"), ("555566667777", "clean")]);
    fs::write(organization.path("s/222233334444.json"), "{").unwrap();
    assert_eq!(organization.run("scan s --output a --run a").code, 3);
    let written = organization.run("report a --format parquet=lake");
    assert_eq!(written.code, 3, "{}", written.stderr);
    // A day later, one account is worse, and one is seen for the first time.
    for id in ["555566667777", "222233334444"] {
        let file = format!("{id}.json");
        organization.add_snapshot(&file, id, "mixed");
        let path = organization.path("s").join(file);
        let text = fs::read_to_string(&path).unwrap();
        let later = text.replace("\"finished_at\": \"2026-03-", "\"finished_at\": \"2026-04-");
        assert_ne!(text, later);
        fs::write(path, later).unwrap();
    }
    assert_eq!(organization.run("scan s --output b --run b").code, 1);
    write_lake(&organization, "b");
    let answers = ask_lake(&organization, "duckdb");
    assert_eq!(answers[0].as_array().unwrap().len(), 0, "all were seen");
    let ids: BTreeSet<&str> = column(&answers[4], "account_id")
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(ids, BTreeSet::from(["555566667777"]));
    let summary = organization.summary("b");
    let worse = summary["accounts"].as_array().unwrap();
    let worse = worse.iter().find(|it| it["id"] == "555566667777").unwrap();
    assert_eq!(
        answers[4].as_array().unwrap().len() as u64,
        worse["findings"]["gating_fail"]
    );
}

#[test]
fn the_tables_and_the_dashboard_of_athena_fit_the_files() {
    let organization = scan_organization();
    write_lake(&organization, "run");
    let answers = ask_lake(&organization, "athena");
    let tables = answers["tables"].as_object().unwrap();
    assert_eq!(tables.len(), 4);
    for (name, table) in tables {
        assert_eq!(table["location"], format!("s3://BUCKET/lake/{name}/"));
        if name != "runs" {
            assert_eq!(table["columns"], table["found"], "{name}");
        }
    }
    let row = fs::read_dir(organization.path("lake/runs")).unwrap();
    let row = row.flat_map(|it| fs::read_dir(it.unwrap().path()).unwrap());
    let row = fs::read_to_string(row.last().unwrap().unwrap().path()).unwrap();
    let row: BTreeMap<String, Value> = serde_json::from_str(&row).unwrap();
    let declared = tables["runs"]["columns"].as_array().unwrap();
    assert_eq!(declared.len(), row.len());
    for pair in declared {
        assert!(row.contains_key(pair[0].as_str().unwrap()), "{pair}");
    }
    let summary = organization.summary("run");
    let panels = &answers["panels"];
    assert_eq!(panels.as_object().unwrap().len(), 9);
    let not_ready = summary["resources"]["not-ready"].as_u64().unwrap();
    for (panel, name, expected) in [
        ("Accounts not seen", "accounts", 1),
        ("Accounts not ready", "accounts", 2),
        ("Resources not ready", "resources", not_ready),
        ("Organizational units", "accounts", 5),
        ("Accounts by day", "not_ready", 2),
    ] {
        assert_eq!(sum(&panels[panel], name), expected, "{panel}");
    }
    assert_eq!(
        sum(&panels["Rules that fail"], "findings"),
        sum(&panels["Gating failures by day"], "findings")
    );
}

/// The attributes that OCSF 1.3 has, of what is written.
///
/// Source: <https://github.com/ocsf/ocsf-schema>, the release 1.3.0: `events/findings`, `profiles/cloud.json` and
/// `objects`.
const OCSF_1_3: [(&str, &[&str]); 7] = [
    ("/cloud", &["account", "provider", "region"]),
    (
        "/compliance",
        &[
            "control",
            "requirements",
            "standards",
            "status",
            "status_code",
            "status_detail",
            "status_id",
        ],
    ),
    (
        "/finding_info",
        &[
            "analytic",
            "created_time",
            "desc",
            "last_seen_time",
            "title",
            "types",
            "uid",
        ],
    ),
    (
        "/metadata",
        &["event_code", "product", "profiles", "uid", "version"],
    ),
    ("/remediation", &["desc"]),
    (
        "/resources/0",
        &["cloud_partition", "labels", "name", "region", "type", "uid"],
    ),
    (
        "",
        &[
            "activity_id",
            "activity_name",
            "category_name",
            "category_uid",
            "class_name",
            "class_uid",
            "cloud",
            "compliance",
            "finding_info",
            "message",
            "metadata",
            "remediation",
            "resources",
            "severity",
            "severity_id",
            "status",
            "status_code",
            "status_id",
            "time",
            "type_name",
            "type_uid",
            "unmapped",
        ],
    ),
];

#[test]
fn findings_for_security_lake_are_those_of_ocsf_in_its_version() {
    let organization = scan_organization();
    fs::create_dir(organization.path("ocsf")).unwrap();
    let mut written: BTreeMap<String, Value> = BTreeMap::new();
    for id in ["111122223333", "555566667777"] {
        let file = format!("ocsf/{id}.ndjson");
        organization.run(&format!(
            "scan s/{id}.json --fail-on never --format ocsf={file}"
        ));
        for line in fs::read_to_string(organization.path(&file))
            .unwrap()
            .lines()
        {
            let event: Value = serde_json::from_str(line).unwrap();
            written.insert(event["metadata"]["uid"].as_str().unwrap().to_owned(), event);
        }
    }
    let rows = ask_lake(&organization, "security-lake");
    let rows = rows.as_array().unwrap();
    assert!(written.len() > 100);
    assert_eq!(rows.len(), written.len());
    let partitions = ["accountId", "eventDay", "region"];
    for row in rows {
        let event = &written[row["metadata"]["uid"].as_str().unwrap()];
        for (pointer, allowed) in OCSF_1_3 {
            let Some(object) = row.pointer(pointer).and_then(Value::as_object) else {
                assert_eq!(pointer, "/remediation", "{row}");
                continue;
            };
            for name in object.keys() {
                let is_known = allowed.contains(&name.as_str());
                assert!(
                    is_known || pointer.is_empty() && partitions.contains(&name.as_str()),
                    "{pointer}/{name}"
                );
            }
        }
        assert_eq!(row["metadata"]["version"], "1.3.0");
        assert_eq!(row["region"], "eu-central-1");
        assert_eq!(row["accountId"], event["cloud"]["account"]["uid"]);
        for pointer in [
            "/class_uid",
            "/severity_id",
            "/time",
            "/message",
            "/compliance/control",
            "/compliance/standards",
            "/compliance/status_id",
            "/finding_info/uid",
            "/resources/0/uid",
            "/unmapped/gating",
            "/cloud/region",
            "/remediation/desc",
        ] {
            let expected = event.pointer(pointer).unwrap_or(&Value::Null);
            let found = row.pointer(pointer).unwrap_or(&Value::Null);
            assert_eq!(found, expected, "{pointer}");
        }
        assert_eq!(
            row["compliance"]["status_detail"],
            texts(&event["compliance"]["status_details"]).join("; ")
        );
        assert_eq!(
            row["unmapped"]["evidence"].is_null(),
            event["evidences"].is_null()
        );
    }
}
