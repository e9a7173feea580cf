//! Commands in code blocks: those on fixtures are run, all others must at least be understood.

use std::path::Path;
use std::process::Command;

use crate::support::command::{Run, repository, run};

use super::pages;

/// A comment before a code block whose commands are run: `<!-- run: exit 1 -->`.
const MARK: &str = "<!-- run: exit ";

/// What of a command is replaced by the built program.
const FROM_SOURCE: &str = "cargo run --quiet --no-default-features -- ";

/// Runs a script as a reader would in a clone of the repository, with `backup-check` on the path; files that
/// it writes are dropped.
pub fn shell(script: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let program = Path::new(env!("CARGO_BIN_EXE_backup-check"));
    std::fs::create_dir(home.join("bin")).unwrap();
    std::os::unix::fs::symlink(program, home.join("bin/backup-check")).unwrap();
    std::os::unix::fs::symlink(repository().join("fixtures"), home.join("fixtures")).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    run(Command::new("bash")
        .args(["-c", &script.replace(FROM_SOURCE, "backup-check ")])
        .env_clear()
        .env("PATH", format!("{}:{path}", home.join("bin").display()))
        .env("HOME", home)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .current_dir(home))
}

fn is_installed(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

/// Whether a script can be run here. A developer may lack `jq`; a CI job may not.
pub fn can_run(script: &str) -> bool {
    let wants = script.contains("| jq ") || script.contains("\njq ") || script.starts_with("jq ");
    if !wants || is_installed("jq") {
        return true;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the queries of the guide need jq"
    );
    false
}

#[test]
fn commands_on_fixtures_run_as_written() {
    let mut count = 0;
    for page in pages::all() {
        for block in page.code_blocks("sh") {
            let place = format!("{}:\n{}", page.path, block.text);
            let expected = block
                .before
                .strip_prefix(MARK)
                .and_then(|rest| rest.strip_suffix(" -->"));
            assert_eq!(
                expected.is_some(),
                block.text.contains("fixtures/"),
                "a block that names a fixture, and no other, has `{MARK}N -->` before it: {place}"
            );
            let Some(expected) = expected.filter(|_| can_run(&block.text)) else {
                continue;
            };
            let run = shell(&block.text);
            assert_eq!(run.code.to_string(), expected, "{place}\n{run:?}");
            assert!(
                !run.stdout.is_empty() || block.text.contains('>'),
                "{place}"
            );
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} blocks were run");
}

/// Every command line of `backup-check` in code blocks, without its pipe and redirection.
fn command_lines() -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for page in pages::all() {
        for block in page.code_blocks("sh") {
            let joined = block.text.replace("\\\n", " ");
            for line in joined.lines() {
                let Some((_, after)) = line.split_once("backup-check ") else {
                    continue;
                };
                let starts = line.trim_start().starts_with("backup-check ") || line.contains("| ");
                let end = after.find(['|', '>', ';', '#']).unwrap_or(after.len());
                if starts {
                    lines.push((page.path.clone(), after[..end].trim().to_owned()));
                }
            }
        }
    }
    lines
}

/// With AWS in the build, a live command would try to reach it.
#[cfg(not(feature = "aws"))]
#[test]
fn commands_in_the_guide_are_understood() {
    // The core knows neither command; the build with AWS has them in its help.
    const LIVE: [&str; 2] = ["collect", "iam-policy"];
    let mut count = 0;
    for (page, line) in command_lines() {
        if LIVE.iter().any(|command| line.starts_with(command)) {
            continue;
        }
        // The variable of the loop over accounts.
        let run = shell(&format!(
            "account=111122223333\nbackup-check {line} </dev/null"
        ));
        for words in ["Usage:", "unrecognized", "invalid value"] {
            assert!(
                !run.stderr.contains(words),
                "{page}: backup-check {line}\n{}",
                run.stderr
            );
        }
        count += 1;
    }
    assert!(count > 20, "only {count} commands were found");
}

#[cfg(feature = "aws")]
#[test]
fn the_guide_shows_how_to_collect() {
    let lines = command_lines();
    for command in ["collect", "iam-policy"] {
        assert!(
            lines.iter().any(|(_, line)| line.starts_with(command)),
            "{command}"
        );
    }
}
