use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::dynamodb::Table;
use crate::model::fact::Fact;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The advanced features of AWS Backup for DynamoDB are enabled in the region of the table.
    ///
    /// They are enabled if DynamoDB is true in both preferences of the region: the opt-in preference
    /// and the management preference.
    ///
    /// ## Why it matters
    ///
    /// Without the advanced features, a backup of a table cannot be copied at all, not even within the
    /// account. The backup policy of the organization does not enable them.
    ///
    /// ## Fix
    ///
    /// Set both preferences in each region with tables. Backups made before the change still cannot be
    /// copied.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html>
    RULE = Rule {
        id: "dynamodb-advanced-features-enabled",
        group: Group::Service,
        owner: Owner::Member,
        title: "Advanced features for DynamoDB are enabled in the region",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Table(check_table),
        reads: &[Fact::BackupSettings],
    }
}

fn check_table(cx: &RuleContext<'_>, _: &Table) -> CheckResult {
    let (management, opt_in) = cx.advanced_dynamodb()?;
    let off: Vec<&str> = [
        (management, "ResourceTypeManagementPreference"),
        (opt_in, "ResourceTypeOptInPreference"),
    ]
    .into_iter()
    .filter_map(|(on, name)| (!on).then_some(name))
    .collect();
    Ok(if off.is_empty() {
        Outcome::pass(format!(
            "advanced features for DynamoDB are enabled in {}",
            cx.region
        ))
    } else {
        Outcome::breach(format!(
            "advanced features for DynamoDB are disabled in {}: table backups cannot be copied (DynamoDB is not true in {})",
            cx.region,
            off.join(" and ")
        ))
        .about(format!("advanced features for DynamoDB in {}", cx.region))
        .fix(format!(
            "Run `aws backup update-region-settings --region {} --resource-type-management-preference DynamoDB=true --resource-type-opt-in-preference DynamoDB=true`.",
            cx.region
        ))
        .remedy(Remedy::UpdateBackupSettings {
            region: cx.region.to_owned(),
            opt_in: vec!["DynamoDB"],
            management: vec!["DynamoDB"],
        })
        .with("off", off)
    })
}
