//! Backup and copy jobs as proof: their order and age, and the prerequisites that they are compared with.

use jiff::{SignedDuration, Timestamp};

use crate::model::Resource;
use crate::model::job::{BackupJob, CopyJob};
use crate::model::observed::{Gap, GapKind};

use super::outcome::{CheckResult, Outcome, Verdict};

/// How long AWS Backup lists jobs, in hours.
pub const HOURS_LISTED: i64 = 30 * 24;

/// Returns what a partial job leaves out: a stack consists of resources, and other composite backups of other parts.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_DescribeRecoveryPoint.html>.
#[must_use]
pub fn name_part(resource: Resource<'_>) -> &'static str {
    match resource {
        Resource::Stack(_) => "resource of the stack",
        _ => "part of it",
    }
}

/// The category of the message of a backup that is in the vault of its rule, and not in the logically air-gapped one.
const NOT_AIR_GAPPED: &str = "LOGICALLY_AIR_GAPPED_BACKUP_VAULT_NOT_SUPPORTED";

/// How long a copy job may run or wait to start, in hours. AWS Backup retries for two hours, and runs one
/// job at a time for a resource.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html>.
pub const COPY_HOURS: i64 = 24;

/// The verdicts of the rules that a copy depends on, for the resource whose jobs are checked.
///
/// A violation that AWS does not enforce does not prevent a copy and is not included.
#[derive(Debug, Clone, Default)]
pub struct Prerequisites(Vec<(&'static str, Verdict)>);

impl Prerequisites {
    /// Adds the verdict of a rule that a copy depends on, which was not added before.
    pub fn add(&mut self, rule: &'static str, verdict: Verdict) {
        self.0.push((rule, verdict));
    }

    /// Returns the verdict of a rule; none where it is not about the resource.
    #[must_use]
    pub fn verdict_of(&self, id: &str) -> Option<Verdict> {
        let found = self.0.iter().find(|(rule, _)| *rule == id);
        found.map(|(_, verdict)| *verdict)
    }

    /// Returns the rules that are violated, sorted.
    #[must_use]
    pub fn broken(&self) -> Vec<&'static str> {
        let broken = self.0.iter().filter(|(_, it)| *it == Verdict::Breach);
        let mut broken: Vec<&str> = broken.map(|(id, _)| *id).collect();
        broken.sort_unstable();
        broken
    }

    /// Whether all of them were checked and none is violated.
    #[must_use]
    pub fn all_met(&self) -> bool {
        let met =
            |it: &Verdict| !matches!(it, Verdict::Breach | Verdict::Unknown | Verdict::NotAsked);
        !self.0.is_empty() && self.0.iter().all(|(_, verdict)| met(verdict))
    }
}

/// The progress of a job. Of jobs with the same creation time the greatest counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It has not ended yet.
    UnderWay,
    /// It was stopped by a user.
    Stopped,
    /// It failed, or did not start or complete in its window.
    Failed,
    /// Some resources of a stack were not backed up.
    Partial,
    /// It completed.
    Completed,
}

impl Phase {
    fn of(state: &str) -> Result<Self, Gap> {
        Ok(match state {
            "CREATED" | "PENDING" | "RUNNING" => Phase::UnderWay,
            "ABORTING" | "ABORTED" => Phase::Stopped,
            "FAILED" | "EXPIRED" => Phase::Failed,
            "PARTIAL" => Phase::Partial,
            "COMPLETED" => Phase::Completed,
            _ => {
                let message = format!("AWS Backup returned the unknown job state {state:?}");
                return Err(Gap::new(GapKind::Unreadable, message));
            }
        })
    }
}

/// A backup or copy job with parsed times.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its state as AWS names it.
    pub state: &'a str,
    /// Its progress.
    pub phase: Phase,
    /// When it was created.
    pub created: Timestamp,
    /// When it ended, if AWS returns that; otherwise when it was created.
    pub ended: Timestamp,
    /// The destination vault of a copy.
    pub vault: Option<&'a str>,
    /// The id of the stack's job that it is part of.
    pub parent: Option<&'a str>,
    message: Option<&'a str>,
    category: Option<&'a str>,
}

impl<'a> Job<'a> {
    /// Reads a backup job.
    ///
    /// # Errors
    /// Its state is not known, or a time is not valid.
    pub fn of_backup(job: &'a BackupJob) -> Result<Self, Gap> {
        let created = moment(&job.created_at)?;
        Ok(Job {
            id: &job.id,
            state: &job.state,
            phase: Phase::of(&job.state)?,
            created,
            ended: job.completed_at.as_deref().map_or(Ok(created), moment)?,
            vault: None,
            parent: job.parent_job_id.as_deref(),
            message: job.message.as_deref(),
            category: job.message_category.as_deref(),
        })
    }

    /// Reads a copy job.
    ///
    /// # Errors
    /// Its state is not known, or a time is not valid.
    pub fn of_copy(job: &'a CopyJob) -> Result<Self, Gap> {
        let created = moment(&job.created_at)?;
        Ok(Job {
            id: &job.id,
            state: &job.state,
            phase: Phase::of(&job.state)?,
            created,
            ended: job.completed_at.as_deref().map_or(Ok(created), moment)?,
            vault: Some(&job.destination_vault_arn),
            parent: job.parent_job_id.as_deref(),
            message: job.message.as_deref(),
            category: job.message_category.as_deref(),
        })
    }

    /// Whether it failed or was stopped before the 30 days for which AWS Backup lists jobs, so it no longer counts.
    ///
    /// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html>.
    #[must_use]
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        matches!(self.phase, Phase::Failed | Phase::Stopped)
            && !within(now, self.created, HOURS_LISTED)
    }

    /// Returns the quoted status message, or that there is none.
    #[must_use]
    pub fn words(&self) -> String {
        match self.message {
            Some(message) => format!("\"{message}\""),
            None => "AWS Backup returned no reason".to_owned(),
        }
    }

    /// Returns the status message; empty where there is none.
    #[must_use]
    pub fn message(&self) -> &'a str {
        self.message.unwrap_or_default()
    }

    /// Whether it completed with issues, as the AWS console calls a message category other than `SUCCESS`. A backup that is
    /// not in the logically air-gapped vault that the plan names is complete: it is in the other vault of the plan.
    ///
    /// Sources: <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html>,
    /// <https://docs.aws.amazon.com/aws-backup/latest/devguide/lag-vault-primary-backup.html#lag-primary-backup-troubleshoot-unsupported-resource>.
    #[must_use]
    pub fn has_issues(&self) -> bool {
        match self.category {
            Some(category) => !["SUCCESS", NOT_AIR_GAPPED].contains(&category),
            None => self.message.is_some(),
        }
    }

    /// Adds the job's fields as evidence.
    #[must_use]
    pub fn evidence(&self, outcome: Outcome) -> Outcome {
        let mut outcome = outcome
            .with("job_id", self.id)
            .with("job_state", self.state)
            .with("job_created_at", self.created.to_string());
        for (name, value) in [
            ("status_message", self.message),
            ("destination_vault_arn", self.vault),
            ("parent_job_id", self.parent),
        ] {
            if let Some(value) = value {
                outcome = outcome.with(name, value);
            }
        }
        outcome
    }
}

/// The jobs of a resource that determine its state.
#[derive(Debug)]
pub struct History<'a> {
    /// The newest job.
    pub newest: Job<'a>,
    /// The newest job that has ended.
    pub ended: Option<Job<'a>>,
    /// The newest job that created a recovery point.
    pub made: Option<Job<'a>>,
}

impl<'a> History<'a> {
    /// Returns the newest job if it has not ended.
    #[must_use]
    pub fn under_way(&self) -> Option<Job<'a>> {
        (self.newest.phase == Phase::UnderWay).then_some(self.newest)
    }
}

/// Checks the jobs of a resource; `None` where there are none.
///
/// A resource may be backed up on its own and as part of its stack: "a nested resource is backed up
/// in the same way as an individual resource". Each is a backup of it, and if both run at once one of them
/// fails, so the better one counts. If the other is newer and failed, the message includes it.
///
/// Source: <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>.
pub fn judge<'a>(
    jobs: Vec<Job<'a>>,
    judge: impl Fn(&History<'a>) -> CheckResult,
) -> Option<CheckResult> {
    let (nested, own): (Vec<Job<'_>>, Vec<Job<'_>>) =
        jobs.into_iter().partition(|job| job.parent.is_some());
    [own, nested]
        .into_iter()
        .filter_map(history)
        .map(|history| (history.newest.created, judge(&history)))
        .reduce(better)
        .map(|(_, outcome)| outcome)
}

type Dated = (Timestamp, CheckResult);

fn better(one: Dated, other: Dated) -> Dated {
    let verdict = |it: &Dated| {
        it.1.as_ref()
            .map_or(Verdict::Unknown, |outcome| outcome.verdict)
    };
    let (better, worse) = if verdict(&other) < verdict(&one) {
        (other, one)
    } else {
        (one, other)
    };
    match (better, worse) {
        ((at, Ok(fine)), (failed_at, Ok(failed)))
            if failed.verdict == Verdict::Breach
                && fine.verdict != Verdict::Breach
                && failed_at > at =>
        {
            let told = format!("{}; however, {}", fine.message(), failed.message());
            (failed_at, Ok(failed.lightened(told)))
        }
        (better, _) => better,
    }
}

fn history(mut jobs: Vec<Job<'_>>) -> Option<History<'_>> {
    jobs.sort_by_key(|job| (job.created, job.phase));
    let newest = jobs.last().copied()?;
    let last = |fits: fn(Phase) -> bool| jobs.iter().rev().find(|job| fits(job.phase)).copied();
    Some(History {
        newest,
        ended: last(|phase| phase != Phase::UnderWay),
        made: last(|phase| matches!(phase, Phase::Completed | Phase::Partial)),
    })
}

/// Returns the oldest that the newest backup may be, in hours: twice the interval.
#[must_use]
pub fn limit(interval_hours: u32) -> u32 {
    interval_hours.saturating_mul(2)
}

/// Whether a time is at most so many hours ago.
#[must_use]
pub fn within(now: Timestamp, then: Timestamp, hours: i64) -> bool {
    now.duration_since(then) <= SignedDuration::from_hours(hours)
}

/// Returns the day of a time, in UTC. Messages have no hours, so that jobs of one night that failed for one
/// reason have one message.
#[must_use]
pub fn day(then: Timestamp) -> String {
    then.strftime("%F").to_string()
}

/// Returns how long ago a time was, for a message.
#[must_use]
pub fn ago(now: Timestamp, then: Timestamp) -> String {
    match now.duration_since(then).as_hours() {
        i64::MIN..=0 => "less than an hour ago".to_owned(),
        1 => "an hour ago".to_owned(),
        hours @ 2..=71 => format!("{hours} hours ago"),
        hours => format!("{} days ago", hours / 24),
    }
}

/// Parses a time of a snapshot.
///
/// # Errors
/// The text is not a time.
pub fn moment(text: &str) -> Result<Timestamp, Gap> {
    text.parse().map_err(|_| {
        let message = format!("the snapshot has {text:?} instead of an RFC 3339 time");
        Gap::new(GapKind::Unreadable, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_as_people_would() {
        let now = moment("2026-03-03T06:00:00Z").unwrap();
        for (then, told) in [
            ("2026-03-03T06:10:00Z", "less than an hour ago"),
            ("2026-03-03T05:10:00Z", "less than an hour ago"),
            ("2026-03-03T05:00:00Z", "an hour ago"),
            ("2026-03-03T01:00:00+01:00", "6 hours ago"),
            ("2026-02-28T06:00:01Z", "71 hours ago"),
            ("2026-02-28T06:00:00Z", "3 days ago"),
        ] {
            assert_eq!(ago(now, moment(then).unwrap()), told, "{then}");
        }
        assert_eq!(
            day(moment("2026-03-03T00:30:00+01:00").unwrap()),
            "2026-03-02"
        );
        assert!(moment("").is_err());
    }

    #[test]
    fn prerequisites_are_met_when_all_were_checked_and_none_is_violated() {
        let mut found = Prerequisites::default();
        assert!(!found.all_met(), "nothing was checked");
        found.add("s3-versioning-enabled", Verdict::Pass);
        assert!(found.all_met());
        found.add("kms-key-usable", Verdict::Unknown);
        assert!(!found.all_met() && found.broken().is_empty());
        found.add("kms-key-shared", Verdict::Breach);
        assert_eq!(found.broken(), ["kms-key-shared"]);
    }
}
