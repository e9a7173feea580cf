use crate::model::rds::DbCluster;
use crate::model::tag::BackupTag;
use crate::rule::{Check, Cx, Group, Judgement, Outcome, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The backup tag sits on the object that AWS Backup selects.
    ///
    /// AWS Backup takes Aurora and Multi-AZ clusters as a whole and looks at the tags of the
    /// *cluster*. `backup=enabled` on a member instance selects nothing.
    ///
    /// ## Fix
    ///
    /// Set the tag on the cluster and remove it from the instance.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>
    RULE = Rule {
        id: "backup-tag-placed",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The backup tag sits where AWS Backup looks",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::DbCluster(check),
    }
}

fn check(cx: &Cx<'_>, cluster: &DbCluster) -> Judgement {
    cluster.tags.get()?;
    let key = &cx.settings.tag_key;
    if cx.backup_tag(&cluster.tags) == BackupTag::Enabled {
        return Ok(Outcome::pass(format!(
            "the cluster itself carries {key}=enabled"
        )));
    }
    let members = cluster.members.get()?.iter().map(|id| {
        let outcome = cx.db_instance(id).and_then(|member| {
            member.tags.get()?;
            Ok(match cx.backup_tag(&member.tags) {
                BackupTag::Enabled => Outcome::breach(format!(
                    "{key}=enabled sits on a member instance, where AWS Backup does not look, and not on the cluster"
                ))
                .fix(format!("Tag the cluster {key}=enabled and remove the tag from the instance."))
                .with("members", vec![id.as_str()])
                .part(Some(id)),
                _ => Outcome::pass(format!("no member instance carries {key}=enabled")),
            })
        });
        outcome.unwrap_or_else(|gap| Outcome::unknown(&gap).part(Some(id)))
    });
    Ok(Outcome::worst(members)
        .unwrap_or_else(|| Outcome::pass("the cluster has no member instances")))
}
