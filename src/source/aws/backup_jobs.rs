//! Backup jobs and copy jobs of AWS Backup.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_backup::operation::list_backup_jobs::ListBackupJobsOutput;
use aws_sdk_backup::operation::list_copy_jobs::ListCopyJobsOutput;
use aws_sdk_backup::primitives::{DateTime, DateTimeFormat};
use aws_sdk_backup::types;
use futures_util::future::join_all;
use jiff::SignedDuration;

use crate::model::arn::Arn;
use crate::model::job::{BackupJob, CopyJob, JobOrigin};
use crate::model::observed::{Listing, Observed};

use super::error::shorten_message;
use super::listing::join_listings;
use super::operation::{Operation, ResponseText};
use super::reader::RegionReader;

const LIST_BACKUP_JOBS: Operation = Operation::new("backup:ListBackupJobs");
const LIST_COPY_JOBS: Operation = Operation::new("backup:ListCopyJobs");

/// API operations used to read jobs.
pub const OPERATIONS: &[Operation] = &[LIST_BACKUP_JOBS, LIST_COPY_JOBS];

/// The largest page: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html>.
const PAGE: i32 = 1000;

/// How far back jobs are read. AWS keeps backup jobs for 30 days, and only the complete history can show
/// that a resource was never backed up. Copies follow backups, so older copy jobs are not needed. AWS
/// does not document how long it keeps copy jobs.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html>.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The backup jobs and copy jobs of a region.
type Jobs = (Listing<BackupJob>, Listing<CopyJob>);

/// Reads the jobs of some resources of a region.
pub async fn find_jobs(reader: &RegionReader<'_>, arns: &[String]) -> Jobs {
    let read = arns.iter().map(|arn| read_jobs(reader, Some(arn)));
    let (backups, copies): (Vec<_>, Vec<_>) = join_all(read).await.into_iter().unzip();
    (join_listings(backups), join_listings(copies))
}

/// Reads the jobs of a region that rules need. An account can have a hundred thousand jobs a month, so
/// older jobs that a newer one supersedes are dropped while the list is read.
pub async fn list_jobs(reader: &RegionReader<'_>) -> Jobs {
    read_jobs(reader, None).await
}

async fn read_jobs(reader: &RegionReader<'_>, resource: Option<&String>) -> Jobs {
    tokio::join!(
        read_backup_jobs(reader, resource),
        read_copy_jobs(reader, resource)
    )
}

fn window_start(reader: &RegionReader<'_>) -> DateTime {
    DateTime::from_secs((reader.now - WINDOW).as_second())
}

/// Reads the newest backup job of each resource, plan and state, and the oldest completed job of each
/// resource and plan.
async fn read_backup_jobs(
    reader: &RegionReader<'_>,
    resource: Option<&String>,
) -> Listing<BackupJob> {
    let calls = reader.begin_service("backup");
    let pages = reader
        .session
        .clients
        .backup(reader.region)
        .list_backup_jobs()
        .set_by_resource_arn(resource.cloned())
        .by_created_after(window_start(reader))
        .max_results(PAGE)
        .into_paginator()
        .send();
    let mut newest = HighestRanked::default();
    let mut oldest = HighestRanked::default();
    let visit = |(created, job): (DateTime, BackupJob)| {
        let nested = job.parent_job_id.is_some();
        let origin = (job.vault.known().cloned(), plan_id(&job.created_by));
        if job.state == "COMPLETED" {
            let slot = (job.resource_arn.clone(), origin.clone(), nested);
            oldest.offer(slot, (-created.secs(), 0), job.clone());
        }
        let slot = (job.resource_arn.clone(), origin, job.state.clone(), nested);
        newest.offer(slot, age_rank(created), job);
    };
    let items = |page: ListBackupJobsOutput| {
        Some(page.backup_jobs?.into_iter().map(backup_job_from).collect())
    };
    let gap = calls
        .visit_items(LIST_BACKUP_JOBS, pages, items, visit)
        .await;
    let mut jobs = newest.into_items();
    let kept: BTreeSet<String> = jobs.iter().map(|job| job.id.clone()).collect();
    let mut oldest = oldest.into_items();
    oldest.retain(|job| !kept.contains(&job.id));
    jobs.extend(oldest);
    jobs.sort_by_cached_key(|job| {
        (
            job.resource_arn.clone(),
            job.created_at.clone(),
            job.id.clone(),
        )
    });
    Listing { items: jobs, gap }
}

/// Reads the newest copy job of each resource, plan, destination account and state.
async fn read_copy_jobs(reader: &RegionReader<'_>, resource: Option<&String>) -> Listing<CopyJob> {
    let calls = reader.begin_service("backup");
    let pages = reader
        .session
        .clients
        .backup(reader.region)
        .list_copy_jobs()
        .set_by_resource_arn(resource.cloned())
        .by_created_after(window_start(reader))
        .max_results(PAGE)
        .into_paginator()
        .send();
    let mut newest = HighestRanked::default();
    let visit = |(created, job): (DateTime, CopyJob)| {
        let account = Arn::parse(&job.destination_vault_arn)
            .map_or(String::new(), |vault| vault.account.to_owned());
        let nested = job.parent_job_id.is_some();
        let source = job.source_vault_arn.known().cloned();
        let origin = (source, plan_id(&job.created_by));
        let slot = (
            job.resource_arn.clone(),
            origin,
            account,
            job.state.clone(),
            nested,
        );
        newest.offer(slot, age_rank(created), job);
    };
    let items =
        |page: ListCopyJobsOutput| Some(page.copy_jobs?.into_iter().map(copy_job_from).collect());
    let gap = calls.visit_items(LIST_COPY_JOBS, pages, items, visit).await;
    let mut jobs = newest.into_items();
    jobs.sort_by_cached_key(|job| {
        (
            job.resource_arn.clone(),
            job.created_at.clone(),
            job.id.clone(),
        )
    });
    Listing { items: jobs, gap }
}

/// A rank: seconds and nanoseconds.
type Rank = (i64, u32);

/// Keeps one job per slot: the one with the highest rank.
struct HighestRanked<S, J>(BTreeMap<S, (Rank, J)>);

impl<S, J> Default for HighestRanked<S, J> {
    fn default() -> Self {
        HighestRanked(BTreeMap::new())
    }
}

impl<S: Ord, J> HighestRanked<S, J> {
    fn offer(&mut self, slot: S, rank: Rank, job: J) {
        match self.0.entry(slot) {
            Entry::Vacant(empty) => {
                empty.insert((rank, job));
            }
            Entry::Occupied(mut held) if held.get().0 < rank => {
                held.insert((rank, job));
            }
            Entry::Occupied(_) => {}
        }
    }

    fn into_items(self) -> Vec<J> {
        self.0.into_values().map(|(_, job)| job).collect()
    }
}

fn age_rank(time: DateTime) -> Rank {
    (time.secs(), time.subsec_nanos())
}

/// Formats a time as RFC 3339 in UTC, to the second.
fn format_time(time: DateTime) -> Option<String> {
    DateTime::from_secs(time.secs())
        .fmt(DateTimeFormat::DateTime)
        .ok()
}

// A job without its resource, state or creation time could be the newest of any resource: `None` leaves
// a gap in the listing.
fn backup_job_from(job: types::BackupJob) -> Option<(DateTime, BackupJob)> {
    let created = job.creation_date?;
    let job = BackupJob {
        id: job.backup_job_id.filled()?,
        resource_arn: job.resource_arn.filled()?,
        state: job.state?.as_str().to_owned().filled()?,
        message: clean_message(job.status_message),
        message_category: job.message_category.filled(),
        created_at: format_time(created)?,
        completed_at: job.completion_date.and_then(format_time),
        parent_job_id: job.parent_job_id.filled(),
        vault: LIST_BACKUP_JOBS.require_text(job.backup_vault_name, "BackupVaultName"),
        created_by: Observed::Known(job.created_by.and_then(origin_from)),
    };
    Some((created, job))
}

/// Returns the plan that started a job; `None` for a job on demand.
fn origin_from(creator: types::RecoveryPointCreator) -> Option<JobOrigin> {
    let of_arn = creator.backup_plan_arn.as_deref();
    let of_arn = of_arn.and_then(|arn| Some(arn.split_once(":backup-plan:")?.1.to_owned()));
    let origin = JobOrigin {
        plan_id: creator.backup_plan_id.filled().or(of_arn.filled()),
        plan_name: creator.backup_plan_name.filled(),
        rule_name: creator.backup_rule_name.filled(),
    };
    (origin != JobOrigin::default()).then_some(origin)
}

fn plan_id(created_by: &Observed<Option<JobOrigin>>) -> Option<String> {
    created_by.known()?.as_ref()?.plan_id.clone()
}

fn copy_job_from(job: types::CopyJob) -> Option<(DateTime, CopyJob)> {
    let created = job.creation_date?;
    let job = CopyJob {
        id: job.copy_job_id.filled()?,
        resource_arn: job.resource_arn.filled()?,
        state: job.state?.as_str().to_owned().filled()?,
        message: clean_message(job.status_message),
        message_category: job.message_category.filled(),
        created_at: format_time(created)?,
        completed_at: job.completion_date.and_then(format_time),
        destination_vault_arn: job.destination_backup_vault_arn.filled()?,
        parent_job_id: job.parent_job_id.filled(),
        source_vault_arn: LIST_COPY_JOBS
            .require_text(job.source_backup_vault_arn, "SourceBackupVaultArn"),
        created_by: Observed::Known(job.created_by.and_then(origin_from)),
    };
    Some((created, job))
}

fn clean_message(message: Option<String>) -> Option<String> {
    message
        .map(|message| shorten_message(&message))
        .filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_job_replaces_an_older_one_in_any_order() {
        let days = [3, 1, 4, 2];
        let mut newest = HighestRanked::default();
        for day in days {
            newest.offer("vol", (day, 0), day);
            newest.offer("other", (-day, 0), day);
        }
        newest.offer("vol", (4, 0), 9);
        assert_eq!(newest.into_items(), [1, 4]);
    }
}
