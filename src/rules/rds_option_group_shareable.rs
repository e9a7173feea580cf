use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::rds::{DbInstance, DbOption};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// No option of an Oracle or SQL Server instance keeps its snapshots in the account.
    ///
    /// RDS does not share a snapshot that is encrypted with transparent data encryption (TDE), nor one
    /// whose option group has a persistent or permanent option; Timezone and OLS of Oracle are
    /// excepted. AWS Backup makes the local backup all the same, and the copy fails.
    ///
    /// ## Fix
    ///
    /// Take the option out of the option group, or move the instance to a group without it. A permanent
    /// option, such as TDE of Oracle, can never be taken from an instance: export the data into a new
    /// one without it. Encryption of the storage with a KMS key does not stand in the way.
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
        title: "The database's options let its snapshots leave the account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::DbInstance(check),
    }
}

/// Names of transparent data encryption: the API's, that of older Oracle groups, the console's.
const TDE: [&str; 3] = ["TDE", "TDE_HSM", "TRANSPARENT_DATA_ENCRYPTION"];

fn check(cx: &RuleContext<'_>, database: &DbInstance) -> CheckResult {
    if !database.has_option_groups()? {
        return Ok(Outcome::skip("its engine has no such options"));
    }
    let is_oracle = database.engine.get()?.starts_with("oracle-");
    let groups = database.option_groups.get()?.iter().map(|name| {
        let outcome = cx.option_group(name).and_then(|group| {
            let options = group.options.get()?.iter();
            let judged = options.map(|option| judge(name, option, is_oracle));
            Ok(Outcome::worst(judged)
                .unwrap_or_else(|| Outcome::pass(format!("option group {name} has no options"))))
        });
        outcome.unwrap_or_else(|gap| Outcome::unknown(&gap))
    });
    Ok(Outcome::worst(groups).unwrap_or_else(|| Outcome::pass("it has no option group")))
}

fn judge(group: &str, option: &DbOption, is_oracle: bool) -> Outcome {
    let name = option.name.as_str();
    let is = |known: &str| name.eq_ignore_ascii_case(known);
    let breach = |what: &str| {
        Outcome::breach(format!(
            "option group {group} has {name}, {what}: RDS does not share such snapshots, so the copy fails"
        ))
        .about(group)
        .fix("Move the instance to an option group without it; where that cannot be done, export the data into a new instance.")
        .with("option_group", group)
        .with("options", vec![name])
    };
    let fine = || {
        Outcome::pass(format!(
            "no option of option group {group} stands in the way"
        ))
    };
    if TDE.into_iter().any(is) {
        return breach("transparent data encryption");
    }
    if is_oracle && ["Timezone", "OLS"].into_iter().any(is) {
        return fine();
    }
    match (option.permanent.get(), option.persistent.get()) {
        (Ok(true), _) => breach("a permanent option"),
        (_, Ok(true)) => breach("a persistent option"),
        (Ok(false), Ok(false)) => fine(),
        (Err(gap), _) | (_, Err(gap)) => Outcome::unknown(&gap),
    }
}
