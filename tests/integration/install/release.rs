//! The shell installer, the action and the GitLab component, against a release on loopback.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

use super::packages::pack_archive;
use super::read;
use crate::actions::in_bash::{bash, program};
use crate::actions::{file, step};
use crate::support::command::{Run, repository, run};

/// A release that is served as GitHub serves it, under the tag v1.2.3 and as the latest.
struct Release {
    folder: TempDir,
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Release {
    fn serve() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = folder.path().join("files");
        fs::create_dir(&files).unwrap();
        // The name that the installer asks for on this machine.
        let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        pack_archive(&files, &target);
        fs::copy(
            repository().join("deploy/install.sh"),
            files.join("install.sh"),
        )
        .unwrap();
        let sums = Command::new("sh")
            .args(["-c", "sha256sum * > SHA256SUMS"])
            .current_dir(&files)
            .status();
        assert!(sums.unwrap().success());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/o/r/releases", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(&stream).lines();
                let first = lines.next().unwrap().unwrap();
                // The rest of the request is read, so that closing the connection does not reset it.
                while lines
                    .next()
                    .is_some_and(|it| it.is_ok_and(|it| !it.is_empty()))
                {}
                let path = first.split(' ').nth(1).unwrap().to_owned();
                let name = [
                    "/o/r/releases/latest/download/",
                    "/o/r/releases/download/v1.2.3/",
                ]
                .iter()
                .find_map(|it| path.strip_prefix(it));
                let content = name.and_then(|it| fs::read(files.join(it)).ok());
                seen.lock().unwrap().push(path);
                let (status, content) = match content {
                    Some(content) => ("200 OK", content),
                    None => ("404 Not Found", Vec::new()),
                };
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    content.len()
                );
                stream.write_all(head.as_bytes()).unwrap();
                stream.write_all(&content).unwrap();
            }
        });
        Release {
            folder,
            address,
            requests,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    fn archive() -> String {
        format!(
            "backup-check-{}-unknown-linux-musl.tar.gz",
            std::env::consts::ARCH
        )
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }

    /// Runs the installer in an empty home.
    fn install(&self, home: &Path, arguments: &[&str]) -> Run {
        run(Command::new("sh")
            .arg(repository().join("deploy/install.sh"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("BACKUP_CHECK_RELEASES", &self.address)
            .current_dir(home))
    }
}

fn list_folder(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn the_installer_installs_the_program_completions_and_the_man_page() {
    let release = Release::serve();
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let latest = release.install(home, &[]);
    assert_eq!((latest.code, &*latest.stderr), (0, ""), "{latest:?}");
    let program = home.join(".local/bin/backup-check");
    let version = run(Command::new(&program).arg("--version")).stdout;
    assert_eq!(
        latest.stdout,
        format!(
            "{version}installed {}\n{} is not in PATH\n",
            program.display(),
            home.join(".local/bin").display()
        )
    );
    for file in [
        "man/man1/backup-check.1",
        "bash-completion/completions/backup-check",
        "zsh/site-functions/_backup-check",
        "fish/vendor_completions.d/backup-check.fish",
    ] {
        let file = home.join(".local/share").join(file);
        assert!(
            fs::metadata(&file).unwrap().len() > 1000,
            "{}",
            file.display()
        );
    }
    // Nothing is left where it was unpacked.
    assert_eq!(list_folder(home), [".local"]);
    let archive = Release::archive();
    let asked = [&archive, "SHA256SUMS"].map(|it| format!("/o/r/releases/latest/download/{it}"));
    assert_eq!(release.requests(), asked);
    // A second installation replaces the first; a relative folder is one of the working directory.
    assert_eq!(release.install(home, &[]).code, 0);
    release.requests();
    let tagged = release.install(home, &["--version", "v1.2.3", "--to", "here"]);
    assert_eq!(tagged.code, 0, "{tagged:?}");
    assert!(home.join("here/bin/backup-check").is_file());
    assert!(release.requests()[0].contains("/download/v1.2.3/"));
}

#[test]
fn a_release_that_fails_verification_is_not_installed() {
    let release = Release::serve();
    let archive = Release::archive();
    let sums = release.file("SHA256SUMS");
    let honest = fs::read_to_string(&sums).unwrap();
    let refuse = |sums_now: &str, words: &str| {
        fs::write(&sums, sums_now).unwrap();
        let home = tempfile::tempdir().unwrap();
        let refused = release.install(home.path(), &[]);
        assert_eq!((refused.code, &*refused.stdout), (2, ""), "{refused:?}");
        assert_eq!(refused.stderr, format!("error: {words}\n"));
        assert!(list_folder(home.path()).is_empty());
    };
    let differs = format!("the checksum of {archive} does not match SHA256SUMS");
    refuse(&format!("{}  {archive}\n", "0".repeat(64)), &differs);
    let unlisted = format!("SHA256SUMS of the release does not list {archive}");
    refuse(&honest.replace(&archive, "backup-check-other"), &unlisted);
    refuse("", &unlisted);
    fs::write(&sums, &honest).unwrap();
    let mut packed = fs::read(release.file(&archive)).unwrap();
    let middle = packed.len() / 2;
    packed[middle] ^= 1;
    fs::write(release.file(&archive), packed).unwrap();
    let home = tempfile::tempdir().unwrap();
    let changed = release.install(home.path(), &[]);
    assert_eq!(changed.code, 2);
    assert!(changed.stderr.contains(&differs), "{changed:?}");
}

#[test]
fn a_missing_release_and_wrong_arguments_are_errors() {
    let release = Release::serve();
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let missing = release.install(home, &["--version", "v9.9.9"]);
    assert_eq!(missing.code, 2);
    let words = format!(
        "failed to download {} of release v9.9.9",
        Release::archive()
    );
    assert!(missing.stderr.contains(&words), "{missing:?}");
    release.requests();
    for version in ["", "1.2.3", "--help", "v1;touch owned", "v1/../../evil"] {
        let refused = release.install(home, &["--version", version]);
        assert_eq!(refused.code, 2, "{version}");
        assert!(refused.stderr.contains("version must be latest or a tag"));
    }
    for arguments in [&["--nonsense"][..], &["--to"], &["v1.2.3"]] {
        assert_eq!(release.install(home, arguments).code, 2, "{arguments:?}");
    }
    assert!(release.requests().is_empty());
    assert!(list_folder(home).is_empty());
}

#[test]
fn an_installer_that_was_cut_short_runs_nothing() {
    let text = read("deploy/install.sh");
    let home = tempfile::tempdir().unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for end in 0..lines.len() {
        let cut = home.path().join("cut.sh");
        fs::write(&cut, lines[..end].join("\n")).unwrap();
        // A program that was called would not be found.
        let mut shell = Command::new("/bin/sh");
        shell.arg(&cut).env("PATH", "/nonexistent");
        let ended = run(&mut shell);
        assert_eq!(ended.stdout, "", "line {end}");
        assert!(!ended.stderr.contains("not found"), "line {end}: {ended:?}");
    }
}

/// Runs the step of the action that installs, as a runner of GitHub runs it.
fn install_step(folder: &Path, release: &Release, env: &[(&str, &str)]) -> Run {
    let (server, repository_path) = release.address.split_once("/o/r").unwrap();
    assert_eq!(repository_path, "/releases");
    let action = repository().to_str().unwrap();
    let mut all = vec![
        ("GITHUB_ACTION_PATH", action),
        ("BACKUP_CHECK_VERSION", "latest"),
        ("GH_REPO", "o/r"),
        ("SERVER", server),
        ("GH_TOKEN", ""),
    ];
    all.extend(env);
    bash(folder, step("install")["run"].as_str().unwrap(), &all)
}

#[test]
fn the_action_installs_a_release_that_it_verified() {
    let release = Release::serve();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let installed = install_step(folder, &release, &[]);
    assert_eq!(installed.code, 0, "{installed:?}");
    let bin = folder.join("backup-check/bin");
    let output = fs::read_to_string(folder.join("output")).unwrap();
    assert_eq!(output, format!("program={}/backup-check\n", bin.display()));
    let path = fs::read_to_string(folder.join("path")).unwrap();
    assert_eq!(path, format!("{}\n", bin.display()));
    let version = run(Command::new(bin.join("backup-check")).arg("--version"));
    assert_eq!(version.code, 0);
    assert!(installed.stdout.starts_with(&version.stdout));
    let tagged = [("BACKUP_CHECK_VERSION", "v1.2.3")];
    release.requests();
    assert_eq!(install_step(folder, &release, &tagged).code, 0);
    assert!(release.requests()[0].contains("/download/v1.2.3/"));
}

#[test]
fn the_action_annotates_why_it_cannot_install() {
    let release = Release::serve();
    let sums = release.file("SHA256SUMS");
    fs::write(
        &sums,
        format!("{}  {}\n", "0".repeat(64), Release::archive()),
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (version, words) in [
        ("latest", "does not match SHA256SUMS"),
        ("v1 --repo evil/evil", "version must be latest or a tag"),
    ] {
        let refused = install_step(folder, &release, &[("BACKUP_CHECK_VERSION", version)]);
        assert_eq!(refused.code, 2, "{refused:?}");
        let line = refused.stdout.lines().last().unwrap();
        assert!(line.starts_with("::error title=backup-check::"), "{line}");
        assert!(line.contains(words), "{line}");
    }
    assert!(!folder.join("path").exists());
}

#[test]
fn a_token_downloads_the_release_of_a_private_repository() {
    let release = Release::serve();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let files = release.folder.path().join("files");
    let download = format!(
        "printf '%s ' \"$@\" >> {0}/asked; for last; do :; done; cp \"{1}/$last\" .",
        folder.display(),
        files.display()
    );
    program(folder, "gh", &download);
    for (version, tag) in [("latest", ""), ("v1.2.3", "v1.2.3 ")] {
        let env = [("GH_TOKEN", "t"), ("BACKUP_CHECK_VERSION", version)];
        let installed = install_step(folder, &release, &env);
        assert_eq!(installed.code, 0, "{installed:?}");
        let asked = fs::read_to_string(folder.join("asked")).unwrap();
        let call = format!("release download {tag}--repo o/r --pattern");
        let expected = format!("{call} {} {call} SHA256SUMS ", Release::archive());
        assert_eq!(asked, expected);
        fs::remove_file(folder.join("asked")).unwrap();
    }
    assert!(release.requests().is_empty());
}

#[test]
fn the_component_installs_and_scans() {
    let release = Release::serve();
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let text = read("templates/backup-check.yml");
    let (inputs, job) = text.split_once("\n---\n").unwrap();
    let (spec, job) = (crate::actions::yaml(inputs), crate::actions::yaml(job));
    let job = &job["backup-check"];
    let script = job["script"][0].as_str().unwrap();
    assert!(!script.contains("$[["), "an input is not part of a script");
    for input in spec["spec"]["inputs"].as_object().unwrap().keys() {
        assert!(
            job.to_string().contains(&format!("$[[ inputs.{input} ]]")),
            "{input}"
        );
    }
    let mixed = repository().join("fixtures/accounts/mixed.json");
    let arguments = format!("--from {} --region eu-central-1", mixed.display());
    for version in ["latest", "v1.2.3"] {
        let ended = run(Command::new("sh")
            .args(["-c", script])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", folder)
            .env("CI_PROJECT_DIR", folder)
            .env("BACKUP_CHECK_RELEASES", &release.address)
            .env("BACKUP_CHECK_VERSION", version)
            .env("BACKUP_CHECK_ARGUMENTS", &arguments)
            .current_dir(folder));
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(ended.stdout.contains("111122223333"), "{}", ended.stdout);
        for report in ["backup-check.json", "backup-check.xml"] {
            assert!(fs::metadata(folder.join(report)).unwrap().len() > 1000);
            fs::remove_file(folder.join(report)).unwrap();
            assert!(job["artifacts"].to_string().contains(report));
        }
        assert!(!folder.join("install.sh").exists());
    }
}

#[test]
fn the_release_has_every_file_that_installers_ask_for() {
    let workflow = file(".github/workflows/release.yml");
    let steps = workflow["jobs"]["pack"]["steps"].as_array().unwrap();
    let scripts: String = steps
        .iter()
        .filter_map(|it| it["run"].as_str())
        .collect::<Vec<_>>()
        .join("\n");
    for part in [
        "cp deploy/install.sh deploy/install.ps1 release",
        "> SHA256SUMS",
        "\"$pack\" deb backup-check-*-linux-musl.tar.gz",
        "\"$pack\" wheel ../release/backup-check-*.tar.gz",
        "\"$pack\" image /etc/ssl/certs/ca-certificates.crt",
        "\"$pack\" formula SHA256SUMS",
        "backup-check.cdx.json",
    ] {
        assert!(scripts.contains(part), "the release does not make: {part}");
    }
}
