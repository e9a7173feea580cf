//! Who may import whom, read off the code: facts flow one way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::repository;

/// A room, and the rooms that it must not name.
const ROOMS: [(&str, &[&str]); 9] = [
    (
        "model",
        &[
            "cli", "evaluate", "exit", "policy", "report", "rule", "rules", "settings", "source",
        ],
    ),
    (
        "policy",
        &[
            "cli", "evaluate", "exit", "report", "rule", "rules", "settings", "source",
        ],
    ),
    (
        "settings",
        &[
            "cli", "evaluate", "exit", "policy", "report", "rule", "rules", "source",
        ],
    ),
    (
        "rule",
        &["cli", "evaluate", "exit", "report", "rules", "source"],
    ),
    ("rules", &["cli", "evaluate", "exit", "report", "source"]),
    ("evaluate", &["cli", "rules", "source"]),
    ("report", &["cli", "fix", "source"]),
    ("fix", &["cli", "source"]),
    (
        "source",
        &[
            "cli", "evaluate", "exit", "policy", "report", "rule", "rules",
        ],
    ),
];

/// What talks to the world: the clock, the environment, files, threads of control.
const WORLD: [&str; 9] = [
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "jiff::tz",
    "std::env",
    "std::fs",
    "std::process",
    "std::time",
    "tokio",
];

/// Rooms that hold only facts and judgement.
const PURE: [&str; 8] = [
    "model", "policy", "settings", "rule", "rules", "evaluate", "report", "fix",
];

const SDK: [&str; 5] = [
    "aws_config",
    "aws_credential_types",
    "aws_sdk_",
    "aws_smithy_",
    "aws_types",
];

/// All Rust files of a room: `src/<room>.rs` and everything under `src/<room>/`.
fn files(room: &str) -> Vec<PathBuf> {
    let src = repository().join("src");
    let mut files = vec![src.join(format!("{room}.rs"))];
    let mut folders = vec![src.join(room)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.retain(|file| file.extension().is_some_and(|it| it == "rs") && file.exists());
    assert!(!files.is_empty(), "there is no room {room}");
    files
}

/// Code without its comments and its tests, which may read what they like.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let own = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = own
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether code names a path; a part that ends in `_` begins a name.
fn names(code: &str, part: &str) -> bool {
    code.match_indices(part).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + part.len()..].chars().next();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !word(before) && (part.ends_with('_') || !word(after))
    })
}

#[test]
fn no_room_reaches_where_it_must_not() {
    for (room, walls) in ROOMS {
        for file in files(room) {
            let code = code(&file);
            for wall in walls {
                assert!(
                    !names(&code, &format!("crate::{wall}")),
                    "{} names {wall}",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn the_middle_does_not_touch_the_world() {
    for room in PURE {
        for file in files(room) {
            let code = code(&file);
            for part in WORLD
                .iter()
                .chain(&SDK)
                .chain(&["anyhow", "stdout", "stderr"])
            {
                assert!(!names(&code, part), "{} names {part}", file.display());
            }
        }
    }
}

#[test]
fn only_the_collectors_use_the_sdk_and_only_the_command_line_uses_anyhow() {
    for file in files("cli").into_iter().chain(files("source")) {
        let code = code(&file);
        let collector = file.to_str().unwrap().contains("source/collect");
        for part in SDK {
            assert!(
                collector || !names(&code, part),
                "{} uses the SDK",
                file.display()
            );
        }
        let command_line = file.to_str().unwrap().contains("src/cli");
        assert!(
            command_line || !names(&code, "anyhow"),
            "{} uses anyhow",
            file.display()
        );
    }
}

#[test]
fn a_wall_is_seen_where_it_stands() {
    assert!(names("use crate::rule::RuleContext;", "crate::rule"));
    assert!(!names("use crate::rules::ALL;", "crate::rule"));
    assert!(names("aws_sdk_ec2::Client", "aws_sdk_"));
    assert!(!names("let aws_managed = 1;", "aws_sdk_"));
}
