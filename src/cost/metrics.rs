//! Sizes that only Amazon CloudWatch has, which are read if they are asked for: each metric is billed.

use crate::model::snapshot::Snapshot;
use crate::model::{Observed, Resource, ResourceKind};

/// The size as which AWS Backup bills a smaller object, in bytes.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/metering-and-billing.html>.
const SMALLEST_OBJECT: u64 = 128 * 1024;

/// Whether CloudWatch has the size of a resource, and its own service does not.
#[must_use]
pub fn has_metric(resource: Resource<'_>) -> bool {
    matches!(
        resource.kind(),
        ResourceKind::S3Bucket
            | ResourceKind::AuroraCluster
            | ResourceKind::DocumentdbCluster
            | ResourceKind::NeptuneCluster
    )
}

/// Whether a snapshot lacks a size that CloudWatch has, because nobody asked for it.
#[must_use]
pub fn lacks_metrics(snapshot: &Snapshot) -> bool {
    let regions = snapshot.regions.keys();
    let mut resources = regions.flat_map(|region| snapshot.resources_in(region));
    resources.any(|it| has_metric(it) && it.size().is_some_and(Observed::is_not_collected))
}

/// Returns how many sizes CloudWatch did not return, although it was asked for them.
#[must_use]
pub fn count_unread_metrics(snapshot: &Snapshot) -> usize {
    let regions = snapshot.regions.keys();
    let resources = regions.flat_map(|region| snapshot.resources_in(region));
    let is_unread = |size: &Observed<_>| size.gap().is_some() && !size.is_not_collected();
    resources
        .filter(|it| has_metric(*it) && it.size().is_some_and(is_unread))
        .count()
}

/// Whether objects of a bucket of known size are billed as larger ones: on average, as far as their number is known.
pub(super) fn may_have_small_objects(resource: Resource<'_>) -> bool {
    let Resource::Bucket(bucket) = resource else {
        return false;
    };
    match (&bucket.size, &bucket.objects) {
        (Observed::Known(size), Observed::Known(objects)) => {
            size.bytes < objects.saturating_mul(SMALLEST_OBJECT)
        }
        (Observed::Known(_), Observed::Unknown(_)) => true,
        (Observed::Unknown(_), _) => false,
    }
}
