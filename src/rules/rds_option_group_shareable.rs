use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::fact::Fact;
use crate::model::rds::{DbInstance, DbOption};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The option group of an Oracle or SQL Server instance has no option that prevents sharing its
    /// snapshots.
    ///
    /// ## Why it matters
    ///
    /// RDS does not share a snapshot that is encrypted with transparent data encryption (TDE). It does
    /// not share one whose option group has a persistent or permanent option either. The Oracle options
    /// Timezone and OLS are exceptions. The local backup succeeds, but the copy fails.
    ///
    /// ## Fix
    ///
    /// Remove the option from the option group, or move the instance to a group without it. A permanent
    /// option, such as Oracle TDE, cannot be removed from an instance: export the data to a new
    /// instance without it. Storage encryption with a KMS key does not prevent sharing.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html>
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithOptionGroups.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/troubleshooting.html>
    RULE = Rule {
        id: "rds-option-group-shareable",
        group: Group::Service,
        owner: Owner::Member,
        title: "The options of the database allow sharing its snapshots",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::DbInstance(check_db_instance),
        reads: &[Fact::OptionGroups],
    }
}

/// Names of transparent data encryption: in the API, in older Oracle groups and in the console.
const TDE: [&str; 3] = ["TDE", "TDE_HSM", "TRANSPARENT_DATA_ENCRYPTION"];

fn check_db_instance(cx: &RuleContext<'_>, database: &DbInstance) -> CheckResult {
    if !database.has_option_groups()? {
        return Ok(Outcome::skip(
            "its engine has no options that prevent sharing",
        ));
    }
    let is_oracle = database.engine.get()?.starts_with("oracle-");
    let groups = database.option_groups.get()?.iter().map(|name| {
        let outcome = cx.option_group(name).and_then(|group| {
            let options = group.options.get()?.iter();
            let judged = options.map(|option| check_option(name, option, is_oracle));
            Ok(Outcome::worst(judged)
                .unwrap_or_else(|| Outcome::pass(format!("option group {name} has no options"))))
        });
        Outcome::from(outcome)
    });
    Ok(Outcome::worst(groups).unwrap_or_else(|| Outcome::pass("no option group")))
}

fn check_option(group: &str, option: &DbOption, is_oracle: bool) -> Outcome {
    let name = option.name.as_str();
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let breach = |what: &str| {
        Outcome::breach(format!(
            "option group {group} has {name}, {what}: RDS cannot share its snapshots, so the copy fails"
        ))
        .about(group)
        .fix("Move the instance to an option group without this option. If that is not possible, export the data to a new instance.")
        .with("option_group", group)
        .with("options", vec![name])
    };
    let pass = || {
        Outcome::pass(format!(
            "no option of option group {group} prevents sharing"
        ))
    };
    if TDE.into_iter().any(is) {
        return breach("transparent data encryption");
    }
    if is_oracle && ["Timezone", "OLS"].into_iter().any(is) {
        return pass();
    }
    match (option.permanent.get(), option.persistent.get()) {
        (Ok(true), _) => breach("a permanent option"),
        (_, Ok(true)) => breach("a persistent option"),
        (Ok(false), Ok(false)) => pass(),
        (Err(gap), _) | (_, Err(gap)) => Outcome::unknown(&gap),
    }
}
