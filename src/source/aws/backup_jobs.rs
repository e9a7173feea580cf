//! Jobs of AWS Backup: which backups and copies were made, and what came of them.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_backup::primitives::{DateTime, DateTimeFormat};
use aws_sdk_backup::types;
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};

use crate::model::arn::Arn;
use crate::model::job::{BackupJob, CopyJob};
use crate::model::observed::{Gap, Listing};

use super::call::{Caller, Operation};
use super::error::shortened;
use super::scan_scope::joined;
use super::session::Session;

const LIST_BACKUP_JOBS: Operation = Operation::new("backup:ListBackupJobs");
const LIST_COPY_JOBS: Operation = Operation::new("backup:ListCopyJobs");

/// What reading jobs takes.
pub const OPERATIONS: &[Operation] = &[LIST_BACKUP_JOBS, LIST_COPY_JOBS];

/// The largest page: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html>.
const PAGE: i32 = 1000;

/// How far back jobs are read. AWS keeps backup jobs for so long, and "never backed up" is only true
/// of all that there is; copies follow backups, so no older copy job matters. For how long AWS keeps
/// copy jobs is not documented.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html>.
const WINDOW: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The jobs of some resources of a region.
pub async fn some(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    now: Timestamp,
    arns: &[String],
) -> (Listing<BackupJob>, Listing<CopyJob>) {
    let read = arns
        .iter()
        .map(|arn| jobs(session, caller, region, now, Some(arn)));
    let (backups, copies): (Vec<_>, Vec<_>) = join_all(read).await.into_iter().unzip();
    (joined(backups), joined(copies))
}

/// The jobs of a region that rules can ask for. An account may have a hundred thousand a month, so what
/// a newer one replaces is dropped while the list is read.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    now: Timestamp,
) -> (Listing<BackupJob>, Listing<CopyJob>) {
    jobs(session, caller, region, now, None).await
}

async fn jobs(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
    now: Timestamp,
    resource: Option<&String>,
) -> (Listing<BackupJob>, Listing<CopyJob>) {
    let scope = caller.scope(region, "backup");
    let client = session.backup(region);
    let since = DateTime::from_secs((now - WINDOW).as_second());
    let backups = async {
        let mut kept = Newest::default();
        let mut oldest = Newest::default();
        let pages = client
            .list_backup_jobs()
            .set_by_resource_arn(resource.cloned())
            .by_created_after(since)
            .max_results(PAGE)
            .into_paginator()
            .send();
        let gap = scope
            .each(
                LIST_BACKUP_JOBS,
                pages,
                |page| Some(page.backup_jobs?.into_iter().map(backup_job).collect()),
                |(created, job): (DateTime, BackupJob)| {
                    let nested = job.parent_job_id.is_some();
                    if job.state == "COMPLETED" {
                        let place = (job.resource_arn.clone(), nested);
                        oldest.offer(place, (-created.secs(), 0), job.clone());
                    }
                    let place = (job.resource_arn.clone(), job.state.clone(), nested);
                    kept.offer(place, moment(created), job);
                },
            )
            .await;
        let mut items = kept.into_items();
        let known: BTreeSet<String> = items.iter().map(|job| job.id.clone()).collect();
        items.extend(
            oldest
                .into_items()
                .into_iter()
                .filter(|job| !known.contains(&job.id)),
        );
        sorted(items, gap, |job| {
            (
                job.resource_arn.clone(),
                job.created_at.clone(),
                job.id.clone(),
            )
        })
    };
    let copies = async {
        let mut kept = Newest::default();
        let pages = client
            .list_copy_jobs()
            .set_by_resource_arn(resource.cloned())
            .by_created_after(since)
            .max_results(PAGE)
            .into_paginator()
            .send();
        let gap = scope
            .each(
                LIST_COPY_JOBS,
                pages,
                |page| Some(page.copy_jobs?.into_iter().map(copy_job).collect()),
                |(created, job): (DateTime, CopyJob)| {
                    let account = Arn::parse(&job.destination_vault_arn)
                        .map_or(String::new(), |vault| vault.account.to_owned());
                    let nested = job.parent_job_id.is_some();
                    let place = (job.resource_arn.clone(), account, job.state.clone(), nested);
                    kept.offer(place, moment(created), job);
                },
            )
            .await;
        sorted(kept.into_items(), gap, |job| {
            (
                job.resource_arn.clone(),
                job.created_at.clone(),
                job.id.clone(),
            )
        })
    };
    tokio::join!(backups, copies)
}

/// One job for each place: the one with the highest rank.
struct Newest<P, J>(BTreeMap<P, ((i64, u32), J)>);

impl<P, J> Default for Newest<P, J> {
    fn default() -> Self {
        Newest(BTreeMap::new())
    }
}

impl<P: Ord, J> Newest<P, J> {
    fn offer(&mut self, place: P, rank: (i64, u32), job: J) {
        match self.0.entry(place) {
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

fn sorted<J, K: Ord>(mut items: Vec<J>, gap: Option<Gap>, key: impl Fn(&J) -> K) -> Listing<J> {
    items.sort_by_cached_key(key);
    Listing { items, gap }
}

fn moment(time: DateTime) -> (i64, u32) {
    (time.secs(), time.subsec_nanos())
}

/// RFC 3339 in UTC, to the second.
fn text(time: DateTime) -> Option<String> {
    DateTime::from_secs(time.secs())
        .fmt(DateTimeFormat::DateTime)
        .ok()
}

// A job of which the answer does not say what it is about, how it stands or when it was created may
// be the newest of any resource: none here is a gap in the list.
fn backup_job(job: types::BackupJob) -> Option<(DateTime, BackupJob)> {
    let created = job.creation_date?;
    let job = BackupJob {
        id: job.backup_job_id?,
        resource_arn: job.resource_arn?,
        state: job.state?.as_str().to_owned(),
        message: said(job.status_message),
        message_category: job.message_category,
        created_at: text(created)?,
        completed_at: job.completion_date.and_then(text),
        parent_job_id: job.parent_job_id,
    };
    Some((created, job))
}

fn copy_job(job: types::CopyJob) -> Option<(DateTime, CopyJob)> {
    let created = job.creation_date?;
    let job = CopyJob {
        id: job.copy_job_id?,
        resource_arn: job.resource_arn?,
        state: job.state?.as_str().to_owned(),
        message: said(job.status_message),
        message_category: job.message_category,
        created_at: text(created)?,
        completed_at: job.completion_date.and_then(text),
        destination_vault_arn: job.destination_backup_vault_arn?,
        parent_job_id: job.parent_job_id,
    };
    Some((created, job))
}

fn said(message: Option<String>) -> Option<String> {
    message
        .map(|message| shortened(&message))
        .filter(|message| !message.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_job_replaces_an_older_one_in_whatever_order_they_come() {
        let days = [3, 1, 4, 2];
        let mut newest = Newest::default();
        for day in days {
            newest.offer("vol", (day, 0), day);
            newest.offer("other", (-day, 0), day);
        }
        newest.offer("vol", (4, 0), 9);
        assert_eq!(newest.into_items(), [1, 4]);
    }
}
