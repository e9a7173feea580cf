//! Parses addresses and references such as `module.db[0].aws_kms_key.main["a"].arn`.

use serde_json::Value;

/// A part of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part<'t> {
    /// A name between dots.
    Name(&'t str),
    /// An index with its brackets: `[0]`, `["a"]`.
    Key(&'t str),
}

/// A module in an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Step<'t> {
    /// Name of the module call.
    pub(super) name: &'t str,
    /// Index of the instance, if any.
    pub(super) key: Option<&'t str>,
    /// Length of the address of the enclosing module, in bytes.
    pub(super) outside: usize,
}

/// Returns the parts of an address, up to the first that is not valid.
pub(super) fn split_address(address: &str) -> Vec<Part<'_>> {
    locate_parts(address)
        .into_iter()
        .map(|(_, part)| part)
        .collect()
}

/// Returns the parts of an address with their byte offsets.
fn locate_parts(address: &str) -> Vec<(usize, Part<'_>)> {
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(rest) = address.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with('.') {
            at += 1;
        } else if rest.starts_with('[') {
            let Some(length) = index_length(rest) else {
                break;
            };
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

/// Returns the length in bytes of an index with its brackets. Quoted text may contain brackets and dots.
fn index_length(text: &str) -> Option<usize> {
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

/// Returns the modules in the address of a module, outermost first.
pub(super) fn module_steps(module: &str) -> Vec<Step<'_>> {
    let parts = locate_parts(module);
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

/// Returns an index as addresses write it.
pub(super) fn format_index(index: &Value) -> Option<String> {
    match index {
        Value::Number(_) | Value::String(_) => Some(format!("[{index}]")),
        _ => None,
    }
}

/// Returns the address of a module within another.
pub(super) fn child_module(module: &str, name: &str, key: &str) -> String {
    match module {
        "" => format!("module.{name}{key}"),
        _ => format!("{module}.module.{name}{key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_may_contain_dots_and_brackets() {
        use Part::{Key, Name};
        assert_eq!(
            split_address(r#"module.a["x.y]\""].aws_kms_key.k[0].arn"#),
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
        assert_eq!(split_address("a[0"), [Name("a")]);
        assert_eq!(split_address(""), []);
    }

    #[test]
    fn modules_have_the_address_of_their_parent() {
        let address = r#"module.a["é"].module.b"#;
        let found = module_steps(address);
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name, found[0].key), ("a", Some(r#"["é"]"#)));
        assert_eq!(&address[..found[1].outside], r#"module.a["é"]"#);
        assert_eq!(found[0].outside, 0);
    }
}
