//! Work on another thread.

use std::future::Future;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::task::JoinHandle;

/// A future that runs on any thread, from the moment it is spawned until this is dropped.
#[derive(Debug)]
pub struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Starts a future.
    pub fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Task(tokio::spawn(future))
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match ready!(Pin::new(&mut self.0).poll(cx)) {
            Ok(output) => Poll::Ready(output),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                // The runtime ends, and with it what waits here.
                Err(_) => Poll::Pending,
            },
        }
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_task_runs_before_it_is_waited_for_and_ends_when_it_is_dropped() {
        let (started, has_started) = oneshot::channel();
        let (held, dropped) = oneshot::channel::<()>();
        let task = Task::spawn(async move {
            started.send(()).ok();
            std::future::pending::<()>().await;
            drop(held);
        });
        assert!(has_started.await.is_ok());
        drop(task);
        assert!(dropped.await.is_err(), "what it held is dropped");
    }

    #[tokio::test]
    async fn a_panic_in_a_task_is_one_where_it_is_waited_for() {
        let waiting = tokio::spawn(Task::spawn(async { panic!("in the task") }));
        let error = waiting.await.map(|(): ()| ()).unwrap_err();
        let panic = error.into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"in the task"));
    }
}
