//! Rules, groups and services by the names that users type.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{anyhow, bail};
use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};

use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::rule::{Check, Group, Rule};
use crate::rules::{ALL, find};

use super::resources::SelectedResources;
use super::suggest::suggest_names;

/// Returns the rule with an ID.
///
/// # Errors
/// There is no such rule; the error suggests a similar one.
pub(super) fn find_rule(id: &str) -> anyhow::Result<&'static Rule> {
    find(id).ok_or_else(|| {
        let ids = ALL.iter().map(|rule| rule.id);
        let groups = Group::ALL.iter().map(|group| group.as_str());
        match suggest_names(id, ids.chain(groups)) {
            hint if hint.is_empty() => {
                anyhow!("unknown rule {id:?}; run `backup-check rules` for the list")
            }
            hint => anyhow!("unknown rule {id:?}{hint}"),
        }
    })
}

/// Returns the group with a name.
///
/// # Errors
/// There is no such group; the error lists them.
pub(super) fn find_group(name: &str) -> anyhow::Result<Group> {
    match Group::ALL.into_iter().find(|group| group.as_str() == name) {
        Some(group) => Ok(group),
        None => bail!(
            "unknown group {name:?}; expected one of {}{}",
            Group::ALL.map(|group| group.as_str()).join(", "),
            suggest_names(name, Group::ALL.map(Group::as_str))
        ),
    }
}

/// Accepts any text, and offers names to the completion of shells.
///
/// The names are checked later, with errors that do not list all of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct NameParser(pub(super) fn() -> Vec<PossibleValue>);

impl TypedValueParser for NameParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        argument: Option<&clap::Arg>,
        value: &std::ffi::OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new((self.0)().into_iter()))
    }
}

/// Returns the names of groups, to complete them.
pub(super) fn offer_groups() -> Vec<PossibleValue> {
    let groups = Group::ALL.iter().map(|group| group.as_str());
    groups
        .map(|group| PossibleValue::new(group).help("All rules of the group"))
        .collect()
}

/// Returns the names of rules and groups, to complete them.
pub(super) fn offer_rules() -> Vec<PossibleValue> {
    let rules = ALL
        .iter()
        .map(|rule| PossibleValue::new(rule.id).help(rule.title));
    rules.chain(offer_groups()).collect()
}

/// Returns the rules that are named by ID or by group, each once, in the order of the names.
///
/// # Errors
/// There is no rule and no group of a name, which may be the file after an option that accepts several values.
pub(super) fn list_rules<S: AsRef<str>>(
    names: impl IntoIterator<Item = S>,
) -> anyhow::Result<Vec<&'static Rule>> {
    let mut rules: Vec<&'static Rule> = Vec::new();
    for name in names {
        let name = name.as_ref();
        let named: Vec<&'static Rule> = match find_group(name) {
            Ok(group) => ALL.into_iter().filter(|it| it.group == group).collect(),
            Err(_) if Path::new(name).is_file() => bail!(
                "unknown rule {name:?}, which is a file; place it before the options or name it with --from"
            ),
            Err(_) => vec![find_rule(name)?],
        };
        for rule in named {
            if !rules.iter().any(|known| known.id == rule.id) {
                rules.push(rule);
            }
        }
    }
    Ok(rules)
}

/// Returns the IDs of the rules that are named by ID or by group.
///
/// # Errors
/// There is no rule and no group of a name, which may be the file after an option that accepts several values.
pub(super) fn find_rules<S: AsRef<str>>(
    names: impl IntoIterator<Item = S>,
) -> anyhow::Result<BTreeSet<&'static str>> {
    let rules = list_rules(names)?;
    Ok(rules.into_iter().map(|rule| rule.id).collect())
}

/// Returns the selection of --service or --resource, and of the settings that the rules of --rule check.
pub(super) fn new_selection(
    services: &[String],
    resources: &SelectedResources,
    rules: &[String],
) -> anyhow::Result<Selection> {
    let mut selection = Selection {
        services: find_services(services)?,
        resources: resources.arns.clone(),
        planned: resources.planned.clone(),
        ..Selection::default()
    };
    selection.settings_only = services_of_rules(&selection, rules)?;
    Ok(selection)
}

/// Returns the services with some names.
fn find_services(names: &[String]) -> anyhow::Result<BTreeSet<Service>> {
    let services: BTreeSet<Service> = names
        .iter()
        .filter_map(|name| Service::from_name(name))
        .collect();
    if services.iter().eq([&Service::Kms]) {
        bail!("--service kms cannot be used alone; add the services that use the keys");
    }
    Ok(services)
}

/// Returns the services whose settings the named rules check.
///
/// # Errors
/// A rule does not apply to the selection.
pub(super) fn services_of_rules(
    selection: &Selection,
    names: &[String],
) -> anyhow::Result<BTreeSet<Service>> {
    let mut services = BTreeSet::new();
    if selection.is_everything() {
        return Ok(services);
    }
    for name in names {
        match find_group(name) {
            Ok(Group::Network) => drop(services.insert(Service::Vpc)),
            Ok(Group::Account) => drop(services.insert(Service::Backup)),
            Ok(group) => {
                let mut rules = ALL.iter().filter(|rule| rule.group == group);
                if !rules.any(|rule| applies_to(rule, selection)) {
                    bail!(does_not_apply(name, selection));
                }
            }
            Err(_) => match find_rule(name)? {
                rule if rule.settings_of().is_some() => services.extend(rule.settings_of()),
                rule if applies_to(rule, selection) => {}
                _ => bail!(does_not_apply(name, selection)),
            },
        }
    }
    Ok(services)
}

fn applies_to(rule: &Rule, selection: &Selection) -> bool {
    let chosen = selection.selected_services();
    match (&rule.check, rule.settings_of()) {
        (_, Some(service)) => selection.services.contains(&service),
        (Check::Region(_), _) => chosen.iter().any(|it| it.has_opt_in()),
        (check, _) if check.services().is_empty() => chosen.iter().any(|it| it.is_backed_up()),
        (check, _) => check.services().iter().any(|it| chosen.contains(it)),
    }
}

fn does_not_apply(name: &str, selection: &Selection) -> String {
    format!(
        "--rule {name} does not apply to {}; remove it or widen the selection",
        selection.describe().unwrap_or_default()
    )
}
