//! Policies: as text, and those of `aws_iam_policy_document` that wait for something of the plan.

use serde_json::{Map, Value, json};

use crate::model::{Gap, GapKind};

use super::document::Item;
use super::place::partition;
use super::reader::{Reader, because};
use super::view::{Fact, View, says_true};

/// What a policy may name although its ARN is known only after apply.
const NAMEABLE: [&str; 6] = [
    "aws_iam_role",
    "aws_iam_user",
    "aws_kms_key",
    "aws_kms_external_key",
    "aws_kms_replica_external_key",
    "aws_kms_replica_key",
];

/// The policy in an attribute; none where none is set.
///
/// # Errors
/// Why it is not known.
pub(super) fn text<'a>(
    reader: &Reader<'a>,
    view: &View<'a>,
    name: &str,
) -> Result<Option<String>, Gap> {
    match view.text(name) {
        Fact::Known(text) => Ok(Some(text.to_owned())),
        Fact::Unset | Fact::Computed(_) => Ok(None),
        Fact::Open(gap) if gap.kind != GapKind::AfterApply => Err(gap),
        Fact::Open(gap) => {
            let led = reader
                .document
                .lead(view, name, &["data.aws_iam_policy_document"]);
            if led.is_settled() && !view.item.exists {
                return Ok(None);
            }
            let document = led.one(true).map_err(|why| because(gap.clone(), &why))?;
            written(reader, document)
                .map(Some)
                .map_err(|why| because(gap, &why.message))
        }
    }
}

/// The policy of a data source that is read during apply, from what is known of its statements.
///
/// Source: <https://registry.terraform.io/providers/hashicorp/aws/latest/docs/data-sources/iam_policy_document>.
fn written<'a>(reader: &Reader<'a>, item: &'a Item<'a>) -> Result<String, Gap> {
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
            let message = format!("{other} of {} is merged into it", item.address);
            return Err(because(view.later("json"), &message));
        }
    }
    let mut statements = Vec::new();
    for statement in view.blocks("statement").chosen()?.unwrap_or_default() {
        statements.push(Value::Object(one(reader, &statement)?));
    }
    let version = view.text("version").set()?.unwrap_or("2012-10-17");
    Ok(json!({"Version": version, "Statement": statements}).to_string())
}

fn one<'a>(reader: &Reader<'a>, view: &View<'a>) -> Result<Map<String, Value>, Gap> {
    let mut statement = Map::new();
    if let Some(sid) = view.text("sid").set()? {
        statement.insert("Sid".to_owned(), json!(sid));
    }
    let effect = view.text("effect").set()?.unwrap_or("Allow");
    statement.insert("Effect".to_owned(), json!(effect));
    for (element, name) in [
        ("Action", "actions"),
        ("NotAction", "not_actions"),
        ("Resource", "resources"),
        ("NotResource", "not_resources"),
    ] {
        let values = listed(reader, view, name)?;
        if !values.is_empty() {
            statement.insert(element.to_owned(), json!(values));
        }
    }
    for (element, name) in [
        ("Principal", "principals"),
        ("NotPrincipal", "not_principals"),
    ] {
        let mut principals = Map::new();
        for block in view.blocks(name).chosen()?.unwrap_or_default() {
            let kind = block.text("type").chosen()?.unwrap_or_default();
            let names = listed(reader, &block, "identifiers")?;
            let all = principals.entry(kind).or_insert_with(|| json!([]));
            if let Value::Array(all) = all {
                all.extend(names.into_iter().map(Value::String));
            }
        }
        // A principal of the type `*` is everybody.
        let principals = match principals.contains_key("*") {
            true => json!("*"),
            false if principals.is_empty() => continue,
            false => Value::Object(principals),
        };
        statement.insert(element.to_owned(), principals);
    }
    let mut conditions = Map::new();
    for block in view.blocks("condition").chosen()?.unwrap_or_default() {
        let test = block.text("test").chosen()?.unwrap_or_default();
        let variable = block.text("variable").chosen()?.unwrap_or_default();
        let values = listed(reader, &block, "values")?;
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

/// The texts of a set, with what stands for the ARNs that are not known yet.
fn listed<'a>(reader: &Reader<'a>, view: &View<'a>, name: &str) -> Result<Vec<String>, Gap> {
    let unknown = match view.unknown {
        Value::Bool(_) => view.unknown,
        tree => tree.get(name).unwrap_or(&Value::Null),
    };
    if !says_true(unknown) {
        let texts = view.texts(name).chosen()?.unwrap_or_default();
        return Ok(texts.into_iter().map(str::to_owned).collect());
    }
    // Of a set that is unknown as a whole, the expression shows what it refers to and not what else is in it.
    let Value::Array(elements) = unknown else {
        return Err(view.later(name));
    };
    let open = elements.iter().filter(|it| says_true(it)).count();
    let known = view.values.get(name).and_then(Value::as_array);
    let known = known.into_iter().flatten().filter_map(Value::as_str);
    let mut texts: Vec<String> = known.map(str::to_owned).collect();
    let led = reader.document.lead(view, name, &NAMEABLE);
    if let Some(besides) = led.besides {
        return Err(because(view.later(name), &besides));
    }
    let is_unknown = |it: &&Item<'_>| it.view().text("arn").known().is_none();
    let unknown: Vec<&Item<'_>> = led.to.into_iter().filter(is_unknown).collect();
    if unknown.len() != open {
        return Err(view.later(name));
    }
    texts.extend(unknown.into_iter().map(|it| stand_in(reader, it)));
    Ok(texts)
}

/// What stands for the ARN of a role, a user or a key. An account that is not known is not another one.
fn stand_in(reader: &Reader<'_>, item: &Item<'_>) -> String {
    if let Some(key) = reader.keys.arn(item) {
        return key.to_owned();
    }
    let view = item.view();
    let sort = item.kind.strip_prefix("aws_iam_").unwrap_or(item.kind);
    let path = view.text("path").known().unwrap_or("/");
    let name = view.text("name").known().unwrap_or(item.name);
    let partition = partition(&reader.places.region(item));
    let account = reader.places.account_of(item).unwrap_or_default();
    format!("arn:{partition}:iam::{account}:{sort}{path}{name}")
}
