//! What a scan reads: the full account, or only the data that a selection needs.

use std::collections::BTreeSet;

use crate::model::fact::{Fact, Needs};
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
    /// KMS keys.
    pub keys: bool,
    /// The organization of the account, to which key policies refer.
    pub organization: bool,
    /// The backup role, to which key policies refer.
    pub roles: bool,
    /// The policies of the backup roles.
    pub role_policies: bool,
    /// Backup vaults.
    pub vaults: bool,
    /// Tagged resources in other regions.
    pub other_regions: bool,
    /// Where backups come from: the organization's backup policy and the backup plans of the account.
    pub backup_plans: bool,
    /// Option groups of DB instances.
    pub option_groups: bool,
    /// What is read of each bucket.
    pub buckets: BucketScope,
    /// Resources that are found only by their backup tag.
    pub tagged_resources: bool,
    /// The images that the account owns or uses.
    pub images: bool,
    /// The exports of its stacks.
    pub exports: bool,
    /// The aliases of its keys.
    pub key_aliases: bool,
    /// Whether tagged resources are also looked up in the scanned regions, because not all services
    /// are listed there.
    pub tags_in_scanned_regions: bool,
}

/// What is read of each bucket.
#[derive(Debug, Clone, Copy, Default)]
pub struct BucketScope {
    /// Versioning.
    pub versioning: bool,
    /// Default encryption.
    pub encryption: bool,
    /// Lifecycle rules.
    pub lifecycle: bool,
    /// EventBridge notifications.
    pub events: bool,
}

impl ScanScope {
    /// Returns the data that is needed to evaluate a selection with every rule.
    #[must_use]
    pub fn of_selection(selection: &Selection) -> Self {
        ScanScope::new(selection, &Needs::Everything)
    }

    /// Returns the data that is needed to evaluate a selection with rules that have some needs.
    #[must_use]
    pub fn new(selection: &Selection, needs: &Needs) -> Self {
        let all = Service::ALL.into_iter();
        let coverage_rows: Vec<Service> = all.filter(|it| selection.requires(*it)).collect();
        let read = coverage_rows.iter().copied();
        // A service that was selected only for its settings lists no resources.
        let listed = read.filter(|it| {
            selection.includes_service(*it)
                || *it == Service::Vpc
                || is_needed_by_others(selection, *it)
        });
        let needed = listed.filter(|it| needs.includes_resources(*it));
        let mut listed_services: BTreeSet<Service> = needed.collect();
        // A volume is looked up with its instance.
        if !selection.resources.is_empty() && listed_services.contains(&Service::Ebs) {
            listed_services.insert(Service::Ec2);
        }
        let any_selected = |fits: fn(Service) -> bool| {
            let mut all = Service::ALL.into_iter();
            all.any(|it| selection.includes_service(it) && fits(it))
        };
        let account = selection.includes_settings_of(Service::Backup);
        let backups = any_selected(Service::is_backed_up);
        let keys = coverage_rows.contains(&Service::Kms);
        let tagged = selection.includes_service(Service::Backup)
            || selection.includes_service(Service::Cloudformation);
        // A scan of everything lists what is tagged in its regions.
        let is_partial = account && !selection.is_everything();
        ScanScope {
            ebs_defaults: selection.includes_settings_of(Service::Ebs)
                && needs.includes(Fact::EbsDefaults),
            backup_settings: any_selected(Service::has_opt_in)
                && needs.includes(Fact::BackupSettings),
            jobs: backups && needs.includes(Fact::Jobs),
            keys: keys && needs.includes(Fact::Keys),
            organization: keys && needs.includes(Fact::Organization),
            roles: keys && needs.includes(Fact::Roles),
            role_policies: account && needs.includes(Fact::RolePolicies),
            vaults: account && needs.includes(Fact::Vaults),
            other_regions: account && needs.includes(Fact::OtherRegions),
            backup_plans: (backups || account) && needs.includes(Fact::Plans),
            option_groups: needs.includes(Fact::OptionGroups),
            buckets: BucketScope {
                versioning: needs.includes(Fact::BucketVersioning),
                encryption: needs.includes(Fact::BucketEncryption),
                lifecycle: needs.includes(Fact::BucketLifecycle),
                events: needs.includes(Fact::BucketEvents),
            },
            images: selection.is_everything() && needs.includes(Fact::Images),
            exports: selection.is_everything() && needs.includes(Fact::Exports),
            key_aliases: selection.is_everything() && needs.includes(Fact::KeyAliases),
            tagged_resources: tagged && needs.includes(Fact::TaggedResources),
            tags_in_scanned_regions: is_partial && needs.includes(Fact::TagsInScannedRegions),
            coverage_rows: select_rows(coverage_rows, &listed_services, needs),
            listed_services,
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
}

/// Returns the rows of the coverage in which something is read.
fn select_rows(mut rows: Vec<Service>, listed: &BTreeSet<Service>, needs: &Needs) -> Vec<Service> {
    rows.retain(|service| match service {
        Service::Kms => needs.includes(Fact::Keys),
        Service::Ebs => listed.contains(service) || needs.includes(Fact::EbsDefaults),
        Service::Backup => true,
        listable => listed.contains(listable),
    });
    rows
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
