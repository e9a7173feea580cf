//! AWS Backup's settings.

use std::sync::Arc;

use crate::model::backup::BackupSettings;
use crate::model::observed::Observed;

use super::call::{Caller, Operation};
use super::session::Session;

const DESCRIBE_REGION_SETTINGS: Operation = Operation::new("backup:DescribeRegionSettings");

/// What reading the settings takes.
pub const OPERATIONS: &[Operation] = &[DESCRIBE_REGION_SETTINGS];

/// The settings of a region.
pub async fn collect(
    session: &Session,
    caller: &Arc<Caller>,
    region: &str,
) -> Observed<BackupSettings> {
    let scope = caller.scope(region, "backup");
    let call = session.backup(region).describe_region_settings().send();
    let answer = scope.call(DESCRIBE_REGION_SETTINGS, call).await;
    let settings = answer.map(|answer| BackupSettings {
        opt_in: answer
            .resource_type_opt_in_preference
            .unwrap_or_default()
            .into_iter()
            .collect(),
        management: answer
            .resource_type_management_preference
            .unwrap_or_default()
            .into_iter()
            .collect(),
    });
    settings.into()
}
