use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The resource does not rely on a backup of the team's own making.
    ///
    /// `backup=custom` keeps the central backup away. Backups that stay in the same account are
    /// lost together with it: whoever takes over the account can delete them.
    ///
    /// ## Fix
    ///
    /// Tag it `backup=enabled`, next to the backup of your own if need be.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Resource Tagging".
    RULE = Rule {
        id: "backup-tag-not-custom",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The resource does not rely on a custom backup",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (tag, _) = cx.tags_of(resource)?;
    let key = &cx.settings.tag_key;
    Ok(match tag {
        BackupTag::Custom => Outcome::breach(format!(
            "{key}=custom: its backups are lost with the account, nothing is copied to {}",
            cx.settings.central_account
        ))
        .fix(format!(
            "Tag it {key}=enabled to have a copy outside the account."
        ))
        .remedy(Remedy::choose_backup_tag(resource)),
        BackupTag::None | BackupTag::Invalid | BackupTag::Unknown => {
            Outcome::skip("carries no valid backup tag")
        }
        tag => Outcome::pass(format!("{key}={}", tag.as_str())),
    })
}
