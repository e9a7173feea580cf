//! Work on several threads, whose results come in order.

use std::num::NonZero;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Works on items on several threads and takes the results one after the other, in the order of the items. Each thread may
/// be `ahead` results ahead of what is taken.
///
/// # Errors
/// The first error of `take`, after which no work begins.
pub fn map_in_order<T: Send, R: Send, E>(
    items: impl IntoIterator<Item = T>,
    threads: usize,
    ahead: usize,
    work: impl Fn(T) -> R + Sync,
    mut take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    // Items are dealt in turn, so that taking their results in turn restores the order.
    let mut hands: Vec<Vec<T>> = (0..threads.max(1)).map(|_| Vec::new()).collect();
    for (turn, item) in (0..hands.len()).cycle().zip(items) {
        hands[turn].push(item);
    }
    let work = &work;
    thread::scope(|scope| {
        let receivers = hands.into_iter().map(|hand| {
            let (sender, receiver) = sync_channel(ahead);
            scope.spawn(move || {
                for item in hand {
                    // The receiver is gone after an error.
                    if sender.send(work(item)).is_err() {
                        return;
                    }
                }
            });
            receiver
        });
        let receivers: Vec<_> = receivers.collect();
        // Who has no item left is followed by nobody who has. A thread that panics ends this scope with its panic.
        for receiver in receivers.iter().cycle() {
            match receiver.recv() {
                Ok(result) => take(result)?,
                Err(_) => break,
            }
        }
        Ok(())
    })
}

/// Returns how many threads run at once, at most `most`.
#[must_use]
pub fn count_threads(most: usize) -> usize {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    cores.clamp(1, most)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn results_come_in_the_order_of_their_items() {
        for (items, threads) in [(0, 2), (1, 4), (7, 1), (50, 3)] {
            let mut taken = Vec::new();
            let take = |it| {
                taken.push(it);
                Ok::<_, Infallible>(())
            };
            assert_eq!(
                map_in_order(0..items, threads, 1, |it| it * 2, take),
                Ok(())
            );
            let expected: Vec<usize> = (0..items).map(|it| it * 2).collect();
            assert_eq!(taken, expected, "{items} items, {threads} threads");
        }
    }

    #[test]
    fn an_error_ends_the_work() {
        let worked = AtomicUsize::new(0);
        let work = |item| {
            worked.fetch_add(1, Ordering::Relaxed);
            item
        };
        let take = |item: usize| if item < 3 { Ok(()) } else { Err(item) };
        assert_eq!(map_in_order(0..1_000, 2, 0, work, take), Err(3));
        assert!(worked.into_inner() <= 6);
    }
}
