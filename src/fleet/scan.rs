//! Scans accounts, some at a time. What is in memory does not grow with the number of accounts.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::FleetError;
use super::run::Run;
use crate::evaluate::{Options, evaluate};
use crate::model::fleet::{Account, Outcome};
use crate::model::snapshot::Snapshot;
use crate::report::WriteError;
use crate::rules::ALL;
use crate::settings::Settings;

/// An account that was read, and how to evaluate it.
#[derive(Debug)]
pub struct Entered {
    /// What was read.
    pub snapshot: Snapshot,
    /// The settings that apply.
    pub settings: Settings,
    /// What to check.
    pub options: Options,
}

/// Why nothing of an account was seen.
#[derive(Debug)]
pub struct Refusal {
    /// The outcome: one without an answer.
    pub outcome: Outcome,
    /// The reason.
    pub reason: String,
}

/// The stack of a thread that reads an account: as large as that of the main thread, which reads a single account.
const STACK: usize = 8 * 1024 * 1024;

/// A way into accounts: their snapshots, or their roles.
pub trait Enter: Sync {
    /// Reads an account.
    ///
    /// # Errors
    /// Nothing of it was seen.
    fn enter(&self, account: &Account) -> Result<Box<Entered>, Refusal>;

    /// Whether no further account can be entered: what is not read by then has no result.
    fn is_exhausted(&self) -> bool {
        false
    }
}

/// The progress of a run.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// The number of accounts that are done.
    pub done: usize,
    /// The number of accounts of which nothing was seen.
    pub unseen: usize,
    /// The number of all accounts.
    pub total: usize,
}

/// What is done with an account: with what was read of it, or with why nothing was.
pub type Visit<'v> =
    dyn Fn(&Account, Result<Box<Entered>, Refusal>) -> Result<Outcome, FleetError> + Sync + 'v;

/// Scans accounts, at most `at_once` at a time, and keeps the result of each.
///
/// # Errors
/// A result cannot be kept. The results before it are.
pub fn scan_accounts(
    accounts: &[&Account],
    at_once: usize,
    enter: &dyn Enter,
    run: &Run<'_>,
    show: &(dyn Fn(Progress) + Sync),
) -> Result<(), FleetError> {
    let keep_result: &Visit<'_> = &|account, entered| keep_result(account, entered, run);
    visit_accounts(accounts, at_once, enter, keep_result, show)
}

/// Reads accounts, at most `at_once` at a time, and visits each.
///
/// # Errors
/// A visit failed. No account is read after it.
pub fn visit_accounts(
    accounts: &[&Account],
    at_once: usize,
    enter: &dyn Enter,
    visit: &Visit<'_>,
    show: &(dyn Fn(Progress) + Sync),
) -> Result<(), FleetError> {
    let next = AtomicUsize::new(0);
    let (done, unseen) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failure: Mutex<Option<FleetError>> = Mutex::new(None);
    let failed = || failure.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..at_once.clamp(1, accounts.len().max(1)) {
            let worker = std::thread::Builder::new().stack_size(STACK);
            let spawned = worker.spawn_scoped(scope, || {
                while let Some(account) = accounts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if failed().is_some() || enter.is_exhausted() {
                        return;
                    }
                    let entered = enter.enter(account);
                    let entered = entered.and_then(|entered| check_identity(account, entered));
                    match visit(account, entered) {
                        Ok(outcome) => {
                            unseen.fetch_add(usize::from(outcome.is_unseen()), Ordering::Relaxed);
                            show(Progress {
                                done: done.fetch_add(1, Ordering::Relaxed) + 1,
                                unseen: unseen.load(Ordering::Relaxed),
                                total: accounts.len(),
                            });
                        }
                        Err(error) => *failed() = Some(error),
                    }
                }
            });
            if let Err(error) = spawned {
                *failed() = Some(WriteError::Io(error).into());
            }
        }
    });
    match failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// Evaluates one account, and keeps its result.
fn keep_result(
    account: &Account,
    entered: Result<Box<Entered>, Refusal>,
    run: &Run<'_>,
) -> Result<Outcome, FleetError> {
    let entered = match entered {
        Ok(entered) => entered,
        // What was read of it before the run was resumed says more.
        Err(Refusal { outcome, .. })
            if outcome == Outcome::Interrupted && run.has_result(account)? =>
        {
            return Ok(outcome);
        }
        Err(Refusal { outcome, reason }) => {
            run.put_result(account, outcome, Some(reason), None)?;
            return Ok(outcome);
        }
    };
    // Before the result: an account with a result is not read again.
    run.put_snapshot(account, &entered.snapshot)?;
    let report = evaluate(&entered.snapshot, &entered.settings, &entered.options, &ALL);
    let is_complete = report.complete && report.unread.is_empty() && !report.interrupted;
    let (outcome, reason) = match is_complete {
        true => (Outcome::Scanned, None),
        false => {
            let reason = "some of it could not be read; its report has the coverage";
            (Outcome::Partial, Some(reason.to_owned()))
        }
    };
    run.put_result(account, outcome, reason, Some(&report))?;
    Ok(outcome)
}

/// Checks that what was read is of the account that was asked for.
fn check_identity(account: &Account, entered: Box<Entered>) -> Result<Box<Entered>, Refusal> {
    let reason = match &entered.snapshot.account_id {
        Some(id) if *id == account.id => return Ok(entered),
        Some(id) => format!("what was read is of account {id}"),
        None => "what was read does not name its account".to_owned(),
    };
    Err(Refusal {
        outcome: Outcome::NotEntered,
        reason,
    })
}
