use jiff::Timestamp;

use crate::analysis::job_errors;
use crate::analysis::job_errors::Work;
use crate::analysis::job_history;
use crate::analysis::job_history::{
    HOURS_LISTED, History, Job, Phase, Prerequisites, ago, day, limit, name_part, within,
};
use crate::analysis::proof::{Proof, ProofBasis, check_both_ways};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::fact::Fact;
use crate::model::job::BackupJob;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The newest backup of a resource tagged `backup=enabled` succeeded and is recent. Its age is at
    /// most twice the interval of the plan, or 48 hours if no plan can be read. If only some of the plans can
    /// be read, a backup that is older than two hours and not too old for these plans is unknown.
    ///
    /// Only jobs of a plan that selects the resource count, into a vault that the plan names. Automatic
    /// backups of EFS, other plans and backups on demand are not proof of the plan. Of several rules, the
    /// one that runs most often sets the interval.
    ///
    /// A resource without such a backup job in the last 30 days is a warning. It was probably tagged
    /// recently. If it was tagged within a day, check again tomorrow. A resource that is backed up as
    /// part of its CloudFormation stack passes.
    ///
    /// ## Why it matters
    ///
    /// The tag alone does not prove that a backup exists. The backup job shows whether AWS Backup
    /// selected the resource and whether the backup worked. AWS keeps backup jobs for 30 days.
    ///
    /// ## Fix
    ///
    /// Read the message of the job. If the cause is known, the finding names the rule that explains it.
    /// If there is no job a day after tagging, check the tag and the opt-in of the service.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListBackupJobs.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/creating-a-backup.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-dashboards.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>
    RULE = Rule {
        id: "backup-recent",
        group: Group::Proof,
        owner: Owner::Member,
        title: "The newest backup succeeded and is recent",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Proof(check_backups),
        reads: &[Fact::Jobs, Fact::Plans],
    }
}

fn check_backups(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    basis: &ProofBasis<'_>,
) -> CheckResult {
    let ProofBasis {
        prerequisites: found,
        sources,
    } = basis;
    let Some((arn, _)) = resource.arn_and_id() else {
        return Ok(Outcome::skip("has no backups"));
    };
    if resource.is_never_selected()? {
        return Ok(Outcome::skip("not backed up itself"));
    }
    let listed = cx.backup_jobs(arn)?;
    let now = cx.now();
    let is_forgotten = |job: &&&BackupJob| match (&now, Job::of_backup(job)) {
        (Ok(now), Ok(job)) => job.is_forgotten(*now),
        _ => false,
    };
    let forgotten = listed.iter().filter(is_forgotten).count();
    let proofs: Vec<(&BackupJob, Proof)> = listed
        .iter()
        .map(|job| (*job, sources.check_backup(job)))
        .collect();
    let open = proofs.iter().find_map(|(_, proof)| match proof {
        Proof::Open(gap) => Some(gap),
        _ => None,
    });
    let interval = &sources.expected.interval;
    let check = |with_open: bool, hours: u32| {
        let counts = |proof: &Proof| match proof {
            Proof::Yes => true,
            Proof::No => false,
            Proof::Open(_) => with_open,
        };
        let jobs = proofs.iter().filter(|(_, proof)| counts(proof));
        let jobs = jobs.map(|(job, _)| Job::of_backup(job));
        let mut jobs = jobs.collect::<Result<Vec<_>, _>>()?;
        // Without a time every failure counts.
        if let Ok(now) = now {
            jobs.retain(|job| !job.is_forgotten(now));
        }
        check_jobs(cx, resource, jobs, hours, listed.len() == forgotten, found)
    };
    check_both_ways(open, |with_open| {
        check_both_ways(interval.gap.as_ref(), |is_longest| {
            let hours = match is_longest {
                true => interval.longest,
                false => interval.shortest,
            };
            check(with_open, hours)
        })
    })
}

/// Checks the jobs that are proof, with the interval of the plans in hours.
fn check_jobs(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    jobs: Vec<Job<'_>>,
    interval: u32,
    is_without_jobs: bool,
    found: &Prerequisites,
) -> CheckResult {
    job_history::judge(jobs, |history| {
        check_history(cx, resource, history, limit(interval), found)
    })
    .unwrap_or_else(|| {
        let other = match is_without_jobs {
            true => "no backup job",
            false => "no backup job of a plan that selects it, only of others or on demand,",
        };
        // A plan that runs once a month may have no run in the time that AWS Backup lists.
        if i64::from(interval) > HOURS_LISTED && interval != u32::MAX {
            return Ok(Outcome::warn(format!(
                "no backup yet: {other} in the last 30 days, but its plan runs only every {} days: check again after its next run",
                interval / 24
            )));
        }
        Ok(Outcome::warn(format!(
            "no backup yet: {other} in the last 30 days; if it was tagged within a day, check again tomorrow"
        ))
        .fix(format!(
            "If it was tagged more than a day ago, ask {} why the backup plan does not select it.",
            cx.settings.contact
        )))
    })
}

fn check_history(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    history: &History<'_>,
    hours: u32,
    found: &Prerequisites,
) -> CheckResult {
    let now = cx.now()?;
    let is_recent = |job: &Job<'_>| within(now, job.ended, i64::from(hours));
    let recent = history.made.filter(is_recent);
    let another = history.under_way().map_or(String::new(), |job| {
        format!("; another job is {} since {}", job.state, day(job.created))
    });
    let Some(ended) = history.ended else {
        return Ok(check_first_job(&history.newest, now, hours));
    };
    let seen = |what: &str| format!("the backup job of {} {what}", day(ended.created));
    let outcome = match ended.phase {
        Phase::Failed if history.under_way().is_some() && recent.is_some() => Outcome::warn(format!(
            "{}: {}{another}",
            seen(&format!("is {}", ended.state)),
            ended.words()
        )),
        Phase::Failed => job_errors::breach(
            cx,
            resource,
            Work::Backup,
            &ended,
            format!(
                "{}: {}{another}",
                seen(&format!("is {}", ended.state)),
                ended.words()
            ),
            found,
        ),
        Phase::Stopped => match recent {
            Some(job) => Outcome::warn(format!(
                "{}; the previous one completed on {}{another}",
                seen("was stopped"),
                day(job.ended)
            )),
            None => Outcome::breach(format!(
                "{}, and none has completed in the last {} hours{another}",
                seen("was stopped"),
                i64::from(hours).min(HOURS_LISTED)
            ))
            .fix("Let the next backup job finish."),
        },
        Phase::UnderWay | Phase::Partial | Phase::Completed if recent.is_none() => {
            Outcome::breach(format!(
                "the newest backup completed on {}, more than {hours} hours ago{another}",
                day(ended.ended)
            ))
            .fix(format!(
                "Check the backup tag and the AWS Backup opt-in of the service. If both are correct, ask {} why the backup plan does not select it.",
                cx.settings.contact
            ))
        }
        Phase::Partial => Outcome::warn(format!(
            "{}: not every {} was backed up: {}{another}",
            seen("is PARTIAL"),
            name_part(resource),
            ended.words()
        )),
        _ if ended.has_issues() => Outcome::warn(format!(
            "{}: {}{another}",
            seen("completed with issues"),
            ended.words()
        )),
        _ => Outcome::pass(format!(
            "backed up on {}, {}{another}",
            day(ended.ended),
            ago(now, ended.ended)
        )),
    };
    Ok(ended.evidence(outcome))
}

/// Checks the first backup job, which has not ended yet.
fn check_first_job(job: &Job<'_>, now: Timestamp, hours: u32) -> Outcome {
    let seen = format!(
        "its first backup is {} since {}, {}",
        job.state,
        day(job.created),
        ago(now, job.created)
    );
    let outcome = if within(now, job.created, i64::from(hours)) {
        Outcome::warn(format!("{seen}: check again when it has finished"))
    } else {
        Outcome::breach(format!("{seen}: not completed after more than {hours} hours")).fix(
            "Wait for the job: the first backup of a very large file system can take up to a week. Otherwise stop the job so that the next one starts.",
        )
    };
    job.evidence(outcome)
}
