//! A resource-based policy document.

use std::fmt;

use thiserror::Error;

use super::condition::Condition;

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

/// The effect of a statement that applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Allows, unless another statement denies.
    Allow,
    /// Denies, even if another statement allows.
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
    /// A value under `AWS`: an account id, an ARN, or the unique id of a deleted role or user.
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
    /// Whether it allows or denies the request.
    pub effect: Effect,
    /// The principals that it applies to.
    pub principal: Select<Principal>,
    /// The actions that it applies to.
    pub action: Select<String>,
    /// The resources that it applies to. In a key policy `*` is the key.
    pub resource: Select<String>,
    /// The conditions, all of which must hold.
    pub conditions: Vec<Condition>,
}

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The version it declares.
    pub version: Version,
    /// Its `Id`, which has no effect.
    pub id: Option<String>,
    /// Its statements in their order, at least one.
    pub statements: Vec<Statement>,
}

impl Document {
    /// Whether each statement is about every resource, as those of key policies are, where `*` is the key.
    #[must_use]
    pub fn is_about_any_resource(&self) -> bool {
        let is_any = |it: &Statement| match &it.resource {
            Select::Only(resources) => resources.iter().any(|it| it == "*"),
            Select::Except(_) => false,
            Select::Missing => true,
        };
        self.statements.iter().all(is_any)
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
    /// Creates the label of the statement at `index`, from 0.
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
