//! Reading of a live account, with a progress display, a time limit and signals.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use jiff::{Timestamp, Unit};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::exit::Exit;
use crate::model::fact::Extent;
use crate::model::selection::Selection;
use crate::model::snapshot::Snapshot;
use crate::settings::Settings;
use crate::source::aws::account::collect_account;
use crate::source::aws::call::{Caller, Stop};
use crate::source::aws::clients::Clients;
use crate::source::aws::ec2::list_regions;
use crate::source::aws::meter::Meter;
use crate::source::aws::request::ScanRequest;
use crate::source::aws::s3_store::BucketStore;
use crate::source::aws::scan_scope::ScanScope;
use crate::source::aws::session::{Access, Base, ConnectError};
use crate::source::aws::task::Task;
use crate::store::{BucketPlace, Store};

use super::args::{AccessArgs, GlobalArgs};
use super::deadline::TIMEOUT;
use super::files;
use super::profiles::Profiles;
use super::progress::Display;
use super::stopped::Stopped;

const CONCURRENCY: u16 = 128;

/// How often a thread looks for responses and new connections while it has other work, in turns of that work. The signing
/// of a call or the parsing of a page may take a millisecond, with which the default, 61, keeps a response waiting for longer
/// than most round trips.
const EVENT_INTERVAL: u32 = 3;

/// A live account that was read, and how.
pub(super) struct Reading {
    pub(super) snapshot: Snapshot,
    /// The signal that interrupted reading, else [`Exit::Ready`].
    pub(super) stopped: Exit,
    /// The identity that read it.
    pub(super) caller_arn: String,
    /// The calls that read it.
    pub(super) calls: Arc<Caller>,
}

/// Reads the account. The exit is that of the signal that interrupted reading, else [`Exit::Ready`].
pub(super) fn read_account(
    access: &AccessArgs,
    settings: &Settings,
    selection: &Selection,
    extent: &Extent,
    global: &GlobalArgs,
) -> anyhow::Result<(Snapshot, Exit)> {
    let reading = read_account_with_calls(access, settings, selection, extent, global)?;
    Ok((reading.snapshot, reading.stopped))
}

/// Reads the account, and returns the results of the calls too.
pub(super) fn read_account_with_calls(
    access: &AccessArgs,
    settings: &Settings,
    selection: &Selection,
    extent: &Extent,
    global: &GlobalArgs,
) -> anyhow::Result<Reading> {
    let runtime = start_runtime()?;
    let (access, settings, selection, extent, global) = (
        access.clone(),
        settings.clone(),
        selection.clone(),
        extent.clone(),
        global.clone(),
    );
    // On a thread that also sends calls: what waits for their responses is woken hundreds of times.
    let reading = runtime.block_on(async {
        Task::spawn(async move {
            collect_until_stopped(&access, &settings, &selection, &extent, &global).await
        })
        .await
    });
    // The connections are closed while the account is evaluated.
    runtime.shutdown_background();
    reading
}

/// Starts the threads that send calls.
pub(super) fn start_runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .build()
        .context("failed to start the async runtime")
}

/// The end of reading: a signal, or a time limit.
pub(super) struct Ending {
    stop: watch::Sender<Stop>,
    /// Whether reading ends, and why.
    pub(super) stopped: watch::Receiver<Stop>,
    /// The first signal, [`Exit::Ready`] before.
    pub(super) signals: watch::Receiver<Exit>,
}

impl Ending {
    /// Begins to wait for signals, in a runtime.
    pub(super) fn wait_for_signals() -> Self {
        let (stop, stopped) = watch::channel(Stop::No);
        let (ended, signals) = watch::channel(Exit::Ready);
        tokio::spawn(handle_signals(stop.clone(), ended));
        Ending {
            stop,
            stopped,
            signals,
        }
    }

    /// Returns an end that does not come.
    fn never() -> Self {
        let (stop, stopped) = watch::channel(Stop::No);
        let (_, signals) = watch::channel(Exit::Ready);
        Ending {
            stop,
            stopped,
            signals,
        }
    }

    /// Ends reading after a time.
    fn start_timeout(&self, timeout: Duration) {
        let stop = self.stop.clone();
        tokio::spawn(async move {
            tokio::time::sleep(timeout).await;
            stop_with(&stop, Stop::TimedOut);
        });
    }

    /// Returns an end for one account: after a time, or with this one. It must be dropped with the account.
    pub(super) fn limit_account(&self, timeout: Duration) -> AccountEnding {
        let (stop, stopped) = watch::channel(Stop::No);
        let mut all = self.stopped.clone();
        let waiting = tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(timeout) => stop_with(&stop, Stop::TimedOut),
                _ = all.wait_for(|it| *it != Stop::No) => stop_with(&stop, Stop::Interrupted),
            }
        });
        AccountEnding { stopped, waiting }
    }
}

/// The end of reading one account of several.
pub(super) struct AccountEnding {
    /// Whether reading ends, and why.
    pub(super) stopped: watch::Receiver<Stop>,
    waiting: JoinHandle<()>,
}

impl Drop for AccountEnding {
    fn drop(&mut self) {
        self.waiting.abort();
    }
}

/// Stops reading, unless it is stopped already.
fn stop_with(stop: &watch::Sender<Stop>, reason: Stop) {
    stop.send_if_modified(|stop| {
        let is_first = *stop == Stop::No;
        if is_first {
            *stop = reason;
        }
        is_first
    });
}

async fn collect_until_stopped(
    args: &AccessArgs,
    settings: &Settings,
    selection: &Selection,
    extent: &Extent,
    global: &GlobalArgs,
) -> anyhow::Result<Reading> {
    let ending = Ending::wait_for_signals();
    ending.start_timeout(args.timeout.unwrap_or(TIMEOUT));
    let meter = Arc::new(Meter::default());
    let started = current_time()?;
    let caller = Caller::new(
        make_permits(args),
        args.max_calls,
        ending.stopped.clone(),
        Arc::clone(&meter),
    );
    let list_regions = |clients: &Clients, home: &str| list_regions(clients, home, &caller);
    let (base, regions) =
        connect_until_stopped(args, &meter, &ending, global, list_regions).await?;
    let session = base.own_session(Arc::clone(&meter));
    tracing::info!(
        account = session.account,
        caller = session.caller_arn,
        "scanning"
    );
    let request = make_request(args, settings, selection, extent, started);
    let services = ScanScope::new(selection, &extent.needs).service_names();
    let display = Display::start(&request.regions, services, &meter, global);
    let read = collect_account(&session, &request, &caller, regions).await;
    display.finish().await;
    let mut snapshot = read?;
    snapshot.started_at = started.to_string();
    snapshot.finished_at = current_time()?.to_string();
    let stopped = *ending.signals.borrow();
    Ok(Reading {
        snapshot,
        stopped,
        caller_arn: session.caller_arn.clone(),
        calls: caller,
    })
}

/// Opens a folder of a bucket.
pub(super) fn open_bucket(
    place: &BucketPlace,
    access: &AccessArgs,
    global: &GlobalArgs,
) -> anyhow::Result<Box<dyn Store>> {
    let runtime = Arc::new(start_runtime()?);
    let meter = Arc::new(Meter::default());
    let ending = Ending::never();
    let connect = connect_until_stopped(access, &meter, &ending, global, |_, _| ());
    let (base, ()) = runtime.block_on(connect)?;
    let store = BucketStore::open(&base.own_session(meter), runtime, place.clone())?;
    Ok(Box::new(store))
}

/// Returns what to read of an account.
pub(super) fn make_request(
    args: &AccessArgs,
    settings: &Settings,
    selection: &Selection,
    extent: &Extent,
    now: Timestamp,
) -> ScanRequest {
    ScanRequest {
        regions: settings.regions.clone(),
        within: args.region.clone(),
        selection: selection.clone(),
        extent: extent.clone(),
        tag_key: settings.tag_key.clone(),
        now,
        backup_role: settings.backup_role.clone(),
    }
}

/// Returns as many permits as calls may be sent at once.
pub(super) fn make_permits(args: &AccessArgs) -> Arc<Semaphore> {
    let concurrency = usize::from(args.concurrency.unwrap_or(CONCURRENCY));
    Arc::new(Semaphore::new(concurrency))
}

/// Connects to AWS, and begins calls as [`Base::connect`] does.
///
/// # Errors
/// There are no credentials, or a signal or the time limit came first.
pub(super) async fn connect_until_stopped<T>(
    args: &AccessArgs,
    meter: &Arc<Meter>,
    ending: &Ending,
    global: &GlobalArgs,
    begin: impl FnOnce(&Clients, &str) -> T,
) -> anyhow::Result<(Base, T)> {
    let access = Access {
        profile: args.profile.clone(),
        role_arn: args.role_arn.clone(),
        external_id: args.external_id.clone(),
        endpoint_url: args.endpoint_url.clone(),
        own_retries: ["AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"]
            .iter()
            .any(|name| std::env::var_os(name).is_some()),
    };
    let profiles = Profiles::read_files();
    if let Some(name) = &access.profile {
        profiles.check_name(name).map_err(anyhow::Error::msg)?;
    }
    let wait = Display::announce_wait("waiting for credentials and for AWS STS", global);
    let mut stopping = ending.stopped.clone();
    let connected = tokio::select! {
        connected = Base::connect(&access, meter, begin) => {
            connected.map_err(|error| add_sign_in(error, &access, &profiles))
        }
        reason = stopping.wait_for(|stop| *stop != Stop::No) => {
            match reason.is_ok_and(|stop| *stop == Stop::TimedOut) {
                true => Err(anyhow!("--timeout expired before STS returned the caller identity")),
                false => Err(Stopped(*ending.signals.borrow()).into()),
            }
        }
    };
    wait.finish().await;
    connected
}

/// Adds what to do to an error about the credentials of a profile: the command that signs in, or its right name.
fn add_sign_in(error: ConnectError, access: &Access, profiles: &Profiles) -> anyhow::Error {
    let reason = match &error {
        ConnectError::NoCredentials { reason, .. } | ConnectError::Role { reason, .. } => reason,
        ConnectError::Rejected { code, message } if code.contains("Expired") => message,
        _ => return error.into(),
    };
    let named = || std::env::var_os("AWS_PROFILE")?.into_string().ok();
    let profile = access.profile.clone().or_else(named);
    let profile = profile.as_deref().filter(|name| !name.is_empty());
    if let Some(command) = profiles.sign_in_command(profile.unwrap_or("default")) {
        return anyhow::anyhow!(
            "profile {:?} is not signed in, or its session has expired; run `{command}` ({reason})",
            profile.unwrap_or("default")
        );
    }
    match profile.map(|name| profiles.check_name(name)) {
        Some(Err(unknown)) => anyhow::Error::msg(unknown),
        _ => error.into(),
    }
}

/// Stops reading on the first signal, so that what was read can be checked, and exits on the second.
async fn handle_signals(stop: watch::Sender<Stop>, ended: watch::Sender<Exit>) {
    let first = next_signal().await;
    ended.send_replace(first);
    stop.send_replace(Stop::Interrupted);
    let second = next_signal().await;
    files::remove_unfinished();
    std::process::exit(i32::from(second.code()));
}

#[cfg(unix)]
async fn next_signal() -> Exit {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => Exit::Interrupted,
        _ = terminate.recv() => Exit::Terminated,
    }
}

#[cfg(not(unix))]
async fn next_signal() -> Exit {
    match tokio::signal::ctrl_c().await {
        Ok(()) => Exit::Interrupted,
        Err(_) => std::future::pending().await,
    }
}

#[expect(clippy::disallowed_methods, reason = "this is where the clock is read")]
pub(super) fn current_time() -> anyhow::Result<Timestamp> {
    Ok(Timestamp::now().round(Unit::Second)?)
}
