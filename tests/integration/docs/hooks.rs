//! The hook of pre-commit, run as pre-commit runs it.

use super::commands::shell;
use super::pages::Page;

/// Returns the command of the hook.
fn read_entry() -> String {
    let text = Page::read(".pre-commit-hooks.yaml").text;
    let entry = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("entry: "));
    entry.expect("an entry").to_owned()
}

#[test]
fn the_hook_checks_each_file_with_its_arguments() {
    let entry = read_entry();
    for (arguments, code, parts) in [
        // A volume of this plan is tagged and not encrypted.
        (
            "--scope enabled fixtures/terraform/breaches.json".to_owned(),
            1,
            &["Exit code 1"][..],
        ),
        (
            "fixtures/accounts/clean.json".to_owned(),
            0,
            &["444455556666"],
        ),
        // The first file fails, the second does not.
        (
            "fixtures/accounts/mixed.json fixtures/accounts/clean.json".to_owned(),
            1,
            &["111122223333", "444455556666"],
        ),
        ("--nonsense fixtures/accounts/clean.json".to_owned(), 2, &[]),
    ] {
        let run = shell(&format!("{entry} {arguments}"));
        assert_eq!(run.code, code, "{arguments}: {run:?}");
        for part in parts {
            assert!(run.stdout.contains(part), "{part}: {}", run.stdout);
        }
    }
}

#[test]
fn the_guide_shows_the_hook() {
    let page = Page::read("docs/src/ci.md");
    let blocks = page.code_blocks("yaml");
    let block = blocks
        .iter()
        .find(|it| it.text.contains("- id: backup-check"));
    assert!(
        block
            .unwrap()
            .text
            .contains("args: [--region, eu-central-1]")
    );
}
