//! Everything that installs the program: its version, its packages, its installers, and the texts that name them.

mod packages;
mod release;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::actions::file;
use crate::support::command::{backup_check, repository, run};

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the trimmed output of a command in the repository that must succeed.
fn ask(program: &str, arguments: &[&str]) -> String {
    let run = run(Command::new(program)
        .args(arguments)
        .env("TZ", "UTC")
        .current_dir(repository()));
    assert_eq!(run.code, 0, "{program} {arguments:?}: {}", run.stderr);
    run.stdout.trim().to_owned()
}

/// Returns the targets that the release workflow builds.
fn built_targets() -> BTreeSet<String> {
    let workflow = file(".github/workflows/release.yml");
    let matrix = &workflow["jobs"]["build"]["strategy"]["matrix"]["include"];
    let rows = matrix.as_array().unwrap().iter();
    rows.map(|row| row["target"].as_str().unwrap().to_owned())
        .collect()
}

/// Returns the name of a target's archive.
fn name_archive(target: &str) -> String {
    let suffix = if target.contains("windows") {
        "zip"
    } else {
        "tar.gz"
    };
    format!("backup-check-{target}.{suffix}")
}

#[test]
fn the_version_names_the_commit_and_its_date() {
    let folder = tempfile::tempdir().unwrap();
    let print = |flag: &str| run(backup_check(folder.path()).arg(flag)).stdout;
    assert_eq!(print("-V"), format!("backup-check {VERSION}\n"));
    let commit = ask(
        "git",
        &[
            "log",
            "-1",
            "--abbrev=10",
            "--date=format-local:%Y-%m-%d",
            "--format=%h %cd",
        ],
    );
    assert_eq!(
        print("--version"),
        format!("backup-check {VERSION} ({commit})\n")
    );
}

#[test]
fn the_version_of_a_crate_or_a_source_archive_is_that_of_its_commit() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("build-script");
    let build = repository().join("build.rs");
    ask(
        "rustc",
        &[
            "--edition=2024",
            "-o",
            script.to_str().unwrap(),
            build.to_str().unwrap(),
        ],
    );
    // The crate is unpacked in a repository of something else, whose commit must not be shown.
    let package = folder.path().join("package");
    fs::create_dir(&package).unwrap();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.com"]);
        let run = run(git.args(arguments).current_dir(folder.path()));
        assert_eq!(run.code, 0, "{run:?}");
    };
    git(&["init", "--quiet"]);
    git(&["commit", "--quiet", "--allow-empty", "--message=other"]);
    let name_version = |commit: Option<&str>| {
        let mut command = Command::new(&script);
        command
            .env("CARGO_MANIFEST_DIR", &package)
            .env("CARGO_PKG_VERSION", "1.2.3")
            .env_remove("BACKUP_CHECK_COMMIT")
            .envs(commit.map(|it| ("BACKUP_CHECK_COMMIT", it)));
        let run = run(&mut command);
        let (_, version) = run.stdout.split_once("BACKUP_CHECK_VERSION=").unwrap();
        version.trim_end().to_owned()
    };
    assert_eq!(name_version(None), "1.2.3");
    assert_eq!(
        name_version(Some("0123456789 2026-11-29")),
        "1.2.3 (0123456789 2026-11-29)"
    );
    let vcs = r#"{"git": {"sha1": "89abcdef0123456789abcdef0123456789abcdef"}, "path_in_vcs": ""}"#;
    fs::write(package.join(".cargo_vcs_info.json"), vcs).unwrap();
    assert_eq!(name_version(None), "1.2.3 (89abcdef01)");
}

#[test]
fn the_crate_has_what_it_compiles_and_nothing_else() {
    let list = ask(
        env!("CARGO"),
        &["package", "--list", "--allow-dirty", "--offline"],
    );
    let files: BTreeSet<&str> = list.lines().collect();
    for file in ["build.rs", "LICENSE", "README.md", "src/main.rs"] {
        assert!(files.contains(file), "{file}");
    }
    let sources = ask("git", &["ls-files", "src"]);
    for source in sources.lines() {
        assert!(files.contains(source), "{source} is not in the crate");
    }
    for file in files {
        let folder = file.split('/').next().unwrap();
        assert!(
            !["fixtures", "tests", "docs", "deploy", ".github", "fuzz"].contains(&folder),
            "{file} is in the crate"
        );
    }
}

#[test]
fn binstall_finds_the_archives_of_the_release() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let manifest = serde_json::to_value(manifest).unwrap();
    let package = &manifest["package"];
    let binstall = &package["metadata"]["binstall"];
    let targets = built_targets();
    assert_eq!(targets.len(), 5);
    for target in &targets {
        let format = match &binstall["overrides"][target]["pkg-fmt"] {
            Value::String(it) => it,
            _ => binstall["pkg-fmt"].as_str().unwrap(),
        };
        let windows = target.contains("windows");
        let suffix = match format {
            "tgz" => ".tar.gz",
            "zip" => ".zip",
            other => panic!("{other}"),
        };
        let expand = |template: &Value| {
            let mut text = template.as_str().unwrap().to_owned();
            for (name, value) in [
                ("repo", package["repository"].as_str().unwrap()),
                ("name", "backup-check"),
                ("bin", "backup-check"),
                ("version", "1.2.3"),
                ("target", target),
                ("archive-suffix", suffix),
                ("binary-ext", if windows { ".exe" } else { "" }),
            ] {
                text = text.replace(&format!("{{ {name} }}"), value);
            }
            text
        };
        assert_eq!(
            expand(&binstall["pkg-url"]),
            format!(
                "https://github.com/ORG/backup-check/releases/download/v1.2.3/{}",
                name_archive(target)
            )
        );
        let program = if windows {
            "backup-check.exe"
        } else {
            "backup-check"
        };
        assert_eq!(
            expand(&binstall["bin-dir"]),
            format!("backup-check-{target}/{program}")
        );
    }
}

#[test]
fn every_installer_knows_the_targets_of_the_release() {
    let targets = built_targets();
    let named = |text: &str| -> BTreeSet<String> {
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_".contains(c)));
        words
            .map(|word| word.trim_start_matches("backup-check-"))
            .filter(|word| word.starts_with("x86_64-") || word.starts_with("aarch64-"))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(named(&read("deploy/install.sh")), targets);
    let windows: Vec<String> = named(&read("deploy/install.ps1")).into_iter().collect();
    assert_eq!(windows, ["x86_64-pc-windows-msvc"]);
    assert!(targets.is_subset(&named(&read("deploy/pack.py"))));
}

#[test]
fn the_powershell_installer_verifies_before_it_installs() {
    let text = read("deploy/install.ps1");
    let at = |part: &str| {
        text.find(part)
            .unwrap_or_else(|| panic!("install.ps1 has no {part}"))
    };
    assert!(at("'SHA256SUMS')") < at("Get-FileHash -Algorithm SHA256"));
    assert!(at("if ($actual -ne $expected) { throw") < at("Expand-Archive"));
    assert!(at("if (-not $expected) { throw") < at("Expand-Archive"));
    assert!(at("$ErrorActionPreference = 'Stop'") < at("Invoke-WebRequest -Use"));
    // `iex` runs what has arrived: nothing may run before the last line.
    assert!(text.ends_with("}\n\nInstall-BackupCheck\n"));
}

#[test]
fn the_owner_of_the_repository_is_a_placeholder_that_one_command_replaces() {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path();
    // This file names the placeholder itself.
    let listed = ask("git", &["ls-files", "--", ":!tests", ":!fixtures"]);
    let mut count = 0;
    for path in listed.lines() {
        let Ok(text) = fs::read_to_string(repository().join(path)) else {
            continue;
        };
        if names_owner(&text, "ORG") || path.starts_with("deploy/") {
            let to = copy.join(path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(repository().join(path), to).unwrap();
            count += 1;
        }
    }
    assert!(count > 8, "only {count} files name the owner");
    let in_copy = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        run(command.args(arguments).current_dir(copy))
    };
    in_copy("git", &["init", "--quiet"]);
    in_copy("git", &["add", "."]);
    for wrong in ["", "a/b", "a b", "$(touch x)"] {
        assert_eq!(in_copy("deploy/set-owner", &[wrong]).code, 2, "{wrong}");
    }
    let set = in_copy("deploy/set-owner", &["Example-Org"]);
    assert_eq!((set.code, &*set.stderr), (0, ""));
    for path in in_copy("git", &["ls-files"]).stdout.lines() {
        let text = fs::read_to_string(copy.join(path)).unwrap();
        assert!(
            path == "deploy/set-owner" || !names_owner(&text, "ORG"),
            "{path}"
        );
    }
    let manifest = fs::read_to_string(copy.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("repository = \"https://github.com/Example-Org/backup-check\""));
    assert!(manifest.contains("documentation = \"https://example-org.github.io/backup-check/\""));
    let guide = fs::read_to_string(copy.join("docs/src/install.md")).unwrap();
    assert!(guide.contains("ghcr.io/example-org/backup-check:"));
}

fn names_owner(text: &str, owner: &str) -> bool {
    text.contains(&format!("{owner}/backup-check"))
        || text.contains(&format!("{owner}.github.io/backup-check"))
}

/// A program that is small to pack and is the built one when it runs.
fn write_stand_in(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join("backup-check");
    let built = env!("CARGO_BIN_EXE_backup-check");
    fs::write(&path, format!("#!/bin/sh\nexec '{built}' \"$@\"\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}
