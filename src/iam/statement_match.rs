//! Which elements of a statement match a request.

use super::document::{Select, Statement, Version};
use super::matching;
use super::matching::{LONGEST, Token};
use super::principal;
use super::request::Request;
use super::truth::Truth;
use super::value;
use super::value::Expanded;

/// Which elements of a statement match a request.
#[derive(Debug, Clone, Copy)]
pub(super) struct StatementMatch {
    pub(super) principal: Truth,
    pub(super) action: Truth,
    pub(super) resource: Truth,
    pub(super) condition: Truth,
}

impl StatementMatch {
    pub(super) fn new(statement: &Statement, version: Version, request: &Request) -> Self {
        let variables = version == Version::V2012;
        let conditions = statement.conditions.iter();
        Self {
            principal: principal::includes_role(
                &statement.principal,
                statement.effect,
                &request.principal,
            ),
            action: match_action(statement, request),
            resource: match_entries(&statement.resource, |pattern| {
                match_resource(pattern, variables, request)
            }),
            condition: Truth::all(
                conditions.map(|condition| condition.holds(variables, &request.context)),
            ),
        }
    }

    /// Whether all elements match, so that the statement applies.
    pub(super) fn applies(self) -> Truth {
        self.principal
            .and(self.action)
            .and(self.resource)
            .and(self.condition)
    }
}

/// Whether a statement applies to a request. Most are about other actions, which is the fastest to tell.
pub(super) fn check_statement(statement: &Statement, version: Version, request: &Request) -> Truth {
    match match_action(statement, request) {
        Truth::False => Truth::False,
        _ => StatementMatch::new(statement, version, request).applies(),
    }
}

fn match_action(statement: &Statement, request: &Request) -> Truth {
    match_entries(&statement.action, |pattern| {
        matching::matches_action(pattern, &request.action).into()
    })
}

/// Matches an element's entries. A `Not...` element matches what none of its entries match; a missing
/// element matches nothing.
pub(super) fn match_entries(entries: &Select<String>, matches: impl Fn(&str) -> Truth) -> Truth {
    match entries {
        Select::Only(entries) => Truth::any(entries.iter().map(|entry| matches(entry))),
        Select::Except(entries) => !Truth::any(entries.iter().map(|entry| matches(entry))),
        Select::Missing => Truth::False,
    }
}

/// Whether a resource pattern of the policy matches the resource of the request.
///
/// A policy variable is not allowed before the fifth colon of an ARN, and AWS does not document the effect
/// of one that is there:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html#policy-vars-resourceelement>.
fn match_resource(pattern: &str, variables: bool, request: &Request) -> Truth {
    let fifth = pattern.match_indices(':').nth(4).map(|(at, _)| at + 1);
    let (plain, variable) = match fifth {
        Some(at) if variables => pattern.split_at(at),
        _ => (pattern, ""),
    };
    if variables && plain.contains("${") {
        return Truth::Unknown;
    }
    let Some(mut tokens) = matching::parse_pattern(plain, LONGEST) else {
        return Truth::False;
    };
    match value::expand_variables(variable, true, LONGEST, &request.context) {
        Expanded::Tokens(rest) => tokens.extend(rest),
        Expanded::Nothing => return Truth::False,
        Expanded::Unknown => {
            tokens.push(Token::Any);
            return matching::match_shape(&tokens, &request.resource).and(Truth::Unknown);
        }
    }
    matching::match_shape(&tokens, &request.resource)
}
