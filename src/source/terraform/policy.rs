//! Policies: text, and `aws_iam_policy_document` data sources that are read during apply.

use serde_json::{Map, Value, json};

use crate::model::arn::partition_of;
use crate::model::{Gap, GapKind};

use super::candidates::Candidate;
use super::item::Item;
use super::reader::{Reader, agree, explain_gap};
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

const DOCUMENTS: [&str; 1] = ["data.aws_iam_policy_document"];

/// Most documents that are merged one into another.
const MAX_MERGED: usize = 16;

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
            let candidates = reader
                .document
                .candidates_of(view, name, &DOCUMENTS)
                .without_null();
            if candidates.is_settled() && !view.item.exists {
                return Ok(None);
            }
            let documents = candidates
                .complete(true)
                .map_err(|why| explain_gap(gap.clone(), &why))?;
            let texts = documents.iter().map(|it| document_json(reader, it.item, 0));
            let why = explain_gap(gap.clone(), &format!("it may be {}", candidates.names()));
            agree(texts.collect(), why)
                .map(|json| Some(json.to_string()))
                .map_err(|why| explain_gap(gap, &why.message))
        }
    }
}

/// Returns the policy of a data source that is read during apply, built from its statements.
///
/// An expression may change a document, for example with `replace`, and a plan does not show that. So a
/// statement, any part of which is known only after apply, counts as one under a condition that cannot be
/// evaluated; the others count as they are.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document>.
fn document_json<'a>(reader: &Reader<'a>, item: &'a Item<'a>, depth: usize) -> Result<Value, Gap> {
    let view = item.view();
    if let Fact::Known(text) = view.text("json") {
        return serde_json::from_str(text).map_err(|_| view.known_after_apply("json"));
    }
    let mut statements = Vec::new();
    for other in [
        "source_json",
        "source_policy_documents",
        "override_json",
        "override_policy_documents",
    ] {
        let is_override = other.starts_with("override");
        for document in merged_documents(reader, &view, other, depth)? {
            if is_override {
                let message = format!("it includes {other} of {}", item.address);
                return Err(explain_gap(view.known_after_apply("json"), &message));
            }
            match document["Statement"].clone() {
                Value::Array(list) => statements.extend(list),
                one => statements.push(one),
            }
        }
    }
    for statement in view.blocks("statement").final_value()?.unwrap_or_default() {
        let statement = Value::Object(statement_json(reader, &statement)?);
        let sid = statement["Sid"].clone();
        // A statement replaces that of a source document with the same sid.
        statements.retain(|it| sid.is_null() || it["Sid"] != sid);
        statements.push(statement);
    }
    let version = view.text("version").set_value()?.unwrap_or("2012-10-17");
    Ok(json!({"Version": version, "Statement": statements}))
}

/// Returns the documents that an attribute merges into a document.
fn merged_documents<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
    depth: usize,
) -> Result<Vec<Value>, Gap> {
    let parse = |text: &str| serde_json::from_str(text);
    let open = || {
        let message = format!("it includes {name} of {}", view.item.address);
        explain_gap(view.known_after_apply("json"), &message)
    };
    let is_list = name.ends_with('s');
    let known = match is_list {
        true => view.texts(name),
        false => match view.text(name) {
            Fact::Known(text) => Fact::Known(vec![text]),
            Fact::Unset => Fact::Unset,
            Fact::Computed(gap) => Fact::Computed(gap),
            Fact::Open(gap) => Fact::Open(gap),
        },
    };
    match known {
        Fact::Unset | Fact::Computed(_) => Ok(Vec::new()),
        Fact::Known(texts) => texts
            .into_iter()
            .map(|it| parse(it).map_err(|_| open()))
            .collect(),
        Fact::Open(_) => {
            let candidates = reader
                .document
                .candidates_of(view, name, &DOCUMENTS)
                .without_null();
            let found = candidates.complete(true).map_err(|_| open())?;
            if depth > MAX_MERGED || (!is_list && found.len() > 1) {
                return Err(open());
            }
            // Texts without references are among the values only.
            let known = view.values.get(name).and_then(Value::as_array);
            let known = known.into_iter().flatten().filter_map(Value::as_str);
            let marks = view.unknown_in(name).as_array();
            let count = marks.map(|it| it.iter().filter(|it| contains_true(it)).count());
            if is_list && count != Some(found.len()) {
                return Err(open());
            }
            let known = known.map(|it| parse(it).map_err(|_| open()));
            let read = |it: &Candidate<'a>| document_json(reader, it.item, depth + 1);
            known.chain(found.iter().map(read)).collect()
        }
    }
}

/// The values of a set in a statement.
#[derive(Debug, Default)]
struct Values {
    /// Those that are known, with placeholders for ARNs that are not known yet.
    known: Vec<String>,
    /// What is known only after apply.
    open: Option<String>,
    /// Whether the set may have other values than these.
    has_more: bool,
}

/// Returns a statement of a policy document as JSON.
fn statement_json<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<Map<String, Value>, Gap> {
    let mut statement = Map::new();
    let mut open = None;
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
        let mut values = list_values(reader, view, name)?;
        // All that an unknown name may be.
        if values.open.is_some() {
            if element.starts_with("Not") {
                return Err(view.known_after_apply(name));
            }
            values.known = vec!["*".to_owned()];
        }
        open = open.or(values.open);
        if !values.known.is_empty() {
            statement.insert(element.to_owned(), json!(values.known));
        }
    }
    for (element, name) in [
        ("Principal", "principals"),
        ("NotPrincipal", "not_principals"),
    ] {
        let mut principals = Map::new();
        let mut is_anyone = false;
        for block in view.blocks(name).final_value()?.unwrap_or_default() {
            let kind = block.text("type").final_value()?.unwrap_or_default();
            let values = list_values(reader, &block, "identifiers")?;
            is_anyone |= kind == "*" || values.has_more;
            if values.has_more && element.starts_with("Not") {
                return Err(block.known_after_apply("identifiers"));
            }
            open = open.or(values.open);
            let all = principals.entry(kind).or_insert_with(|| json!([]));
            if let Value::Array(all) = all {
                all.extend(values.known.into_iter().map(Value::String));
            }
        }
        let principals = match is_anyone {
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
        open = open.or(values.open);
        add_condition(&mut conditions, test, variable, json!(values.known));
    }
    if let Some(open) = open {
        add_condition(&mut conditions, "StringEquals", &open, json!("known"));
    }
    if !conditions.is_empty() {
        statement.insert("Condition".to_owned(), Value::Object(conditions));
    }
    Ok(statement)
}

fn add_condition(conditions: &mut Map<String, Value>, test: &str, variable: &str, values: Value) {
    let of_test = conditions.entry(test).or_insert_with(|| json!({}));
    if let Value::Object(of_test) = of_test {
        of_test.insert(variable.to_owned(), values);
    }
}

/// Returns the values of a set.
fn list_values<'a>(reader: &Reader<'a>, view: &View<'a>, name: &str) -> Result<Values, Gap> {
    let unknown = view.unknown_in(name);
    if !contains_true(unknown) {
        let texts = view.texts(name).final_value()?.unwrap_or_default();
        return Ok(Values {
            known: texts.into_iter().map(str::to_owned).collect(),
            ..Values::default()
        });
    }
    let address = view.item.address;
    let mut values = Values {
        known: Vec::new(),
        open: Some(format!("{name} of {address}")),
        has_more: true,
    };
    // For a completely unknown set, the expression shows its references but not its other elements.
    let Value::Array(elements) = unknown else {
        return Ok(values);
    };
    let open = elements.iter().filter(|it| contains_true(it)).count();
    let known = view.values.get(name).and_then(Value::as_array);
    let known = known.into_iter().flatten().filter_map(Value::as_str);
    values.known = known.map(str::to_owned).collect();
    let candidates = reader.document.candidates_of(view, name, &NAMEABLE);
    let found = candidates.found.iter().map(|it| it.item);
    let unknown: Vec<&Item<'_>> = found
        .filter(|it| it.view().text("arn").known().is_none())
        .collect();
    if candidates.open().is_none() && unknown.len() == open {
        if values.known.is_empty() {
            values.open = None;
        }
        let named = unknown.into_iter().map(|it| placeholder_arn(reader, it));
        values.known.extend(named);
        values.has_more = false;
    }
    Ok(values)
}

/// Returns the placeholder ARN of a role, a user or a key. Its account is empty if it is not known.
pub(super) fn placeholder_arn(reader: &Reader<'_>, item: &Item<'_>) -> String {
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
