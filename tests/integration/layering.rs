//! Who may import whom, read off the `use` lines: facts flow one way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::repository;

/// A room, with the rooms and crates that it must not name.
const WALLS: [(&str, &[&str]); 8] = [
    (
        "model",
        &[
            "crate::cli",
            "crate::evaluate",
            "crate::exit",
            "crate::policy",
            "crate::report",
            "crate::rule",
            "crate::settings",
            "crate::source",
            "anyhow",
            "aws_config",
            "aws_sdk_",
            "aws_smithy_",
            "aws_types",
            "tokio",
            "std::env",
            "std::fs",
        ],
    ),
    (
        "policy",
        &[
            "crate::cli",
            "crate::evaluate",
            "crate::report",
            "crate::rule",
            "crate::settings",
            "crate::source",
            "anyhow",
            "aws_config",
            "aws_sdk_",
            "aws_smithy_",
            "aws_types",
            "tokio",
            "std::env",
            "std::fs",
        ],
    ),
    (
        "settings",
        &[
            "crate::cli",
            "crate::evaluate",
            "crate::policy",
            "crate::report",
            "crate::rule",
            "crate::source",
            "anyhow",
            "aws_config",
            "aws_sdk_",
            "aws_smithy_",
            "aws_types",
            "tokio",
            "std::env",
            "std::fs",
        ],
    ),
    (
        "rule",
        &[
            "crate::cli",
            "crate::evaluate",
            "crate::report",
            "crate::source",
            "anyhow",
            "aws_config",
            "aws_sdk_",
            "aws_smithy_",
            "aws_types",
            "jiff",
            "tokio",
            "std::env",
            "std::fs",
            "std::time",
        ],
    ),
    (
        "rules",
        &[
            "crate::cli",
            "crate::evaluate",
            "crate::report",
            "crate::source",
            "anyhow",
            "aws_config",
            "aws_sdk_",
            "aws_smithy_",
            "aws_types",
            "jiff",
            "tokio",
            "std::env",
            "std::fs",
            "std::time",
        ],
    ),
    (
        "evaluate",
        &[
            "crate::cli",
            "crate::source",
            "anyhow",
            "aws_config",
            "aws_sdk_",
            "aws_smithy_",
            "aws_types",
            "jiff",
            "tokio",
            "std::env",
            "std::fs",
            "std::time",
        ],
    ),
    (
        "report",
        &[
            "crate::cli",
            "crate::source",
            "anyhow",
            "aws_config",
            "aws_sdk_",
            "aws_smithy_",
            "aws_types",
            "jiff",
            "tokio",
            "std::env",
            "std::fs",
            "std::time",
            "stdout",
        ],
    ),
    (
        "source",
        &[
            "crate::cli",
            "crate::evaluate",
            "crate::policy",
            "crate::report",
            "crate::rule",
            "anyhow",
        ],
    ),
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
    for (room, walls) in WALLS {
        let files = files(room);
        assert!(!files.is_empty(), "there is no room {room}");
        for file in files {
            let code = code(&file);
            for wall in walls {
                assert!(!names(&code, wall), "{} names {wall}", file.display());
            }
        }
    }
}

const SDK: [&str; 5] = [
    "aws_config",
    "aws_credential_types",
    "aws_sdk_",
    "aws_smithy_",
    "aws_types",
];

#[test]
fn only_the_command_line_uses_anyhow_and_only_the_collectors_use_the_sdk() {
    for room in fs::read_dir(repository().join("src")).unwrap() {
        let room = room.unwrap().path();
        let room = room.file_stem().unwrap().to_str().unwrap();
        for file in files(room) {
            let code = code(&file);
            let collector = file.to_str().unwrap().contains("source/collect");
            assert!(
                room == "cli" || !names(&code, "anyhow"),
                "{} uses anyhow",
                file.display()
            );
            for part in SDK {
                assert!(
                    collector || !names(&code, part),
                    "{} uses the SDK",
                    file.display()
                );
            }
        }
    }
}

#[test]
fn a_wall_is_seen_where_it_stands() {
    assert!(names("use crate::rule::Cx;", "crate::rule"));
    assert!(!names("use crate::rules::ALL;", "crate::rule"));
    assert!(names("aws_sdk_ec2::Client", "aws_sdk_"));
    assert!(!names("my_aws_config_of", "aws_config"));
}
