//! The search for what an expression may be: along the references of variables, outputs and other resources.

use std::collections::BTreeSet;

use serde_json::Value;

use super::address::{Part, child_module, module_steps, split_address};
use super::candidates::{Candidate, Candidates};
use super::document::{Document, module_path};
use super::expression::{
    complete_references, constant_at, continues, has_attribute, is_repeated, selected_element,
    selects_attribute,
};
use super::item::{Item, data_type};
use super::scope::{Sort, is_opaque, open_arguments, sort_of};
use super::view::{Config, Fact, View, contains_true};

/// Most expressions between an attribute and the resource it refers to.
const MAX_HOPS: usize = 32;

/// Most expressions that one attribute leads to.
const MAX_EXPRESSIONS: usize = 10_000;

/// Attributes that identify the resource that they belong to.
const IDENTITIES: [&str; 21] = [
    "arn",
    "bucket",
    "cluster_identifier",
    "db_cluster_snapshot_arn",
    "db_cluster_snapshot_identifier",
    "db_snapshot_arn",
    "db_snapshot_identifier",
    "default_route_table_id",
    "gateway_arn",
    "id",
    "identifier",
    "json",
    "key_arn",
    "key_id",
    "latest_version",
    "main_route_table_id",
    "minified_json",
    "name",
    "target_db_cluster_snapshot_identifier",
    "target_db_snapshot_identifier",
    "target_key_arn",
];

/// Types whose resources are named by texts that other resources may give too, such as a random name.
const NAMED: [&str; 5] = [
    "aws_backup_vault",
    "aws_db_instance",
    "aws_db_option_group",
    "aws_rds_cluster",
    "aws_s3_bucket",
];

/// The place of an expression: an instance of a module and of a resource in it.
#[derive(Debug, Clone)]
struct Site<'a> {
    module: String,
    key: Option<&'a str>,
    each: Option<&'a Value>,
}

/// A search for resources of some types.
struct Search<'s, 'a> {
    document: &'a Document<'a>,
    wanted: &'s [&'s str],
    found: Candidates<'a>,
    /// The resource whose attribute it is.
    of: &'a Item<'a>,
    /// What the wanted resources are, if their ids are not made from other texts.
    sort: Option<Sort>,
    /// Modules of which all that they may refer to was followed.
    scopes: BTreeSet<String>,
    /// How many of them are being followed.
    open_scopes: usize,
    /// Indexes of the instances that a reference without an index led to.
    indexed: BTreeSet<&'a str>,
    /// The number of expressions that were followed.
    followed: usize,
}

impl<'a> Document<'a> {
    /// Returns what the expression of an attribute may be, among resources of the wanted types.
    pub(super) fn candidates_of(
        &'a self,
        view: &View<'a>,
        name: &str,
        wanted: &[&str],
    ) -> Candidates<'a> {
        let mut search = Search {
            document: self,
            wanted,
            found: Candidates::default(),
            of: view.item,
            sort: sort_of(wanted),
            scopes: BTreeSet::new(),
            open_scopes: 0,
            indexed: BTreeSet::new(),
            followed: 0,
        };
        let site = Site::of_item(view.item);
        match view.expression(name) {
            Some(expression) => {
                search.follow_expression(&site, expression.json, &[], 0);
                if expression.is_shared {
                    search.drop_foreign();
                }
            }
            None => {
                let is_dynamic =
                    matches!(view.config, Config::Hidden) && view.item.config.is_some();
                let why = "the plan does not contain its expression";
                match is_dynamic {
                    true => search.follow_scope(&site, "a dynamic block", why, 0),
                    false => search.found.note_other(why.to_owned()),
                }
            }
        }
        search.found
    }

    /// Returns whether the instances of a resource or a module are made from a set of known texts: from no
    /// reference, or from a variable that is a list.
    fn is_set(&self, site: &Site<'_>) -> bool {
        let Some(each) = site.each else {
            // The plan leaves out an expression without references and without a constant value: `toset(["a"])`.
            return site.key.is_some_and(|it| it.starts_with("[\""));
        };
        let value = match complete_references(each).as_slice() {
            [] => return !each["constant_value"].is_object(),
            [reference] => match split_address(reference).as_slice() {
                [Part::Name("var"), Part::Name(name)] => self.variable_value(site, name),
                _ => None,
            },
            _ => None,
        };
        value.is_some_and(Value::is_array)
    }

    /// Returns the value of a variable, if it is that of the root module, a constant argument or a default.
    fn variable_value(&self, site: &Site<'_>, name: &str) -> Option<&Value> {
        let config = self.module_config(&site.module);
        let default = || config?["variables"][name].get("default");
        if site.module.is_empty() {
            let value = self.variables.get(name);
            return value.and_then(|it| it.get("value")).or_else(default);
        }
        let step = *module_steps(&site.module).last()?;
        let outside = self.module_config(site.module.get(..step.outside)?)?;
        match outside["module_calls"][step.name]["expressions"].get(name) {
            Some(argument) => argument.get("constant_value"),
            None => default(),
        }
    }

    /// Returns whether a resource may have no instance.
    fn is_optional(&self, module: &str, mode: &str, kind: &str, name: &str) -> bool {
        let of = if mode == "data" { "data." } else { "" };
        let config = self.resource_config(&module_path(module), &format!("{of}{kind}.{name}"));
        config.is_some_and(|it| {
            let number = it.get("count_expression");
            number.or(it.get("for_each_expression")).is_some()
        })
    }
}

impl<'a> Site<'a> {
    fn of_item(item: &'a Item<'a>) -> Self {
        Site {
            module: item.module.to_owned(),
            key: item.key.as_deref(),
            each: item.config.and_then(|it| it.get("for_each_expression")),
        }
    }

    /// Returns the place of the module call that this module is an instance of, and the call's name.
    fn caller(&self, document: &'a Document<'a>) -> Option<(Self, String)> {
        let step = *module_steps(&self.module).last()?;
        let module = self.module.get(..step.outside)?.to_owned();
        let call = document.module_config(&module)?["module_calls"].get(step.name)?;
        let keys = document.module_keys(&module, step.name);
        let key = keys.into_iter().find(|key| Some(*key) == step.key);
        let each = call.get("for_each_expression");
        Some((Site { module, key, each }, step.name.to_owned()))
    }
}

/// Returns whether several resources are not the elements of one list, of which an expression takes one by its
/// number. An expression may take none of a map.
fn is_map(found: &[Candidate<'_>]) -> bool {
    let Some((first, others)) = found.split_first() else {
        return false;
    };
    let is_element = |it: &Candidate<'_>| {
        let is_same = (it.item.module, it.item.name) == (first.item.module, first.item.name);
        is_same
            && it
                .item
                .key
                .as_ref()
                .is_some_and(|it| !it.starts_with("[\""))
    };
    !others.is_empty() && !others.iter().all(is_element)
}

impl<'a> Search<'_, 'a> {
    /// Follows the references of an expression, of whose value `path` is taken.
    fn follow_expression(
        &mut self,
        site: &Site<'a>,
        expression: &'a Value,
        path: &[Part<'a>],
        depth: usize,
    ) {
        if depth > MAX_HOPS {
            let why = "its expressions form a cycle".to_owned();
            return self.found.note_other(why);
        }
        self.followed += 1;
        if self.followed > MAX_EXPRESSIONS {
            let why = format!("it depends on more than {MAX_EXPRESSIONS} expressions");
            return self.found.note_other(why);
        }
        let references = complete_references(expression);
        // The value of a set is the key too.
        let is_set = self.document.is_set(site);
        let is_index = |it: &&str| match *it {
            "each.value" => is_set,
            it => matches!(it, "each.key" | "count.index"),
        };
        let index = references.iter().copied().find(is_index);
        let outer = std::mem::take(&mut self.indexed);
        // Only of a single reference is it likely that the path continues it.
        let is_single = references.len() == 1;
        let before = self.found.hits;
        let first = self.found.found.len();
        let was_one_of_several = self.found.is_one_of_several;
        let mut is_composed = selects_attribute(path);
        for reference in references.iter().copied().filter(|it| !is_index(it)) {
            let mut parts = split_address(reference);
            if is_single && continues(&parts, path) {
                parts.extend(path);
                is_composed = false;
            }
            let null = self.found.null.clone();
            self.follow_reference(site, reference, &parts, depth);
            if is_repeated(expression, reference) {
                self.found.null = null;
            }
        }
        let added = self.found.hits - before;
        if selected_element(path).is_some_and(|number| added > 0 && number >= added) {
            self.found.note_choice("which element of a list it is");
        }
        if let Some(index) = index {
            // `k[each.key]` of an instance that `k` has too; otherwise it is part of a condition.
            let own = site.key.unwrap_or_default();
            match self.indexed.contains(own) {
                true => self.found.is_one_of_several = was_one_of_several,
                false => self.found.note_choice(index),
            }
        } else if selected_element(path).is_some() {
            self.found.is_one_of_several = was_one_of_several;
        } else {
            let added = self.found.found.get(first..).unwrap_or_default();
            self.found.is_one_of_several |= self.sort == Some(Sort::Key) && is_map(added);
        }
        self.indexed.extend(outer);
        if is_composed && self.found.hits > before {
            self.found.note_choice("which part of an object it is");
            self.drop_foreign();
        }
    }

    /// Forgets attributes of other types of resources, if an id can only be that of a wanted one.
    fn drop_foreign(&mut self) {
        let is_named = self.wanted.iter().any(|kind| NAMED.contains(kind));
        if !self.found.found.is_empty() && !is_named {
            self.found.foreign = None;
        }
    }

    fn follow_reference(
        &mut self,
        site: &Site<'a>,
        reference: &'a str,
        parts: &[Part<'a>],
        depth: usize,
    ) {
        match parts {
            [Part::Name("self"), ..] => {}
            [Part::Name("each"), Part::Name("value"), path @ ..] => {
                self.follow_each(site, path, depth);
            }
            [Part::Name("each" | "count" | "terraform" | "path"), ..] => {
                self.found.note_choice(reference);
            }
            [Part::Name("var"), Part::Name(name), path @ ..] => {
                self.follow_variable(site, name, path, depth);
            }
            [Part::Name("local"), ..] => {
                let why =
                    format!("it depends on {reference}, and a plan does not show local values");
                self.follow_scope(site, reference, &why, depth);
            }
            [Part::Name("module"), Part::Name(name), rest @ ..] => {
                self.follow_output(site, name, rest, depth);
            }
            [
                Part::Name("data"),
                Part::Name(kind),
                Part::Name(name),
                rest @ ..,
            ] => {
                let items = self
                    .document
                    .instances_of(&site.module, data_type(kind), name);
                let items: Vec<&Item<'_>> =
                    items.into_iter().filter(|it| it.kind == *kind).collect();
                let is_optional = || self.document.is_optional(&site.module, "data", kind, name);
                match is_there(&items, is_optional) {
                    true => self.follow_instances(reference, items, rest, depth),
                    false => self.found.note_foreign(reference),
                }
            }
            [Part::Name(kind), Part::Name(name), rest @ ..] => {
                let items = self.document.instances_of(&site.module, kind, name);
                let is_optional = || {
                    self.document
                        .is_optional(&site.module, "managed", kind, name)
                };
                match is_there(&items, is_optional) {
                    true => self.follow_instances(reference, items, rest, depth),
                    false => self.found.note_foreign(reference),
                }
            }
            _ => self.found.note_other(format!("it depends on {reference}")),
        }
    }

    /// Follows `each.value` to the `for_each` expression.
    fn follow_each(&mut self, site: &Site<'a>, path: &[Part<'a>], depth: usize) {
        let Some(each) = site.each else {
            let why = "it depends on each.value".to_owned();
            return self.found.note_other(why);
        };
        let outside = Site {
            each: None,
            ..site.clone()
        };
        let references = complete_references(each);
        // A resource with `for_each` over the instances of another has the same indexes.
        if let [reference] = references.as_slice()
            && let [Part::Name(kind), Part::Name(name)] = split_address(reference).as_slice()
        {
            let items = self.document.instances_of(&site.module, kind, name);
            let own = items.iter().filter(|it| it.key.as_deref() == site.key);
            let own: Vec<&Item<'_>> = own.copied().collect();
            if !own.is_empty() && site.key.is_some() {
                return self.follow_instances(reference, own, path, depth);
            }
        }
        // An object of a map is the one with the index of the resource.
        let mut path = path.to_vec();
        if let (Some(key), false) = (site.key, path.is_empty()) {
            path.insert(0, Part::Key(key));
        }
        self.follow_expression(&outside, each, &path, depth + 1);
        if !self.found.found.is_empty() {
            self.found.note_choice("each.value");
        }
    }

    /// Follows a variable to the argument of the module call.
    fn follow_variable(&mut self, site: &Site<'a>, name: &str, path: &[Part<'a>], depth: usize) {
        let reference = format!("var.{name}");
        let mut note_value = |value: Option<&Value>| match value {
            Some(value) if !value.is_null() => self.found.note_choice(&reference),
            _ => self.found.note_null(&reference),
        };
        let default = |module: &str| {
            let default = self.document.module_config(module)?["variables"][name].get("default")?;
            constant_at(default, path)
        };
        if site.module.is_empty() {
            // A variable of the root module has a known value. A null value sets nothing.
            let value = self.document.variables.get(name);
            return match value.and_then(|it| it.get("value")) {
                Some(value) => note_value(constant_at(value, path)),
                None => note_value(default("")),
            };
        }
        let Some((caller, call)) = site.caller(self.document) else {
            let why = format!("it depends on {reference}");
            return self.found.note_other(why);
        };
        let call = &self
            .document
            .module_config(&caller.module)
            .map_or(&Value::Null, |it| &it["module_calls"][call.as_str()]);
        let Some(expression) = call["expressions"].get(name) else {
            return note_value(default(&site.module));
        };
        if let Some(constant) = expression.get("constant_value") {
            return note_value(constant_at(constant, path));
        }
        if complete_references(expression).is_empty() {
            return self.found.note_choice(&reference);
        }
        self.follow_expression(&caller, expression, path, depth + 1);
    }

    /// Follows all that an expression of a module may refer to, as the plan does not show the expression.
    /// `why` says so.
    fn follow_scope(&mut self, site: &Site<'a>, what: &str, why: &str, depth: usize) {
        let Some(sort) = self.sort else {
            return self.found.note_other(why.to_owned());
        };
        self.found.note_choice(what);
        self.found.has_scope = true;
        if !self.scopes.insert(site.module.clone()) {
            return;
        }
        let document = self.document;
        let own = self.of.address;
        // Nothing refers to itself.
        let is_other = |it: &Item<'_>| it.address != own && !self.is_clear(it);
        if let Some(opaque) = document.find_opaque(&site.module, sort, is_other) {
            let why = format!("{why}; it may be from {}", opaque.address);
            return self.found.note_other(why);
        }
        self.open_scopes += 1;
        for kind in self.wanted {
            let items = document.items_in(&site.module, kind).into_iter();
            for item in items.filter(|it| it.address != own) {
                self.found.add(item, None);
            }
        }
        for name in document.calls_in(&site.module) {
            self.follow_output(site, name, &[], depth);
        }
        if let Some((caller, call)) = site.caller(document) {
            let config = document.module_config(&caller.module);
            let call = config.map(|it| &it["module_calls"][call.as_str()]);
            for argument in call.into_iter().flat_map(open_arguments) {
                self.follow_expression(&caller, argument, &[], depth + 1);
            }
        }
        self.open_scopes -= 1;
    }

    /// Returns whether a resource is a wanted one, or only looks one up by the id that it is given.
    fn is_clear(&self, item: &Item<'_>) -> bool {
        let is_given = || {
            item.config
                .is_some_and(|it| !it["expressions"]["id"].is_null())
        };
        let is_looked_up =
            item.type_key() == "data.aws_subnet" && self.wanted.contains(&"aws_subnet");
        self.wanted.contains(&item.type_key()) || (is_looked_up && is_given())
    }

    /// Notes an attribute of a resource of another type. Among all that a module may refer to, only what may
    /// return a wanted id counts.
    fn note_foreign(&mut self, item: &Item<'_>, reference: &str) {
        match self.sort.filter(|_| self.open_scopes > 0) {
            Some(sort) if !is_opaque(item, sort) || self.is_clear(item) => {}
            _ => self.found.note_foreign(reference),
        }
    }

    /// Follows an output of a module, of all its instances if the reference names none; all outputs if it
    /// names none of them.
    fn follow_output(&mut self, site: &Site<'a>, name: &str, rest: &[Part<'a>], depth: usize) {
        let (key, output, path) = match rest {
            [Part::Key(key), Part::Name(output), path @ ..] => (Some(*key), Some(*output), path),
            [Part::Key(key), path @ ..] => (Some(*key), None, path),
            [Part::Name(output), path @ ..] => (None, Some(*output), path),
            [] => (None, None, rest),
        };
        let keys = match key {
            Some(key) => vec![key],
            None => self.document.module_keys(&site.module, name),
        };
        if key.is_none() {
            self.indexed.extend(&keys);
        }
        let is_many = keys.len() > 1;
        let keys = match keys.is_empty() {
            true => vec![""],
            false => keys,
        };
        for key in keys {
            let inside = Site {
                module: child_module(&site.module, name, key),
                key: None,
                each: None,
            };
            let config = self.document.module_config(&inside.module);
            let outputs = config.and_then(|it| it["outputs"].as_object());
            let mut outputs = outputs.into_iter().flatten();
            let before = self.found.hits;
            match output {
                Some(output) => {
                    let Some((_, output)) = outputs.find(|(name, _)| *name == output) else {
                        let why = format!("module.{name} has no output {output} in the plan");
                        return self.found.note_other(why);
                    };
                    self.follow_expression(&inside, &output["expression"], path, depth + 1);
                }
                None => {
                    for (_, output) in outputs {
                        self.follow_expression(&inside, &output["expression"], &[], depth + 1);
                    }
                    self.drop_foreign();
                }
            }
            // The output of this instance is not set.
            if is_many && self.found.hits == before {
                self.found.note_choice(&inside.module);
            }
        }
    }

    /// Follows an attribute of the instances of a resource: of one if the reference has its index.
    fn follow_instances(
        &mut self,
        reference: &str,
        items: Vec<&'a Item<'a>>,
        rest: &[Part<'a>],
        depth: usize,
    ) {
        let (key, rest) = match rest {
            [Part::Key(key), rest @ ..] => (Some(*key), rest),
            _ => (None, rest),
        };
        // An index behind a variable or an output is one of a list, in an order that a plan does not show.
        let key = key.filter(|_| reference.contains('['));
        let attribute = match rest {
            [Part::Name(attribute), ..] => Some(*attribute),
            _ => None,
        };
        // A resource without instances has none to choose, as in `length(k) > 0 ? a : b`.
        if items.is_empty() && key.is_none() {
            self.found.note_null(reference);
        }
        // An instance that is not in the plan has no value: its branch was not taken.
        let fits = |item: &&Item<'_>| key.is_none() || item.key.as_deref() == key;
        for item in items.into_iter().filter(fits) {
            self.indexed
                .extend(item.key.as_deref().filter(|_| key.is_none()));
            let is_wanted = self.wanted.contains(&item.type_key());
            if is_wanted && attribute.is_none_or(|it| IDENTITIES.contains(&it)) {
                self.found.add(item, attribute);
                continue;
            }
            // A map that an expression makes of the instances, of which a name selects an element.
            if is_wanted && key.is_none() && attribute.is_some_and(|it| !has_attribute(item, it)) {
                self.found.add(item, None);
                self.found.note_choice(reference);
                continue;
            }
            let Some(attribute) = attribute else {
                self.note_foreign(item, reference);
                continue;
            };
            let view = item.view();
            match (view.fact(attribute), view.expression(attribute)) {
                (Fact::Known(_), _) if !contains_true(view.unknown_in(attribute)) => {
                    self.found.note_choice(reference);
                }
                (Fact::Unset, _) => {}
                // The attribute of another resource that names a wanted one: `aws_subnet.a.vpc_id`.
                (Fact::Open(_), Some(expression)) if rest.len() == 1 => {
                    let before = self.found.hits;
                    let site = Site::of_item(item);
                    self.follow_expression(&site, expression.json, &[], depth + 1);
                    if self.found.hits == before {
                        self.note_foreign(item, reference);
                    }
                }
                _ => self.note_foreign(item, reference),
            }
        }
    }
}

/// Returns whether a resource is in the plan, or may have no instance.
fn is_there(items: &[&Item<'_>], is_optional: impl FnOnce() -> bool) -> bool {
    !items.is_empty() || is_optional()
}
