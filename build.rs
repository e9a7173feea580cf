//! Puts the commit and its date into `backup-check --version`.
//!
//! They come from `BACKUP_CHECK_COMMIT` (such as `0123456789 2026-11-29`, for builds of source archives), from the
//! file that cargo adds to a published crate, or from git. The time and the machine of the build are not recorded:
//! the same commit gives the same program.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script reads its environment and answers on stdout"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// Hexadecimal digits of a commit.
const DIGITS: usize = 10;

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let package = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=BACKUP_CHECK_COMMIT");
    let commit = env::var("BACKUP_CHECK_COMMIT")
        .ok()
        .filter(|it| !it.is_empty())
        .or_else(|| read_crate_commit(&root))
        .or_else(|| read_git_commit(&root));
    let version = commit.map_or_else(|| package.clone(), |it| format!("{package} ({it})"));
    println!("cargo:rustc-env=BACKUP_CHECK_VERSION={version}");
}

/// Returns the commit of a crate from a registry, which does not name its date.
fn read_crate_commit(root: &Path) -> Option<String> {
    let text = fs::read_to_string(root.join(".cargo_vcs_info.json")).ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    commit.get(..DIGITS).map(str::to_owned)
}

/// Returns the commit of a clone and its day in UTC. A repository around the package is not its own.
fn read_git_commit(root: &Path) -> Option<String> {
    let top = ask_git(root, &["rev-parse", "--show-toplevel"])?;
    if fs::canonicalize(top).ok()? != fs::canonicalize(root).ok()? {
        return None;
    }
    // The log of HEAD grows with every commit, checkout and reset; HEAD itself changes only with the branch.
    for file in ["logs/HEAD", "HEAD"] {
        let file = root.join(ask_git(root, &["rev-parse", "--git-path", file])?);
        if file.is_file() {
            println!("cargo:rerun-if-changed={}", file.display());
            break;
        }
    }
    let format = format!("--abbrev={DIGITS}");
    let date = "--date=format-local:%Y-%m-%d";
    ask_git(root, &["log", "-1", &format, date, "--format=%h %cd"])
}

fn ask_git(root: &Path, arguments: &[&str]) -> Option<String> {
    let mut git = Command::new("git");
    git.args(["-c", "log.showSignature=false"]).args(arguments);
    let answer = git.current_dir(root).env("TZ", "UTC").output().ok()?;
    let text = String::from_utf8(answer.stdout).ok()?;
    let line = text.trim();
    (answer.status.success() && !line.is_empty()).then(|| line.to_owned())
}
