//! Gathers findings into changes: whatever has one root cause becomes one change.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::arn::Arn;
use crate::model::kms::Key;
use crate::model::snapshot::Region;
use crate::model::tag::{meant_value, near_misses};
use crate::model::vpc::RouteTable;
use crate::model::{Listing, Resource, ResourceKind, Snapshot};
use crate::policy::facts::{Asker, KeyFacts};
use crate::policy::merge::{LARGEST, Merge, merge};
use crate::report::Finding;
use crate::rule::Owner;
use crate::settings::Settings;

use super::action::Preferences;
use super::runbook::{self, Storage};
use super::{Action, Change, Mended, Remedy};

/// AWS Backup's name for DynamoDB in its settings.
const DYNAMODB: &str = "DynamoDB";
/// After how many days old versions of objects go.
const DAYS: u32 = 30;
/// ARNs that one call of `TagResources` takes.
/// Source: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>.
pub(super) const MOST_TAGGED: usize = 20;

/// Wordings that are told of one change.
const MOST_WORDS: usize = 5;
/// Resources that are named for a wording.
const MOST_FOR: usize = 3;

/// What a change is about, in the order in which changes should be made: keys before what is encrypted
/// with them, the tag last but for the network, which open connections notice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Cause {
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
struct Draft {
    region: String,
    mends: BTreeSet<Mended>,
    /// ARNs to tag, services to opt in, endpoints: what the cause takes more of.
    members: BTreeSet<String>,
    /// Fixes as the findings word them, and what each is for.
    words: BTreeMap<String, BTreeSet<String>>,
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
            Some(value) => meant_value(value),
            None => misses.iter().find_map(|(_, value)| meant_value(value)),
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
        let named = |it: &Resource<'_>| it.names().is_some_and(|(arn, _)| arn == finding.resource);
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

/// Makes changes of drafts.
#[derive(Debug)]
struct Maker<'a> {
    snapshot: &'a Snapshot,
    settings: &'a Settings,
}

impl Maker<'_> {
    fn change(&self, cause: Cause, draft: Draft) -> Change {
        let region = draft.region.clone();
        match cause {
            Cause::KeyPolicy(arn) => self.key_policy(&arn, draft),
            Cause::KeyState(arn) => {
                let state = self.key(&arn).and_then(|key| key.metadata.known());
                let state = state.and_then(Option::as_ref).map(|it| it.state.as_str());
                match runbook::revive(&arn, state) {
                    Some(steps) => by_hand(format!("Use key {arn} again"), draft, steps),
                    None => advice(format!("Key {arn} cannot be used"), draft),
                }
            }
            Cause::LocalUse(arn) => by_hand(
                format!("Let the account's own backup role use {arn}"),
                draft,
                runbook::local_use(&arn, self.snapshot.account_id.as_deref()),
            ),
            Cause::BackupSettings(region) => self.backup_settings(&region, draft),
            Cause::Versioning(bucket) => in_place(
                format!("Enable versioning of bucket {bucket}"),
                draft,
                vec![Action::EnableVersioning { bucket, region }],
                &[
                    "Old versions of objects are kept and paid for from now on. Versioning can be suspended again, not taken back. Until S3 knows of it everywhere, up to 15 minutes, an object that is overwritten may not be kept.",
                ],
            ),
            Cause::OldVersions(bucket) => in_place(
                format!("Let old versions in bucket {bucket} expire after {DAYS} days"),
                draft,
                vec![Action::ExpireOldVersions {
                    bucket,
                    region,
                    days: DAYS,
                }],
                &[
                    "Versions that stopped being the current one more than 30 days ago are deleted, and nobody can bring them back.",
                ],
            ),
            Cause::EbsDefaults(region) => in_place(
                format!("Encrypt new EBS volumes in {region} with a customer managed key"),
                draft,
                vec![Action::EbsDefaults { region }],
                &[
                    "Volumes that exist stay as they are. Whoever creates volumes must be allowed to use the key.",
                ],
            ),
            Cause::Tag(region, value) => {
                let key = self.settings.tag_key.clone();
                let title = format!("Tag with {key}={value} in {region}");
                let arns: Vec<String> = draft.members.iter().cloned().collect();
                let actions = arns.chunks(MOST_TAGGED).map(|arns| Action::Tag {
                    arns: arns.to_vec(),
                    region: region.clone(),
                    key: key.clone(),
                    value: value.clone(),
                });
                let actions = actions.collect();
                let warning: &[&str] = match value.as_str() {
                    "enabled" => &["AWS Backup backs these up from the next run of its plan on."],
                    _ => &[],
                };
                tagging(in_place(title, draft, actions, warning), &arns, true)
            }
            Cause::Untag(region, key) => {
                let title = format!("Take the tag {key:?} off in {region}");
                let arns: Vec<String> = draft.members.iter().cloned().collect();
                let actions = arns.chunks(MOST_TAGGED).map(|arns| Action::Untag {
                    arns: arns.to_vec(),
                    region: region.clone(),
                    key: key.clone(),
                });
                let actions = actions.collect();
                tagging(in_place(title, draft, actions, &[]), &arns, false)
            }
            Cause::Endpoint(region, vpc) => self.endpoint(&region, &vpc, draft),
            Cause::Routes(region, vpc) => self.routes(&region, &vpc, draft),
            Cause::EndpointPolicy(region, _) => {
                let actions = draft.members.iter().map(|id| Action::ResetEndpointPolicy {
                    endpoint_id: id.clone(),
                    region: region.clone(),
                });
                let actions: Vec<Action> = actions.collect();
                if actions.is_empty() {
                    return advice(format!("Open the S3 gateway endpoint in {region}"), draft);
                }
                let title = format!("Open the S3 gateway endpoint in {region} to all buckets");
                in_place(
                    title,
                    draft,
                    actions,
                    &[
                        "A policy that keeps traffic to some buckets may be there on purpose: it goes. Where that is so, add the missing buckets to it instead.",
                    ],
                )
            }
            Cause::Storage(storage, region) => {
                let ids: Vec<String> = draft.members.iter().cloned().collect();
                by_hand(
                    storage.title(&ids, &region),
                    draft,
                    storage.steps(&ids, &region),
                )
            }
            Cause::Decision(rule, _) => {
                let words = some(&draft.words);
                let arns: Vec<String> = draft.members.iter().cloned().collect();
                let steps = runbook::tag(&arns, &self.settings.tag_key, &region, &words);
                by_hand(format!("Decide: {rule}, in {region}"), draft, steps)
            }
            Cause::Step(_, resource) => self.step(&resource, draft),
            Cause::Other(rule, _) => {
                let is_planned = self.snapshot.source.is_planned();
                let title = match crate::rules::find(rule).map(|rule| rule.owner) {
                    Some(Owner::Platform) => {
                        format!("Ask {}: {rule}, {region}", self.settings.contact)
                    }
                    _ if is_planned => format!("Change the code: {rule}, {region}"),
                    _ => format!("No command here mends this: {rule}, {region}"),
                };
                advice(title, draft)
            }
        }
    }

    fn key(&self, arn: &str) -> Option<&Key> {
        self.snapshot.keys.get(arn)
    }

    fn key_policy(&self, arn: &str, draft: Draft) -> Change {
        let title = format!(
            "Share key {arn} with the central account {}",
            self.settings.central_account
        );
        let parsed = Arn::parse(arn);
        let region = parsed.map_or("", |arn| arn.region).to_owned();
        let key = self.key(arn);
        let Some(before) = key.and_then(|key| key.policy.known()) else {
            return advice(title, draft);
        };
        let metadata = key.and_then(|key| key.metadata.known());
        let metadata = metadata.and_then(Option::as_ref);
        let facts = KeyFacts {
            key_arn: Some(arn.to_owned()),
            key_account: parsed.map_or("", |arn| arn.account).to_owned(),
            region: None,
            key_spec: metadata.map(|it| it.spec.clone()),
            key_usage: metadata.map(|it| it.usage.clone()),
            origin: metadata.map(|it| it.origin.clone()),
            multi_region: metadata.map(|it| it.multi_region),
            tags: None,
        };
        let organization = self.snapshot.organization_id.known().cloned().flatten();
        let asker = Asker {
            central_account: self.settings.central_account.clone(),
            org_id: self.settings.org_id.clone().or(organization),
        };
        let after = match merge(before, &facts, &asker, None) {
            Ok(Merge::Added(policy)) => serde_json::to_string_pretty(&policy)
                .ok()
                .filter(|pretty| pretty.len() <= LARGEST)
                .or_else(|| serde_json::to_string(&policy).ok()),
            Ok(Merge::Blocked(obstacle)) => {
                let words = format!(
                    "The statement {} denies it, or may: nothing that is added to the policy helps. Change that statement first, then run this again.",
                    obstacle.statement
                );
                return told(title, draft, vec![words]);
            }
            Ok(Merge::TooLarge(length)) => {
                let words = format!(
                    "With the two statements that are missing the policy would be {length} bytes long, and KMS takes {LARGEST}: shorten it first."
                );
                return told(title, draft, vec![words]);
            }
            _ => None,
        };
        match after {
            Some(after) => in_place(
                title,
                draft,
                vec![Action::PutKeyPolicy {
                    key_arn: arn.to_owned(),
                    region,
                    before: before.clone(),
                    after,
                }],
                &[],
            ),
            None => advice(title, draft),
        }
    }

    fn backup_settings(&self, region: &str, draft: Draft) -> Change {
        let title = format!("Turn AWS Backup's settings on in {region}");
        let settings = self.snapshot.regions.get(region);
        let Some(settings) = settings.and_then(|it| it.backup_settings.known()) else {
            return advice(title, draft);
        };
        let mut opt_in = Preferences::default();
        let mut management = Preferences::default();
        for member in &draft.members {
            let managed = member.strip_prefix("managed ");
            let name = managed.unwrap_or(member);
            if managed.is_some() && settings.management.get(name) != Some(&true) {
                management.on.push(name.to_owned());
            }
            let is_new = !opt_in.on.iter().any(|it| it == name);
            if is_new && settings.opt_in.get(name) != Some(&true) {
                opt_in.on.push(name.to_owned());
            }
        }
        for (preferences, present) in [
            (&mut opt_in, &settings.opt_in),
            (&mut management, &settings.management),
        ] {
            let on = &preferences.on;
            let others = present.iter().filter(|(name, _)| !on.contains(name));
            preferences.kept = others.map(|(name, on)| (name.clone(), *on)).collect();
            preferences.before.clone_from(present);
        }
        let mut warnings =
            vec!["An organization's settings may override these: then ask the platform team."];
        if !management.is_empty() {
            warnings.push(
                "With advanced features backups of DynamoDB tables are kept under the vault's key, in AWS Backup and no longer in DynamoDB; those that exist stay as they are.",
            );
        }
        let action = Action::BackupSettings {
            region: region.to_owned(),
            opt_in,
            management,
        };
        in_place(title, draft, vec![action], &warnings)
    }

    fn endpoint(&self, region: &str, vpc_id: &str, draft: Draft) -> Change {
        let title = format!("Create a gateway endpoint for S3 in {vpc_id}, {region}");
        let network = self.snapshot.regions.get(region).map(|it| &it.network);
        let Some(network) = network else {
            return advice(title, draft);
        };
        let own = |it: &&crate::model::vpc::VpcEndpoint| {
            it.vpc_id == vpc_id
                && it.endpoint_type.eq_ignore_ascii_case("gateway")
                && it.service_name.ends_with(".s3")
        };
        // One that failed or is on its way must be looked at first.
        if network.endpoints.items.iter().any(|it| own(&it)) {
            return advice(title, draft);
        }
        // Without the whole list nobody knows which table is the main one.
        if network.route_tables.gap.is_some() {
            let words = "The route tables could not be read: scan with ec2:DescribeRouteTables.";
            return told(title, draft, vec![words.to_owned()]);
        }
        let tables = network.route_tables.items.iter();
        // The main table serves subnets that name none, and those to come.
        let used = |it: &&RouteTable| it.vpc_id == vpc_id && (it.main || !it.subnets.is_empty());
        let (public, private): (Vec<_>, Vec<_>) = tables.filter(used).partition(|it| is_public(it));
        let ids = |tables: Vec<&RouteTable>| -> Vec<String> {
            tables.into_iter().map(|table| table.id.clone()).collect()
        };
        let route_tables = ids(private);
        if route_tables.is_empty() {
            let steps = runbook::public_endpoint(region, vpc_id, &ids(public));
            return by_hand(title, draft, steps);
        }
        let action = Action::CreateS3Endpoint {
            vpc_id: vpc_id.to_owned(),
            region: region.to_owned(),
            route_tables,
        };
        in_place(title, draft, vec![action], &[CONNECTIONS])
    }

    fn routes(&self, region: &str, vpc_id: &str, draft: Draft) -> Change {
        let title = format!("Route S3 of {vpc_id} through its gateway endpoint, {region}");
        let network = self.snapshot.regions.get(region).map(|it| &it.network);
        let service = format!("com.amazonaws.{region}.s3");
        let mut endpoints = network.into_iter().flat_map(|it| &it.endpoints.items);
        let endpoint = endpoints.find(|it| {
            it.vpc_id == vpc_id
                && it.endpoint_type.eq_ignore_ascii_case("gateway")
                && it.service_name.eq_ignore_ascii_case(&service)
                && it.state.eq_ignore_ascii_case("available")
        });
        match endpoint {
            Some(endpoint) if !draft.members.is_empty() => {
                let action = Action::AddRouteTables {
                    vpc_id: vpc_id.to_owned(),
                    endpoint_id: endpoint.id.clone(),
                    region: region.to_owned(),
                    route_tables: draft.members.iter().cloned().collect(),
                };
                in_place(title, draft, vec![action], &[CONNECTIONS])
            }
            _ => advice(title, draft),
        }
    }

    fn step(&self, resource: &str, draft: Draft) -> Change {
        by_hand(
            format!("Turn automated backups of {resource} on"),
            draft,
            runbook::automated_backups(resource),
        )
    }
}

/// What running traffic notices of a route to an endpoint.
/// Source: <https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html>.
const CONNECTIONS: &str = "Open connections to S3 of the subnets behind these route tables break at this moment, and traffic then comes from private addresses: policies of buckets that ask for a public source address refuse it. Choose a quiet hour.";

/// Whether subnets with this route table reach the internet directly.
fn is_public(table: &RouteTable) -> bool {
    table.routes.iter().any(|route| {
        matches!(route.destination.as_str(), "0.0.0.0/0" | "::/0")
            && route.target.starts_with("igw-")
            && route.state == "active"
    })
}

fn change(title: String, draft: Draft, remedy: Remedy) -> Change {
    Change {
        title,
        region: (!draft.region.is_empty()).then_some(draft.region),
        mends: draft.mends.into_iter().collect(),
        remedy,
        warnings: Vec::new(),
        permissions: BTreeSet::new(),
    }
}

fn in_place(title: String, draft: Draft, actions: Vec<Action>, warnings: &[&str]) -> Change {
    let permissions = actions.iter().flat_map(|it| it.permissions());
    let permissions = permissions.copied().collect();
    let region = actions.first().map(|it| it.region().to_owned());
    let mut change = change(title, draft, Remedy::InPlace(actions));
    change.region = region;
    change.warnings = warnings.iter().map(|it| (*it).to_owned()).collect();
    change.permissions = permissions;
    change
}

fn by_hand(title: String, draft: Draft, steps: Vec<runbook::Step>) -> Change {
    let permissions = steps.iter().flat_map(|it| it.permissions()).collect();
    let mut change = change(title, draft, Remedy::Runbook(steps));
    change.permissions = permissions;
    change
}

fn advice(title: String, draft: Draft) -> Change {
    let words = some(&draft.words);
    told(title, draft, words)
}

fn told(title: String, draft: Draft, words: Vec<String>) -> Change {
    change(title, draft, Remedy::Advice(words))
}

/// Some wordings of many: each finding has its own.
fn some(words: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let told = |(words, resources): (&String, &BTreeSet<String>)| {
        let named: Vec<&str> = resources
            .iter()
            .map(String::as_str)
            .take(MOST_FOR)
            .collect();
        let more = match resources.len().saturating_sub(MOST_FOR) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("{}{more}: {words}", named.join(", "))
    };
    if words.len() == 1 {
        return words.keys().cloned().collect();
    }
    let mut some: Vec<String> = words.iter().take(MOST_WORDS).map(told).collect();
    if words.len() > MOST_WORDS {
        let more = words.len() - MOST_WORDS;
        some.push(format!(
            "And {more} more of this kind: the report has each of them."
        ));
    }
    some
}

/// The tagging API also asks for the permission of the service whose resource is tagged.
/// Source: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>.
fn tagging(mut change: Change, arns: &[String], set: bool) -> Change {
    for arn in arns {
        let service = Arn::parse(arn).map_or("", |arn| arn.service);
        let (tag, untag) = match service {
            "ec2" => ("ec2:CreateTags", "ec2:DeleteTags"),
            "rds" => ("rds:AddTagsToResource", "rds:RemoveTagsFromResource"),
            "s3" => ("s3:PutBucketTagging", "s3:PutBucketTagging"),
            "dynamodb" => ("dynamodb:TagResource", "dynamodb:UntagResource"),
            "secretsmanager" => ("secretsmanager:TagResource", "secretsmanager:UntagResource"),
            "ssm" => ("ssm:AddTagsToResource", "ssm:RemoveTagsFromResource"),
            "elasticfilesystem" => (
                "elasticfilesystem:TagResource",
                "elasticfilesystem:UntagResource",
            ),
            "storagegateway" => (
                "storagegateway:AddTagsToResource",
                "storagegateway:RemoveTagsFromResource",
            ),
            "redshift" => ("redshift:CreateTags", "redshift:DeleteTags"),
            "redshift-serverless" => (
                "redshift-serverless:TagResource",
                "redshift-serverless:UntagResource",
            ),
            _ => continue,
        };
        change.permissions.insert(if set { tag } else { untag });
        if service == "s3" {
            change.permissions.insert("s3:GetBucketTagging");
        }
    }
    change
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
