//! How fast each operation may be called: half of what AWS documents, so that the scan never slows what
//! else runs in the account. A throttled call halves that rate, and calls that succeed raise it again. The SDK's
//! adaptive mode does the same without the quotas: it falls to half a call per second and takes a minute to recover.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::operation::Operation;

/// The documented rate of some operations.
#[derive(Debug)]
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

/// The rate of operations that no quota names: AWS publishes none, so it only bounds what a throttled call halves.
const UNPUBLISHED: Quota = each("", 1_000, 1_000);

/// The slowest rate after throttling, in calls per second.
const SLOWEST: f64 = 1.0;
/// Successful calls that make up for one throttled call.
const REGAIN: f64 = 20.0;

/// The rates of one account.
#[derive(Debug, Default)]
pub(super) struct RateLimits {
    // By region and operation or prefix.
    buckets: Mutex<BTreeMap<(String, &'static str), Arc<Bucket>>>,
}

impl RateLimits {
    /// Waits until an operation may be called in a region.
    pub(super) async fn wait_for_turn(&self, region: &str, operation: Operation) -> Turn {
        let buckets = self.find_buckets(region, operation);
        for bucket in &buckets {
            bucket.wait().await;
        }
        Turn {
            buckets,
            start: Cell::new(Instant::now()),
        }
    }

    /// Returns the buckets of an operation, in the order of the quotas.
    fn find_buckets(&self, region: &str, operation: Operation) -> Vec<Arc<Bucket>> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let mut find_bucket = |quota: &'static Quota| {
            let name = match quota.is_shared {
                true => quota.prefix,
                false => operation.name,
            };
            let bucket = buckets.entry((region.to_owned(), name));
            Arc::clone(bucket.or_insert_with(|| Arc::new(Bucket::new(quota, Instant::now()))))
        };
        let quotas = QUOTAS.iter();
        let quotas = quotas.filter(|quota| operation.name.starts_with(quota.prefix));
        let published: Vec<Arc<Bucket>> = quotas.map(&mut find_bucket).collect();
        match published.is_empty() {
            true => vec![find_bucket(&UNPUBLISHED)],
            false => published,
        }
    }
}

/// A call that may start. Its result sets the rate of those after it.
#[derive(Debug)]
pub(super) struct Turn {
    buckets: Vec<Arc<Bucket>>,
    // When its last attempt started.
    start: Cell<Instant>,
}

impl Turn {
    /// Takes another turn for a retry, which the SDK delays itself.
    pub(super) fn count_retry(&self) {
        let now = Instant::now();
        self.start.set(now);
        for bucket in &self.buckets {
            bucket.lock_pace().take_turn(now);
        }
    }

    /// Halves the rates, once for the calls that were in progress together.
    pub(super) fn slow_down(&self) {
        for bucket in &self.buckets {
            bucket
                .lock_pace()
                .slow_down(self.start.get(), Instant::now());
        }
    }

    /// Raises the rates that were halved.
    pub(super) fn speed_up(&self) {
        for bucket in &self.buckets {
            bucket.lock_pace().speed_up(Instant::now());
        }
    }
}

/// The rate of operations in a region, and the calls that wait for it.
#[derive(Debug)]
struct Bucket {
    // Only the first in the queue has a planned start, so a rate that changes holds for all others.
    queue: tokio::sync::Mutex<()>,
    pace: Mutex<Pace>,
}

impl Bucket {
    fn new(quota: &'static Quota, now: Instant) -> Self {
        Bucket {
            queue: tokio::sync::Mutex::new(()),
            pace: Mutex::new(Pace {
                quota,
                next: now,
                share: 1.0,
                slowed: now,
            }),
        }
    }

    fn lock_pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait(&self) {
        let _first = self.queue.lock().await;
        let now = Instant::now();
        let start = self.lock_pace().take_turn(now);
        if start > now {
            sleep_until(start).await;
        }
    }
}

/// How fast calls may start.
#[derive(Debug)]
struct Pace {
    quota: &'static Quota,
    // When the next call may start if calls were evenly spaced.
    next: Instant,
    // The share of half the documented rate that is used: less than 1 after throttling.
    share: f64,
    // When the rate was halved last.
    slowed: Instant,
}

impl Pace {
    /// Returns half the documented rate, in calls per second.
    fn full_rate(&self) -> f64 {
        f64::from(self.quota.per_second) / 2.0
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / (self.full_rate() * self.share))
    }

    /// Returns how far ahead of evenly spaced calls a call may start: half of the burst, less this call.
    fn lead(&self) -> Duration {
        match self.share < 1.0 {
            // AWS has no burst left.
            true => Duration::ZERO,
            false => self.interval() * (self.quota.burst / 2).saturating_sub(1),
        }
    }

    /// Returns when a call may start, and moves the start of the next one.
    fn take_turn(&mut self, now: Instant) -> Instant {
        let planned = self.next.max(now);
        self.next = planned + self.interval();
        let start = planned.checked_sub(self.lead());
        start.map_or(now, |it| it.max(now))
    }

    /// Halves the rate because of a throttled call, unless it was halved after that call started.
    fn slow_down(&mut self, start: Instant, now: Instant) {
        if self.share < 1.0 && start < self.slowed {
            return;
        }
        let slowest = (SLOWEST / self.full_rate()).min(1.0);
        self.share = (self.share / 2.0).max(slowest);
        self.slowed = now;
        self.next = now + self.interval();
    }

    /// Raises the rate because of a call that succeeded.
    fn speed_up(&mut self, now: Instant) {
        if self.share < 1.0 {
            self.share = (self.share + 0.5 / REGAIN).min(1.0);
            // The next burst comes after a pause.
            self.next = self.next.max(now + self.lead());
        }
    }
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
        let buckets = limits.find_buckets("eu-west-1", Operation::new(name));
        let start = |_| {
            let starts = buckets.iter().map(|it| it.lock_pace().take_turn(now));
            (starts.max().unwrap() - now).as_millis()
        };
        (0..count).map(start).collect()
    }

    /// Returns the seconds that calls take one after the other, and how many are throttled.
    fn call_one_by_one(
        quota: &'static Quota,
        count: u32,
        mut is_throttled: impl FnMut(f64) -> bool,
    ) -> (f64, u32) {
        let first = Instant::now();
        let (mut now, mut throttled, mut done) = (first, 0, 0);
        let mut pace = Bucket::new(quota, first).pace.into_inner().unwrap();
        while done < count {
            now = pace.take_turn(now);
            let start = now;
            now += Duration::from_millis(1);
            match is_throttled((now - first).as_secs_f64()) {
                true => {
                    throttled += 1;
                    pace.slow_down(start, now);
                }
                false => {
                    done += 1;
                    pace.speed_up(now);
                }
            }
        }
        ((now - first).as_secs_f64(), throttled)
    }

    #[test]
    fn a_rate_that_others_use_up_is_found() {
        // What is left is a fifth of the rate of the scan: 2 of 20 calls per second, and no burst.
        let quota = &QUOTAS[0];
        let (mut tokens, mut last) = (1.0, 0.0);
        let (seconds, throttled) = call_one_by_one(quota, 200, |now| {
            tokens = f64::min(tokens + (now - last) * 2.0, 1.0);
            last = now;
            let is_throttled = tokens < 1.0;
            tokens -= f64::from(u8::from(!is_throttled));
            is_throttled
        });
        // The service allows them in 100 seconds.
        assert!(seconds < 160.0, "{seconds}");
        assert!(throttled < 60, "{throttled}");
    }

    #[test]
    fn throttling_now_and_then_slows_a_scan_by_little() {
        let mut calls = 0;
        let (seconds, throttled) = call_one_by_one(&UNPUBLISHED, 1_900, |_| {
            calls += 1;
            calls % 20 == 0
        });
        assert_eq!(throttled, 99);
        // At half the rate throughout, they would take 7.6 seconds.
        assert!(seconds < 7.6, "{seconds}");
    }

    #[test]
    fn throttled_calls_that_were_in_progress_together_halve_the_rate_once() {
        let (limits, now) = (RateLimits::default(), Instant::now());
        let buckets = limits.find_buckets("eu-west-1", Operation::new("ec2:DescribeVolumes"));
        for milliseconds in 1..=10 {
            let later = now + Duration::from_millis(milliseconds);
            buckets[0].lock_pace().slow_down(now, later);
        }
        let later = now + Duration::from_millis(11);
        let starts = plan_starts(&limits, later, "ec2:DescribeVolumes", 3);
        assert_eq!(starts, [190, 390, 590]);
        buckets[0].lock_pace().slow_down(later, later);
        let starts = plan_starts(&limits, later, "ec2:DescribeVolumes", 3);
        assert_eq!(starts, [400, 800, 1_200]);
        // Never slower than one call per second.
        for _ in 0..10 {
            buckets[0].lock_pace().slow_down(later, later);
        }
        let starts = plan_starts(&limits, later, "ec2:DescribeVolumes", 2);
        assert_eq!(starts, [1_000, 2_000]);
        assert_eq!(plan_starts(&limits, later, "ec2:DescribeVpcs", 50), [0; 50]);
    }

    #[test]
    fn a_rate_that_recovered_has_no_burst_at_first() {
        let (limits, now) = (RateLimits::default(), Instant::now());
        let buckets = limits.find_buckets("eu-west-1", Operation::new("ec2:DescribeVolumes"));
        buckets[0].lock_pace().slow_down(now, now);
        for _ in 0..20 {
            buckets[0].lock_pace().speed_up(now);
        }
        let starts = plan_starts(&limits, now, "ec2:DescribeVolumes", 3);
        assert_eq!(starts, [0, 100, 200]);
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
    fn regions_do_not_wait_for_each_other() {
        let (limits, now) = (RateLimits::default(), Instant::now());
        for n in 0..100 {
            let region = format!("region-{n}");
            let buckets = limits.find_buckets(&region, Operation::new("tag:GetResources"));
            assert_eq!(buckets[0].lock_pace().take_turn(now), now);
        }
        assert_eq!(
            plan_starts(&limits, now, "s3:GetBucketVersioning", 500),
            [0; 500]
        );
    }
}
