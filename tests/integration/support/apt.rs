//! Debian's packages, for the programs that no other registry has.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs apt-get in a folder. Returns whether it succeeded.
pub fn run_apt(folder: &Path, arguments: &[&str]) -> bool {
    let status = Command::new("apt-get")
        .args(["-q", "-o", "DPkg::Lock::Timeout=300"])
        .args(arguments)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    status.is_ok_and(|it| it.success())
}
