//! The moto server: installs it, starts it, and seeds its accounts.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::command::{Run, backup_check, repository, run};
use crate::support::python::install_python;

use super::expected::Expected;

/// The emulator. Its rules apply to all accounts, so one test uses it at a time.
pub(super) struct Moto {
    port: u16,
    pub(super) python: PathBuf,
    // The server stops when this is closed.
    _stdin: ChildStdin,
    _server: Child,
}

/// Returns the emulator, started on first use, without overlay rules.
pub(super) fn lock_moto() -> MutexGuard<'static, Moto> {
    static MOTO: OnceLock<Mutex<Moto>> = OnceLock::new();
    let moto = MOTO.get_or_init(|| Mutex::new(Moto::start_server()));
    let moto = moto.lock().unwrap_or_else(PoisonError::into_inner);
    moto.set_rules(&json!([]));
    moto
}

impl Moto {
    fn start_server() -> Self {
        let python = install_python("moto");
        let mut server = Command::new(&python)
            .arg(repository().join("tests/integration/moto/server.py"))
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).expect("the server prints its port");
        Moto {
            port: u16::try_from(ready["port"].as_u64().unwrap()).unwrap(),
            python,
            _stdin: server.stdin.take().unwrap(),
            _server: server,
        }
    }

    pub(super) fn endpoint_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends a request to the overlay.
    pub(super) fn control_overlay(&self, method: &str, path: &str, body: &Value) -> String {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} /__overlay__/{path} HTTP/1.1\r\nHost: overlay\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 20"), "{path}: {response}");
        response.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    /// Replaces the rules of the overlay.
    pub(super) fn set_rules(&self, rules: &Value) {
        self.control_overlay("POST", "rules", rules);
    }

    /// Returns the operations sent for an account since the last reset: service and name.
    pub(super) fn sent_operations(&self, account: &str) -> BTreeSet<(String, String)> {
        let sent: Vec<Sent> =
            serde_json::from_str(&self.control_overlay("GET", "operations", &Value::Null)).unwrap();
        let of_account = sent.into_iter().filter(|it| it.account == account);
        of_account.map(|it| (it.service, it.operation)).collect()
    }

    /// Fills an account and returns the expected report.
    pub(super) fn seed_account(&self, account: &str, variant: &str) -> Expected {
        let output = Command::new(&self.python)
            .arg(repository().join("tests/integration/moto/seed.py"))
            .args([
                "--endpoint",
                &self.endpoint_url(),
                "--account",
                account,
                "--variant",
                variant,
            ])
            .env_clear()
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert!(output.status.success(), "seeding {variant} failed");
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Returns a command that uses the emulator.
    pub(super) fn build_command(&self, folder: &Path) -> Command {
        let mut command = backup_check(folder);
        command
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            // Retries would only slow the tests down; the throttling test sets its own number.
            .env("AWS_MAX_ATTEMPTS", "1")
            .env("AWS_ENDPOINT_URL", self.endpoint_url())
            // Decides the region of STS, not the regions that are scanned.
            .env("AWS_REGION", "us-west-2");
        command
    }

    /// Scans an account and returns the run with its JSON report.
    pub(super) fn scan_account(&self, account: &str, flags: &[&str]) -> (Run, Value) {
        let folder = tempfile::tempdir().unwrap();
        let role = format!("arn:aws:iam::{account}:role/Auditor");
        let run = run(self
            .build_command(folder.path())
            .args(["scan", "--role-arn", &role, "--format", "json"])
            // The emulator is one Python process: more calls at once would wait longer than a scan does.
            .args(["--concurrency", "16"])
            .args(flags));
        let report =
            serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"));
        (run, report)
    }
}

/// An operation that the emulator received.
#[derive(Deserialize)]
pub(super) struct Sent {
    pub(super) account: String,
    pub(super) service: String,
    pub(super) operation: String,
}
