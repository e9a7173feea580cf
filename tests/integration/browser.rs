//! A headless Chromium without a network, controlled over its debugging pipe.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::apt::run_apt;

/// The names of browser executables.
const NAMES: [&str; 5] = [
    "chromium",
    "google-chrome",
    "google-chrome-stable",
    "chromium-browser",
    "chrome",
];
const ON_A_MAC: &str = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome";

/// A browser that says nothing for this long will never say anything: it answers in milliseconds, and a loaded
/// machine delays it by seconds.
const LIMIT: Duration = Duration::from_secs(60);
/// How often a browser that got stuck before its first page is replaced by a new one.
const STARTS: usize = 4;

/// Returns the browser. Installs the Debian package if there is none.
fn find_executable() -> PathBuf {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        let named = PathBuf::from(named);
        assert!(
            named.is_file(),
            "CHROMIUM is not a file: {}",
            named.display()
        );
        return named;
    }
    // If two test runs start at once, the second finds what the first installed.
    let lock = Path::new(env!("CARGO_TARGET_TMPDIR")).join("chromium.lock");
    let lock = File::create(lock).unwrap();
    lock.lock().unwrap();
    if let Some(found) = find_installed() {
        return found;
    }
    for arguments in [
        &["update"][..],
        &["install", "-y", "--no-install-recommends", "chromium"],
    ] {
        assert!(
            run_apt(Path::new("/"), arguments),
            "the tests of the HTML report need Chromium or Chrome: install the package `chromium` or set the variable CHROMIUM to a browser (apt-get {} failed)",
            arguments.join(" ")
        );
    }
    find_installed().expect("the package chromium contains a program of that name")
}

fn find_installed() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .chain([PathBuf::from(ON_A_MAC)])
        .find(|file| file.is_file())
}

/// Returns the bytes of a text in base64, as the browser sends files.
pub fn decode_base64(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut group, mut bits) = (0u32, 0);
    for digit in text.bytes().filter(|it| *it != b'=') {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            other => panic!("{other} is no digit of base64"),
        };
        group = group << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((group >> bits) as u8);
        }
    }
    bytes
}

/// A browser with one page.
pub struct Browser {
    process: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Value>,
    session: Option<String>,
    sent: u64,
    /// The events that the page sent.
    events: Vec<Value>,
    folder: TempDir,
}

impl Browser {
    pub fn start() -> Self {
        let executable = find_executable();
        (0..STARTS)
            .find_map(|_| {
                let mut browser = Browser::spawn(&executable);
                browser.open_page().then_some(browser)
            })
            .unwrap_or_else(|| panic!("none of {STARTS} browsers opened a page"))
    }

    fn spawn(executable: &Path) -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new("sh");
        // The debugging pipe is the file descriptors 3 and 4.
        command
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#])
            .arg(executable)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--remote-debugging-pipe",
            ])
            .arg(format!(
                "--user-data-dir={}",
                folder.path().join("profile").display()
            ))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // A group, because a browser that is stuck leaves its helper processes behind when it is killed.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut process = command.spawn().unwrap();
        Browser {
            input: process.stdin.take(),
            messages: read_messages(process.stdout.take().unwrap()),
            process,
            session: None,
            sent: 0,
            events: Vec::new(),
            folder,
        }
    }

    /// Opens an empty page. Returns false if the browser does not answer.
    fn open_page(&mut self) -> bool {
        let Some(target) = self.try_call("Target.createTarget", json!({"url": "about:blank"}))
        else {
            return false;
        };
        let attached = self.try_call(
            "Target.attachToTarget",
            json!({"targetId": target["targetId"], "flatten": true}),
        );
        let Some(session) = attached.as_ref().and_then(|it| it["sessionId"].as_str()) else {
            return false;
        };
        self.session = Some(session.to_owned());
        ["Page", "Runtime", "Log", "Network"].iter().all(|domain| {
            self.try_call(&format!("{domain}.enable"), json!({}))
                .is_some()
        })
    }

    /// Calls a method of the DevTools protocol and returns its result.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.try_call(method, params)
            .unwrap_or_else(|| panic!("the browser did not answer {method}"))
    }

    /// Calls a method and returns its result. Returns nothing if the browser exited or is stuck.
    fn try_call(&mut self, method: &str, params: Value) -> Option<Value> {
        self.sent += 1;
        let mut message = json!({"id": self.sent, "method": method, "params": params});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        write!(self.input.as_mut()?, "{message}\0").ok()?;
        loop {
            let mut answer = self.messages.recv_timeout(LIMIT).ok()?;
            if answer["id"] == self.sent {
                assert!(answer["error"].is_null(), "{method}: {}", answer["error"]);
                return Some(answer["result"].take());
            }
            self.events.push(answer);
        }
    }

    fn wait_for(&mut self, event: &str) {
        while !self.events.iter().any(|it| it["method"] == event) {
            let message = self.messages.recv_timeout(LIMIT);
            self.events
                .push(message.unwrap_or_else(|error| panic!("{event}: {error}")));
        }
    }

    /// Writes a page to a file, opens it, and returns its URL.
    pub fn open(&mut self, html: &str) -> String {
        let file = self.folder.path().join("report.html");
        fs::write(&file, html).unwrap();
        let url = format!("file://{}", file.display());
        self.events.clear();
        self.call("Page.navigate", json!({"url": url}));
        self.wait_for("Page.loadEventFired");
        url
    }

    /// Returns the value of an expression in the page; of a promise the value that it resolves to.
    pub fn value(&mut self, expression: &str) -> Value {
        let mut answer = self.call(
            "Runtime.evaluate",
            json!({"expression": expression, "returnByValue": true, "awaitPromise": true}),
        );
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].take()
    }

    /// Presses and releases a key.
    pub fn press(&mut self, key: &str, code: u32) {
        let text = if key == "Enter" { "\r" } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let params = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "text": text});
            self.call("Input.dispatchKeyEvent", params);
        }
    }

    /// Returns the errors, the violations of the security policy and the dialogs of the page.
    pub fn complaints(&self) -> Vec<&Value> {
        let loud = [
            "Log.entryAdded",
            "Runtime.exceptionThrown",
            "Runtime.consoleAPICalled",
            "Page.javascriptDialogOpening",
        ];
        self.events
            .iter()
            .filter(|it| loud.iter().any(|method| it["method"] == *method))
            .collect()
    }

    /// Returns the URLs that were requested.
    pub fn requests(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter(|it| it["method"] == "Network.requestWillBeSent")
            .filter_map(|it| it["params"]["request"]["url"].as_str())
            .collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.input.take();
        // The user data is in a temporary folder, so nothing is lost.
        if cfg!(unix) {
            let group = format!("-{}", self.process.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        } else {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}

/// Returns the messages of a browser as they arrive, so that waiting for one can end.
fn read_messages(output: ChildStdout) -> Receiver<Value> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        for message in BufReader::new(output).split(0).map_while(Result::ok) {
            let message = serde_json::from_slice(&message).expect("the browser sends JSON");
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    receiver
}
