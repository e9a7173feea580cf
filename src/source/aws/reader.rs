//! What the readers of an account and of its regions share.

use std::sync::Arc;

use jiff::Timestamp;

use crate::model::Resource;
use crate::model::service::Service;
use crate::model::snapshot::GLOBAL;

use super::call::{Caller, ServiceCalls};
use super::key_requests::KeyRequests;
use super::operation::SHARED;
use super::scan_scope::ScanScope;
use super::session::Session;

/// Reads data of the account that belongs to no region.
#[derive(Debug, Clone, Copy)]
pub struct AccountReader<'a> {
    /// Credentials and clients.
    pub session: &'a Session,
    /// Sends the calls.
    pub caller: &'a Arc<Caller>,
    /// What the scan reads.
    pub scope: &'a ScanScope,
    /// The key of the backup tag.
    pub tag_key: &'a str,
    /// The start of the scan.
    pub now: Timestamp,
    /// The keys that lists named so far.
    pub keys: &'a KeyRequests,
}

impl<'a> AccountReader<'a> {
    /// Returns the reader of a region. Its scope may be smaller than the account's.
    #[must_use]
    pub fn in_region(&self, region: &'a str, scope: &'a ScanScope) -> RegionReader<'a> {
        RegionReader {
            session: self.session,
            caller: self.caller,
            scope,
            tag_key: self.tag_key,
            now: self.now,
            keys: self.keys,
            region,
        }
    }

    /// Begins calls of a global service that are reported under AWS Backup.
    #[must_use]
    pub fn begin_global(&self) -> ServiceCalls {
        self.caller.begin_service(GLOBAL, "backup")
    }

    /// Begins calls in the home region that serve several services.
    #[must_use]
    pub fn begin_shared(&self) -> ServiceCalls {
        self.caller.begin_service(&self.session.home, SHARED)
    }
}

/// Reads the resources of a region.
#[derive(Debug, Clone, Copy)]
pub struct RegionReader<'a> {
    /// Credentials and clients.
    pub session: &'a Session,
    /// Sends the calls.
    pub caller: &'a Arc<Caller>,
    /// What the scan reads in this region.
    pub scope: &'a ScanScope,
    /// The key of the backup tag.
    pub tag_key: &'a str,
    /// The start of the scan.
    pub now: Timestamp,
    /// The keys that lists named so far.
    pub keys: &'a KeyRequests,
    /// The region.
    pub region: &'a str,
}

impl RegionReader<'_> {
    /// Begins calls of a service in the region.
    #[must_use]
    pub fn begin_service(&self, service: &'static str) -> ServiceCalls {
        self.caller.begin_service(self.region, service)
    }

    /// Begins calls in the region that read several services at once, as far as the scan lists them.
    #[must_use]
    pub fn begin_services(&self, services: &[Service]) -> ServiceCalls {
        let listed = services.iter().filter(|it| self.scope.lists_service(**it));
        let names = listed.map(|it| it.as_str()).collect();
        self.caller.begin_services(self.region, names)
    }

    /// Asks for the keys of resources that were just listed.
    pub fn request_keys<'r>(&self, resources: impl Iterator<Item = Resource<'r>>) {
        let keys = resources.filter_map(|it| it.kms_key()?.known()?.as_deref());
        self.keys.request(self.region, keys);
    }

    /// Returns the ARN of a resource of this account in the region.
    #[must_use]
    pub fn build_arn(&self, service: &str, resource: &str) -> String {
        self.session.build_arn(service, self.region, resource)
    }
}
