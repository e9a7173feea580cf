//! Work on another thread.

use std::future::{Future, poll_fn};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::thread;

use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// The turns of futures of one runtime that begin: as many at once as there are cores. To begin a call takes a processor
/// for longer than all the rest of it: if a hundred begin together, none is sent before the last one is signed.
#[derive(Debug, Clone)]
pub struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        Turns(Arc::new(Semaphore::new(cores)))
    }
}

/// A future that runs on any thread, from the moment it is spawned until this is dropped.
#[derive(Debug)]
pub struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    /// Starts a future.
    pub fn spawn(future: impl Future<Output = T> + Send + 'static) -> Self {
        Task(tokio::spawn(future))
    }

    /// Starts a future after those that were started so before it: it begins when they wait for something, or have ended.
    pub fn spawn_in_turn(turns: &Turns, future: impl Future<Output = T> + Send + 'static) -> Self {
        let turns = turns.clone();
        Task::spawn(async move {
            let mut future = pin!(future);
            let turn = turns.0.acquire().await;
            let begun = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
            drop(turn);
            match begun {
                Poll::Ready(output) => output,
                Poll::Pending => future.await,
            }
        })
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
    use tokio::sync::mpsc::unbounded_channel;
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
    async fn a_task_in_turn_begins_when_those_before_it_wait() {
        let cores = thread::available_parallelism().unwrap().get();
        let (started, mut has_started) = unbounded_channel();
        let turns = Turns::default();
        let begin = |number| {
            let started = started.clone();
            Task::spawn_in_turn(&turns, async move {
                started.send(number).ok();
                std::future::pending::<()>().await;
            })
        };
        let tasks: Vec<_> = (0..2 * cores).map(begin).collect();
        for number in 0..tasks.len() {
            assert_eq!(has_started.recv().await, Some(number));
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_task_is_one_where_it_is_waited_for() {
        let waiting = tokio::spawn(Task::spawn(async { panic!("in the task") }));
        let error = waiting.await.map(|(): ()| ()).unwrap_err();
        let panic = error.into_panic();
        assert_eq!(panic.downcast_ref(), Some(&"in the task"));
    }
}
