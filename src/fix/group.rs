//! Gathers findings into changes: whatever has one root cause becomes one change.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::snapshot::Region;
use crate::model::tag::{intended_value, near_misses};
use crate::model::{Listing, Resource, ResourceKind, Snapshot};
use crate::report::Finding;
use crate::settings::Settings;

use super::build::Maker;
use super::runbook::Storage;
use super::{Change, Mended, Remedy};

/// AWS Backup's name for DynamoDB in its settings.
const DYNAMODB: &str = "DynamoDB";

/// What a change is about, in the order in which changes should be made: keys before what is encrypted
/// with them, the tag last but for the network, which open connections notice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    KeyPolicy(String),
    BackupSettings(String),
    Versioning(String),
    OldVersions(String),
    EbsDefaults(String),
    Tag(String, String),
    Untag(String, String),
    Endpoint(String, String),
    Routes(String, String),
    EndpointPolicy(String, String),
    KeyState(String),
    LocalUse(String),
    Storage(Storage, String),
    Decision(&'static str, String),
    Step(&'static str, String),
    Other(&'static str, String),
}

/// What is known of a change so far.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) region: String,
    pub(super) mends: BTreeSet<Mended>,
    /// ARNs to tag, services to opt in, endpoints: what the cause takes more of.
    pub(super) members: BTreeSet<String>,
    /// Fixes as the findings word them, and what each is for.
    pub(super) words: BTreeMap<String, BTreeSet<String>>,
}

/// Changes under construction.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
    drafts: BTreeMap<Cause, Draft>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, settings: &'a Settings) -> Self {
        Plan {
            snapshot,
            settings,
            drafts: BTreeMap::new(),
        }
    }

    /// Adds a finding to the changes that mend it.
    pub(super) fn add(&mut self, finding: &Finding) {
        let region = finding.region.as_str();
        // What does not exist yet is changed where it is declared.
        if self.snapshot.source.is_planned() {
            return self.other(finding);
        }
        match finding.rule.id {
            "kms-key-shared" | "kms-key-fully-shared" => {
                self.keys(finding, texts(finding, "key_arn"), Cause::KeyPolicy);
            }
            "kms-key-usable" => {
                self.keys(finding, keys_of(finding), Cause::KeyState);
            }
            "kms-key-locally-usable" => {
                self.keys(finding, texts(finding, "key_arn"), Cause::LocalUse);
            }
            "dynamodb-advanced-features-enabled" => {
                let cause = Cause::BackupSettings(region.to_owned());
                self.note(cause, finding, [format!("managed {DYNAMODB}")]);
            }
            "service-opted-in" => {
                let services = texts(finding, "services");
                let cause = Cause::BackupSettings(region.to_owned());
                self.note(cause, finding, services);
            }
            "s3-versioning-enabled" => {
                let bucket = finding.resource_id.clone();
                self.note(Cause::Versioning(bucket), finding, []);
            }
            "s3-old-versions-expire" => {
                let bucket = finding.resource_id.clone();
                self.note(Cause::OldVersions(bucket), finding, []);
            }
            "ebs-default-encryption" => {
                self.note(Cause::EbsDefaults(region.to_owned()), finding, []);
            }
            "backup-tag-valid" => self.tag(finding),
            "backup-tag-placed" => self.placed(finding),
            "s3-gateway-endpoint-present" => {
                let cause = Cause::Endpoint(region.to_owned(), finding.resource_id.clone());
                self.note(cause, finding, []);
            }
            "s3-gateway-endpoint-routed" => {
                let tables = texts(finding, "route_tables");
                let cause = Cause::Routes(region.to_owned(), finding.resource_id.clone());
                self.note(cause, finding, tables);
            }
            "s3-gateway-endpoint-open" => {
                let endpoints = texts(finding, "endpoint");
                let cause = Cause::EndpointPolicy(region.to_owned(), finding.resource_id.clone());
                self.note(cause, finding, endpoints);
            }
            "encryption-at-rest"
            | "encryption-customer-key"
            | "encryption-customer-key-recommended"
            | "kms-key-not-central" => {
                self.storage(finding);
            }
            "backup-decision-made" | "backup-tag-not-custom" | "backup-not-duplicated" => {
                self.decide(finding);
            }
            "rds-automated-backups-enabled" => self.step(finding),
            _ => {
                self.other(finding);
            }
        }
    }

    fn note(&mut self, cause: Cause, finding: &Finding, members: impl IntoIterator<Item = String>) {
        let draft = self.drafts.entry(cause).or_default();
        draft.region.clone_from(&finding.region);
        draft.members.extend(members);
        let words = finding.fix.as_ref().unwrap_or(&finding.message);
        draft
            .words
            .entry(words.clone())
            .or_default()
            .insert(finding.resource.clone());
        draft.mends.insert(Mended {
            resource: finding.resource.clone(),
            rule: finding.rule.id,
            finding: finding.id.clone(),
        });
    }

    /// A change for each key; where the finding names none, its words are all there is.
    fn keys(&mut self, finding: &Finding, keys: Vec<String>, cause: fn(String) -> Cause) {
        if keys.is_empty() {
            return self.other(finding);
        }
        for arn in keys {
            self.note(cause(arn), finding, []);
        }
    }

    /// A tag that is spelled wrongly: the right one is set, and a wrong key goes.
    fn tag(&mut self, finding: &Finding) {
        let key = self.settings.tag_key.clone();
        let resource = self.resource(finding);
        let tags = resource.and_then(Resource::tags).and_then(|it| it.known());
        let Some(tags) = tags else {
            return self.decide(finding);
        };
        let misses: Vec<(&str, &str)> = match tags.get(&key) {
            Some(_) => Vec::new(),
            None => near_misses(tags, &key).collect(),
        };
        let meant = match tags.get(&key) {
            Some(value) => intended_value(value),
            None => misses.iter().find_map(|(_, value)| intended_value(value)),
        };
        let by_calls = finding.kind != ResourceKind::CloudformationStack;
        let Some(meant) = meant.filter(|_| by_calls) else {
            return self.decide(finding);
        };
        let arn = finding.resource.clone();
        for (miss, _) in misses {
            let cause = Cause::Untag(finding.region.clone(), miss.to_owned());
            self.note(cause, finding, [arn.clone()]);
        }
        let cause = Cause::Tag(finding.region.clone(), meant.to_owned());
        self.note(cause, finding, [arn]);
    }

    /// A tag that sits on a part of what AWS Backup looks at, or around it.
    fn placed(&mut self, finding: &Finding) {
        let region = finding.region.clone();
        let key = self.settings.tag_key.clone();
        let tag = Cause::Tag(region.clone(), "enabled".to_owned());
        if let Some(Resource::DbCluster(_)) = self.resource(finding) {
            let members = texts(finding, "members");
            let seen = self.seen(&region);
            let arns: Vec<String> = seen
                .map(|seen| &seen.db_instances)
                .map(|listing| arns_of(listing, &members, |it| (&it.id, &it.arn)))
                .unwrap_or_default();
            self.note(tag, finding, [finding.resource.clone()]);
            self.note(Cause::Untag(region, key), finding, arns);
        } else {
            let volumes = texts(finding, "volumes");
            let seen = self.seen(&region);
            let arns: Vec<String> = seen
                .map(|seen| &seen.gateway_volumes)
                .map(|listing| arns_of(listing, &volumes, |it| (&it.id, &it.arn)))
                .unwrap_or_default();
            if arns.is_empty() {
                return self.decide(finding);
            }
            self.note(tag, finding, arns);
        }
    }

    /// What is stored under the wrong key, or under none: volumes of an instance are the same volumes as
    /// those that are judged on their own.
    fn storage(&mut self, finding: &Finding) {
        let Some(storage) = Storage::of(finding.kind) else {
            return self.other(finding);
        };
        if finding.kind == ResourceKind::Ec2Instance {
            let parts: BTreeSet<&String> = finding.causes.iter().flat_map(|it| &it.parts).collect();
            let volumes: Vec<String> = parts.into_iter().cloned().collect();
            let cause = Cause::Storage(Storage::Volume, finding.region.clone());
            self.note(cause, finding, volumes);
        } else {
            let storage = match (storage, finding.rule.id) {
                (Storage::AuroraCluster, "encryption-at-rest") => Storage::PlainAuroraCluster,
                _ => storage,
            };
            let cause = Cause::Storage(storage, finding.region.clone());
            self.note(cause, finding, [finding.resource_id.clone()]);
        }
    }

    /// What wants a decision, or a command that fits one resource alone.
    fn step(&mut self, finding: &Finding) {
        let cause = Cause::Step(finding.rule.id, finding.resource.clone());
        self.note(cause, finding, []);
    }

    /// What nothing here changes: what a rule asks for in a region is one thing to ask for, or to know.
    fn other(&mut self, finding: &Finding) {
        let cause = Cause::Other(finding.rule.id, finding.region.clone());
        self.note(cause, finding, []);
    }

    /// What somebody must decide about a tag: the same decision about many resources is one.
    fn decide(&mut self, finding: &Finding) {
        let cause = Cause::Decision(finding.rule.id, finding.region.clone());
        self.note(cause, finding, [finding.resource.clone()]);
    }

    fn seen(&self, region: &str) -> Option<&'a Region> {
        self.snapshot.regions.get(region)
    }

    fn resource(&self, finding: &Finding) -> Option<Resource<'a>> {
        let named = |it: &Resource<'_>| {
            it.arn_and_id()
                .is_some_and(|(arn, _)| arn == finding.resource)
        };
        let snapshot = self.snapshot;
        // The region's own name lives as long as the snapshot; the finding's does not.
        let (name, _) = snapshot.regions.get_key_value(&finding.region)?;
        snapshot.resources_in(name).find(named)
    }

    /// The changes, in order.
    pub(super) fn changes(self) -> Vec<Change> {
        let Plan {
            snapshot,
            settings,
            drafts,
        } = self;
        let maker = Maker { snapshot, settings };
        let mut changes: Vec<Change> = drafts
            .into_iter()
            .map(|(cause, draft)| maker.change(cause, draft))
            .collect();
        changes.sort_by_key(|change| match change.remedy {
            Remedy::InPlace(_) => 0,
            Remedy::Runbook(_) => 1,
            Remedy::Advice(_) => 2,
        });
        changes
    }
}

/// The values of a piece of evidence, which stands in a list under the name's plural where there are
/// several.
fn texts(finding: &Finding, name: &str) -> Vec<String> {
    let value = finding
        .evidence
        .get(&format!("{name}s"))
        .or_else(|| finding.evidence.get(name));
    match value {
        Some(serde_json::Value::String(text)) => vec![text.clone()],
        Some(serde_json::Value::Array(items)) => items
            .iter()
            .filter_map(|it| it.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}

/// The keys that a finding about keys is traced to.
fn keys_of(finding: &Finding) -> Vec<String> {
    let named = texts(finding, "key_arn");
    if !named.is_empty() {
        return named;
    }
    let about = finding.causes.iter().filter_map(|it| it.about.clone());
    let mut keys: Vec<String> = about.filter(|it| it.starts_with("arn:")).collect();
    keys.dedup();
    keys
}

fn arns_of<T>(
    listing: &Listing<T>,
    ids: &[String],
    names: fn(&T) -> (&String, &String),
) -> Vec<String> {
    let named = listing.items.iter().map(names);
    named
        .filter(|(id, _)| ids.contains(id))
        .map(|(_, arn)| arn.clone())
        .collect()
}
