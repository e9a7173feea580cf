//! What plans and templates have in common: they hold resources that do not exist yet, in an account of
//! which they say nothing else.

use std::collections::BTreeMap;

use crate::model::coverage::{Coverage, CoverageState};
use crate::model::ec2::EbsDefaults;
use crate::model::kms::Key;
use crate::model::place::Place;
use crate::model::snapshot::{Region, SNAPSHOT_VERSION, Snapshot, Source};
use crate::model::vpc::Network;
use crate::model::{Gap, GapKind, Listing, Observed};

/// What a plan or template cannot say of itself.
#[derive(Debug, Clone)]
pub struct Surroundings<'a> {
    /// The file, as it was named on the command line; with forward slashes.
    pub file: &'a str,
    /// The key of the backup tag.
    pub tag_key: &'a str,
    /// The region, where the file leaves it open.
    pub region: Option<&'a str>,
    /// When the file was read, RFC 3339 in UTC.
    pub read_at: &'a str,
}

/// A snapshot under construction.
#[derive(Debug)]
pub struct Planned {
    snapshot: Snapshot,
}

/// A fact that is open until the plan is applied.
pub fn after_apply(what: impl Into<String>) -> Gap {
    Gap::new(GapKind::AfterApply, what)
}

/// A fact about something that the plan does not hold.
pub fn unplanned(what: impl Into<String>) -> Gap {
    Gap::new(GapKind::Unplanned, what)
}

/// What stands for the ARN of a key that does not exist yet. It has the form of a key's ARN, so that
/// rules read its region and account from it as from any other.
#[must_use]
pub fn key_arn(partition: &str, region: &str, account: Option<&str>, address: &str) -> String {
    let account = account.unwrap_or_default();
    format!("arn:{partition}:kms:{region}:{account}:key/{address}")
}

impl Planned {
    /// An empty snapshot of a plan or template.
    #[must_use]
    pub fn new(source: Source, account_id: Option<String>, around: &Surroundings<'_>) -> Self {
        let outside = || unplanned("the file says nothing of the account's organization");
        Planned {
            snapshot: Snapshot {
                snapshot_version: SNAPSHOT_VERSION,
                source,
                account_id,
                tag_key: around.tag_key.to_owned(),
                selection: Default::default(),
                started_at: around.read_at.to_owned(),
                finished_at: around.read_at.to_owned(),
                interrupted: false,
                stats: Default::default(),
                coverage: Vec::new(),
                enabled_regions: Listing::complete(Vec::new()),
                organization_id: Observed::Unknown(outside()),
                backup_policy: Observed::Unknown(outside()),
                backup_roles: Default::default(),
                elsewhere: Default::default(),
                buckets: Listing::complete(Vec::new()),
                regions: Default::default(),
                keys: Default::default(),
                places: Default::default(),
            },
        }
    }

    /// The snapshot so far.
    pub fn snapshot(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// A region, which holds nothing when it is first asked for; what is a setting of the account
    /// and not a resource is unplanned there.
    pub fn region(&mut self, name: &str) -> &mut Region {
        let regions = &mut self.snapshot.regions;
        regions.entry(name.to_owned()).or_insert_with(empty_region)
    }

    /// Adds a key under its ARN or what stands for one.
    pub fn key(&mut self, arn: impl Into<String>, key: Key) {
        self.snapshot.keys.insert(arn.into(), key);
    }

    /// Says where a resource is declared.
    pub fn place(&mut self, arn: impl Into<String>, place: Place) {
        self.snapshot.places.insert(arn.into(), place);
    }

    /// The snapshot, with its coverage: a row for each region and each service that it holds something
    /// of.
    #[must_use]
    pub fn finish(mut self) -> Snapshot {
        let names: Vec<String> = self.snapshot.regions.keys().cloned().collect();
        for name in &names {
            let mut counts = BTreeMap::new();
            for resource in self.snapshot.resources_in(name) {
                if let Some(service) = resource.kind().service() {
                    *counts.entry(service).or_insert(0) += 1;
                }
            }
            let rows = counts.into_iter().map(|(service, resources)| Coverage {
                region: name.clone(),
                service: service.as_str().to_owned(),
                state: CoverageState::Scanned,
                resources,
                error: None,
            });
            self.snapshot.coverage.extend(rows.collect::<Vec<_>>());
        }
        self.snapshot.enabled_regions.items = names;
        self.snapshot
    }
}

/// A list of what the account may have beside what the file makes: a name that is not in it may be
/// that of something that exists.
fn others<T>() -> Listing<T> {
    Listing {
        items: Vec::new(),
        gap: Some(unplanned(
            "the file says nothing of those that the account has already",
        )),
    }
}

fn empty_region() -> Region {
    let settings = |what: &str| unplanned(format!("{what}: that is a setting of the account"));
    let encryption = "the file does not say how new EBS volumes are encrypted";
    Region {
        disabled: false,
        instances: Listing::complete(Vec::new()),
        volumes: Listing::complete(Vec::new()),
        ebs_defaults: EbsDefaults {
            encryption: Observed::Unknown(settings(encryption)),
            kms_key: Observed::Unknown(settings(encryption)),
        },
        network: Network {
            vpcs: Listing::complete(Vec::new()),
            subnets: Listing::complete(Vec::new()),
            route_tables: Listing::complete(Vec::new()),
            interfaces: Listing::complete(Vec::new()),
            endpoints: Listing::complete(Vec::new()),
        },
        db_instances: Listing::complete(Vec::new()),
        db_clusters: Listing::complete(Vec::new()),
        option_groups: others(),
        file_systems: Listing::complete(Vec::new()),
        tables: Listing::complete(Vec::new()),
        gateways: Listing::complete(Vec::new()),
        gateway_volumes: Listing::complete(Vec::new()),
        redshift_clusters: Listing::complete(Vec::new()),
        redshift_namespaces: Listing::complete(Vec::new()),
        stacks: Listing::complete(Vec::new()),
        tagged: Listing::complete(Vec::new()),
        backup_settings: Observed::Unknown(settings(
            "the file does not say which services AWS Backup is opted in for, and which it manages",
        )),
        backup_jobs: Listing::complete(Vec::new()),
        copy_jobs: Listing::complete(Vec::new()),
        vaults: others(),
        backup_plans: others(),
        key_names: Default::default(),
    }
}
