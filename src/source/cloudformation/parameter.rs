//! Parameters: their defaults and the values from the command line.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::model::GapKind;

use super::error::TemplateError;
use super::node::{Node, Value};
use super::value::{MOST_CANDIDATES, Open, Resolved};

/// Returns the value of every parameter.
///
/// # Errors
/// A value is given for a parameter that does not exist, or is not valid for it.
pub(super) fn read_values(
    declared: Option<&Node>,
    given: &[(String, String)],
) -> Result<BTreeMap<String, Resolved>, TemplateError> {
    let declared = declared.map_or(&[][..], Node::entries);
    if let Some((unknown, _)) = given
        .iter()
        .find(|(name, _)| !declared.iter().any(|it| it.name == *name))
    {
        let names: Vec<&str> = declared.iter().map(|it| it.name.as_str()).collect();
        return Err(TemplateError::Parameter(match names.as_slice() {
            [] => format!("--parameter {unknown}: the template has no parameters"),
            names => format!(
                "--parameter {unknown}: the template has no such parameter; it has {}",
                names.join(", ")
            ),
        }));
    }
    let mut values = BTreeMap::new();
    for entry in declared {
        // The last value counts, as for other repeated flags.
        let given = given.iter().rev().find(|(name, _)| *name == entry.name);
        let value = match given {
            Some((name, value)) => {
                check_value(&entry.node, value).map_err(|why| {
                    TemplateError::Parameter(format!("--parameter {name}={value}: {why}"))
                })?;
                Some(Resolved::text_of(value))
            }
            None => entry.node.get("Default").and_then(default_of_type),
        };
        values.insert(
            entry.name.clone(),
            resolve_value(&entry.name, &entry.node, value),
        );
    }
    Ok(values)
}

fn kind_of(declared: &Node) -> &str {
    declared
        .get("Type")
        .and_then(Node::text)
        .unwrap_or("String")
}

fn is_list(kind: &str) -> bool {
    kind == "CommaDelimitedList" || kind.starts_with("List<")
}

fn default_of_type(node: &Node) -> Option<Resolved> {
    match node.meaning() {
        Value::Number(number) => Some(Resolved::Number(number)),
        _ => node.scalar_text().map(Resolved::text_of),
    }
}

fn resolve_value(name: &str, declared: &Node, value: Option<Resolved>) -> Resolved {
    let what = format!("parameter {name}");
    let kind = kind_of(declared);
    // Its value is the name of a Systems Manager parameter that is read at deployment.
    if kind.starts_with("AWS::SSM::Parameter::Value<") {
        let path = value.and_then(|it| it.text().ok().flatten());
        let why = "its value is read from Systems Manager at deployment";
        let open = Open::new(GapKind::Unplanned, what, why);
        return Resolved::Open(open.named(match path {
            Some(path) => format!("ssm {path}"),
            None => format!("parameter {name}"),
        }));
    }
    match value.map(|value| (value.text(), value)) {
        None => {
            let why = format!("it has no default; give it with --parameter {name}=...");
            let open = Open::new(GapKind::AfterApply, what.clone(), &why).named(what);
            let allowed = declared.get("AllowedValues").map_or(&[][..], Node::items);
            let allowed: Option<Vec<String>> = allowed.iter().map(Node::scalar_text).collect();
            match allowed {
                // A list has any number of the values.
                Some(allowed)
                    if !is_list(kind)
                        && !allowed.is_empty()
                        && allowed.len() <= MOST_CANDIDATES =>
                {
                    Resolved::one_of(open, allowed.into_iter().map(Resolved::text_of))
                }
                _ => Resolved::Open(open),
            }
        }
        Some((Ok(Some(text)), _)) if is_list(kind) => {
            let items = text.split(',').map(str::trim);
            Resolved::List(items.map(Resolved::text_of).collect())
        }
        Some((Ok(Some(text)), _)) => Resolved::text_of(text),
        Some((_, value)) => value,
    }
}

/// Checks a value against the constraints of its parameter.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>.
fn check_value(declared: &Node, value: &str) -> Result<(), String> {
    let kind = kind_of(declared);
    let parts: Vec<&str> = match is_list(kind) {
        true => value.split(',').map(str::trim).collect(),
        false => vec![value],
    };
    if let Some(allowed) = declared.get("AllowedValues") {
        let allowed: Vec<String> = allowed
            .items()
            .iter()
            .filter_map(Node::scalar_text)
            .collect();
        if let Some(other) = parts
            .iter()
            .find(|part| !allowed.iter().any(|it| it == *part))
        {
            return Err(format!(
                "{other:?} is not one of its AllowedValues: {}",
                allowed.join(", ")
            ));
        }
    }
    if let Some(pattern) = declared.get("AllowedPattern").and_then(Node::text)
        // A pattern that only Java's regular expressions support is left to CloudFormation.
        && let Ok(expression) = Regex::new(&format!("^(?:{pattern})$"))
        && let Some(other) = parts.iter().find(|part| !expression.is_match(part))
    {
        return Err(format!(
            "{other:?} does not match its AllowedPattern {pattern}"
        ));
    }
    let limit = |name: &str| {
        let limit = declared.get(name)?.scalar_text()?;
        limit.parse::<f64>().ok()
    };
    let is_number = matches!(kind, "Number" | "List<Number>");
    for part in parts {
        #[expect(clippy::cast_precision_loss, reason = "no value is that long")]
        let (size, least, most) = if is_number {
            let Ok(number) = part.parse::<f64>() else {
                return Err(format!("{part:?} is not a number"));
            };
            (number, "MinValue", "MaxValue")
        } else {
            (part.chars().count() as f64, "MinLength", "MaxLength")
        };
        if limit(least).is_some_and(|least| size < least) {
            return Err(format!("{part:?} is below its {least}"));
        }
        if limit(most).is_some_and(|most| size > most) {
            return Err(format!("{part:?} is above its {most}"));
        }
    }
    Ok(())
}
