//! The parts of an account that separate API calls read, and that a scan can leave out.

use std::collections::BTreeSet;

use super::service::Service;

/// A part of an account that a scan of some rules can leave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// The resources of all services, with their tags.
    AllResources,
    /// The resources of a service, with their tags.
    Resources(Service),
    /// Resources of types that only their backup tag shows, and tagged resources that their list lacks.
    TaggedResources,
    /// ARNs of tagged resources in the regions that are not scanned.
    OtherRegions,
    /// ARNs of tagged resources in the scanned regions, where a scan of selected services does not list them.
    TagsInScannedRegions,
    /// Encryption by default of new EBS volumes.
    EbsDefaults,
    /// The region settings of AWS Backup: opt-in and management.
    BackupSettings,
    /// Backup jobs and copy jobs.
    Jobs,
    /// The organization's backup policy and the backup plans of the account.
    Plans,
    /// Backup vaults and their access policies.
    Vaults,
    /// The paths of the backup roles.
    Roles,
    /// The policies of the backup roles.
    RolePolicies,
    /// The organization of the account.
    Organization,
    /// The KMS keys of resources and vaults.
    Keys,
    /// Versioning of buckets.
    BucketVersioning,
    /// Default encryption of buckets.
    BucketEncryption,
    /// Lifecycle rules of buckets.
    BucketLifecycle,
    /// EventBridge notifications of buckets, in regions with continuous backups.
    BucketEvents,
    /// Option groups of DB instances.
    OptionGroups,
    /// The AMIs that the account owns or uses.
    Images,
    /// The exports of its stacks.
    Exports,
    /// The aliases of its keys, and their keys.
    KeyAliases,
}

/// The facts that no rule reads of an account: they complete plans and templates.
const OF_PLANS: [Fact; 3] = [Fact::Images, Fact::Exports, Fact::KeyAliases];

/// What a scan reads of an account, apart from its selection of services and resources.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// What the rules need.
    pub needs: Needs,
    /// Whether only resources that are tagged `enabled` are read.
    pub only_enabled: bool,
    /// Whether CloudWatch is asked for sizes. AWS bills each metric.
    pub metrics: bool,
    /// AMIs that are looked up besides those that the account owns or uses.
    pub images: BTreeSet<String>,
}

impl Extent {
    /// The full account, with what completes plans and templates.
    pub const EVERYTHING: Extent = Extent {
        needs: Needs::Everything,
        only_enabled: false,
        metrics: false,
        images: BTreeSet::new(),
    };

    /// The full account, as far as any rule reads it.
    pub const ALL_RULES: Extent = Extent {
        needs: Needs::AllRules,
        only_enabled: false,
        metrics: false,
        images: BTreeSet::new(),
    };
}

/// What some rules need of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Needs {
    /// The full account, with what completes plans and templates.
    Everything,
    /// The full account, as far as any rule reads it.
    AllRules,
    /// Only these facts.
    Only(BTreeSet<Fact>),
}

impl Needs {
    /// Whether a fact is needed.
    #[must_use]
    pub fn includes(&self, fact: Fact) -> bool {
        match self {
            Needs::Everything => true,
            Needs::AllRules => !OF_PLANS.contains(&fact),
            Needs::Only(facts) => facts.contains(&fact),
        }
    }

    /// Whether the resources of a service are needed.
    #[must_use]
    pub fn includes_resources(&self, service: Service) -> bool {
        self.includes(Fact::AllResources) || self.includes(Fact::Resources(service))
    }
}
