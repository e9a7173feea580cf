//! Addresses and references: `module.db[0].aws_kms_key.main["a"].arn`.

use serde_json::Value;

/// A part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// What stands between dots.
    Name(&'t str),
    /// An index with its brackets: `[0]`, `["a"]`.
    Key(&'t str),
}

/// A module of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step<'t> {
    /// Its name.
    pub(super) name: &'t str,
    /// Its index, where it has one.
    pub(super) key: Option<&'t str>,
    /// Where the address of the module around it ends.
    pub(super) outside: usize,
}

/// The parts of an address. What cannot be understood ends it.
pub(super) fn parts(address: &str) -> Vec<Part<'_>> {
    located(address).into_iter().map(|(_, part)| part).collect()
}

fn located(address: &str) -> Vec<(usize, Part<'_>)> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(rest) = address.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with('.') {
            at += 1;
        } else if rest.starts_with('[') {
            let Some(length) = bracketed(rest) else { break };
            let Some(key) = rest.get(..length) else { break };
            parts.push((at, Part::Key(key)));
            at += length;
        } else {
            let length = rest.find(['.', '[']).unwrap_or(rest.len());
            let Some(name) = rest.get(..length) else {
                break;
            };
            parts.push((at, Part::Name(name)));
            at += length;
        }
    }
    parts
}

/// How long an index is, with its brackets; a bracket or a dot may stand within quotes.
fn bracketed(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ']' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// The modules of a module's address.
pub(super) fn steps(module: &str) -> Vec<Step<'_>> {
    let parts = located(module);
    let mut steps = Vec::new();
    let mut at = 0;
    while let (Some((start, Part::Name("module"))), Some((_, Part::Name(name)))) =
        (parts.get(at), parts.get(at + 1))
    {
        let key = match parts.get(at + 2) {
            Some((_, Part::Key(key))) => Some(*key),
            _ => None,
        };
        steps.push(Step {
            name,
            key,
            outside: start.saturating_sub(1),
        });
        at += if key.is_some() { 3 } else { 2 };
    }
    steps
}

/// A resource's index as it stands in its address.
pub(super) fn index(index: &Value) -> Option<String> {
    match index {
        Value::Number(_) | Value::String(_) => Some(format!("[{index}]")),
        _ => None,
    }
}

/// The address of a module within another.
pub(super) fn within(module: &str, name: &str, key: &str) -> String {
    match module {
        "" => format!("module.{name}{key}"),
        _ => format!("{module}.module.{name}{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_may_hold_anything() {
        use Part::{Key, Name};
        assert_eq!(
            parts(r#"module.a["x.y]\""].aws_kms_key.k[0].arn"#),
            [
                Name("module"),
                Name("a"),
                Key(r#"["x.y]\""]"#),
                Name("aws_kms_key"),
                Name("k"),
                Key("[0]"),
                Name("arn")
            ]
        );
        assert_eq!(parts("a[0"), [Name("a")]);
        assert_eq!(parts(""), []);
    }

    #[test]
    fn modules_know_what_is_around_them() {
        let address = r#"module.a["é"].module.b"#;
        let found = steps(address);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name, found[0].key), ("a", Some(r#"["é"]"#)));
        assert_eq!(&address[..found[1].outside], r#"module.a["é"]"#);
        assert_eq!(found[0].outside, 0);
    }
}
