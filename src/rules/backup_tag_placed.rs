use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::Resource;
use crate::model::rds::DbCluster;
use crate::model::storage_gateway::{Gateway, holds_volumes};
use crate::model::tag::BackupTag;
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The backup tag sits on the object that AWS Backup selects.
    ///
    /// AWS Backup takes Aurora and Multi-AZ clusters as a whole and looks at the tags of the
    /// *cluster*. `backup=enabled` on a member instance selects nothing.
    ///
    /// Of a volume gateway it takes the *volumes*. `backup=enabled` on the gateway selects nothing,
    /// although the company guide asks for it: each volume needs a tag of its own.
    ///
    /// ## Fix
    ///
    /// Set the tag on the cluster and remove it from the instance; set it on each volume of the gateway.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    RULE = Rule {
        id: "backup-tag-placed",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The backup tag sits where AWS Backup looks",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Whole(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    match resource {
        Resource::DbCluster(cluster) => on_cluster(cx, cluster),
        Resource::Gateway(gateway) => on_gateway(cx, gateway),
        _ => Ok(Outcome::skip("has no parts with tags of their own")),
    }
}

fn on_cluster(cx: &RuleContext<'_>, cluster: &DbCluster) -> CheckResult {
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

fn on_gateway(cx: &RuleContext<'_>, gateway: &Gateway) -> CheckResult {
    let key = &cx.settings.tag_key;
    if !holds_volumes(gateway.gateway_type.get()?) {
        return Ok(Outcome::skip(
            "not a volume gateway: see cross-account-copy-supported",
        ));
    }
    gateway.tags.get()?;
    if cx.backup_tag(&gateway.tags) != BackupTag::Enabled {
        return Ok(Outcome::pass(format!(
            "the gateway does not carry {key}=enabled, which only its volumes need"
        )));
    }
    let listing = &cx.seen()?.gateway_volumes;
    let own = listing.items.iter().filter(|volume| {
        volume.gateway == gateway.arn && !Resource::GatewayVolume(volume).is_being_deleted()
    });
    let volumes = own.map(|volume| {
        let id = volume.id.as_str();
        match (volume.tags.gap(), cx.backup_tag(&volume.tags)) {
            (Some(gap), _) => Outcome::unknown(gap).part(Some(id)),
            (None, BackupTag::Enabled | BackupTag::Disabled | BackupTag::Custom) => {
                Outcome::pass("each volume carries a backup tag of its own")
            }
            (None, _) => Outcome::breach(format!(
                "{key}=enabled sits on the gateway, where AWS Backup does not look, and not on its volumes"
            ))
            .fix(format!("Tag each volume of it {key}=enabled."))
            .with("volumes", vec![id])
            .part(Some(id)),
        }
    });
    // One volume more may be among those that were not listed.
    let unlisted = listing.gap.iter().map(Outcome::unknown);
    Ok(Outcome::worst(volumes.chain(unlisted))
        .unwrap_or_else(|| Outcome::pass("the gateway has no volumes")))
}
