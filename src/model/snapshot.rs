//! Everything that was read from one account.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::backup::BackupRole;
use super::coverage::{Coverage, Stats};
use super::kind::{self, Kind, ListedIn};
use super::kms::Key;
use super::observed::{Gap, GapKind, Listing, Observed};
use super::organization::EffectivePolicy;
use super::place::{DeclarationFacts, Place};
pub use super::region::Region;
use super::s3::Bucket;
use super::selection::Selection;
use super::service::Service;

/// The version of the snapshot format that this program reads and writes.
pub const SNAPSHOT_VERSION: u32 = 1;

/// The region in the coverage of calls about the account, which have no region.
pub const GLOBAL: &str = "global";

/// The name of a region that is not known: a template need not tell it.
pub const UNKNOWN_REGION: &str = "unknown";

/// Everything that was read from one account at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// Always [`SNAPSHOT_VERSION`].
    pub snapshot_version: u32,
    /// Where it came from.
    #[serde(default)]
    pub source: Source,
    /// The account; none where a plan does not know it.
    pub account_id: Option<String>,
    /// The key of the backup tag it was read for: tags with other keys are not kept.
    pub tag_key: String,
    /// The keys of the tags that backup plans select by: their tags are kept too. None in a snapshot that
    /// does not keep them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selected_tags: Option<BTreeSet<String>>,
    /// What of the account was read, where it is not all.
    #[serde(default, skip_serializing_if = "Selection::is_everything")]
    pub selection: Selection,
    /// When reading began, RFC 3339 in UTC.
    pub started_at: String,
    /// When reading ended, RFC 3339 in UTC.
    pub finished_at: String,
    /// Whether reading was stopped before its end.
    #[serde(default)]
    pub interrupted: bool,
    /// The calls it took.
    #[serde(default)]
    pub stats: Stats,
    /// One row per region and service asked.
    #[serde(default)]
    pub coverage: Vec<Coverage>,
    /// Regions that are enabled for the account, scanned or not. Source: `DescribeRegions`.
    #[serde(default)]
    pub enabled_regions: Listing<String>,
    /// The id of the account's organization; none where it is in none. Source: `DescribeOrganization`.
    #[serde(default)]
    pub organization_id: Observed<Option<String>>,
    /// The place of the account in its organization, `o-.../r-.../ou-.../ou-.../`, where something that reads
    /// the organization recorded it: a member account may not read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_path: Option<String>,
    /// The organization's backup policy as it holds for the account; none where it has none.
    /// Source: `DescribeEffectivePolicy`.
    #[serde(default)]
    pub backup_policy: Observed<Option<EffectivePolicy>>,
    /// The roles that make backups, by name: those that the policy names, else the company's; none
    /// where there is no such role.
    #[serde(default)]
    pub backup_roles: BTreeMap<String, Observed<Option<BackupRole>>>,
    /// ARNs of what is tagged `enabled` in the regions that are enabled for the account and were not
    /// scanned, by region; of scanned ones too where not every service was read. Source: `GetResources`.
    #[serde(default)]
    pub elsewhere: BTreeMap<String, Listing<String>>,
    /// Buckets of the scanned regions, and those whose region is not known.
    #[serde(default)]
    pub buckets: Listing<Bucket>,
    /// The scanned regions by name.
    #[serde(default)]
    pub regions: BTreeMap<String, Region>,
    /// Keys of all regions by ARN.
    #[serde(default)]
    pub keys: BTreeMap<String, Key>,
    /// Where a plan or a template declares what it holds, by the resource's ARN or the identifier that replaces it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, Place>,
    /// What else fixes need to know about declarations, by the same names.
    #[serde(skip)]
    pub declarations: BTreeMap<String, DeclarationFacts>,
    /// What a plan or template leaves to a default of AWS, by the resource's ARN or the identifier that replaces it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, BTreeSet<DefaultFact>>,
    /// The account from which a plan or template was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_from: Option<AccountFrom>,
    /// The plan or template before it was completed.
    #[serde(skip)]
    pub file_only: Option<Box<Snapshot>>,
    /// What a plan does to parts of its account that it does not contain.
    #[serde(skip)]
    pub account_changes: Vec<AccountChange>,
}

/// A change that a plan makes to a part of its account: what the account says of that part no longer holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountChange {
    /// The region of the part.
    pub region: String,
    /// The part.
    pub part: AccountPart,
    /// The id or the name of what the part belongs to.
    pub id: String,
    /// Why the part is not known, where it is not destroyed.
    pub gap: Gap,
}

/// A part of an account that a plan may change without containing what it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountPart {
    /// A backup plan, which is destroyed.
    BackupPlan,
    /// The backup selections of a backup plan.
    BackupSelections,
    /// A VPC endpoint, which is destroyed, with the routes to it.
    Endpoint,
    /// The policy of a VPC endpoint.
    EndpointPolicy,
    /// A role.
    Role,
    /// A route table, which is destroyed.
    RouteTable,
    /// The routes to endpoints of a route table.
    Routes,
    /// A subnet, which no longer names its route table.
    Subnet,
    /// A vault, which is destroyed.
    Vault,
    /// The Vault Lock configuration of a vault.
    VaultLock,
    /// The access policy of a vault.
    VaultPolicy,
}

/// A fact that a plan or template may leave to a default of AWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefaultFact {
    /// Whether a resource is encrypted, and with which key.
    Encryption,
    /// The policy of a key or an endpoint.
    Policy,
    /// How long automated backups are kept.
    Retention,
    /// Whether a bucket keeps old versions.
    Versioning,
}

/// The account that completed a plan or template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountFrom {
    /// `aws` or `snapshot`.
    pub source: Source,
    /// The account.
    pub account_id: Option<String>,
    /// When it was read, RFC 3339.
    pub collected_at: String,
}

/// Where a snapshot came from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A live account.
    #[default]
    Aws,
    /// A file that `collect` wrote.
    Snapshot,
    /// `terraform show -json` of a plan.
    TerraformPlan,
    /// `terraform show -json` of a state.
    TerraformState,
    /// A CloudFormation template.
    Cloudformation,
}

impl Source {
    /// Whether it contains planned resources, and of the account only the settings that it declares.
    #[must_use]
    pub fn is_planned(self) -> bool {
        matches!(
            self,
            Source::TerraformPlan | Source::TerraformState | Source::Cloudformation
        )
    }
}

/// A list of resources that can be backed up and was not read completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncompleteListing<'a> {
    /// The region; `None` for the list of buckets and the list of regions.
    pub region: Option<&'a str>,
    /// The name of the service in the coverage: `ec2`, `ebs`; `regions` for the list of regions.
    pub service: &'static str,
    /// The service whose resources are listed; `None` for the list of regions.
    pub of: Option<Service>,
    /// Why the list may be incomplete.
    pub gap: &'a Gap,
}

impl Snapshot {
    /// Whether it is of a plan or template, without the account that this is for.
    #[must_use]
    pub fn has_no_account(&self) -> bool {
        self.source.is_planned() && self.account_from.is_none()
    }

    /// Returns the regions that are known and not among some.
    pub fn regions_outside<'a>(
        &'a self,
        regions: &'a [String],
    ) -> impl Iterator<Item = &'a str> + 'a {
        let named = self.regions.keys().filter(|name| *name != UNKNOWN_REGION);
        named
            .filter(move |name| !regions.contains(name))
            .map(String::as_str)
    }

    /// Returns the lists of resources that can be backed up and were not read completely.
    ///
    /// Lists that were not requested, and those of regions that are not enabled, are left out.
    #[must_use]
    pub fn incomplete_listings(&self) -> Vec<IncompleteListing<'_>> {
        // A region that returned nothing may be one that is not enabled.
        let regions = self
            .enabled_regions
            .gap
            .iter()
            .map(|gap| IncompleteListing {
                region: None,
                service: "regions",
                of: None,
                gap,
            });
        let counts = |gap: &&Gap| !matches!(gap.kind, GapKind::RegionDisabled | GapKind::NotAsked);
        let mut incomplete: Vec<IncompleteListing<'_>> = regions.collect();
        let listing = |region, service: Service, gap| IncompleteListing {
            region,
            service: service.as_str(),
            of: Some(service),
            gap,
        };
        if let Some(gap) = self.buckets.gap.as_ref().filter(counts) {
            incomplete.push(listing(None, Service::S3, gap));
        }
        for (name, region) in &self.regions {
            for (service, gap) in kind::listing_gaps_by_service(region) {
                if counts(&gap) {
                    incomplete.push(listing(Some(name), service, gap));
                }
            }
        }
        // Kinds may share a list, and a failed list of gateways is also a gap in that of their volumes.
        incomplete.dedup();
        incomplete
    }

    /// Returns why the list of a kind in a region may be incomplete.
    #[must_use]
    pub fn listing_gap<'a>(&'a self, kind: &Kind, region: &'a Region) -> Option<&'a Gap> {
        match kind.listed_in {
            ListedIn::Buckets => self.buckets.gap.as_ref(),
            ListedIn::Region(_) | ListedIn::Tagged | ListedIn::None => kind.gap_in(region),
        }
    }

    /// Returns the buckets whose region could not be read, each with the reason.
    pub fn buckets_without_region(&self) -> impl Iterator<Item = (&Bucket, &Gap)> {
        let buckets = self.buckets.items.iter();
        buckets.filter_map(|bucket| bucket.region.gap().map(|gap| (bucket, gap)))
    }
}
