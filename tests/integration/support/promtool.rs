//! promtool, the checker of Prometheus. No registry of packages has it; Debian has it in the package prometheus.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use super::apt::run_apt;
use super::command::run_with_input;

/// Checks metrics with promtool. Tests of the core alone, which need no network, use it only where it is installed.
pub fn check_metrics(text: &str) {
    static PROMTOOL: OnceLock<Option<PathBuf>> = OnceLock::new();
    if let Some(promtool) = PROMTOOL.get_or_init(find_executable) {
        let checked = run_with_input(Command::new(promtool).args(["check", "metrics"]), text);
        assert_eq!((checked.code, checked.stderr.as_str()), (0, ""));
    }
}

fn find_executable() -> Option<PathBuf> {
    let installed = PathBuf::from("promtool");
    if Command::new(&installed).arg("--version").output().is_ok() {
        return Some(installed);
    }
    let is_debian = Path::new("/etc/debian_version").is_file();
    (is_debian && cfg!(feature = "aws")).then(unpack)
}

/// Unpacks the package: its installation would start a server.
fn unpack() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prometheus");
    let unpacked = folder.join("usr/bin/promtool");
    if unpacked.is_file() {
        return unpacked;
    }
    let parts = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let is_there = (run_apt(parts.path(), &["download", "prometheus"])
        || run_apt(parts.path(), &["update"])
            && run_apt(parts.path(), &["download", "prometheus"]))
        && Command::new("sh")
            .args(["-c", "dpkg-deb --extract prometheus_*.deb files"])
            .current_dir(parts.path())
            .status()
            .is_ok_and(|it| it.success());
    assert!(
        is_there,
        "the tests of the metrics need promtool: install the package `prometheus`"
    );
    // Another test run may have been faster.
    let _ = std::fs::rename(parts.path().join("files"), &folder);
    unpacked
}
