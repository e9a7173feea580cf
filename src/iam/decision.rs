//! The decision that a policy makes on a request, with its reasons.

use std::fmt;

use super::document::{Effect, Label};
use super::quote;

/// A decision without its reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// A statement allows the request and none denies it.
    Allowed,
    /// The answer depends on something that is not known offline.
    Conditional,
    /// An explicit or an implicit deny.
    Denied,
}

impl Verdict {
    /// Returns the verdict as reports write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Conditional => "conditional",
            Self::Denied => "denied",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An element of a statement that a request must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Element {
    /// `Principal`, `NotPrincipal`.
    Principal,
    /// `Action`, `NotAction`.
    Action,
    /// `Resource`, `NotResource`.
    Resource,
    /// `Condition`.
    Condition,
}

/// The Allow statement that comes closest to allowing a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// The statement.
    pub statement: Label,
    /// The element that does not match.
    pub element: Element,
    /// Why it does not match, as a sentence about the statement.
    pub explanation: String,
}

/// The decision that a policy makes on a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// A statement allows the request and none denies it.
    Allowed {
        /// The first statement that allows it.
        by: Label,
    },
    /// A statement denies the request.
    ExplicitDeny {
        /// The first statement that denies it.
        by: Label,
        /// Why it applies, as a sentence about the statement.
        explanation: String,
    },
    /// No statement allows the request.
    ImplicitDeny {
        /// The statement that comes closest to allowing it.
        nearest: Option<NearMiss>,
    },
    /// The answer depends on something that is not known offline.
    Conditional {
        /// The statement that it depends on.
        by: Label,
        /// Whether that statement may allow or may deny the request.
        effect: Effect,
        /// What it depends on, as a sentence.
        because: String,
    },
}

impl Decision {
    /// Returns the decision without its reasons.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Allowed { .. } => Verdict::Allowed,
            Self::ExplicitDeny { .. } | Self::ImplicitDeny { .. } => Verdict::Denied,
            Self::Conditional { .. } => Verdict::Conditional,
        }
    }

    /// Returns the statement that decides, or comes closest to it.
    #[must_use]
    pub fn statement(&self) -> Option<&Label> {
        match self {
            Self::Allowed { by } | Self::ExplicitDeny { by, .. } | Self::Conditional { by, .. } => {
                Some(by)
            }
            Self::ImplicitDeny { nearest } => nearest.as_ref().map(|near| &near.statement),
        }
    }

    /// Returns the reason for the decision, as a sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Allowed { by } => format!("{} allows it", quote::name_statement(by)),
            Self::ExplicitDeny { explanation, .. } => explanation.clone(),
            Self::ImplicitDeny {
                nearest: Some(near),
            } => near.explanation.clone(),
            Self::ImplicitDeny { nearest: None } => "no statement allows it".to_owned(),
            Self::Conditional { because, .. } => because.clone(),
        }
    }
}

/// A Deny statement that applies to a request, or may apply to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockingDeny {
    /// The statement.
    pub statement: Label,
    /// Whether it certainly applies.
    pub is_certain: bool,
    /// Why it applies, as a sentence about the statement.
    pub explanation: String,
}
