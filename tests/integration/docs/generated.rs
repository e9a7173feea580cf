//! Generated parts: between `<!-- begin ... -->` and `<!-- end ... -->`, and files that are generated as a whole.

use std::fs;

use crate::support::command::repository;

use super::commands::shell;
use super::pages::{self, Page};
use super::{files_table, rules_page, terminal};

/// Compares a generated file with its present text, or writes it with `UPDATE_DOCS=1`.
fn hold(path: &str, present: &str, fresh: &str) {
    if present == fresh {
        return;
    }
    assert!(
        std::env::var_os("UPDATE_DOCS").is_some(),
        "{path} is stale: run `UPDATE_DOCS=1 cargo test docs` and review the diff\n{}",
        first_difference(present, fresh)
    );
    fs::write(repository().join(path), fresh).unwrap();
}

fn first_difference(present: &str, fresh: &str) -> String {
    let mut pairs = present.lines().zip(fresh.lines()).enumerate();
    let differing = pairs.find(|(_, (old, new))| old != new);
    differing.map_or_else(
        || "one is longer than the other".to_owned(),
        |(at, (old, new))| {
            format!(
                "line {}\n  in the file: {old}\n  printed now: {new}",
                at + 1
            )
        },
    )
}

/// A page with its generated blocks written anew.
fn regenerate(page: &Page) -> String {
    let mut out = String::new();
    let mut skipping = false;
    for line in page.text.split_inclusive('\n') {
        let marker = |name: &str| {
            let rest = line.trim().strip_prefix("<!-- ")?.strip_suffix(" -->")?;
            rest.strip_prefix(name).map(|rest| rest.trim().to_owned())
        };
        if marker("end").is_some() {
            skipping = false;
        }
        if !skipping {
            out.push_str(line);
        }
        let block = if let Some(command) = marker("begin output:") {
            let text = shell(&command).stdout;
            assert!(
                !text.is_empty(),
                "{}: `{command}` prints nothing",
                page.path
            );
            format!("```text\n{}\n```\n", text.trim_end())
        } else if let Some(command) = marker("begin config:") {
            format!("```toml\n{}\n```\n", shell(&command).stdout.trim_end())
        } else if marker("begin rules").is_some() {
            rules_page::rule_table()
        } else if marker("begin services").is_some() {
            rules_page::service_table()
        } else if marker("begin types").is_some() {
            rules_page::type_table()
        } else if marker("begin files").is_some() {
            files_table::file_table()
        } else if marker("begin reference").is_some() {
            rules_page::reference()
        } else if marker("begin formats").is_some() {
            rules_page::format_table()
        } else {
            continue;
        };
        out.push_str(&block);
        skipping = true;
    }
    assert!(!skipping, "{}: a generated block has no end", page.path);
    out
}

#[test]
fn generated_blocks_are_fresh() {
    let mut count = 0;
    for page in pages::all() {
        count += page.text.matches("\n<!-- begin ").count();
        hold(&page.path, &page.text, &regenerate(&page));
    }
    assert!(count >= 8, "only {count} generated blocks were found");
}

#[test]
fn the_picture_of_the_terminal_is_fresh() {
    const PATH: &str = "docs/src/images/terminal.svg";
    let present = fs::read_to_string(repository().join(PATH)).unwrap_or_default();
    hold(PATH, &present, &terminal::picture());
}
