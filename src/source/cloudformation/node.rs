//! A template's text as a tree in which everything knows where it stands.

/// A place in the text, from 1.
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

/// How deep things may lie in each other. CloudFormation's own limit is far lower.
pub(super) const DEEPEST: usize = 100;

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Mark,
    pub(super) value: Value,
}

/// What JSON and YAML have in common.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    /// As it was written: `012` and `1e3` are for the reader to make sense of.
    Number(String),
    Text(String),
    /// Without quotes in YAML: a name as it stands, and a value as [`Node::meant`] says.
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
    /// What stands under a key.
    pub(super) fn get(&self, name: &str) -> Option<&Node> {
        let mut entries = self.entries().iter();
        entries.find(|it| it.name == name).map(|it| &it.node)
    }

    /// The keys and values of a mapping; none of anything else.
    pub(super) fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none of anything else.
    pub(super) fn items(&self) -> &[Node] {
        match &self.value {
            Value::List(items) => items,
            _ => &[],
        }
    }

    /// A text.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) | Value::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a scalar.
    pub(super) fn meaning(&self) -> Value {
        match &self.value {
            Value::Plain(text) => parse_plain_scalar(text),
            Value::Null | Value::List(_) | Value::Map(_) => Value::Null,
            other => other.clone(),
        }
    }

    /// A scalar as text, however it was written.
    pub(super) fn scalar_text(&self) -> Option<String> {
        match self.meaning() {
            Value::Text(text) | Value::Number(text) => Some(text),
            Value::Bool(yes) => Some(yes.to_string()),
            Value::Null | Value::Plain(_) | Value::List(_) | Value::Map(_) => None,
        }
    }

    /// The intrinsic function that it is, and its argument.
    pub(super) fn function_call(&self) -> Option<(&str, &Node)> {
        match self.entries() {
            [only] if only.name == "Ref" || only.name.starts_with("Fn::") => {
                Some((&only.name, &only.node))
            }
            _ => None,
        }
    }
}

/// What an unquoted scalar is in YAML 1.1, which CloudFormation reads.
///
/// Source: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>.
fn parse_plain_scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Value::Bool(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => {
            Value::Bool(false)
        }
        number if is_number(number) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && !digits.contains(|c: char| !matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'))
        && digits.parse::<f64>().is_ok()
}
