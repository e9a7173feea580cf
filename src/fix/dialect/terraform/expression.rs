//! Expressions of HCL in which a text is never a template.

use std::collections::BTreeMap;

use hcl::expr::{Heredoc, TemplateExpr, Traversal, Variable};
use hcl::{Block, Expression, Identifier, ObjectKey};
use serde_json::Value;

use crate::fix::describe::escape_string;

/// Returns the address of a resource: `type.name`.
pub(super) fn address(block: &Block) -> Expression {
    let mut labels = block.labels.iter().map(hcl::BlockLabel::as_str);
    reference(
        labels.next().unwrap_or_default(),
        labels.next().unwrap_or_default(),
    )
}

/// Returns a reference: `var.name`.
pub(super) fn reference(root: &str, name: &str) -> Expression {
    Traversal::builder(Variable::unchecked(root))
        .attr(Identifier::unchecked(name))
        .build()
        .into()
}

/// Returns a string that Terraform reads as the text.
pub(super) fn string(text: &str) -> Expression {
    TemplateExpr::QuotedString(quoted_text(text)).into()
}

/// Returns the text between the quotes of a string. The escaping of the crate misses a `%${` that comes
/// after a `${`.
///
/// Source: <https://developer.hashicorp.com/terraform/language/expressions/strings#escape-sequences-in-strings>.
pub(super) fn quoted_text(text: &str) -> String {
    let text = escape_string(text, |c, out| {
        let code = u32::from(c);
        out.push_str(&match code {
            0..=0xffff => format!("\\u{code:04x}"),
            _ => format!("\\U{code:08x}"),
        });
    });
    escape_templates(&text)
}

/// Returns an array of strings.
pub(super) fn string_array(texts: &[String]) -> Expression {
    Expression::Array(texts.iter().map(|it| string(it)).collect())
}

/// Returns an object with attributes.
pub(super) fn object<'a>(entries: impl IntoIterator<Item = (&'a str, Expression)>) -> Expression {
    let entries = entries
        .into_iter()
        .map(|(name, value)| (ObjectKey::Identifier(Identifier::unchecked(name)), value));
    Expression::Object(entries.collect())
}

/// Returns a map of booleans.
pub(super) fn bool_map(entries: &BTreeMap<&str, bool>) -> Expression {
    let entries = entries
        .iter()
        .map(|(name, on)| (ObjectKey::Expression(string(name)), Expression::Bool(*on)));
    Expression::Object(entries.collect())
}

/// Returns a JSON document as a heredoc. None of its lines is a bare word, so none ends the heredoc.
///
/// Source: <https://developer.hashicorp.com/terraform/language/expressions/strings#heredoc-strings>.
pub(super) fn document(json: &Value) -> Expression {
    let json = format!("{json:#}");
    let mut text = String::with_capacity(json.len());
    let mut chars = json.chars().peekable();
    while let Some(c) = chars.next() {
        // Parsers disagree on the meaning of several markers in a row, so only the last one stays.
        let is_marker = "$%".contains(c) && chars.peek().is_some_and(|next| "$%".contains(*next));
        let is_visible = c.is_ascii() && !c.is_ascii_control() || c.is_alphanumeric();
        if c == '\n' || is_visible && !is_marker {
            text.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    Heredoc::new(Identifier::unchecked("POLICY"), escape_templates(&text)).into()
}

/// Returns a text in which nothing starts a template.
fn escape_templates(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}
