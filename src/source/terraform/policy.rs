//! Policies: text, and `aws_iam_policy_document` data sources that are read during apply.

use serde_json::{Map, Value, json};

use crate::model::{Gap, GapKind};

use super::document::Item;
use super::place::partition_of;
use super::reader::{Reader, explain_gap};
use super::view::{Fact, View, contains_true};

/// Resource types that a policy may name although their ARN is known only after apply.
const NAMEABLE: [&str; 6] = [
    "aws_iam_role",
    "aws_iam_user",
    "aws_kms_key",
    "aws_kms_external_key",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
];

/// Returns the policy in an attribute; `None` if it is not set.
///
/// # Errors
/// The policy is not known.
pub(super) fn policy_text<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
) -> Result<Option<String>, Gap> {
    match view.text(name) {
        Fact::Known(text) => Ok(Some(text.to_owned())),
        Fact::Unset | Fact::Computed(_) => Ok(None),
        Fact::Open(gap) if gap.kind != GapKind::AfterApply => Err(gap),
        Fact::Open(gap) => {
            let trace =
                reader
                    .document
                    .follow_attribute(view, name, &["data.aws_iam_policy_document"]);
            if trace.is_settled() && !view.item.exists {
                return Ok(None);
            }
            let document = trace
                .single_item(true)
                .map_err(|why| explain_gap(gap.clone(), &why))?;
            document_json(reader, document)
                .map(Some)
                .map_err(|why| explain_gap(gap, &why.message))
        }
    }
}

/// Returns the policy of a data source that is read during apply, built from its known statements.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document>.
fn document_json<'a>(reader: &Reader<'a>, item: &'a Item<'a>) -> Result<String, Gap> {
    let view = item.view();
    if let Fact::Known(text) = view.text("json") {
        return Ok(text.to_owned());
    }
    for other in [
        "source_json",
        "override_json",
        "source_policy_documents",
        "override_policy_documents",
    ] {
        let is_set = view.is_set(other).unwrap_or(true);
        if is_set && !matches!(view.fact(other), Fact::Unset) {
            let message = format!("it includes {other} of {}", item.address);
            return Err(explain_gap(view.known_after_apply("json"), &message));
        }
    }
    let mut statements = Vec::new();
    for statement in view.blocks("statement").final_value()?.unwrap_or_default() {
        statements.push(Value::Object(statement_json(reader, &statement)?));
    }
    let version = view.text("version").set_value()?.unwrap_or("2012-10-17");
    Ok(json!({"Version": version, "Statement": statements}).to_string())
}

/// Returns a statement of a policy document as JSON.
fn statement_json<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<Map<String, Value>, Gap> {
    let mut statement = Map::new();
    if let Some(sid) = view.text("sid").set_value()? {
        statement.insert("Sid".to_owned(), json!(sid));
    }
    let effect = view.text("effect").set_value()?.unwrap_or("Allow");
    statement.insert("Effect".to_owned(), json!(effect));
    for (element, name) in [
        ("Action", "actions"),
        ("NotAction", "not_actions"),
        ("Resource", "resources"),
        ("NotResource", "not_resources"),
    ] {
        let values = list_values(reader, view, name)?;
        if !values.is_empty() {
            statement.insert(element.to_owned(), json!(values));
        }
    }
    for (element, name) in [
        ("Principal", "principals"),
        ("NotPrincipal", "not_principals"),
    ] {
        let mut principals = Map::new();
        for block in view.blocks(name).final_value()?.unwrap_or_default() {
            let kind = block.text("type").final_value()?.unwrap_or_default();
            let names = list_values(reader, &block, "identifiers")?;
            let all = principals.entry(kind).or_insert_with(|| json!([]));
            if let Value::Array(all) = all {
                all.extend(names.into_iter().map(Value::String));
            }
        }
        // A principal of the type `*` is everyone.
        let principals = match principals.contains_key("*") {
            true => json!("*"),
            false if principals.is_empty() => continue,
            false => Value::Object(principals),
        };
        statement.insert(element.to_owned(), principals);
    }
    let mut conditions = Map::new();
    for block in view.blocks("condition").final_value()?.unwrap_or_default() {
        let test = block.text("test").final_value()?.unwrap_or_default();
        let variable = block.text("variable").final_value()?.unwrap_or_default();
        let values = list_values(reader, &block, "values")?;
        let of_test = conditions.entry(test).or_insert_with(|| json!({}));
        if let Value::Object(of_test) = of_test {
            of_test.insert(variable.to_owned(), json!(values));
        }
    }
    if !conditions.is_empty() {
        statement.insert("Condition".to_owned(), Value::Object(conditions));
    }
    Ok(statement)
}

/// Returns the values of a set, with placeholders for ARNs that are not known yet.
fn list_values<'a>(reader: &Reader<'a>, view: &View<'a>, name: &str) -> Result<Vec<String>, Gap> {
    let unknown = match view.unknown {
        Value::Bool(_) => view.unknown,
        tree => tree.get(name).unwrap_or(&Value::Null),
    };
    if !contains_true(unknown) {
        let texts = view.texts(name).final_value()?.unwrap_or_default();
        return Ok(texts.into_iter().map(str::to_owned).collect());
    }
    // For a completely unknown set, the expression shows its references but not its other elements.
    let Value::Array(elements) = unknown else {
        return Err(view.known_after_apply(name));
    };
    let open = elements.iter().filter(|it| contains_true(it)).count();
    let known = view.values.get(name).and_then(Value::as_array);
    let known = known.into_iter().flatten().filter_map(Value::as_str);
    let mut texts: Vec<String> = known.map(str::to_owned).collect();
    let trace = reader.document.follow_attribute(view, name, &NAMEABLE);
    if let Some(unknown) = trace.unknown {
        return Err(explain_gap(view.known_after_apply(name), &unknown));
    }
    let is_unknown = |it: &&Item<'_>| it.view().text("arn").known().is_none();
    let unknown: Vec<&Item<'_>> = trace.items.into_iter().filter(is_unknown).collect();
    if unknown.len() != open {
        return Err(view.known_after_apply(name));
    }
    texts.extend(unknown.into_iter().map(|it| placeholder_arn(reader, it)));
    Ok(texts)
}

/// Returns the placeholder ARN of a role, a user or a key. Its account is empty if it is not known.
fn placeholder_arn(reader: &Reader<'_>, item: &Item<'_>) -> String {
    if let Some(key) = reader.keys.arn_of(item) {
        return key.to_owned();
    }
    let view = item.view();
    let sort = item.kind.strip_prefix("aws_iam_").unwrap_or(item.kind);
    let path = view.text("path").known().unwrap_or("/");
    let name = view.text("name").known().unwrap_or(item.name);
    let partition = partition_of(&reader.places.region_of(item));
    let account = reader.places.account_of(item).unwrap_or_default();
    format!("arn:{partition}:iam::{account}:{sort}{path}{name}")
}
