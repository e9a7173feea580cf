//! `backup-check doctor`, as far as it needs no account.

use std::fs;

use super::temporary_folder;
use crate::support::command::{backup_check, run};

#[test]
fn an_invalid_config_is_named_with_its_line_and_nothing_is_called() {
    let folder = temporary_folder();
    fs::write(
        folder.path().join("backup-check.toml"),
        "regions = [\"nowhere\"]\n",
    )
    .unwrap();
    let checked = run(backup_check(folder.path())
        .arg("doctor")
        .env("HTTPS_PROXY", "http://user:secret@proxy:3128")
        .env("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"));
    assert_eq!(checked.code, 2, "{checked:?}");
    let lines: Vec<&str> = checked.stdout.lines().collect();
    assert!(lines[0].starts_with(&format!(
        "program      backup-check {}",
        env!("CARGO_PKG_VERSION")
    )));
    let config = checked.stdout.split("config       ").nth(1).unwrap();
    assert!(
        config.starts_with("invalid: ") && config.contains("nowhere"),
        "{config}"
    );
    assert!(
        checked.stdout.contains("\nstdout       not a terminal"),
        "{}",
        checked.stdout
    );
    assert!(
        checked
            .stdout
            .contains("environment  HTTPS_PROXY=http://***@proxy:3128\n")
    );
    for secret in ["secret", "AKIAEXAMPLE"] {
        assert!(!checked.stdout.contains(secret), "{}", checked.stdout);
    }
    assert!(!checked.stdout.contains("identity"));
}

#[cfg(not(feature = "aws"))]
#[test]
fn the_core_says_that_it_reads_files_only() {
    let folder = temporary_folder();
    let bare = run(backup_check(folder.path()).arg("doctor"));
    assert_eq!((bare.code, &*bare.stderr), (0, ""));
    assert!(
        bare.stdout.contains("config       no backup-check.toml"),
        "{}",
        bare.stdout
    );
    assert!(
        bare.stdout
            .ends_with("accounts     not in this build, which checks files only\n")
    );
    assert!(!bare.stdout.contains("environment  HTTPS_PROXY"));
    fs::write(
        folder.path().join("backup-check.toml"),
        "regions = [\"eu-central-1\"]\n",
    )
    .unwrap();
    let configured = run(backup_check(folder.path()).arg("doctor"));
    assert_eq!(configured.code, 0);
    assert!(
        configured.stdout.contains("backup-check.toml is valid\n"),
        "{}",
        configured.stdout
    );
}
