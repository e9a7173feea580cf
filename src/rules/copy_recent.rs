use jiff::Timestamp;

use crate::analysis::backup_plans::account_of;
use crate::analysis::central_copies::{CentralCopies, join_reasons};
use crate::analysis::job_errors;
use crate::analysis::job_errors::Work;
use crate::analysis::job_history;
use crate::analysis::job_history::{
    COPY_HOURS, History, Job, Phase, Prerequisites, ago, day, limit, name_part, within,
};
use crate::analysis::proof::{Proof, ProofBasis, ProofSources, check_both_ways};
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::model::Resource;
use crate::model::arn::Arn;
use crate::model::backup_plan::DEFAULT_START_WINDOW_MINUTES;
use crate::model::fact::Fact;
use crate::model::job::CopyJob;
use crate::model::observed::{Gap, GapKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The newest copy job to the central account succeeded, and copies keep up with backups.
    ///
    /// A copy job counts if a plan that selects the resource started it and the vault it copies to belongs
    /// to the central account. Copies are expected as often as the rule that copies runs, which may be
    /// once a week or once a month while other rules back up every day. A copy job in state CREATED or
    /// RUNNING passes while it is less than a day old. AWS keeps jobs for 30 days, so the copy of a rule
    /// that runs less often is not missed.
    ///
    /// ## Why it matters
    ///
    /// A failed copy does not change the status of the backup job. Only the copy job shows the failure.
    /// A member account cannot see the central vault, so its copy jobs are the only proof.
    ///
    /// The finding says so if the copy failed although every prerequisite in this account is met. It
    /// also says so if the copy succeeded although a prerequisite is not met.
    ///
    /// ## Fix
    ///
    /// Read the message of the job. If the cause is known, the finding names the rule that explains it.
    /// If the cause is in the central account, contact the platform team.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_ListCopyJobs.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/create-cross-account-backup.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-dashboards.html>
    RULE = Rule {
        id: "copy-recent",
        group: Group::Proof,
        owner: Owner::Member,
        title: "The newest copy to the central account succeeded",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Proof(check_copies),
        reads: &[Fact::Jobs, Fact::Plans],
    }
}

/// The rule about types that AWS Backup cannot copy.
const SUPPORTED: &str = "cross-account-copy-supported";

fn check_copies(
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
    let plans = &sources.expected.copies;
    let interval = plans.interval(cx).unwrap_or_default();
    let open = find_open_job(cx, arn, sources);
    check_both_ways(open.as_ref(), |with_open| {
        check_both_ways(interval.gap.as_ref(), |is_longest| {
            let jobs = Jobs {
                sources,
                plans,
                interval: match is_longest {
                    true => interval.longest,
                    false => interval.shortest,
                },
                with_open,
            };
            check_jobs(cx, resource, arn, &jobs, found)
        })
    })
}

/// Returns why it is not known of a job whether it is proof; `None` where it is known of all that were read.
fn find_open_job(cx: &RuleContext<'_>, arn: &str, sources: &ProofSources<'_>) -> Option<Gap> {
    let backups = cx.backup_jobs(arn).unwrap_or_default().iter();
    let copies = cx.copy_jobs(arn).unwrap_or_default().iter();
    let proofs = backups.map(|job| sources.check_backup(job));
    let mut proofs = proofs.chain(copies.map(|job| sources.check_copy(job)));
    proofs.find_map(|proof| match proof {
        Proof::Open(gap) => Some(gap),
        _ => None,
    })
}

/// Checks the jobs that are proof.
fn check_jobs(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    arn: &str,
    jobs: &Jobs<'_>,
    found: &Prerequisites,
) -> CheckResult {
    let judged = split_copy_jobs(cx, arn, jobs).map(|(central, elsewhere)| {
        let judged = job_history::judge(central, |history| {
            check_history(cx, resource, history, jobs, found)
        });
        (judged, elsewhere)
    });
    if found.verdict_of(SUPPORTED) == Some(Verdict::Breach) {
        return Ok(match judged?.0.transpose()? {
            // The copy exists, so the type can be copied after all.
            Some(copied) if copied.verdict <= Verdict::Warn => copied,
            _ => Outcome::skip(format!("AWS Backup cannot copy it: see {SUPPORTED}")),
        });
    }
    match judged? {
        (Some(outcome), _) => outcome,
        (None, elsewhere) => check_without_copy(cx, arn, &elsewhere, jobs, found),
    }
}

/// The shortest time, in hours, after which a copy is too old.
const SHORTEST_LIMIT_HOURS: u32 = 48;

/// What decides which jobs are expected and which count.
struct Jobs<'a> {
    sources: &'a ProofSources<'a>,
    plans: &'a CentralCopies<'a>,
    /// The longest time between two copies, in hours.
    interval: u32,
    /// Whether jobs count of which it is not known whether they are proof.
    with_open: bool,
}

impl Jobs<'_> {
    fn counts(&self, proof: &Proof) -> bool {
        match proof {
            Proof::Yes => true,
            Proof::No => false,
            Proof::Open(_) => self.with_open,
        }
    }

    /// Returns the oldest that the newest copy may be, in hours. A plan may back up every hour and copy once a
    /// day, and the copy of a backup may take a day.
    fn copy_limit(&self) -> u32 {
        limit(self.interval).max(SHORTEST_LIMIT_HOURS)
    }

    fn is_recent(&self, now: Timestamp, job: &Job<'_>) -> bool {
        within(now, job.ended, i64::from(self.copy_limit()) + COPY_HOURS)
    }

    /// Whether a rule that copies ran between the first backup and a day ago.
    fn expect_copy(&self, now: Timestamp, first_backup: Timestamp) -> Result<bool, Gap> {
        let minute = |time: Timestamp| time.as_second().div_euclid(60);
        // The backup itself starts at the scheduled time or later.
        let from = minute(first_backup) - i64::from(DEFAULT_START_WINDOW_MINUTES);
        let to = minute(now) - COPY_HOURS * 60;
        self.plans.has_run_between(from, to)
    }

    /// Returns the backups that could be copied.
    fn completed_backups<'j>(&self, cx: &RuleContext<'j>, arn: &str) -> Result<Vec<Job<'j>>, Gap> {
        let jobs = cx.backup_jobs(arn)?.iter().copied();
        let jobs = jobs.filter(|job| self.counts(&self.sources.check_backup(job)));
        let mut jobs = jobs.map(Job::of_backup).collect::<Result<Vec<_>, _>>()?;
        jobs.retain(|job| matches!(job.phase, Phase::Completed | Phase::Partial));
        Ok(jobs)
    }
}

/// Returns the copy jobs to the central account, and the other accounts that receive copies.
fn split_copy_jobs<'a>(
    cx: &RuleContext<'a>,
    arn: &str,
    jobs: &Jobs<'_>,
) -> Result<(Vec<Job<'a>>, Vec<&'a str>), Gap> {
    let mut central = Vec::new();
    let mut elsewhere = Vec::new();
    for job in cx.copy_jobs(arn)? {
        let Some(vault) = Arn::parse(&job.destination_vault_arn) else {
            let message = format!(
                "copy job {} has the destination {:?}, which is not an ARN",
                job.id, job.destination_vault_arn
            );
            return Err(Gap::new(GapKind::Unreadable, message));
        };
        let account = vault.account;
        if account == cx.settings.central_account {
            if jobs.counts(&jobs.sources.check_copy(job)) {
                let job = Job::of_copy(job)?;
                if cx.now().is_ok_and(|now| job.is_forgotten(now)) {
                    continue;
                }
                central.push(job);
            }
        } else if !elsewhere.contains(&account) {
            elsewhere.push(account);
        }
    }
    elsewhere.sort_unstable();
    Ok((central, elsewhere))
}

fn check_history(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    history: &History<'_>,
    jobs: &Jobs<'_>,
    found: &Prerequisites,
) -> CheckResult {
    let now = cx.now()?;
    let central = &cx.settings.central_account;
    let failed = |job: &Job<'_>| {
        format!(
            "the copy to {central} of {} is {}: {}",
            day(job.created),
            job.state,
            job.words()
        )
    };
    if let Some(job) = history.under_way() {
        let seen = format!(
            "a copy to {central} is {} since {}",
            job.state,
            day(job.created)
        );
        let outcome = if within(now, job.created, COPY_HOURS) {
            match &history.ended {
                Some(ended) if ended.phase == Phase::Failed => Outcome::pass(format!(
                    "{}; another copy is {} since {}",
                    failed(ended),
                    job.state,
                    day(job.created)
                )),
                _ => Outcome::pass(seen),
            }
        } else if let Some(made) = history.made.filter(|made| jobs.is_recent(now, made)) {
            Outcome::warn(format!(
                "{seen}, which is unusually long; the previous one completed on {}",
                day(made.ended)
            ))
        } else {
            job_errors::breach(
                cx,
                resource,
                Work::Copy,
                &job,
                format!("{seen}, for more than {COPY_HOURS} hours"),
                found,
            )
        };
        return Ok(job.evidence(outcome));
    }
    let job = &history.newest;
    let outcome = match job.phase {
        Phase::Completed | Phase::Partial => {
            check_completed_copy(cx, resource, now, job, jobs, found)?
        }
        _ => job_errors::breach(cx, resource, Work::Copy, job, failed(job), found),
    };
    Ok(job.evidence(outcome))
}

fn check_completed_copy(
    cx: &RuleContext<'_>,
    resource: Resource<'_>,
    now: Timestamp,
    job: &Job<'_>,
    jobs: &Jobs<'_>,
    found: &Prerequisites,
) -> CheckResult {
    let central = &cx.settings.central_account;
    let seen = format!(
        "copied to {central} on {} ({})",
        day(job.ended),
        ago(now, job.ended)
    );
    if !jobs.is_recent(now, job) {
        // An old copy passes if no later backup needs one.
        let hours = i64::from(jobs.copy_limit());
        let (arn, _) = resource.arn_and_id().unwrap_or_default();
        let later = jobs
            .completed_backups(cx, arn)?
            .into_iter()
            .filter(|backup| !within(backup.ended, job.created, hours))
            .max_by_key(|backup| backup.ended);
        if let Some(backup) = later {
            return Ok(Outcome::breach(format!(
                "the newest copy to {central} is from {} ({}); the backup from {} was not copied",
                day(job.ended),
                ago(now, job.ended),
                day(backup.ended)
            ))
            .fix(cx.ask_contact(&format!(
                "whether the backup plan still copies to {central}"
            ))));
        }
    }
    let broken = found.broken();
    let despite = if broken.is_empty() {
        String::new()
    } else {
        format!(
            "; {} fails nevertheless, so something may have changed since and the next copy may fail",
            broken.join(", ")
        )
    };
    let outcome = if job.phase == Phase::Partial {
        Outcome::warn(format!(
            "{seen} in part: not every {} was copied: {}{despite}",
            name_part(resource),
            job.words()
        ))
    } else if job.has_issues() {
        Outcome::warn(format!("{seen} with issues: {}{despite}", job.words()))
    } else {
        Outcome::pass(seen + &despite)
    };
    Ok(if broken.is_empty() {
        outcome
    } else {
        outcome.with("contradicts", broken)
    })
}

/// Checks a resource without any copy job to the central account.
fn check_without_copy(
    cx: &RuleContext<'_>,
    arn: &str,
    elsewhere: &[&str],
    jobs: &Jobs<'_>,
    found: &Prerequisites,
) -> CheckResult {
    let backups = jobs.completed_backups(cx, arn)?;
    let Some(first) = backups.iter().min_by_key(|job| job.ended) else {
        return Ok(Outcome::skip("no backup to copy yet: see backup-recent"));
    };
    let oldest = first.ended;
    let now = cx.now()?;
    let central = &cx.settings.central_account;
    let is_listed = |job| Job::of_copy(job).is_ok_and(|job| !job.is_forgotten(now));
    let is_central = |job: &CopyJob| account_of(&job.destination_vault_arn) == central;
    let mut copies = cx.copy_jobs(arn)?.iter();
    let seen = match copies.any(|job| is_central(job) && is_listed(job)) {
        false => format!("no copy job to {central} in the last 30 days"),
        true => format!(
            "no copy job to {central} of a plan that selects it in the last 30 days, only of others or on demand"
        ),
    };
    if within(now, oldest, COPY_HOURS) {
        return Ok(Outcome::warn(format!(
            "{seen}; its first backup completed {}: check again tomorrow",
            ago(now, oldest)
        )));
    }
    if !jobs.expect_copy(now, first.created)? {
        return Ok(Outcome::skip(format!(
            "{seen}, and no run of a rule that copies since its first backup on {}",
            day(oldest)
        )));
    }
    let broken = found.broken();
    let prevented = &jobs.plans.prevented;
    let why = if !prevented.is_empty() && jobs.plans.made.is_empty() {
        format!(
            "; {} (see backup-policy-effective)",
            join_reasons(prevented)
        )
    } else if !elsewhere.is_empty() {
        format!("; copies go only to {}", elsewhere.join(", "))
    } else if !broken.is_empty() {
        format!("; {} may explain it", broken.join(", "))
    } else if found.all_met() {
        "; every copy prerequisite of the resource passes".to_owned()
    } else {
        String::new()
    };
    Ok(
        Outcome::breach(format!("{seen}, although there are backups{why}"))
            .fix(match broken.as_slice() {
                [] => cx.ask_contact(&format!("whether the backup plan copies to {central}")),
                broken => format!("Fix {} first.", broken.join(", ")),
            })
            .with("other_accounts", elsewhere.to_vec()),
    )
}
