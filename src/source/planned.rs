//! Builds the snapshot of a plan or a template: of resources that do not exist yet, in an account that the
//! file does not describe.

use std::collections::BTreeMap;

use crate::model::coverage::{Coverage, CoverageError, CoverageState};
use crate::model::ec2::EbsDefaults;
use crate::model::image::Image;
use crate::model::kind::{ListedIn, ResourceKind};
use crate::model::kms::Key;
use crate::model::place::{DeclarationFacts, Place};
use crate::model::service::Service;
use crate::model::snapshot::{
    DefaultFact, Region, SNAPSHOT_VERSION, Snapshot, Source, UNKNOWN_REGION,
};
use crate::model::tag::is_kept;
use crate::model::vpc::Network;
use crate::model::{Gap, GapKind, Listing, Observed};

/// What a plan or template does not contain: its file name and the settings of the run.
#[derive(Debug, Clone)]
pub struct Surroundings<'a> {
    /// Path of the file as given on the command line, with forward slashes.
    pub file: &'a str,
    /// Key of the backup tag.
    pub tag_key: &'a str,
    /// Region of resources for which the file names none.
    pub region: Option<&'a str>,
    /// Account that the file is for, where it was read.
    pub account: Option<&'a Snapshot>,
    /// Whether images and exports of that account are left out, to tell what the file says without them.
    pub without_lookups: bool,
    /// Account that stores the copies: no file is for it.
    pub central_account: &'a str,
    /// Time at which the file was read, RFC 3339 in UTC.
    pub read_at: &'a str,
}

impl<'a> Surroundings<'a> {
    /// Returns the number of the account that was read.
    #[must_use]
    pub fn account_id(&self) -> Option<&'a str> {
        self.account?.account_id.as_deref()
    }

    /// Whether images and exports are looked up in the account that was read.
    #[must_use]
    pub fn has_lookups(&self) -> bool {
        self.account.is_some() && !self.without_lookups
    }

    /// Returns a region of the account that was read, to look up what the file names in it; `None` without an account.
    ///
    /// # Errors
    /// Why the account has no such region.
    pub fn find_region(&self, name: &str) -> Option<Result<&'a Region, Gap>> {
        let account = self.account.filter(|_| !self.without_lookups)?;
        Some(match account.regions.get(name) {
            Some(region) if !region.disabled => Ok(region),
            _ if name == UNKNOWN_REGION => Err(unplanned(
                "the region is not known, so nothing is looked up in the account",
            )),
            _ => Err(unplanned(format!(
                "the snapshot of the account does not contain region {name}"
            ))),
        })
    }

    /// Returns an image of the account that was read; `None` without an account.
    ///
    /// # Errors
    /// Why the image is not known.
    pub fn find_image(&self, region: &str, id: &str) -> Option<Result<&'a Image, Gap>> {
        let region = match self.find_region(region)? {
            Ok(region) => region,
            Err(gap) => return Some(Err(gap)),
        };
        let found = region.images.find(|it| it.id == id);
        Some(match found {
            Ok(Some(image)) => match image.state.get() {
                Ok(state) if state == "available" => Ok(image),
                Ok(state) => Err(unplanned(format!(
                    "the image {id} is {state} in the account"
                ))),
                Err(gap) => Err(gap),
            },
            Ok(None) if self.account.is_some_and(|it| it.source == Source::Aws) => Err(unplanned(
                format!("the account has no image {id} in the region, or may not use it"),
            )),
            Ok(None) => Err(unplanned(format!(
                "{id} is not among the images that the account owns or uses; --account-from live looks it up"
            ))),
            Err(gap) => Err(explain_list(gap, "images")),
        })
    }

    /// Returns the value of an export of the account that was read; `None` without an account.
    ///
    /// # Errors
    /// Why the value is not known.
    pub fn find_export(&self, name: &str) -> Option<Result<&'a str, Gap>> {
        let region = match self.find_region(self.region.unwrap_or(UNKNOWN_REGION))? {
            Ok(region) => region,
            Err(gap) => return Some(Err(gap)),
        };
        let found = region.exports.find(|it| it.name == name);
        Some(match found {
            Ok(Some(export)) => export.value.as_deref().ok_or_else(|| {
                unplanned(format!(
                    "the snapshot of the account does not keep the value of the export {name}, which is no identifier"
                ))
            }),
            Ok(None) => Err(unplanned(format!("the account has no export {name}"))),
            Err(gap) => Err(explain_list(gap, "exports")),
        })
    }

    /// Whether a snapshot keeps a tag: rules use it, or a backup plan of the account selects by it.
    #[must_use]
    pub fn keeps_tag(&self, key: &str) -> bool {
        let selected = self.account.and_then(|it| it.selected_tags.as_ref());
        is_kept(key, self.tag_key) || selected.is_some_and(|keys| keys.contains(key))
    }
}

/// A snapshot under construction.
#[derive(Debug)]
pub struct Planned {
    snapshot: Snapshot,
    /// What is only partly known, by region and service.
    partial: BTreeMap<(String, Service), Vec<String>>,
}

/// Explains why a list of the account is missing: older versions do not collect it.
fn explain_list(gap: Gap, what: &str) -> Gap {
    match gap.kind {
        GapKind::NotCollected | GapKind::NotAsked => unplanned(format!(
            "the snapshot of the account has no {what}; collect the full account again"
        )),
        _ => gap,
    }
}

/// Returns the gap of a fact that is known only once the plan is applied.
pub fn after_apply(reason: impl Into<String>) -> Gap {
    Gap::new(GapKind::AfterApply, reason)
}

/// Returns the gap of a fact about something that is not in the file.
pub fn unplanned(reason: impl Into<String>) -> Gap {
    Gap::new(GapKind::Unplanned, reason)
}

/// Returns the placeholder ARN of a key that does not exist yet. It has the form of a key ARN, so rules
/// read region and account from it as from any other.
#[must_use]
pub fn key_arn(partition: &str, region: &str, account: Option<&str>, address: &str) -> String {
    let account = account.unwrap_or_default();
    format!("arn:{partition}:kms:{region}:{account}:key/{address}")
}

/// The most reasons that one list gives for what it lacks.
const MOST_REASONS: usize = 20;

/// Adds a reason why a list is incomplete to those that it has.
pub fn add_gap(listing: &mut Option<Gap>, gap: &Gap) {
    let Some(known) = listing else {
        *listing = Some(gap.clone());
        return;
    };
    let reasons = known.message.matches("; ").count() + 1;
    if !known.message.contains(&gap.message) && reasons < MOST_REASONS {
        known.message = format!("{}; {}", known.message, gap.message);
    }
    // What could not be read outweighs what the file does not contain.
    if gap.kind.is_read_failure() {
        known.kind = gap.kind;
    }
}

impl Planned {
    /// Returns an empty snapshot of a plan or template.
    #[must_use]
    pub fn new(source: Source, account_id: Option<String>, around: &Surroundings<'_>) -> Self {
        let outside = || unplanned("the file does not describe the account's organization");
        Planned {
            snapshot: Snapshot {
                snapshot_version: SNAPSHOT_VERSION,
                source,
                account_id,
                tag_key: around.tag_key.to_owned(),
                selected_tags: None,
                selection: Default::default(),
                started_at: around.read_at.to_owned(),
                finished_at: around.read_at.to_owned(),
                interrupted: false,
                stats: Default::default(),
                coverage: Vec::new(),
                enabled_regions: Listing::complete(Vec::new()),
                organization_id: Observed::Unknown(outside()),
                organization_path: None,
                backup_policy: Observed::Unknown(outside()),
                backup_roles: Default::default(),
                elsewhere: Default::default(),
                buckets: Listing::complete(Vec::new()),
                regions: Default::default(),
                keys: Default::default(),
                places: Default::default(),
                declarations: Default::default(),
                defaults: Default::default(),
                account_from: None,
                file_only: None,
                account_changes: Vec::new(),
            },
            partial: BTreeMap::new(),
        }
    }

    /// Notes something of a service that is only partly known, although no list lacks it.
    pub fn note_partial(&mut self, region: &str, service: Service, reason: String) {
        // The coverage has a row for each region that has something.
        self.region_mut(region);
        let key = (region.to_owned(), service);
        self.partial.entry(key).or_default().push(reason);
    }

    /// Notes that the list of a kind in a region lacks something, or of a kind that has no list.
    pub fn mark_incomplete(&mut self, region: &str, kind: ResourceKind, gap: &Gap) {
        let row = kind.facts();
        let here = self.region_mut(region);
        match (row.gap_in_mut(here), row.listed_in) {
            (Some(listed), _) => add_gap(listed, gap),
            (None, ListedIn::Buckets) => add_gap(&mut self.snapshot.buckets.gap, gap),
            (None, _) => {}
        }
    }

    /// Returns the snapshot built so far.
    pub fn snapshot_mut(&mut self) -> &mut Snapshot {
        &mut self.snapshot
    }

    /// Returns a region. A new region has no resources, and the settings of the account are unplanned in
    /// it.
    pub fn region_mut(&mut self, name: &str) -> &mut Region {
        let regions = &mut self.snapshot.regions;
        regions.entry(name.to_owned()).or_insert_with(empty_region)
    }

    /// Adds a key under its ARN or its placeholder ARN.
    pub fn add_key(&mut self, arn: impl Into<String>, key: Key) {
        self.snapshot.keys.insert(arn.into(), key);
    }

    /// Records that the file leaves a fact about a resource to a default of AWS.
    pub fn note_default(&mut self, arn: &str, fact: DefaultFact) {
        let defaults = &mut self.snapshot.defaults;
        defaults.entry(arn.to_owned()).or_default().insert(fact);
    }

    /// Records where a resource is declared.
    pub fn add_place(&mut self, arn: impl Into<String>, place: Place) {
        self.snapshot.places.insert(arn.into(), place);
    }

    /// Returns what fixes need to know about the declaration of a resource.
    pub fn declaration_mut(&mut self, arn: &str) -> &mut DeclarationFacts {
        let declarations = &mut self.snapshot.declarations;
        declarations.entry(arn.to_owned()).or_default()
    }

    /// Returns the finished snapshot, with one coverage row per region and service that has resources, or
    /// may have more than the file shows.
    #[must_use]
    pub fn finish(mut self) -> Snapshot {
        let names: Vec<String> = self.snapshot.regions.keys().cloned().collect();
        for incomplete in self.snapshot.incomplete_listings() {
            let Some(service) = incomplete.of else {
                continue;
            };
            let of_all = || names.iter().map(String::as_str).collect();
            let regions = incomplete.region.map_or_else(of_all, |region| vec![region]);
            for region in regions {
                let reasons = self
                    .partial
                    .entry((region.to_owned(), service))
                    .or_default();
                reasons.push(incomplete.gap.to_string());
            }
        }
        for name in &names {
            let mut counts = BTreeMap::new();
            for resource in self.snapshot.resources_in(name) {
                if let Some(service) = resource.kind().service() {
                    *counts.entry(service).or_insert(0) += 1;
                }
            }
            for (region, service) in self.partial.keys() {
                if region == name {
                    counts.entry(*service).or_insert(0);
                }
            }
            let rows = counts.into_iter().map(|(service, resources)| {
                let reasons = self.partial.get(&(name.clone(), service));
                Coverage {
                    region: name.clone(),
                    service: service.as_str().to_owned(),
                    state: match reasons {
                        None => CoverageState::Scanned,
                        Some(_) => CoverageState::Partial,
                    },
                    resources,
                    error: reasons.map(|reasons| CoverageError {
                        code: "NotInFile".to_owned(),
                        operation: String::new(),
                        message: reasons.join("; "),
                    }),
                }
            });
            self.snapshot.coverage.extend(rows.collect::<Vec<_>>());
        }
        self.snapshot.enabled_regions.items = names;
        self.snapshot
    }
}

/// Returns an empty list with a gap: the account may already have resources that are not in the file.
fn incomplete_listing<T>() -> Listing<T> {
    Listing {
        items: Vec::new(),
        gap: Some(unplanned(
            "the file does not list those that already exist in the account",
        )),
    }
}

fn empty_region() -> Region {
    let settings = |what: &str| unplanned(format!("{what}, a setting of the account"));
    let encryption = "the file does not define how new EBS volumes are encrypted";
    let mut region = Region {
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
            gaps: BTreeMap::new(),
        },
        option_groups: incomplete_listing(),
        backup_settings: Observed::Unknown(settings(
            "the file does not define the opt-in and management preferences of AWS Backup",
        )),
        backup_jobs: Listing::complete(Vec::new()),
        copy_jobs: Listing::complete(Vec::new()),
        vaults: incomplete_listing(),
        backup_plans: incomplete_listing(),
        ..Region::default()
    };
    for gap in region.listing_gaps_mut() {
        *gap = None;
    }
    region
}
