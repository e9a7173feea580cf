//! Keys are asked for as soon as a list names them, not when the last list is read: they are at the end of the longest
//! chain of calls, and most verdicts rest on them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A key that a resource names.
#[derive(Debug)]
pub struct KeyRequest {
    /// The region of the resource.
    pub region: String,
    /// The name by which the service refers to the key.
    pub name: String,
}

/// The keys that lists named so far.
#[derive(Debug)]
pub struct KeyRequests {
    state: Mutex<State>,
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
        let state = Mutex::new(state);
        (KeyRequests { state }, receiver)
    }

    /// Asks for a key.
    pub fn request(&self, region: &str, name: &str) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { sender, known } = &mut *state;
        let Some(sender) = sender else {
            return;
        };
        if known.get(region).is_some_and(|names| names.contains(name)) {
            return;
        }
        let names = known.entry(region.to_owned()).or_default();
        names.insert(name.to_owned());
        let request = KeyRequest {
            region: region.to_owned(),
            name: name.to_owned(),
        };
        // Nobody listens after the scan was stopped.
        let _ = sender.send(request);
    }

    /// Ends the requests.
    pub fn close(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.sender = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_arrives_once_and_none_after_the_end() {
        let (requests, mut receiver) = KeyRequests::new(true);
        for region in ["eu-west-1", "eu-west-1", "eu-west-3"] {
            requests.request(region, "alias/data");
        }
        requests.close();
        requests.request("eu-west-1", "alias/other");
        let mut arrived = Vec::new();
        while let Ok(request) = receiver.try_recv() {
            arrived.push((request.region, request.name));
        }
        let expected =
            ["eu-west-1", "eu-west-3"].map(|it| (it.to_owned(), "alias/data".to_owned()));
        assert_eq!(arrived, expected);
    }

    #[test]
    fn a_scan_without_keys_asks_for_none() {
        let (requests, mut receiver) = KeyRequests::new(false);
        requests.request("eu-west-1", "alias/data");
        assert!(receiver.try_recv().is_err());
    }
}
