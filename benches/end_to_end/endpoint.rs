//! AWS on loopback, as a separate process: volumes under some keys, and an answer after a delay.

use std::collections::HashMap;
use std::fs;
use std::io::{BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::request::{Http, Request};

/// The number of volumes on a page, the largest that a request may ask for.
///
/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html>.
pub const PAGE: usize = 500;
/// The number of keys of a region.
pub const KEYS: usize = 20;
/// The path of a request for the counters.
const COUNTERS: &str = "/counters";

/// What the endpoint serves, from its command line.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Volumes of each region.
    pub volumes: usize,
    /// Milliseconds before each answer.
    pub delay: u64,
    /// One of so many calls is throttled; 0 for none.
    pub throttled: u64,
}

impl Load {
    /// Returns the arguments that start a process with this load.
    pub fn to_args(self) -> [String; 4] {
        let [volumes, delay, throttled] = [self.volumes as u64, self.delay, self.throttled];
        [
            "serve".to_owned(),
            volumes.to_string(),
            delay.to_string(),
            throttled.to_string(),
        ]
    }

    /// Reads the arguments after `serve`.
    pub fn from_args(args: &[String]) -> Self {
        let number = |at: usize| args[at].parse().expect("a number");
        Load {
            volumes: args[0].parse().expect("a number"),
            delay: number(1),
            throttled: number(2),
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
    println!("{}", listener.local_addr().expect("it is bound"));
    let server = Arc::new(Server {
        load,
        files: read_fixtures(),
        calls: AtomicU64::new(0),
        throttled: AtomicU64::new(0),
    });
    for stream in listener.incoming().flatten() {
        let server = Arc::clone(&server);
        std::thread::spawn(move || server.serve_connection(&stream));
    }
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
        let region = &request.region;
        match operation {
            "DescribeVolumes" => (200, self.list_volumes(request)),
            "DescribeKey" | "GetKeyPolicy" => {
                let known = "1234abcd-12ab-34cd-56ef-1234567890ab";
                let name = format!("kms/{operation}-{known}");
                let id = request.subject().unwrap_or(known);
                (
                    200,
                    self.files[&name]
                        .replace(known, id)
                        .replace("{region}", region),
                )
            }
            _ => {
                let named =
                    |suffix: &str| self.files.get(&format!("{service}/{operation}{suffix}"));
                match named("-empty").or_else(|| named("")) {
                    Some(text) if !text.contains("page2") => {
                        (200, text.replace("{region}", region))
                    }
                    _ => (403, self.files[&format!("{service}/AccessDenied")].clone()),
                }
            }
        }
    }

    fn list_volumes(&self, request: &Request) -> String {
        let region = &request.region;
        let start: usize = request
            .page_token()
            .map_or(0, |token| token.parse().expect("ours"));
        let end = self.load.volumes.min(start + PAGE);
        let mut page = String::from(
            "<DescribeVolumesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><volumeSet>",
        );
        for number in start..end {
            let key = number % KEYS;
            page.push_str(&format!(
                "<item><volumeId>vol-{number:017x}</volumeId><size>80</size><availabilityZone>{region}a</availabilityZone><status>available</status><attachmentSet/><tagSet><item><key>backup</key><value>enabled</value></item></tagSet><volumeType>gp3</volumeType><encrypted>true</encrypted><kmsKeyId>arn:aws:kms:{region}:111122223333:key/00000000-0000-4000-8000-{key:012}</kmsKeyId></item>"
            ));
        }
        page.push_str("</volumeSet>");
        if end < self.load.volumes {
            page.push_str(&format!("<nextToken>{end}</nextToken>"));
        }
        page + "</DescribeVolumesResponse>"
    }
}
