//! The tags that backup plans select by: a snapshot keeps them, so that their conditions can be evaluated.

use std::collections::BTreeSet;

use super::backup_plan::BackupPlan;
use super::region::Region;
use super::snapshot::Snapshot;
use super::tag::retain_kept_tags;

impl Snapshot {
    /// Removes the tags that neither the backup tag's rules nor a backup plan of the snapshot need, and
    /// records the keys that its plans select by.
    pub fn retain_selected_tags(&mut self) {
        let selected = self.list_selected_tags();
        let buckets = self.buckets.items.iter_mut().map(|it| &mut it.tags);
        let others = self
            .regions
            .values_mut()
            .flat_map(Region::tags_mut)
            .map(|it| it.2);
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
