use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The resource is not tagged `backup=custom`.
    ///
    /// ## Why it matters
    ///
    /// `backup=custom` excludes the resource from the central backup. Custom backups that stay in the
    /// same account are lost with it: an attacker who controls the account can delete them.
    ///
    /// ## Fix
    ///
    /// Tag the resource `backup=enabled`. You can keep the custom backup in addition.
    ///
    /// ## Sources
    ///
    /// - The company guide, "Resource Tagging".
    RULE = Rule {
        id: "backup-tag-not-custom",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The resource is not tagged for a custom backup",
        guide: Severity::Warn,
        aws: Severity::Off,
        check: Check::Any(check_resource),
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let (tag, _) = cx.tags_of(resource)?;
    let key = &cx.settings.tag_key;
    Ok(match tag {
        BackupTag::Custom => Outcome::breach(format!(
            "{key}=custom: no copy in {}; its backups can be lost with the account",
            cx.settings.central_account
        ))
        .fix(format!(
            "Tag it {key}=enabled to get a copy outside the account."
        ))
        .remedy(Remedy::choose_backup_tag(resource)),
        BackupTag::None | BackupTag::Invalid | BackupTag::Unknown => {
            Outcome::skip("no valid backup tag")
        }
        tag => Outcome::pass(format!("{key}={}", tag.as_str())),
    })
}
