//! The JSON of `terraform show -json`: its resources, and what the configuration says of them.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/json-format>, and for OpenTofu, whose
//! form is the same, <https://opentofu.org/docs/internals/json-format/>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::TerraformError;
use super::address::{index, steps};
use super::view::View;

/// What has no value, in either of the trees that go beside the values.
pub(super) static NULL: Value = Value::Null;
/// What is unknown throughout.
pub(super) static ALL: Value = Value::Bool(true);

/// The most modules within modules that are opened.
const DEEPEST: usize = 60;

/// The attributes by which others name a resource.
const CALLED: [&str; 7] = [
    "arn",
    "bucket",
    "cluster_identifier",
    "default_route_table_id",
    "id",
    "key_id",
    "name",
];

/// A resource as the plan or state holds it.
#[derive(Debug)]
pub(super) struct Item<'a> {
    /// `module.db[0].aws_kms_key.main["a"]`
    pub(super) address: &'a str,
    /// `aws_kms_key`
    pub(super) kind: &'a str,
    /// `main`
    pub(super) name: &'a str,
    /// `module.db[0]`; empty in the root module.
    pub(super) module: &'a str,
    /// `["a"]` or `[0]`, where it has one.
    pub(super) key: Option<String>,
    /// Whether it is a data source.
    pub(super) is_data: bool,
    /// Whether it is there before the plan is applied, and stays.
    pub(super) exists: bool,
    /// Its values as far as they are known.
    pub(super) values: &'a Value,
    /// Which are not known yet: `true` stands for a whole value.
    pub(super) unknown: &'a Value,
    /// Which are sensitive, in the same way.
    pub(super) sensitive: &'a Value,
    /// Its part of the configuration.
    pub(super) config: Option<&'a Value>,
}

impl<'a> Item<'a> {
    /// Its attributes.
    pub(super) fn view(&'a self) -> View<'a> {
        View {
            item: self,
            values: self.values,
            unknown: self.unknown,
            sensitive: self.sensitive,
            config: self.config.map(|config| &config["expressions"]),
        }
    }

    /// Its type, as [`Document::instances`] takes it.
    pub(super) fn group(&self) -> &'a str {
        match self.is_data {
            true => data(self.kind),
            false => self.kind,
        }
    }

    /// The provider that it belongs to, as `provider_config` names it.
    pub(super) fn provider(&self) -> Option<&'a str> {
        self.config?.get("provider_config_key")?.as_str()
    }
}

/// A plan or a state.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// What it holds once it is applied, data sources too.
    pub(super) items: Vec<Item<'a>>,
    /// The values of the root module's variables.
    pub(super) variables: &'a Value,
    /// The providers' configuration.
    pub(super) providers: &'a Value,
    /// The types of which something is destroyed or let go.
    pub(super) gone: BTreeSet<&'a str>,
    by_kind: BTreeMap<&'a str, Vec<usize>>,
    groups: BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    modules: BTreeMap<String, &'a Value>,
    called: BTreeMap<(&'a str, &'a str), Vec<(&'static str, usize)>>,
    calls: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
}

impl<'a> Document<'a> {
    /// Reads a document.
    pub(super) fn read(root: &'a Value) -> Result<Self, TerraformError> {
        let mut document = Document {
            items: Vec::new(),
            variables: &root["variables"],
            providers: &root["configuration"]["provider_config"],
            gone: BTreeSet::new(),
            by_kind: BTreeMap::new(),
            groups: BTreeMap::new(),
            modules: BTreeMap::new(),
            called: BTreeMap::new(),
            calls: BTreeMap::new(),
        };
        let mut configured = BTreeMap::new();
        let module = &root["configuration"]["root_module"];
        document.modules(module, String::new(), &mut configured, 0)?;
        document.resources(root)?;
        for item in &mut document.items {
            let of = if item.is_data { "data." } else { "" };
            let place = (
                path(item.module),
                format!("{of}{}.{}", item.kind, item.name),
            );
            item.config = configured.get(&place).copied();
        }
        for (number, item) in document.items.iter().enumerate() {
            let kind = item.group();
            for step in steps(item.module) {
                let outside = item.module.get(..step.outside).unwrap_or_default();
                let keys = document.calls.entry((outside, step.name)).or_default();
                keys.extend(step.key);
            }
            for name in CALLED {
                let text = item.values.get(name).and_then(Value::as_str);
                let is_hidden = [item.sensitive, &item.sensitive[name]].contains(&&ALL);
                if let Some(text) = text.filter(|text| !text.is_empty() && !is_hidden) {
                    let called = document.called.entry((kind, text)).or_default();
                    called.push((name, number));
                }
            }
            document.by_kind.entry(kind).or_default().push(number);
            let group = (item.module, kind, item.name);
            document.groups.entry(group).or_default().push(number);
        }
        Ok(document)
    }

    /// The key under which a provider is configured. One that a module declares no configuration for is
    /// its caller's: `module.a.module.b:aws` is `module.a:aws`, and that is `aws`.
    pub(super) fn provider(&self, key: &'a str) -> &'a str {
        if configured_as(self.providers, key).is_some() {
            return key;
        }
        let (mut module, name) = key.rsplit_once(':').unwrap_or(("", key));
        while let Some((outside, _)) = module.rsplit_once(".module.") {
            if let Some(found) = configured_as(self.providers, &format!("{outside}:{name}")) {
                return found;
            }
            module = outside;
        }
        name
    }

    /// The resources of a type; data sources by what [`data`] says.
    pub(super) fn of(&self, kind: &str) -> impl Iterator<Item = &Item<'a>> {
        let numbers = self.by_kind.get(kind).into_iter().flatten();
        numbers.filter_map(|number| self.items.get(*number))
    }

    /// The resources of a type of which one of some attributes, all of them among [`CALLED`], is this text.
    pub(super) fn called(
        &self,
        kind: &str,
        text: &str,
        by: &[&str],
    ) -> impl Iterator<Item = &Item<'a>> {
        let called = self.called.get(&(kind, text)).into_iter().flatten();
        let numbers: BTreeSet<usize> = called
            .filter(|(name, _)| by.contains(name))
            .map(|(_, number)| *number)
            .collect();
        numbers
            .into_iter()
            .filter_map(|number| self.items.get(number))
    }

    /// The instances of a resource in one instance of a module.
    pub(super) fn instances(&self, module: &str, kind: &str, name: &str) -> Vec<&Item<'a>> {
        let numbers = self.groups.get(&(module, kind, name));
        let numbers = numbers.into_iter().flatten();
        numbers
            .filter_map(|number| self.items.get(*number))
            .collect()
    }

    /// How many instances a resource has, where one of them is.
    pub(super) fn siblings(&self, item: &Item<'_>) -> usize {
        let group = (item.module, item.group(), item.name);
        self.groups.get(&group).map_or(0, Vec::len)
    }

    /// How many instances of a module in an instance of another hold anything.
    pub(super) fn module_instances(&self, module: &str, name: &str) -> usize {
        self.calls.get(&(module, name)).map_or(0, BTreeSet::len)
    }

    /// The configuration of a module, by its address or that of one of its instances.
    pub(super) fn module(&self, address: &str) -> Option<&'a Value> {
        self.modules.get(&path(address)).copied()
    }

    fn modules(
        &mut self,
        module: &'a Value,
        path: String,
        configured: &mut BTreeMap<(String, String), &'a Value>,
        depth: usize,
    ) -> Result<(), TerraformError> {
        if depth > DEEPEST || module.is_null() {
            return Ok(());
        }
        for (number, resource) in listed(module, "resources", &path)? {
            let (Some(kind), Some(name)) = (resource["type"].as_str(), resource["name"].as_str())
            else {
                let path = format!("configuration{path}.resources[{number}]");
                return Err(TerraformError::form(
                    path,
                    "a resource with a type and a name",
                ));
            };
            let of = if resource["mode"] == "data" {
                "data."
            } else {
                ""
            };
            configured.insert((path.clone(), format!("{of}{kind}.{name}")), resource);
        }
        if let Some(calls) = module["module_calls"].as_object() {
            for (name, call) in calls {
                let child = format!("{path}/{name}");
                self.modules(&call["module"], child, configured, depth + 1)?;
            }
        }
        self.modules.insert(path, module);
        Ok(())
    }

    fn resources(&mut self, root: &'a Value) -> Result<(), TerraformError> {
        let mut seen = BTreeSet::new();
        for list in ["resource_changes", "deferred_changes"] {
            let is_deferred = list == "deferred_changes";
            for (number, change) in listed(root, list, "")? {
                let change = match is_deferred {
                    true => &change["resource_change"],
                    false => change,
                };
                let at = format!("{list}[{number}]");
                if let Some(address) = change["address"].as_str() {
                    seen.insert(address);
                }
                match changed(change, &at, is_deferred)? {
                    Some(item) => self.items.push(item),
                    None => self.gone.extend(change["type"].as_str()),
                }
            }
        }
        if root["resource_changes"].is_null() {
            let planned = &root["planned_values"]["root_module"];
            let mut before = BTreeSet::new();
            addresses(
                &root["prior_state"]["values"]["root_module"],
                &mut before,
                0,
            );
            let first = self.items.len();
            self.values(planned, "", "planned_values", &ALL, &mut seen, 0)?;
            for item in self.items.iter_mut().skip(first) {
                item.exists = before.contains(item.address);
            }
        }
        // What the plan leaves out of account, as with `-target`, stays as it is.
        for (state, at) in [
            (&root["prior_state"]["values"], "prior_state.values"),
            (&root["values"], "values"),
        ] {
            self.values(&state["root_module"], "", at, &NULL, &mut seen, 0)?;
        }
        Ok(())
    }

    fn values(
        &mut self,
        module: &'a Value,
        address: &'a str,
        at: &str,
        unknown: &'a Value,
        seen: &mut BTreeSet<&'a str>,
        depth: usize,
    ) -> Result<(), TerraformError> {
        if depth > DEEPEST {
            return Ok(());
        }
        for (number, resource) in listed(module, "resources", at)? {
            let at = format!("{at} {address} resources[{number}]");
            if resource.get("deposed_key").is_some() {
                continue;
            }
            let mut item = named(resource, address, &at)?;
            if !seen.insert(item.address) {
                continue;
            }
            item.values = resource.get("values").unwrap_or(&NULL);
            item.unknown = unknown;
            item.sensitive = resource.get("sensitive_values").unwrap_or(&NULL);
            item.exists = unknown.is_null();
            self.items.push(item);
        }
        for (number, child) in listed(module, "child_modules", at)? {
            let Some(address) = child["address"].as_str() else {
                let path = format!("{at} child_modules[{number}].address");
                return Err(TerraformError::form(path, "a text"));
            };
            self.values(child, address, at, unknown, seen, depth + 1)?;
        }
        Ok(())
    }
}

/// The addresses in a module of a state, and in those within it.
fn addresses<'a>(module: &'a Value, found: &mut BTreeSet<&'a str>, depth: usize) {
    let list = |name: &str| module[name].as_array().into_iter().flatten();
    found.extend(list("resources").filter_map(|it| it["address"].as_str()));
    if depth < DEEPEST {
        list("child_modules").for_each(|child| addresses(child, found, depth + 1));
    }
}

/// The key of a provider, where one is configured under it.
fn configured_as<'a>(providers: &'a Value, key: &str) -> Option<&'a str> {
    let (found, _) = providers.as_object()?.get_key_value(key)?;
    Some(found)
}

/// How a data source is told from a resource of the same type.
pub(super) fn data(kind: &str) -> &'static str {
    match kind {
        "aws_ami" => "data.aws_ami",
        "aws_caller_identity" => "data.aws_caller_identity",
        "aws_iam_policy_document" => "data.aws_iam_policy_document",
        "aws_kms_alias" => "data.aws_kms_alias",
        "aws_kms_key" => "data.aws_kms_key",
        "aws_region" => "data.aws_region",
        "aws_subnet" => "data.aws_subnet",
        _ => "data",
    }
}

/// A module's place in the configuration, which knows no instances: `/db/keys`.
fn path(module: &str) -> String {
    let names = steps(module).into_iter();
    names.map(|step| format!("/{}", step.name)).collect()
}

/// The list of a field, where there is one.
fn listed<'a>(
    value: &'a Value,
    field: &str,
    at: &str,
) -> Result<impl Iterator<Item = (usize, &'a Value)>, TerraformError> {
    let list = match value.get(field) {
        None | Some(Value::Null) => [].as_slice(),
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => {
            let path = format!("{at} {field}").trim_start().to_owned();
            return Err(TerraformError::form(path, "a list"));
        }
    };
    Ok(list.iter().enumerate())
}

fn named<'a>(resource: &'a Value, module: &'a str, at: &str) -> Result<Item<'a>, TerraformError> {
    let text = |field: &str| {
        let found = resource.get(field).and_then(Value::as_str);
        found.ok_or_else(|| TerraformError::form(format!("{at}.{field}"), "a text"))
    };
    Ok(Item {
        address: text("address")?,
        kind: text("type")?,
        name: text("name")?,
        module,
        key: index(&resource["index"]),
        is_data: resource["mode"] == "data",
        exists: true,
        values: &NULL,
        unknown: &NULL,
        sensitive: &NULL,
        config: None,
    })
}

/// What is there once a change is made; none where nothing is.
fn changed<'a>(
    resource: &'a Value,
    at: &str,
    is_deferred: bool,
) -> Result<Option<Item<'a>>, TerraformError> {
    let module = resource["module_address"].as_str().unwrap_or_default();
    let mut item = named(resource, module, at)?;
    let change = &resource["change"];
    let Some(actions) = change["actions"].as_array() else {
        return Err(TerraformError::form(
            format!("{at}.change.actions"),
            "a list",
        ));
    };
    let does = |action: &str| actions.iter().any(|it| it == action);
    // A deposed object is what is left of an earlier one, and on its way out.
    let is_gone = (does("delete") || does("forget")) && !does("create");
    if is_gone || resource.get("deposed").is_some() {
        return Ok(None);
    }
    let empty = is_deferred || item.is_data;
    match &change["after"] {
        after @ Value::Object(_) => item.values = after,
        Value::Null if empty => {}
        _ => {
            let path = format!("{at}.change.after");
            return Err(TerraformError::form(
                path,
                "an object with the planned values",
            ));
        }
    }
    item.unknown = match change.get("after_unknown") {
        Some(unknown @ (Value::Object(_) | Value::Bool(_))) => unknown,
        None | Some(Value::Null) if empty => &ALL,
        None | Some(Value::Null) => &NULL,
        Some(_) => {
            return Err(TerraformError::form(
                format!("{at}.change.after_unknown"),
                "an object",
            ));
        }
    };
    item.sensitive = change.get("after_sensitive").unwrap_or(&NULL);
    item.exists = !does("create") && !does("read") && !is_deferred;
    Ok(Some(item))
}

/// Whether an object has fields of these names.
pub(super) fn has_one(object: &Map<String, Value>, fields: &[&str]) -> bool {
    fields.iter().any(|field| object.contains_key(*field))
}
