use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::dynamodb::Table;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// AWS Backup's advanced features for DynamoDB are on in the table's region.
    ///
    /// Without them a backup of a table cannot be copied anywhere, not even within the account. They
    /// are on where DynamoDB is true in both preferences of the region's settings: the opt-in and
    /// the management one. An organization's backup policy does not switch them on by itself.
    ///
    /// ## Fix
    ///
    /// Switch both on in each region with tables. Backups made before that cannot be copied.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/advanced-ddb-backup.html>
    RULE = Rule {
        id: "dynamodb-advanced-features-enabled",
        group: Group::Service,
        owner: Owner::Member,
        title: "Advanced DynamoDB backup is on in the region",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Table(check),
    }
}

fn check(cx: &RuleContext<'_>, _: &Table) -> CheckResult {
    let (management, opt_in) = cx.advanced_dynamodb()?;
    let off: Vec<&str> = [
        (management, "ResourceTypeManagementPreference"),
        (opt_in, "ResourceTypeOptInPreference"),
    ]
    .into_iter()
    .filter_map(|(on, name)| (!on).then_some(name))
    .collect();
    Ok(if off.is_empty() {
        Outcome::pass(format!("advanced DynamoDB backup is on in {}", cx.region))
    } else {
        Outcome::breach(format!(
            "advanced DynamoDB backup is off in {}: a table's backup cannot be copied (DynamoDB is not true in {})",
            cx.region,
            off.join(" and ")
        ))
        .about(format!("advanced DynamoDB backup in {}", cx.region))
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
