//! Reading of a live account, with a progress display, a time limit and signals.

use std::sync::Arc;

use anyhow::Context;
use jiff::{Timestamp, Unit};
use tokio::sync::watch;

use crate::exit::Exit;
use crate::model::fact::Extent;
use crate::model::selection::Selection;
use crate::model::snapshot::Snapshot;
use crate::settings::Settings;
use crate::source::aws::account::collect_account;
use crate::source::aws::call::{Caller, Stop};
use crate::source::aws::meter::Meter;
use crate::source::aws::request::ScanRequest;
use crate::source::aws::scan_scope::ScanScope;
use crate::source::aws::session::{Access, ConnectError, Session, connect};

use super::args::{AccessArgs, GlobalArgs};
use super::deadline::TIMEOUT;
use super::files;
use super::profiles::Profiles;
use super::progress::Display;
use super::stopped::Stopped;

const CONCURRENCY: u16 = 128;

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("failed to start the async runtime")?;
    runtime.block_on(collect_until_stopped(
        access, settings, selection, extent, global,
    ))
}

async fn collect_until_stopped(
    args: &AccessArgs,
    settings: &Settings,
    selection: &Selection,
    extent: &Extent,
    global: &GlobalArgs,
) -> anyhow::Result<Reading> {
    let (stop, stopped) = watch::channel(Stop::No);
    let (ended, signals) = watch::channel(Exit::Ready);
    tokio::spawn(handle_signals(stop.clone(), ended));
    let timeout = args.timeout.unwrap_or(TIMEOUT);
    tokio::spawn(async move {
        tokio::time::sleep(timeout).await;
        stop.send_if_modified(|stop| {
            let first = *stop == Stop::No;
            if first {
                *stop = Stop::TimedOut;
            }
            first
        });
    });

    let meter = Arc::new(Meter::default());
    let started = current_time()?;
    let wait = Display::announce_wait("waiting for credentials and for AWS STS", global);
    let connected = connect_until_stopped(args, &meter, stopped.clone(), &signals).await;
    wait.finish().await;
    let session = connected?;
    tracing::info!(
        account = session.account,
        caller = session.caller_arn,
        "scanning"
    );

    let request = ScanRequest {
        regions: settings.regions.clone(),
        within: args.region.clone(),
        selection: selection.clone(),
        extent: extent.clone(),
        tag_key: settings.tag_key.clone(),
        now: started,
        backup_role: settings.backup_role.clone(),
    };
    let concurrency = usize::from(args.concurrency.unwrap_or(CONCURRENCY));
    let caller = Caller::new(concurrency, args.max_calls, stopped, Arc::clone(&meter));
    let services = ScanScope::new(selection, &extent.needs).service_names();
    let display = Display::start(&request.regions, services, &meter, global);
    let read = collect_account(&session, &request, &caller).await;
    display.finish().await;
    let mut snapshot = read?;
    snapshot.started_at = started.to_string();
    snapshot.finished_at = current_time()?.to_string();
    let stopped = *signals.borrow();
    Ok(Reading {
        snapshot,
        stopped,
        caller_arn: session.caller_arn.clone(),
        calls: caller,
    })
}

/// Connects to AWS.
///
/// # Errors
/// There are no credentials, or a signal or the time limit came first.
async fn connect_until_stopped(
    args: &AccessArgs,
    meter: &Arc<Meter>,
    mut stopping: watch::Receiver<Stop>,
    signals: &watch::Receiver<Exit>,
) -> anyhow::Result<Session> {
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
    tokio::select! {
        session = connect(&access, Arc::clone(meter)) => {
            session.map_err(|error| add_sign_in(error, &access, &profiles))
        }
        reason = stopping.wait_for(|stop| *stop != Stop::No) => {
            let timed_out = reason.is_ok_and(|stop| *stop == Stop::TimedOut);
            if timed_out {
                anyhow::bail!("--timeout expired before STS returned the caller identity");
            }
            Err(Stopped(*signals.borrow()).into())
        }
    }
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
fn current_time() -> anyhow::Result<Timestamp> {
    Ok(Timestamp::now().round(Unit::Second)?)
}
