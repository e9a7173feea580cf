//! Decisions in words.

use super::condition::Condition;
use super::document::{Document, Effect, Label, Principal, Select, Statement, Version};
use super::evaluator::{Element, Match, NearMiss};
use super::operator::{Comparison, Quantifier};
use super::principal;
use super::principal::Kinship;
use super::request::{Request, Value};
use super::truth::Truth;
use crate::model::arn::Arn;

const LONGEST: usize = 120;

/// Cuts what a policy says to a length that fits into a message, and takes control characters out.
#[must_use]
pub fn shorten(text: &str) -> String {
    let mut short: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        short.push('…');
    }
    short
}

/// A statement at the start of a sentence: `statement 3 ("Allow use of the key")`.
#[must_use]
pub fn subject(label: &Label) -> String {
    match &label.sid {
        Some(sid) => format!("statement {} (\"{}\")", label.number, shorten(sid)),
        None => format!("statement {}", label.number),
    }
}

/// At most three values, with "or".
fn list<'a>(values: impl ExactSizeIterator<Item = &'a str>) -> String {
    let count = values.len();
    let shown = |text: &str| match shorten(text) {
        // Blanks at the ends would not be seen.
        short if short.trim() != short || short.is_empty() => format!("{short:?}"),
        short => short,
    };
    let mut shown: Vec<String> = values.take(3).map(shown).collect();
    if count > shown.len() {
        shown.push(format!("{} more", count - shown.len()));
    }
    shown.join(" or ")
}

/// Why it is open whether a statement applies.
pub(super) fn open(
    label: &Label,
    statement: &Statement,
    matched: Match,
    version: Version,
    request: &Request,
) -> String {
    let subject = subject(label);
    let verb = match statement.effect {
        Effect::Allow => "allows",
        Effect::Deny => "denies",
    };
    if matched.condition == Truth::Unknown {
        let condition = first_condition(statement, version, request, Truth::Unknown);
        let words = condition.map_or_else(String::new, |condition| {
            format!(
                "only where {}, and {}",
                demand(condition),
                state(condition, version, request)
            )
        });
        return format!("{subject} {verb} {} {words}", request.action);
    }
    if matched.principal == Truth::Unknown {
        let title = request.principal.title;
        return match (&statement.principal, statement.effect) {
            (Select::Except(_), Effect::Deny) => format!(
                "{subject} denies {} to everyone but those it names; it spares {title} only if account, role and session \
                 are all named, and the session's name cannot be known offline",
                request.action
            ),
            (Select::Except(_), Effect::Allow) => {
                format!("{subject} combines Allow with NotPrincipal, which AWS does not support")
            }
            _ => format!(
                "{subject} {verb} {} to a session of {title} by its name, which cannot be known offline",
                request.action
            ),
        };
    }
    format!(
        "{subject} {verb} {} on resources by ARN, and the key's ARN is not known",
        request.action
    )
}

/// The Allow statement that came closest, and what missed.
///
/// Closest is one that is about this principal and action and fails on something else; then one that names a relative of
/// the principal; then one that is about this principal but not this action.
pub(super) fn nearest(document: &Document, found: &[Match], request: &Request) -> Option<NearMiss> {
    let mut best: Option<(u8, usize)> = None;
    for (index, statement) in document.statements.iter().enumerate() {
        let matched = found[index];
        let rest = u8::from(matched.resource == Truth::False)
            + u8::from(matched.condition == Truth::False);
        let base = match (
            matched.principal != Truth::False,
            matched.action != Truth::False,
        ) {
            (true, true) => 30,
            (false, true) if relative(statement, request).is_some() => 20,
            (true, false) => 10,
            _ => continue,
        };
        let score = base - rest;
        if statement.effect == Effect::Allow && best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, index));
        }
    }
    let (_, index) = best?;
    let (statement, matched) = (&document.statements[index], found[index]);
    let label = Label::new(index, statement);
    let subject = subject(&label);
    let (element, words) = if matched.principal == Truth::False {
        (
            Element::Principal,
            format!("{subject} {}", relative(statement, request)?),
        )
    } else if matched.action == Truth::False {
        (
            Element::Action,
            format!("{subject} {}", other_actions(statement, request)),
        )
    } else if matched.resource == Truth::False {
        (
            Element::Resource,
            format!("{subject} {}", other_resource(statement, request)),
        )
    } else {
        let condition = first_condition(statement, document.version, request, Truth::False)?;
        (
            Element::Condition,
            format!("{subject} {}", failed(condition, document.version, request)),
        )
    };
    Some(NearMiss {
        statement: label,
        element,
        words,
    })
}

fn first_condition<'a>(
    statement: &'a Statement,
    version: Version,
    request: &Request,
    truth: Truth,
) -> Option<&'a Condition> {
    let variables = version == Version::V2012;
    statement
        .conditions
        .iter()
        .find(|condition| condition.holds(variables, &request.context) == truth)
}

/// What an Allow statement's principals have to do with the one that asks, where they are not it.
fn relative(statement: &Statement, request: &Request) -> Option<String> {
    let (who, account) = (&request.principal, &request.principal.account);
    let Select::Only(named) = &statement.principal else {
        return None;
    };
    named.iter().find_map(|named| {
        let name = match named {
            Principal::Aws(name) => name,
            Principal::Service(name) if name.starts_with("backup.") => {
                return Some(format!(
                    "names the service {name} as principal; the caller is {}",
                    who.title
                ));
            }
            _ => return None,
        };
        let shown = shorten(name);
        match principal::kinship(name, who) {
            Kinship::Key => {
                let whose = if is_central_key(name, request) {
                    "the central key's"
                } else {
                    "a key's"
                };
                Some(format!(
                    "names {whose} ARN ({shown}) as principal, which grants nothing"
                ))
            }
            Kinship::Sibling => {
                let kind = if name.contains(":assumed-role/") {
                    "a session of another role"
                } else if name.contains(":role/") {
                    "another role"
                } else {
                    "a user"
                };
                Some(format!(
                    "names {kind} of {account} ({shown}), which is not {}",
                    who.title
                ))
            }
            Kinship::RoleElsewhere => Some(format!(
                "names {shown}, which is not the ARN of {}: that is {}",
                who.title,
                who.arn()
            )),
            Kinship::Wildcard => Some(format!(
                "names {shown} as principal: a wildcard inside a principal matches nobody"
            )),
            Kinship::Partition => Some(format!(
                "names {shown}, which is in another partition than the key"
            )),
            Kinship::Account | Kinship::Role | Kinship::Session | Kinship::Stranger => None,
        }
    })
}

fn other_actions(statement: &Statement, request: &Request) -> String {
    let action = &request.action;
    match &statement.action {
        Select::Only(actions) if !actions.is_empty() => {
            let is_bare = |it: &String| it.eq_ignore_ascii_case("kms:ReEncrypt");
            let hint = if action.starts_with("kms:ReEncrypt") && actions.iter().any(is_bare) {
                "; there is no action kms:ReEncrypt, write kms:ReEncrypt*"
            } else {
                ""
            };
            format!(
                "is about {}, but allows {} and not {action}{hint}",
                request.principal.title,
                list(actions.iter().map(String::as_str)).replace(" or ", ", ")
            )
        }
        Select::Only(_) | Select::Missing => "has no Action, so it has no effect".to_owned(),
        Select::Except(_) => format!("leaves {action} out by its NotAction"),
    }
}

/// Whether this is a key of the asking account, and that is not the account of the key that is judged.
fn is_central_key(name: &str, request: &Request) -> bool {
    let account = |text| Arn::parse(text).map(|arn| arn.account);
    let theirs = Arn::parse(name)
        .is_some_and(|arn| arn.service == "kms" && arn.account == request.principal.account);
    theirs && account(&request.resource) != Some(request.principal.account.as_str())
}

fn other_resource(statement: &Statement, request: &Request) -> String {
    if let Select::Only(resources) = &statement.resource
        && let Some(key) = resources
            .iter()
            .find(|resource| is_central_key(resource, request))
    {
        return format!(
            "allows it on the central key ({}), which grants nothing on this one; in a key policy Resource is \"*\"",
            shorten(key)
        );
    }
    match &statement.resource {
        Select::Only(resources) if !resources.is_empty() => format!(
            "allows it, but on another resource ({}); in a key policy Resource is \"*\" or this key's own ARN",
            list(resources.iter().map(String::as_str))
        ),
        Select::Only(_) | Select::Missing => "has no Resource, so it has no effect".to_owned(),
        Select::Except(_) => "leaves this key out by its NotResource".to_owned(),
    }
}

/// Why a condition fails, as the rest of a sentence about its statement.
fn failed(condition: &Condition, version: Version, request: &Request) -> String {
    let present = request.context.get(&condition.key);
    let key = condition.key.to_ascii_lowercase();
    if key == "kms:grantisforawsresource" && *present == Value::Absent {
        return format!(
            "allows it, but only where {}; {} exists only in the grant actions, so on {} this condition is never true",
            demand(condition),
            condition.key,
            request.action
        );
    }
    if key == "kms:viaservice"
        && !condition.operator.negated
        && condition.operator.comparison != Comparison::Null
    {
        let values = list(condition.values.iter().map(String::as_str));
        return format!(
            "allows it, but only through {values}, and {}",
            state(condition, version, request)
        );
    }
    format!(
        "allows it, but only where {}, and {}",
        demand(condition),
        state(condition, version, request)
    )
}

/// What a condition asks for.
fn demand(condition: &Condition) -> String {
    let (key, operator) = (shorten(&condition.key), condition.operator);
    let values = list(condition.values.iter().map(String::as_str));
    match (operator.comparison, operator.quantifier) {
        (Comparison::Null, None) if values.eq_ignore_ascii_case("true") => {
            return format!("{key} is absent");
        }
        (Comparison::Null, None) if values.eq_ignore_ascii_case("false") => {
            return format!("{key} is present");
        }
        _ => {}
    }
    let each = match operator.quantifier {
        Some(Quantifier::AnyValue) => "some value of ",
        Some(Quantifier::AllValues) => "every value of ",
        None => "",
    };
    let verb = match (operator.comparison, operator.negated) {
        (Comparison::StringLike | Comparison::Arn, false) => "is like",
        (Comparison::StringLike | Comparison::Arn, true) => "is not like",
        (
            Comparison::String
            | Comparison::StringIgnoreCase
            | Comparison::Bool
            | Comparison::Binary,
            false,
        ) => "is",
        (Comparison::String | Comparison::StringIgnoreCase, true) => "is not",
        (Comparison::IpAddress, false) => "is in",
        (Comparison::IpAddress, true) => "is not in",
        _ => return format!("{each}{key} fulfils {} {values}", condition.operator_name),
    };
    let absent = if operator.if_exists {
        " (or is absent)"
    } else {
        ""
    };
    format!("{each}{key} {verb} {values}{absent}")
}

/// What is known about a condition's key.
fn state(condition: &Condition, version: Version, request: &Request) -> String {
    let key = &condition.key;
    let shown = shorten(key);
    match request.context.get(key) {
        Value::Known(values) => {
            let has_variable = condition.values.iter().any(|value| value.contains("${"));
            let variable = match (has_variable, version) {
                (true, Version::V2012) => " (a policy variable decides)",
                (true, Version::V2008) => " (without Version 2012-10-17, ${...} is plain text)",
                (false, _) => "",
            };
            format!(
                "{shown} is {}{variable}",
                list(values.iter().map(String::as_str))
            )
        }
        Value::Shaped(shape) if shape == "*" => format!("{shown} is not known"),
        Value::Shaped(shape) => format!("{shown} is {shape}, of which \"*\" is not known"),
        Value::Absent => format!("{shown} is not in the request"),
        Value::Unknown if key.eq_ignore_ascii_case("aws:PrincipalOrgID") => {
            "the organization id was not read or given".to_owned()
        }
        Value::Unknown => format!("{shown} cannot be known offline"),
    }
}
