//! Waivers of the config that are expired or unused.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text::plural;

/// A waiver that is expired or unused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StaleWaiver {
    /// Whether it is expired or unused.
    pub state: StaleState,
    /// The id of the rule that it names.
    pub rule: String,
    /// The ARN pattern that it names, with `*` and `?`.
    pub resource: String,
    /// The reason it was granted.
    pub reason: String,
    /// The owner.
    pub owner: String,
    /// The last day on which it applies or applied.
    pub expires: String,
    /// Its line in the config file, from 1.
    pub line: usize,
    /// The number of findings that it would cover if it had not expired.
    pub findings: usize,
}

impl StaleWaiver {
    /// Returns the waiver with its place in the config, followed by [`StaleWaiver::words`].
    #[must_use]
    pub fn to_sentence(&self) -> String {
        let StaleWaiver {
            rule,
            resource,
            owner,
            line,
            ..
        } = self;
        format!(
            "waiver for {rule} on {resource} ({owner}, config line {line}) {}",
            self.words()
        )
    }

    /// Returns the reason that it is stale: a predicate such as `expired on 2026-06-30: 1 finding counts again`.
    #[must_use]
    pub fn words(&self) -> String {
        let expires = &self.expires;
        match (self.state, self.findings) {
            (StaleState::Unused, _) => {
                "is unused: it matches no failing finding and can be removed".to_owned()
            }
            (StaleState::Expired, 0) => {
                format!("expired on {expires}; it no longer matches a failing finding")
            }
            (StaleState::Expired, number) => {
                let verb = if number == 1 { "counts" } else { "count" };
                format!(
                    "expired on {expires}: {} {verb} again",
                    plural(number, "finding")
                )
            }
        }
    }
}

/// Why a waiver has no effect.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum StaleState {
    /// Its last day has passed: the findings that it covered count again.
    Expired,
    /// It matches no finding that fails, warns or is unknown.
    Unused,
}
