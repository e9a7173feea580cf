//! An AWS endpoint on loopback: answers signed requests from `fixtures/aws`, and fails where a test says
//! so.
//!
//! Each request is answered from its own contents: the service and the region come from the scope of its
//! signature, the operation from the service's protocol, the page from its token. The order of the
//! requests does not matter, so clients can be concurrent.
//!
//! A fixture is `fixtures/aws/<service>/<Operation>[-<subject>][-page2].<xml|json>`. The subject is the
//! bucket, table, key, gateway, vault, plan, selection, role or stack that the request names, or
//! `enabled` if it filters by that tag. `{region}` in a fixture is replaced with the region of the
//! request. A resource without a fixture does not exist.

mod cbor;
mod fixtures;
mod in_process;
mod members;
mod metrics;
mod request;
mod texts;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

pub use in_process::InProcess;
use request::Http;
pub use request::Request;
pub use texts::Blank;

/// How long to wait for a program that is most likely stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// What happens to a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// The service's error for a denied call.
    Denied,
    /// The service's error for a throttled call.
    Throttled,
    /// A fixture of the service by its name: a response, or an error by its code.
    Fixture(&'static str),
    /// The operation's fixture for an account without such resources.
    Empty,
    /// The first page of a list, whatever the token of the request.
    FirstPage,
    /// An error of the service: its status and its code.
    Error(u16, &'static str),
    /// A truncated body with a matching content length.
    Malformed,
    /// A body truncated at this many thirds, with a matching content length.
    Thirds(usize),
    /// The connection ends in the middle of the body with a reset.
    Reset,
    /// Half of the body; the connection stays open.
    Stall,
    /// A body without an end.
    Endless,
    /// The first page of a list, each time with another token.
    NewToken,
    /// The connection ends in the middle of the body.
    Cut,
    /// The connection ends without a response, as from a region that is down.
    Dead,
    /// No response; the connection stays open.
    Never,
    /// A status with headers and no body, as in a response to HEAD.
    Bare(u16, &'static [(&'static str, &'static str)]),
    /// The error page of a proxy, with its status.
    ProxyPage(u16),
    /// A response without its fields.
    Hollow,
    /// A response with this body.
    Body(Vec<u8>),
    /// A response in which one text member is changed everywhere: the one at this place of their sorted names.
    Text(usize, Blank),
    /// The usual response, whose members are noted.
    WithMembers,
    /// A response without one of its members: its names below the root, `/Volumes/KmsKeyId`.
    Without(String),
}

/// Requests that get another reply, and the reply.
#[derive(Debug)]
pub struct Exception {
    operation: &'static str,
    region: Option<&'static str>,
    subject: Option<String>,
    page: Option<usize>,
    skip: AtomicUsize,
    every: usize,
    seen: AtomicUsize,
    account: Option<String>,
    left: AtomicUsize,
    reply: Reply,
}

/// Returns an exception for the requests of an operation, `ec2:DescribeVolumes`; `*` is all.
#[must_use]
pub fn on(operation: &'static str, reply: Reply) -> Exception {
    Exception {
        operation,
        region: None,
        subject: None,
        page: None,
        skip: AtomicUsize::new(0),
        every: 1,
        seen: AtomicUsize::new(0),
        account: None,
        left: AtomicUsize::new(usize::MAX),
        reply,
    }
}

impl Exception {
    /// Limits the exception to a region.
    #[must_use]
    pub fn in_region(self, region: &'static str) -> Self {
        Exception {
            region: Some(region),
            ..self
        }
    }

    /// Limits the exception to a bucket, table, key or gateway, or the last of the volumes of a gateway.
    #[must_use]
    pub fn about(self, subject: &str) -> Self {
        Exception {
            subject: Some(subject.to_owned()),
            ..self
        }
    }

    /// Limits the exception to the credentials of an account.
    #[must_use]
    pub fn signed_by(self, account: &str) -> Self {
        Exception {
            account: Some(account.to_owned()),
            ..self
        }
    }

    /// Limits the exception to the first or the second page of a list.
    #[must_use]
    pub fn on_page(self, page: usize) -> Self {
        Exception {
            page: Some(page),
            ..self
        }
    }

    /// Limits the exception to the first requests.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Exception {
            left: AtomicUsize::new(times),
            ..self
        }
    }

    /// Limits the exception to the requests after the first ones.
    #[must_use]
    pub fn after(self, requests: usize) -> Self {
        Exception {
            skip: AtomicUsize::new(requests),
            ..self
        }
    }

    /// Limits the exception to one of each `number` requests.
    #[must_use]
    pub fn every(self, number: usize) -> Self {
        Exception {
            every: number,
            ..self
        }
    }

    fn applies_to(&self, request: &Request) -> bool {
        (self.operation == "*" || self.operation == request.operation)
            && self.region.is_none_or(|region| region == request.region)
            && self
                .subject
                .as_deref()
                .is_none_or(|subject| Some(subject) == request.subject())
            && self
                .page
                .is_none_or(|page| (page == 2) == request.page_token().is_some())
            && self
                .account
                .as_ref()
                .is_none_or(|account| *account == request.account)
            && take_one(&self.skip).is_none()
            && self
                .seen
                .fetch_add(1, Ordering::SeqCst)
                .is_multiple_of(self.every)
            && take_one(&self.left).is_some()
    }
}

/// Takes one from a count, unless nothing is left of it.
fn take_one(count: &AtomicUsize) -> Option<usize> {
    let taken = count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    });
    taken.ok()
}

/// The endpoint. It stops when it is dropped.
#[derive(Debug)]
pub struct Endpoint {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    exceptions: Vec<Exception>,
    account_pages: Vec<Vec<Value>>,
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
    requests: Mutex<Vec<Request>>,
    arrival: Condvar,
    unexpected_requests: Mutex<Vec<String>>,
    changed_texts: Mutex<BTreeSet<String>>,
    members: Mutex<BTreeSet<(String, String)>>,
    closing: AtomicBool,
}

impl Endpoint {
    /// Starts an endpoint. The first exception that applies to a request replaces its fixture.
    pub fn start(exceptions: impl IntoIterator<Item = Exception>) -> Self {
        Endpoint::start_organization(Vec::new(), exceptions)
    }

    /// Starts an endpoint with the accounts of an organization: the pages of their list. Each is a copy of the
    /// account of the fixtures, entered with `AssumeRole`.
    pub fn start_organization(
        account_pages: Vec<Vec<Value>>,
        exceptions: impl IntoIterator<Item = Exception>,
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::new(account_pages, exceptions));
        let serving = Arc::clone(&shared);
        thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.closing.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&serving);
                // A client may close the connection early.
                thread::spawn(move || connection.map(|stream| shared.serve_connection(&stream)));
            }
        });
        Endpoint { address, shared }
    }

    /// Returns the objects that were written: bucket and key, and content.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.shared.objects.lock().unwrap().clone()
    }

    /// Returns the URL for `--endpoint-url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns all requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Returns the requests for an operation so far.
    pub fn requests_for(&self, operation: &str) -> Vec<Request> {
        let mut requests = self.requests();
        requests.retain(|request| request.operation == operation);
        requests
    }

    /// Waits until a request for the operation arrives.
    pub fn wait_for(&self, operation: &str) {
        self.wait_until(|request| request.operation == operation);
    }

    /// Waits until such a request arrives.
    pub fn wait_until(&self, is_wanted: impl Fn(&Request) -> bool) {
        let missing = |requests: &mut Vec<Request>| !requests.iter().any(&is_wanted);
        let requests = self.shared.requests.lock().unwrap();
        let arrival = &self.shared.arrival;
        let (_requests, late) = arrival
            .wait_timeout_while(requests, PATIENCE, missing)
            .unwrap();
        assert!(!late.timed_out(), "the awaited request does not come");
    }

    /// Returns the texts that were changed: operation and member.
    pub fn changed_texts(&self) -> BTreeSet<String> {
        self.shared.changed_texts.lock().unwrap().clone()
    }

    /// Returns the requests that are no AWS request, or that have no fixture.
    pub fn unexpected_requests(&self) -> Vec<String> {
        self.shared.unexpected_requests.lock().unwrap().clone()
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(self.address);
    }
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    end: End,
}

/// How a response ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// After its body.
    Complete,
    /// The connection is closed after half of the body.
    Closed,
    /// The connection is reset after half of the body.
    Reset,
    /// Nothing comes after half of the body.
    Stalled,
    /// Blanks come after half of the body, without an end.
    Endless,
}

impl Answer {
    fn ending(self, end: End) -> Self {
        Answer { end, ..self }
    }
}

/// Resets a connection instead of closing it: a reader that still waits gets an error.
fn reset_connection(stream: &TcpStream) {
    let socket = socket2::SockRef::from(stream);
    let _ = socket.set_linger(Some(Duration::ZERO));
}

/// What happens to a connection after a request.
enum Outcome {
    Answer(Answer),
    /// It is closed.
    Closed,
    /// It stays open, and nothing comes.
    Silent,
}

impl Shared {
    fn new(
        account_pages: Vec<Vec<Value>>,
        exceptions: impl IntoIterator<Item = Exception>,
    ) -> Self {
        Shared {
            exceptions: exceptions.into_iter().collect(),
            account_pages,
            objects: Mutex::default(),
            requests: Mutex::default(),
            arrival: Condvar::new(),
            unexpected_requests: Mutex::default(),
            changed_texts: Mutex::default(),
            members: Mutex::default(),
            closing: AtomicBool::new(false),
        }
    }

    fn serve_connection(&self, stream: &TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream);
        // Until the client is done or the answer ends the connection.
        loop {
            let http = Http::read_from(&mut reader)?;
            let is_head = http.method == "HEAD";
            let answer = match self.answer_request(&http) {
                Outcome::Answer(answer) => answer,
                Outcome::Closed => return None,
                Outcome::Silent => {
                    // Ends when the client goes away.
                    let _ = reader.read(&mut [0]);
                    return None;
                }
            };
            let (length, sent) = match answer.end {
                End::Complete => (answer.body.len(), answer.body.len()),
                End::Closed | End::Reset | End::Stalled => {
                    (answer.body.len(), answer.body.len() / 2)
                }
                End::Endless => (usize::MAX / 2, answer.body.len() / 2),
            };
            let status = answer.status;
            let mut head = format!("HTTP/1.1 {status} -\r\ncontent-length: {length}\r\n");
            for (name, value) in &answer.headers {
                head += &format!("{name}: {value}\r\n");
            }
            let body = if is_head { &[] } else { &answer.body[..sent] };
            let mut writer = stream;
            writer
                .write_all(&[head.as_bytes(), b"\r\n", body].concat())
                .ok()?;
            match answer.end {
                End::Complete => {}
                End::Closed => return None,
                End::Reset => {
                    reset_connection(stream);
                    return None;
                }
                End::Stalled => {
                    // Ends when the client goes away.
                    let _ = reader.read(&mut [0]);
                    return None;
                }
                End::Endless => loop {
                    writer.write_all(&[b' '; 1 << 16]).ok()?;
                },
            }
        }
    }

    fn answer_request(&self, http: &Http) -> Outcome {
        let Some(request) = Request::from_http(http) else {
            let answer = self.reject_request(format!("{} {}", http.method, http.path));
            return Outcome::Answer(answer);
        };
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len()
        };
        self.arrival.notify_all();
        let Some(exception) = self
            .exceptions
            .iter()
            .find(|exception| exception.applies_to(&request))
        else {
            return Outcome::Answer(self.usual_answer(&request));
        };
        let (service, operation) = request.split_operation();
        let usual = || self.usual_answer(&request);
        Outcome::Answer(match exception.reply.clone() {
            Reply::Denied if http.method == "HEAD" => empty_answer(403, &[]),
            Reply::Denied => self.fixture_answer(service, "AccessDenied", &request),
            Reply::Throttled => self.fixture_answer(service, "Throttling", &request),
            Reply::Fixture(name) => self.fixture_answer(service, name, &request),
            Reply::Error(status, _) if http.method == "HEAD" => empty_answer(status, &[]),
            Reply::Error(status, code) => fixtures::error_answer(service, status, code),
            Reply::Empty => self.fixture_answer(service, &format!("{operation}-empty"), &request),
            Reply::FirstPage => self.usual_answer(&request.without_page_token()),
            Reply::NewToken => {
                let first = self.usual_answer(&request.without_page_token());
                first.with_another_token(number)
            }
            Reply::Malformed => usual().truncated(1, 2),
            Reply::Thirds(thirds) => usual().truncated(thirds, 3),
            Reply::Cut => usual().ending(End::Closed),
            Reply::Reset => usual().ending(End::Reset),
            Reply::Stall => usual().ending(End::Stalled),
            Reply::Endless => usual().ending(End::Endless),
            Reply::Dead => return Outcome::Closed,
            Reply::Never => return Outcome::Silent,
            Reply::Hollow => usual().without_fields(),
            Reply::Body(body) => Answer { body, ..usual() },
            Reply::Text(at, blank) => self.answer_without_text(&request, at, blank),
            Reply::WithMembers => self.answer_with_members(&request),
            Reply::Without(member) => usual().without_member(&member),
            Reply::Bare(status, headers) => empty_answer(status, headers),
            Reply::ProxyPage(status) => Answer {
                status,
                headers: vec![("content-type", "text/html".to_owned())],
                body: b"<html><head><title>Error</title></head><body>Blocked<br>by the proxy</body></html>"
                    .to_vec(),
                end: End::Complete,
            },
        })
    }
}

fn empty_answer(status: u16, headers: &[(&'static str, &'static str)]) -> Answer {
    Answer {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect(),
        body: Vec::new(),
        end: End::Complete,
    }
}
