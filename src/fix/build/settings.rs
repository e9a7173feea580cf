//! Changes of the settings of AWS Backup.

use std::collections::{BTreeMap, BTreeSet};

use crate::analysis::Remedy;
use crate::fix::cause::Draft;
use crate::fix::change::{Action, Change, Preferences};
use crate::model::Snapshot;
use crate::settings::Settings;

/// Turns on the settings of AWS Backup in a region that the findings need.
pub(super) fn update_backup_settings(
    snapshot: &Snapshot,
    settings: &Settings,
    region: String,
    draft: Draft,
) -> Change {
    let title = format!("Update the settings of AWS Backup in {region}");
    let current = snapshot.regions.get(&region);
    let Some(current) = current.and_then(|it| it.backup_settings.known()) else {
        return draft.with_advice(title);
    };
    let mut opt_in = BTreeSet::new();
    let mut management = BTreeSet::new();
    for remedy in &draft.remedies {
        if let Remedy::UpdateBackupSettings {
            opt_in: opted_in,
            management: managed,
            ..
        } = remedy
        {
            opt_in.extend(opted_in);
            management.extend(managed);
        }
    }
    let opt_in = turn_on(&opt_in, &current.opt_in);
    let management = turn_on(&management, &current.management);
    let overrides = format!(
        "An organization's settings may override these; in that case, contact {}.",
        settings.contact
    );
    let mut warnings = vec![overrides.as_str()];
    if !management.is_empty() {
        warnings.push(
            "With advanced features, backups of DynamoDB tables are stored in AWS Backup and encrypted with the vault's key. Existing backups do not change.",
        );
    }
    let action = Action::BackupSettings {
        region,
        opt_in,
        management,
    };
    draft.in_place(title, vec![action], &warnings)
}

/// Returns the map that turns on services and keeps the others.
fn turn_on(services: &BTreeSet<&str>, current: &BTreeMap<String, bool>) -> Preferences {
    let missing = |name: &&&str| current.get(**name) != Some(&true);
    let on: Vec<String> = services
        .iter()
        .filter(missing)
        .map(|name| (*name).to_owned())
        .collect();
    let others = current.iter().filter(|(name, _)| !on.contains(name));
    Preferences {
        kept: others.map(|(name, on)| (name.clone(), *on)).collect(),
        before: current.clone(),
        on,
    }
}
