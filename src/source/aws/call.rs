//! Sends calls to AWS: a bounded number at once, until the scan is stopped. Each failure becomes a gap
//! and each result is recorded for the coverage.

use std::future::Future;
use std::sync::Arc;

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::{Semaphore, watch};

use crate::model::observed::{Gap, GapKind, Listing};

use super::coverage::CoverageLog;
use super::error;
use super::meter::Meter;
use super::operation::Operation;

/// The result of an SDK call.
type Response<T, E> = Result<T, SdkError<E, HttpResponse>>;

/// The pages of an SDK paginator.
type Pages<P, E> = PaginationStream<Response<P, E>>;

/// The error of an SDK operation.
pub trait OperationError: ProvideErrorMetadata + std::error::Error + 'static {}

impl<E: ProvideErrorMetadata + std::error::Error + 'static> OperationError for E {}

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
    permits: Semaphore,
    stop: watch::Receiver<Stop>,
    meter: Arc<Meter>,
    coverage: CoverageLog,
}

impl Caller {
    /// Returns a caller that runs at most `concurrency` calls at once, until `stop` changes.
    #[must_use]
    pub fn new(concurrency: usize, stop: watch::Receiver<Stop>, meter: Arc<Meter>) -> Arc<Self> {
        Arc::new(Caller {
            permits: Semaphore::new(concurrency.max(1)),
            stop,
            meter,
            coverage: CoverageLog::default(),
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
        self.coverage.begin_service(region, service);
        self.meter.begin_service(region, service);
        ServiceCalls {
            caller: Arc::clone(self),
            region: region.to_owned(),
            service,
        }
    }
}

/// Calls of a service in a region. The progress display shows the service as done when this is dropped.
#[derive(Debug)]
pub struct ServiceCalls {
    caller: Arc<Caller>,
    region: String,
    service: &'static str,
}

impl Drop for ServiceCalls {
    fn drop(&mut self) {
        self.caller.meter.end_service(&self.region, self.service);
    }
}

impl ServiceCalls {
    /// Sends one call and records its result.
    ///
    /// # Errors
    /// The gap that the failure leaves.
    pub async fn send_call<T, E: OperationError>(
        &self,
        operation: Operation,
        call: impl Future<Output = Response<T, E>>,
    ) -> Result<T, Gap> {
        let response = self.attempt_call(operation, call).await;
        self.record_call(operation, response.as_ref().err());
        response
    }

    /// Sends one call for something that may not exist: `None` if AWS answers with one of the error
    /// codes in `absent`.
    ///
    /// # Errors
    /// The gap that any other failure leaves.
    pub async fn find_optional<T, E: OperationError>(
        &self,
        operation: Operation,
        absent: &[&str],
        call: impl Future<Output = Response<T, E>>,
    ) -> Result<Option<T>, Gap> {
        let response = match self.attempt_call(operation, call).await {
            Ok(found) => Ok(Some(found)),
            Err(gap) if has_code(&gap, absent) => Ok(None),
            Err(gap) => Err(gap),
        };
        self.record_call(operation, response.as_ref().err());
        response
    }

    /// Reads a list to its end, or to the first page that fails.
    ///
    /// `items` returns the items of a page. A page without a list counts as failed, and an item without
    /// its identifier leaves a gap in the listing.
    pub async fn list_items<P, I, E: OperationError>(
        &self,
        operation: Operation,
        pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
    ) -> Listing<I> {
        self.list_optional(operation, &[], pages, items).await
    }

    /// Reads a list as [`ServiceCalls::list_items`] does. The list is empty if AWS answers with one of
    /// the error codes in `absent`.
    pub async fn list_optional<P, I, E: OperationError>(
        &self,
        operation: Operation,
        absent: &[&str],
        pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
    ) -> Listing<I> {
        let mut read = Vec::new();
        let gap = self
            .read_pages(operation, absent, pages, items, |item| read.push(item))
            .await;
        Listing { items: read, gap }
    }

    /// Reads a list as [`ServiceCalls::list_items`] does and passes each item to `visit`, for lists that
    /// are not kept in full. Returns the reason why there may be more items.
    pub async fn visit_items<P, I, E: OperationError>(
        &self,
        operation: Operation,
        pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
        visit: impl FnMut(I),
    ) -> Option<Gap> {
        self.read_pages(operation, &[], pages, items, visit).await
    }

    async fn read_pages<P, I, E: OperationError>(
        &self,
        operation: Operation,
        absent: &[&str],
        mut pages: Pages<P, E>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
        mut visit: impl FnMut(I),
    ) -> Option<Gap> {
        let mut first_gap = None;
        loop {
            let page = self
                .attempt_call(operation, async { pages.next().await.transpose() })
                .await;
            let read = page.and_then(|page| match page {
                None => Ok(None),
                Some(page) => items(page)
                    .map(Some)
                    .ok_or_else(|| unreadable_gap(operation, "the response has no list")),
            });
            match read {
                Ok(None) => return first_gap,
                Ok(Some(items)) => {
                    self.record_call(operation, None);
                    if items.iter().any(Option::is_none) {
                        let message = "an item in the response has no identifier";
                        let gap = unreadable_gap(operation, message);
                        self.record_call(operation, Some(&gap));
                        first_gap.get_or_insert(gap);
                    }
                    items.into_iter().flatten().for_each(&mut visit);
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

    async fn attempt_call<T, E: OperationError>(
        &self,
        operation: Operation,
        call: impl Future<Output = Response<T, E>>,
    ) -> Result<T, Gap> {
        let mut stop = self.caller.stop.clone();
        tokio::select! {
            biased;
            stopped = stop.wait_for(|stop| *stop != Stop::No) => {
                let timed_out = stopped.is_ok_and(|stop| *stop == Stop::TimedOut);
                Err(interrupted_gap(operation, timed_out))
            }
            response = async {
                let _permit = self.caller.permits.acquire().await;
                call.await
            } => response.map_err(|error| {
                let gap = error::gap_from_error(operation, &error);
                tracing::debug!(region = self.region, operation = operation.name, code = gap.code, "{}", gap.message);
                gap
            }),
        }
    }

    fn record_call(&self, operation: Operation, gap: Option<&Gap>) {
        self.caller
            .coverage
            .record_call(&self.region, self.service, operation, gap);
    }
}

fn has_code(gap: &Gap, codes: &[&str]) -> bool {
    gap.code
        .as_deref()
        .is_some_and(|code| codes.contains(&code))
}

fn unreadable_gap(operation: Operation, message: &str) -> Gap {
    operation.make_gap(GapKind::Error, "UnreadableAnswer", message)
}

fn interrupted_gap(operation: Operation, timed_out: bool) -> Gap {
    let (code, message) = match timed_out {
        true => ("TimedOut", "--timeout expired"),
        false => ("Interrupted", "the scan was interrupted"),
    };
    operation.make_gap(GapKind::Interrupted, code, message)
}
