//! Accounts whose names and messages are meant to do harm: to a terminal, a shell, a page, or to the reader's time.

use std::fs;

use backup_check::text::is_invisible;
use serde_json::{Value, json};

use crate::fix::aws_cli::run_script;
use crate::formats;
use crate::support::command::{Run, backup_check, run};

/// Texts that terminals, shells, pages and spreadsheets interpret.
const HARMFUL: [&str; 10] = [
    // A link and the clipboard of a terminal.
    "\u{1b}]8;;https://example.com\u{1b}\\click\u{1b}]8;;\u{1b}\\",
    "\u{1b}]52;c;b3duZWQ=\u{7}",
    "\u{9d}52;c;b3duZWQ=\u{9c}",
    "\u{202e}txt.exe\u{2066}",
    "a\u{0}b",
    "'; touch owned; echo '",
    "$(touch owned)`touch owned`",
    "\n::set-output name=verdict::ready\n##[add-mask]x",
    "${aws_s3_bucket.x.id}%{ for x in y }",
    "<script>document.title='owned'</script>",
];

/// Returns the mixed account with a text in each place that somebody else writes: names, tags and messages of AWS.
fn account_with(text: &str) -> Value {
    let mut snapshot = formats::snapshot("mixed");
    write_everywhere(&mut snapshot, text);
    for row in snapshot["coverage"].as_array_mut().unwrap() {
        row["state"] = json!("denied");
        row["error"] = json!({"code": "AccessDenied", "operation": "x:Read", "message": text});
    }
    snapshot
}

fn write_everywhere(value: &mut Value, text: &str) {
    match value {
        Value::Object(fields) => {
            for (name, it) in fields.iter_mut() {
                let is_text = it.is_string();
                match name.as_str() {
                    "Name" | "message" | "status_message" | "name" if is_text => *it = json!(text),
                    _ => write_everywhere(it, text),
                }
            }
            if let Some(tags) = fields.get_mut("tags").and_then(|it| it.get_mut("known"))
                && let Some(tags) = tags.as_object_mut()
            {
                tags.insert(text.to_owned(), json!(text));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| write_everywhere(it, text)),
        _ => {}
    }
}

fn run_on(snapshot: &Value, command: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.json"), snapshot.to_string()).unwrap();
    let run = run(backup_check(folder.path()).args(command));
    assert!(!folder.path().join("owned").exists());
    run
}

#[test]
fn no_output_for_people_has_a_character_that_a_terminal_interprets() {
    for text in HARMFUL {
        let snapshot = account_with(text);
        for more in [
            &["scan", "a.json"][..],
            &["scan", "a.json", "--view", "causes"],
            &["scan", "a.json", "--view", "resources"],
            &["scan", "a.json", "--format", "markdown"],
            &["scan", "a.json", "--format", "github"],
            &["fix", "--from", "a.json"],
            &["fix", "--from", "a.json", "--as", "terraform"],
            &["fix", "--from", "a.json", "--as", "cdk"],
            &["cost", "a.json"],
        ] {
            let run = run_on(&snapshot, more);
            assert!([0, 1, 3].contains(&run.code), "{more:?}: {}", run.stderr);
            for output in [&run.stdout, &run.stderr] {
                let found = output.chars().find(|c| {
                    let is_layout = matches!(c, '\n' | '\t' | '\r');
                    (c.is_control() && !is_layout) || ('\u{202a}'..='\u{202e}').contains(c)
                });
                // A shell word holds the bytes as they are: they are its data.
                let is_data = more[0] == "fix" && !text.contains('\u{1b}');
                assert!(found.is_none() || is_data, "{text:?}, {more:?}: {found:?}");
            }
        }
    }
}

#[test]
fn no_error_has_a_character_that_a_terminal_interprets() {
    for text in HARMFUL {
        let mut snapshot = formats::snapshot("clean");
        snapshot[text] = json!(1);
        let config = format!("[severity]\n{} = \"off\"\n", json!(text));
        for (name, content) in [
            ("a.json", snapshot.to_string()),
            ("a.yaml", format!("Resources: {{{text}: [\n")),
            ("backup-check.toml", config),
        ] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(name), content).unwrap();
            let run = run(backup_check(folder.path()).args(["scan", name]));
            assert_ne!(run.stderr, "", "{name}: {text:?}");
            let found = run.stderr.chars().find(|c| is_invisible(*c) && *c != '\n');
            assert_eq!(found, None, "{name}: {}", run.stderr);
        }
    }
}

/// Returns the mixed account with a text in each place of a command, too.
fn account_with_ids(text: &str) -> Value {
    let mut snapshot = account_with(text);
    let buckets = snapshot["buckets"]["items"].as_array_mut().unwrap();
    for (number, bucket) in buckets.iter_mut().enumerate() {
        bucket["id"] = json!(format!("{text}{number}"));
        bucket["arn"] = json!(format!("arn:aws:s3:::{text}{number}"));
    }
    snapshot
}

#[test]
fn the_script_of_fix_does_nothing_but_call_aws() {
    // It writes no file, so that all that the script leaves is what a name made it write.
    let stub =
        "#!/bin/sh\ncase $* in *get-caller-identity*) echo 111122223333;; *) exit 254;; esac\n";
    let given = [
        ("EXPIRE_OLD_VERSIONS", "yes"),
        ("OPEN_ENDPOINTS", "yes"),
        ("EBS_KEY_ARN_US_EAST_1", "arn:aws:kms:us-east-1:1:key/a"),
    ];
    for text in HARMFUL {
        let script = run_on(&account_with_ids(text), &["fix", "--from", "a.json"]).stdout;
        assert!(script.contains("aws s3api"), "{text:?}");
        let folder = tempfile::tempdir().unwrap();
        let run = run_script(folder.path(), &script, stub, &given);
        assert!(!run.stderr.contains("command not found"), "{}", run.stderr);
        let left = fs::read_dir(folder.path()).unwrap();
        let left: Vec<_> = left.map(|it| it.unwrap().file_name()).collect();
        assert_eq!(left.len(), 2, "{text:?}: {left:?}");
    }
}

#[test]
fn texts_of_any_length_leave_the_answer_short() {
    for (length, words) in [(100_000, "message "), (10_000_000, "x")] {
        let text = words.repeat(length / words.len());
        let mut snapshot = formats::snapshot("mixed");
        let bucket = &mut snapshot["buckets"]["items"][0];
        bucket["tags"] = json!({"known": {"Name": text, "backup": "enabled", "note": text}});
        let gap = json!({"kind": "denied", "operation": "s3:GetBucketVersioning", "action": "s3:GetBucketVersioning", "code": "AccessDenied", "message": text});
        bucket["versioning"] = json!({"unknown": gap});
        for view in ["summary", "causes", "resources"] {
            let run = run_on(&snapshot, &["scan", "a.json", "--view", view]);
            assert!([1, 3].contains(&run.code), "{}", run.stderr);
            assert!(run.stdout.len() < 100_000, "{view}: {}", run.stdout.len());
        }
        for format in ["markdown", "github", "junit", "sarif"] {
            let run = run_on(&snapshot, &["scan", "a.json", "--format", format]);
            let most = 2 * 1024 * 1024 + 2 * length;
            assert!(run.stdout.len() < most, "{format}: {}", run.stdout.len());
        }
    }
}

#[test]
fn text_that_is_not_utf8_is_rejected_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut bytes = formats::snapshot("clean").to_string().into_bytes();
    bytes[100] = 0xff;
    fs::write(folder.path().join("a.json"), bytes).unwrap();
    let run = run(backup_check(folder.path()).args(["scan", "a.json"]));
    assert_eq!((run.code, run.stdout.as_str()), (2, ""));
    assert!(
        run.stderr.contains("byte 100 is not UTF-8"),
        "{}",
        run.stderr
    );
}
