//! Arguments, config and the commands besides `scan`.

use std::fs;
use std::path::Path;
use std::process::Command;

use backup_check::rules::ALL;
use serde_json::Value;

use super::{account, assert_usage_error, scan, temporary_folder};
use crate::support::command::{backup_check, repository, run};

#[test]
fn a_usage_error_names_the_argument_and_the_way_out() {
    let folder = temporary_folder();
    for (flags, parts) in [
        (
            &["--rule", "s3-versoning-enabled"][..],
            &[
                "--rule",
                "s3-versoning-enabled",
                "did you mean s3-versioning-enabled?",
            ][..],
        ),
        (&["--rule", "nonsense"], &["nonsense", "backup-check rules"]),
        (&["--skip-rule", "x"], &["--skip-rule", "\"x\""]),
        (
            &["--rule", "network", "--skip-rule", "network"],
            &["--skip-rule excludes every rule that --rule selects"],
        ),
        (&["--gate", "money"], &["money", "tagging"]),
        (
            &["--group", "tagging"],
            &["--group", "--rule", "the value of --rule can be a group"],
        ),
        (
            &["--allow-unknown", "kms-key-share"],
            &["did you mean kms-key-shared?"],
        ),
        (
            &["--central-account", "12"],
            &["--central-account", "12-digit AWS account ID"],
        ),
        (&["--org-id", "123"], &["--org-id", "o-a1b2c3d4e5"]),
        (&["--region", "europe"], &["--region", "eu-central-1"]),
        (
            &["--region", "eu-centarl-1"],
            &["--region", "did you mean eu-central-1?"],
        ),
        (&["--service", "dynamo"], &["dynamo", "dynamodb"]),
        (&["--gate", "acount"], &["did you mean account?"]),
        (&["--rule", "netwrok"], &["did you mean network?"]),
        (
            &["--rule", "kms-key"],
            &["did you mean kms-key-usable, kms-key-shared"],
        ),
        (&["--format", "jsno"], &["jsno", "did you mean json?"]),
        (
            &["--region", "eu-north-1"],
            &["no region eu-north-1", "it contains ap-southeast-1"],
        ),
        (&["--standard", "strict"], &["strict", "guide", "aws"]),
        (&["--fail-on", "error"], &["error", "never"]),
        (
            &["--profile", "dev"],
            &["--profile", "clean.json", "--account-from live"],
        ),
        (&["--frm", "x"], &["--frm", "--from"]),
        (&["--concurrency", "0"], &["--concurrency", "1..=1000"]),
    ] {
        assert_usage_error(&scan(folder.path(), "clean", flags), parts);
    }
    assert_usage_error(
        &run(backup_check(folder.path()).arg("scna")),
        &["scna", "scan"],
    );
    assert_usage_error(
        &run(backup_check(folder.path()).args(["explain", "kms-key"])),
        &["kms-key"],
    );
}

#[test]
fn a_plan_may_have_no_resources_in_a_region() {
    let plan = repository().join("fixtures/terraform/ready.json");
    let folder = temporary_folder();
    let scan = |regions: &[&str]| {
        let mut command = backup_check(folder.path());
        command.args(["scan", "--from"]).arg(&plan);
        regions.iter().for_each(|it| {
            command.args(["--region", it]);
        });
        run(&mut command)
    };
    let everything = scan(&[]);
    assert_eq!(scan(&["eu-central-1", "eu-north-1"]).code, everything.code);
    // All of its resources are in another region: the argument is probably wrong.
    assert_usage_error(
        &scan(&["eu-north-1"]),
        &["the plan has no resources in eu-north-1; it has some in eu-central-1"],
    );
}

#[test]
fn the_config_is_found_in_parents_and_arguments_override_it() {
    let folder = temporary_folder();
    let deep = folder.path().join("a/b");
    fs::create_dir_all(&deep).unwrap();
    let config = folder.path().join("backup-check.toml");
    let scan_with = |text: &str, flags: &[&str]| {
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
        scan_with("standard = \"aws\"\n", &[])["scan"]["standard"],
        "aws"
    );
    assert_eq!(
        scan_with("standard = \"aws\"\n", &["--standard", "guide"])["scan"]["standard"],
        "guide"
    );
    assert_eq!(
        scan_with("central_account = \"999988887777\"\n", &[])["scan"]["central_account_id"],
        "999988887777"
    );
    let without = scan_with(
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
fn an_invalid_config_names_its_line() {
    let folder = temporary_folder();
    for (text, parts) in [
        (
            "regions = [\"eu-west-1\"]\nnonsense = true\n",
            &["backup-check.toml", "line 2", "unknown field `nonsense`"][..],
        ),
        (
            "[severity]\n\nkms-key-share = \"off\"\n",
            &["line 3", "did you mean kms-key-shared?"],
        ),
        ("gate = [\"acount\"]\n", &["line 1", "acount", "account"]),
        (
            "allow_unknown = [\n  \"nonsense\",\n]\n",
            &["line 2", "nonsense"],
        ),
        ("central_account = 692653576357\n", &["line 1", "string"]),
        ("standard = \n", &["line 1"]),
        (
            "regions = [\"eu-wset-1\"]\n",
            &[
                "line 1, column 12: there is no region eu-wset-1; did you mean eu-west-1?",
                "\n1 | regions = [\"eu-wset-1\"]\n  |            ^^^^^^^^^^^\n",
            ],
        ),
        (
            "\ngates = []\n",
            &["did you mean `gate`?", "\n2 | gates = []\n"],
        ),
    ] {
        fs::write(folder.path().join("backup-check.toml"), text).unwrap();
        assert_usage_error(&scan(folder.path(), "clean", &[]), parts);
    }
    fs::remove_file(folder.path().join("backup-check.toml")).unwrap();
    assert_usage_error(
        &scan(folder.path(), "clean", &["--config", "other.toml"]),
        &["failed to read other.toml"],
    );
    fs::write(folder.path().join("tag.toml"), "tag_key = \"sicherung\"\n").unwrap();
    assert_usage_error(
        &scan(folder.path(), "clean", &["--config", "tag.toml"]),
        &["\"backup\"", "\"sicherung\"", "collect it again"],
    );
}

#[test]
fn a_file_is_scanned_with_and_without_its_flag() {
    let folder = temporary_folder();
    fs::copy(account("clean"), folder.path().join("clean.json")).unwrap();
    let scan = |arguments: &[&str]| {
        run(backup_check(folder.path())
            .args(["scan"])
            .args(arguments)
            .stdin(fs::File::open(account("clean")).unwrap()))
    };
    let by_flag = scan(&["--from", "clean.json", "--format", "csv"]);
    assert_eq!(by_flag.code, 0);
    for arguments in [
        &["clean.json", "--format", "csv"][..],
        &["--format=csv", "clean.json"],
        &["--format", "csv", "--", "clean.json"],
        &["-", "--format", "csv"],
        &["--from", "-", "--format", "csv"],
    ] {
        let run = scan(arguments);
        assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
        assert!(run.stdout == by_flag.stdout, "{arguments:?}");
    }
    assert_usage_error(
        &scan(&["clean.json", "--from", "clean.json"]),
        &["cannot be used with"],
    );
    assert_usage_error(
        &scan(&["clean.json", "--profile", "dev"]),
        &["cannot be used with", "--profile"],
    );
    assert_usage_error(&scan(&["claen.json"]), &["failed to read claen.json"]);
    // The option before it reads the file as one more value.
    for option in [&["--format", "csv"][..], &["--region", "eu-west-1"]] {
        assert_usage_error(
            &scan(&[option, &["clean.json"][..]].concat()),
            &["place it before the options: backup-check scan clean.json"],
        );
    }
    assert_usage_error(&scan(&["--parameter", "A=b"]), &["FILE"]);
}

/// The command after the answer is about the same account, the same standard and the same central account.
#[test]
fn the_command_to_run_next_has_what_decides_the_findings() {
    let folder = temporary_folder();
    fs::copy(account("mixed"), folder.path().join("my account.json")).unwrap();
    let config = "central_account = \"123456789012\"\n";
    fs::write(folder.path().join("other.toml"), config).unwrap();
    let flags = [
        "--config",
        "other.toml",
        "--standard",
        "aws",
        "--require-tag",
    ];
    let answer = run(backup_check(folder.path())
        .args(["scan", "my account.json"])
        .args(flags));
    let commands: Vec<&str> = answer
        .stdout
        .lines()
        .map(str::trim_start)
        .filter(|it| it.starts_with("backup-check fix "))
        .collect();
    assert!(commands.len() > 3, "{answer:?}");
    let expected = " --from 'my account.json' --config other.toml --standard aws --require-tag";
    for command in &commands {
        assert!(command.ends_with(expected), "{command}");
    }
    let program = env!("CARGO_BIN_EXE_backup-check");
    let first = format!("{program} fix kms-key-shared{expected}");
    let fix = run(Command::new("sh")
        .args(["-c", &first])
        .current_dir(folder.path()));
    assert_eq!(fix.code, 0, "{fix:?}");
    assert!(fix.stdout.contains("123456789012:root"), "{}", fix.stdout);
}

#[test]
fn the_examples_of_the_help_are_understood() {
    let folder = temporary_folder();
    let help = run(backup_check(folder.path()).arg("--help")).stdout;
    let (_, examples) = help.split_once("Examples:\n").unwrap();
    let mut count = 0;
    for line in examples.lines() {
        let command = line.trim_start().split("  ").next().unwrap();
        let arguments = command.strip_prefix("backup-check ").unwrap();
        let run = run(backup_check(folder.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .args(arguments.split(' ')));
        assert!(!run.stderr.contains("Usage:"), "{command}: {}", run.stderr);
        count += 1;
    }
    assert_eq!(count, 5);
}

#[cfg(feature = "aws")]
#[test]
fn a_mistyped_profile_is_rejected_with_the_meant_one() {
    let folder = temporary_folder();
    fs::write(
        folder.path().join("no-config"),
        "[profile dev]\nsso_session = corp\nsso_account_id = 111122223333\nsso_role_name = Audit\n[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1\n",
    )
    .unwrap();
    let scan =
        |profile: &str| run(backup_check(folder.path()).args(["scan", "--profile", profile]));
    assert_usage_error(&scan("dve"), &["no profile \"dve\"", "did you mean dev?"]);
    // There is no token: nobody signed in.
    assert_usage_error(&scan("dev"), &["aws sso login --profile dev"]);
}

#[cfg(feature = "aws")]
#[test]
fn the_iam_policy_is_limited_to_services() {
    let folder = temporary_folder();
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
            "{action} is not a read action"
        );
    }
    assert_usage_error(
        &run(backup_check(folder.path()).args(["iam-policy", "--service", "sqs"])),
        &["sqs", "dynamodb"],
    );
}

#[cfg(feature = "aws")]
#[test]
fn missing_credentials_are_one_line() {
    let folder = temporary_folder();
    let none = run(backup_check(folder.path()).arg("scan"));
    assert_usage_error(
        &none,
        &[
            "no usable AWS credentials",
            "AWS_ACCESS_KEY_ID",
            "aws sts get-caller-identity",
        ],
    );
    assert_eq!(none.stderr.lines().count(), 1, "{}", none.stderr);
    let profile = run(backup_check(folder.path()).args(["scan", "--profile", "nobody"]));
    assert_usage_error(&profile, &["profile \"nobody\""]);
    assert_eq!(profile.stderr.lines().count(), 1, "{}", profile.stderr);
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "--role-arn", "Auditor"])),
        &["--role-arn", "arn:aws:iam::111122223333:role/Auditor"],
    );
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "--external-id", "x"])),
        &["--role-arn"],
    );
}

#[test]
fn init_writes_a_config_once() {
    let folder = temporary_folder();
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
        "the file that init writes is valid"
    );
    fs::write(&file, "standard = \"aws\"\n").unwrap();
    assert_usage_error(
        &run(backup_check(folder.path()).arg("init")),
        &["backup-check.toml", "already exists", "--config"],
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

/// Completes a command line as bash does.
const BASH: &str = r#"source ./script
complete_line() {
  COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
  _backup__check backup-check "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
  echo "${COMPREPLY[*]}"
}
"#;

/// Checks what bash completes after a command, and fish where it is installed.
fn assert_completed_values(folder: &Path) {
    for shell in ["bash", "fish"] {
        let script = run(backup_check(folder).args(["completions", shell])).stdout;
        fs::write(folder.join("script"), script).unwrap();
        if shell == "fish" && Command::new(shell).arg("--version").output().is_err() {
            continue;
        }
        for (line, expected) in [
            ("explain s3-old", "s3-old-versions-expire"),
            ("fix s3-old", "s3-old-versions-expire"),
            ("scan --rule s3-old", "s3-old-versions-expire"),
            ("scan --gate acc", "account"),
            ("scan --view cau", "causes"),
            ("scan --format openm", "openmetrics"),
            ("convert --format asf", "asff"),
        ] {
            let text = match shell {
                "bash" => format!("{BASH}complete_line backup-check {line}"),
                _ => format!("source ./script; complete -C 'backup-check {line}'"),
            };
            let mut command = Command::new(shell);
            let completed = run(command.args(["-c", &text]).current_dir(folder));
            let names = completed
                .stdout
                .split('\t')
                .next()
                .unwrap_or_default()
                .trim();
            assert_eq!(names, expected, "{shell}: {line}: {completed:?}");
        }
    }
}

#[test]
fn completions_and_the_man_page_have_every_command() {
    let folder = temporary_folder();
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
        // The scripts of the others complete no values.
        let values = ["bash", "zsh", "fish"].contains(&shell);
        for name in ALL.iter().map(|rule| rule.id).filter(|_| values) {
            assert!(script.stdout.contains(name), "{name} in {shell}");
        }
    }
    assert_completed_values(folder.path());
    let man = run(backup_check(folder.path()).arg("man"));
    assert_eq!(man.code, 0);
    for command in commands.iter().filter(|it| **it != "help") {
        let section = format!("\n.SH \"backup-check {command}\"").replace('-', "\\-");
        assert!(man.stdout.contains(&section), "{section}");
    }
    for section in ["EXAMPLES", "EXIT STATUS", "FILES", "ENVIRONMENT"] {
        let heading = format!("\n.SH \"{section}\"\n.TP\n");
        assert_eq!(man.stdout.matches(&heading).count(), 1, "{section}");
    }
    assert_usage_error(
        &run(backup_check(folder.path()).args(["completions", "tcsh"])),
        &["tcsh", "bash"],
    );
}
