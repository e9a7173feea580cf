//! The packages of a release: built from one archive, unpacked and run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{VERSION, name_archive, read, write_stand_in};
use crate::support::command::{Run, backup_check, repository, run};

/// The time of every file in a package: 2026-11-29.
const EPOCH: &str = "1795910400";

const MUSL: &str = "x86_64-unknown-linux-musl";
const GNU: &str = "x86_64-unknown-linux-gnu";

fn pack(folder: &Path, arguments: &[&str]) -> Run {
    let run = run(Command::new("python3")
        .arg(repository().join("deploy/pack.py"))
        .args(arguments)
        .env("SOURCE_DATE_EPOCH", EPOCH)
        .current_dir(folder));
    assert_eq!(run.code, 0, "{arguments:?}: {}", run.stderr);
    run
}

/// Packs the stand-in as the archive of a target.
pub fn pack_archive(folder: &Path, target: &str) -> PathBuf {
    let program = write_stand_in(folder);
    pack(folder, &["archive", target, program.to_str().unwrap()]);
    fs::remove_file(program).unwrap();
    folder.join(name_archive(target))
}

/// Runs a command that must succeed, without the environment of the developer.
fn succeed(folder: &Path, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> String {
    let mut command = Command::new(&program);
    command.args(arguments).env_clear().env("HOME", folder);
    command.env("PATH", std::env::var_os("PATH").unwrap());
    let run = run(command.current_dir(folder));
    assert_eq!(run.code, 0, "{arguments:?}: {run:?}");
    run.stdout
}

/// Lists the files below a folder.
fn list_files(folder: &Path) -> BTreeSet<String> {
    let list = succeed(folder, "find", &[".", "-type", "f", "-printf", "%P\n"]);
    list.lines().map(str::to_owned).collect()
}

/// Asserts that an installed program, its completions and its man page are those of the built one.
fn assert_installed(program: &Path, bash: &Path, man: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let print = |arguments: &[&str]| run(backup_check(folder.path()).args(arguments)).stdout;
    let version = succeed(folder.path(), program, &["--version"]);
    assert_eq!(version, print(&["--version"]));
    let completions = fs::read_to_string(bash).unwrap();
    assert_eq!(completions, print(&["completions", "bash"]));
    let page = if man.extension().is_some_and(|it| it == "gz") {
        succeed(folder.path(), "gzip", &["-dc", man.to_str().unwrap()])
    } else {
        fs::read_to_string(man).unwrap()
    };
    assert_eq!(page, print(&["man"]));
    let clean = repository().join("fixtures/accounts/clean.json");
    let scan = ["scan", "--from", clean.to_str().unwrap(), "--quiet"];
    succeed(folder.path(), program, &scan);
}

fn temporary() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, path)
}

#[test]
fn an_archive_has_the_program_completions_and_the_man_page() {
    let (_folder, folder) = temporary();
    let archive = pack_archive(&folder, MUSL);
    succeed(&folder, "tar", &["-xzf", archive.to_str().unwrap()]);
    let inside = folder.join(format!("backup-check-{MUSL}"));
    let expected = [
        "CHANGELOG.md",
        "LICENSE",
        "README.md",
        "backup-check",
        "backup-check.1",
        "completions/_backup-check",
        "completions/_backup-check.ps1",
        "completions/backup-check.bash",
        "completions/backup-check.fish",
    ];
    assert_eq!(
        list_files(&inside).into_iter().collect::<Vec<_>>(),
        expected
    );
    assert_installed(
        &inside.join("backup-check"),
        &inside.join("completions/backup-check.bash"),
        &inside.join("backup-check.1"),
    );
}

#[test]
fn the_archive_for_windows_is_a_zip_file_with_the_same_files() {
    let (_folder, folder) = temporary();
    let target = "x86_64-pc-windows-msvc";
    let archive = pack_archive(&folder, target);
    let list = "import sys, zipfile; print('\\n'.join(zipfile.ZipFile(sys.argv[1]).namelist()))";
    let names = succeed(&folder, "python3", &["-c", list, archive.to_str().unwrap()]);
    let names: BTreeSet<&str> = names.lines().collect();
    assert_eq!(names.len(), 9);
    for name in [
        "backup-check.exe",
        "backup-check.1",
        "completions/_backup-check.ps1",
    ] {
        assert!(names.contains(format!("backup-check-{target}/{name}").as_str()));
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (_first, first) = temporary();
    let (_second, second) = temporary();
    for folder in [&first, &second] {
        let archive = pack_archive(folder, MUSL);
        let archive = archive.to_str().unwrap();
        pack(folder, &["deb", archive]);
        pack(folder, &["wheel", archive]);
        let roots = folder.join("roots.crt");
        fs::write(&roots, "roots").unwrap();
        pack(folder, &["image", roots.to_str().unwrap(), archive]);
    }
    let files = list_files(&first);
    // The archive, two packages, the roots and an image of six files.
    assert_eq!(files.len(), 10, "{files:?}");
    for file in files {
        let same = fs::read(first.join(&file)).unwrap() == fs::read(second.join(&file)).unwrap();
        assert!(same, "{file}");
    }
}

#[test]
fn the_debian_package_installs_into_a_folder() {
    let (_folder, folder) = temporary();
    let archive = pack_archive(&folder, MUSL);
    pack(&folder, &["deb", archive.to_str().unwrap()]);
    let package = folder.join(format!("backup-check_{VERSION}_amd64.deb"));
    let package = package.to_str().unwrap();
    let root = folder.join("root");
    let database = root.join("var/lib/dpkg");
    fs::create_dir_all(database.join("updates")).unwrap();
    fs::create_dir_all(database.join("info")).unwrap();
    fs::write(database.join("status"), "").unwrap();
    let to = format!("--root={}", root.display());
    let log = format!("--log={}/log", folder.display());
    let install = [
        &to,
        &log,
        "--force-not-root",
        "--force-bad-path",
        "--force-architecture",
        "--install",
        package,
    ];
    succeed(&folder, "dpkg", &install);
    let query = [&to, "--verify", "backup-check"];
    assert_eq!(succeed(&folder, "dpkg", &query), "");
    assert_installed(
        &root.join("usr/bin/backup-check"),
        &root.join("usr/share/bash-completion/completions/backup-check"),
        &root.join("usr/share/man/man1/backup-check.1.gz"),
    );
    let files = list_files(&root.join("usr"));
    for file in [
        "share/doc/backup-check/changelog.gz",
        "share/doc/backup-check/copyright",
        "share/fish/vendor_completions.d/backup-check.fish",
        "share/zsh/vendor-completions/_backup-check",
    ] {
        assert!(files.contains(file), "{file}");
    }
    let field = |name: &str| succeed(&folder, "dpkg-deb", &["--field", package, name]);
    assert_eq!(field("Version").trim(), VERSION);
    // The program of a release is static; only a build for GNU needs a library.
    assert_eq!(field("Depends").trim(), "");
    let gnu = pack_archive(&folder, GNU);
    pack(&folder, &["deb", gnu.to_str().unwrap()]);
    assert_eq!(field("Depends").trim(), "libc6");
}

#[test]
fn the_wheel_installs_without_a_network() {
    let (_folder, folder) = temporary();
    let archive = pack_archive(&folder, GNU);
    pack(&folder, &["wheel", archive.to_str().unwrap()]);
    let musl = pack_archive(&folder, MUSL);
    pack(&folder, &["wheel", musl.to_str().unwrap()]);
    let venv = folder.join("venv");
    succeed(&folder, "python3", &["-m", "venv", venv.to_str().unwrap()]);
    let pip = venv.join("bin/pip");
    let wheel = |platforms: &str| format!("backup_check-{VERSION}-py3-none-{platforms}.whl");
    let static_wheel = wheel("manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_1_x86_64");
    for file in [wheel("linux_x86_64"), static_wheel] {
        let install = [
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-index",
            "--force-reinstall",
            &file,
        ];
        succeed(&folder, &pip, &install);
        assert_installed(
            &venv.join("bin/backup-check"),
            &venv.join("share/bash-completion/completions/backup-check"),
            &venv.join("share/man/man1/backup-check.1"),
        );
    }
    let show = succeed(&folder, &pip, &["show", "--files", "backup-check"]);
    assert!(show.contains(&format!("Version: {VERSION}\n")), "{show}");
    assert!(show.contains("licenses/LICENSE"), "{show}");
    // `uninstall` finds every file through RECORD.
    succeed(
        &folder,
        &pip,
        &["uninstall", "--quiet", "--yes", "backup-check"],
    );
    assert!(!venv.join("bin/backup-check").exists());
    assert!(!venv.join("share/man/man1/backup-check.1").exists());
}

#[test]
fn the_formula_names_each_archive_with_its_digest() {
    let (_folder, folder) = temporary();
    let sums: String = [
        ("a", "aarch64-apple-darwin"),
        ("b", "aarch64-unknown-linux-musl"),
        ("c", "x86_64-apple-darwin"),
        ("d", "x86_64-pc-windows-msvc"),
        ("e", "x86_64-unknown-linux-musl"),
    ]
    .iter()
    .map(|(digit, target)| format!("{}  {}\n", digit.repeat(64), name_archive(target)))
    .collect();
    fs::write(folder.join("SHA256SUMS"), sums).unwrap();
    pack(&folder, &["formula", "SHA256SUMS"]);
    let formula = fs::read_to_string(folder.join("backup-check.rb")).unwrap();
    let expected = read("tests/integration/install/backup-check.rb");
    assert_eq!(formula, expected.replace("0.1.0", VERSION));
}

/// Reads a blob of the image after checking that it is what its descriptor says.
fn read_blob(image: &Path, descriptor: &Value) -> Vec<u8> {
    let digest = descriptor["digest"].as_str().unwrap();
    let file = image.join("blobs").join(digest.replacen(':', "/", 1));
    let content = fs::read(&file).unwrap();
    assert_eq!(descriptor["size"], content.len(), "{digest}");
    let sum = succeed(image, "sha256sum", &[file.to_str().unwrap()]);
    assert_eq!(sum.split(' ').next(), digest.strip_prefix("sha256:"));
    content
}

#[test]
fn the_image_has_the_static_program_and_the_roots_for_each_architecture() {
    let (_folder, folder) = temporary();
    let roots = folder.join("roots.crt");
    fs::write(&roots, "roots of trust").unwrap();
    let mut arguments = vec!["image".to_owned(), roots.to_str().unwrap().to_owned()];
    for target in ["aarch64-unknown-linux-musl", MUSL] {
        arguments.push(pack_archive(&folder, target).to_str().unwrap().to_owned());
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let printed = pack(&folder, &arguments).stdout;
    let image = folder.join("image");
    let json = |content: Vec<u8>| -> Value { serde_json::from_slice(&content).unwrap() };
    let layout = json(fs::read(image.join("oci-layout")).unwrap());
    assert_eq!(layout["imageLayoutVersion"], "1.0.0");
    let top = json(fs::read(image.join("index.json")).unwrap());
    let named = &top["manifests"][0];
    assert_eq!(printed.trim(), named["digest"]);
    let name = &named["annotations"]["org.opencontainers.image.ref.name"];
    assert_eq!(*name, VERSION);
    let index = json(read_blob(&image, named));
    let mut architectures = Vec::new();
    for descriptor in index["manifests"].as_array().unwrap() {
        let manifest = json(read_blob(&image, descriptor));
        let config = json(read_blob(&image, &manifest["config"]));
        assert_eq!(
            config["architecture"],
            descriptor["platform"]["architecture"]
        );
        architectures.push(config["architecture"].clone());
        let run_as = &config["config"];
        assert_eq!(run_as["User"], "65532:65532");
        assert_eq!(run_as["Entrypoint"][0], "/backup-check");
        assert_eq!(run_as["WorkingDir"], "/work");
        assert!(run_as["Volumes"]["/tmp"].is_object());
        let roots = "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt";
        assert!(
            run_as["Env"]
                .as_array()
                .unwrap()
                .iter()
                .any(|it| it == roots)
        );
        let layer = folder.join("layer.tar.gz");
        fs::write(&layer, read_blob(&image, &manifest["layers"][0])).unwrap();
        let plain = succeed(&folder, "sh", &["-c", "gzip -dc layer.tar.gz | sha256sum"]);
        let plain = plain.split(' ').next().unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{plain}"));
        let list = succeed(&folder, "tar", &["-tzvf", "layer.tar.gz"]);
        let line = list.lines().find(|it| it.ends_with(" backup-check"));
        assert!(line.unwrap().starts_with("-rwxr-xr-x"), "{list}");
        for (folder, mode) in [("work/", "drwxr-xr-x"), ("tmp/", "drwxrwxrwt")] {
            let line = list.lines().find(|it| it.ends_with(&format!(" {folder}")));
            assert!(line.unwrap().starts_with(mode), "{list}");
        }
        let bundle = "etc/ssl/certs/ca-certificates.crt";
        let bundle = succeed(&folder, "tar", &["-xOzf", "layer.tar.gz", bundle]);
        assert_eq!(bundle, "roots of trust");
    }
    assert_eq!(architectures, ["arm64", "amd64"]);
}
