//! AWS on loopback, as a separate process: accounts with volumes under some keys, and an answer after a delay.

use std::collections::HashMap;
use std::fs;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;

use crate::request::{ACCOUNT, Http, Request};

/// The number of volumes on a page, the largest that a request may ask for.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html>.
pub const PAGE: usize = 500;
/// The number of keys of a region.
pub const KEYS: usize = 20;
/// The number of accounts on a page of `ListAccounts`, the largest that a request may ask for.
///
/// Source: <https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html>.
pub const ACCOUNTS_PAGE: usize = 20;
/// The number of connections at once: more than a scan opens, with its largest `--concurrency` of [`crate::SCANS`].
const CONNECTIONS: usize = 256;
/// The path of a request for the counters.
const COUNTERS: &str = "/counters";

/// What the endpoint serves, from its command line.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Accounts of the organization.
    pub accounts: usize,
    /// Volumes of each region of an account.
    pub volumes: usize,
    /// Milliseconds before each answer.
    pub delay: u64,
    /// One of so many calls is throttled; 0 for none.
    pub throttled: u64,
}

impl Load {
    /// Returns the arguments that start a process with this load.
    pub fn to_args(self) -> [String; 5] {
        [
            "serve".to_owned(),
            self.accounts.to_string(),
            self.volumes.to_string(),
            self.delay.to_string(),
            self.throttled.to_string(),
        ]
    }

    /// Reads the arguments after `serve`.
    pub fn from_args(args: &[String]) -> Self {
        let count = |at: usize| args[at].parse().expect("a number");
        Load {
            accounts: count(0),
            volumes: count(1),
            delay: args[2].parse().expect("a number"),
            throttled: args[3].parse().expect("a number"),
        }
    }
}

struct Server {
    load: Load,
    files: HashMap<String, String>,
    calls: AtomicU64,
    throttled: AtomicU64,
}

/// Serves until the process is killed. The first line on stdout is the address.
pub fn serve(load: Load) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = Server {
        load,
        files: read_fixtures(),
        calls: AtomicU64::new(0),
        throttled: AtomicU64::new(0),
    };
    // All wait for a connection before the address is known, so that starting them is not measured.
    let ready = Barrier::new(CONNECTIONS + 1);
    std::thread::scope(|scope| {
        for _ in 0..CONNECTIONS {
            scope.spawn(|| {
                ready.wait();
                for stream in listener.incoming().flatten() {
                    server.serve_connection(&stream);
                }
            });
        }
        ready.wait();
        println!("{address}");
    });
}

/// Returns the files of `fixtures/aws`, by service and name.
fn read_fixtures() -> HashMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/aws");
    let mut files = HashMap::new();
    for service in fs::read_dir(root).expect("the fixtures are in the clone") {
        let folder = service.expect("it can be read").path();
        let service = folder
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        for file in fs::read_dir(&folder).expect("it is a folder") {
            let path = file.expect("it can be read").path();
            let name = path.file_stem().expect("a name").to_string_lossy();
            let text = fs::read_to_string(&path).expect("it is text");
            files.insert(format!("{service}/{name}"), text);
        }
    }
    files
}

impl Server {
    fn serve_connection(&self, mut stream: &TcpStream) -> Option<()> {
        stream.set_nodelay(true).ok()?;
        let mut reader = BufReader::new(stream);
        loop {
            let http = Http::read_from(&mut reader)?;
            let (status, body) = match http.path.as_str() {
                COUNTERS => {
                    let [calls, throttled] =
                        [&self.calls, &self.throttled].map(|it| it.load(Ordering::Relaxed));
                    (200, format!("{calls} {throttled}"))
                }
                _ => self.answer(&Request::from_http(&http)?),
            };
            let kind = match body.starts_with('{') {
                true => "application/x-amz-json-1.1",
                false => "text/xml",
            };
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
            );
            stream
                .write_all(&[head.as_bytes(), body.as_bytes()].concat())
                .ok()?;
        }
    }

    fn answer(&self, request: &Request) -> (u16, String) {
        std::thread::sleep(Duration::from_millis(self.load.delay));
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let (service, operation) = request.split_operation();
        if self.load.throttled > 0 && call.is_multiple_of(self.load.throttled) {
            self.throttled.fetch_add(1, Ordering::Relaxed);
            let status = if service == "ec2" { 503 } else { 400 };
            return (status, self.files[&format!("{service}/Throttling")].clone());
        }
        match operation {
            "DescribeVolumes" => (200, self.list_volumes(request)),
            "ListAccounts" => (200, self.list_accounts(request)),
            "DescribeKey" | "GetKeyPolicy" => {
                let known = "1234abcd-12ab-34cd-56ef-1234567890ab";
                let name = format!("kms/{operation}-{known}");
                let id = request.subject().unwrap_or(known);
                let text = self.files[&name].replace(known, id);
                (200, request.fill_fixture(&text))
            }
            _ => {
                let named =
                    |suffix: &str| self.files.get(&format!("{service}/{operation}{suffix}"));
                match named("-empty").or_else(|| named("")) {
                    Some(text) if !text.contains("page2") => (200, request.fill_fixture(text)),
                    _ => (403, self.files[&format!("{service}/AccessDenied")].clone()),
                }
            }
        }
    }

    fn list_volumes(&self, request: &Request) -> String {
        let (region, account) = (&request.region, &request.account);
        let start = read_position(request);
        let end = self.load.volumes.min(start + PAGE);
        let mut page = String::from(
            "<DescribeVolumesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><volumeSet>",
        );
        for number in start..end {
            let key = number % KEYS;
            page.push_str(&format!(
                "<item><volumeId>vol-{number:017x}</volumeId><size>80</size><availabilityZone>{region}a</availabilityZone><status>available</status><attachmentSet/><tagSet><item><key>backup</key><value>enabled</value></item></tagSet><volumeType>gp3</volumeType><encrypted>true</encrypted><kmsKeyId>arn:aws:kms:{region}:{account}:key/00000000-0000-4000-8000-{key:012}</kmsKeyId></item>"
            ));
        }
        page.push_str("</volumeSet>");
        if end < self.load.volumes {
            page.push_str(&format!("<nextToken>{end}</nextToken>"));
        }
        page + "</DescribeVolumesResponse>"
    }

    fn list_accounts(&self, request: &Request) -> String {
        let start = read_position(request);
        let end = self.load.accounts.min(start + ACCOUNTS_PAGE);
        let account = |number: usize| {
            // The first is that of the credentials.
            let id = match number {
                0 => ACCOUNT.to_owned(),
                number => format!("2{number:011}"),
            };
            json!({
                "Id": id, "Name": format!("account {number}"), "State": "ACTIVE",
                "Paths": [format!("o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/{id}/")],
            })
        };
        let mut page = json!({"Accounts": (start..end).map(account).collect::<Vec<_>>()});
        if end < self.load.accounts {
            page["NextToken"] = json!(end.to_string());
        }
        page.to_string()
    }
}

/// Returns where the page of a list begins: its token.
fn read_position(request: &Request) -> usize {
    request
        .page_token()
        .map_or(0, |token| token.parse().expect("ours"))
}
