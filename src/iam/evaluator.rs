//! The decision: which statements apply to a request, and what follows.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>.

use std::fmt;

use super::document::{Document, Effect, Label, Select, Statement, Version};
use super::explain;
use super::matching;
use super::matching::{LONGEST, Token};
use super::principal;
use super::request::Request;
use super::truth::Truth;
use super::value;
use super::value::Expanded;

/// A decision without its reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Granted, and nothing denies.
    Allowed,
    /// Depends on something nobody can know offline.
    Conditional,
    /// Denied, or not granted.
    Denied,
}

impl Verdict {
    /// As reports write it.
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

/// A part of a statement that a request must match.
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

/// The Allow statement that came closest to granting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NearMiss {
    /// Which one.
    pub statement: Label,
    /// What missed.
    pub element: Element,
    /// Why, as a sentence about the statement.
    pub words: String,
}

/// What a policy says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Granted, and nothing denies.
    Allowed {
        /// The first statement that grants.
        by: Label,
    },
    /// Denied, or not granted.
    Denied {
        /// The first statement that denies; `None` where nothing grants.
        by: Option<Label>,
        /// Where nothing grants: what came closest.
        nearest: Option<NearMiss>,
    },
    /// Depends on something nobody can know offline.
    Conditional {
        /// The statement it depends on.
        by: Label,
        /// Whether that statement may grant or may deny.
        effect: Effect,
        /// On what, as a sentence.
        because: String,
    },
}

impl Decision {
    /// The decision alone.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self {
            Self::Allowed { .. } => Verdict::Allowed,
            Self::Denied { .. } => Verdict::Denied,
            Self::Conditional { .. } => Verdict::Conditional,
        }
    }

    /// The statement that decided, or that came closest.
    #[must_use]
    pub fn statement(&self) -> Option<&Label> {
        match self {
            Self::Allowed { by } | Self::Conditional { by, .. } => Some(by),
            Self::Denied { by, nearest } => {
                by.as_ref().or(nearest.as_ref().map(|near| &near.statement))
            }
        }
    }

    /// The decision in a sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Allowed { by } => format!("{} allows it", explain::subject(by)),
            Self::Denied { by: Some(by), .. } => format!("{} denies it", explain::subject(by)),
            Self::Denied {
                nearest: Some(near),
                ..
            } => near.words.clone(),
            Self::Denied { .. } => "no statement allows it".to_owned(),
            Self::Conditional { because, .. } => because.clone(),
        }
    }
}

/// A Deny statement that applies, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockingDeny {
    /// Which one.
    pub statement: Label,
    /// Whether it applies for sure.
    pub sure: bool,
    /// Why, as a sentence about the statement.
    pub words: String,
}

/// Which parts of a statement a request matches.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) principal: Truth,
    pub(super) action: Truth,
    pub(super) resource: Truth,
    pub(super) condition: Truth,
}

impl Match {
    fn of(statement: &Statement, version: Version, request: &Request) -> Self {
        let variables = version == Version::V2012;
        let conditions = statement.conditions.iter();
        Self {
            principal: principal::includes(
                &statement.principal,
                statement.effect,
                &request.principal,
            ),
            action: select(&statement.action, |pattern| {
                matching::action(pattern, &request.action).into()
            }),
            resource: select(&statement.resource, |pattern| {
                resource(pattern, variables, request)
            }),
            condition: Truth::all(
                conditions.map(|condition| condition.holds(variables, &request.context)),
            ),
        }
    }

    fn applies(self) -> Truth {
        self.principal
            .and(self.action)
            .and(self.resource)
            .and(self.condition)
    }
}

/// A `Not...` element matches what none of its entries match. A missing one matches nothing.
pub(super) fn select(entries: &Select<String>, matches: impl Fn(&str) -> Truth) -> Truth {
    match entries {
        Select::Only(entries) => Truth::any(entries.iter().map(|entry| matches(entry))),
        Select::Except(entries) => !Truth::any(entries.iter().map(|entry| matches(entry))),
        Select::Missing => Truth::False,
    }
}

/// Whether a resource of the policy covers the key.
///
/// A variable "can't" stand before an ARN's fifth colon, and AWS does not say what comes of one that does:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-resourceelement>.
pub(super) fn resource(pattern: &str, variables: bool, request: &Request) -> Truth {
    let fifth = pattern.match_indices(':').nth(4).map(|(at, _)| at + 1);
    let (plain, variable) = match fifth {
        Some(at) if variables => pattern.split_at(at),
        _ => (pattern, ""),
    };
    if variables && plain.contains("${") {
        return Truth::Unknown;
    }
    let Some(mut tokens) = matching::tokens(plain, LONGEST) else {
        return Truth::False;
    };
    match value::expand(variable, true, LONGEST, &request.context) {
        Expanded::Tokens(rest) => tokens.extend(rest),
        Expanded::Nothing => return Truth::False,
        Expanded::Unknown => {
            tokens.push(Token::Any);
            return matching::against_shape(&tokens, &request.resource).and(Truth::Unknown);
        }
    }
    matching::against_shape(&tokens, &request.resource)
}

/// Judges one request by one policy.
///
/// A Deny that applies wins. A Deny that may apply, or an Allow that only may, makes the answer conditional. What nothing
/// allows is denied. The verdict does not depend on the order of the statements.
#[must_use]
pub fn evaluate(document: &Document, request: &Request) -> Decision {
    let found: Vec<Match> = document
        .statements
        .iter()
        .map(|statement| Match::of(statement, document.version, request))
        .collect();
    let first = |effect: Effect, truth: Truth| {
        let statements = document.statements.iter().zip(&found).enumerate();
        statements
            .filter(|(_, (statement, matched))| {
                statement.effect == effect && matched.applies() == truth
            })
            .map(|(index, (statement, _))| (index, statement))
            .next()
    };
    let conditional = |(index, statement): (usize, &Statement)| {
        let by = Label::new(index, statement);
        let because = explain::open(&by, statement, found[index], document.version, request);
        Decision::Conditional {
            by,
            effect: statement.effect,
            because,
        }
    };
    if let Some((index, statement)) = first(Effect::Deny, Truth::True) {
        return Decision::Denied {
            by: Some(Label::new(index, statement)),
            nearest: None,
        };
    }
    let denier = first(Effect::Deny, Truth::Unknown);
    let granter = first(Effect::Allow, Truth::True);
    match (granter, denier, first(Effect::Allow, Truth::Unknown)) {
        (Some((index, statement)), None, _) => Decision::Allowed {
            by: Label::new(index, statement),
        },
        (Some(_), Some(denier), _) => conditional(denier),
        (None, _, Some(maybe)) => conditional(maybe),
        (None, _, None) => Decision::Denied {
            by: None,
            nearest: explain::nearest(document, &found, request),
        },
    }
}

/// The first Deny statement that applies to a request, or else the first that may, whether or not anything allows it:
/// no statement added to the policy helps against it.
#[must_use]
pub fn find_blocking_deny(document: &Document, request: &Request) -> Option<BlockingDeny> {
    let deniers = || {
        let statements = document.statements.iter().enumerate();
        statements
            .filter(|(_, statement)| statement.effect == Effect::Deny)
            .map(|(index, statement)| {
                let matched = Match::of(statement, document.version, request);
                (index, statement, matched)
            })
    };
    let by_truth = |truth| deniers().find(|(_, _, matched)| matched.applies() == truth);
    let (sure, (index, statement, matched)) = match by_truth(Truth::True) {
        Some(found) => (true, found),
        None => (false, by_truth(Truth::Unknown)?),
    };
    let label = Label::new(index, statement);
    let words = if sure {
        format!("{} denies it", explain::subject(&label))
    } else {
        explain::open(&label, statement, matched, document.version, request)
    };
    Some(BlockingDeny {
        statement: label,
        sure,
        words,
    })
}
