//! Runbook for the windows of an RDS instance.

use crate::fix::change::Step;
use crate::fix::shell::quote;
use crate::model::arn::Arn;

/// Returns the steps that move the windows of a DB instance. RDS makes the change at once.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_UpgradeDBInstance.Maintenance.html#AdjustingTheMaintenanceWindow>.
pub(crate) fn move_windows(
    arn: &str,
    maintenance: Option<&str>,
    backup: Option<&str>,
) -> Vec<Step> {
    let parsed = Arn::parse(arn);
    let region = quote(parsed.map_or("", |arn| arn.region));
    let id = quote(parsed.map_or(arn, |arn| arn.resource_id()));
    let mut command =
        format!("aws rds modify-db-instance --region {region} --db-instance-identifier {id}");
    for (flag, window) in [
        ("--preferred-maintenance-window", maintenance),
        ("--preferred-backup-window", backup),
    ] {
        if let Some(window) = window {
            command.push_str(&format!(" {flag} {}", quote(window)));
        }
    }
    vec![
        Step::note(
            "Check that the new hours suit the database: maintenance may restart it. If its current window has pending maintenance that causes an outage, RDS needs at least 30 minutes until the end of the new window.",
        ),
        Step::run(command, &["rds:ModifyDBInstance"]),
    ]
}
