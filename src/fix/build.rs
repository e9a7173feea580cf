//! Makes the change that mends one cause: with which actions or steps, what it takes, what notices it.

use std::collections::{BTreeMap, BTreeSet};

use crate::key_sharing::facts::{CentralAccount, KeyFacts};
use crate::key_sharing::merge::{MAX_POLICY_BYTES, Merge, merge};
use crate::model::Snapshot;
use crate::model::arn::Arn;
use crate::model::kms::Key;
use crate::model::vpc::RouteTable;
use crate::rule::Owner;
use crate::settings::Settings;

use super::change::Preferences;
use super::group::{Cause, Draft};
use super::runbook;
use super::{Action, Change, Remedy};

/// After how many days old versions of objects go.
const DAYS: u32 = 30;
/// ARNs that one call of `TagResources` takes.
/// Source: <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>.
pub(super) const MOST_TAGGED: usize = 20;

/// Wordings that are told of one change.
const MOST_WORDS: usize = 5;
/// Resources that are named for a wording.
const MOST_FOR: usize = 3;

/// Makes changes of drafts.
#[derive(Debug)]
pub(super) struct Maker<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) settings: &'a Settings,
}

impl Maker<'_> {
    pub(super) fn change(&self, cause: Cause, draft: Draft) -> Change {
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
        let central = CentralAccount {
            account_id: self.settings.central_account.clone(),
            org_id: self.settings.org_id.clone().or(organization),
        };
        let after = match merge(before, &facts, &central, None) {
            Ok(Merge::Added(policy)) => serde_json::to_string_pretty(&policy)
                .ok()
                .filter(|pretty| pretty.len() <= MAX_POLICY_BYTES)
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
                    "With the two statements that are missing the policy would be {length} bytes long, and KMS takes {MAX_POLICY_BYTES}: shorten it first."
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
