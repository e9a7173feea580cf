//! The tags that backup plans select by: a snapshot keeps them, so that their conditions can be evaluated.

use std::collections::BTreeSet;

use super::backup_plan::BackupPlan;
use super::observed::Observed;
use super::region::Region;
use super::snapshot::Snapshot;
use super::tag::{Tags, retain_kept_tags};

impl Snapshot {
    /// Removes the tags that neither the backup tag's rules nor a backup plan of the snapshot need, and
    /// records the keys that its plans select by.
    pub fn retain_selected_tags(&mut self) {
        let selected = self.list_selected_tags();
        let buckets = self.buckets.items.iter_mut().map(|it| &mut it.tags);
        let others = self.regions.values_mut().flat_map(list_tags);
        for tags in buckets.chain(others) {
            retain_kept_tags(tags, &self.tag_key, &selected);
        }
        self.selected_tags = Some(selected);
    }

    /// Returns the keys of the tags that the selections of all plans name.
    fn list_selected_tags(&self) -> BTreeSet<String> {
        let policy = self.backup_policy.known().and_then(Option::as_ref);
        let of_policy = policy.into_iter().flat_map(|it| &it.plans);
        let own = self.regions.values().flat_map(|it| &it.backup_plans.items);
        let plans = of_policy.map(|it| &it.plan).chain(own);
        plans.flat_map(list_tag_keys).collect()
    }
}

fn list_tag_keys(plan: &BackupPlan) -> impl Iterator<Item = String> {
    plan.selections.items.iter().flat_map(|selection| {
        let tags = selection.tags.iter().map(|it| it.key.clone());
        tags.chain(selection.conditions.iter().map(|it| it.key.clone()))
    })
}

/// Returns the tags of each resource of a region. Every list is named, so that none is forgotten.
fn list_tags(region: &mut Region) -> impl Iterator<Item = &mut Observed<Tags>> {
    let Region {
        instances,
        volumes,
        db_instances,
        db_clusters,
        file_systems,
        fsx_file_systems,
        fsx_volumes,
        tables,
        gateways,
        gateway_volumes,
        redshift_clusters,
        redshift_namespaces,
        stacks,
        tagged,
        disabled: _,
        ebs_defaults: _,
        network: _,
        option_groups: _,
        backup_settings: _,
        backup_jobs: _,
        copy_jobs: _,
        vaults: _,
        backup_plans: _,
        key_names: _,
    } = region;
    let instances = instances.items.iter_mut().map(|it| &mut it.tags);
    instances
        .chain(volumes.items.iter_mut().map(|it| &mut it.tags))
        .chain(db_instances.items.iter_mut().map(|it| &mut it.tags))
        .chain(db_clusters.items.iter_mut().map(|it| &mut it.tags))
        .chain(file_systems.items.iter_mut().map(|it| &mut it.tags))
        .chain(fsx_file_systems.items.iter_mut().map(|it| &mut it.tags))
        .chain(fsx_volumes.items.iter_mut().map(|it| &mut it.tags))
        .chain(tables.items.iter_mut().map(|it| &mut it.tags))
        .chain(gateways.items.iter_mut().map(|it| &mut it.tags))
        .chain(gateway_volumes.items.iter_mut().map(|it| &mut it.tags))
        .chain(redshift_clusters.items.iter_mut().map(|it| &mut it.tags))
        .chain(redshift_namespaces.items.iter_mut().map(|it| &mut it.tags))
        .chain(stacks.items.iter_mut().map(|it| &mut it.tags))
        .chain(tagged.items.iter_mut().map(|it| &mut it.tags))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_tags_that_plans_select_by_are_kept_beside_the_backup_tag() {
        let mut snapshot: Snapshot = serde_json::from_value(json!({
            "snapshot_version": 1, "account_id": null, "tag_key": "backup", "started_at": "", "finished_at": "",
            "backup_policy": {"known": {"plans": [{"regions": ["r"], "plan": {"name": "p", "selections": {"items": [
                {"name": "s", "role_arn": "r", "conditions": [{"operator": "not-equals", "key": "stage", "value": "test"}]}
            ]}}}]}},
            "regions": {"r": {
                "volumes": {"items": [{"arn": "v", "id": "v", "tags": {"known": {
                    "backup": "enabled", "stage": "prod", "team": "red", "cost": "1"
                }}}]},
                "backup_plans": {"items": [{"name": "own", "selections": {"items": [
                    {"name": "s", "role_arn": "r", "tags": [{"key": "team", "value": "red"}]}
                ]}}]}
            }}
        }))
        .unwrap();
        snapshot.retain_selected_tags();
        let tags = snapshot.regions["r"].volumes.items[0].tags.known().unwrap();
        let kept: Vec<&str> = tags.keys().map(String::as_str).collect();
        assert_eq!(kept, ["backup", "stage", "team"]);
        let recorded: Vec<String> = snapshot.selected_tags.unwrap().into_iter().collect();
        assert_eq!(recorded, ["stage", "team"]);
    }
}
