//! The built program against moto, an AWS emulator that nobody here wrote.
//!
//! `moto/seed.py` fills accounts and states beside each resource what the rules must say of it;
//! `moto/overlay.py` adds what moto lacks and notes every operation that is really sent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::command::{Run, backup_check, repository, run};

/// The emulator. Its rules hold for all of it, so one test at a time has it.
struct Moto {
    port: u16,
    python: PathBuf,
    // Its end is the server's end.
    _stdin: ChildStdin,
    _server: Child,
}

fn moto() -> MutexGuard<'static, Moto> {
    static MOTO: OnceLock<Mutex<Moto>> = OnceLock::new();
    let moto = MOTO.get_or_init(|| Mutex::new(Moto::start()));
    let moto = moto.lock().unwrap_or_else(PoisonError::into_inner);
    moto.rules(&json!([]));
    moto
}

/// A Python with moto, made once for each list of requirements.
fn python() -> PathBuf {
    let requirements = repository().join("tests/integration/moto/requirements.txt");
    let pinned = fs::read(&requirements).unwrap();
    let name: String = Sha256::digest(&pinned)
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("moto-{name}"));
    let python = venv.join("bin/python");
    let done = venv.join("installed");
    if !done.exists() {
        let must = |command: &mut Command, what: &str| {
            let status = command.stdout(Stdio::null()).status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "{what}: {command:?}"
            );
        };
        must(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
            "the end-to-end tests need python3 (3.10 or later) with venv",
        );
        must(
            Command::new(&python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-deps",
                    "--requirement",
                ])
                .arg(&requirements),
            "the end-to-end tests need moto from PyPI",
        );
        fs::write(done, "").unwrap();
    }
    python
}

impl Moto {
    fn start() -> Self {
        let python = python();
        let mut server = Command::new(&python)
            .arg(repository().join("tests/integration/moto/server.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the server says its port");
        Moto {
            port: u16::try_from(ready["port"].as_u64().unwrap()).unwrap(),
            python,
            _stdin: server.stdin.take().unwrap(),
            _server: server,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> String {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} /__overlay__/{path} HTTP/1.1\r\nHost: overlay\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 20"), "{path}: {answer}");
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Replaces the overlay's rules.
    fn rules(&self, rules: &Value) {
        self.control("POST", "rules", rules);
    }

    /// The operations sent for an account since the last reset: service and name.
    fn operations(&self, account: &str) -> BTreeSet<(String, String)> {
        let sent: Vec<Sent> =
            serde_json::from_str(&self.control("GET", "operations", &Value::Null)).unwrap();
        let of_account = sent.into_iter().filter(|it| it.account == account);
        of_account.map(|it| (it.service, it.operation)).collect()
    }

    /// Fills an account and returns what a scan of it must say.
    fn seed(&self, account: &str, variant: &str) -> Expected {
        let output = Command::new(&self.python)
            .arg(repository().join("tests/integration/moto/seed.py"))
            .args([
                "--endpoint",
                &self.url(),
                "--account",
                account,
                "--variant",
                variant,
            ])
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "seeding {variant} failed");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = backup_check(folder);
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            // A test waits for no second try; the throttled one sets its own number.
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_ENDPOINT_URL", self.url())
            // Chooses where STS is asked, never what is scanned.
            .env("AWS_REGION", "us-west-2");
        command
    }

    fn scan(&self, account: &str, flags: &[&str]) -> (Run, Value) {
        let folder = tempfile::tempdir().unwrap();
        let role = format!("arn:aws:iam::{account}:role/Auditor");
        let run = run(self
            .command(folder.path())
            .args(["scan", "--role-arn", &role, "--format", "json"])
            .args(flags));
        let report =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run, report)
    }
}

#[derive(Deserialize)]
struct Sent {
    account: String,
    service: String,
    operation: String,
}

/// What the seeding states.
#[derive(Deserialize)]
struct Expected {
    resources: BTreeMap<String, ExpectedResource>,
    exit_code: i32,
}

#[derive(Deserialize)]
struct ExpectedResource {
    #[serde(rename = "type")]
    kind: String,
    region: String,
    backup_tag: Option<String>,
    verdict: String,
    findings: BTreeMap<String, String>,
    gating: Vec<String>,
}

/// Findings by resource and rule: status and whether it gates.
fn findings(report: &Value) -> BTreeMap<(String, String), (String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = report["findings"].as_array().unwrap();
    list.iter()
        .map(|it| {
            let place = (text(&it["resource"]), text(&it["rule"]));
            (
                place,
                (text(&it["status"]), it["gating"].as_bool().unwrap()),
            )
        })
        .collect()
}

/// Every difference between a report and what the seeding states, in the regions that are asked for.
fn differences(report: &Value, expected: &Expected, regions: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut differences = Vec::new();
    let mut listed = BTreeSet::new();
    for resource in report["resources"].as_array().unwrap() {
        let arn = resource["arn"].as_str().unwrap();
        if !regions(resource["region"].as_str().unwrap()) {
            continue;
        }
        listed.insert(arn);
        let Some(want) = expected.resources.get(arn) else {
            differences.push(format!("{arn} is in the report and was not seeded"));
            continue;
        };
        for (name, got, want) in [
            ("type", resource["type"].as_str(), Some(want.kind.as_str())),
            (
                "verdict",
                resource["verdict"].as_str(),
                Some(want.verdict.as_str()),
            ),
            (
                "region",
                resource["region"].as_str(),
                Some(want.region.as_str()),
            ),
        ] {
            if got != want {
                differences.push(format!("{arn}: {name} is {got:?}, not {want:?}"));
            }
        }
        if let Some(tag) = &want.backup_tag
            && resource["backup_tag"].as_str() != Some(tag)
        {
            differences.push(format!(
                "{arn}: tag is {}, not {tag}",
                resource["backup_tag"]
            ));
        }
    }
    let got = findings(report);
    let mut wanted = BTreeMap::new();
    for (arn, resource) in &expected.resources {
        if !regions(&resource.region) {
            continue;
        }
        if !listed.contains(arn.as_str()) {
            differences.push(format!("{arn} was seeded and is not in the report"));
        }
        for (rule, status) in &resource.findings {
            wanted.insert(
                (arn.clone(), rule.clone()),
                (status.clone(), resource.gating.contains(rule)),
            );
        }
    }
    for (place, want) in &wanted {
        if got.get(place) != Some(want) {
            differences.push(format!("{place:?} is {:?}, not {want:?}", got.get(place)));
        }
    }
    for (place, found) in &got {
        if listed.contains(place.0.as_str()) && !wanted.contains_key(place) {
            differences.push(format!("{place:?} is {found:?}, and nothing was expected"));
        }
    }
    differences
}

fn agrees(report: &Value, expected: &Expected) {
    let differences = differences(report, expected, &|_| true);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// The IAM action of an operation, where it is not of the same name.
///
/// Source: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>.
fn iam_action(service: &str, operation: &str) -> String {
    let operation = match (service, operation) {
        ("s3", "ListBuckets") => "ListAllMyBuckets",
        ("s3", "HeadBucket") => "ListBucket",
        ("s3", "GetBucketEncryption") => "GetEncryptionConfiguration",
        ("s3", "GetBucketLifecycleConfiguration") => "GetLifecycleConfiguration",
        (_, other) => other,
    };
    let service = if service == "tagging" { "tag" } else { service };
    format!("{service}:{operation}")
}

fn iam_policy() -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let printed = run(backup_check(folder.path()).arg("iam-policy"));
    let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
    let actions = policy["Statement"][0]["Action"].as_array().unwrap();
    actions
        .iter()
        .map(|action| action.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn verdicts_equal_what_was_seeded() {
    let moto = moto();
    let account = "111122223333";
    let expected = moto.seed(account, "mixed");
    moto.control("POST", "reset", &Value::Null);
    let (run, report) = moto.scan(account, &[]);
    agrees(&report, &expected);
    assert_eq!(run.code, expected.exit_code);
    assert_eq!(report["scan"]["account_id"], account);
    assert_eq!(report["scan"]["complete"], true);
    let regions: Vec<&str> = report["scan"]["regions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it.as_str().unwrap())
        .collect();
    assert_eq!(
        regions,
        [
            "ap-southeast-1",
            "eu-central-1",
            "eu-west-1",
            "eu-west-3",
            "us-east-1"
        ]
    );

    let allowed = iam_policy();
    let sent = moto.operations(account);
    assert!(sent.len() > 15, "{sent:?}");
    for (service, operation) in sent {
        let action = iam_action(&service, &operation);
        let free = action == "sts:GetCallerIdentity";
        assert!(
            free || allowed.contains(&action),
            "{service} {operation} was sent, and iam-policy does not list {action}"
        );
    }
}

#[test]
fn small_pages_and_missing_bucket_regions_change_nothing() {
    let moto = moto();
    let account = "222233334444";
    let expected = moto.seed(account, "clean");
    let (run, whole) = moto.scan(account, &[]);
    agrees(&whole, &expected);
    assert_eq!((run.code, expected.exit_code), (0, 0), "{}", run.stderr);

    moto.rules(&json!([{"page_size": 2}, {"bucket_region": false}]));
    moto.control("POST", "reset", &Value::Null);
    let (run, paged) = moto.scan(account, &[]);
    agrees(&paged, &expected);
    assert_eq!(run.code, 0);
    assert_eq!(findings(&whole), findings(&paged));
    assert!(
        moto.operations(account)
            .contains(&("s3".to_owned(), "HeadBucket".to_owned()))
    );
    let calls = |report: &Value| report["scan"]["stats"]["api_calls"].as_u64().unwrap();
    assert!(
        calls(&paged) > calls(&whole),
        "no second page was asked for"
    );
}

#[test]
fn throttling_is_waited_out_and_counted() {
    let moto = moto();
    let account = "222233335555";
    let expected = moto.seed(account, "clean");
    moto.rules(&json!([
        {"operation": "ListTables", "region": "eu-west-1", "throttle": 1},
        {"operation": "DescribeVolumes", "region": "eu-west-1", "throttle": 1},
        {"operation": "GetKeyPolicy", "region": "eu-central-1", "throttle": 1},
        {"operation": "GetBucketVersioning", "region": "us-east-1", "throttle": 1},
    ]));
    let folder = tempfile::tempdir().unwrap();
    let role = format!("arn:aws:iam::{account}:role/Auditor");
    let run = run(moto
        .command(folder.path())
        .env("AWS_MAX_ATTEMPTS", "4")
        .args(["scan", "--role-arn", &role, "--format", "json"]));
    let report = serde_json::from_str(&run.stdout).unwrap();
    agrees(&report, &expected);
    assert_eq!(run.code, 0);
    let stats = &report["scan"]["stats"];
    assert!(stats["throttled"].as_u64().unwrap() >= 3, "{stats}");
    assert_eq!(stats["throttled"], stats["retries"]);
}

#[test]
fn accounts_do_not_mix_and_a_snapshot_is_judged_like_the_account() {
    let moto = moto();
    let clean = moto.seed("333344445555", "clean");
    let unknown = moto.seed("333344446666", "unknown");
    let empty = moto.seed("333344447777", "empty");
    for (account, expected) in [
        ("333344445555", &clean),
        ("333344446666", &unknown),
        ("333344447777", &empty),
    ] {
        let (live, report) = moto.scan(account, &[]);
        agrees(&report, expected);
        assert_eq!(live.code, expected.exit_code, "{account}");

        let folder = tempfile::tempdir().unwrap();
        let role = format!("arn:aws:iam::{account}:role/Auditor");
        let collected = run(moto.command(folder.path()).args([
            "collect",
            "--role-arn",
            &role,
            "-o",
            "saved.json.zst",
        ]));
        assert_eq!(
            (collected.code, collected.stdout.as_str()),
            (0, ""),
            "{}",
            collected.stderr
        );
        let saved = std::fs::read(folder.path().join("saved.json.zst")).unwrap();
        assert_eq!(saved[..4], [0x28, 0xb5, 0x2f, 0xfd], "not compressed");
        let judged = run(backup_check(folder.path()).args([
            "scan",
            "--from",
            "saved.json.zst",
            "--format",
            "json",
        ]));
        assert_eq!(judged.code, expected.exit_code);
        let saved: Value = serde_json::from_str(&judged.stdout).unwrap();
        assert_eq!(saved["scan"]["source"], "snapshot");
        for part in ["resources", "findings", "coverage", "summary"] {
            assert_eq!(saved[part], report[part], "{account}: {part}");
        }
    }
}

/// The rules that cannot be judged without an operation, and the type of resource for which they
/// cannot (any, where it is empty), stated from what each reads. An operation that lists resources
/// hides them altogether: then only rules about other resources are left to state.
const NEEDS: [(&str, &str, &str, &[&str]); 39] = [
    (
        "backup",
        "DescribeRegionSettings",
        "",
        &["dynamodb-advanced-features-enabled", "service-opted-in"],
    ),
    (
        "dynamodb",
        "DescribeTable",
        "dynamodb-table",
        &["encryption-customer-key-recommended"],
    ),
    ("dynamodb", "ListTables", "", &[]),
    ("ec2", "DescribeInstances", "", &[]),
    (
        "ec2",
        "DescribeNetworkInterfaces",
        "",
        &["s3-gateway-endpoint-routed"],
    ),
    (
        "ec2",
        "DescribeRouteTables",
        "",
        &["s3-gateway-endpoint-routed"],
    ),
    (
        "ec2",
        "DescribeSubnets",
        "",
        &["s3-gateway-endpoint-routed"],
    ),
    (
        "ec2",
        "DescribeVolumes",
        "ec2-instance",
        &[
            "encryption-at-rest",
            "encryption-customer-key",
            "kms-key-shared",
            "kms-key-locally-usable",
            "kms-key-usable",
        ],
    ),
    (
        "ec2",
        "DescribeVpcEndpoints",
        "",
        &[
            "s3-gateway-endpoint-present",
            "s3-gateway-endpoint-routed",
            "s3-gateway-endpoint-open",
        ],
    ),
    ("ec2", "DescribeVpcs", "", &[]),
    (
        "ec2",
        "GetEbsDefaultKmsKeyId",
        "",
        &["ebs-default-encryption"],
    ),
    (
        "ec2",
        "GetEbsEncryptionByDefault",
        "",
        &["ebs-default-encryption"],
    ),
    (
        "kms",
        "DescribeKey",
        "",
        &[
            "kms-key-usable",
            "kms-key-shared",
            "kms-key-fully-shared",
            "kms-key-locally-usable",
            "encryption-customer-key",
        ],
    ),
    (
        "kms",
        "GetKeyPolicy",
        "",
        &[
            "kms-key-shared",
            "kms-key-fully-shared",
            "kms-key-locally-usable",
        ],
    ),
    ("rds", "DescribeDBClusters", "", &[]),
    ("rds", "DescribeDBInstances", "", &[]),
    (
        "s3",
        "GetBucketEncryption",
        "s3-bucket",
        &["encryption-customer-key-recommended", "kms-key-not-central"],
    ),
    (
        "s3",
        "GetBucketLifecycleConfiguration",
        "",
        &["s3-old-versions-expire"],
    ),
    (
        "s3",
        "GetBucketVersioning",
        "",
        &["s3-versioning-enabled", "s3-old-versions-expire"],
    ),
    ("s3", "ListBuckets", "", &[]),
    (
        "backup",
        "GetBackupVaultAccessPolicy",
        "",
        &["local-vault-ready"],
    ),
    ("backup", "ListBackupJobs", "", &["backup-recent"]),
    ("backup", "ListBackupVaults", "", &["local-vault-ready"]),
    ("backup", "ListCopyJobs", "", &["copy-recent"]),
    ("cloudformation", "DescribeStacks", "", &[]),
    (
        "cloudformation",
        "ListStackResources",
        "cloudformation-stack",
        &["stack-resources-ready"],
    ),
    ("elasticfilesystem", "DescribeFileSystems", "", &[]),
    ("iam", "GetRole", "", &["backup-role-ready"]),
    (
        "iam",
        "ListAttachedRolePolicies",
        "",
        &["backup-role-ready"],
    ),
    ("iam", "ListRolePolicies", "", &[]),
    (
        "organizations",
        "DescribeEffectivePolicy",
        "",
        &["backup-policy-effective"],
    ),
    ("organizations", "DescribeOrganization", "", &[]),
    (
        "rds",
        "DescribeOptionGroups",
        "",
        &["rds-option-group-shareable"],
    ),
    ("redshift", "DescribeClusters", "", &[]),
    ("redshift-serverless", "ListNamespaces", "", &[]),
    (
        "storagegateway",
        "DescribeCachediSCSIVolumes",
        "storage-gateway-volume",
        // Those of stored gateways are read by another operation.
        &[],
    ),
    (
        "storagegateway",
        "DescribeStorediSCSIVolumes",
        "storage-gateway-volume",
        &[],
    ),
    ("storagegateway", "ListGateways", "", &[]),
    (
        "storagegateway",
        "ListVolumes",
        "storage-gateway",
        // A gateway that is not tagged needs no list of its volumes.
        &[],
    ),
];

/// Operations without which only the platform team's rules, or none, cannot be judged: they leave the exit code alone.
const PLATFORM: [&str; 7] = [
    "DescribeEffectivePolicy",
    "DescribeOrganization",
    "GetBackupVaultAccessPolicy",
    "GetRole",
    "ListAttachedRolePolicies",
    "ListBackupVaults",
    "ListRolePolicies",
];

/// Operations whose denial hides tags or regions rather than facts that a rule reads.
const BESIDE: [(&str, &str); 2] = [("tagging", "GetResources"), ("ec2", "DescribeRegions")];

#[test]
fn with_any_one_operation_denied_nothing_that_needed_it_passes() {
    let moto = moto();
    let account = "444455556666";
    let expected = moto.seed(account, "clean");
    moto.control("POST", "reset", &Value::Null);
    let (_, whole) = moto.scan(account, &[]);
    agrees(&whole, &expected);
    let whole = findings(&whole);

    let asked: BTreeSet<(String, String)> = moto
        .operations(account)
        .into_iter()
        .filter(|(service, _)| service != "sts")
        .collect();
    let named: BTreeSet<(String, String)> = NEEDS
        .iter()
        .map(|(service, operation, ..)| (*service, *operation))
        .chain(BESIDE)
        .map(|(service, operation)| (service.to_owned(), operation.to_owned()))
        .collect();
    assert_eq!(asked, named, "the table of operations is stale");

    let types: BTreeMap<String, String> = expected
        .resources
        .iter()
        .map(|(arn, it)| (arn.clone(), it.kind.clone()))
        .collect();
    let beside = BESIDE.map(|(service, operation)| (service, operation, "", &[][..]));
    for (service, operation, kind, rules) in NEEDS.into_iter().chain(beside) {
        moto.rules(&json!([{"service": service, "operation": operation, "deny": true}]));
        let (run, report) = moto.scan(account, &[]);
        // Without tags, what is tagged backup=disabled is judged as if it were enabled, and may fail.
        let untagged = operation == "GetResources";
        let want = if PLATFORM.contains(&operation) { 0 } else { 3 };
        let code_holds = run.code == want || (untagged && run.code == 1);
        assert!(
            code_holds,
            "{operation} denied: exit {}, {}",
            run.code, run.stderr
        );
        assert_eq!(report["scan"]["complete"], false, "{operation}");
        let denied = findings(&report);
        let mut touched = 0;
        for (place, (status, _)) in &denied {
            let before = whole.get(place).map(|(status, _)| status.as_str());
            assert!(
                status == "unknown" || before == Some(status) || (untagged && before.is_none()),
                "{operation} denied: {place:?} went from {before:?} to {status}"
            );
            let concerned = kind.is_empty() || types[&place.0] == kind;
            if concerned && rules.contains(&place.1.as_str()) && before == Some("pass") {
                assert_eq!(status, "unknown", "{operation} denied: {place:?}");
                touched += 1;
            }
        }
        assert!(
            rules.is_empty() || touched >= rules.len(),
            "{operation} denied: {touched} findings of {rules:?}"
        );
        if untagged {
            let tags = report["resources"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|it| it["type"] == "s3-bucket");
            assert!(
                tags.clone().count() > 0 && tags.clone().all(|it| it["backup_tag"] == "unknown")
            );
        }
        let rows = report["coverage"].as_array().unwrap();
        let told = rows.iter().any(|row| {
            let error = &row["error"];
            error["operation"]
                .as_str()
                .is_some_and(|it| it.ends_with(&format!(":{operation}")))
                && [
                    "AccessDenied",
                    "AccessDeniedException",
                    "UnauthorizedOperation",
                ]
                .contains(&error["code"].as_str().unwrap())
        });
        assert!(
            told,
            "{operation} denied, and coverage does not say so: {rows:?}"
        );
    }
}

#[test]
fn a_dead_region_leaves_the_others_whole() {
    let moto = moto();
    let account = "555566667777";
    let expected = moto.seed(account, "clean");
    let dead = "eu-west-3";
    for rule in [
        json!({"region": dead, "kill": true}),
        json!({"region": dead, "kill": 503}),
    ] {
        moto.rules(&json!([rule]));
        let (run, report) = moto.scan(account, &[]);
        assert_eq!(run.code, 3, "{}", run.stderr);
        let differences = differences(&report, &expected, &|region| region != dead);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
        for row in report["coverage"].as_array().unwrap() {
            let (region, state) = (
                row["region"].as_str().unwrap(),
                row["state"].as_str().unwrap(),
            );
            // No resource was read there, so no key was asked for.
            let quiet = region != dead || row["service"] == "kms";
            assert!(
                quiet || state == "error" || (row["service"] == "s3" && state == "partial"),
                "{row}"
            );
        }
        // The list of buckets covers all regions, and any bucket can be copied; the organization's
        // policy is of no region.
        let known = ["cross-account-copy-supported", "backup-policy-effective"];
        let passed = |it: &&Value| {
            it["region"] == dead
                && it["status"] == "pass"
                && !known.contains(&it["rule"].as_str().unwrap())
        };
        assert_eq!(
            report["findings"]
                .as_array()
                .unwrap()
                .iter()
                .filter(passed)
                .count(),
            0
        );
    }
}

#[test]
fn a_region_that_is_not_enabled_is_left_alone() {
    let moto = moto();
    let account = "666677778888";
    let expected = moto.seed(account, "clean");
    let off = "eu-west-3";
    moto.rules(&json!([{"region": off, "disabled": true}]));
    moto.control("POST", "reset", &Value::Null);
    let (run, report) = moto.scan(account, &[]);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(report["scan"]["complete"], false);
    let differences = differences(&report, &expected, &|region| region != off);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    for row in report["coverage"].as_array().unwrap() {
        let want = if row["region"] == off {
            "disabled"
        } else {
            "scanned"
        };
        assert_eq!(row["state"], want, "{row}");
    }
    let sent: Vec<Sent> =
        serde_json::from_str(&moto.control("GET", "operations", &Value::Null)).unwrap();
    assert!(
        sent.iter()
            .all(|it| it.account != account || !it.operation.is_empty())
    );
}

#[test]
fn a_profile_that_is_named_goes_over_keys_in_the_environment() {
    let moto = moto();
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::write(
        home.join("config"),
        "[profile member]\nregion = eu-west-1\nrole_arn = arn:aws:iam::777788889999:role/x\nsource_profile = base\n\
         [profile base]\naws_access_key_id = a\naws_secret_access_key = b\n",
    )
    .unwrap();
    let scanned = |flags: &[&str], environment: &[(&str, &str)]| {
        let run = run(moto
            .command(home)
            .env("AWS_CONFIG_FILE", home.join("config"))
            .envs(environment.iter().copied())
            .args(["scan", "--format", "json", "--region", "eu-west-1"])
            .args(flags));
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        report["scan"]["account_id"].as_str().unwrap().to_owned()
    };
    // moto's account for keys that no role gave.
    let own = "123456789012";
    assert_eq!(scanned(&["--profile", "member"], &[]), "777788889999");
    assert_eq!(scanned(&[], &[]), own);
    // Keys in the environment go over AWS_PROFILE, as in the AWS CLI.
    assert_eq!(scanned(&[], &[("AWS_PROFILE", "member")]), own);
}

#[test]
fn a_field_that_aws_leaves_out_is_no_fact() {
    let moto = moto();
    for (number, (operation, matching, left_out)) in [
        (
            "DescribeKey",
            json!({"KeyManager": "CUSTOMER"}),
            "KeyManager",
        ),
        (
            "DescribeDBClusters",
            json!({"Engine": "aurora-postgresql"}),
            "Engine",
        ),
        ("DescribeInstances", json!({}), "BlockDeviceMappings"),
        ("GetResources", json!({}), "Tags"),
        ("DescribeVpcEndpoints", json!({}), "State"),
    ]
    .into_iter()
    .enumerate()
    {
        let account = format!("88889999000{number}");
        moto.seed(&account, "clean");
        let change = json!([{"account": account, "operation": operation, "match": matching, "set": {left_out: null}}]);
        moto.control("POST", "overrides", &change);
        let (run, report) = moto.scan(&account, &[]);
        // Without tags, what is tagged backup=disabled is judged as if it were enabled, and may fail.
        let code = if operation == "GetResources" { 1 } else { 3 };
        assert_eq!(
            run.code, code,
            "{operation} without {left_out}: {}",
            run.stderr
        );
        assert_eq!(
            report["scan"]["complete"], false,
            "{operation} without {left_out}"
        );
    }
}

/// The findings that the script of `fix` mends by itself: those of the changes that have commands.
fn mended_by(script: &str) -> BTreeSet<String> {
    let changes = script.split("\n\n# ").skip(1);
    let in_place = changes.filter(|change| change.contains("\nsay "));
    let ids = in_place.filter_map(|change| {
        let line = change
            .lines()
            .find_map(|it| it.strip_prefix("# Findings: "))?;
        Some(line.split(' ').map(str::to_owned).collect::<Vec<_>>())
    });
    ids.flatten().collect()
}

/// A key that the central account may use, for new volumes.
fn good_key(report: &Value, region: &str) -> Option<String> {
    let list = report["findings"].as_array().unwrap();
    let is_usable = |resource: &Value| {
        list.iter().any(|it| {
            it["rule"] == "kms-key-usable" && it["status"] == "pass" && it["resource"] == *resource
        })
    };
    let shared = list.iter().find(|it| {
        it["rule"] == "kms-key-shared"
            && it["status"] == "pass"
            && it["region"] == region
            && is_usable(&it["resource"])
    });
    Some(shared?["evidence"]["key_arn"].as_str()?.to_owned())
}

#[test]
fn what_fix_prints_mends_what_it_says() {
    let moto = moto();
    let account = "909090909090";
    moto.seed(account, "mixed");
    let (_, before) = moto.scan(account, &[]);
    let folder = tempfile::tempdir().unwrap();
    let role = format!("arn:aws:iam::{account}:role/Auditor");
    // Groups named by --rule are mended where they warn, too.
    let groups = ["tagging", "encryption", "service", "network"];
    let fix = run(moto
        .command(folder.path())
        .args(["fix", "--role-arn", &role, "--rule"])
        .args(groups));
    assert_eq!(fix.code, 0, "{}", fix.stderr);
    let script = folder.path().join("fix.sh");
    std::fs::write(&script, &fix.stdout).unwrap();
    let mended = mended_by(&fix.stdout);
    let statuses = |report: &Value| -> BTreeMap<String, (String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = report["findings"].as_array().unwrap().iter();
        list.map(|it| {
            let what = (
                text(&it["rule"]),
                text(&it["resource"]),
                text(&it["status"]),
            );
            (text(&it["id"]), what)
        })
        .collect()
    };
    let was = statuses(&before);
    let rules: BTreeSet<&str> = mended.iter().map(|id| was[id].0.as_str()).collect();
    for rule in [
        "kms-key-shared",
        "s3-versioning-enabled",
        "dynamodb-advanced-features-enabled",
        "backup-tag-valid",
        "s3-gateway-endpoint-present",
        "s3-gateway-endpoint-routed",
    ] {
        assert!(rules.contains(rule), "the account has no breach of {rule}");
    }

    std::fs::write(
        folder.path().join("config"),
        format!("[default]\nrole_arn = {role}\nsource_profile = base\nregion = us-west-2\n"),
    )
    .unwrap();
    std::fs::write(
        folder.path().join("credentials"),
        "[base]\naws_access_key_id = test\naws_secret_access_key = test\n",
    )
    .unwrap();
    let path = format!(
        "{}:{}",
        moto.python.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let regions: Vec<&str> = before["scan"]["regions"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let execute = || {
        let mut bash = Command::new("bash");
        bash.arg(&script)
            .env_clear()
            .env("PATH", &path)
            .env("HOME", folder.path())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("AWS_CONFIG_FILE", folder.path().join("config"))
            .env(
                "AWS_SHARED_CREDENTIALS_FILE",
                folder.path().join("credentials"),
            )
            .env("AWS_ENDPOINT_URL", moto.url())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("EXPIRE_OLD_VERSIONS", "yes")
            .env("OPEN_ENDPOINTS", "yes");
        for region in &regions {
            if let Some(key) = good_key(&before, region) {
                let region = region.to_uppercase().replace('-', "_");
                bash.env(format!("EBS_KEY_ARN_{region}"), key);
            }
        }
        run(&mut bash)
    };
    // A region without a key of its own has none to encrypt new volumes with.
    let keyless = |region: &str| good_key(&before, region).is_none();
    let left: Vec<String> = mended
        .iter()
        .filter(|id| {
            let (rule, resource, _) = &was[*id];
            rule == "ebs-default-encryption"
                && keyless(resource.rsplit(':').next().unwrap_or_default())
        })
        .cloned()
        .collect();
    let code = i32::from(!left.is_empty());
    let first = execute();
    assert_eq!(first.code, code, "{}", first.stderr);
    assert_eq!(
        first.stderr.matches("  left out: ").count(),
        left.len(),
        "{}",
        first.stderr
    );
    let (_, after) = moto.scan(account, &[]);
    let is = statuses(&after);
    // The seeding holds the route of one VPC at `blackhole`, whatever is done about it.
    let hole = |rule: &str, resource: &str| {
        rule == "s3-gateway-endpoint-routed" && resource.contains(":eu-west-3:")
    };
    for id in mended.iter().filter(|id| !left.contains(id)) {
        let (rule, resource, before) = &was[id];
        if hole(rule, resource) {
            continue;
        }
        let gone = is.get(id).is_none_or(|it| it.2 == "pass");
        let list = after["findings"].as_array().unwrap();
        let now = list.iter().find(|it| it["id"] == *id);
        assert!(gone, "{rule} of {resource} was {before}, is {now:#?}");
    }
    // Nothing else fails that did not before; what is tagged now has no backups yet.
    for (id, (rule, resource, status)) in &is {
        let before = was.get(id).map_or("none", |it| it.2.as_str());
        let proof = rule == "backup-recent" || rule == "copy-recent";
        assert!(
            status != "fail" || before == "fail" || proof,
            "{rule} of {resource} fails now and was {before}"
        );
    }

    let again = execute();
    assert_eq!(again.code, code, "{}", again.stderr);
    let (_, twice) = moto.scan(account, &[]);
    assert_eq!(statuses(&twice), is);
}
