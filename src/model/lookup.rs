//! Looks resources up in a snapshot: those of a region, those of a selection, one by its ARN.

use thiserror::Error;

use super::arn::Arn;
use super::kind::ResourceKind;
use super::observed::{GapKind, Listing, Observed};
use super::region::Region;
use super::resource::Resource;
use super::selection::{Selection, Target};
use super::service::Service;
use super::snapshot::{GLOBAL, IncompleteListing, Snapshot};
use super::tag::BackupTag;

/// Why a snapshot does not contain a resource that was selected.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LookupError {
    /// It belongs to another account.
    #[error("{arn} belongs to account {theirs}, not to account {ours}")]
    OtherAccount {
        /// The ARN of the resource.
        arn: String,
        /// Its account.
        theirs: String,
        /// The account that was read.
        ours: String,
    },
    /// It was not found.
    #[error("{arn} does not exist in account {account}; check its id and its region")]
    NotFound {
        /// The ARN of the resource.
        arn: String,
        /// The account that was read.
        account: String,
    },
    /// It is checked as part of its cluster.
    #[error("{arn} is a member of the DB cluster {cluster}; select the cluster")]
    Member {
        /// The ARN of the resource.
        arn: String,
        /// The identifier of its cluster.
        cluster: String,
    },
    /// It is being deleted.
    #[error("{arn} is being deleted")]
    BeingDeleted {
        /// The ARN of the resource.
        arn: String,
    },
    /// It is found by its tag alone, and has none.
    #[error(
        "{arn} does not exist or is not tagged {tag_key}=enabled; resources of its type are found by that tag"
    )]
    NotTagged {
        /// The ARN of the resource.
        arn: String,
        /// The key of the backup tag.
        tag_key: String,
    },
}

impl Selection {
    /// Whether a resource is selected. Each rule decides for regions and accounts.
    #[must_use]
    pub fn includes(&self, resource: Resource<'_>) -> bool {
        if self.is_everything() {
            return true;
        }
        let service = resource.kind().service();
        match (service, resource.arn_and_id()) {
            (None, _) => true,
            (Some(Service::Vpc), _) => self.includes_settings_of(Service::Vpc),
            (_, Some((arn, _))) if !self.resources.is_empty() => self.resources.contains(arn),
            (Some(service), _) => self.services.contains(&service),
        }
    }
}

impl Region {
    /// Returns the resources of the region and then its VPCs, without those that are being deleted.
    /// Buckets are not among them: see [`Snapshot::resources_in`].
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.all_resources()
            .filter(|resource| !resource.is_being_deleted())
    }

    /// Returns the same resources and those that are being deleted.
    pub fn all_resources(&self) -> impl Iterator<Item = Resource<'_>> {
        let is_member =
            |it: &Resource<'_>| matches!(it, Resource::DbInstance(it) if it.is_member());
        self.listed_resources()
            .filter(move |it| !is_member(it))
            .chain(self.network.vpcs.items.iter().map(Resource::Vpc))
    }
}

impl Snapshot {
    /// Returns the resources of one region: its buckets, its other resources and its VPCs, but not the
    /// region itself.
    pub fn resources_in<'a>(&'a self, region: &'a str) -> impl Iterator<Item = Resource<'a>> {
        let is_here = move |name: &String| name == region;
        let buckets = self.buckets.items.iter();
        let buckets = buckets.filter(move |bucket| bucket.region.known().is_some_and(is_here));
        let others = self.regions.get(region).into_iter();
        buckets
            .map(Resource::Bucket)
            .chain(others.flat_map(Region::resources))
    }

    /// Checks that a selected resource is in the snapshot, or may be in a list that is incomplete.
    ///
    /// # Errors
    /// Why it is not there.
    pub fn check_contains(&self, arn: &str) -> Result<(), LookupError> {
        let account = self.account_id.clone().unwrap_or_default();
        let (Some(parsed), Ok(target)) = (Arn::parse(arn), Target::parse(arn)) else {
            let arn = arn.to_owned();
            return Err(LookupError::NotFound { arn, account });
        };
        if !parsed.account.is_empty() && parsed.account != account {
            return Err(LookupError::OtherAccount {
                arn: arn.to_owned(),
                theirs: parsed.account.to_owned(),
                ours: account,
            });
        }
        let region = self.regions.get(parsed.region);
        let mut buckets = self.buckets.items.iter();
        let mut resources = region.into_iter().flat_map(Region::all_resources);
        let is_it = |resource: &Resource<'_>| resource.arn_and_id().is_some_and(|it| it.0 == arn);
        match resources.find(is_it) {
            Some(resource) if resource.is_being_deleted() => {
                let arn = arn.to_owned();
                return Err(LookupError::BeingDeleted { arn });
            }
            Some(_) => return Ok(()),
            None if buckets.any(|bucket| bucket.arn == arn) => return Ok(()),
            None => {}
        }
        let mut databases = region.into_iter().flat_map(|it| &it.db_instances.items);
        let member = databases.find(|database| database.arn == arn && database.is_member());
        if let Some(cluster) = member.and_then(|database| database.cluster.clone()) {
            let arn = arn.to_owned();
            return Err(LookupError::Member { arn, cluster });
        }
        let gaps = match region {
            _ if target.kind == ResourceKind::S3Bucket => self.buckets.gap.iter().collect(),
            None => Vec::new(),
            Some(region) => region.listing_gaps_of(target.service()),
        };
        if gaps.iter().any(|gap| gap.kind != GapKind::NotAsked) {
            return Ok(());
        }
        let (arn, tag_key) = (arn.to_owned(), self.tag_key.clone());
        Err(match target.kind.facts().is_found_by_tag() {
            true => LookupError::NotTagged { arn, tag_key },
            false => LookupError::NotFound { arn, account },
        })
    }

    /// Removes all regions but some. Of a removed region the ARNs of resources tagged `enabled` are
    /// kept, as if it had not been scanned.
    pub fn restrict_to_regions(&mut self, regions: &[String]) {
        let is_kept = |name: &String| regions.contains(name);
        let removed = self.regions.iter();
        let removed = removed.filter(|(name, region)| !is_kept(name) && !region.disabled);
        let elsewhere: Vec<(String, Listing<String>)> = removed
            .map(|(name, _)| {
                let by_tag = self.elsewhere.get(name).cloned();
                let enabled = by_tag.unwrap_or_else(|| self.list_enabled_in(name));
                (name.clone(), enabled)
            })
            .collect();
        self.coverage.retain(|row| {
            is_kept(&row.region) || row.region == GLOBAL || self.elsewhere.contains_key(&row.region)
        });
        self.elsewhere.extend(elsewhere);
        self.regions.retain(|name, _| is_kept(name));
        let buckets = &mut self.buckets.items;
        buckets.retain(|bucket| bucket.region.known().is_none_or(is_kept));
    }

    /// Returns the ARNs of the resources of a scanned region that are tagged `enabled`.
    fn list_enabled_in(&self, region: &str) -> Listing<String> {
        let mut listing = Listing::complete(Vec::new());
        let is_here = |it: &IncompleteListing<'_>| {
            it.region == Some(region) || (it.region.is_none() && it.service == "s3")
        };
        let mut incomplete = self.incomplete_listings().into_iter().filter(is_here);
        listing.gap = incomplete.next().map(|it| it.gap.clone());
        let seen = self.regions.get(region).into_iter();
        let mut gaps = seen.flat_map(Region::listing_gaps).chain(&self.buckets.gap);
        if let Some(gap) = gaps.find(|gap| gap.kind == GapKind::NotAsked) {
            listing.gap.get_or_insert_with(|| gap.clone());
        }
        let resources = self.resources_in(region);
        for resource in resources.filter(|it| it.kind().has_backups()) {
            match (resource.tags(), resource.arn_and_id()) {
                (Some(Observed::Unknown(gap)), _) => {
                    listing.gap.get_or_insert_with(|| gap.clone());
                }
                (Some(tags), Some((arn, _)))
                    if BackupTag::from_tags(tags, &self.tag_key) == BackupTag::Enabled =>
                {
                    listing.items.push(arn.to_owned());
                }
                _ => {}
            }
        }
        listing.items.sort_unstable();
        listing
    }
}
