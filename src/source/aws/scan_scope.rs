//! What a scan reads: the full account, or only the data that a selection needs.

use std::collections::BTreeSet;

use crate::model::selection::{Selection, required_services};
use crate::model::service::Service;

/// The data that a scan reads.
#[derive(Debug, Clone, Default)]
pub struct ScanScope {
    /// The services whose resources are listed, for their own rules or for look-ups.
    listed_services: BTreeSet<Service>,
    /// The rows of the coverage.
    coverage_rows: Vec<Service>,
    /// EBS encryption by default.
    pub ebs_defaults: bool,
    /// The region settings of AWS Backup.
    pub backup_settings: bool,
    /// Backup jobs and copy jobs.
    pub jobs: bool,
    /// KMS keys, and what their policies can refer to: the organization and the backup role.
    pub keys: bool,
    /// Resources that are found only by their backup tag.
    pub tagged_resources: bool,
    /// Account-level data: vaults, the policies of the backup role, tagged resources in other regions.
    pub account: bool,
    /// Whether tagged resources are also looked up in the scanned regions, because not all services
    /// are listed there.
    pub tags_in_scanned_regions: bool,
}

impl ScanScope {
    /// Returns the data that is needed to evaluate a selection.
    #[must_use]
    pub fn of_selection(selection: &Selection) -> Self {
        let all = Service::ALL.into_iter();
        let coverage_rows: Vec<Service> = all.filter(|it| selection.requires(*it)).collect();
        let read = coverage_rows.iter().copied();
        // A service that was selected only for its settings lists no resources.
        let listed = read.filter(|it| {
            selection.includes_service(*it)
                || *it == Service::Vpc
                || is_needed_by_others(selection, *it)
        });
        let listed_services: BTreeSet<Service> = listed.collect();
        let any_selected = |fits: fn(Service) -> bool| {
            let mut all = Service::ALL.into_iter();
            all.any(|it| selection.includes_service(it) && fits(it))
        };
        let account = selection.includes_settings_of(Service::Backup);
        ScanScope {
            ebs_defaults: selection.includes_settings_of(Service::Ebs),
            backup_settings: any_selected(Service::has_opt_in),
            jobs: any_selected(Service::is_backed_up),
            keys: coverage_rows.contains(&Service::Kms),
            tagged_resources: selection.includes_service(Service::Backup)
                || selection.includes_service(Service::Cloudformation),
            account,
            tags_in_scanned_regions: account && !selection.is_everything(),
            listed_services,
            coverage_rows,
        }
    }

    /// Returns the services whose resources are listed.
    #[must_use]
    pub fn listed_services(&self) -> &BTreeSet<Service> {
        &self.listed_services
    }

    /// Whether the resources of a service are listed.
    #[must_use]
    pub fn lists_service(&self, service: Service) -> bool {
        self.listed_services.contains(&service)
    }

    /// Returns the names of the services that are read, as in the coverage.
    #[must_use]
    pub fn service_names(&self) -> Vec<&'static str> {
        self.coverage_rows.iter().map(|it| it.as_str()).collect()
    }

    /// Returns the service whose coverage row reports a denied `DescribeRegions`.
    #[must_use]
    pub fn region_list_service(&self) -> &'static str {
        let first = self.coverage_rows.iter().find(|it| it.is_backed_up());
        match self.coverage_rows.contains(&Service::Ec2) {
            true => Service::Ec2.as_str(),
            false => first.map_or(Service::Vpc.as_str(), |it| it.as_str()),
        }
    }

    /// Whether the source of the backup plan is read: the organization's backup policy, or else the
    /// backup plans of the account.
    #[must_use]
    pub fn backup_plans(&self) -> bool {
        self.jobs || self.account
    }
}

/// Whether the rules of a selected service look up resources of this service.
fn is_needed_by_others(selection: &Selection, service: Service) -> bool {
    let network = selection
        .settings_only
        .iter()
        .filter(|it| **it == Service::Vpc);
    let chosen = selection.selected_services();
    let mut all = chosen.iter().chain(network);
    all.any(|it| required_services(*it).contains(&service))
}
