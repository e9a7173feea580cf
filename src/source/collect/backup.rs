//! AWS Backup's settings.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_backup::operation::describe_region_settings::DescribeRegionSettingsOutput;

use crate::model::backup::BackupSettings;
use crate::model::observed::{Gap, Observed};

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
    let settings = match scope.call(DESCRIBE_REGION_SETTINGS, call).await {
        Ok(answer) => settings_of(answer),
        Err(gap) => Err(gap),
    };
    settings.into()
}

// An account that changed nothing still gets both lists, with every service in them.
fn settings_of(answer: DescribeRegionSettingsOutput) -> Result<BackupSettings, Gap> {
    let list = |preferences: Option<HashMap<String, bool>>, name: &str| {
        let read = DESCRIBE_REGION_SETTINGS.field(preferences, name);
        read.get().map(|it| it.clone().into_iter().collect())
    };
    Ok(BackupSettings {
        opt_in: list(
            answer.resource_type_opt_in_preference,
            "ResourceTypeOptInPreference",
        )?,
        management: list(
            answer.resource_type_management_preference,
            "ResourceTypeManagementPreference",
        )?,
    })
}
