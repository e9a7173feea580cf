//! Explanations of decisions.

use super::condition::Condition;
use super::decision::{Element, NearMiss};
use super::document::{Document, Effect, Label, Principal, Select, Statement, Version};
use super::operator::{Comparison, Operator, Quantifier};
use super::principal;
use super::principal::Relation;
use super::quote::{list_values, name_statement, shorten_text};
use super::request::{Request, Value};
use super::statement_match::StatementMatch;
use super::truth::Truth;
use crate::model::arn::Arn;

/// Returns why a statement denies a request, with the condition that users would not expect to hold.
pub(super) fn explain_deny(
    label: &Label,
    statement: &Statement,
    version: Version,
    request: &Request,
) -> String {
    let subject = name_statement(label);
    let conditions = || statement.conditions.iter();
    // What is absent, or compared with literal wildcards, is more often a mistake than what differs.
    let surprising = conditions().find(|it| {
        *request.context.get(&it.key) == Value::Absent || hint_at_wildcards(it).is_some()
    });
    let about_caller = conditions().find(|it| !spares_services(&it.key));
    match surprising.or(about_caller).or_else(|| conditions().next()) {
        Some(condition) => format!(
            "{subject} denies it explicitly if {}",
            explain_requirement(condition, version, request)
        ),
        None => format!("{subject} denies it explicitly"),
    }
}

/// Returns why it is not known whether a statement applies.
pub(super) fn explain_unknown(
    label: &Label,
    statement: &Statement,
    matched: StatementMatch,
    version: Version,
    request: &Request,
) -> String {
    let subject = name_statement(label);
    let verb = match statement.effect {
        Effect::Allow => "allows",
        Effect::Deny => "denies",
    };
    if matched.condition == Truth::Unknown {
        let condition = find_condition(statement, version, request, Truth::Unknown);
        let requirement = condition.map_or_else(String::new, |condition| {
            format!(
                "only if {}",
                explain_requirement(condition, version, request)
            )
        });
        return format!("{subject} {verb} {} {requirement}", request.action);
    }
    if matched.principal == Truth::Unknown {
        let title = request.principal.title;
        return match (&statement.principal, statement.effect) {
            (Select::Except(_), Effect::Deny) => format!(
                "{subject} denies {} to all principals except those that it names; {title} is exempt only if its account, \
                 role and session are all named, and the session name is not known offline",
                request.action
            ),
            (Select::Except(_), Effect::Allow) => {
                format!("{subject} combines Allow with NotPrincipal, which AWS does not support")
            }
            _ => format!(
                "{subject} {verb} {} to a session of {title} by its name, which is not known offline",
                request.action
            ),
        };
    }
    let resource = match request.action.starts_with("kms:") {
        true => "key",
        false => "resource",
    };
    format!(
        "{subject} {verb} {} on resources by ARN, and the {resource}'s ARN is not known",
        request.action
    )
}

/// Returns the Allow statement that comes closest to allowing a request, and why it does not.
///
/// The closest one matches principal and action but not the resource or a condition. Next is one that allows
/// the action to a related principal, then one that allows the principal other actions.
pub(super) fn find_near_miss(
    document: &Document,
    matches: &[StatementMatch],
    request: &Request,
) -> Option<NearMiss> {
    let mut best: Option<(u8, usize)> = None;
    for (index, statement) in document.statements.iter().enumerate() {
        let matched = matches[index];
        let rest = u8::from(matched.resource == Truth::False)
            + u8::from(matched.condition == Truth::False);
        let base = match (
            matched.principal != Truth::False,
            matched.action != Truth::False,
        ) {
            (true, true) => 30,
            (false, true) if relate_principals(statement, request).is_some() => 20,
            (true, false) => 10,
            _ => continue,
        };
        let score = base - rest;
        if statement.effect == Effect::Allow && best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, index));
        }
    }
    let (_, index) = best?;
    let (statement, matched) = (&document.statements[index], matches[index]);
    let label = Label::new(index, statement);
    let subject = name_statement(&label);
    let (element, difference) = if matched.principal == Truth::False {
        (Element::Principal, relate_principals(statement, request)?)
    } else if matched.action == Truth::False {
        (Element::Action, explain_action(statement, request))
    } else if matched.resource == Truth::False {
        (Element::Resource, explain_resource(statement, request))
    } else {
        let version = document.version;
        let condition = find_condition(statement, version, request, Truth::False)?;
        let difference = explain_condition(condition, version, request);
        (Element::Condition, difference)
    };
    Some(NearMiss {
        statement: label,
        element,
        explanation: format!("{subject} {difference}"),
    })
}

fn find_condition<'a>(
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

/// Returns how a principal of the statement is related to the caller without including it.
fn relate_principals(statement: &Statement, request: &Request) -> Option<String> {
    let (principal, account) = (&request.principal, &request.principal.account);
    let Select::Only(named) = &statement.principal else {
        return None;
    };
    named.iter().find_map(|named| {
        let name = match named {
            Principal::Aws(name) => name,
            Principal::Service(name) if name.starts_with("backup.") => {
                return Some(format!(
                    "names the service {name} as principal; the caller is {}",
                    principal.title
                ));
            }
            _ => return None,
        };
        let shown = shorten_text(name);
        match principal::relate_name(name, principal) {
            Relation::KmsKey => {
                let whose = if is_central_key(name, request) {
                    "the central key's"
                } else {
                    "a key's"
                };
                Some(format!(
                    "names {whose} ARN ({shown}) as principal, which grants nothing"
                ))
            }
            Relation::SameAccount => {
                let kind = if name.contains(":assumed-role/") {
                    "a session of another role"
                } else if name.contains(":role/") {
                    "another role"
                } else {
                    "a user"
                };
                Some(format!(
                    "names {kind} of {account} ({shown}), which is not {}",
                    principal.title
                ))
            }
            Relation::OtherPath => Some(format!(
                "names {shown}, which is not the ARN of {}: that is {}",
                principal.title,
                principal.arn()
            )),
            Relation::Wildcard => Some(format!(
                "names {shown} as principal: a wildcard in part of a principal matches nothing"
            )),
            Relation::OtherPartition => Some(format!(
                "names {shown}, which is in another partition than the key"
            )),
            Relation::Account
            | Relation::Role
            | Relation::Session
            | Relation::Possible
            | Relation::Unrelated => None,
        }
    })
}

fn explain_action(statement: &Statement, request: &Request) -> String {
    let action = &request.action;
    match &statement.action {
        Select::Only(actions) if !actions.is_empty() => {
            let is_bare = |it: &String| it.eq_ignore_ascii_case("kms:ReEncrypt");
            let hint = if action.starts_with("kms:ReEncrypt") && actions.iter().any(is_bare) {
                "; kms:ReEncrypt is not an action; use kms:ReEncrypt*"
            } else {
                ""
            };
            format!(
                "applies to {} but allows {}, not {action}{hint}",
                request.principal.title,
                list_values(actions.iter().map(String::as_str), ", ")
            )
        }
        Select::Only(_) | Select::Missing => "has no Action, so it has no effect".to_owned(),
        Select::Except(_) => format!("excludes {action} with NotAction"),
    }
}

/// Whether an ARN is a KMS key in the caller's account, and the request is for a key in another account.
fn is_central_key(name: &str, request: &Request) -> bool {
    let account = |text| Arn::parse(text).map(|arn| arn.account);
    let theirs = Arn::parse(name)
        .is_some_and(|arn| arn.service == "kms" && arn.account == request.principal.account);
    theirs && account(&request.resource) != Some(request.principal.account.as_str())
}

fn explain_resource(statement: &Statement, request: &Request) -> String {
    if let Select::Only(resources) = &statement.resource
        && let Some(key) = resources
            .iter()
            .find(|resource| is_central_key(resource, request))
    {
        return format!(
            "allows it on the central key ({}), which grants nothing on this one; in a key policy Resource is \"*\"",
            shorten_text(key)
        );
    }
    match &statement.resource {
        Select::Only(resources) if !resources.is_empty() => format!(
            "allows it on another resource ({}); in a key policy Resource is \"*\" or the ARN of the key",
            list_values(resources.iter().map(String::as_str), " or ")
        ),
        Select::Only(_) | Select::Missing => "has no Resource, so it has no effect".to_owned(),
        Select::Except(_) => "excludes this key with NotResource".to_owned(),
    }
}

/// Returns why a condition does not hold, as the rest of a sentence about its statement.
fn explain_condition(condition: &Condition, version: Version, request: &Request) -> String {
    let present = request.context.get(&condition.key);
    let key = condition.key.to_ascii_lowercase();
    if key == "kms:grantisforawsresource" && *present == Value::Absent {
        return format!(
            "allows it only if {}; {} is present only in requests for grant actions, so the condition never holds for {}",
            describe_condition(condition),
            condition.key,
            request.action
        );
    }
    if key == "kms:viaservice"
        && !condition.operator.negated
        && condition.operator.comparison != Comparison::Null
    {
        let values = list_values(condition.values.iter().map(String::as_str), " or ");
        return format!(
            "allows it only through {values}, and {}{}",
            describe_value(condition, version, request),
            hint_at_wildcards(condition).unwrap_or_default()
        );
    }
    format!(
        "allows it only if {}",
        explain_requirement(condition, version, request)
    )
}

/// Returns what a condition requires and what is known about the value.
fn explain_requirement(condition: &Condition, version: Version, request: &Request) -> String {
    format!(
        "{}, and {}{}",
        describe_condition(condition),
        describe_value(condition, version, request),
        hint_at_wildcards(condition).unwrap_or_default()
    )
}

/// Returns a note if a condition has wildcards that its operator compares literally.
///
/// Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html#Conditions_String>.
fn hint_at_wildcards(condition: &Condition) -> Option<String> {
    let Operator {
        quantifier,
        comparison,
        negated,
        if_exists,
    } = condition.operator;
    let is_literal = matches!(
        comparison,
        Comparison::String | Comparison::StringIgnoreCase
    );
    let has_wildcard = |value: &String| value.replace("${*}", "").contains('*');
    if !is_literal || !condition.values.iter().any(has_wildcard) {
        return None;
    }
    let quantifier = match quantifier {
        Some(Quantifier::AnyValue) => "ForAnyValue:",
        Some(Quantifier::AllValues) => "ForAllValues:",
        None => "",
    };
    let not = if negated { "Not" } else { "" };
    let if_exists = if if_exists { "IfExists" } else { "" };
    Some(format!(
        "; {} compares \"*\" literally, only {quantifier}String{not}Like{if_exists} has wildcards",
        condition.operator_name
    ))
}

/// Returns what a condition requires.
fn describe_condition(condition: &Condition) -> String {
    let (key, operator) = (shorten_text(&condition.key), condition.operator);
    let values = list_values(condition.values.iter().map(String::as_str), " or ");
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
        _ => return format!("{each}{key} satisfies {} {values}", condition.operator_name),
    };
    let absent = if operator.if_exists {
        " (or is absent)"
    } else {
        ""
    };
    format!("{each}{key} {verb} {values}{absent}")
}

/// Returns what is known about the value of a condition key.
fn describe_value(condition: &Condition, version: Version, request: &Request) -> String {
    let key = &condition.key;
    let shown = shorten_text(key);
    match request.context.get(key) {
        Value::Known(values) => {
            let has_variable = condition.values.iter().any(|value| value.contains("${"));
            let variable = match (has_variable, version) {
                (true, Version::V2012) => " (the condition uses a policy variable)",
                (true, Version::V2008) => " (without Version 2012-10-17, ${...} is plain text)",
                (false, _) => "",
            };
            format!(
                "{shown} is {}{variable}",
                list_values(values.iter().map(String::as_str), " or ")
            )
        }
        Value::Shaped(shape) if shape == "*" => format!("{shown} is not known"),
        Value::Shaped(shape) => format!("{shown} is {shape}, of which \"*\" is not known"),
        Value::Possible(value) => format!("{shown} is {value} or is not in the request"),
        Value::Absent => format!("{shown} is not in the request"),
        Value::Unknown if is_about_organization(key) => {
            "the organization id is not known".to_owned()
        }
        Value::Unknown => format!("{shown} is not known offline"),
    }
}

fn is_about_organization(key: &str) -> bool {
    let keys = ["aws:PrincipalOrgID", "aws:PrincipalOrgPaths"];
    keys.iter().any(|it| key.eq_ignore_ascii_case(it))
}

/// Whether a condition key is used to spare calls by AWS services.
fn spares_services(key: &str) -> bool {
    let keys = ["aws:PrincipalIsAWSService", "aws:ViaAWSService"];
    keys.iter().any(|it| key.eq_ignore_ascii_case(it))
}
