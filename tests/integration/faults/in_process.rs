//! Scans whose calls are answered in the process, under a clock that goes on by itself while all of them wait.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::model::fact::Extent;
use backup_check::model::selection::Selection;
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use backup_check::source::aws::account::collect_account;
use backup_check::source::aws::call::{Caller, Stop};
use backup_check::source::aws::ec2::list_regions;
use backup_check::source::aws::meter::Meter;
use backup_check::source::aws::request::ScanRequest;
use backup_check::source::aws::session::Session;
use jiff::Timestamp;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Semaphore, watch};
use tokio::time::Instant;

use crate::collect::REGION;
use crate::formats::render_skipped;
use crate::support::endpoint::{Exception, InProcess, Reply, on};

use super::Scan;

const STACK: usize = 64 << 20;
const CALLER: &str = "arn:aws:iam::111122223333:user/dev";

/// A scan, and what its endpoint saw.
pub(super) struct Measured {
    pub(super) scan: Scan,
    /// How long it waited.
    pub(super) waited: Duration,
    /// The members of its responses, if they are noted: operation and member.
    pub(super) members: BTreeSet<(String, String)>,
    /// The requests that have no fixture.
    pub(super) unexpected: Vec<String>,
}

/// Scans the account of the fixtures, which has two regions.
pub(super) fn scan_in_process(operation: &str, mut exceptions: Vec<Exception>) -> Measured {
    let regions = Reply::Fixture("DescribeRegions-two");
    exceptions.push(on("ec2:DescribeRegions", regions));
    let client = InProcess::new(exceptions);
    let settings = Settings::default();
    let scanning = async {
        let started = Instant::now();
        let meter = Arc::new(Meter::default());
        let (_stop, stopped) = watch::channel(Stop::No);
        let permits = Arc::new(Semaphore::new(128));
        let caller = Caller::new(permits, None, stopped, Arc::clone(&meter));
        let session = Session::with_http_client(
            SharedHttpClient::new(client.clone()),
            Credentials::new("AKIAIOSFODNN7EXAMPLE", "example", None, None, "test"),
            CALLER,
            REGION,
            meter,
        );
        let request = ScanRequest {
            regions: vec![REGION.to_owned()],
            within: Vec::new(),
            selection: Selection::default(),
            extent: Extent::ALL_RULES,
            tag_key: settings.tag_key.clone(),
            now: read_clock(),
            backup_role: settings.backup_role.clone(),
        };
        let regions = list_regions(&session.clients, REGION, &caller);
        let read = collect_account(&session, &request, &caller, regions).await;
        (read.unwrap(), started.elapsed())
    };
    // Without optimizations, the futures of the SDK need more than the stack of a test.
    let (snapshot, waited) = thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK);
        let run = move || start_runtime().block_on(scanning);
        thread.spawn_scoped(scope, run).unwrap().join().unwrap()
    });
    let report = evaluate(&snapshot, &settings, &Options::default(), &ALL);
    let requests = client.requests();
    let scan = Scan {
        report: serde_json::from_str(&render_skipped("json", &report)).unwrap(),
        code: i32::from(report.exit(FailOn::Fail).code()),
        stderr: String::new(),
        requests: requests.len(),
        faulty_requests: requests
            .iter()
            .filter(|it| it.operation == operation)
            .count(),
    };
    Measured {
        scan,
        waited,
        members: client.members(),
        unexpected: client.unexpected_requests(),
    }
}

fn start_runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the jobs of the fixtures are recent"
)]
fn read_clock() -> Timestamp {
    SystemTime::now().try_into().unwrap()
}
