//! Python packages that tests use, installed from PyPI.

use std::fmt::Write;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::command::repository;

/// Returns a Python with the packages of `tests/integration/<name>/requirements.txt`. They are installed once per
/// content of this file.
#[must_use]
pub fn install_python(name: &str) -> PathBuf {
    let requirements = repository().join(format!("tests/integration/{name}/requirements.txt"));
    let pinned = fs::read(&requirements).expect("the requirements are in the repository");
    let mut id = String::new();
    for byte in Sha256::digest(&pinned).iter().take(6) {
        write!(id, "{byte:02x}").expect("a text takes more text");
    }
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{id}"));
    // If two test runs start at once, the second finds what the first installed.
    let lock = File::create(venv.with_extension("lock")).expect("the folder for tests is writable");
    lock.lock().expect("files can be locked");
    let python = venv.join("bin/python");
    let done = venv.join("installed");
    if !done.exists() {
        let mut create = Command::new("python3");
        create.args(["-m", "venv", "--clear"]).arg(&venv);
        let mut install = Command::new(&python);
        install.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--requirement",
        ]);
        install.arg(&requirements);
        for mut command in [create, install] {
            let status = command.stdout(Stdio::null()).status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "these tests need python3 (3.10 or later) with venv, and {name} from PyPI: {command:?}"
            );
        }
        fs::write(done, "").expect("the environment is writable");
    }
    python
}
