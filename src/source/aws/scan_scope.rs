//! What a scan asks AWS for: everything, or what it takes to judge a selection. From here come the
//! calls that are made, and the permissions that `iam-policy` prints.

use std::collections::BTreeSet;

use crate::model::observed::{Gap, Listing, Observed};
use crate::model::selection::Selection;
use crate::model::service::Service;

use super::call::Operation;
use super::{
    backup, backup_jobs, cloudformation, dynamodb, ec2, efs, iam, kms, organizations, rds,
    redshift, s3, storage_gateway, tagging, vpc,
};

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Reads {
    /// The services whose resources are listed, for themselves or for look-ups.
    lists: BTreeSet<Service>,
    /// The rows of the coverage.
    rows: Vec<Service>,
    /// Encryption of new volumes.
    pub ebs_defaults: bool,
    /// AWS Backup's settings of the region.
    pub settings: bool,
    /// Jobs, and what says how often there should be one: the organization's policy, or plans.
    pub jobs: bool,
    /// Keys, and what their policies may name: the organization, and the backup role.
    pub keys: bool,
    /// What is tagged and has no list of its own.
    pub beyond: bool,
    /// Vaults, all of the backup role, what is tagged in other regions.
    pub account: bool,
    /// What is tagged in the scanned regions too, as not everything there is listed.
    pub by_tag: bool,
}

impl Reads {
    /// What it takes to judge a selection.
    #[must_use]
    pub fn of(selection: &Selection) -> Self {
        let all = Service::ALL.into_iter();
        let rows: Vec<Service> = all.filter(|it| selection.requires(*it)).collect();
        let listed = rows.iter().copied();
        // Named for its settings alone, a service lists nothing.
        let listed = listed.filter(|it| {
            selection.includes_service(*it) || *it == Service::Vpc || needed(selection, *it)
        });
        let lists: BTreeSet<Service> = listed.collect();
        let judged = |fits: fn(Service) -> bool| {
            let mut all = Service::ALL.into_iter();
            all.any(|it| selection.includes_service(it) && fits(it))
        };
        let account = selection.includes_settings_of(Service::Backup);
        Reads {
            ebs_defaults: selection.includes_settings_of(Service::Ebs),
            settings: judged(Service::has_opt_in),
            jobs: judged(Service::is_backed_up),
            keys: rows.contains(&Service::Kms),
            beyond: selection.includes_service(Service::Backup)
                || selection.includes_service(Service::Cloudformation),
            account,
            by_tag: account && !selection.is_everything(),
            lists,
            rows,
        }
    }

    /// Whether the resources of a service are listed.
    #[must_use]
    pub fn lists(&self, service: Service) -> bool {
        self.lists.contains(&service)
    }

    /// The services that are asked, by the names that the coverage gives them.
    #[must_use]
    pub fn rows(&self) -> Vec<&'static str> {
        self.rows.iter().map(|it| it.as_str()).collect()
    }

    /// The service that tells that the list of regions was denied.
    #[must_use]
    pub fn row_of_regions(&self) -> &'static str {
        let first = self.rows.iter().find(|it| it.is_backed_up());
        match self.rows.contains(&Service::Ec2) {
            true => Service::Ec2.as_str(),
            false => first.map_or(Service::Vpc.as_str(), |it| it.as_str()),
        }
    }

    /// The services whose resources have no tags in their own answers, and are listed.
    #[must_use]
    pub fn untold(&self) -> Vec<Service> {
        let services = [
            Service::S3,
            Service::Dynamodb,
            Service::Rds,
            Service::Storagegateway,
            Service::Redshift,
        ];
        let mut services = services.to_vec();
        services.retain(|it| self.lists(*it));
        services
    }

    /// Whether what backs the account up is read: the organization's policy, or else plans.
    #[must_use]
    pub fn protection(&self) -> bool {
        self.jobs || self.account
    }

    /// All operations that may be sent, beside the list of the regions.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let mut parts: Vec<&[Operation]> = vec![ec2::REGION_OPERATIONS];
        parts.extend(self.lists.iter().map(|service| match service {
            Service::Cloudformation => cloudformation::OPERATIONS,
            Service::Dynamodb => dynamodb::OPERATIONS,
            Service::Ebs => ec2::VOLUME_OPERATIONS,
            Service::Ec2 => ec2::INSTANCE_OPERATIONS,
            Service::Efs => efs::OPERATIONS,
            Service::Rds => rds::OPERATIONS,
            Service::Redshift => redshift::OPERATIONS,
            Service::S3 => s3::OPERATIONS,
            Service::Storagegateway => storage_gateway::OPERATIONS,
            Service::Vpc => vpc::OPERATIONS,
            Service::Backup | Service::Kms => &[],
        }));
        for (asked, operations) in [
            (self.ebs_defaults, ec2::DEFAULTS_OPERATIONS),
            (self.settings, backup::SETTINGS_OPERATIONS),
            (self.jobs, backup_jobs::OPERATIONS),
            (self.keys, kms::OPERATIONS),
            (self.keys, organizations::ID_OPERATIONS),
            (self.keys, iam::ROLE_OPERATIONS),
            (self.protection(), organizations::POLICY_OPERATIONS),
            (self.protection(), backup::PLAN_OPERATIONS),
            (self.account, backup::VAULT_OPERATIONS),
            (self.account, iam::OPERATIONS),
            (
                self.account || self.beyond || !self.untold().is_empty(),
                tagging::OPERATIONS,
            ),
        ] {
            if asked {
                parts.push(operations);
            }
        }
        parts.concat()
    }
}

fn needed(selection: &Selection, service: Service) -> bool {
    let beside = selection
        .settings_only
        .iter()
        .filter(|it| **it == Service::Vpc);
    let chosen = selection.selected_services();
    let mut all = chosen.iter().chain(beside);
    all.any(|it| it.required_services().contains(&service))
}

/// What stands for something that was not asked for.
pub trait NotAsked {
    /// It.
    fn not_asked() -> Self;
}

impl<T> NotAsked for Listing<T> {
    fn not_asked() -> Self {
        Listing {
            items: Vec::new(),
            gap: Some(Gap::not_asked()),
        }
    }
}

impl<T> NotAsked for Observed<T> {
    fn not_asked() -> Self {
        Observed::Unknown(Gap::not_asked())
    }
}

impl<A: NotAsked, B: NotAsked> NotAsked for (A, B) {
    fn not_asked() -> Self {
        (A::not_asked(), B::not_asked())
    }
}

/// Reads something, where it is asked for.
pub async fn asked<T: NotAsked>(is_asked: bool, read: impl Future<Output = T>) -> T {
    if is_asked { read.await } else { T::not_asked() }
}

/// Several lists as one.
pub fn joined<T>(lists: impl IntoIterator<Item = Listing<T>>) -> Listing<T> {
    let mut joined = Listing::complete(Vec::new());
    for list in lists {
        joined.items.extend(list.items);
        joined.gap = joined.gap.or(list.gap);
    }
    joined
}
