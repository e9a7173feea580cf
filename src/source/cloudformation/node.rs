//! A template's text as a tree in which every value has its line and column.

/// The attribute of a resource from a loop with the name of its declaration in the text. CloudFormation has no
/// attribute with this name.
pub(super) const LOOP_BODY: &str = "backup-check:loop";

/// A place in the text; line and column are counted from 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: u32,
    /// In characters.
    pub(super) column: u32,
}

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) at: Mark,
    pub(super) message: String,
}

/// The deepest nesting that is read. CloudFormation's own limit is far lower.
pub(super) const DEEPEST: usize = 100;

/// The most values that a template may have, after aliases and loops are expanded. A template of the largest
/// size that CloudFormation accepts, 1 MB, has fewer.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>.
pub(super) const MOST_VALUES: usize = 300_000;

/// The most bytes that the texts of a template may have after loops are expanded: 16 times the largest template
/// that CloudFormation accepts.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// A text after parsing.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) root: Node,
    /// The keys that are given more than once in their mapping. CloudFormation uses the last.
    pub(super) repeated: Vec<(String, Mark)>,
}

/// A value and its place in the text.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Mark,
    pub(super) value: Value,
}

/// A value of JSON or YAML.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// A number as it was written: `012` and `1e3` are interpreted later.
    Number(String),
    Text(String),
    /// A YAML scalar without quotes: text as a name, and as a value what [`Node::meaning`] returns.
    Plain(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) at: Mark,
    pub(super) node: Node,
}

impl Node {
    /// Returns the value of a key.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let mut entries = self.entries().iter();
        entries.find(|it| it.name == name).map(|it| &it.node)
    }

    /// Returns the entries of a mapping; empty for any other value.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the items of a list; empty for any other value.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// Returns the text of a string.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the value that a scalar means.
    pub(super) fn meaning(&self) -> Value {
        match &self.value {
            Value::Plain(text) => parse_plain_scalar(text),
            Value::Null | Value::List(_) | Value::Map(_) => Value::Null,
            other => other.clone(),
        }
    }

    /// Returns a scalar as text, with or without quotes.
    pub(super) fn scalar_text(&self) -> Option<String> {
        match self.meaning() {
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Null | Value::Plain(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// Returns the name of the intrinsic function and its argument.
    pub(super) fn function_call(&self) -> Option<(&str, &Node)> {
        match self.entries() {
            [only] if only.name == "Ref" || only.name.starts_with("Fn::") => {
                Some((&only.name, &only.node))
            }
            _ => None,
        }
    }
}

/// Parses an unquoted scalar as YAML 1.1, which CloudFormation reads.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>,
/// <https://yaml.org/type/int.html>, <https://yaml.org/type/float.html>.
fn parse_plain_scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        _ => match parse_integer(text) {
            Some(number) => Value::Number(number),
            None if is_float(text) => Value::Number(text.to_owned()),
            None => Value::Text(text.to_owned()),
        },
    }
}

/// Returns an integer of YAML 1.1 in decimal notation: binary, octal, hexadecimal and sexagesimal notation
/// and underscores are understood.
fn parse_integer(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let is_made_of = |digits: &str, radix: u32| {
        let digit = |c: char| c == '_' || c.is_digit(radix);
        digits.chars().all(digit) && digits.contains(|c: char| c.is_digit(radix))
    };
    let parse = |digits: &str, radix: u32| {
        let digits = is_made_of(digits, radix).then(|| digits.replace('_', ""))?;
        u128::from_str_radix(&digits, radix).ok()
    };
    let number = if let Some(binary) = digits.strip_prefix("0b") {
        parse(binary, 2)?
    } else if let Some(hexadecimal) = digits.strip_prefix("0x") {
        parse(hexadecimal, 16)?
    } else if let (Some(octal), true) = (digits.strip_prefix('0'), digits.len() > 1) {
        parse(octal, 8)?
    } else if let Some((first, rest)) = digits.split_once(':') {
        let mut number = parse(first, 10).filter(|_| digits.starts_with(|c| c != '_'))?;
        for part in rest.split(':') {
            let is_part =
                (1..=2).contains(&part.len()) && part.bytes().all(|it| it.is_ascii_digit());
            let part: u128 = is_part.then(|| part.parse().ok())?.filter(|it| *it < 60)?;
            number = number.checked_mul(60)?.checked_add(part)?;
        }
        number
    } else if digits.starts_with('_') || !is_made_of(digits, 10) {
        return None;
    } else {
        // Longer ones keep their digits.
        return Some(format!("{sign}{}", digits.replace('_', "")));
    };
    Some(format!("{sign}{number}"))
}

fn is_float(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.contains(['.', 'e', 'E'])
        && !digits.contains(|c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
        && digits.parse::<f64>().is_ok()
}

pub(super) fn count_values(node: &Node) -> usize {
    1 + count_entries(node.entries()) + node.items().iter().map(count_values).sum::<usize>()
}

pub(super) fn count_entries(entries: &[Entry]) -> usize {
    entries.iter().map(|it| count_values(&it.node)).sum()
}

pub(super) fn make_node(at: Mark, value: Value) -> Node {
    Node { at, value }
}

pub(super) fn make_text(at: Mark, text: impl Into<String>) -> Node {
    make_node(at, Value::Text(text.into()))
}

pub(super) fn make_call(at: Mark, function: &str, node: Node) -> Node {
    let name = function.to_owned();
    make_node(at, Value::Map(vec![Entry { name, at, node }]))
}
