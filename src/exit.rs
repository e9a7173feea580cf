//! The exit codes, and how several outcomes merge into one.

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything that gates was judged, nothing fails.
    Ready,
    /// Something that gates fails.
    Failed,
    /// Wrong usage, bad config, no credentials, unreadable input: nothing was judged.
    Usage,
    /// Nothing fails, but something that gates could not be judged.
    Unknown,
    /// Stopped by Ctrl-C.
    Interrupted,
    /// Stopped by SIGTERM.
    Terminated,
}

impl Exit {
    /// The process's exit code.
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

    /// The exit of several outcomes: being stopped over bad usage over a failure over the unknown.
    #[must_use]
    pub fn and(self, other: Exit) -> Exit {
        let weight = |exit| match exit {
            Exit::Ready => 0,
            Exit::Unknown => 1,
            Exit::Failed => 2,
            Exit::Usage => 3,
            Exit::Interrupted => 4,
            Exit::Terminated => 5,
        };
        if weight(other) > weight(self) {
            other
        } else {
            self
        }
    }
}

/// What makes a scan fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailOn {
    /// A gating finding that fails.
    #[default]
    Fail,
    /// One that fails or warns.
    Warn,
    /// A gating finding that fails and that an earlier report lacks.
    New,
    /// Nothing: the exit code is 0 instead of 1 and 3.
    Never,
}

impl FailOn {
    /// The gate that a report tells about: whoever lets nothing stop a scan reads there what would.
    #[must_use]
    pub fn told(self) -> FailOn {
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
