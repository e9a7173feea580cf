//! One way to call AWS: bounded, stoppable, every failure a gap, every answer in the books.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::{Semaphore, watch};

use crate::model::coverage::{Coverage, CoverageError, CoverageState};
use crate::model::observed::{Gap, GapKind, Listing, Observed};

use super::SERVICES;
use super::ec2::DESCRIBE_REGIONS;
use super::meter::{Meter, THROTTLING_CODES};
use super::tagging::GET_RESOURCES;

/// An operation of AWS, and the IAM action that allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operation {
    /// As AWS names it: `s3:GetBucketEncryption`.
    pub name: &'static str,
    /// As IAM names it: `s3:GetEncryptionConfiguration`.
    pub action: &'static str,
}

impl Operation {
    /// An operation whose IAM action has the same name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Operation { name, action: name }
    }

    /// An operation whose IAM action has another name.
    #[must_use]
    pub const fn with_action(name: &'static str, action: &'static str) -> Self {
        Operation { name, action }
    }

    /// A gap that this operation left, with words of ours.
    #[must_use]
    pub fn gap(self, kind: GapKind, code: &str, message: impl Into<String>) -> Gap {
        Gap {
            kind,
            operation: self.name.to_owned(),
            action: self.action.to_owned(),
            code: Some(code.to_owned()),
            message: message.into(),
        }
    }

    /// A field of an answer, which AWS may leave out.
    pub fn field<T>(self, value: Option<T>, name: &str) -> Observed<T> {
        match value {
            Some(value) => Observed::Known(value),
            None => Observed::Unknown(Gap::told(
                GapKind::Unreadable,
                format!("the answer of {} has no {name}", self.name),
            )),
        }
    }
}

/// Why calls under way are given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// They are not.
    No,
    /// The user stopped the scan.
    Interrupted,
    /// The time that the scan may take has passed.
    TimedOut,
}

/// How one operation fared in one region.
#[derive(Debug, Default)]
struct Tally {
    answered: usize,
    failed: usize,
    first: Option<Gap>,
}

type Books = BTreeMap<(String, &'static str), BTreeMap<&'static str, Tally>>;

/// What all calls of a scan share.
#[derive(Debug)]
pub struct Caller {
    permits: Semaphore,
    stop: watch::Receiver<Stop>,
    meter: Arc<Meter>,
    books: Mutex<Books>,
}

impl Caller {
    /// A caller that runs at most `concurrency` calls at once and gives up when told to stop.
    #[must_use]
    pub fn new(concurrency: usize, stop: watch::Receiver<Stop>, meter: Arc<Meter>) -> Arc<Self> {
        Arc::new(Caller {
            permits: Semaphore::new(concurrency.max(1)),
            stop,
            meter,
            books: Mutex::default(),
        })
    }

    /// The counters of the scan.
    #[must_use]
    pub fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Whether the scan was told to stop.
    #[must_use]
    pub fn stop(&self) -> Stop {
        *self.stop.borrow()
    }

    /// A service in a region, opened in the books and in the progress.
    pub fn scope(self: &Arc<Self>, region: &str, service: &'static str) -> Scope {
        self.books()
            .entry((region.to_owned(), service))
            .or_default();
        self.meter.begin(region, service);
        Scope {
            caller: Arc::clone(self),
            region: region.to_owned(),
            service,
        }
    }

    /// Notes that a region is not enabled for the account.
    pub fn disabled(&self, region: &str) {
        for (service, _) in SERVICES {
            let tally = Tally {
                first: Some(Gap::told(GapKind::RegionDisabled, "")),
                ..Tally::default()
            };
            self.books()
                .entry((region.to_owned(), service))
                .or_default()
                .insert("", tally);
        }
    }

    /// Notes for a region what a call that served all of them came to.
    pub fn note(
        &self,
        region: &str,
        service: &'static str,
        operation: Operation,
        gap: Option<&Gap>,
    ) {
        let mut books = self.books();
        let tally = books
            .entry((region.to_owned(), service))
            .or_default()
            .entry(operation.name)
            .or_default();
        match gap {
            None => tally.answered += 1,
            Some(gap) => {
                tally.failed += 1;
                tally.first.get_or_insert_with(|| gap.clone());
            }
        }
    }

    // A panic in another task leaves the books as they were, which is fine to read.
    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One row per region and service asked.
    pub fn coverage(&self, count: impl Fn(&str, &str) -> usize) -> Vec<Coverage> {
        let books = self.books();
        let rows = books
            .iter()
            .filter(|((_, service), _)| SERVICES.iter().any(|(name, _)| name == service));
        rows.map(|((region, service), tallies)| {
            let (state, error) = summary(tallies);
            Coverage {
                region: region.clone(),
                service: (*service).to_owned(),
                state,
                resources: count(region, service),
                error,
            }
        })
        .collect()
    }
}

/// The name under which calls that serve several services stand in the books. They have no row of
/// their own: what came of them is noted for each service that they serve.
pub const SHARED: &str = "shared";

fn summary(tallies: &BTreeMap<&'static str, Tally>) -> (CoverageState, Option<CoverageError>) {
    let mut failures = tallies
        .values()
        .filter_map(|tally| Some((tally, tally.first.as_ref()?)));
    // An operation that failed throughout says more than one that failed once.
    let failure = failures
        .clone()
        .find(|(tally, _)| tally.answered == 0)
        .or_else(|| failures.next());
    let Some((tally, gap)) = failure else {
        return (CoverageState::Scanned, None);
    };
    // Without tags, or without the list of regions, the service itself was read.
    let beside = [GET_RESOURCES.name, DESCRIBE_REGIONS.name].contains(&gap.operation.as_str());
    let state = match gap.kind {
        GapKind::RegionDisabled => return (CoverageState::Disabled, None),
        _ if tally.answered > 0 || beside => CoverageState::Partial,
        GapKind::Denied => CoverageState::Denied,
        _ => CoverageState::Error,
    };
    let error = CoverageError {
        code: gap.code.clone().unwrap_or_default(),
        operation: gap.operation.clone(),
        message: gap.message.clone(),
    };
    (state, Some(error))
}

/// A service in a region, for as long as it is being read.
#[derive(Debug)]
pub struct Scope {
    caller: Arc<Caller>,
    region: String,
    service: &'static str,
}

impl Drop for Scope {
    fn drop(&mut self) {
        self.caller.meter.end(&self.region, self.service);
    }
}

impl Scope {
    /// Sends one call and notes how it went.
    ///
    /// # Errors
    /// The gap that the failure leaves.
    pub async fn call<T, E>(
        &self,
        operation: Operation,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Gap>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let answer = self.attempt(operation, send).await;
        self.caller
            .note(&self.region, self.service, operation, answer.as_ref().err());
        answer
    }

    /// Sends one call for something that need not be there: `None` where AWS says, with one of these
    /// codes, that it is not.
    ///
    /// # Errors
    /// The gap that any other failure leaves.
    pub async fn find<T, E>(
        &self,
        operation: Operation,
        absent: &[&str],
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<Option<T>, Gap>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let answer = match self.attempt(operation, send).await {
            Ok(found) => Ok(Some(found)),
            Err(gap)
                if gap
                    .code
                    .as_deref()
                    .is_some_and(|code| absent.contains(&code)) =>
            {
                Ok(None)
            }
            Err(gap) => Err(gap),
        };
        self.caller
            .note(&self.region, self.service, operation, answer.as_ref().err());
        answer
    }

    /// Reads a list to its end, or to the page that failed.
    pub async fn list<P, I, E>(
        &self,
        operation: Operation,
        mut pages: PaginationStream<Result<P, SdkError<E, HttpResponse>>>,
        items: impl Fn(P) -> Vec<I>,
    ) -> Listing<I>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut listing = Listing::complete(Vec::new());
        loop {
            let page = self
                .attempt(operation, async { pages.next().await.transpose() })
                .await;
            match page {
                Ok(None) => return listing,
                Ok(Some(page)) => {
                    self.caller
                        .note(&self.region, self.service, operation, None);
                    listing.items.extend(items(page));
                }
                Err(gap) => {
                    self.caller
                        .note(&self.region, self.service, operation, Some(&gap));
                    listing.gap = Some(gap);
                    return listing;
                }
            }
        }
    }

    async fn attempt<T, E>(
        &self,
        operation: Operation,
        send: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Gap>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut stop = self.caller.stop.clone();
        tokio::select! {
            biased;
            told = stop.wait_for(|stop| *stop != Stop::No) => {
                let timed_out = told.is_ok_and(|stop| *stop == Stop::TimedOut);
                Err(if timed_out {
                    operation.gap(GapKind::Interrupted, "TimedOut", "the time that --timeout allows had passed")
                } else {
                    operation.gap(GapKind::Interrupted, "Interrupted", "the scan was stopped")
                })
            }
            answer = async {
                let _permit = self.caller.permits.acquire().await;
                send.await
            } => answer.map_err(|error| {
                let gap = gap(operation, &error);
                tracing::debug!(region = self.region, operation = operation.name, code = gap.code, "{}", gap.message);
                gap
            }),
        }
    }
}

/// Codes with which AWS denies a call.
const DENIAL_CODES: [&str; 9] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "AuthorizationError",
    "AuthorizationErrorException",
    "ForbiddenException",
    "NotAuthorized",
    "UnauthorizedException",
    "UnauthorizedOperation",
];

fn gap<E>(operation: Operation, error: &SdkError<E, HttpResponse>) -> Gap
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error
        .raw_response()
        .map(|response| response.status().as_u16());
    match error {
        SdkError::ServiceError(context) => {
            let known = context.err().code().unwrap_or_default();
            let message = context.err().message().unwrap_or_default();
            // Answers to HEAD have no body, and so no code.
            let code = match (known, status) {
                ("", Some(403)) => "AccessDenied",
                ("", Some(404)) => "NotFound",
                ("", Some(503)) => "SlowDown",
                ("", _) => "Unknown",
                (code, _) => code,
            };
            let kind = if DENIAL_CODES.contains(&code)
                || DENIAL_CODES
                    .iter()
                    .any(|it| code.ends_with(&format!(".{it}")))
            {
                GapKind::Denied
            } else if THROTTLING_CODES.contains(&code) {
                GapKind::Throttled
            } else {
                GapKind::Error
            };
            operation.gap(kind, code, shortened(message))
        }
        SdkError::TimeoutError(_) => operation.gap(GapKind::Error, "Timeout", "no answer in time"),
        SdkError::DispatchFailure(failure) => {
            let code = if failure.is_timeout() {
                "Timeout"
            } else {
                "ConnectionError"
            };
            operation.gap(GapKind::Error, code, innermost(error))
        }
        SdkError::ResponseError(_) => {
            operation.gap(GapKind::Error, "UnreadableAnswer", innermost(error))
        }
        _ => operation.gap(GapKind::Error, "RequestError", innermost(error)),
    }
}

/// The last error of a chain: the one that says what really happened.
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    match last.downcast_ref::<ErrorMetadata>() {
        Some(answer) => {
            let (code, message) = (answer.code(), answer.message());
            shortened(&format!(
                "{}: {}",
                code.unwrap_or("Unknown"),
                message.unwrap_or_default()
            ))
        }
        None => shortened(&last.to_string()),
    }
}

// A proxy's error page is no message.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 400;
    let line = message.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tallies(list: &[(&'static str, usize, usize, GapKind)]) -> BTreeMap<&'static str, Tally> {
        list.iter()
            .map(|(name, answered, failed, kind)| {
                let first = (*failed > 0).then(|| Operation::new(name).gap(*kind, "Code", "said"));
                (
                    *name,
                    Tally {
                        answered: *answered,
                        failed: *failed,
                        first,
                    },
                )
            })
            .collect()
    }

    #[test]
    fn a_row_tells_the_worst_of_its_operations() {
        for (list, state, operation) in [
            (
                &[("a:Read", 3, 0, GapKind::Error)][..],
                CoverageState::Scanned,
                None,
            ),
            (
                &[
                    ("a:List", 1, 0, GapKind::Error),
                    ("a:Read", 0, 3, GapKind::Denied),
                ],
                CoverageState::Denied,
                Some("a:Read"),
            ),
            (
                &[
                    ("a:List", 1, 1, GapKind::Error),
                    ("a:Read", 3, 0, GapKind::Error),
                ],
                CoverageState::Partial,
                Some("a:List"),
            ),
            (
                &[("tag:GetResources", 0, 1, GapKind::Denied)],
                CoverageState::Partial,
                Some("tag:GetResources"),
            ),
            (
                &[("a:List", 0, 1, GapKind::Throttled)],
                CoverageState::Error,
                Some("a:List"),
            ),
            (
                &[
                    ("a:List", 1, 1, GapKind::Error),
                    ("a:Read", 0, 1, GapKind::Denied),
                ],
                CoverageState::Denied,
                Some("a:Read"),
            ),
            (
                &[("", 0, 1, GapKind::RegionDisabled)],
                CoverageState::Disabled,
                None,
            ),
            (&[], CoverageState::Scanned, None),
        ] {
            let (got, error) = summary(&tallies(list));
            assert_eq!(got, state, "{list:?}");
            assert_eq!(
                error.map(|error| error.operation).as_deref(),
                operation,
                "{list:?}"
            );
        }
    }

    #[test]
    fn long_messages_are_cut_at_a_character() {
        let message = shortened(&"ä".repeat(1000));
        assert_eq!(message.chars().count(), 403);
        assert_eq!(shortened("a\n  b"), "a b");
    }
}
