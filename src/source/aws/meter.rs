//! Counts calls, retries and throttled responses, and keeps the state of the progress display.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeTransmitInterceptorContextRef, FinalizerInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::retries::RequestAttempts;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;

use crate::model::coverage::Stats;

use super::retry::{record_attempt, record_throttled};

/// Error codes of throttled calls, as in the SDK's list.
///
/// Source: <https://docs.rs/aws-runtime/latest/aws_runtime/retries/classifiers/constant.THROTTLING_ERRORS.html>.
pub const THROTTLING_CODES: [&str; 13] = [
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// The counters of a scan.
#[derive(Debug, Default)]
pub struct Meter {
    calls: AtomicU64,
    retries: AtomicU64,
    throttled: AtomicU64,
    // Open and finished readers by region and service.
    progress: Mutex<BTreeMap<(String, &'static str), Progress>>,
    last_failure: Mutex<Option<Failure>>,
}

/// An attempt that failed for a reason for which calls are retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The service, in lower case: `ec2`.
    pub service: String,
    /// The region of the endpoint.
    pub region: String,
    /// The HTTP status, `500`, or that there was no response.
    pub reason: String,
}

/// The progress of a service in a region.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Readers in progress.
    pub open: usize,
    /// Finished readers.
    pub done: usize,
}

impl Meter {
    /// Returns the counts so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            api_calls: self.calls.load(Ordering::Relaxed),
            retries: self.retries.load(Ordering::Relaxed),
            throttled: self.throttled.load(Ordering::Relaxed),
        }
    }

    /// Returns the progress of each service in each region.
    #[must_use]
    pub fn progress(&self) -> BTreeMap<(String, &'static str), Progress> {
        self.progress
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Returns the last attempt that failed for a reason for which calls are retried.
    #[must_use]
    pub fn last_failure(&self) -> Option<Failure> {
        let failure = self.last_failure.lock();
        failure.unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record_failure(&self, failure: Failure) {
        let last = self.last_failure.lock();
        *last.unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }

    pub(super) fn begin_service(&self, region: &str, service: &'static str) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress
            .entry((region.to_owned(), service))
            .or_default()
            .open += 1;
    }

    pub(super) fn end_service(&self, region: &str, service: &'static str) {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = progress.entry((region.to_owned(), service)).or_default();
        entry.open = entry.open.saturating_sub(1);
        entry.done += 1;
        if entry.open == 0 {
            tracing::info!(region, service, "read");
        }
    }
}

/// An SDK interceptor that counts the calls to a region in a [`Meter`].
#[derive(Debug, Clone)]
pub struct Counter {
    /// The counters.
    pub meter: Arc<Meter>,
    /// The region of the client.
    pub region: String,
}

#[dyn_dispatch_hint]
impl Intercept for Counter {
    fn name(&self) -> &'static str {
        "Counter"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        record_attempt();
        self.meter.calls.fetch_add(1, Ordering::Relaxed);
        let attempt = cfg.load::<RequestAttempts>().map_or(1, |it| it.attempts());
        let is_retry = attempt > 1;
        if is_retry {
            self.meter.retries.fetch_add(1, Ordering::Relaxed);
            let failure = self.meter.last_failure();
            tracing::info!(
                region = self.region,
                operation = cfg.load::<Metadata>().map(|it| it.name()),
                attempt,
                reason = failure.map(|it| it.reason),
                "retry"
            );
        }
        if let Some(metadata) = cfg.load::<Metadata>() {
            tracing::trace!(
                service = metadata.service(),
                operation = metadata.name(),
                is_retry,
                "call"
            );
        }
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response();
        let is_throttled = response.is_some_and(is_throttle);
        if is_throttled {
            record_throttled();
            self.meter.throttled.fetch_add(1, Ordering::Relaxed);
        }
        if is_throttled || response.is_none_or(|it| it.status().as_u16() >= 500) {
            let service = cfg.load::<Metadata>().map_or("", |it| it.service());
            self.meter.record_failure(Failure {
                service: service.replace(' ', "").to_lowercase(),
                region: self.region.clone(),
                reason: match response {
                    Some(response) => response.status().as_u16().to_string(),
                    None => "no response".to_owned(),
                },
            });
        }
        Ok(())
    }
}

// The protocol decides whether the code is in a header or in the body. This only feeds a counter: the
// scan handles throttling by the typed error.
fn is_throttle(response: &HttpResponse) -> bool {
    if response.status().is_success() {
        return false;
    }
    let header = response
        .headers()
        .get("x-amzn-errortype")
        .unwrap_or_default();
    let body = response
        .body()
        .bytes()
        .map(String::from_utf8_lossy)
        .unwrap_or_default();
    response.status().as_u16() == 429
        || THROTTLING_CODES.iter().any(|code| {
            header.starts_with(code)
                || body.contains(&format!("<Code>{code}<"))
                || body.contains(&format!("{code}\""))
        })
}
