//! One way to call AWS: bounded, stoppable, every failure a gap, every answer in the books.

use std::future::Future;
use std::sync::Arc;

use aws_smithy_async::future::pagination_stream::PaginationStream;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::{Semaphore, watch};

use crate::model::observed::{Gap, GapKind, Listing, Observed};

use super::coverage::Books;
use super::error;
use super::meter::Meter;

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
            None => Observed::Unknown(Gap::new(
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

/// What all calls of a scan share.
#[derive(Debug)]
pub struct Caller {
    permits: Semaphore,
    stop: watch::Receiver<Stop>,
    meter: Arc<Meter>,
    books: Books,
}

impl Caller {
    /// A caller that runs at most `concurrency` calls at once and gives up when told to stop.
    #[must_use]
    pub fn new(concurrency: usize, stop: watch::Receiver<Stop>, meter: Arc<Meter>) -> Arc<Self> {
        Arc::new(Caller {
            permits: Semaphore::new(concurrency.max(1)),
            stop,
            meter,
            books: Books::default(),
        })
    }

    /// What was asked, and how it was answered.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
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
        self.books.open(region, service);
        self.meter.begin(region, service);
        Scope {
            caller: Arc::clone(self),
            region: region.to_owned(),
            service,
        }
    }
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
    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

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
            .books
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
            .books
            .note(&self.region, self.service, operation, answer.as_ref().err());
        answer
    }

    /// Reads a list to its end, or to the page that failed. A page without a list is one that failed,
    /// and an item of which the answer leaves out the name is a gap in the list.
    pub async fn list<P, I, E>(
        &self,
        operation: Operation,
        pages: PaginationStream<Result<P, SdkError<E, HttpResponse>>>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
    ) -> Listing<I>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.list_of(operation, &[], pages, items).await
    }

    /// Reads a list of what was named and need not be there: it is empty where AWS says, with one of
    /// these codes, that it is not.
    pub async fn list_of<P, I, E>(
        &self,
        operation: Operation,
        absent: &[&str],
        pages: PaginationStream<Result<P, SdkError<E, HttpResponse>>>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
    ) -> Listing<I>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut read = Vec::new();
        let gap = self
            .pages(operation, absent, pages, items, |item| read.push(item))
            .await;
        Listing { items: read, gap }
    }

    /// Reads a list as [`Scope::list`] does and hands over each item, for lists of which not all is
    /// kept. The gap tells why there may be more.
    pub async fn each<P, I, E>(
        &self,
        operation: Operation,
        pages: PaginationStream<Result<P, SdkError<E, HttpResponse>>>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
        take: impl FnMut(I),
    ) -> Option<Gap>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        self.pages(operation, &[], pages, items, take).await
    }

    async fn pages<P, I, E>(
        &self,
        operation: Operation,
        absent: &[&str],
        mut pages: PaginationStream<Result<P, SdkError<E, HttpResponse>>>,
        items: impl Fn(P) -> Option<Vec<Option<I>>>,
        mut take: impl FnMut(I),
    ) -> Option<Gap>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut unnamed = None;
        loop {
            let page = self
                .attempt(operation, async { pages.next().await.transpose() })
                .await;
            let read = page.and_then(|page| match page {
                None => Ok(None),
                Some(page) => items(page).map(Some).ok_or_else(|| {
                    operation.gap(
                        GapKind::Error,
                        "UnreadableAnswer",
                        "the answer holds no list",
                    )
                }),
            });
            match read {
                Ok(None) => return unnamed,
                Ok(Some(items)) => {
                    self.caller
                        .books
                        .note(&self.region, self.service, operation, None);
                    if items.iter().any(Option::is_none) {
                        let gap = operation.gap(
                            GapKind::Error,
                            "UnreadableAnswer",
                            "the answer holds something without its name",
                        );
                        self.caller
                            .books
                            .note(&self.region, self.service, operation, Some(&gap));
                        unnamed.get_or_insert(gap);
                    }
                    items.into_iter().flatten().for_each(&mut take);
                }
                Err(gap) if gap.code.as_deref().is_some_and(|it| absent.contains(&it)) => {
                    self.caller
                        .books
                        .note(&self.region, self.service, operation, None);
                    return unnamed;
                }
                Err(gap) => {
                    self.caller
                        .books
                        .note(&self.region, self.service, operation, Some(&gap));
                    return Some(gap);
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
                let gap = error::gap(operation, &error);
                tracing::debug!(region = self.region, operation = operation.name, code = gap.code, "{}", gap.message);
                gap
            }),
        }
    }
}
