//! Root causes, and the changes under construction that remove them.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Change, FixedFinding, Method, Step};
use super::runbook::storage::Storage;
use crate::analysis::Remedy;
use crate::analysis::remedy::Declaration;
use crate::report::Finding;
use crate::rule::Owner;
use crate::text::{and_more, plural};

/// The number of different advice texts that a change shows.
const MAX_TEXTS: usize = 5;
/// The number of resources named in front of an advice text.
const MAX_RESOURCES: usize = 3;

/// What a change is about. The order is the order to make changes in: keys before the storage that they
/// encrypt, and the network last, because it drops open connections.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The policy of a key, by ARN.
    KeyPolicy(String),
    /// The policies of a role, by name.
    RolePolicies(String),
    /// The settings of AWS Backup in a region.
    BackupSettings(String),
    /// Versioning of a bucket.
    Versioning(String),
    /// Noncurrent versions in a bucket.
    NoncurrentVersions(String),
    /// The encryption of new EBS volumes in a region.
    EbsDefaults(String),
    /// A tag to set.
    Tag {
        region: String,
        key: String,
        value: String,
    },
    /// A tag to remove.
    Untag { region: String, key: String },
    /// A missing gateway endpoint.
    Endpoint { region: String, vpc_id: String },
    /// Missing routes to a gateway endpoint.
    Routes { region: String, vpc_id: String },
    /// The policy of a gateway endpoint.
    EndpointPolicy { region: String, vpc_id: String },
    /// The state of a key, by ARN.
    KeyState(String),
    /// The use of a key by this account, by the key's ARN.
    LocalUse(String),
    /// The key of storage of one type in a region.
    Storage(Storage, String),
    /// The backup tags that a rule asks for in a region.
    BackupTagChoice { rule: &'static str, region: String },
    /// What a plan or template declares.
    Declaration(Declaration),
    /// The EventBridge notifications of a bucket.
    EventBridge { bucket: String, region: String },
    /// The windows of a DB instance, by its ARN.
    DbWindows {
        arn: String,
        maintenance: Option<String>,
        backup: Option<String>,
    },
    /// The automated backups of a database, by ARN.
    AutomatedBackups(String),
    /// What a rule asks for in a region and no change here provides.
    Other { rule: &'static str, region: String },
}

impl Cause {
    /// Returns the cause that a remedy removes.
    pub(super) fn from_remedy(remedy: &Remedy, finding: &Finding) -> Self {
        match remedy.clone() {
            Remedy::ShareKey { key_arn, .. } => Cause::KeyPolicy(key_arn),
            Remedy::EnableKey { key_arn, .. } | Remedy::ReplaceKey { key_arn } => {
                Cause::KeyState(key_arn)
            }
            Remedy::GrantLocalUse { key_arn } => Cause::LocalUse(key_arn),
            Remedy::AttachRolePolicy { role, .. } => Cause::RolePolicies(role),
            Remedy::UpdateBackupSettings { region, .. } => Cause::BackupSettings(region),
            Remedy::EnableVersioning { bucket, .. } => Cause::Versioning(bucket),
            Remedy::ExpireNoncurrentVersions { bucket, .. } => Cause::NoncurrentVersions(bucket),
            Remedy::SetEbsDefaults { region } => Cause::EbsDefaults(region),
            Remedy::SetTag {
                region, key, value, ..
            } => Cause::Tag { region, key, value },
            Remedy::RemoveTag { region, key, .. } => Cause::Untag { region, key },
            Remedy::ChooseBackupTag { .. } => Cause::BackupTagChoice {
                rule: finding.rule.id,
                region: finding.region.clone(),
            },
            Remedy::CreateS3Endpoint { vpc_id, region, .. } => Cause::Endpoint { region, vpc_id },
            Remedy::AddRouteTable { vpc_id, region, .. } => Cause::Routes { region, vpc_id },
            Remedy::ResetEndpointPolicy { vpc_id, region, .. } => {
                Cause::EndpointPolicy { region, vpc_id }
            }
            Remedy::UseCustomerKey {
                kind,
                region,
                is_encrypted,
                ..
            } => match Storage::from_kind(kind, is_encrypted) {
                Some(storage) => Cause::Storage(storage, region),
                None => Cause::without_remedy(finding),
            },
            Remedy::Declare(declaration) => Cause::Declaration(declaration),
            Remedy::EnableEventBridge { bucket, region } => Cause::EventBridge { bucket, region },
            Remedy::MoveDbWindows {
                arn,
                maintenance,
                backup,
            } => Cause::DbWindows {
                arn,
                maintenance,
                backup,
            },
            Remedy::EnableAutomatedBackups { arn } => Cause::AutomatedBackups(arn),
        }
    }

    /// Returns the cause of a finding that no change here fixes.
    pub(super) fn without_remedy(finding: &Finding) -> Self {
        Cause::Other {
            rule: finding.rule.id,
            region: finding.region.clone(),
        }
    }
}

/// A change under construction.
#[derive(Debug)]
pub(super) struct Draft {
    /// The region of its findings.
    pub(super) region: String,
    /// Who can fix its findings.
    pub(super) owner: Owner,
    /// The remedies of its findings.
    pub(super) remedies: BTreeSet<Remedy>,
    fixes: BTreeSet<FixedFinding>,
    /// The fixes as the findings word them, with the resources of each.
    texts: BTreeMap<String, BTreeSet<String>>,
}

impl Draft {
    /// Returns a draft for the root cause of a finding.
    pub(super) fn new(finding: &Finding) -> Self {
        Draft {
            region: finding.region.clone(),
            owner: finding.rule.owner,
            remedies: BTreeSet::new(),
            fixes: BTreeSet::new(),
            texts: BTreeMap::new(),
        }
    }

    /// Adds a finding with the same root cause.
    pub(super) fn add_finding(&mut self, finding: &Finding, remedy: Option<&Remedy>) {
        self.remedies.extend(remedy.cloned());
        let text = finding
            .explanation
            .fix
            .as_ref()
            .unwrap_or(&finding.explanation.message);
        let resources = self.texts.entry(text.clone()).or_default();
        resources.insert(finding.resource.clone());
        self.fixes.insert(FixedFinding {
            resource: finding.resource.clone(),
            rule: finding.rule.id,
            finding: finding.id(),
        });
    }

    /// Returns a part of each remedy that has it, sorted and without duplicates.
    pub(super) fn collect<T: Ord>(&self, part: impl Fn(&Remedy) -> Option<T>) -> Vec<T> {
        let parts: BTreeSet<T> = self.remedies.iter().filter_map(part).collect();
        parts.into_iter().collect()
    }

    /// Returns the fixes as the findings word them, with the resources of each where they differ. Only
    /// some of many are named.
    pub(super) fn advice(&self) -> Vec<String> {
        if self.texts.len() == 1 {
            return self.texts.keys().cloned().collect();
        }
        let shown = self.texts.iter().take(MAX_TEXTS);
        let mut lines: Vec<String> = shown
            .map(|(text, resources)| {
                let resources = resources.iter().map(String::as_str);
                format!("{}: {text}", and_more(resources, MAX_RESOURCES))
            })
            .collect();
        let omitted = self.texts.len().saturating_sub(MAX_TEXTS);
        if omitted > 0 {
            lines.push(format!(
                "{} omitted; see the findings in the report.",
                plural(omitted, "similar fix")
            ));
        }
        lines
    }

    /// Finishes the draft as a change in place.
    pub(super) fn in_place(self, title: String, actions: Vec<Action>, warnings: &[&str]) -> Change {
        let region = actions.first().map(|it| it.region().to_owned());
        let permissions = actions.iter().flat_map(|it| it.permissions());
        let permissions = permissions.copied().collect();
        Change {
            region,
            permissions,
            warnings: warnings.iter().map(|it| (*it).to_owned()).collect(),
            ..self.finish(title, Method::InPlace(actions))
        }
    }

    /// Finishes the draft as a runbook.
    pub(super) fn by_hand(self, title: String, steps: Vec<Step>) -> Change {
        let permissions = steps.iter().flat_map(Step::permissions).collect();
        Change {
            permissions,
            ..self.finish(title, Method::Runbook(steps))
        }
    }

    /// Finishes the draft with the advice of its findings.
    pub(super) fn with_advice(self, title: String) -> Change {
        let lines = self.advice();
        self.finish(title, Method::Advice(lines))
    }

    /// Finishes the draft.
    pub(super) fn finish(self, title: String, method: Method) -> Change {
        Change {
            title,
            region: Some(self.region).filter(|region| !region.is_empty()),
            fixes: self.fixes.into_iter().collect(),
            method,
            warnings: Vec::new(),
            permissions: BTreeSet::new(),
        }
    }
}
