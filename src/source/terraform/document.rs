//! The JSON of `terraform show -json`: resources and their configuration.
//!
//! Source: <https://developer.hashicorp.com/terraform/internals/json-format>. OpenTofu has the same format:
//! <https://opentofu.org/docs/internals/json-format/>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::address::{format_index, module_steps};
use super::error::TerraformError;
use super::item::{ALL, Item, NAMING, NULL};
use super::scope::{Sort, is_opaque};

/// Deepest nesting of modules that is read.
const MAX_DEPTH: usize = 60;

/// A plan or a state.
#[derive(Debug)]
pub(super) struct Document<'a> {
    /// Resources that exist once the plan is applied, and data sources.
    pub(super) items: Vec<Item<'a>>,
    /// Values of the variables of the root module.
    pub(super) variables: &'a Value,
    /// Configuration of the providers.
    pub(super) providers: &'a Value,
    /// Values of the resources that are destroyed, by their types.
    pub(super) gone: BTreeMap<&'a str, Vec<&'a Value>>,
    by_kind: BTreeMap<&'a str, Vec<usize>>,
    opaque: BTreeMap<(&'a str, Sort), Vec<usize>>,
    groups: BTreeMap<(&'a str, &'a str, &'a str), Vec<usize>>,
    modules: BTreeMap<String, &'a Value>,
    /// Configuration of resources by the path of their module and their reference in it.
    configured: BTreeMap<(String, String), &'a Value>,
    called: BTreeMap<(&'a str, &'a str), Vec<(&'static str, usize)>>,
    calls: BTreeMap<(&'a str, &'a str), BTreeSet<&'a str>>,
}

impl<'a> Document<'a> {
    /// Parses a document.
    pub(super) fn parse(root: &'a Value) -> Result<Self, TerraformError> {
        let mut document = Document {
            items: Vec::new(),
            variables: &root["variables"],
            providers: &root["configuration"]["provider_config"],
            gone: BTreeMap::new(),
            by_kind: BTreeMap::new(),
            opaque: BTreeMap::new(),
            groups: BTreeMap::new(),
            modules: BTreeMap::new(),
            configured: BTreeMap::new(),
            called: BTreeMap::new(),
            calls: BTreeMap::new(),
        };
        let module = &root["configuration"]["root_module"];
        document.read_modules(module, String::new(), 0)?;
        document.read_resources(root)?;
        for item in &mut document.items {
            let of = if item.is_data { "data." } else { "" };
            let place = (
                module_path(item.module),
                format!("{of}{}.{}", item.kind, item.name),
            );
            item.config = document.configured.get(&place).copied();
        }
        document.find_nulls();
        for (number, item) in document.items.iter().enumerate() {
            let kind = item.type_key();
            for step in module_steps(item.module) {
                let outside = item.module.get(..step.outside).unwrap_or_default();
                let keys = document.calls.entry((outside, step.name)).or_default();
                keys.extend(step.key);
            }
            for name in NAMING {
                let text = item.values.get(name).and_then(Value::as_str);
                let is_hidden = [item.sensitive, &item.sensitive[name]].contains(&&ALL);
                if let Some(text) = text.filter(|text| !text.is_empty() && !is_hidden) {
                    let called = document.called.entry((kind, text)).or_default();
                    called.push((name, number));
                }
            }
            document.by_kind.entry(kind).or_default().push(number);
            for sort in [Sort::Network, Sort::Key]
                .into_iter()
                .filter(|it| is_opaque(item, *it))
            {
                document
                    .opaque
                    .entry((item.module, sort))
                    .or_default()
                    .push(number);
            }
            let group = (item.module, kind, item.name);
            document.groups.entry(group).or_default().push(number);
        }
        Ok(document)
    }

    /// Returns the key under which a provider is configured. A module without a configuration uses that of
    /// its caller: `module.a.module.b:aws` is `module.a:aws`, which is `aws`.
    pub(super) fn resolve_provider(&self, key: &'a str) -> &'a str {
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

    /// Returns the resources of a type, as [`Item::type_key`] names it.
    pub(super) fn items_of(&self, kind: &str) -> impl Iterator<Item = &Item<'a>> {
        let numbers = self.by_kind.get(kind).into_iter().flatten();
        numbers.filter_map(|number| self.items.get(*number))
    }

    /// Returns the resources of a type that have this text in one of the attributes `by`, a subset of
    /// [`NAMING`].
    pub(super) fn items_named(
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

    /// Returns the instances of a resource in one instance of a module.
    pub(super) fn instances_of(&self, module: &str, kind: &str, name: &str) -> Vec<&Item<'a>> {
        let numbers = self.groups.get(&(module, kind, name));
        let numbers = numbers.into_iter().flatten();
        numbers
            .filter_map(|number| self.items.get(*number))
            .collect()
    }

    /// Returns the number of instances of the resource that an item is an instance of.
    pub(super) fn count_siblings(&self, item: &Item<'_>) -> usize {
        let group = (item.module, item.type_key(), item.name);
        self.groups.get(&group).map_or(0, Vec::len)
    }

    /// Returns the resources of a type in a module, without those of the modules that it calls.
    pub(super) fn items_in(&self, module: &str, kind: &str) -> Vec<&Item<'a>> {
        let groups = self.groups.range((module, kind, "")..);
        let groups = groups.take_while(|((of, it, _), _)| (*of, *it) == (module, kind));
        let numbers = groups.flat_map(|(_, numbers)| numbers);
        numbers
            .filter_map(|number| self.items.get(*number))
            .collect()
    }

    /// Returns a resource in a module, for which a test holds, that may return the id of another one.
    pub(super) fn find_opaque(
        &self,
        module: &str,
        sort: Sort,
        fits: impl Fn(&Item<'a>) -> bool,
    ) -> Option<&Item<'a>> {
        let numbers = self.opaque.get(&(module, sort)).into_iter().flatten();
        let mut items = numbers.filter_map(|number| self.items.get(*number));
        items.find(|it| fits(it))
    }

    /// Returns the names of the module calls in a module.
    pub(super) fn calls_in(&self, module: &str) -> impl Iterator<Item = &'a str> {
        let config = self.module_config(module);
        let calls = config.and_then(|it| it["module_calls"].as_object());
        calls.into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Returns the indexes of the instances of a module call that contain a resource.
    pub(super) fn module_keys(&self, module: &str, name: &str) -> Vec<&'a str> {
        let keys = self.calls.get(&(module, name)).into_iter().flatten();
        keys.copied().collect()
    }

    /// Returns the configuration of a resource, by the path of its module and its reference without an index:
    /// `data.aws_ami.base`.
    pub(super) fn resource_config(&self, path: &str, reference: &str) -> Option<&'a Value> {
        let place = (path.to_owned(), reference.to_owned());
        self.configured.get(&place).copied()
    }

    /// Returns the configuration of a module, by its address or that of an instance.
    pub(super) fn module_config(&self, address: &str) -> Option<&'a Value> {
        self.modules.get(&module_path(address)).copied()
    }

    /// Returns the source of a module, or of one around it, if that is not a folder of the configuration.
    ///
    /// Source: <https://developer.hashicorp.com/terraform/language/modules/configuration#source>.
    pub(super) fn find_module_source(&self, address: &str) -> Option<&'a str> {
        let path = module_path(address);
        let mut calls = path.match_indices('/').map(|(at, _)| path.split_at(at));
        calls.find_map(|(outside, inside)| {
            let name = inside.split('/').nth(1)?;
            let source = self.module_at(outside)?["module_calls"][name]["source"].as_str()?;
            (!source.starts_with("./") && !source.starts_with("../")).then_some(source)
        })
    }

    /// Returns the configuration of the module at a path: `/db/keys`.
    pub(super) fn module_at(&self, path: &str) -> Option<&'a Value> {
        self.modules.get(path).copied()
    }

    /// Finds the attributes that are unknown although their expressions are known: those are null, and the
    /// provider chooses the value.
    fn find_nulls(&mut self) {
        let mut known = BTreeMap::new();
        let mut found: Vec<Vec<&'a str>> = Vec::new();
        for item in &self.items {
            let path = module_path(item.module);
            let expressions = item.config.and_then(|it| it["expressions"].as_object());
            let open = expressions.into_iter().flatten().filter(|(name, _)| {
                let is_open = *item.unknown == ALL || item.unknown.get(name.as_str()) == Some(&ALL);
                is_open && !item.is_data
            });
            let nulls = open.filter(|(_, it)| {
                it["references"].is_array() && self.has_known_value(&path, it, &mut known, 0)
            });
            found.push(nulls.map(|(name, _)| name.as_str()).collect());
        }
        for (item, nulls) in self.items.iter_mut().zip(found) {
            item.nulls = nulls;
        }
    }

    /// Returns whether an expression of a module depends only on variables with known values.
    fn has_known_value(
        &self,
        path: &str,
        expression: &'a Value,
        known: &mut BTreeMap<(String, &'a str), bool>,
        depth: usize,
    ) -> bool {
        let references = expression["references"].as_array().into_iter().flatten();
        let mut references = references.filter_map(Value::as_str);
        depth < MAX_DEPTH
            && references.all(|reference| {
                let mut parts = reference.split(['.', '[']);
                match (parts.next(), parts.next()) {
                    (Some("var"), Some(name)) => self.is_known_variable(path, name, known, depth),
                    (Some("path" | "terraform" | "count"), _) => true,
                    (Some("each"), Some("key")) => true,
                    _ => false,
                }
            })
    }

    /// Returns whether the value of a variable is known: that of the root module is, and a default is.
    fn is_known_variable(
        &self,
        path: &str,
        name: &'a str,
        known: &mut BTreeMap<(String, &'a str), bool>,
        depth: usize,
    ) -> bool {
        let place = (path.to_owned(), name);
        if let Some(found) = known.get(&place) {
            return *found;
        }
        let found = match path.rsplit_once('/') {
            None => true,
            Some((outside, call)) => {
                let config = self.module_at(outside);
                let call = config.map(|it| &it["module_calls"][call]);
                match call.map(|it| &it["expressions"][name]) {
                    None => false,
                    Some(argument) if argument["references"].is_array() => {
                        self.has_known_value(outside, argument, known, depth + 1)
                    }
                    Some(_) => true,
                }
            }
        };
        known.insert(place, found);
        found
    }

    /// Indexes the configuration of a module and of those within it.
    fn read_modules(
        &mut self,
        module: &'a Value,
        path: String,
        depth: usize,
    ) -> Result<(), TerraformError> {
        if depth > MAX_DEPTH || module.is_null() {
            return Ok(());
        }
        for (number, resource) in list_field(module, "resources", &path)? {
            let (Some(kind), Some(name)) = (resource["type"].as_str(), resource["name"].as_str())
            else {
                let path = format!("configuration{path}.resources[{number}]");
                return Err(TerraformError::unexpected_form(
                    path,
                    "a resource with a type and a name",
                ));
            };
            let of = match resource["mode"].as_str() {
                Some("data") => "data.",
                // A managed resource may have the same type and name.
                Some("ephemeral") => "ephemeral.",
                _ => "",
            };
            let place = (path.clone(), format!("{of}{kind}.{name}"));
            self.configured.insert(place, resource);
        }
        if let Some(calls) = module["module_calls"].as_object() {
            for (name, call) in calls {
                let child = format!("{path}/{name}");
                self.read_modules(&call["module"], child, depth + 1)?;
            }
        }
        self.modules.insert(path, module);
        Ok(())
    }

    /// Reads the resources of the changes, then those of the state that the plan does not change.
    fn read_resources(&mut self, root: &'a Value) -> Result<(), TerraformError> {
        let mut seen = BTreeSet::new();
        for list in ["resource_changes", "deferred_changes"] {
            let is_deferred = list == "deferred_changes";
            for (number, change) in list_field(root, list, "")? {
                let change = match is_deferred {
                    true => &change["resource_change"],
                    false => change,
                };
                let at = format!("{list}[{number}]");
                if let Some(address) = change["address"].as_str() {
                    seen.insert(address);
                }
                // What is replaced is destroyed too, and its replacement may configure something else.
                self.note_destroyed(change);
                self.items.extend(read_change(change, &at, is_deferred)?);
            }
        }
        if root["resource_changes"].is_null() {
            let planned = &root["planned_values"]["root_module"];
            let mut before = BTreeSet::new();
            collect_addresses(
                &root["prior_state"]["values"]["root_module"],
                &mut before,
                0,
            );
            let first = self.items.len();
            self.read_values(planned, "", "planned_values", &ALL, &mut seen, 0)?;
            for item in self.items.iter_mut().skip(first) {
                item.exists = before.contains(item.address);
            }
        }
        // Resources that the plan does not cover, for example with `-target`, keep their state.
        for (state, at) in [
            (&root["prior_state"]["values"], "prior_state.values"),
            (&root["values"], "values"),
        ] {
            self.read_values(&state["root_module"], "", at, &NULL, &mut seen, 0)?;
        }
        Ok(())
    }

    /// Notes a resource that is destroyed. One that is only forgotten stays as it is, and so does what it set.
    fn note_destroyed(&mut self, resource: &'a Value) {
        let actions = resource["change"]["actions"].as_array();
        let is_destroyed = actions.is_some_and(|it| it.iter().any(|it| it == "delete"));
        if let (Some(kind), true) = (resource["type"].as_str(), is_destroyed) {
            let destroyed = self.gone.entry(kind).or_default();
            destroyed.push(&resource["change"]["before"]);
        }
    }

    /// Reads the resources of a module in a tree of values, and of those within it.
    fn read_values(
        &mut self,
        module: &'a Value,
        address: &'a str,
        at: &str,
        unknown: &'a Value,
        seen: &mut BTreeSet<&'a str>,
        depth: usize,
    ) -> Result<(), TerraformError> {
        if depth > MAX_DEPTH {
            return Ok(());
        }
        for (number, resource) in list_field(module, "resources", at)? {
            let at = format!("{at} {address} resources[{number}]");
            if resource.get("deposed_key").is_some() {
                continue;
            }
            let mut item = new_item(resource, address, &at)?;
            if !seen.insert(item.address) {
                continue;
            }
            item.values = resource.get("values").unwrap_or(&NULL);
            item.unknown = unknown;
            item.sensitive = resource.get("sensitive_values").unwrap_or(&NULL);
            item.exists = unknown.is_null();
            if item.exists {
                item.before = item.values;
            }
            self.items.push(item);
        }
        for (number, child) in list_field(module, "child_modules", at)? {
            let Some(address) = child["address"].as_str() else {
                let path = format!("{at} child_modules[{number}].address");
                return Err(TerraformError::unexpected_form(path, "a string"));
            };
            self.read_values(child, address, at, unknown, seen, depth + 1)?;
        }
        Ok(())
    }
}

/// Collects the addresses in a module of a state and in those within it.
fn collect_addresses<'a>(module: &'a Value, found: &mut BTreeSet<&'a str>, depth: usize) {
    let list = |name: &str| module[name].as_array().into_iter().flatten();
    found.extend(list("resources").filter_map(|it| it["address"].as_str()));
    if depth < MAX_DEPTH {
        list("child_modules").for_each(|child| collect_addresses(child, found, depth + 1));
    }
}

/// Returns the key of a provider if one is configured under it.
fn configured_as<'a>(providers: &'a Value, key: &str) -> Option<&'a str> {
    let (found, _) = providers.as_object()?.get_key_value(key)?;
    Some(found)
}

/// Returns the path of a module in the configuration, which has no instances: `/db/keys`.
pub(super) fn module_path(module: &str) -> String {
    let names = module_steps(module).into_iter();
    names.map(|step| format!("/{}", step.name)).collect()
}

/// Returns the numbered elements of a list field; none if the field is missing.
fn list_field<'a>(
    value: &'a Value,
    field: &str,
    at: &str,
) -> Result<impl Iterator<Item = (usize, &'a Value)>, TerraformError> {
    let list = match value.get(field) {
        None | Some(Value::Null) => [].as_slice(),
        Some(Value::Array(list)) => list.as_slice(),
        Some(_) => {
            let path = format!("{at} {field}").trim_start().to_owned();
            return Err(TerraformError::unexpected_form(path, "a list"));
        }
    };
    Ok(list.iter().enumerate())
}

/// Returns an item with the identity of a resource and no values.
fn new_item<'a>(
    resource: &'a Value,
    module: &'a str,
    at: &str,
) -> Result<Item<'a>, TerraformError> {
    let text = |field: &str| {
        let found = resource.get(field).and_then(Value::as_str);
        found.ok_or_else(|| TerraformError::unexpected_form(format!("{at}.{field}"), "a string"))
    };
    Ok(Item {
        address: text("address")?,
        kind: text("type")?,
        name: text("name")?,
        module,
        key: format_index(&resource["index"]),
        is_data: resource["mode"] == "data",
        exists: true,
        before: &NULL,
        values: &NULL,
        unknown: &NULL,
        sensitive: &NULL,
        config: None,
        nulls: Vec::new(),
    })
}

/// Returns the resource that exists after a change; `None` if it is deleted or forgotten.
fn read_change<'a>(
    resource: &'a Value,
    at: &str,
    is_deferred: bool,
) -> Result<Option<Item<'a>>, TerraformError> {
    let module = resource["module_address"].as_str().unwrap_or_default();
    let mut item = new_item(resource, module, at)?;
    let change = &resource["change"];
    let Some(actions) = change["actions"].as_array() else {
        return Err(TerraformError::unexpected_form(
            format!("{at}.change.actions"),
            "a list",
        ));
    };
    let does = |action: &str| actions.iter().any(|it| it == action);
    // A deposed object is the remainder of a replaced resource and will be deleted.
    let is_gone = (does("delete") || does("forget")) && !does("create");
    let is_ephemeral = resource["mode"] == "ephemeral";
    if is_gone || is_ephemeral || resource.get("deposed").is_some() {
        return Ok(None);
    }
    let empty = is_deferred || item.is_data;
    match &change["after"] {
        after @ Value::Object(_) => item.values = after,
        Value::Null if empty => {}
        _ => {
            let path = format!("{at}.change.after");
            return Err(TerraformError::unexpected_form(
                path,
                "an object with the planned values",
            ));
        }
    }
    item.unknown = match change.get("after_unknown") {
        // Nothing is known of a resource whose change is deferred without values.
        _ if is_deferred && item.values.is_null() => &ALL,
        Some(unknown @ (Value::Object(_) | Value::Bool(_))) => unknown,
        None | Some(Value::Null) if empty => &ALL,
        None | Some(Value::Null) => &NULL,
        Some(_) => {
            return Err(TerraformError::unexpected_form(
                format!("{at}.change.after_unknown"),
                "an object",
            ));
        }
    };
    item.sensitive = change.get("after_sensitive").unwrap_or(&NULL);
    item.before = change.get("before").unwrap_or(&NULL);
    item.exists = !does("create") && !does("read") && !is_deferred;
    Ok(Some(item))
}

/// Returns whether an object has one of the fields.
pub(super) fn has_one(object: &Map<String, Value>, fields: &[&str]) -> bool {
    fields.iter().any(|field| object.contains_key(*field))
}
