//! The README, the guide and the newcomer's pages describe the program as it is.
//!
//! `UPDATE_DOCS=1 cargo test docs` rewrites every generated part: output blocks, the page of rules and the
//! picture of the terminal.

mod commands;
mod files_table;
mod generated;
mod hooks;
pub mod pages;
pub mod queries;
mod recipes;
mod rules_page;
mod terminal;

use std::collections::BTreeSet;
use std::fs;

use backup_check::cost::prices::PriceList;
use backup_check::exit::Exit;
use backup_check::settings::Config;

use crate::support::command::{backup_check, repository, run};
use pages::Page;

/// The most bytes of the README: it is the entrance, the guide is the rest.
const README_LIMIT: usize = 10 * 1024;

/// The help of a command, for example of `scan`.
fn help(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let run = run(backup_check(folder.path()).args(arguments).arg("--help"));
    assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{arguments:?}");
    run.stdout
}

/// The commands that this build lists in its help.
fn command_names() -> Vec<String> {
    let help = help(&[]);
    let list = help.split("Commands:\n").nth(1).unwrap();
    list.lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// The flags that a help text defines.
fn defined_flags(help: &str) -> BTreeSet<&str> {
    help.lines()
        .map(str::trim_start)
        .filter(|line| line.starts_with('-'))
        .filter_map(|line| line.split([' ', ',']).find(|word| word.starts_with("--")))
        .map(|flag| flag.trim_end_matches(['.', '[', ']']))
        .collect()
}

/// Whether a text names a flag, and not only a longer one.
fn names_flag(text: &str, flag: &str) -> bool {
    text.match_indices(flag).any(|(at, _)| {
        let next = text[at + flag.len()..].chars().next();
        !next.is_some_and(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}

#[test]
fn the_guide_names_every_command_and_every_flag() {
    let guide: String = pages::guide().into_iter().map(|page| page.text).collect();
    let mut count = 0;
    for command in command_names() {
        assert!(
            guide.contains(&format!("`backup-check {command}"))
                || guide.contains(&format!("\nbackup-check {command}")),
            "the guide does not show `backup-check {command}`"
        );
        for flag in defined_flags(&help(&[&command])) {
            assert!(
                names_flag(&guide, flag),
                "the guide does not name {flag} of {command}"
            );
            count += 1;
        }
    }
    assert!(count > 60, "only {count} flags were found in the help");
}

#[test]
fn the_readme_and_the_gate_page_list_every_exit_code() {
    let codes: Vec<String> = [
        Exit::Ready,
        Exit::Failed,
        Exit::Usage,
        Exit::Unknown,
        Exit::Interrupted,
        Exit::Terminated,
    ]
    .iter()
    .map(|exit| exit.code().to_string())
    .collect();
    for path in ["README.md", "docs/src/gate.md"] {
        let page = Page::read(path);
        let cells: BTreeSet<&str> = page
            .text
            .lines()
            .filter_map(|line| line.strip_prefix("| ")?.split(" |").next())
            .flat_map(|cell| cell.split(", "))
            .collect();
        for code in &codes {
            assert!(
                cells.contains(code.as_str()),
                "{path} has no row for {code}"
            );
        }
    }
}

#[test]
fn every_config_example_parses() {
    let mut count = 0;
    for page in pages::all() {
        for example in page.code_blocks("toml") {
            // The page on cost has a price file, the others have configs.
            let parsed = match page.path.ends_with("cost.md") {
                true => PriceList::parse(&example.text).map(drop),
                false => Config::parse(&example.text).map(drop),
            };
            if let Err(error) = parsed {
                panic!("{}: {error}", page.path);
            }
            count += 1;
        }
    }
    assert!(count >= 3, "only {count} config examples were found");
}

#[test]
fn the_readme_is_short_and_says_how_to_test() {
    let readme = Page::read("README.md").text;
    assert!(
        readme.len() <= README_LIMIT,
        "the README has {} bytes, at most {README_LIMIT} are allowed: move text to docs/src",
        readme.len()
    );
    let ci = fs::read_to_string(repository().join(".ci/run")).unwrap();
    assert!(
        readme.contains("\ncargo test --locked\n") && ci.contains("\ncargo test --locked\n"),
        "the README names the one command that runs every test, and .ci/run calls it"
    );
}

#[test]
fn architecture_names_only_tests_and_files_that_exist() {
    assert_tests_exist("docs/ARCHITECTURE.md");
}

#[test]
fn each_promise_names_a_test_that_exists() {
    assert_tests_exist("docs/src/promises.md");
}

/// Asserts that each row of a table that ends with its tests, as `file.rs`: `name`, names files and tests that
/// exist.
fn assert_tests_exist(page: &str) {
    let text = Page::read(page).text;
    let tests = pages::test_names();
    let mut count = 0;
    for line in text.lines().filter(|line| line.starts_with("| ")) {
        let Some((_, last)) = line.trim_end_matches(" |").rsplit_once(" | ") else {
            continue;
        };
        let mut names = last.split('`').skip(1).step_by(2);
        let Some(file) = names.next().filter(|it| it.ends_with(".rs")) else {
            continue;
        };
        assert!(
            repository().join("tests/integration").join(file).is_file(),
            "{page} names {file}, which does not exist"
        );
        for name in names.filter(|it| !it.ends_with(".rs")) {
            assert!(
                tests.contains(name),
                "{page} names the test {name}, which does not exist"
            );
            count += 1;
        }
    }
    assert!(count >= 7, "only {count} tests are named");
}
