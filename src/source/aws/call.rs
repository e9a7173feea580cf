//! Sends calls to AWS: a bounded number at once, until the scan is stopped. Each failure becomes a gap
//! and each result is recorded for the coverage.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

use crate::model::observed::{Gap, GapKind, Listing};
use crate::text::escape_invisible;

use super::coverage::CoverageLog;
use super::error::FailedCall;
use super::meter::Meter;
use super::operation::Operation;
use super::page::{MAX_ITEMS, Page, PageTokens};
use super::rate::{RateLimits, Turn};
use super::retry::{GivenUp, Losses, limit_attempts_to};
use super::task::{Task, Turns};
use super::truncation::EndlessResponse;

/// The result of an SDK call.
type Response<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// The pages of an SDK paginator.
type Pages<P, E> = PaginationStream<Response<P, E>>;

/// The error of an SDK operation.
pub trait OperationError: ProvideErrorMetadata + std::error::Error + Send + 'static {}

impl<E: ProvideErrorMetadata + std::error::Error + Send + 'static> OperationError for E {}

/// An SDK call that is not sent yet.
pub trait Call<T, E>: Future<Output = Response<T, E>> + Send + 'static {}

impl<T, E, F: Future<Output = Response<T, E>> + Send + 'static> Call<T, E> for F {}

/// A call where it is made: the SDK's have 7 KB, and each future that contained one would have more.
type BoxedCall<T, E> = Pin<Box<dyn Call<T, E>>>;

/// Whether calls in progress are given up, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The scan continues.
    No,
    /// The user interrupted the scan.
    Interrupted,
    /// `--timeout` expired.
    TimedOut,
}

/// What all calls of a scan share.
#[derive(Debug)]
pub struct Caller {
    permits: Arc<Semaphore>,
    turns: Turns,
    stop: watch::Receiver<Stop>,
    meter: Arc<Meter>,
    coverage: CoverageLog,
    limits: RateLimits,
    given_up: GivenUp,
    max_calls: Option<u64>,
    started_calls: AtomicU64,
    kept_items: AtomicUsize,
}

impl Caller {
    /// Returns a caller that sends calls as `permits` allow, which callers of several accounts may share, until
    /// `stop` changes or until `max_calls` calls were sent.
    #[must_use]
    pub fn new(
        permits: Arc<Semaphore>,
        max_calls: Option<u64>,
        stop: watch::Receiver<Stop>,
        meter: Arc<Meter>,
    ) -> Arc<Self> {
        Caller::in_run(permits, max_calls, stop, meter, Arc::default())
    }

    /// Returns a caller as [`Caller::new`] does, for an account of a run. It shares what the others gave up.
    #[must_use]
    pub fn in_run(
        permits: Arc<Semaphore>,
        max_calls: Option<u64>,
        stop: watch::Receiver<Stop>,
        meter: Arc<Meter>,
        losses: Arc<Losses>,
    ) -> Arc<Self> {
        Arc::new(Caller {
            permits,
            turns: Turns::default(),
            stop,
            meter,
            coverage: CoverageLog::default(),
            limits: RateLimits::default(),
            given_up: GivenUp::sharing(losses),
            max_calls,
            started_calls: AtomicU64::new(0),
            kept_items: AtomicUsize::new(0),
        })
    }

    /// Returns the results of all calls.
    #[must_use]
    pub fn coverage_log(&self) -> &CoverageLog {
        &self.coverage
    }

    /// Returns the counters of the scan.
    #[must_use]
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Whether the scan was stopped.
    #[must_use]
    pub fn stop_reason(&self) -> Stop {
        *self.stop.borrow()
    }

    /// Begins calls of a service in a region, for the coverage and for the progress display.
    pub fn begin_service(self: &Arc<Self>, region: &str, service: &'static str) -> ServiceCalls {
        self.begin_services(region, vec![service])
    }

    /// Begins calls in a region that read several services at once. Their results count for each.
    pub fn begin_services(
        self: &Arc<Self>,
        region: &str,
        services: Vec<&'static str>,
    ) -> ServiceCalls {
        for service in &services {
            self.coverage.begin_service(region, service);
            self.meter.begin_service(region, service);
        }
        ServiceCalls {
            caller: Arc::clone(self),
            region: region.to_owned(),
            services,
        }
    }
}

/// Calls of services in a region. The progress display shows the services as done when this is dropped.
#[derive(Debug)]
pub struct ServiceCalls {
    caller: Arc<Caller>,
    region: String,
    services: Vec<&'static str>,
}

impl Drop for ServiceCalls {
    fn drop(&mut self) {
        for service in &self.services {
            self.caller.meter.end_service(&self.region, service);
        }
    }
}

impl ServiceCalls {
    /// Sends one call and records its result.
    ///
    /// # Errors
    /// The gap that the failure leaves.
    pub fn send_call<T: Send + 'static, E: OperationError>(
        &self,
        operation: Operation,
        call: impl Call<T, E>,
    ) -> impl Future<Output = Result<T, Gap>> {
        let call = Box::pin(call);
        async move {
            let response = self.attempt_call(operation, call).await;
            self.record_call(operation, response.as_ref().err());
            response
        }
    }

    /// Sends one call for something that may not exist: `None` if AWS answers with one of the error
    /// codes in `absent`.
    ///
    /// # Errors
    /// The gap that any other failure leaves.
    pub fn find_optional<T: Send + 'static, E: OperationError>(
        &self,
        operation: Operation,
        absent: &[&str],
        call: impl Call<T, E>,
    ) -> impl Future<Output = Result<Option<T>, Gap>> {
        let call = Box::pin(call);
        async move {
            let response = match self.attempt_call(operation, call).await {
                Ok(found) => Ok(Some(found)),
                Err(gap) if has_code(&gap, absent) => Ok(None),
                Err(gap) => Err(gap),
            };
            self.record_call(operation, response.as_ref().err());
            response
        }
    }

    /// Reads a list to its end, or to the first page that fails.
    ///
    /// `items` returns the items of a page. A page without a list counts as failed, and an item without
    /// its identifier leaves a gap in the listing.
    pub async fn list_items<P: Page, I, E: OperationError>(
        &self,
        operation: Operation,
        pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
    ) -> Listing<I> {
        self.list_optional(operation, &[], pages, items).await
    }

    /// Reads a list as [`ServiceCalls::list_items`] does. The list is empty if AWS answers with one of
    /// the error codes in `absent`.
    pub async fn list_optional<P: Page, I, E: OperationError>(
        &self,
        operation: Operation,
        absent: &[&str],
        pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
    ) -> Listing<I> {
        let mut read = Vec::new();
        let kept = &self.caller.kept_items;
        let keep = |item| {
            read.push(item);
            kept.fetch_add(1, Ordering::Relaxed) < MAX_ITEMS
        };
        let gap = self.read_pages(operation, absent, pages, items, keep).await;
        Listing { items: read, gap }
    }

    /// Reads a list as [`ServiceCalls::list_items`] does and passes each item to `visit`, for lists that
    /// are not kept in full. Returns the reason why there may be more items.
    pub async fn visit_items<P: Page, I, E: OperationError>(
        &self,
        operation: Operation,
        pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
        mut visit: impl FnMut(I),
    ) -> Option<Gap> {
        let visit = |item| {
            visit(item);
            true
        };
        self.read_pages(operation, &[], pages, items, visit).await
    }

    /// Reads pages and passes each item to `visit`, until that returns that there is no room for more.
    async fn read_pages<P: Page, I, E: OperationError>(
        &self,
        operation: Operation,
        absent: &[&str],
        mut pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
        mut visit: impl FnMut(I) -> bool,
    ) -> Option<Gap> {
        let mut first_gap = None;
        let mut tokens = PageTokens::default();
        loop {
            let next = async move {
                let page = pages.next().await.transpose()?;
                Ok((page, pages))
            };
            match self.attempt_call(operation, Box::pin(next)).await {
                // The SDK ends a list when two tokens in a row are equal.
                Ok((None, _)) if tokens.has_next() => {
                    return Some(self.reject_page(operation, "a page token repeats"));
                }
                Ok((None, _)) => return first_gap,
                Ok((Some(page), rest)) => {
                    pages = rest;
                    let fault = tokens.record_page(&page);
                    let Some(items) = items(page) else {
                        return Some(self.reject_page(operation, "the response has no list"));
                    };
                    self.record_call(operation, None);
                    if items.iter().any(Option::is_none) {
                        let message = "an item in the response has no identifier";
                        first_gap.get_or_insert(self.reject_page(operation, message));
                    }
                    if !items.into_iter().flatten().all(&mut visit) {
                        let message = "the scan has read more than 2,000,000 items";
                        return Some(self.reject_page(operation, message));
                    }
                    if let Some(fault) = fault {
                        return Some(self.reject_page(operation, fault));
                    }
                    // The end of a list is no call: it needs no turn and does not count for --max-calls.
                    if !tokens.has_next() {
                        return first_gap;
                    }
                }
                Err(gap) if has_code(&gap, absent) => {
                    self.record_call(operation, None);
                    return first_gap;
                }
                Err(gap) => {
                    self.record_call(operation, Some(&gap));
                    return Some(gap);
                }
            }
        }
    }

    /// Records a response that cannot be used, and returns the gap that it leaves.
    fn reject_page(&self, operation: Operation, message: &str) -> Gap {
        let gap = operation.make_gap(GapKind::Error, "UnreadableAnswer", message);
        self.record_call(operation, Some(&gap));
        gap
    }

    async fn attempt_call<T: Send + 'static, E: OperationError>(
        &self,
        operation: Operation,
        call: BoxedCall<T, E>,
    ) -> Result<T, Gap> {
        let caller = &self.caller;
        let mut stop = caller.stop.clone();
        tokio::select! {
            biased;
            stopped = stop.wait_for(|stop| *stop != Stop::No) => {
                let timed_out = stopped.is_ok_and(|stop| *stop == Stop::TimedOut);
                Err(interrupted_gap(operation, timed_out))
            }
            response = async {
                let (most, turn, _permit) = self.begin_call(operation).await?;
                // All cores sign requests and parse responses.
                let response = Task::spawn_in_turn(&caller.turns, limit_attempts_to(most, turn, call)).await;
                response.map_err(|error| self.explain_failure(operation, &FailedCall::new(&error)))
            } => {
                if response.is_ok() {
                    caller.given_up.record_answer(&self.region, Some(operation));
                }
                response
            }
        }
    }

    /// Waits until a call may be sent. Returns how often it may be attempted, and what it holds until it ends.
    ///
    /// # Errors
    /// It is not worth sending.
    async fn begin_call(
        &self,
        operation: Operation,
    ) -> Result<(u32, Turn, Option<SemaphorePermit<'_>>), Gap> {
        let caller = &self.caller;
        let turn = caller.limits.wait_for_turn(&self.region, operation).await;
        let permit = caller.permits.acquire().await.ok();
        self.refuse_call(operation)?;
        let most = caller.given_up.max_attempts(&self.region, operation);
        Ok((most, turn, permit))
    }

    /// Refuses a call that is not worth sending.
    fn refuse_call(&self, operation: Operation) -> Result<(), Gap> {
        if let Some(gap) = self.caller.given_up.find_failure(&self.region, operation) {
            return Err(gap);
        }
        let caller = &self.caller;
        let sent = caller.started_calls.fetch_add(1, Ordering::Relaxed);
        match caller.max_calls {
            Some(max) if sent + caller.meter.stats().retries >= max => {
                let message = format!("the limit of --max-calls {max} was reached");
                Err(operation.make_gap(GapKind::Interrupted, "MaxCalls", message))
            }
            _ => Ok(()),
        }
    }

    fn explain_failure(&self, operation: Operation, failed: &FailedCall<'_>) -> Gap {
        let gap = failed.to_gap(operation);
        tracing::debug!(
            region = self.region,
            operation = operation.name,
            code = gap.code,
            "{}",
            escape_invisible(&gap.message)
        );
        let status = failed.status();
        let given_up = &self.caller.given_up;
        if status.is_some() {
            given_up.record_answer(&self.region, None);
        }
        let is_hopeless =
            status.is_some_and(|status| status >= 500) || EndlessResponse::caused(failed.error);
        given_up.record_failure(&self.region, operation, &gap, is_hopeless);
        gap
    }

    fn record_call(&self, operation: Operation, gap: Option<&Gap>) {
        let coverage = &self.caller.coverage;
        for service in &self.services {
            coverage.record_call(&self.region, service, operation, gap);
        }
    }
}

fn has_code(gap: &Gap, codes: &[&str]) -> bool {
    gap.code
        .as_deref()
        .is_some_and(|code| codes.contains(&code))
}

fn interrupted_gap(operation: Operation, timed_out: bool) -> Gap {
    let (code, message) = match timed_out {
        true => ("TimedOut", "--timeout expired"),
        false => ("Interrupted", "the scan was interrupted"),
    };
    operation.make_gap(GapKind::Interrupted, code, message)
}
