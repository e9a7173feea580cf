//! The formats of an organization.

use std::fs;

use backup_check::report::fleet::FleetFormat;
use backup_check::report::fleet::summary::{FleetReport, fleet_schema};
use parquet::file::reader::{FileReader, SerializedFileReader};

use super::{DENIED, FAILS, Organization, READY};

fn scanned() -> Organization {
    let organization = Organization::new(&[READY, FAILS, DENIED]);
    organization.add_snapshot("b.json", "100000000001", FAILS.1);
    fs::write(organization.path("s/<b>.json"), "{").unwrap();
    assert_eq!(organization.run("scan s --output run --run one").code, 1);
    organization
}

#[test]
fn the_json_is_valid_and_its_counts_add_up() {
    let organization = scanned();
    let summary = organization.summary("run");
    let schema = serde_json::to_value(fleet_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&summary)
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let printed = organization.run("schema --fleet");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&printed.stdout).unwrap(),
        schema
    );
    let accounts = summary["accounts"].as_array().unwrap();
    for (list, name) in [
        ("resources", "total"),
        ("resources", "not-ready"),
        ("findings", "fail"),
    ] {
        let sum: u64 = accounts
            .iter()
            .map(|it| it[list][name].as_u64().unwrap())
            .sum();
        assert_eq!(summary[list][name], sum, "{list} {name}");
    }
    // The same cause in two accounts is one.
    let causes = summary["causes"].as_array().unwrap();
    assert!(causes.iter().any(|it| it["accounts"] == 2));
    for cause in causes {
        let message = cause["message"].as_str().unwrap();
        assert!(!message.contains("555566667777"), "{message}");
    }
}

#[test]
fn what_was_not_seen_comes_first_in_documents_for_people() {
    let organization = scanned();
    let run = organization
        .run("report run --format html=r.html markdown=r.md csv=r.csv openmetrics=r.om table");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let read = |name: &str| fs::read_to_string(organization.path(name)).unwrap();
    let html = read("r.html");
    assert!(html.find("id=\"not-seen\"") < html.find("id=\"causes\""));
    assert!(html.contains("&#60;b&#62;.json") && !html.contains("<b>.json"));
    let markdown = read("r.md");
    assert!(markdown.find("## Not seen") < markdown.find("## Causes"));
    let csv = read("r.csv");
    assert_eq!(csv.lines().count(), 6);
    let metrics = read("r.om");
    assert!(metrics.contains("backup_check_accounts{outcome=\"not-entered\"} 1"));
    assert!(metrics.contains("backup_check_accounts{outcome=\"missing\"} 0"));
    assert!(metrics.contains("backup_check_account_failures{account_id=\"111122223333\"} 0"));
    assert!(!metrics.contains("account_id=\"<b>.json\""));
    assert!(metrics.ends_with("# EOF\n"));
}

#[test]
fn a_page_of_a_thousand_accounts_is_below_two_megabytes() {
    let organization = scanned();
    let text = fs::read_to_string(organization.path("run/summary.json")).unwrap();
    let mut report: FleetReport = serde_json::from_str(&text).unwrap();
    let mut many = Vec::new();
    for number in 0..1_000 {
        let mut line = report.accounts[number % report.accounts.len()].clone();
        line.id = format!("{number:012}");
        line.name = Some(format!("team-{number}-production"));
        line.ou = Some(
            format!("r-ab12/ou-ab12-{:08}", number / 20)
                .parse()
                .unwrap(),
        );
        many.push(line);
    }
    report.accounts = many;
    let mut page = Vec::new();
    let html = FleetFormat::with_name("html").unwrap();
    html.write_report(&report, 80, &mut page).unwrap();
    assert!(page.len() < 2_000_000, "{}", page.len());
    let page = String::from_utf8(page).unwrap();
    // 200 of them were not seen and have no row in the map; 500 of the others have one.
    assert!(page.contains("further accounts, worst status of each rule"));
    assert_eq!(page.matches("not-entered").count(), 200);
}

#[test]
fn the_tables_of_the_lake_have_what_the_json_counts() {
    let organization = scanned();
    for (which, folder) in [("failing", "lake"), ("all", "all")] {
        let run = organization.run(&format!(
            "report run --findings {which} --format parquet={folder}"
        ));
        assert_eq!(run.code, 1, "{}", run.stderr);
    }
    let rows = |folder: &str, table: &str| {
        let partitions = fs::read_dir(organization.path(folder).join(table)).unwrap();
        let partition = partitions.into_iter().next().unwrap().unwrap().path();
        let name = partition.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.starts_with("date=20"), "{name}");
        let file = fs::File::open(partition.join("one-0001.parquet")).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let rows: Vec<String> = reader
            .get_row_iter(None)
            .unwrap()
            .map(|it| it.unwrap().to_string())
            .collect();
        rows
    };
    let summary = organization.summary("run");
    let count =
        |list: &str, name: &str| usize::try_from(summary[list][name].as_u64().unwrap()).unwrap();
    let accounts = rows("lake", "accounts");
    assert_eq!(accounts.len(), 5);
    assert!(
        accounts
            .iter()
            .any(|it| it.contains("not-entered") && it.contains("resources: null"))
    );
    assert_eq!(rows("lake", "resources").len(), count("resources", "total"));
    let failing = count("findings", "fail")
        + count("findings", "warn")
        + count("findings", "unknown")
        + count("findings", "waived");
    assert_eq!(rows("lake", "findings").len(), failing);
    assert_eq!(
        rows("all", "findings").len(),
        failing + count("findings", "pass")
    );
    assert!(organization.path("lake/runs").is_dir());
}

#[test]
fn a_trend_shows_runs_in_order_and_what_was_not_seen() {
    let organization = scanned();
    fs::create_dir(organization.path("runs")).unwrap();
    fs::create_dir(organization.path("runs/unfinished")).unwrap();
    for name in ["a", "b"] {
        let scan = format!("scan s --output runs/{name} --run {name}");
        assert_eq!(organization.run(&scan).code, 1);
        let _ = fs::remove_file(organization.path("s/<b>.json"));
    }
    let run = organization.run("trend runs --format json");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stderr.contains("runs/unfinished"));
    let lines: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let unseen: Vec<u64> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["unseen"].as_u64().unwrap())
        .collect();
    assert_eq!(unseen, [1, 0]);
    let last = organization.run("trend runs --last 1");
    assert_eq!(last.stdout.lines().count(), 2, "{}", last.stdout);
}

#[test]
fn the_page_of_the_organization_links_to_those_of_its_accounts() {
    let organization = scanned();
    let run = organization.run("report run --format html=pages/r.html --account-pages");
    assert_eq!(run.code, 2, "{}", run.stderr);
    fs::create_dir(organization.path("pages")).unwrap();
    let run = organization.run("report run --format html=pages/r.html --account-pages");
    assert_eq!(run.code, 1, "{}", run.stderr);
    let page = fs::read_to_string(organization.path("pages/r.html")).unwrap();
    let seen = [READY.0, FAILS.0, DENIED.0, "100000000001"];
    for id in seen {
        assert!(
            page.contains(&format!("<a href=\"accounts/{id}.html\">")),
            "{id}"
        );
        let of_account = organization.path(&format!("pages/accounts/{id}.html"));
        assert!(fs::read_to_string(of_account).unwrap().contains(id));
    }
    let pages = fs::read_dir(organization.path("pages/accounts")).unwrap();
    assert_eq!(pages.count(), seen.len());
    // Without them there is no link that leads nowhere.
    organization.run("report run --format html=r.html");
    let page = fs::read_to_string(organization.path("r.html")).unwrap();
    assert!(!page.contains("href=\"accounts/"));
}
