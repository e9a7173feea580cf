use jiff::Timestamp;

use crate::analysis::backup_plans::interval_hours;
use crate::analysis::job_errors;
use crate::analysis::job_errors::Work;
use crate::analysis::job_history;
use crate::analysis::job_history::{History, Job, Phase, Prerequisites, ago, day, limit, within};
use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The newest backup of a resource that is tagged for it succeeded, and is not older than twice
    /// the interval of the plan, or than 48 hours where the plan cannot be read.
    ///
    /// The tag alone backs nothing up: the job shows whether it was seen, and whether the backup
    /// worked. AWS keeps backup jobs for 30 days. A resource without one was most likely tagged since
    /// the last backup hour, which is a warning; if it was tagged within a day, look again tomorrow.
    /// A resource that is backed up as part of its CloudFormation stack counts as backed up.
    ///
    /// ## Fix
    ///
    /// Read the job's message: where this tool knows it, the finding names the rule that explains it.
    /// Where there is no job at all a day after tagging, check the tag and whether AWS Backup is
    /// opted in for the service.
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
        check: Check::Proof(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>, found: &Prerequisites) -> CheckResult {
    let Some((arn, _)) = resource.arn_and_id() else {
        return Ok(Outcome::skip("is never backed up"));
    };
    let jobs = cx.backup_jobs(arn)?.iter().copied().map(Job::of_backup);
    let jobs = jobs.collect::<Result<Vec<_>, _>>()?;
    job_history::judge(jobs, |history| judge(cx, resource, history, found)).unwrap_or_else(|| {
        Ok(Outcome::warn(
            "no backup yet: AWS Backup had no job for it in the last 30 days; if it was tagged within a day, look again tomorrow",
        )
        .fix(format!(
            "Where it was tagged longer ago: ask {} why the backup plan leaves it out.",
            cx.settings.contact
        )))
    })
}

fn judge(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    history: &History<'_>,
    found: &Prerequisites,
) -> CheckResult {
    let now = cx.now()?;
    let hours = limit(interval_hours(cx, resource));
    let is_recent = |job: &Job<'_>| within(now, job.ended, i64::from(hours));
    let recent = history.made.filter(is_recent);
    let another = history.under_way().map_or(String::new(), |job| {
        format!("; another job is {} since {}", job.state, day(job.created))
    });
    let Some(ended) = history.ended else {
        return Ok(first(&history.newest, now, hours));
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
                "{}; the one before completed on {}{another}",
                seen("was stopped by somebody"),
                day(job.ended)
            )),
            None => Outcome::breach(format!(
                "{}, and none has completed in the last {hours} hours{another}",
                seen("was stopped by somebody")
            ))
            .fix("Let the next backup run to its end."),
        },
        Phase::UnderWay | Phase::Partial | Phase::Completed if recent.is_none() => {
            Outcome::breach(format!(
                "the newest backup completed on {}, more than {hours} hours ago{another}",
                day(ended.ended)
            ))
            .fix(format!(
                "Check that the tag is still what it should be and that AWS Backup is opted in for the service; else ask {} why the backup plan leaves it out.",
                cx.settings.contact
            ))
        }
        Phase::Partial => Outcome::warn(format!(
            "{}: not every resource of the stack was backed up, {}{another}",
            seen("is PARTIAL"),
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

/// Nothing has ended yet.
fn first(job: &Job<'_>, now: Timestamp, hours: u32) -> Outcome {
    let seen = format!(
        "its first backup is {} since {}, {}",
        job.state,
        day(job.created),
        ago(now, job.created)
    );
    let outcome = if within(now, job.created, i64::from(hours)) {
        Outcome::warn(format!("{seen}: look again when it has ended"))
    } else {
        Outcome::breach(format!("{seen}: more than {hours} hours, and none has completed")).fix(
            "Wait for it: the first backup of a very large file system takes up to a week. Else stop the job, so that the next one starts.",
        )
    };
    job.evidence(outcome)
}
