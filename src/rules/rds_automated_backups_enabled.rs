use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::model::state;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;
use crate::text::plural;

rule! {
    /// The database has automated backups with a retention of at least 1 day.
    ///
    /// ## Why it matters
    ///
    /// AWS Backup works without automated backups. But each of its backups then starts from a full
    /// snapshot, which is slower and costs more.
    ///
    /// ## Fix
    ///
    /// Set the backup retention period to at least 1 day. For some engines, the change from 0 restarts
    /// the instance. Apply it in the maintenance window.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/rds-backup.html>
    RULE = Rule {
        id: "rds-automated-backups-enabled",
        group: Group::Service,
        owner: Owner::Member,
        title: "The database has automated backups",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check_resource),
        concerns: |kind| kind.states == state::DATABASE,
    }
}

fn check_resource(_: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let retention = match resource {
        Resource::DbInstance(database) => &database.backup_retention_days,
        Resource::DbCluster(cluster) => &cluster.backup_retention_days,
        _ => return Ok(Outcome::skip("not an RDS database")),
    };
    let days = *retention.get()?;
    Ok(if days == 0 {
        Outcome::breach("automated backups are disabled (retention 0 days): every backup starts from a full snapshot")
            .fix("Set the backup retention period to at least 1 day.")
            .remedy(Remedy::EnableAutomatedBackups {
                arn: resource.arn_and_id().unwrap_or_default().0.to_owned(),
            })
    } else {
        Outcome::pass(format!("automated backups are kept for {}", plural(usize::try_from(days).unwrap_or(usize::MAX), "day")))
    }
    .with("retention_days", days))
}
