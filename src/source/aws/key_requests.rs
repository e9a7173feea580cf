//! Keys are asked for as soon as a list names them, not when the last list is read: they are at the end of the longest
//! chain of calls, and most verdicts rest on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::task::yield_now;

/// A key that a resource names.
#[derive(Debug)]
pub struct KeyRequest {
    /// The region of the resource.
    pub region: String,
    /// The name by which the service refers to the key.
    pub name: String,
}

/// The order in which the lists of a scan begin, those of one place in all regions at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ListOrder {
    /// Lists that name most of the keys of an account, on pages that take longest to read.
    First,
    /// Other lists that name keys.
    Second,
    /// Lists that name none.
    Last,
}

/// The keys that lists named so far.
#[derive(Debug)]
pub struct KeyRequests {
    state: Mutex<State>,
    /// The last lists that may begin.
    begun: watch::Sender<ListOrder>,
}

#[derive(Debug)]
struct State {
    // `None` after the last request, or if the scan reads no keys.
    sender: Option<UnboundedSender<KeyRequest>>,
    // Names by region.
    known: BTreeMap<String, BTreeSet<String>>,
}

impl KeyRequests {
    /// Returns the requests and where they arrive, each name of a region once. Without `is_open`, none arrive.
    #[must_use]
    pub fn new(is_open: bool) -> (Self, UnboundedReceiver<KeyRequest>) {
        let (sender, receiver) = unbounded_channel();
        let state = State {
            sender: Some(sender).filter(|_| is_open),
            known: BTreeMap::new(),
        };
        let requests = KeyRequests {
            state: Mutex::new(state),
            begun: watch::Sender::new(match is_open {
                true => ListOrder::First,
                false => ListOrder::Last,
            }),
        };
        (requests, receiver)
    }

    /// Waits until lists of this order may begin: those before them have, in all regions.
    pub async fn wait_for_lists(&self, order: ListOrder) {
        let mut begun = self.begun.subscribe();
        // The sender outlives this future.
        let _ = begun.wait_for(|begun| order <= *begun).await;
    }

    /// Lets the second and the last lists begin, when those before them wait for their responses. It must be polled after
    /// the futures of the lists, in the same task.
    pub async fn begin_lists(&self) {
        for order in [ListOrder::Second, ListOrder::Last] {
            if *self.begun.borrow() < order {
                self.begun.send_replace(order);
                yield_now().await;
            }
        }
    }

    /// Asks for keys.
    pub fn request<'n>(&self, region: &str, names: impl IntoIterator<Item = &'n str>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { sender, known } = &mut *state;
        let Some(sender) = sender else {
            return;
        };
        let known = known.entry(region.to_owned()).or_default();
        for name in names {
            if known.contains(name) {
                continue;
            }
            known.insert(name.to_owned());
            let request = KeyRequest {
                region: region.to_owned(),
                name: name.to_owned(),
            };
            // Nobody listens after the scan was stopped.
            let _ = sender.send(request);
        }
    }

    /// Ends the requests.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sender = None;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn a_name_arrives_once_and_none_after_the_end() {
        let (requests, mut receiver) = KeyRequests::new(true);
        for region in ["eu-west-1", "eu-west-1", "eu-west-3"] {
            requests.request(region, ["alias/data"; 2]);
        }
        requests.close();
        requests.request("eu-west-1", ["alias/other"]);
        let mut arrived = Vec::new();
        while let Ok(request) = receiver.try_recv() {
            arrived.push((request.region, request.name));
        }
        let expected =
            ["eu-west-1", "eu-west-3"].map(|it| (it.to_owned(), "alias/data".to_owned()));
        assert_eq!(arrived, expected);
    }

    #[tokio::test]
    async fn lists_begin_in_their_order_in_all_regions() {
        use ListOrder::{First, Last, Second};
        let (requests, _receiver) = KeyRequests::new(true);
        let begun = Mutex::new(Vec::new());
        let begin = async |order| {
            requests.wait_for_lists(order).await;
            begun.lock().unwrap().push(order);
        };
        let region = async || tokio::join!(begin(Last), begin(First), begin(Second));
        let rest = requests.begin_lists();
        tokio::join!(biased; region(), region(), rest);
        let expected = [First, First, Second, Second, Last, Last];
        assert_eq!(begun.into_inner().unwrap(), expected);
    }

    #[tokio::test]
    async fn where_no_keys_are_read_no_list_waits() {
        let (requests, _receiver) = KeyRequests::new(false);
        let last = requests.wait_for_lists(ListOrder::Last);
        assert_eq!(last.now_or_never(), Some(()));
    }

    #[test]
    fn a_scan_without_keys_asks_for_none() {
        let (requests, mut receiver) = KeyRequests::new(false);
        requests.request("eu-west-1", ["alias/data"]);
        assert!(receiver.try_recv().is_err());
    }
}
