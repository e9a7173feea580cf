//! How fast each operation may be called: half of what AWS documents, so that the scan never slows what
//! else runs in the account. Below these rates, the SDK adapts to throttling.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::operation::Operation;

/// The documented rate of some operations.
struct Quota {
    /// The operations: a name, or the start of names.
    prefix: &'static str,
    /// Whether the operations share the rate, instead of each having it.
    is_shared: bool,
    /// Calls per second.
    per_second: u32,
    /// Calls that may come at once.
    burst: u32,
}

const fn each(prefix: &'static str, per_second: u32, burst: u32) -> Quota {
    Quota {
        prefix,
        is_shared: false,
        per_second,
        burst,
    }
}

const fn shared(prefix: &'static str, per_second: u32) -> Quota {
    Quota {
        prefix,
        is_shared: true,
        per_second,
        burst: per_second,
    }
}

/// Quotas per account and region. All that apply to an operation count.
///
/// Sources, checked November 2026:
/// <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html> (calls with pagination),
/// <https://docs.aws.amazon.com/kms/latest/developerguide/requests-per-second.html>,
/// <https://docs.aws.amazon.com/general/latest/gr/bk.html>,
/// <https://docs.aws.amazon.com/general/latest/gr/arg.html>,
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html>,
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>.
const QUOTAS: [Quota; 11] = [
    each("ec2:Describe", 20, 100),
    each("ec2:Get", 20, 100),
    shared("kms:DescribeKey", 2_000),
    shared("kms:GetKeyPolicy", 1_000),
    shared("kms:ListAliases", 500),
    shared("backup:", 50),
    each("backup:List", 20, 20),
    each("backup:Get", 15, 15),
    shared("tag:GetResources", 15),
    each("organizations:List", 8, 12),
    shared("cloudwatch:GetMetricData", 50),
];

/// The rates of one account.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    // When the next call may start if calls were evenly spaced, by region and operation or prefix.
    next: Mutex<BTreeMap<(String, &'static str), Instant>>,
}

impl RateLimits {
    /// Waits until an operation may be called in a region.
    pub(super) async fn wait_for_turn(&self, region: &str, operation: Operation) {
        let now = Instant::now();
        let start = self.plan_start(region, operation, now);
        if start > now {
            sleep_until(start).await;
        }
    }

    /// Returns when an operation may be called in a region.
    fn plan_start(&self, region: &str, operation: Operation, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let quotas = QUOTAS.iter();
        let quotas = quotas.filter(|quota| operation.name.starts_with(quota.prefix));
        quotas.fold(now, |start, quota| {
            let name = match quota.is_shared {
                true => quota.prefix,
                false => operation.name,
            };
            let entry = next.entry((region.to_owned(), name)).or_insert(now);
            start.max(take_turn(entry, quota, now))
        })
    }
}

/// Returns when a call may start, and moves the start of the next one.
fn take_turn(next: &mut Instant, quota: &Quota, now: Instant) -> Instant {
    let interval = Duration::from_secs(2) / quota.per_second;
    // Half of the burst, less this call.
    let ahead = interval * (quota.burst / 2).saturating_sub(1);
    let planned = (*next).max(now);
    *next = planned + interval;
    planned.checked_sub(ahead).map_or(now, |it| it.max(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the milliseconds after which each of `count` calls that come at once may start.
    fn plan_starts(
        limits: &RateLimits,
        now: Instant,
        name: &'static str,
        count: usize,
    ) -> Vec<u128> {
        let operation = Operation::new(name);
        let starts = (0..count).map(|_| limits.plan_start("eu-west-1", operation, now));
        starts.map(|start| (start - now).as_millis()).collect()
    }

    #[test]
    fn calls_come_in_a_burst_and_then_at_half_the_documented_rate() {
        let (limits, now) = (RateLimits::default(), Instant::now());
        let starts = plan_starts(&limits, now, "ec2:DescribeVolumes", 70);
        assert_eq!(starts[..50], [0; 50]);
        assert_eq!(starts[50..53], [100, 200, 300]);
        assert_eq!(starts[69], 2_000);
        // Another operation of EC2 has another rate.
        assert_eq!(plan_starts(&limits, now, "ec2:DescribeVpcs", 1), [0]);
        let later = now + Duration::from_secs(60);
        assert_eq!(
            plan_starts(&limits, later, "ec2:DescribeVolumes", 50),
            [0; 50]
        );
    }

    #[test]
    fn operations_that_share_a_rate_wait_for_each_other() {
        let (limits, now) = (RateLimits::default(), Instant::now());
        assert_eq!(
            plan_starts(&limits, now, "backup:ListBackupVaults", 10),
            [0; 10]
        );
        assert_eq!(
            plan_starts(&limits, now, "backup:DescribeRegionSettings", 15),
            [0; 15]
        );
        assert_eq!(
            plan_starts(&limits, now, "backup:DescribeRegionSettings", 1),
            [40]
        );
    }

    #[test]
    fn regions_and_operations_without_a_quota_do_not_wait() {
        let (limits, now) = (RateLimits::default(), Instant::now());
        assert_eq!(
            plan_starts(&limits, now, "s3:GetBucketVersioning", 1_000),
            [0; 1_000]
        );
        for n in 0..100 {
            let operation = Operation::new("tag:GetResources");
            let start = limits.plan_start(&format!("region-{n}"), operation, now);
            assert_eq!(start, now);
        }
    }
}
