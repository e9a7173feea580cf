//! Files that the program reads and writes.

use std::fs;

use serde_json::Value;

use super::{account, assert_usage_error, scan, temporary_folder};
use crate::support::command::{backup_check, run};

#[test]
fn files_and_stdout_are_written_together() {
    let folder = temporary_folder();
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
    assert_eq!(left, ["out.json"], "a temporary file is left");

    let quiet = scan(folder.path(), "mixed", &["--format", "json=again.json"]);
    assert_eq!(quiet.stdout, "");
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let folder = temporary_folder();
    assert_usage_error(
        &scan(
            folder.path(),
            "clean",
            &["--format", "json=no/such/folder/out.json"],
        ),
        &["failed to write no/such/folder/out.json: directory no/such/folder does not exist\n"],
    );
    assert_usage_error(
        &scan(
            folder.path(),
            "clean",
            &["--format", "json", "--format", "table"],
        ),
        &["more than one format is written to stdout"],
    );
    assert_usage_error(
        &scan(folder.path(), "clean", &["--format", "json=a", "table=a"]),
        &["more than one format is written to a"],
    );
    // Two names of one file, which does not exist yet.
    assert_usage_error(
        &scan(folder.path(), "clean", &["--format", "json=a", "csv=./a"]),
        &["more than one format is written to ./a"],
    );
    fs::write(folder.path().join("a"), "before").unwrap();
    let complete = folder.path().join("a").display().to_string();
    let other = format!("csv={complete}");
    assert_usage_error(
        &scan(folder.path(), "clean", &["--format", "json=a", &other]),
        &["more than one format is written to", &complete],
    );
    let kept = fs::read_to_string(folder.path().join("a")).unwrap();
    assert_eq!(kept, "before");
    assert_usage_error(
        &scan(
            folder.path(),
            "clean",
            &["--format", "table", "json=/dev/stdout"],
        ),
        &["more than one format is written to stdout"],
    );
    assert_usage_error(
        &scan(folder.path(), "clean", &["--format", "jsn"]),
        &["jsn", "table, json"],
    );
}

// People write `--format json=NAME` with the name that is on the line already.
#[test]
fn a_file_that_is_read_is_not_replaced_by_the_report() {
    let folder = temporary_folder();
    let snapshot = fs::read(account("clean")).unwrap();
    fs::write(folder.path().join("a.json"), &snapshot).unwrap();
    fs::write(folder.path().join("b.json"), "{}").unwrap();
    let run = |arguments: &[&str]| run(backup_check(folder.path()).args(arguments));
    for arguments in [
        &["scan", "a.json", "--format", "json=./a.json"][..],
        &[
            "scan",
            "--format",
            "table",
            "csv=a.json",
            "--from",
            "a.json",
        ],
        &["convert", "a.json", "--format", "html=a.json"],
        &[
            "scan",
            "b.json",
            "--account-from",
            "a.json",
            "--format",
            "json=a.json",
        ],
    ] {
        assert_usage_error(
            &run(arguments),
            &["a.json: the report would replace this file"],
        );
        let kept = fs::read(folder.path().join("a.json")).unwrap();
        assert_eq!(kept, snapshot, "{arguments:?}");
    }
    // A baseline is replaced by the report that was compared with it.
    let report = ["scan", "a.json", "--format", "json=report.json"];
    assert_eq!(run(&report).code, 0);
    let compared = [&report[..], &["--baseline", "report.json"]].concat();
    assert_eq!(run(&compared).code, 0);
}

// Options that accept several values also accept the file after them.
#[test]
fn a_file_after_an_option_for_rules_is_named_as_a_file() {
    let folder = temporary_folder();
    fs::copy(account("clean"), folder.path().join("a.json")).unwrap();
    for option in ["--rule", "--skip-rule", "--allow-unknown"] {
        let arguments = ["scan", option, "proof", "a.json"];
        let output = run(backup_check(folder.path()).args(arguments));
        assert_usage_error(&output, &[option, "\"a.json\", which is a file", "--from"]);
    }
}

#[test]
fn an_invalid_snapshot_is_rejected_with_the_reason() {
    let folder = temporary_folder();
    let file = folder.path().join("x.json");
    let complete = fs::read_to_string(account("clean")).unwrap();
    for (text, parts) in [
        (String::new(), &["x.json", "is empty"][..]),
        (
            "hello".to_owned(),
            &[
                "neither a JSON snapshot or plan",
                "nor a CloudFormation template",
            ],
        ),
        ("{}".to_owned(), &["snapshot_version"]),
        ("[]".to_owned(), &["snapshot_version"]),
        (
            complete[..complete.len() / 2].to_owned(),
            &["not a snapshot", "line"],
        ),
        (
            complete.replacen("\"snapshot_version\": 1", "\"snapshot_version\": 99", 1),
            &["newer backup-check", "99", "up to 1"],
        ),
        (
            complete.replacen("\"known\": \"in-use\"", "\"known\": 5", 1),
            &["damaged snapshot", "line", "column", "string"],
        ),
        (
            complete.replacen("\"volumes\"", "\"volume\"", 1),
            &["damaged snapshot", "unknown field `volume`"],
        ),
    ] {
        fs::write(&file, &text).unwrap();
        assert_usage_error(
            &run(backup_check(folder.path()).args(["scan", "--from", "x.json"])),
            parts,
        );
    }
    let mut hollow: Value = serde_json::from_str(&complete).unwrap();
    hollow["regions"]
        .as_object_mut()
        .unwrap()
        .remove("eu-west-1");
    fs::write(&file, hollow.to_string()).unwrap();
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "--from", "x.json"])),
        &["damaged snapshot", "eu-west-1"],
    );
    fs::write(&file, b"\xff\xfe\x00").unwrap();
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "--from", "x.json"])),
        &["x.json", "UTF-8"],
    );
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "--from", "gone.json"])),
        &["failed to read gone.json"],
    );
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "--from", "empty"])),
        &["empty", "snapshot"],
    );
}

#[test]
fn a_snapshot_can_come_from_stdin() {
    let folder = temporary_folder();
    let run = run(backup_check(folder.path())
        .args(["scan", "--from", "-", "--format", "json"])
        .stdin(fs::File::open(account("clean")).unwrap()));
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[cfg(unix)]
#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    use std::io::Read;
    use std::process::Stdio;
    let folder = temporary_folder();
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

#[cfg(unix)]
#[test]
fn the_target_of_a_link_is_written() {
    let folder = temporary_folder();
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
fn a_full_disk_is_named_once() {
    let folder = temporary_folder();
    for format in ["table", "json"] {
        let to = format!("{format}=/dev/full");
        let full = scan(folder.path(), "mixed", &["--format", &to]);
        assert_usage_error(&full, &["failed to write /dev/full", "No space left"]);
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
        assert!(stderr.contains("failed to write to stdout"), "{stderr}");
    }
}

#[test]
fn an_unwritable_output_is_rejected_before_anything_is_read() {
    let folder = temporary_folder();
    fs::create_dir(folder.path().join("taken")).unwrap();
    let flags = ["scan", "--from", "no-such.json", "--format"];
    for (target, part) in [
        ("json=taken", "failed to write taken"),
        ("json=no/folder.json", "failed to write no/folder.json"),
    ] {
        let run = run(backup_check(folder.path()).args(flags).arg(target));
        assert_usage_error(&run, &[part]);
        assert!(!run.stderr.contains("no-such.json"), "{}", run.stderr);
    }
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1);
}

#[test]
fn a_compressed_snapshot_is_recognized_by_its_content() {
    let folder = temporary_folder();
    let text = fs::read_to_string(account("mixed")).unwrap();
    let packed = backup_check::source::saved::compress_text(text.as_bytes());
    assert!(packed.len() < text.len() / 4, "{}", packed.len());
    // The report names the file.
    let scan_saved = |content: &[u8]| {
        fs::write(folder.path().join("saved"), content).unwrap();
        run(backup_check(folder.path()).args(["scan", "--format", "json", "--from", "saved"]))
    };
    let plain = scan_saved(text.as_bytes());
    let from_packed = scan_saved(&packed);
    assert_eq!(from_packed.code, plain.code);
    let without_name = |stdout: &str| {
        stdout.replace("mixed.json", "saved").replace(
            &format!("{}/", account("saved").parent().unwrap().display()),
            "",
        )
    };
    assert_eq!(
        without_name(&from_packed.stdout),
        without_name(&plain.stdout)
    );
    fs::write(folder.path().join("saved"), &packed[..packed.len() / 2]).unwrap();
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "--from", "saved"])),
        &["saved", "damaged zstd"],
    );
}

#[test]
fn a_report_is_not_scanned_but_converted() {
    let folder = temporary_folder();
    scan(folder.path(), "clean", &["--format", "json=report.json"]);
    assert_usage_error(
        &run(backup_check(folder.path()).args(["scan", "report.json"])),
        &[
            "report.json: this is a report, not a snapshot",
            "`backup-check convert FILE`",
        ],
    );
}

/// Without credentials, so the error comes before an account is read.
#[test]
fn a_file_among_the_names_of_fix_is_named_before_anything_is_read() {
    let folder = temporary_folder();
    fs::write(folder.path().join("snapshot.json"), "{}").unwrap();
    for (name, part) in [
        (
            "snapshot.json",
            "; to read the file, use --from snapshot.json",
        ),
        ("-", "; to read the file, use --from -"),
        ("kms-key-sharde", "; did you mean kms-key-shared?"),
        ("", "no cause, finding or rule \"\""),
    ] {
        assert_usage_error(
            &run(backup_check(folder.path()).args(["fix", name])),
            &["no cause, finding or rule", part],
        );
    }
}
