//! The exit codes of the program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The exit of the program. Later ones have precedence over earlier ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Every gating check was made and none failed.
    Ready,
    /// No gating check failed, and at least one is inconclusive.
    Unknown,
    /// A gating check failed.
    Failed,
    /// Usage error, invalid config, no credentials or unreadable input: nothing was checked.
    Usage,
    /// Interrupted by Ctrl-C (SIGINT).
    Interrupted,
    /// Terminated by SIGTERM.
    Terminated,
}

impl Exit {
    /// Returns the exit code of the process.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Exit::Ready => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Unknown => 3,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// Returns the exit of higher precedence: a signal over a usage error over a failure over an inconclusive
    /// check.
    #[must_use]
    pub fn and(self, other: Exit) -> Exit {
        self.max(other)
    }
}

/// What makes the exit code 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FailOn {
    /// A gating finding that fails.
    #[default]
    Fail,
    /// A gating finding that fails or warns.
    Warn,
    /// A gating finding that fails and is not in the baseline.
    New,
    /// Nothing: the exit code is 0 instead of 1 or 3.
    Never,
}

impl FailOn {
    /// Returns the gate to display: `Fail` when the gate is disabled.
    #[must_use]
    pub fn displayed_gate(self) -> FailOn {
        match self {
            FailOn::Never => FailOn::Fail,
            gate => gate,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_counts_even_when_something_else_is_unknown() {
        assert_eq!(Exit::Unknown.and(Exit::Failed), Exit::Failed);
        assert_eq!(Exit::Failed.and(Exit::Unknown), Exit::Failed);
        assert_eq!(Exit::Ready.and(Exit::Unknown), Exit::Unknown);
        assert_eq!(Exit::Failed.and(Exit::Interrupted).code(), 130);
        assert_eq!(Exit::Interrupted.and(Exit::Terminated).code(), 143);
    }
}
