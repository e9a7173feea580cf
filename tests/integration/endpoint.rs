//! AWS on loopback: answers signed requests from `fixtures/aws`, and fails where a test says so.
//!
//! What a request is about comes from the request alone: service and region from the scope of its
//! signature, the operation as the service's protocol names it, the page from its token. Nothing
//! hangs on the order in which requests arrive, so clients may be as concurrent as they like.
//!
//! A fixture is `fixtures/aws/<service>/<Operation>[-<subject>][-page2].<xml|json>`, where the subject
//! is the bucket, table, key, gateway, vault, plan, selection, role or stack that the request names, or
//! `enabled` where it asks for that tag. `{region}` in it stands for the region asked.
//! What has no fixture does not exist, and is answered so.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::support::command::repository;

/// How long to wait for a program that is most likely stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// A request as it arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// From the signature: `eu-central-1`.
    pub region: String,
    /// As `iam-policy` and the reports name operations: `ec2:DescribeVolumes`.
    pub operation: String,
    /// What was asked: form fields, fields of the JSON body, the query; `Bucket` for a bucket.
    pub parameters: BTreeMap<String, String>,
}

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The service's own way to say that the caller may not.
    Denied,
    /// The service's own way to ask for fewer calls.
    Throttled,
    /// A fixture of the service by its name: an answer, or an error by its code.
    Fixture(&'static str),
    /// The operation's fixture for an account that has none of it.
    Empty,
    /// An answer that breaks off, although all of it arrived.
    Malformed,
    /// The connection ends in the middle of the body.
    Cut,
    /// The connection ends without an answer, as from a region that is down.
    Dead,
    /// No answer, ever; the connection stays open.
    Never,
    /// A status with headers and no body: all that HEAD may have.
    Bare(u16, &'static [(&'static str, &'static str)]),
    /// What a proxy between here and AWS puts in the place of an answer, with its status.
    ProxyPage(u16),
}

/// Which requests a test wants answered in another way, and how.
#[derive(Debug)]
pub struct Exception {
    operation: &'static str,
    region: Option<&'static str>,
    subject: Option<&'static str>,
    page: Option<usize>,
    left: AtomicUsize,
    reply: Reply,
}

/// Requests for an operation, `ec2:DescribeVolumes`; `*` is all.
#[must_use]
pub fn on(operation: &'static str, reply: Reply) -> Exception {
    Exception {
        operation,
        region: None,
        subject: None,
        page: None,
        left: AtomicUsize::new(usize::MAX),
        reply,
    }
}

impl Exception {
    /// In one region only.
    #[must_use]
    pub fn in_region(self, region: &'static str) -> Self {
        Exception {
            region: Some(region),
            ..self
        }
    }

    /// About one bucket, table, key or gateway only.
    #[must_use]
    pub fn about(self, subject: &'static str) -> Self {
        Exception {
            subject: Some(subject),
            ..self
        }
    }

    /// For the first page of a list, or the second.
    #[must_use]
    pub fn on_page(self, page: usize) -> Self {
        Exception {
            page: Some(page),
            ..self
        }
    }

    /// The first requests only, whatever comes after is answered.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Exception {
            left: AtomicUsize::new(times),
            ..self
        }
    }

    fn fits(&self, request: &Request) -> bool {
        (self.operation == "*" || self.operation == request.operation)
            && self.region.is_none_or(|region| region == request.region)
            && self
                .subject
                .is_none_or(|subject| Some(subject) == request.subject())
            && self
                .page
                .is_none_or(|page| (page == 2) == request.token().is_some())
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                    left.checked_sub(1)
                })
                .is_ok()
    }
}

/// The endpoint. It ends with the value.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    exceptions: Vec<Exception>,
    requests: Mutex<Vec<Request>>,
    arrival: Condvar,
    not_understood: Mutex<Vec<String>>,
    closing: AtomicBool,
}

impl Endpoint {
    /// Answers from the fixtures, but for the exceptions; the first that fits counts.
    pub fn start(exceptions: impl IntoIterator<Item = Exception>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared {
            exceptions: exceptions.into_iter().collect(),
            requests: Mutex::default(),
            arrival: Condvar::new(),
            not_understood: Mutex::default(),
            closing: AtomicBool::new(false),
        });
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.closing.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&serving);
                // A client that goes away is the client's business.
                thread::spawn(move || connection.map(|stream| shared.serve(&stream)));
            }
        });
        Endpoint { address, shared }
    }

    /// For `--endpoint-url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// The requests for one operation so far.
    pub fn asked(&self, operation: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.operation == operation);
        requests
    }

    /// Waits until a request for the operation has come.
    pub fn wait_for(&self, operation: &str) {
        let missing = |requests: &mut Vec<Request>| {
            !requests
                .iter()
                .any(|request| request.operation == operation)
        };
        let requests = self.shared.requests.lock().unwrap();
        let arrival = &self.shared.arrival;
        let (_requests, late) = arrival
            .wait_timeout_while(requests, PATIENCE, missing)
            .unwrap();
        assert!(!late.timed_out(), "nobody asked for {operation}");
    }

    /// Requests that are no AWS request, or for which somebody forgot the fixture.
    pub fn not_understood(&self) -> Vec<String> {
        self.shared.not_understood.lock().unwrap().clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

/// HTTP/1.1, as far as the SDK speaks it.
struct Http {
    method: String,
    path: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        // Until the client is done or the answer ends the connection.
        loop {
            let http = Http::read(&mut reader)?;
            let is_head = http.method == "HEAD";
            let (answer, sent) = self.answer(&http, &mut reader)?;
            let mut head = format!(
                "HTTP/1.1 {} -\r\ncontent-length: {}\r\n",
                answer.status,
                answer.body.len()
            );
            for (name, value) in &answer.headers {
                head += &format!("{name}: {value}\r\n");
            }
            let body = if is_head { &[] } else { &answer.body[..sent] };
            let mut writer = stream;
            writer
                .write_all(&[head.as_bytes(), b"\r\n", body].concat())
                .ok()?;
            if sent < answer.body.len() {
                return None;
            }
        }
    }

    /// The answer and how much of its body is sent; none where the connection ends without one.
    fn answer(&self, http: &Http, reader: &mut impl Read) -> Option<(Answer, usize)> {
        let Some(request) = Request::parse(http) else {
            return Some(whole(
                self.not_understood(format!("{} {}", http.method, http.path)),
            ));
        };
        self.requests.lock().unwrap().push(request.clone());
        self.arrival.notify_all();
        let Some(exception) = self
            .exceptions
            .iter()
            .find(|exception| exception.fits(&request))
        else {
            return Some(whole(self.usual(&request)));
        };
        let (service, operation) = request.names();
        Some(match exception.reply {
            Reply::Denied if http.method == "HEAD" => whole(bare(403, &[])),
            Reply::Denied => whole(self.fixture(service, "AccessDenied", &request)),
            Reply::Throttled => whole(self.fixture(service, "Throttling", &request)),
            Reply::Fixture(name) => whole(self.fixture(service, name, &request)),
            Reply::Empty => whole(self.fixture(service, &format!("{operation}-empty"), &request)),
            Reply::Malformed => {
                let mut answer = self.usual(&request);
                answer.body.truncate(answer.body.len() / 2);
                whole(answer)
            }
            Reply::Cut => {
                let answer = self.usual(&request);
                let half = answer.body.len() / 2;
                (answer, half)
            }
            Reply::Dead => return None,
            Reply::Never => {
                // Ends when the client goes away.
                let _ = reader.read(&mut [0]);
                return None;
            }
            Reply::Bare(status, headers) => whole(bare(status, headers)),
            Reply::ProxyPage(status) => whole(Answer {
                status,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><head><title>Error</title></head><body>Blocked<br>by the proxy</body></html>"
                    .to_vec(),
            }),
        })
    }

    /// What AWS would say of an account that the fixtures describe.
    fn usual(&self, request: &Request) -> Answer {
        let (service, operation) = request.names();
        // KMS has keys of its own region only.
        let elsewhere =
            |id: &str| id.starts_with("arn:") && id.split(':').nth(3) != Some(&request.region);
        if service == "kms"
            && request
                .parameters
                .get("KeyId")
                .is_some_and(|id| elsewhere(id))
        {
            return self.fixture(service, "NotFoundException", request);
        }
        if let Some(answer) = self.named(request) {
            return answer;
        }
        let page = if request.token().is_some() {
            "-page2"
        } else {
            ""
        };
        let named = request
            .subject()
            .map(|subject| format!("{operation}-{subject}{page}"));
        if let Some(name) = named.filter(|name| file(service, name).is_some()) {
            return self.fixture(service, &name, request);
        }
        if let Some(token) = request.token() {
            let first = file(service, operation)
                .map(|path| text(&path))
                .unwrap_or_default();
            if !first.contains(token) {
                return self.not_understood(format!("{}: the token {token}", request.operation));
            }
        }
        let absent = match operation {
            "DescribeKey" | "GetKeyPolicy" => "NotFoundException",
            "DescribeTable" | "GetBackupVaultAccessPolicy" => "ResourceNotFoundException",
            "GetRole" => "NoSuchEntity",
            "GetBucketEncryption" => "ServerSideEncryptionConfigurationNotFoundError",
            "GetBucketLifecycleConfiguration" => "NoSuchLifecycleConfiguration",
            "HeadBucket" => return bare(404, &[]),
            _ => return self.fixture(service, &format!("{operation}{page}"), request),
        };
        self.fixture(service, absent, request)
    }

    /// The answer to a request that names what it wants: of all that the fixtures of the operation
    /// hold, that. None where the request names nothing.
    fn named(&self, request: &Request) -> Option<Answer> {
        let (service, operation) = request.names();
        let wanted = request.wanted();
        if wanted.is_empty() {
            return None;
        }
        // What is found by its tag alone stands in fixtures of its own.
        let pages =
            ["", "-page2", "-enabled", "-enabled-page2"].map(|it| format!("{operation}{it}"));
        let pages: Vec<String> = pages
            .iter()
            .filter_map(|name| Some(text(&file(service, name)?)))
            .map(|page| page.replace("{region}", &request.region))
            .collect();
        let first = pages.first()?;
        let (found, body) = if first.trim_start().starts_with('{') {
            json_items(&pages, &wanted)
        } else {
            xml_items(&pages, operation, &wanted)
        };
        let absent = match operation {
            "DescribeFileSystems" => "FileSystemNotFound",
            "DescribeClusters" => "ClusterNotFound",
            "DescribeStacks" => "ValidationError",
            _ => "",
        };
        if found == 0 && !absent.is_empty() {
            return Some(self.fixture(service, absent, request));
        }
        Some(Answer {
            status: 200,
            headers: vec![("content-type", content_type(service).to_owned())],
            body: body.into_bytes(),
        })
    }

    fn fixture(&self, service: &str, name: &str, request: &Request) -> Answer {
        let Some(path) = file(service, name) else {
            return self.not_understood(format!(
                "{}: there is no fixture {service}/{name}",
                request.operation
            ));
        };
        let mut answer = Answer {
            status: status(service, name),
            headers: vec![("content-type", content_type(service).to_owned())],
            body: text(&path)
                .replace("{region}", &request.region)
                .into_bytes(),
        };
        // REST-JSON has the code in a header alone:
        // https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
        if matches!(service, "backup" | "elasticfilesystem") && answer.status != 200 {
            let code = match name {
                "AccessDenied" => "AccessDeniedException",
                "Throttling" => "ThrottlingException",
                other => other,
            };
            answer.headers.push(("x-amzn-errortype", code.to_owned()));
        }
        answer
    }

    fn not_understood(&self, what: String) -> Answer {
        self.not_understood.lock().unwrap().push(what);
        bare(400, &[])
    }
}

/// The items of some pages that have one of some texts as a value, in the frame of the first page.
fn json_items(pages: &[String], wanted: &[String]) -> (usize, String) {
    let mut pages = pages
        .iter()
        .map(|page| serde_json::from_str::<Value>(page).expect("fixtures are JSON"));
    let mut first = pages.next().expect("there is a page");
    let rest: Vec<Value> = pages.collect();
    let mut found = 0;
    let fields = first.as_object_mut().expect("an object");
    for token in ["NextToken", "NextMarker", "Marker", "PaginationToken"] {
        fields.remove(token);
    }
    for (name, list) in fields {
        let Some(items) = list.as_array_mut() else {
            continue;
        };
        for page in &rest {
            items.extend(page[name].as_array().cloned().unwrap_or_default());
        }
        items.retain(|item| {
            let mut values = item.as_object().into_iter().flat_map(|item| item.values());
            values.any(|value| wanted.iter().any(|it| value == it.as_str()))
        });
        found += items.len();
    }
    (found, first.to_string())
}

fn xml_items(pages: &[String], operation: &str, wanted: &[String]) -> (usize, String) {
    let (open, close) = match operation {
        "DescribeInstances" | "DescribeVolumes" => ("        <item>", "        </item>"),
        "DescribeDBInstances" => ("      <DBInstance>", "      </DBInstance>"),
        "DescribeDBClusters" => ("      <DBCluster>", "      </DBCluster>"),
        "DescribeClusters" => ("      <Cluster>", "      </Cluster>"),
        "DescribeStacks" => ("      <member>", "      </member>"),
        _ => panic!("nobody said how the items of {operation} begin"),
    };
    let mut frame = Vec::new();
    let mut items: Vec<Vec<&str>> = Vec::new();
    for (number, page) in pages.iter().enumerate() {
        let mut inside = false;
        for line in page.lines() {
            let trimmed = line.trim_start();
            if line == open {
                inside = true;
                items.push(Vec::new());
                if number == 0 && frame.last() != Some(&open) {
                    frame.push(open);
                }
            }
            if inside {
                items.last_mut().expect("one is open").push(line);
            } else if number == 0
                && !["<nextToken", "<NextToken", "<Marker"]
                    .iter()
                    .any(|it| trimmed.starts_with(it))
            {
                frame.push(line);
            }
            inside &= line != close;
        }
    }
    items.retain(|item| {
        wanted
            .iter()
            .any(|it| item.iter().any(|line| line.contains(&format!(">{it}<"))))
    });
    let lines = frame.into_iter().flat_map(|line| {
        if line == open {
            items.concat()
        } else {
            vec![line]
        }
    });
    (items.len(), lines.collect::<Vec<_>>().join("\n"))
}

fn whole(answer: Answer) -> (Answer, usize) {
    let length = answer.body.len();
    (answer, length)
}

fn bare(status: u16, headers: &[(&'static str, &'static str)]) -> Answer {
    Answer {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: Vec::new(),
    }
}

/// Statuses of errors, from each service's list of common errors; everything else is 200.
fn status(service: &str, name: &str) -> u16 {
    match (service, name) {
        ("ec2" | "s3", "Throttling") => 503,
        (
            "backup" | "cloudformation" | "ec2" | "elasticfilesystem" | "iam" | "rds" | "redshift"
            | "s3",
            "AccessDenied",
        )
        | ("sts", "ExpiredToken") => 403,
        (
            "s3",
            "NoSuchLifecycleConfiguration" | "ServerSideEncryptionConfigurationNotFoundError",
        ) => 404,
        ("iam", "NoSuchEntity") => 404,
        (_, "AccessDenied" | "GatewayNotConnected" | "Throttling") => 400,
        (_, "FileSystemNotFound" | "ClusterNotFound") => 404,
        (_, "ValidationError") => 400,
        (_, name) if name.ends_with("Exception") => 400,
        _ => 200,
    }
}

fn content_type(service: &str) -> &'static str {
    match service {
        "backup" | "elasticfilesystem" => "application/json",
        "dynamodb" => "application/x-amz-json-1.0",
        "kms" | "organizations" | "redshift-serverless" | "storagegateway" | "tag" => {
            "application/x-amz-json-1.1"
        }
        "s3" => "application/xml",
        _ => "text/xml;charset=UTF-8",
    }
}

fn file(service: &str, name: &str) -> Option<PathBuf> {
    let folder = repository().join("fixtures/aws").join(service);
    ["xml", "json"]
        .into_iter()
        .map(|kind| folder.join(format!("{name}.{kind}")))
        .find(|path| path.is_file())
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("fixtures are readable text")
}

impl Http {
    fn read(reader: &mut impl BufRead) -> Option<Self> {
        let mut line = || {
            let mut line = String::new();
            let length = reader.read_line(&mut line).ok()?;
            (length > 0).then(|| line.trim_end().to_owned())
        };
        let first = line()?;
        let mut words = first.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let mut headers = BTreeMap::new();
        loop {
            let header = line()?;
            let Some((name, value)) = header.split_once(':') else {
                break;
            };
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
        let length = headers
            .get("content-length")
            .map_or(0, |length| length.parse().unwrap_or(0));
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        Some(Http {
            method,
            path: path.to_owned(),
            query: form(query),
            headers,
            body,
        })
    }
}

impl Request {
    fn parse(http: &Http) -> Option<Self> {
        // AWS4-HMAC-SHA256 Credential=AKID/20260303/eu-central-1/ec2/aws4_request, SignedHeaders=...
        let authorization = http.headers.get("authorization")?;
        let (_, scope) = authorization.split_once("Credential=")?;
        let scope: Vec<&str> = scope.split(',').next()?.split('/').collect();
        let [_, _, region, service, "aws4_request"] = scope[..] else {
            return None;
        };
        let mut parameters = BTreeMap::new();
        let target = http
            .headers
            .get("x-amz-target")
            .and_then(|target| target.split_once('.'));
        let operation = match (service, target) {
            ("s3", _) => {
                parameters.clone_from(&http.query);
                let bucket = http.path.trim_matches('/');
                if !bucket.is_empty() {
                    parameters.insert("Bucket".to_owned(), bucket.to_owned());
                }
                let has = |key: &str| http.query.contains_key(key);
                match http.method.as_str() {
                    "HEAD" => "HeadBucket",
                    "GET" if bucket.is_empty() => "ListBuckets",
                    "GET" if has("versioning") => "GetBucketVersioning",
                    "GET" if has("encryption") => "GetBucketEncryption",
                    "GET" if has("lifecycle") => "GetBucketLifecycleConfiguration",
                    _ => return None,
                }
            }
            ("backup", _) if http.method == "GET" => {
                parameters.clone_from(&http.query);
                let path: Vec<&str> = http.path.trim_matches('/').split('/').collect();
                let (operation, subject) = match path[..] {
                    ["backup-jobs"] => ("ListBackupJobs", None),
                    ["copy-jobs"] => ("ListCopyJobs", None),
                    ["account-settings"] => ("DescribeRegionSettings", None),
                    ["backup-vaults"] => ("ListBackupVaults", None),
                    ["backup-vaults", name, "access-policy"] => (
                        "GetBackupVaultAccessPolicy",
                        Some(("BackupVaultName", name)),
                    ),
                    ["backup", "plans"] => ("ListBackupPlans", None),
                    ["backup", "plans", id] => ("GetBackupPlan", Some(("BackupPlanId", id))),
                    ["backup", "plans", id, "selections"] => {
                        ("ListBackupSelections", Some(("BackupPlanId", id)))
                    }
                    ["backup", "plans", _, "selections", id] => {
                        ("GetBackupSelection", Some(("SelectionId", id)))
                    }
                    _ => return None,
                };
                parameters.extend(subject.map(|(key, name)| (key.to_owned(), decoded(name))));
                operation
            }
            ("elasticfilesystem", _)
                if http.method == "GET" && http.path == "/2015-02-01/file-systems" =>
            {
                parameters.clone_from(&http.query);
                "DescribeFileSystems"
            }
            (_, Some((_, operation))) => {
                let body: Value = serde_json::from_slice(&http.body).ok()?;
                for (key, value) in body.as_object()? {
                    let text = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    parameters.insert(key.clone(), text);
                }
                operation
            }
            _ => {
                parameters = form(std::str::from_utf8(&http.body).ok()?);
                &parameters.remove("Action")?
            }
        };
        let prefix = if service == "tagging" { "tag" } else { service };
        Some(Request {
            region: region.to_owned(),
            operation: format!("{prefix}:{operation}"),
            parameters,
        })
    }

    fn names(&self) -> (&str, &str) {
        self.operation
            .split_once(':')
            .expect("operations are made with a colon")
    }

    /// The name of the bucket, table, key or other thing that the request is about.
    pub fn subject(&self) -> Option<&str> {
        if self.parameters.contains_key("TagFilters") {
            return Some("enabled");
        }
        // The id of a stack ends with a UUID: its name stands before.
        if let Some(stack) = self.parameters.get("StackName") {
            return stack.split('/').nth(1);
        }
        const NAMES: [&str; 8] = [
            "Bucket",
            "GatewayARN",
            "KeyId",
            "TableName",
            "BackupVaultName",
            "BackupPlanId",
            "SelectionId",
            "RoleName",
        ];
        let named = NAMES.into_iter().find_map(|key| self.parameters.get(key))?;
        named.rsplit('/').next()
    }

    /// What the request names, of a list that it could have whole.
    fn wanted(&self) -> Vec<String> {
        const KEYS: [&str; 4] = [
            "Filter.1.Value.",
            "Filters.Filter.1.Values.Value.",
            "FileSystemId",
            "ClusterIdentifier",
        ];
        let mut wanted = Vec::new();
        for (key, value) in &self.parameters {
            if key == "ResourceARNList" {
                let arns: Vec<String> = serde_json::from_str(value).expect("a list of ARNs");
                wanted.extend(arns);
            } else if KEYS.iter().any(|it| key.starts_with(it))
                || (key.eq_ignore_ascii_case("resourceArn")
                    && self.operation.starts_with("backup:"))
                || (key == "StackName" && self.operation == "cloudformation:DescribeStacks")
            {
                wanted.push(value.clone());
            }
        }
        wanted
    }

    /// The token of a page that is not the first.
    pub fn token(&self) -> Option<&str> {
        const TOKENS: [&str; 6] = [
            "NextToken",
            "nextToken",
            "Marker",
            "ExclusiveStartTableName",
            "PaginationToken",
            "continuation-token",
        ];
        let token = TOKENS
            .into_iter()
            .find_map(|key| self.parameters.get(key))?;
        (!token.is_empty()).then_some(token)
    }
}

/// `a=b&c=d%20e` as a map.
fn form(text: &str) -> BTreeMap<String, String> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("the SDK encodes bytes as two hex digits"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("the SDK sends UTF-8")
}
