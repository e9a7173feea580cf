//! Rules and groups by the names that users type.

use std::collections::BTreeSet;

use anyhow::{anyhow, bail};

use crate::model::selection::Selection;
use crate::model::service::Service;
use crate::rule::{Check, Group, Rule};
use crate::rules::{ALL, find, nearest};

/// The rule of an id.
pub(super) fn rule(id: &str) -> anyhow::Result<&'static Rule> {
    find(id).ok_or_else(|| match nearest(id) {
        Some(meant) => anyhow!("there is no rule {id:?}; {meant} was probably meant"),
        None => anyhow!("there is no rule {id:?}; `backup-check rules` lists them all"),
    })
}

/// The group of a name.
pub(super) fn group(name: &str) -> anyhow::Result<Group> {
    match Group::ALL.into_iter().find(|group| group.as_str() == name) {
        Some(group) => Ok(group),
        None => bail!(
            "there is no group {name:?}; the groups are {}",
            groups().join(", ")
        ),
    }
}

/// The ids of rules that are named by id or by group.
pub(super) fn rules<S: AsRef<str>>(
    names: impl IntoIterator<Item = S>,
) -> anyhow::Result<BTreeSet<&'static str>> {
    let mut ids = BTreeSet::new();
    for name in names {
        let name = name.as_ref();
        match group(name) {
            Ok(group) => ids.extend(
                ALL.iter()
                    .filter(|rule| rule.group == group)
                    .map(|rule| rule.id),
            ),
            Err(_) => drop(ids.insert(rule(name)?.id)),
        }
    }
    Ok(ids)
}

/// What of an account is judged, by the flags: services, or resources, and beside them what the named
/// rules are about.
pub(super) fn selection(
    services: &[String],
    resources: &[String],
    rules: &[String],
) -> anyhow::Result<Selection> {
    let mut selection = Selection {
        services: self::services(services)?,
        resources: resources.iter().cloned().collect(),
        settings_only: BTreeSet::new(),
    };
    selection.settings_only = beside(&selection, rules)?;
    Ok(selection)
}

/// The services of some names.
pub(super) fn services(names: &[String]) -> anyhow::Result<BTreeSet<Service>> {
    let services: BTreeSet<Service> = names
        .iter()
        .filter_map(|name| Service::from_name(name))
        .collect();
    if services.iter().eq([&Service::Kms]) {
        bail!(
            "--service kms has nothing to judge by itself: name the services whose resources use the keys, as in --service ebs rds"
        );
    }
    Ok(services)
}

/// The services whose settings are judged because a rule about them is named.
pub(super) fn beside(selection: &Selection, names: &[String]) -> anyhow::Result<BTreeSet<Service>> {
    let mut beside = BTreeSet::new();
    if selection.is_everything() {
        return Ok(beside);
    }
    for name in names {
        match group(name) {
            Ok(Group::Network) => drop(beside.insert(Service::Vpc)),
            Ok(Group::Account) => drop(beside.insert(Service::Backup)),
            Ok(group) => {
                let mut rules = ALL.iter().filter(|rule| rule.group == group);
                if !rules.any(|rule| applies(rule, selection)) {
                    bail!(does_not_apply(name, selection));
                }
            }
            Err(_) => match self::rule(name)? {
                rule if rule.settings_of().is_some() => beside.extend(rule.settings_of()),
                rule if applies(rule, selection) => {}
                _ => bail!(does_not_apply(name, selection)),
            },
        }
    }
    Ok(beside)
}

fn applies(rule: &Rule, selection: &Selection) -> bool {
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
        "--rule {name} has nothing to look at in {}: leave it out, or select what it is about (`backup-check explain` says what that is)",
        selection.describe().unwrap_or_default()
    )
}

fn groups() -> Vec<&'static str> {
    Group::ALL.iter().map(|group| group.as_str()).collect()
}
