//! From an expression to the resources it speaks of: through variables and outputs of modules.
//!
//! A plan does not evaluate expressions for its readers, it lists what they refer to. Of a reference with
//! parts, the parts come after it: `aws_kms_key.a.arn`, then `aws_kms_key.a`. What an expression does with
//! a value is not told, nor what a local value is.

use serde_json::Value;

use super::address::{Part, parts, steps, within};
use super::document::{Document, Item, data};
use super::view::View;

/// How many expressions may lie between a resource and what it refers to.
const FARTHEST: usize = 32;

/// Where an expression leads.
#[derive(Debug, Default)]
pub(super) struct Led<'a> {
    /// The resources of the wanted types.
    pub(super) to: Vec<&'a Item<'a>>,
    /// What else it depends on that is not known.
    pub(super) besides: Option<String>,
    /// What else it depends on that is known, and so may decide whether there is a value at all.
    depends: Option<String>,
    /// Whether one of them was named with its key.
    is_keyed: bool,
}

impl<'a> Led<'a> {
    /// The one resource it leads to. Where there may be no value (an unset one is unknown too, as long as
    /// the provider chooses), the expression must depend on nothing else.
    ///
    /// # Errors
    /// Why there is none, or not just one; for the end of a sentence.
    pub(super) fn one(self, may_be_unset: bool) -> Result<&'a Item<'a>, String> {
        let depends = self.depends.filter(|_| may_be_unset);
        match (self.to.as_slice(), self.besides) {
            ([item], None) => match depends {
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
            ([], None) => Err("it leads to nothing that the plan holds".to_owned()),
            (_, Some(besides)) => Err(besides),
        }
    }

    /// Whether it depends on nothing that is unknown: then an unknown value is none that was set, but
    /// what the provider chooses in its place.
    pub(super) fn is_settled(&self) -> bool {
        self.to.is_empty() && self.besides.is_none()
    }

    fn add(&mut self, item: &'a Item<'a>) {
        if !self.to.iter().any(|it| it.address == item.address) {
            self.to.push(item);
        }
    }

    fn note(&mut self, besides: String) {
        self.besides.get_or_insert(besides);
    }

    fn depends(&mut self, on: &str) {
        self.depends.get_or_insert_with(|| on.to_owned());
    }
}

/// Where an expression stands: in a module, in an instance of something.
#[derive(Debug, Clone, Copy)]
struct Site<'s, 'a> {
    module: &'s str,
    key: Option<&'s str>,
    each: Option<&'a Value>,
    /// How many instances it has.
    of: usize,
}

impl<'a> Document<'a> {
    /// Where the expression of an attribute leads.
    pub(super) fn lead(&'a self, view: &View<'a>, name: &str, wanted: &[&str]) -> Led<'a> {
        let item = view.item;
        let site = Site {
            module: item.module,
            key: item.key.as_deref(),
            each: item.config.and_then(|it| it.get("for_each_expression")),
            of: self.siblings(item),
        };
        let mut led = Led::default();
        match view.expression(name) {
            Some(expression) => self.follow(site, expression, wanted, &mut led, 0),
            None => led.note("the plan does not show its expression".to_owned()),
        }
        led
    }

    fn follow(
        &'a self,
        site: Site<'_, 'a>,
        expression: &'a Value,
        wanted: &[&str],
        led: &mut Led<'a>,
        depth: usize,
    ) {
        if depth > FARTHEST {
            led.note("its expressions go round in a circle".to_owned());
            return;
        }
        let references = expression["references"].as_array();
        let references = references.into_iter().flatten().filter_map(Value::as_str);
        let mut whole: Vec<&str> = Vec::new();
        for reference in references {
            let is_part = whole.iter().any(|it| {
                let rest = it.strip_prefix(reference);
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
            if !is_part {
                whole.push(reference);
            }
        }
        let picks = |it: &&str| matches!(*it, "each.key" | "count.index");
        let bare = |it: &&str| {
            let names = parts(it).into_iter();
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
        let by_key = whole.iter().any(picks) && whole.iter().any(bare);
        for reference in whole {
            self.refer(site, reference, by_key, wanted, led, depth);
        }
    }

    fn refer(
        &'a self,
        site: Site<'_, 'a>,
        reference: &str,
        by_key: bool,
        wanted: &[&str],
        led: &mut Led<'a>,
        depth: usize,
    ) {
        let all = parts(reference);
        match all.as_slice() {
            // They pick an instance of something that is named without one.
            [Part::Name("each"), Part::Name("key")] | [Part::Name("count"), ..] if by_key => {}
            [Part::Name("each"), Part::Name("key"), ..]
            | [Part::Name("count" | "terraform"), ..] => {
                led.depends(reference);
            }
            [Part::Name("path" | "self"), ..] => {}
            [Part::Name("each"), ..] => match site.each {
                // What is counted up by a resource's instances has their keys.
                Some(each) => {
                    let mut found = Led::default();
                    let outside = Site { each: None, ..site };
                    self.follow(outside, each, wanted, &mut found, depth + 1);
                    if let Some(besides) = found.besides {
                        led.note(besides);
                    }
                    if let Some(on) = found.depends {
                        led.depends(&on);
                    }
                    // Where keys are written out, any of them may stand under any other.
                    let is_keyed = found.is_keyed;
                    let is_same = |item: &&Item<'_>| !is_keyed && item.key.as_deref() == site.key;
                    match found.to.into_iter().find(is_same) {
                        Some(item) => led.add(item),
                        None => led.note(format!("it comes through {reference}")),
                    }
                }
                None => led.note(format!("it comes through {reference}")),
            },
            [Part::Name("var"), Part::Name(name), ..] => {
                self.variable(site, name, wanted, led, depth);
            }
            [Part::Name("local"), ..] => led.note(format!(
                "it comes through {reference}, and a plan does not show local values"
            )),
            [Part::Name("module"), Part::Name(name), rest @ ..] => {
                self.output(site, name, rest, by_key, wanted, led, depth);
            }
            [
                Part::Name("data"),
                Part::Name(kind),
                Part::Name(name),
                rest @ ..,
            ] => {
                let items = self.instances(site.module, data(kind), name);
                let items: Vec<&Item<'_>> =
                    items.into_iter().filter(|it| it.kind == *kind).collect();
                let wants = wanted.contains(&data(kind));
                if items.is_empty() && !self.is_optional(site.module, "data", kind, name) {
                    return led.note(format!("it comes through {reference}"));
                }
                choose(site, reference, items, rest, (by_key, wants), led);
            }
            [Part::Name(kind), Part::Name(name), rest @ ..] => {
                let items = self.instances(site.module, kind, name);
                let wants = wanted.contains(kind);
                if items.is_empty() && !self.is_optional(site.module, "managed", kind, name) {
                    return led.note(format!("it comes through {reference}"));
                }
                choose(site, reference, items, rest, (by_key, wants), led);
            }
            _ => led.note(format!("it comes through {reference}")),
        }
    }

    /// Whether a resource may have no instance at all.
    fn is_optional(&self, module: &str, mode: &str, kind: &str, name: &str) -> bool {
        let resources = self
            .module(module)
            .and_then(|it| it["resources"].as_array());
        let mut resources = resources.into_iter().flatten();
        resources.any(|it| {
            let is_it = it["mode"] == mode && it["type"] == kind && it["name"] == name;
            let is_counted =
                it.get("count_expression").is_some() || it.get("for_each_expression").is_some();
            is_it && is_counted
        })
    }

    /// What a module was called with.
    fn variable(
        &'a self,
        site: Site<'_, 'a>,
        name: &str,
        wanted: &[&str],
        led: &mut Led<'a>,
        depth: usize,
    ) {
        let reference = format!("var.{name}");
        let default = |module: &str| {
            let of = self
                .module(module)
                .map(|it| &it["variables"][name]["default"]);
            of.is_none_or(Value::is_null)
        };
        let Some((step, outside)) = steps(site.module)
            .last()
            .and_then(|step| Some((*step, site.module.get(..step.outside)?)))
        else {
            // A variable of the root module is known; one that is null decides little.
            let is_null = match self.variables.get(name).and_then(|it| it.get("value")) {
                Some(value) => value.is_null(),
                None => default(""),
            };
            if !is_null {
                led.depends(&reference);
            }
            return;
        };
        let call = self
            .module(outside)
            .map(|it| &it["module_calls"][step.name]);
        let Some(expression) = call.and_then(|it| it["expressions"].get(name)) else {
            if !default(site.module) {
                led.depends(&reference);
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
            led.depends(&reference);
        }
        let caller = Site {
            module: outside,
            key: step.key,
            each: call.and_then(|it| it.get("for_each_expression")),
            of: self.module_instances(outside, step.name),
        };
        self.follow(caller, expression, wanted, led, depth + 1);
    }

    /// What a module gives back.
    #[expect(clippy::too_many_arguments, reason = "one step of a walk")]
    fn output(
        &'a self,
        site: Site<'_, 'a>,
        name: &str,
        rest: &[Part<'_>],
        by_key: bool,
        wanted: &[&str],
        led: &mut Led<'a>,
        depth: usize,
    ) {
        let (key, output) = match rest {
            [Part::Key(key), Part::Name(output), ..] => (Some(*key), *output),
            [Part::Name(output), ..] => (None, *output),
            _ => return led.note(format!("it comes through all of module.{name}")),
        };
        let call = self.module(site.module).map(|it| &it["module_calls"][name]);
        let is_many = call.is_some_and(|it| {
            it.get("for_each_expression").is_some() || it.get("count_expression").is_some()
        });
        let key = match (key, site.key) {
            (Some(key), _) => key,
            (None, Some(key))
                if is_many
                    && by_key
                    && (!is_counted(key)
                        || self.module_instances(site.module, name) == site.of) =>
            {
                key
            }
            (None, _) if is_many => {
                return led.note(format!("it may come from any instance of module.{name}"));
            }
            (None, _) => "",
        };
        let module = within(site.module, name, key);
        let outputs = self.module(&module).map(|it| &it["outputs"][output]);
        let Some(expression) = outputs.and_then(|it| it.get("expression")) else {
            return led.note(format!("module.{name} shows no output {output}"));
        };
        let inside = Site {
            module: &module,
            key: None,
            each: None,
            of: 1,
        };
        self.follow(inside, expression, wanted, led, depth + 1);
    }
}

/// Takes what a reference names among the instances of a resource.
fn choose<'a>(
    site: Site<'_, '_>,
    reference: &str,
    items: Vec<&'a Item<'a>>,
    rest: &[Part<'_>],
    (by_key, wants): (bool, bool),
    led: &mut Led<'a>,
) {
    let (key, attribute) = match rest {
        [Part::Key(key), Part::Name(attribute), ..] => (Some(*key), Some(*attribute)),
        [Part::Key(key), ..] => (Some(*key), None),
        [Part::Name(attribute), ..] => (None, Some(*attribute)),
        [] => (None, None),
    };
    led.is_keyed |= key.is_some();
    let own = site.key.filter(|_| by_key && items.len() > 1);
    // Of another number of instances, `count.index` picks one by some reckoning.
    let own = own.filter(|key| !is_counted(key) || items.len() == site.of);
    let key = key.or(own);
    let fits = |item: &&&Item<'_>| key.is_none() || item.key.as_deref() == key;
    // An instance that the plan does not hold gives no value: its branch was not taken.
    for item in items.iter().filter(fits) {
        if wants {
            led.add(item);
            continue;
        }
        let is_known = attribute.is_some_and(|name| item.view().fact(name).known().is_some());
        match is_known {
            true => led.depends(reference),
            false => led.note(format!("it comes through {reference}")),
        }
    }
}

/// Whether a key is a number, and not a text in quotes.
fn is_counted(key: &str) -> bool {
    !key.starts_with("[\"")
}
