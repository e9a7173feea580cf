//! How the resources of one service are read: what the table of services holds.

use std::future::Future;
use std::pin::Pin;

use crate::model::region::Region;
use crate::model::selection::Target;
use crate::model::service::Service;

use super::key_requests::ListOrder;
use super::operation::Operation;
use super::reader::RegionReader;
use super::scan_scope::ScanScope;

/// Stores in a region what was read of it.
pub type Store = Box<dyn FnOnce(&mut Region) + Send>;

/// A reading of resources.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Store> + Send + 'a>>;

/// Returns what stores the result of a reading.
pub fn store(write: impl FnOnce(&mut Region) + Send + 'static) -> Store {
    Box::new(write)
}

/// Where the tags of the resources of a service come from, by the resource types of the Resource Groups
/// Tagging API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagSource {
    /// The service's own response.
    Own,
    /// The tagging API alone. The types are read in every region.
    Tagging(&'static [&'static str]),
    /// The service's own response, and the tagging API where it has none. The types are read in every
    /// region.
    OwnOrTagging(&'static [&'static str]),
    /// The tagging API alone. The types are read in regions that have such resources.
    TaggingIfAny(&'static [&'static str]),
}

/// How the resources of a service are read.
pub struct ServiceReader {
    /// The services that it reads.
    pub services: &'static [Service],
    /// The API operations that it uses.
    pub operations: &'static [Operation],
    /// Where tags come from.
    pub tags: TagSource,
    /// Whether each resource is looked up with a separate call, whereas a page of a list has many.
    pub finds_one_by_one: bool,
    /// When its lists begin.
    pub order: ListOrder,
    /// Lists all resources of a region.
    pub list: for<'a> fn(&'a RegionReader<'a>) -> Reading<'a>,
    /// Looks some resources of a region up.
    pub find: for<'a> fn(&'a RegionReader<'a>, &'a [Target]) -> Reading<'a>,
}

impl ServiceReader {
    /// Whether a scan lists one of its services.
    #[must_use]
    pub fn is_listed(&self, scope: &ScanScope) -> bool {
        self.services.iter().any(|it| scope.lists_service(*it))
    }

    /// Returns the resource types whose tags are read in every region.
    #[must_use]
    pub fn common_tag_types(&self) -> &'static [&'static str] {
        match self.tags {
            TagSource::Tagging(types) | TagSource::OwnOrTagging(types) => types,
            TagSource::Own | TagSource::TaggingIfAny(_) => &[],
        }
    }
}
