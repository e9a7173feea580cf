use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::model::rds::DbCluster;
use crate::model::storage_gateway::{Gateway, holds_volumes};
use crate::model::tag::{BackupTag, ENABLED};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The tag `backup=enabled` is on the object that AWS Backup selects: the cluster, or the volumes
    /// of a volume gateway.
    ///
    /// ## Why it matters
    ///
    /// AWS Backup selects Aurora and Multi-AZ clusters by the tags of the *cluster*. `backup=enabled`
    /// on a member instance selects nothing.
    ///
    /// AWS Backup backs up the *volumes* of a volume gateway. `backup=enabled` on the gateway selects
    /// nothing, although the company guide asks for it. Each volume needs its own tag.
    ///
    /// ## Fix
    ///
    /// Tag the cluster and remove the tag from the instance. For a gateway, tag each volume.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    RULE = Rule {
        id: "backup-tag-placed",
        group: Group::Tagging,
        owner: Owner::Member,
        title: "The backup tag is on the resource that AWS Backup selects",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Composite(check_composite),
    }
}

fn check_composite(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    match resource {
        Resource::DbCluster(cluster) => check_cluster(cx, cluster),
        Resource::Gateway(gateway) => check_gateway(cx, gateway),
        _ => Ok(Outcome::skip("has no members with separate tags")),
    }
}

fn check_cluster(cx: &RuleContext<'_>, cluster: &DbCluster) -> CheckResult {
    cluster.tags.get()?;
    let key = &cx.settings.tag_key;
    if cx.backup_tag(&cluster.tags) == BackupTag::Enabled {
        return Ok(Outcome::pass(format!(
            "the cluster is tagged {key}=enabled"
        )));
    }
    let members = cluster.members.get()?.iter().map(|id| {
        let outcome = cx.db_instance(id).and_then(|member| {
            member.tags.get()?;
            Ok(match cx.backup_tag(&member.tags) {
                BackupTag::Enabled => Outcome::breach(format!(
                    "{key}=enabled is on a member instance, which AWS Backup ignores, and not on the cluster"
                ))
                .fix(format!("Tag the cluster {key}=enabled and remove the tag from the instance."))
                .remedy(set_enabled(cx, &cluster.arn))
                .remedy(Remedy::RemoveTag {
                    arn: member.arn.clone(),
                    region: cx.region.to_owned(),
                    key: key.clone(),
                })
                .with("members", vec![id.as_str()])
                .part(Some(id)),
                _ => Outcome::pass(format!("no member instance is tagged {key}=enabled")),
            })
        });
        outcome.unwrap_or_else(|gap| Outcome::unknown(&gap).part(Some(id)))
    });
    Ok(Outcome::worst(members)
        .unwrap_or_else(|| Outcome::pass("the cluster has no member instances")))
}

fn set_enabled(cx: &RuleContext<'_>, arn: &str) -> Remedy {
    Remedy::SetTag {
        arn: arn.to_owned(),
        region: cx.region.to_owned(),
        key: cx.settings.tag_key.clone(),
        value: ENABLED.to_owned(),
    }
}

fn check_gateway(cx: &RuleContext<'_>, gateway: &Gateway) -> CheckResult {
    let key = &cx.settings.tag_key;
    if !holds_volumes(gateway.gateway_type.get()?) {
        return Ok(Outcome::skip(
            "not a volume gateway: see cross-account-copy-supported",
        ));
    }
    gateway.tags.get()?;
    if cx.backup_tag(&gateway.tags) != BackupTag::Enabled {
        return Ok(Outcome::pass(format!(
            "the gateway is not tagged {key}=enabled; only its volumes need the tag"
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
                Outcome::pass("each volume has its own backup tag")
            }
            (None, _) => Outcome::breach(format!(
                "{key}=enabled is on the gateway, which AWS Backup ignores, and not on its volumes"
            ))
            .fix(format!("Tag each of its volumes {key}=enabled."))
            .remedy(set_enabled(cx, &volume.arn))
            .with("volumes", vec![id])
            .part(Some(id)),
        }
    });
    // A volume that was not listed may lack the tag.
    let unlisted = listing.gap.iter().map(Outcome::unknown);
    Ok(Outcome::worst(volumes.chain(unlisted))
        .unwrap_or_else(|| Outcome::pass("the gateway has no volumes")))
}
