//! A policy document, as a key carries it.

use std::fmt;

use thiserror::Error;

use super::condition::Condition;
use super::read;

/// The language version that a policy declares.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_version.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `2008-10-17`, also where none is declared: `${...}` is plain text.
    V2008,
    /// `2012-10-17`: with policy variables.
    V2012,
}

/// What a statement does where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Grants, unless something denies.
    Allow,
    /// Denies whatever else grants.
    Deny,
}

/// An element and its `Not...` twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Select<T> {
    /// `Action`, `Resource`, `Principal`: these.
    Only(Vec<T>),
    /// `NotAction`, `NotResource`, `NotPrincipal`: all but these.
    Except(Vec<T>),
    /// The element is missing. KMS accepts a statement without `Action` or `Resource`, and it has no effect:
    /// <https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html>.
    Missing,
}

/// One principal of a policy.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// `*` or `{"AWS": "*"}`.
    Everyone,
    /// What stands under `AWS`: an account id, an ARN, or the unique id of a deleted role or user.
    Aws(String),
    /// An AWS service, `backup.amazonaws.com`.
    Service(String),
    /// An identity provider.
    Federated(String),
    /// A canonical user id of S3.
    CanonicalUser(String),
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everyone => f.write_str("*"),
            Self::Aws(name)
            | Self::Service(name)
            | Self::Federated(name)
            | Self::CanonicalUser(name) => f.write_str(name),
        }
    }
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Its name, where it has one. Key policies allow blanks in it, and the same name twice.
    pub sid: Option<String>,
    /// Whether it allows or denies.
    pub effect: Effect,
    /// To whom it applies.
    pub principal: Select<Principal>,
    /// To which actions.
    pub action: Select<String>,
    /// To which keys; `*` is the key that carries the policy.
    pub resource: Select<String>,
    /// What must hold besides, all of it.
    pub conditions: Vec<Condition>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The version it declares.
    pub version: Version,
    /// Its `Id`, which means nothing to KMS.
    pub id: Option<String>,
    /// Its statements in their order, at least one.
    pub statements: Vec<Statement>,
}

impl Document {
    /// Reads a policy from its JSON text.
    ///
    /// A string stands for a list of one, one statement for a list of one. The work is linear in the text, and nesting
    /// is bounded, so that no text overflows the stack.
    /// Source of the grammar: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.
    ///
    /// # Errors
    ///
    /// Where the text is not JSON, or is none that IAM takes for a policy: an unknown or repeated element, a wrong type,
    /// a missing `Effect`, `Principal` or `Statement`, an element together with its `Not...` twin, an unknown condition
    /// operator or version.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        read::document(text)
    }
}

/// Why a text is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1, of the end of what is wrong.
    pub column: usize,
    /// What was found, where, and what was expected.
    pub message: String,
}

/// A statement as messages and reports name it: by its `Sid`, else by its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// Its place in the policy, from 1.
    pub number: usize,
    /// Its `Sid`, unless that is empty.
    pub sid: Option<String>,
}

impl Label {
    /// Names the statement at `index`, from 0.
    #[must_use]
    pub fn new(index: usize, statement: &Statement) -> Self {
        let sid = statement.sid.clone().filter(|sid| !sid.is_empty());
        Self {
            number: index + 1,
            sid,
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sid {
            Some(sid) => f.write_str(sid),
            None => write!(f, "statement {}", self.number),
        }
    }
}
