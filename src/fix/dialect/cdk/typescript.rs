//! TypeScript in which a text is never code.

use serde_json::Value;

use crate::fix::describe::escape_string;

/// Returns a policy statement that allows actions on resources, which are expressions.
pub(super) fn allow_statement(actions: &[&str], resources: &[String]) -> String {
    let actions: Vec<String> = actions.iter().map(|it| string_literal(it)).collect();
    format!(
        "{{ actions: [{}], resources: [{}] }}",
        actions.join(", "),
        resources.join(", ")
    )
}

/// Returns the expression of the ARN of an EC2 resource in the account and region of the stack.
pub(super) fn ec2_arn(resource: &str, id: &str) -> String {
    format!(
        "this.formatArn({{ service: \"ec2\", resource: {}, resourceName: {} }})",
        string_literal(resource),
        string_literal(id)
    )
}

/// Returns a string literal that JSON and TypeScript read alike and that ends no script element.
///
/// Source: <https://tc39.es/ecma262/#sec-literals-string-literals>.
pub(super) fn string_literal(text: &str) -> String {
    let text = escape_string(text, |c, out| {
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    });
    format!("\"{}\"", text.replace("</", "<\\/"))
}

/// Returns a JSON document as TypeScript, over several lines.
pub(super) fn json_literal(value: &Value) -> String {
    match value {
        Value::String(text) => string_literal(text),
        Value::Array(items) if !items.is_empty() => {
            let items: Vec<String> = items
                .iter()
                .map(|it| indent_lines(&json_literal(it)))
                .collect();
            format!("[\n{}\n]", items.join(",\n"))
        }
        Value::Object(fields) if !fields.is_empty() => {
            let fields: Vec<String> = fields
                .iter()
                .map(|(name, it)| {
                    indent_lines(&format!("{}: {}", property_name(name), json_literal(it)))
                })
                .collect();
            format!("{{\n{}\n}}", fields.join(",\n"))
        }
        other => other.to_string(),
    }
}

/// Returns the name of a property. `__proto__` as a plain literal would set the prototype.
fn property_name(name: &str) -> String {
    match name {
        "__proto__" => format!("[{}]", string_literal(name)),
        _ => string_literal(name),
    }
}

fn indent_lines(text: &str) -> String {
    format!("  {}", text.replace('\n', "\n  "))
}
