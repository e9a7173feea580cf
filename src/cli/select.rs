//! Rules and groups by the names that users type.

use std::collections::BTreeSet;

use anyhow::{anyhow, bail};

use crate::rule::{Group, Rule};
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

fn groups() -> Vec<&'static str> {
    Group::ALL.iter().map(|group| group.as_str()).collect()
}
