//! Follows an expression to the resources it refers to, through variables and outputs of modules.
//!
//! A plan lists the references of an expression but not how the expression uses them. A reference is followed
//! by its prefixes: `aws_kms_key.a.arn`, then `aws_kms_key.a`. A plan does not show local values.

use serde_json::Value;

use super::address::{Part, child_module, module_steps, split_address};
use super::document::{Document, Item, data_type};
use super::view::View;

/// Most expressions between an attribute and the resource it refers to.
const MAX_HOPS: usize = 32;

/// The resources to which an expression leads.
#[derive(Debug, Default)]
pub(super) struct Trace<'a> {
    /// Resources of the wanted types.
    pub(super) items: Vec<&'a Item<'a>>,
    /// First other dependency with an unknown value.
    pub(super) unknown: Option<String>,
    /// First other dependency with a known value, which may determine whether a value is set at all.
    condition: Option<String>,
    /// Whether a resource was named with its index.
    is_keyed: bool,
}

impl<'a> Trace<'a> {
    /// Returns the single resource it leads to. If the attribute may be unset (a computed value is unknown
    /// too), the expression must not have other dependencies.
    ///
    /// # Errors
    /// Why there is not exactly one resource, as the end of a sentence.
    pub(super) fn single_item(self, may_be_unset: bool) -> Result<&'a Item<'a>, String> {
        let condition = self.condition.filter(|_| may_be_unset);
        match (self.items.as_slice(), self.unknown) {
            ([item], None) => match condition {
                None => Ok(item),
                Some(on) => Err(format!(
                    "it may be {} or unset, which depends on {on}",
                    item.address
                )),
            },
            ([first, .., last], None) => {
                let (first, last) = (first.address, last.address);
                Err(format!("it may be {first} or {last}"))
            }
            ([], None) => Err("it does not lead to a resource in the plan".to_owned()),
            (_, Some(unknown)) => Err(unknown),
        }
    }

    /// Returns whether all its dependencies are known. Then an unknown value was not set, but is computed
    /// by the provider.
    pub(super) fn is_settled(&self) -> bool {
        self.items.is_empty() && self.unknown.is_none()
    }

    fn add_item(&mut self, item: &'a Item<'a>) {
        if !self.items.iter().any(|it| it.address == item.address) {
            self.items.push(item);
        }
    }

    fn note_unknown(&mut self, reason: String) {
        self.unknown.get_or_insert(reason);
    }

    fn note_dependency(&mut self, on: &str) {
        self.condition.get_or_insert_with(|| on.to_owned());
    }
}

/// The place of an expression: a module and an instance in it.
#[derive(Debug, Clone, Copy)]
struct Site<'s, 'a> {
    module: &'s str,
    key: Option<&'s str>,
    each: Option<&'a Value>,
    /// Number of instances.
    of: usize,
}

impl<'a> Document<'a> {
    /// Follows the expression of an attribute to resources of the wanted types.
    pub(super) fn follow_attribute(
        &'a self,
        view: &View<'a>,
        name: &str,
        wanted: &[&str],
    ) -> Trace<'a> {
        let item = view.item;
        let site = Site {
            module: item.module,
            key: item.key.as_deref(),
            each: item.config.and_then(|it| it.get("for_each_expression")),
            of: self.count_siblings(item),
        };
        let mut trace = Trace::default();
        match view.expression(name) {
            Some(expression) => self.follow_expression(site, expression, wanted, &mut trace, 0),
            None => trace.note_unknown("the plan does not contain its expression".to_owned()),
        }
        trace
    }

    /// Follows the references of an expression.
    fn follow_expression(
        &'a self,
        site: Site<'_, 'a>,
        expression: &'a Value,
        wanted: &[&str],
        trace: &mut Trace<'a>,
        depth: usize,
    ) {
        if depth > MAX_HOPS {
            trace.note_unknown("its expressions form a cycle".to_owned());
            return;
        }
        let references = expression["references"].as_array();
        let references = references.into_iter().flatten().filter_map(Value::as_str);
        let mut complete: Vec<&str> = Vec::new();
        for reference in references {
            let is_part = complete.iter().any(|it| {
                let rest = it.strip_prefix(reference);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
            if !is_part {
                complete.push(reference);
            }
        }
        let picks = |it: &&str| matches!(*it, "each.key" | "count.index");
        let bare = |it: &&str| {
            let names = split_address(it).into_iter();
            let names: Vec<Part<'_>> = names.filter(|it| *it != Part::Name("data")).collect();
            match names.as_slice() {
                [Part::Name("module"), Part::Name(_), Part::Name(_)] => true,
                [Part::Name(first), Part::Name(_)] => !matches!(
                    *first,
                    "var" | "local" | "each" | "count" | "path" | "terraform"
                ),
                _ => false,
            }
        };
        let by_key = complete.iter().any(picks) && complete.iter().any(bare);
        for reference in complete {
            self.follow_reference(site, reference, by_key, wanted, trace, depth);
        }
    }

    /// Follows a reference.
    fn follow_reference(
        &'a self,
        site: Site<'_, 'a>,
        reference: &str,
        by_key: bool,
        wanted: &[&str],
        trace: &mut Trace<'a>,
        depth: usize,
    ) {
        let all = split_address(reference);
        match all.as_slice() {
            // They select an instance of a resource that is named without an index.
            [Part::Name("each"), Part::Name("key")] | [Part::Name("count"), ..] if by_key => {}
            [Part::Name("each"), Part::Name("key"), ..]
            | [Part::Name("count" | "terraform"), ..] => {
                trace.note_dependency(reference);
            }
            [Part::Name("path" | "self"), ..] => {}
            [Part::Name("each"), ..] => match site.each {
                // A resource with `for_each` over the instances of another has the same indexes.
                Some(each) => {
                    let mut found = Trace::default();
                    let outside = Site { each: None, ..site };
                    self.follow_expression(outside, each, wanted, &mut found, depth + 1);
                    if let Some(unknown) = found.unknown {
                        trace.note_unknown(unknown);
                    }
                    if let Some(on) = found.condition {
                        trace.note_dependency(&on);
                    }
                    // With explicit indexes, an index may map to an instance with another index.
                    let is_keyed = found.is_keyed;
                    let is_same = |item: &&Item<'_>| !is_keyed && item.key.as_deref() == site.key;
                    match found.items.into_iter().find(is_same) {
                        Some(item) => trace.add_item(item),
                        None => trace.note_unknown(format!("it depends on {reference}")),
                    }
                }
                None => trace.note_unknown(format!("it depends on {reference}")),
            },
            [Part::Name("var"), Part::Name(name), ..] => {
                self.follow_variable(site, name, wanted, trace, depth);
            }
            [Part::Name("local"), ..] => trace.note_unknown(format!(
                "it depends on {reference}, and a plan does not show local values"
            )),
            [Part::Name("module"), Part::Name(name), rest @ ..] => {
                self.follow_output(site, name, rest, by_key, wanted, trace, depth);
            }
            [
                Part::Name("data"),
                Part::Name(kind),
                Part::Name(name),
                rest @ ..,
            ] => {
                let items = self.instances_of(site.module, data_type(kind), name);
                let items: Vec<&Item<'_>> =
                    items.into_iter().filter(|it| it.kind == *kind).collect();
                let wants = wanted.contains(&data_type(kind));
                if items.is_empty() && !self.is_optional(site.module, "data", kind, name) {
                    return trace.note_unknown(format!("it depends on {reference}"));
                }
                choose_instances(site, reference, items, rest, (by_key, wants), trace);
            }
            [Part::Name(kind), Part::Name(name), rest @ ..] => {
                let items = self.instances_of(site.module, kind, name);
                let wants = wanted.contains(kind);
                if items.is_empty() && !self.is_optional(site.module, "managed", kind, name) {
                    return trace.note_unknown(format!("it depends on {reference}"));
                }
                choose_instances(site, reference, items, rest, (by_key, wants), trace);
            }
            _ => trace.note_unknown(format!("it depends on {reference}")),
        }
    }

    /// Returns whether a resource may have no instance.
    fn is_optional(&self, module: &str, mode: &str, kind: &str, name: &str) -> bool {
        let resources = self
            .module_config(module)
            .and_then(|it| it["resources"].as_array());
        let mut resources = resources.into_iter().flatten();
        resources.any(|it| {
            let is_it = it["mode"] == mode && it["type"] == kind && it["name"] == name;
            let is_counted =
                it.get("count_expression").is_some() || it.get("for_each_expression").is_some();
            is_it && is_counted
        })
    }

    /// Follows a variable to the argument of the module call.
    fn follow_variable(
        &'a self,
        site: Site<'_, 'a>,
        name: &str,
        wanted: &[&str],
        trace: &mut Trace<'a>,
        depth: usize,
    ) {
        let reference = format!("var.{name}");
        let default = |module: &str| {
            let of = self
                .module_config(module)
                .map(|it| &it["variables"][name]["default"]);
            of.is_none_or(Value::is_null)
        };
        let Some((step, outside)) = module_steps(site.module)
            .last()
            .and_then(|step| Some((*step, site.module.get(..step.outside)?)))
        else {
            // A variable of the root module has a known value. A null value sets nothing.
            let is_null = match self.variables.get(name).and_then(|it| it.get("value")) {
                Some(value) => value.is_null(),
                None => default(""),
            };
            if !is_null {
                trace.note_dependency(&reference);
            }
            return;
        };
        let call = self
            .module_config(outside)
            .map(|it| &it["module_calls"][step.name]);
        let Some(expression) = call.and_then(|it| it["expressions"].get(name)) else {
            if !default(site.module) {
                trace.note_dependency(&reference);
            }
            return;
        };
        let is_value = match expression.get("constant_value") {
            Some(constant) => !constant.is_null(),
            None => expression["references"]
                .as_array()
                .is_none_or(Vec::is_empty),
        };
        if is_value {
            trace.note_dependency(&reference);
        }
        let caller = Site {
            module: outside,
            key: step.key,
            each: call.and_then(|it| it.get("for_each_expression")),
            of: self.count_module_instances(outside, step.name),
        };
        self.follow_expression(caller, expression, wanted, trace, depth + 1);
    }

    /// Follows an output of a module.
    #[expect(clippy::too_many_arguments, reason = "the state of one step")]
    fn follow_output(
        &'a self,
        site: Site<'_, 'a>,
        name: &str,
        rest: &[Part<'_>],
        by_key: bool,
        wanted: &[&str],
        trace: &mut Trace<'a>,
        depth: usize,
    ) {
        let (key, output) = match rest {
            [Part::Key(key), Part::Name(output), ..] => (Some(*key), *output),
            [Part::Name(output), ..] => (None, *output),
            _ => return trace.note_unknown(format!("it depends on all outputs of module.{name}")),
        };
        let call = self
            .module_config(site.module)
            .map(|it| &it["module_calls"][name]);
        let is_many = call.is_some_and(|it| {
            it.get("for_each_expression").is_some() || it.get("count_expression").is_some()
        });
        let key = match (key, site.key) {
            (Some(key), _) => key,
            (None, Some(key))
                if is_many
                    && by_key
                    && (!is_counted(key)
                        || self.count_module_instances(site.module, name) == site.of) =>
            {
                key
            }
            (None, _) if is_many => {
                return trace
                    .note_unknown(format!("it may depend on any instance of module.{name}"));
            }
            (None, _) => "",
        };
        let module = child_module(site.module, name, key);
        let outputs = self.module_config(&module).map(|it| &it["outputs"][output]);
        let Some(expression) = outputs.and_then(|it| it.get("expression")) else {
            return trace.note_unknown(format!("module.{name} has no output {output} in the plan"));
        };
        let inside = Site {
            module: &module,
            key: None,
            each: None,
            of: 1,
        };
        self.follow_expression(inside, expression, wanted, trace, depth + 1);
    }
}

/// Adds the instances of a resource that a reference names.
fn choose_instances<'a>(
    site: Site<'_, '_>,
    reference: &str,
    items: Vec<&'a Item<'a>>,
    rest: &[Part<'_>],
    (by_key, wants): (bool, bool),
    trace: &mut Trace<'a>,
) {
    let (key, attribute) = match rest {
        [Part::Key(key), Part::Name(attribute), ..] => (Some(*key), Some(*attribute)),
        [Part::Key(key), ..] => (Some(*key), None),
        [Part::Name(attribute), ..] => (None, Some(*attribute)),
        [] => (None, None),
    };
    trace.is_keyed |= key.is_some();
    let own = site.key.filter(|_| by_key && items.len() > 1);
    // If the numbers of instances differ, `count.index` is part of an unknown computation.
    let own = own.filter(|key| !is_counted(key) || items.len() == site.of);
    let key = key.or(own);
    let fits = |item: &&&Item<'_>| key.is_none() || item.key.as_deref() == key;
    // An instance that is not in the plan has no value: its branch was not taken.
    for item in items.iter().filter(fits) {
        if wants {
            trace.add_item(item);
            continue;
        }
        let is_known = attribute.is_some_and(|name| item.view().fact(name).known().is_some());
        match is_known {
            true => trace.note_dependency(reference),
            false => trace.note_unknown(format!("it depends on {reference}")),
        }
    }
}

/// Returns whether an index is a number and not a quoted string.
fn is_counted(key: &str) -> bool {
    !key.starts_with("[\"")
}
