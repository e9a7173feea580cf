//! Which failed calls are sent again, and the operations and regions that are given up.

use std::cell::Cell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::retries::classifiers::{
    ClassifyRetry, RetryAction, RetryClassifierPriority, RetryReason,
};
use aws_smithy_types::retry::ErrorKind;

use crate::model::observed::{Gap, GapKind};

use super::operation::Operation;
use super::rate::Turn;
use super::truncation::{EndlessResponse, SilentResponse};

/// Attempts of a call that fails for another reason than throttling.
const MAX_FAILURES: u32 = 3;
/// The number of accounts of a run that gave up an operation in a region, after which it gets one attempt in the
/// others.
const LOST_ACCOUNTS: u32 = 3;

tokio::task_local! {
    static ATTEMPTS: Attempts;
}

/// The attempts of one call.
#[derive(Debug)]
struct Attempts {
    most: u32,
    // Calls that read no account have no rate.
    turn: Option<Turn>,
    sent: Cell<u32>,
    failures: Cell<u32>,
    // The attempt that was classified last: the SDK classifies an attempt more than once.
    classified: Cell<u32>,
}

impl Attempts {
    /// Counts the current attempt as failed, and returns the number of failures so far.
    fn count_failure(&self) -> u32 {
        if self.classified.replace(self.sent.get()) != self.sent.get() {
            self.failures.set(self.failures.get() + 1);
        }
        self.failures.get()
    }
}

/// Sends a call, at most [`MAX_FAILURES`] times if it fails.
pub(super) async fn limit_attempts<T>(call: impl Future<Output = T>) -> T {
    scope_attempts(MAX_FAILURES, None, call).await
}

/// Sends a call whose turn it is, at most `most` times if it fails. Its result sets the rate of those after it.
pub(super) async fn limit_attempts_to<T, E>(
    most: u32,
    turn: Turn,
    call: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let call = async {
        let response = call.await;
        if response.is_ok() {
            let _ = ATTEMPTS.try_with(|attempts| attempts.turn.as_ref().map(Turn::speed_up));
        }
        response
    };
    scope_attempts(most, Some(turn), call).await
}

async fn scope_attempts<T>(most: u32, turn: Option<Turn>, call: impl Future<Output = T>) -> T {
    let attempts = Attempts {
        most,
        turn,
        sent: Cell::new(0),
        failures: Cell::new(0),
        classified: Cell::new(0),
    };
    ATTEMPTS.scope(attempts, call).await
}

/// Records that an attempt of the current call is sent.
pub(super) fn record_attempt() {
    // Calls without a limit have no count.
    let _ = ATTEMPTS.try_with(|attempts| {
        let sent = attempts.sent.get();
        attempts.sent.set(sent + 1);
        if sent > 0
            && let Some(turn) = &attempts.turn
        {
            turn.count_retry();
        }
    });
}

/// Records that an attempt of the current call was throttled.
pub(super) fn record_throttled() {
    let _ = ATTEMPTS.try_with(|attempts| attempts.turn.as_ref().map(Turn::slow_down));
}

/// An SDK classifier that forbids the retries of a call that failed as often as it may, or whose response did
/// not come or did not end: it is not worth another wait. Throttled calls are not failures: they are retried until
/// the SDK's own limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct LimitFailures;

impl ClassifyRetry for LimitFailures {
    fn classify_retry(&self, _: &InterceptorContext) -> RetryAction {
        RetryAction::NoActionIndicated
    }

    fn classify_retry_v2(&self, ctx: &InterceptorContext, previous: &RetryAction) -> RetryAction {
        let error = ctx.output_or_error().and_then(Result::err);
        let is_silent_or_endless = error.is_some_and(|error| {
            error.is_timeout_error()
                || error.as_connector_error().is_some_and(|it| it.is_timeout())
                || SilentResponse::caused(error)
                || EndlessResponse::caused(error)
        });
        let may_retry = ATTEMPTS.try_with(|attempts| match previous {
            RetryAction::RetryIndicated(RetryReason::RetryableError { kind, .. })
                if *kind != ErrorKind::ThrottlingError =>
            {
                let failures = attempts.count_failure();
                failures < attempts.most && !is_silent_or_endless
            }
            _ => true,
        });
        match may_retry {
            Ok(false) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "LimitFailures"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}

/// The operations that accounts of a run gave up, by region. An outage in a region is the same in every account, and
/// is not waited for in each.
#[derive(Debug, Default)]
pub struct Losses {
    accounts: Mutex<BTreeMap<(String, &'static str), u32>>,
}

impl Losses {
    fn record_account(&self, region: &str, operation: Operation) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = accounts
            .entry((region.to_owned(), operation.name))
            .or_default();
        *count += 1;
        if *count == LOST_ACCOUNTS {
            tracing::warn!(
                region,
                operation = operation.name,
                "given up in {LOST_ACCOUNTS} accounts: one attempt in each of the others"
            );
        }
    }

    fn count_accounts(&self, region: &str, operation: Operation) -> u32 {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = accounts.get(&(region.to_owned(), operation.name));
        count.copied().unwrap_or_default()
    }
}

/// The operations and regions that failed to the last attempt. They are not called again.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    state: Mutex<State>,
    losses: Arc<Losses>,
}

#[derive(Debug, Default)]
struct State {
    answered: BTreeSet<(String, Option<&'static str>)>,
    regions: BTreeMap<String, Gap>,
    operations: BTreeMap<(String, &'static str), Gap>,
    silent_once: BTreeSet<(String, &'static str)>,
}

impl GivenUp {
    /// Returns one for an account of a run, which shares what the others gave up.
    pub(super) fn sharing(losses: Arc<Losses>) -> Self {
        GivenUp {
            losses,
            ..GivenUp::default()
        }
    }

    /// Returns how many times an operation is attempted in a region if it fails.
    pub(super) fn max_attempts(&self, region: &str, operation: Operation) -> u32 {
        match self.losses.count_accounts(region, operation) {
            ..LOST_ACCOUNTS => MAX_FAILURES,
            _ => 1,
        }
    }

    /// Returns the failure because of which an operation is not called in a region.
    pub(super) fn find_failure(&self, region: &str, operation: Operation) -> Option<Gap> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let gap = match state.regions.get(region) {
            Some(gap) => gap,
            None => state.operations.get(&(region.to_owned(), operation.name))?,
        };
        let first = &gap.operation;
        let message = format!("not called after {first} failed: {}", gap.message);
        let code = gap.code.clone().unwrap_or_default();
        Some(operation.make_gap(gap.kind, &code, message))
    }

    /// Records that a region responds, and the operation that succeeded.
    pub(super) fn record_answer(&self, region: &str, operation: Option<Operation>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.answered.insert((region.to_owned(), None));
        if let Some(operation) = operation {
            let answered = (region.to_owned(), Some(operation.name));
            state.answered.insert(answered);
        }
    }

    /// Records a call that failed to its last attempt. A region that never responded is given up, and an
    /// operation that does not respond, or whose response is a server error or endless. An operation that responded
    /// before may be silent once: a connection was lost.
    pub(super) fn record_failure(
        &self,
        region: &str,
        operation: Operation,
        gap: &Gap,
        is_hopeless: bool,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_timeout = gap.code.as_deref() == Some("Timeout");
        let is_silent = is_timeout || gap.code.as_deref() == Some("ConnectionError");
        if gap.kind != GapKind::Error || !(is_silent || is_hopeless) {
            return;
        }
        let answered = (region.to_owned(), None);
        if is_silent && !state.answered.contains(&answered) {
            let regions = &mut state.regions;
            if let Entry::Vacant(entry) = regions.entry(region.to_owned()) {
                entry.insert(gap.clone());
                self.losses.record_account(region, operation);
            }
            return;
        }
        let answered = (region.to_owned(), Some(operation.name));
        let failed = (region.to_owned(), operation.name);
        let is_first = is_timeout
            && state.answered.contains(&answered)
            && state.silent_once.insert(failed.clone());
        if is_first {
            return;
        }
        if let Entry::Vacant(entry) = state.operations.entry(failed) {
            entry.insert(gap.clone());
            self.losses.record_account(region, operation);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOLUMES: Operation = Operation::new("ec2:DescribeVolumes");
    const VPCS: Operation = Operation::new("ec2:DescribeVpcs");

    fn failed(code: &str) -> Gap {
        VOLUMES.make_gap(GapKind::Error, code, "no response within the timeout")
    }

    #[test]
    fn a_region_that_never_responded_is_given_up() {
        let given_up = GivenUp::default();
        given_up.record_failure("eu-west-3", VOLUMES, &failed("Timeout"), false);
        let gap = given_up
            .find_failure("eu-west-3", VPCS)
            .expect("the region is given up");
        assert_eq!(gap.operation, "ec2:DescribeVpcs");
        assert!(
            gap.message.contains("ec2:DescribeVolumes"),
            "{}",
            gap.message
        );
        assert_eq!(given_up.find_failure("eu-west-1", VPCS), None);
    }

    #[test]
    fn only_the_operation_is_given_up_in_a_region_that_responds() {
        let given_up = GivenUp::default();
        given_up.record_answer("eu-west-3", None);
        for (code, is_server_error) in [("Timeout", false), ("InternalError", true)] {
            given_up.record_failure("eu-west-3", VOLUMES, &failed(code), is_server_error);
            assert!(
                given_up.find_failure("eu-west-3", VOLUMES).is_some(),
                "{code}"
            );
            assert_eq!(given_up.find_failure("eu-west-3", VPCS), None, "{code}");
        }
    }

    #[test]
    fn an_operation_that_responded_is_given_up_when_it_is_silent_twice() {
        let given_up = GivenUp::default();
        given_up.record_answer("eu-west-3", Some(VOLUMES));
        given_up.record_failure("eu-west-3", VOLUMES, &failed("Timeout"), false);
        assert_eq!(given_up.find_failure("eu-west-3", VOLUMES), None);
        given_up.record_failure("eu-west-3", VOLUMES, &failed("Timeout"), false);
        assert!(given_up.find_failure("eu-west-3", VOLUMES).is_some());
    }

    #[test]
    fn what_three_accounts_gave_up_gets_one_attempt_in_the_others() {
        let losses = Arc::new(Losses::default());
        for account in 0..LOST_ACCOUNTS {
            let given_up = GivenUp::sharing(Arc::clone(&losses));
            given_up.record_answer("eu-west-3", None);
            assert_eq!(given_up.max_attempts("eu-west-3", VOLUMES), 3, "{account}");
            // An account counts once.
            for _ in 0..2 {
                given_up.record_failure("eu-west-3", VOLUMES, &failed("InternalError"), true);
            }
        }
        let given_up = GivenUp::sharing(losses);
        assert_eq!(given_up.max_attempts("eu-west-3", VOLUMES), 1);
        assert_eq!(given_up.max_attempts("eu-west-3", VPCS), 3);
        assert_eq!(given_up.max_attempts("eu-west-1", VOLUMES), 3);
        assert_eq!(given_up.find_failure("eu-west-3", VOLUMES), None);
    }

    #[test]
    fn what_is_denied_or_throttled_is_called_again() {
        let given_up = GivenUp::default();
        for kind in [GapKind::Denied, GapKind::Throttled] {
            let gap = VOLUMES.make_gap(kind, "AccessDenied", "");
            given_up.record_failure("eu-west-3", VOLUMES, &gap, true);
        }
        let rejected = VOLUMES.make_gap(GapKind::Error, "ValidationError", "");
        given_up.record_failure("eu-west-3", VOLUMES, &rejected, false);
        assert_eq!(given_up.find_failure("eu-west-3", VOLUMES), None);
    }
}
