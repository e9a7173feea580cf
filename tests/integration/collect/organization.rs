//! The accounts of an organization, entered with their roles. Each is a copy of the account of the fixtures.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use backup_check::source::saved::decompress_file;
use serde_json::{Value, json};

use super::{ACCOUNT, REGION, User, at, json_of};
use crate::support::command::Run;
use crate::support::endpoint::{Endpoint, Exception, Reply, on};

/// The only account that AWS closed, whose role still exists in the endpoint.
const CLOSED: &str = "200000000007";
const SUSPENDED: &str = "200000000008";
const PENDING_ACTIVATION: &str = "200000000009";
const PENDING_CLOSURE: &str = "200000000010";
const DENIED: [&str; 2] = ["200000000020", "200000000041"];
const OF_ANOTHER: &str = "200000000030";

/// Returns the id of an account: the first is that of the credentials.
fn id_of(number: usize) -> String {
    match number {
        0 => ACCOUNT.to_owned(),
        number => format!("2000000000{number:02}"),
    }
}

/// Returns the answers of `ListAccounts` for 50 accounts: pages of at most 20, one of them empty.
fn pages() -> Vec<Vec<Value>> {
    let account = |number: usize| {
        let id = id_of(number);
        let state = match id.as_str() {
            CLOSED => "CLOSED",
            SUSPENDED => "SUSPENDED",
            PENDING_ACTIVATION => "PENDING_ACTIVATION",
            PENDING_CLOSURE => "PENDING_CLOSURE",
            _ => "ACTIVE",
        };
        let unit = if number < 25 {
            "ou-ab12-11111111"
        } else {
            "ou-ab12-22222222"
        };
        json!({
            "Id": id,
            "Name": format!("account {number}"),
            // Retired, and no longer true.
            "Status": "ACTIVE",
            "State": state,
            "Paths": [format!("o-a1b2c3d4e5/r-ab12/{unit}/{id}/")],
        })
    };
    let all: Vec<Value> = (0..50).map(account).collect();
    let (first, rest) = all.split_at(20);
    let (second, third) = rest.split_at(20);
    vec![first.to_vec(), Vec::new(), second.to_vec(), third.to_vec()]
}

/// Returns what is wrong with some accounts.
fn faults() -> Vec<Exception> {
    let role = |id: &str, reply| on("sts:AssumeRole", reply).about(id);
    let denied = DENIED.map(|id| role(id, Reply::Denied));
    let other = role(OF_ANOTHER, Reply::Fixture("AssumeRole-of-another"));
    denied.into_iter().chain([other]).collect()
}

/// Scans in the folder of the user, into `run`.
fn scan(user: &User, endpoint: &Endpoint, more: &[&str]) -> Run {
    let url = endpoint.url();
    let mut args = vec!["scan", "--endpoint-url", &url, "--region", REGION];
    args.extend(["--output", "run", "--run", "one"]);
    args.extend(more);
    let run = user.run(&args);
    assert_eq!(endpoint.unexpected_requests(), [""; 0], "{}", run.stderr);
    run
}

/// Returns the number of requests that the scan of one account sends, the one for its identity included.
fn floor(user: &User) -> usize {
    let endpoint = Endpoint::start([]);
    let url = endpoint.url();
    let args = ["scan", "--endpoint-url", &url, "--region", REGION];
    let run = user.run(&[&args[..], &["--format", "json"]].concat());
    assert!(json_of(&run)["scan"]["complete"].is_boolean());
    endpoint.requests().len()
}

/// Counts the requests by the account whose credentials signed them.
fn count_by_account(endpoint: &Endpoint) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for request in endpoint.requests() {
        *counts.entry(request.account).or_default() += 1;
    }
    counts
}

fn summary(user: &User) -> Value {
    let text = fs::read_to_string(user.home.path().join("run/summary.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns the ids of the accounts with an outcome.
fn with_outcome(summary: &Value, outcome: &str) -> BTreeSet<String> {
    let accounts = at(summary, "/accounts").as_array().unwrap().iter();
    let found = accounts.filter(|it| it["outcome"] == outcome);
    found
        .map(|it| it["id"].as_str().unwrap().to_owned())
        .collect()
}

fn set(ids: &[&str]) -> BTreeSet<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Returns the result of an account.
fn result_of(folder: &Path, id: &str) -> Value {
    let bytes = fs::read(folder.join(format!("accounts/{id}.json.zst"))).unwrap();
    serde_json::from_slice(&decompress_file(bytes).unwrap()).unwrap()
}

const ROLE: [&str; 4] = ["--role-name", "BackupCheck", "--external-id", "ours-1"];

#[test]
fn an_organization_costs_its_list_its_roles_and_its_accounts() {
    let user = User::new();
    let floor = floor(&user);
    let endpoint = Endpoint::start_organization(pages(), faults());
    let run = scan(
        &user,
        &endpoint,
        &[&["--org", "--stats"], &ROLE[..]].concat(),
    );
    let summary = summary(&user);
    let calls = format!("44 accounts seen · {} API calls\n", 44 * floor + 4 + 46 + 1);
    assert!(run.stderr.contains(&calls), "{}", run.stderr);
    let left_out = [CLOSED, SUSPENDED, PENDING_ACTIVATION];
    assert_eq!(with_outcome(&summary, "left-out"), set(&left_out));
    let not_entered = [DENIED[0], OF_ANOTHER, DENIED[1]];
    assert_eq!(with_outcome(&summary, "not-entered"), set(&not_entered));
    assert_eq!(with_outcome(&summary, "scanned").len(), 44, "{summary:#}");
    assert!(
        run.stdout.contains("3 accounts not-entered"),
        "{}",
        run.stdout
    );

    let counts = count_by_account(&endpoint);
    // The account that the wrong role leads to is asked who it is, and nothing else.
    assert_eq!(counts["999900001111"], 1);
    assert_eq!(counts[ACCOUNT], floor + 4 + 46);
    for number in 1..50 {
        let id = id_of(number);
        let is_read = !left_out.contains(&id.as_str()) && !not_entered.contains(&id.as_str());
        let expected = is_read.then_some(&floor);
        assert_eq!(counts.get(&id), expected, "{id}");
    }
    let folder = user.home.path().join("run");
    let report = &result_of(&folder, PENDING_CLOSURE)["report"];
    assert_eq!(at(report, "/scan/account_id"), PENDING_CLOSURE);
}

#[test]
fn every_session_of_a_role_is_confined_to_what_is_read() {
    let user = User::new();
    let policy: Value = json_of(&user.run(&["iam-policy"]));
    let allowed = &policy["Statement"][0]["Action"];
    let endpoint = Endpoint::start_organization(pages(), []);
    let some = ["--account", &id_of(1), &id_of(2), "--org"];
    scan(&user, &endpoint, &[&some[..], &ROLE].concat());
    let roles = endpoint.requests_for("sts:AssumeRole");
    let arns: BTreeSet<String> = roles
        .iter()
        .map(|it| it.parameters["RoleArn"].clone())
        .collect();
    let expected = [1, 2].map(|number| format!("arn:aws:iam::{}:role/BackupCheck", id_of(number)));
    assert_eq!(arns, BTreeSet::from(expected));
    for role in &roles {
        assert_eq!(role.parameters["ExternalId"], "ours-1");
        let text = &role.parameters["Policy"];
        assert!(text.len() <= 2_048, "{}", text.len());
        let sent: Value = serde_json::from_str(text).unwrap();
        assert_eq!(sent["Statement"][0]["Action"], *allowed);
        assert_eq!(sent["Statement"][0]["Effect"], "Allow");
        assert_eq!(sent["Statement"].as_array().unwrap().len(), 1);
    }
    let free = Endpoint::start_organization(pages(), []);
    let args = [&some[..], &ROLE, &["--no-session-policy"]].concat();
    fs::remove_dir_all(user.home.path().join("run")).unwrap();
    scan(&user, &free, &args);
    let roles = free.requests_for("sts:AssumeRole");
    assert_eq!(roles.len(), 2);
    assert!(roles.iter().all(|it| !it.parameters.contains_key("Policy")));
}

#[test]
fn the_cost_of_an_organization_is_that_of_the_accounts_that_were_entered() {
    let user = User::new();
    let endpoint = Endpoint::start_organization(pages(), faults());
    let url = endpoint.url();
    let account = |args: &[&str]| {
        let all = [
            "cost",
            "--endpoint-url",
            &url,
            "--region",
            REGION,
            "--format",
            "json",
        ];
        user.run(&[&all[..], args].concat())
    };
    let one = json_of(&account(&[]));
    let some = [&id_of(1)[..], &id_of(2), DENIED[0]];
    let before = endpoint.requests_for("sts:AssumeRole").len();
    let run = account(&[&["--org", "--metrics", "--account"], &some[..], &ROLE].concat());
    assert_eq!(run.code, 3, "{}", run.stderr);
    let sum = json_of(&run);
    let seen = |it: &&Value| !it["totals"].is_null();
    let accounts: Vec<&Value> = sum["accounts"].as_array().unwrap().iter().collect();
    assert_eq!(accounts.len(), 50);
    assert_eq!(accounts.iter().copied().filter(seen).count(), 2);
    assert_eq!(sum["missing"]["accounts"], 1);
    let count = |it: &Value| {
        let lines = it["lines"].as_array().unwrap().iter();
        lines
            .map(|it| it["resources"].as_u64().unwrap())
            .sum::<u64>()
    };
    assert!(count(&one) > 0, "{one:#}");
    assert_eq!(count(&sum), 2 * count(&one));
    // The sessions may read the metrics, too.
    let roles = endpoint.requests_for("sts:AssumeRole");
    for role in &roles[before..] {
        let policy = &role.parameters["Policy"];
        assert!(policy.len() <= 2_048, "{}", policy.len());
        assert!(policy.contains("cloudwatch:GetMetricData"), "{policy}");
    }
}

#[test]
fn a_resumed_run_enters_only_what_is_missing() {
    let user = User::new();
    let floor = floor(&user);
    let all = [&["--org"], &ROLE[..]].concat();
    scan(
        &user,
        &Endpoint::start_organization(pages(), faults()),
        &all,
    );
    let endpoint = Endpoint::start_organization(pages(), []);
    scan(&user, &endpoint, &[&all[..], &["--resume"]].concat());
    assert_eq!(with_outcome(&summary(&user), "scanned").len(), 47);
    let entered = endpoint.requests_for("sts:AssumeRole");
    let entered: Vec<&str> = entered.iter().filter_map(|it| it.subject()).collect();
    let entered: BTreeSet<String> = set(&entered);
    assert_eq!(entered, set(&[DENIED[0], OF_ANOTHER, DENIED[1]]));
    // Who the credentials are, three roles, and three accounts: the list is that of the run.
    assert_eq!(endpoint.requests().len(), 1 + 3 + 3 * floor);
}

#[test]
fn throttling_of_one_account_is_not_that_of_another() {
    let user = User::with(&[
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "s3cr3t/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    ]);
    let floor = floor(&user);
    let (slow, other) = (id_of(1), id_of(2));
    fs::write(user.home.path().join("list"), format!("{slow}\n{other}\n")).unwrap();
    let throttled = on("*", Reply::Throttled).in_region(REGION).signed_by(&slow);
    let endpoint = Endpoint::start([throttled.times(4)]);
    scan(
        &user,
        &endpoint,
        &[&["--accounts", "list"], &ROLE[..]].concat(),
    );
    let counts = count_by_account(&endpoint);
    assert_eq!(counts[&other], floor);
    assert_eq!(counts[&slow], floor + 4);
    let summary = summary(&user);
    assert_eq!(with_outcome(&summary, "scanned"), set(&[&slow, &other]));
}

#[test]
fn an_account_that_does_not_answer_ends_at_its_time_limit() {
    let mut user = User::new();
    // The last one counts: throttling is waited out for longer than the account has.
    user.variables.push(("AWS_MAX_ATTEMPTS", "50"));
    let (slow, other) = (id_of(1), id_of(2));
    let list = format!(
        "{slow}\n{{\"id\":\"{other}\",\"role_arn\":\"arn:aws:iam::{other}:role/a/Own\",\"external_id\":\"theirs\"}}\n"
    );
    fs::write(user.home.path().join("list"), list).unwrap();
    let throttled = on("ec2:DescribeVolumes", Reply::Throttled).signed_by(&slow);
    let endpoint = Endpoint::start([throttled]);
    let args = ["--accounts", "list", "--account-timeout", "20s"];
    let run = scan(&user, &endpoint, &[&args[..], &ROLE].concat());
    let summary = summary(&user);
    assert_eq!(
        with_outcome(&summary, "timed-out"),
        set(&[&slow]),
        "{}",
        run.stderr
    );
    assert_eq!(with_outcome(&summary, "scanned"), set(&[&other]));
    let roles = endpoint.requests_for("sts:AssumeRole");
    let own = roles
        .iter()
        .find(|it| it.subject() == Some(&other))
        .unwrap();
    assert_eq!(
        own.parameters["RoleArn"],
        format!("arn:aws:iam::{other}:role/a/Own")
    );
    assert_eq!(own.parameters["ExternalId"], "theirs");
}

#[test]
fn what_is_lost_in_three_accounts_gets_one_attempt_in_the_others() {
    let mut user = User::new();
    user.variables.push(("AWS_MAX_ATTEMPTS", "8"));
    let ids: Vec<String> = (1..7).map(id_of).collect();
    fs::write(user.home.path().join("list"), ids.join("\n")).unwrap();
    const LOST: &str = "storagegateway:ListGateways";
    let endpoint = Endpoint::start([on(LOST, Reply::Error(500, "InternalServerError"))]);
    let args = ["--accounts", "list", "--accounts-at-once", "1"];
    let run = scan(&user, &endpoint, &[&args[..], &ROLE].concat());
    // Three attempts in each of three accounts, then one in each of the other three.
    assert_eq!(
        endpoint.requests_for(LOST).len(),
        3 * 3 + 3,
        "{}",
        run.stderr
    );
    assert_eq!(run.stderr.matches("given up in 3 accounts").count(), 1);
    assert_eq!(with_outcome(&summary(&user), "partial").len(), 6);
}

#[test]
fn expired_credentials_end_the_run_after_twenty_accounts() {
    let user = User::new();
    let ids: Vec<String> = (1..40).map(id_of).collect();
    fs::write(user.home.path().join("list"), ids.join("\n")).unwrap();
    let endpoint = Endpoint::start([on("sts:AssumeRole", Reply::Fixture("ExpiredToken"))]);
    let args = ["--accounts", "list", "--accounts-at-once", "1"];
    let run = scan(&user, &endpoint, &[&args[..], &ROLE].concat());
    assert_eq!(run.code, 2, "{}", run.stderr);
    assert!(run.stderr.contains("with --resume"), "{}", run.stderr);
    assert_eq!(endpoint.requests_for("sts:AssumeRole").len(), 20);
    let summary = summary(&user);
    assert_eq!(with_outcome(&summary, "not-entered").len(), 20);
    assert_eq!(with_outcome(&summary, "missing").len(), 19);
}

#[test]
fn where_no_account_can_be_entered_nothing_was_checked() {
    let user = User::new();
    fs::write(
        user.home.path().join("list"),
        format!("{}\n{}\n", id_of(1), id_of(2)),
    )
    .unwrap();
    let denied = || Endpoint::start([on("sts:AssumeRole", Reply::Denied)]);
    let args = [&["--accounts", "list"], &ROLE[..]].concat();
    let run = scan(&user, &denied(), &args);
    assert_eq!(run.code, 2, "{}", run.stdout);
    let reason = &result_of(&user.home.path().join("run"), &id_of(1))["reason"];
    let reason = reason.as_str().unwrap();
    assert!(
        reason.contains("AccessDenied") && reason.contains("external ID is wrong"),
        "{reason}"
    );
    // One of several that is not entered is unknown.
    fs::write(
        user.home.path().join("list"),
        format!("{ACCOUNT}\n{}\n", id_of(2)),
    )
    .unwrap();
    fs::remove_dir_all(user.home.path().join("run")).unwrap();
    let run = scan(
        &user,
        &denied(),
        &[&args[..], &["--rule", "organization-member"]].concat(),
    );
    assert_eq!(run.code, 3, "{}", run.stdout);
}

#[test]
fn a_list_that_cannot_be_read_to_its_end_is_an_error() {
    for (reply, words) in [
        (Reply::Denied, "delegated administrators"),
        (Reply::Malformed, "failed to list the accounts"),
        (Reply::FirstPage, "a page token repeats"),
    ] {
        let user = User::new();
        let endpoint = Endpoint::start_organization(
            pages(),
            [on("organizations:ListAccounts", reply.clone()).on_page(2)],
        );
        let run = scan(&user, &endpoint, &[&["--org"], &ROLE[..]].concat());
        assert_eq!(run.code, 2, "{reply:?}: {}", run.stdout);
        assert!(run.stderr.contains(words), "{reply:?}: {}", run.stderr);
        assert!(endpoint.requests_for("sts:AssumeRole").is_empty());
    }
}

#[test]
fn accounts_are_listed_through_a_role_and_divided_into_shards() {
    let user = User::new();
    let endpoint = Endpoint::start_organization(pages(), []);
    let url = endpoint.url();
    let role = format!("arn:aws:iam::{}:role/Lister", id_of(3));
    let args = [
        "accounts",
        "--org",
        "--org-role-arn",
        &role,
        "--endpoint-url",
        &url,
    ];
    let run = user.run(&[&args[..], &["--output", "run", "--shards", "4"]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("47 accounts to check, 3 left out"),
        "{}",
        run.stderr
    );
    let roles = endpoint.requests_for("sts:AssumeRole");
    assert_eq!(roles.len(), 1);
    assert!(roles[0].parameters["Policy"].contains("organizations:ListAccounts"));
    let lists = endpoint.requests_for("organizations:ListAccounts");
    assert_eq!(lists.len(), 4);
    assert!(lists.iter().all(|it| it.account == id_of(3)));
    let shards = fs::read_to_string(user.home.path().join("run/shards.json")).unwrap();
    assert_eq!(shards, r#"["1/4","2/4","3/4","4/4"]"#);
    let list = fs::read_to_string(user.home.path().join("run/accounts.ndjson")).unwrap();
    assert_eq!(list.lines().count(), 50);
    let closed = list.lines().find(|it| it.contains(CLOSED)).unwrap();
    assert!(closed.contains("its state is CLOSED"), "{closed}");
}

#[test]
fn accounts_without_paths_are_found_in_the_tree() {
    let without_paths: Vec<Value> = [1, 2]
        .map(|number| json!({"Id": id_of(number), "Name": "it", "State": "ACTIVE"}))
        .to_vec();
    let place = |exceptions: Vec<Exception>| {
        let user = User::new();
        let endpoint = Endpoint::start_organization(vec![without_paths.clone()], exceptions);
        let url = endpoint.url();
        let args = [
            "accounts",
            "--org",
            "--endpoint-url",
            &url,
            "--output",
            "run",
        ];
        let run = user.run(&args);
        assert_eq!(run.code, 0, "{}", run.stderr);
        let list = fs::read_to_string(user.home.path().join("run/accounts.ndjson")).unwrap();
        let units: Vec<Value> = list
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["ou"].take())
            .collect();
        (units, run.stderr)
    };
    let (units, _) = place(Vec::new());
    assert_eq!(
        units,
        [
            "r-ab12/ou-ab12-22222222",
            "r-ab12/ou-ab12-11111111/ou-ab12-33333333"
        ]
    );
    // An account without its unit is still an account.
    let denied = on(
        "organizations:ListOrganizationalUnitsForParent",
        Reply::Denied,
    );
    let (units, told) = place(vec![denied]);
    assert_eq!(units, [Value::Null, Value::Null]);
    assert!(told.contains("ListOrganizationalUnitsForParent"), "{told}");
}

#[test]
fn kept_snapshots_are_checked_again_without_aws() {
    let user = User::new();
    let ids = format!("{}\n{}\n", id_of(1), id_of(2));
    fs::write(user.home.path().join("list"), ids).unwrap();
    let endpoint = Endpoint::start([]);
    let args = ["--accounts", "list", "--snapshots", "--fail-on", "never"];
    let run = scan(&user, &endpoint, &[&args[..], &ROLE].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let before = summary(&user);
    let again = User::with(&[]).home;
    let kept = user.home.path().join("run/snapshots");
    assert_eq!(fs::read_dir(&kept).unwrap().count(), 2);
    fs::rename(kept, again.path().join("s")).unwrap();
    let again = User {
        home: again,
        variables: Vec::new(),
    };
    let args = [
        "scan",
        "--from",
        "s",
        "--fail-on",
        "never",
        "--output",
        "run",
    ];
    let run = again.run(&[&args[..], &["--region", REGION]].concat());
    assert_eq!(run.code, 0, "{}", run.stderr);
    let after = summary(&again);
    for name in ["outcomes", "verdicts", "resources", "findings"] {
        assert_eq!(before[name], after[name], "{name}");
    }
}
