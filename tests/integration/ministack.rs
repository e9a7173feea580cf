//! The built program against MiniStack, an emulator that shares no code with moto.
//!
//! `ministack/bed.py` fills the account. The expected values follow from what it creates and from what MiniStack
//! lacks: that is unknown, and a scan ends all the same.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::support::command::{backup_check, repository, run};
use crate::support::python::install_python;

/// The emulator with its account. It stops when its stdin is closed.
struct Bed {
    server: Child,
    facts: Value,
}

impl Bed {
    fn start() -> Self {
        let mut server = Command::new(install_python("ministack"))
            .arg(repository().join("tests/integration/ministack/bed.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the emulator is installed");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("a line");
        let facts = serde_json::from_str(&line).expect("the bed prints what it made");
        Bed { server, facts }
    }

    fn fact(&self, name: &str) -> &str {
        self.facts[name].as_str().expect("the bed prints it")
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        drop(self.server.stdin.take());
        let _ = self.server.wait();
    }
}

#[test]
fn what_ministack_lacks_is_unknown_and_the_rest_is_checked() {
    let bed = Bed::start();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let run = run(backup_check(folder.path())
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", "eu-central-1")
        .args(["scan", "--endpoint-url", bed.fact("url")])
        .args(["--region", "eu-central-1", "--format", "json"])
        // It is one Python process.
        .args(["--concurrency", "4"]));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let report: Value = serde_json::from_str(&run.stdout).expect("a report");
    assert_eq!(report["scan"]["complete"], false);

    let rows = report["coverage"].as_array().expect("rows").iter();
    let unread: BTreeSet<(&str, &str)> = rows
        .filter(|row| row["state"] != "scanned")
        .map(|row| {
            let text = |key: &str| row[key].as_str().expect("a text");
            (text("region"), text("service"))
        })
        .collect();
    let lacking = [
        // The default key of EBS.
        ("eu-central-1", "ebs"),
        ("eu-central-1", "fsx"),
        ("eu-central-1", "redshift"),
        ("eu-central-1", "storagegateway"),
        // The effective backup policy.
        ("global", "backup"),
    ];
    assert_eq!(unread, BTreeSet::from(lacking));

    let findings = report["findings"].as_array().expect("findings");
    let (plain, locked) = (bed.fact("volume"), bed.fact("locked"));
    for (rule, resource, status) in [
        ("encryption-at-rest", plain, "fail"),
        ("resource-state-ready", plain, "pass"),
        ("backup-tag-valid", plain, "pass"),
        ("encryption-at-rest", locked, "pass"),
        // MiniStack keeps no key of a volume.
        ("encryption-customer-key", locked, "unknown"),
        ("kms-key-shared", locked, "unknown"),
        ("s3-versioning-enabled", ":versioned", "pass"),
        ("s3-versioning-enabled", ":plain", "fail"),
        ("cross-account-copy-supported", ":plain", "pass"),
        ("dynamodb-advanced-features-enabled", "/orders", "fail"),
        ("backup-policy-effective", "eu-central-1", "unknown"),
        ("ebs-default-encryption", "eu-central-1", "unknown"),
        ("local-vault-ready", "eu-central-1", "fail"),
    ] {
        let found: Vec<&str> = findings
            .iter()
            .filter(|it| it["rule"] == rule)
            .filter(|it| {
                let arn = it["resource"].as_str().expect("an ARN");
                arn.ends_with(resource)
            })
            .map(|it| it["status"].as_str().expect("a status"))
            .collect();
        assert_eq!(found, [status], "{rule} of {resource}");
    }
}
