//! The built program as a user meets it: what it prints, where, and how it exits.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::command::{Run, backup_check, repository, run};

fn account(name: &str) -> PathBuf {
    repository()
        .join("fixtures/accounts")
        .join(format!("{name}.json"))
}

fn scan(folder: &Path, snapshot: &str, flags: &[&str]) -> Run {
    run(backup_check(folder)
        .args(["scan", "--from"])
        .arg(account(snapshot))
        .args(flags))
}

fn empty() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Wrong usage: exit 2, nothing on stdout, and an error that names each part.
fn refused(run: &Run, parts: &[&str]) {
    assert_eq!(run.code, 2, "{run:?}");
    assert_eq!(run.stdout, "", "{run:?}");
    for part in parts {
        assert!(
            run.stderr.contains(part),
            "{part:?} is not in {}",
            run.stderr
        );
    }
}

#[test]
fn exit_codes_of_the_accounts() {
    let folder = empty();
    for (snapshot, flags, code) in [
        ("clean", &[][..], 0),
        ("clean", &["--fail-on", "warn"], 0),
        ("mixed", &[], 1),
        ("mixed", &["--standard", "aws"], 1),
        ("mixed", &["--fail-on", "never"], 0),
        (
            "mixed",
            &[
                "--rule",
                "backup-tag-not-custom",
                "--region",
                "eu-central-1",
            ],
            0,
        ),
        ("no-access", &[], 3),
        ("no-access", &["--fail-on", "never"], 0),
    ] {
        let run = scan(folder.path(), snapshot, flags);
        assert_eq!(run.code, code, "{snapshot} {flags:?}: {}", run.stderr);
        assert_eq!(run.stderr, "", "{snapshot} {flags:?}");
        assert!(!run.stdout.is_empty());
    }
}

#[test]
fn stdout_carries_the_report_and_nothing_else() {
    let folder = empty();
    let run = scan(
        folder.path(),
        "mixed",
        &["--format", "json", "--stats", "-vvv"],
    );
    let report: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(report["schema"], "backup-check/v1");
    assert!(run.stderr.contains("API calls"), "{}", run.stderr);
}

#[test]
fn colours_are_for_terminals_and_for_those_who_ask() {
    let folder = empty();
    let plain = scan(folder.path(), "mixed", &[]);
    assert!(!plain.stdout.contains('\u{1b}'));
    let asked = scan(folder.path(), "mixed", &["--color", "always"]);
    assert!(asked.stdout.contains("\u{1b}["));
    let refused = run(backup_check(folder.path())
        .env("NO_COLOR", "1")
        .args(["scan", "--color", "auto", "--from"])
        .arg(account("mixed")));
    assert!(!refused.stdout.contains('\u{1b}'));
}

#[test]
fn files_are_written_whole_and_stdout_beside_them() {
    let folder = empty();
    let both = scan(
        folder.path(),
        "mixed",
        &["--format", "table", "json=out.json"],
    );
    assert_eq!(both.code, 1);
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.path().join("out.json")).unwrap()).unwrap();
    assert_eq!(report["scan"]["account_id"], "111122223333");
    assert!(both.stdout.contains("111122223333"));
    let left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    assert_eq!(left, ["out.json"], "a temporary file was left behind");

    let quiet = scan(folder.path(), "mixed", &["--format", "json=again.json"]);
    assert_eq!(quiet.stdout, "");
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let folder = empty();
    refused(
        &scan(
            folder.path(),
            "clean",
            &["--format", "json=no/such/folder/out.json"],
        ),
        &["cannot write no/such/folder/out.json: there is no folder no/such/folder\n"],
    );
    refused(
        &scan(
            folder.path(),
            "clean",
            &["--format", "json", "--format", "table"],
        ),
        &["two formats go to stdout"],
    );
    refused(
        &scan(folder.path(), "clean", &["--format", "json=a", "table=a"]),
        &["two formats go to a"],
    );
    // One file by two names, there already or not.
    refused(
        &scan(folder.path(), "clean", &["--format", "json=a", "csv=./a"]),
        &["two formats go to ./a"],
    );
    fs::write(folder.path().join("a"), "before").unwrap();
    let whole = folder.path().join("a").display().to_string();
    let other = format!("csv={whole}");
    refused(
        &scan(folder.path(), "clean", &["--format", "json=a", &other]),
        &["two formats go to", &whole],
    );
    let kept = fs::read_to_string(folder.path().join("a")).unwrap();
    assert_eq!(kept, "before");
    refused(
        &scan(
            folder.path(),
            "clean",
            &["--format", "table", "json=/dev/stdout"],
        ),
        &["two formats go to stdout"],
    );
    refused(
        &scan(folder.path(), "clean", &["--format", "jsn"]),
        &["jsn", "table, json"],
    );
}

#[test]
fn snapshots_that_cannot_be_judged_are_refused_with_the_reason() {
    let folder = empty();
    let file = folder.path().join("x.json");
    let whole = fs::read_to_string(account("clean")).unwrap();
    for (text, parts) in [
        (String::new(), &["x.json", "is empty"][..]),
        ("hello".to_owned(), &["not a snapshot", "no template"]),
        ("{}".to_owned(), &["snapshot_version"]),
        ("[]".to_owned(), &["snapshot_version"]),
        (
            whole[..whole.len() / 2].to_owned(),
            &["not a snapshot", "line"],
        ),
        (
            whole.replacen("\"snapshot_version\": 1", "\"snapshot_version\": 99", 1),
            &["newer backup-check", "99", "up to 1"],
        ),
        (
            whole.replacen("\"known\": \"in-use\"", "\"known\": 5", 1),
            &["damaged snapshot", "line", "column", "string"],
        ),
        (
            whole.replacen("\"volumes\"", "\"volume\"", 1),
            &["damaged snapshot", "unknown field `volume`"],
        ),
    ] {
        fs::write(&file, &text).unwrap();
        refused(
            &run(backup_check(folder.path()).args(["scan", "--from", "x.json"])),
            parts,
        );
    }
    let mut hollow: Value = serde_json::from_str(&whole).unwrap();
    hollow["regions"]
        .as_object_mut()
        .unwrap()
        .remove("eu-west-1");
    fs::write(&file, hollow.to_string()).unwrap();
    refused(
        &run(backup_check(folder.path()).args(["scan", "--from", "x.json"])),
        &["damaged snapshot", "eu-west-1"],
    );
    fs::write(&file, b"\xff\xfe\x00").unwrap();
    refused(
        &run(backup_check(folder.path()).args(["scan", "--from", "x.json"])),
        &["x.json", "UTF-8"],
    );
    refused(
        &run(backup_check(folder.path()).args(["scan", "--from", "gone.json"])),
        &["cannot read gone.json"],
    );
    refused(
        &run(backup_check(folder.path()).args(["scan", "--from", "."])),
        &["cannot read ."],
    );
}

#[test]
fn a_snapshot_can_come_from_stdin() {
    let folder = empty();
    let run = run(backup_check(folder.path())
        .args(["scan", "--from", "-", "--format", "json"])
        .stdin(fs::File::open(account("clean")).unwrap()));
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn wrong_usage_is_named() {
    let folder = empty();
    for (flags, parts) in [
        (
            &["--rule", "s3-versoning-enabled"][..],
            &[
                "--rule",
                "s3-versoning-enabled",
                "s3-versioning-enabled was probably meant",
            ][..],
        ),
        (&["--rule", "nonsense"], &["nonsense", "backup-check rules"]),
        (&["--skip-rule", "x"], &["--skip-rule", "\"x\""]),
        (
            &["--rule", "network", "--skip-rule", "network"],
            &["leave no rule"],
        ),
        (&["--gate", "money"], &["money", "tagging"]),
        (
            &["--allow-unknown", "kms-key-share"],
            &["kms-key-shared was probably meant"],
        ),
        (
            &["--central-account", "12"],
            &["--central-account", "12 digits"],
        ),
        (&["--org-id", "123"], &["--org-id", "o-a1b2c3d4e5"]),
        (&["--region", "europe"], &["--region", "eu-central-1"]),
        (
            &["--region", "eu-north-1"],
            &["eu-north-1", "only ap-southeast-1"],
        ),
        (&["--standard", "strict"], &["strict", "guide", "aws"]),
        (&["--fail-on", "error"], &["error", "never"]),
        (&["--profile", "dev"], &["--profile", "--from"]),
        (&["--frm", "x"], &["--frm", "--from"]),
    ] {
        refused(&scan(folder.path(), "clean", flags), parts);
    }
    refused(
        &run(backup_check(folder.path()).arg("scna")),
        &["scna", "scan"],
    );
    refused(
        &run(backup_check(folder.path()).args(["explain", "kms-key"])),
        &["kms-key"],
    );
}

#[test]
fn the_config_is_found_upwards_and_flags_go_over_it() {
    let folder = empty();
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    let config = folder.path().join("backup-check.toml");
    let judged = |text: &str, flags: &[&str]| {
        fs::write(&config, text).unwrap();
        let run = run(backup_check(folder.path())
            .current_dir(&deep)
            .args(["scan", "--format", "json", "--from"])
            .arg(account("mixed"))
            .args(flags));
        let report: Value = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
        report
    };
    assert_eq!(
        judged("standard = \"aws\"\n", &[])["scan"]["standard"],
        "aws"
    );
    assert_eq!(
        judged("standard = \"aws\"\n", &["--standard", "guide"])["scan"]["standard"],
        "guide"
    );
    assert_eq!(
        judged("central_account = \"999988887777\"\n", &[])["scan"]["central_account_id"],
        "999988887777"
    );
    let without = judged(
        "[severity]\nencryption-at-rest = \"off\"\nkms-key-shared = \"warn\"\n",
        &[],
    );
    let of = |rule: &str, status: &str| {
        let findings = without["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|it| it["rule"] == rule && it["status"] == status)
            .count()
    };
    assert_eq!(
        of("encryption-at-rest", "fail") + of("encryption-at-rest", "pass"),
        0
    );
    assert_eq!(of("kms-key-shared", "fail"), 0);
    assert!(of("kms-key-shared", "warn") > 0);
}

#[test]
fn a_bad_config_names_its_line() {
    let folder = empty();
    for (text, parts) in [
        (
            "regions = [\"eu-west-1\"]\ncolour = true\n",
            &["backup-check.toml", "line 2", "unknown field `colour`"][..],
        ),
        (
            "[severity]\n\nkms-key-share = \"off\"\n",
            &["line 3", "kms-key-shared was probably meant"],
        ),
        ("gate = [\"acount\"]\n", &["line 1", "acount", "account"]),
        (
            "allow_unknown = [\n  \"nonsense\",\n]\n",
            &["line 2", "nonsense"],
        ),
        ("central_account = 692653576357\n", &["line 1", "string"]),
        ("standard = \n", &["line 1"]),
    ] {
        fs::write(folder.path().join("backup-check.toml"), text).unwrap();
        refused(&scan(folder.path(), "clean", &[]), parts);
    }
    fs::remove_file(folder.path().join("backup-check.toml")).unwrap();
    refused(
        &scan(folder.path(), "clean", &["--config", "other.toml"]),
        &["cannot read other.toml"],
    );
    fs::write(folder.path().join("tag.toml"), "tag_key = \"sicherung\"\n").unwrap();
    refused(
        &scan(folder.path(), "clean", &["--config", "tag.toml"]),
        &["\"backup\"", "\"sicherung\"", "collect again"],
    );
}

#[test]
fn unknown_findings_can_be_allowed() {
    let folder = empty();
    let only = ["--rule", "kms-key-shared", "--region", "eu-west-1"];
    let flags = |more: &[&'static str]| {
        only.iter()
            .copied()
            .chain(more.iter().copied())
            .collect::<Vec<_>>()
    };
    let decided = |run: &Run| {
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        let findings = report["findings"].as_array().unwrap();
        findings
            .iter()
            .filter(|it| it["status"] == "unknown" && it["gating"] == true)
            .count()
    };
    let strict = scan(folder.path(), "mixed", &flags(&["--format", "json"]));
    assert!(decided(&strict) > 0);
    for allow in [
        &["--format", "json", "--allow-unknown"][..],
        &["--format", "json", "--allow-unknown", "kms-key-shared"],
    ] {
        assert_eq!(decided(&scan(folder.path(), "mixed", &flags(allow))), 0);
    }
}

#[test]
fn two_runs_print_the_same() {
    let folder = empty();
    for format in ["table", "json"] {
        let first = scan(folder.path(), "mixed", &["--format", format]);
        let second = scan(folder.path(), "mixed", &["--format", format]);
        assert_eq!(first.stdout, second.stdout);
    }
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    use std::io::Read;
    use std::process::Stdio;
    let folder = empty();
    let mut child = backup_check(folder.path())
        .args(["scan", "--format", "json", "--show-skipped", "--from"])
        .arg(account("mixed"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_report_holds_to_its_schema() {
    let folder = empty();
    let printed = run(backup_check(folder.path()).arg("schema"));
    assert_eq!(printed.code, 0);
    let schema: Value = serde_json::from_str(&printed.stdout).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for snapshot in ["clean", "mixed", "no-access"] {
        for flags in [
            &["--format", "json"][..],
            &["--format", "json", "--show-skipped"],
        ] {
            let report =
                serde_json::from_str(&scan(folder.path(), snapshot, flags).stdout).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&report)
                .map(|it| it.to_string())
                .collect();
            assert!(errors.is_empty(), "{snapshot}: {errors:?}");
        }
    }
    assert!(!validator.is_valid(&serde_json::json!({"schema": "backup-check/v1"})));
}

#[test]
fn rules_are_listed_and_explained() {
    let folder = empty();
    let json = run(backup_check(folder.path()).args(["rules", "--format", "json"]));
    let listing: Value = serde_json::from_str(&json.stdout).unwrap();
    let rules = listing["rules"].as_array().unwrap();
    assert_eq!(rules.len(), 34);
    let table = run(backup_check(folder.path()).arg("rules")).stdout;
    for rule in rules {
        let id = rule["id"].as_str().unwrap();
        assert!(
            table
                .lines()
                .any(|line| line.starts_with(&format!("{id} "))),
            "{id} is not in the table"
        );
        let explained = run(backup_check(folder.path()).args(["explain", id]));
        assert_eq!(explained.code, 0);
        for part in [id, rule["title"].as_str().unwrap(), "## Fix", "## Sources"] {
            assert!(
                explained.stdout.contains(part),
                "explain {id} has no {part:?}"
            );
        }
    }
}

#[cfg(feature = "aws")]
#[test]
fn the_policy_narrows_to_services() {
    let folder = empty();
    let actions = |flags: &[&str]| {
        let printed = run(backup_check(folder.path()).arg("iam-policy").args(flags));
        let policy: Value = serde_json::from_str(&printed.stdout).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        let list = policy["Statement"][0]["Action"].as_array().unwrap();
        list.iter()
            .map(|it| it.as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = actions(&[]);
    let buckets = actions(&["--service", "s3"]);
    assert!(all.is_sorted() && buckets.is_sorted());
    assert!(buckets.contains(&"s3:GetLifecycleConfiguration".to_owned()));
    assert!(!buckets.contains(&"rds:DescribeDBInstances".to_owned()));
    assert!(buckets.iter().all(|action| all.contains(action)));
    let reads = ["Describe", "Get", "List"];
    for action in &all {
        let verb = action.split_once(':').unwrap().1;
        assert!(
            reads.iter().any(|read| verb.starts_with(read)),
            "{action} does not read"
        );
    }
    refused(
        &run(backup_check(folder.path()).args(["iam-policy", "--service", "sqs"])),
        &["sqs", "dynamodb"],
    );
}

#[cfg(feature = "aws")]
#[test]
fn no_credentials_is_one_sentence() {
    let folder = empty();
    let none = run(backup_check(folder.path()).arg("scan"));
    refused(
        &none,
        &[
            "no usable AWS credentials",
            "AWS_ACCESS_KEY_ID",
            "aws sts get-caller-identity",
        ],
    );
    assert_eq!(none.stderr.lines().count(), 1, "{}", none.stderr);
    let profile = run(backup_check(folder.path()).args(["scan", "--profile", "nobody"]));
    refused(&profile, &["profile \"nobody\""]);
    assert_eq!(profile.stderr.lines().count(), 1, "{}", profile.stderr);
    refused(
        &run(backup_check(folder.path()).args(["scan", "--role-arn", "Auditor"])),
        &["--role-arn", "arn:aws:iam::111122223333:role/Auditor"],
    );
    refused(
        &run(backup_check(folder.path()).args(["scan", "--external-id", "x"])),
        &["--role-arn"],
    );
}

#[test]
fn a_scan_of_some_rules_does_not_speak_for_all() {
    let folder = empty();
    let all = scan(folder.path(), "clean", &[]);
    assert!(
        all.stdout.contains("can be copied to the central account"),
        "{}",
        all.stdout
    );
    let some = scan(folder.path(), "clean", &["--rule", "network"]);
    assert_eq!(some.code, 0);
    assert!(!some.stdout.contains("can be copied"), "{}", some.stdout);
}

#[test]
fn init_writes_a_config_once() {
    let folder = empty();
    let first = run(backup_check(folder.path()).arg("init"));
    assert_eq!(
        (first.code, first.stderr.trim()),
        (0, "wrote backup-check.toml")
    );
    let file = folder.path().join("backup-check.toml");
    let written = fs::read_to_string(&file).unwrap();
    assert_eq!(
        scan(folder.path(), "clean", &[]).code,
        0,
        "the file that init writes is read"
    );
    fs::write(&file, "standard = \"aws\"\n").unwrap();
    refused(
        &run(backup_check(folder.path()).arg("init")),
        &["backup-check.toml", "already there", "--config"],
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "standard = \"aws\"\n");
    let named = run(backup_check(folder.path()).args(["init", "--config", "other.toml", "-q"]));
    assert_eq!((named.code, named.stderr.as_str()), (0, ""));
    assert_eq!(
        fs::read_to_string(folder.path().join("other.toml")).unwrap(),
        written
    );
    let printed = run(backup_check(folder.path()).args(["init", "--config", "-"]));
    assert_eq!((printed.code, printed.stdout), (0, written));
}

#[test]
fn completions_and_the_man_page_know_every_command() {
    let folder = empty();
    let help = run(backup_check(folder.path()).arg("--help")).stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 8, "{help}");
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(backup_check(folder.path()).args(["completions", shell]));
        assert_eq!(script.code, 0);
        for command in &commands {
            assert!(script.stdout.contains(command), "{command} in {shell}");
        }
        assert!(script.stdout.contains("preflight"), "{shell}");
    }
    let man = run(backup_check(folder.path()).arg("man"));
    assert_eq!(man.code, 0);
    for command in commands.iter().filter(|it| **it != "help") {
        let section = format!("\n.SH \"backup-check {command}\"").replace('-', "\\-");
        assert!(man.stdout.contains(&section), "{section}");
    }
    refused(
        &run(backup_check(folder.path()).args(["completions", "tcsh"])),
        &["tcsh", "bash"],
    );
}

#[cfg(unix)]
#[test]
fn a_link_is_written_through() {
    let folder = empty();
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("reports")).unwrap();
    fs::write(path("reports/last.json"), "before").unwrap();
    std::os::unix::fs::symlink("reports/last.json", path("last.json")).unwrap();
    let run = scan(folder.path(), "clean", &["--format", "json=last.json"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(path("last.json").is_symlink());
    let report = fs::read_to_string(path("reports/last.json")).unwrap();
    assert!(report.contains("444455556666"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_named_and_leaves_nothing_behind() {
    let folder = empty();
    for format in ["table", "json"] {
        let to = format!("{format}=/dev/full");
        let full = scan(folder.path(), "mixed", &["--format", &to]);
        refused(&full, &["cannot write /dev/full", "No space left"]);
        assert_eq!(full.stderr.matches("No space left").count(), 1, "{full:?}");
        let stdout = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut command = backup_check(folder.path());
        command
            .args(["scan", "--format", format, "--from"])
            .arg(account("mixed"))
            .stdout(stdout);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains("cannot write to stdout"), "{stderr}");
    }
}

#[test]
fn a_report_with_nowhere_to_go_is_refused_before_anything_is_read() {
    let folder = empty();
    fs::create_dir(folder.path().join("taken")).unwrap();
    let flags = ["scan", "--from", "no-such.json", "--format"];
    for (target, part) in [
        ("json=taken", "cannot write taken"),
        ("json=no/folder.json", "cannot write no/folder.json"),
    ] {
        let run = run(backup_check(folder.path()).args(flags).arg(target));
        refused(&run, &[part]);
        assert!(!run.stderr.contains("no-such.json"), "{}", run.stderr);
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_compressed_snapshot_is_read_by_its_content() {
    let folder = empty();
    let text = fs::read_to_string(account("mixed")).unwrap();
    let packed = backup_check::source::saved::compress_text(&text);
    assert!(packed.len() < text.len() / 4, "{}", packed.len());
    fs::write(folder.path().join("saved"), &packed).unwrap();
    let plain = scan(folder.path(), "mixed", &["--format", "json"]);
    let from_packed =
        run(backup_check(folder.path()).args(["scan", "--format", "json", "--from", "saved"]));
    assert_eq!(from_packed.code, plain.code);
    assert!(from_packed.stdout == plain.stdout);
    fs::write(folder.path().join("saved"), &packed[..packed.len() / 2]).unwrap();
    refused(
        &run(backup_check(folder.path()).args(["scan", "--from", "saved"])),
        &["saved", "damaged zstd"],
    );
}

#[test]
fn nobody_is_told_to_run_a_command_on_what_does_not_exist_yet() {
    let folder = empty();
    let mut changed_where_declared = 0;
    for file in [
        "terraform/breaches.json",
        "terraform/mixed.json",
        "cloudformation/cdk.json",
        "cloudformation/orders.yaml",
    ] {
        let run = run(backup_check(folder.path())
            .args(["scan", "--format", "json", "--from"])
            .arg(repository().join("fixtures").join(file)));
        let report: Value = serde_json::from_str(&run.stdout).unwrap();
        for finding in report["findings"].as_array().unwrap() {
            let fix = finding["fix"].as_str().unwrap_or_default();
            assert!(!fix.contains("`aws "), "{file}: {fix}");
            changed_where_declared += usize::from(fix.contains("where it is declared"));
        }
    }
    assert!(changed_where_declared > 0);
}
