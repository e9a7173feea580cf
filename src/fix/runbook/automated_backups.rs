//! Runbook for the automated backups of RDS.

use crate::fix::change::Step;
use crate::fix::shell::quote;
use crate::model::arn::Arn;

/// Returns the steps that enable the automated backups of a DB instance or cluster.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.Enabling.html>.
pub(in crate::fix) fn enable_automated_backups(arn: &str) -> Vec<Step> {
    let parsed = Arn::parse(arn);
    let region = quote(parsed.map_or("", |arn| arn.region));
    let id = quote(parsed.map_or(arn, |arn| arn.resource_id()));
    if parsed.is_some_and(|arn| arn.resource.starts_with("cluster:")) {
        return vec![Step::run(
            format!(
                "aws rds modify-db-cluster --region {region} --db-cluster-identifier {id} --backup-retention-period 7 --apply-immediately"
            ),
            &["rds:ModifyDBCluster"],
        )];
    }
    vec![
        Step::note(
            "Downtime: enabling automated backups restarts the instance. Without --apply-immediately this happens in the next maintenance window.",
        ),
        Step::run(
            format!(
                "aws rds modify-db-instance --region {region} --db-instance-identifier {id} --backup-retention-period 7"
            ),
            &["rds:ModifyDBInstance"],
        ),
    ]
}
