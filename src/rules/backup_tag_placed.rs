use crate::analysis::{CheckResult, Outcome, Remedy, RuleContext};
use crate::model::Resource;
use crate::model::fsx::{FsxFileSystem, FsxVolume, ONTAP};
use crate::model::rds::DbCluster;
use crate::model::storage_gateway::{Gateway, holds_volumes};
use crate::model::tag::{BackupTag, ENABLED};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The tag `backup=enabled` is on the object that AWS Backup selects: the cluster, the volumes of a
    /// volume gateway, the volumes of an FSx for ONTAP file system, and an FSx for OpenZFS file system
    /// instead of its volumes.
    ///
    /// ## Why it matters
    ///
    /// AWS Backup selects clusters of Aurora, DocumentDB and Neptune and Multi-AZ DB clusters by the tags
    /// of the *cluster*. `backup=enabled` on a member instance selects nothing.
    ///
    /// AWS Backup backs up the *volumes* of a volume gateway. `backup=enabled` on the gateway selects
    /// nothing, although the company guide asks for it. Each volume needs its own tag.
    ///
    /// ## Fix
    ///
    /// Tag the cluster and remove the tag from the instance. For a gateway and for an FSx for ONTAP file
    /// system, tag each volume. For OpenZFS, tag the file system.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/assigning-resources-json.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/getting-started.html>
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
        Resource::FsxFileSystem(file_system) => check_file_system(cx, file_system),
        Resource::FsxVolume(volume) => check_fsx_volume(cx, volume),
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
                .remedy(remove_tag(cx, &member.arn))
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
        let tag = cx.backup_tag(&volume.tags);
        let unread = volume
            .tags
            .gap()
            .or(Resource::GatewayVolume(volume).deletion_gap());
        match (tag, unread) {
            (BackupTag::Enabled | BackupTag::Disabled | BackupTag::Custom, _) => {
                Outcome::pass("each volume has its own backup tag")
            }
            (_, Some(gap)) => Outcome::unknown(gap).part(Some(id)),
            (_, None) => Outcome::breach(format!(
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

/// Checks a file system of FSx for ONTAP, whose volumes AWS Backup selects.
fn check_file_system(cx: &RuleContext<'_>, file_system: &FsxFileSystem) -> CheckResult {
    let key = &cx.settings.tag_key;
    if !file_system.is_ontap()? {
        return Ok(Outcome::skip("has no members with separate tags"));
    }
    file_system.tags.get()?;
    if cx.backup_tag(&file_system.tags) != BackupTag::Enabled {
        return Ok(Outcome::pass(format!(
            "the file system is not tagged {key}=enabled; only its volumes need the tag"
        )));
    }
    let volumes = cx.seen()?.fsx_volumes.items.iter();
    let own = volumes.filter(|it| it.file_system.known() == Some(&file_system.id));
    let undecided = own.filter(|it| {
        let tag = cx.backup_tag(&it.tags);
        !tag.is_exempt() && !matches!(tag, BackupTag::Enabled | BackupTag::Unknown)
    });
    let undecided: Vec<&FsxVolume> = undecided.collect();
    let ids: Vec<&str> = undecided.iter().map(|it| it.id.as_str()).collect();
    let mut outcome = Outcome::breach(format!(
        "{key}=enabled is on a file system for ONTAP, which AWS Backup ignores: it selects volumes"
    ))
    .fix(if ids.is_empty() {
        format!("Remove the tag from the file system: each of its volumes that is known has its own {key} tag.")
    } else {
        format!("Tag each of its volumes without a {key} tag {key}=enabled and remove the tag from the file system.")
    })
    .with("volumes", ids);
    for volume in undecided {
        outcome = outcome.remedy(set_enabled(cx, &volume.arn));
    }
    Ok(outcome.remedy(remove_tag(cx, &file_system.arn)))
}

/// Checks a volume of FSx for OpenZFS, whose file system AWS Backup selects.
fn check_fsx_volume(cx: &RuleContext<'_>, volume: &FsxVolume) -> CheckResult {
    let key = &cx.settings.tag_key;
    if volume.volume_type.get()? == ONTAP {
        return Ok(Outcome::skip("has no members with separate tags"));
    }
    volume.tags.get()?;
    if cx.backup_tag(&volume.tags) != BackupTag::Enabled {
        return Ok(Outcome::pass(format!("not tagged {key}=enabled")));
    }
    Ok(Outcome::breach(format!(
        "{key}=enabled is on a volume for OpenZFS, which AWS Backup ignores: it selects the file system"
    ))
    .fix(format!(
        "Tag its file system {key}=enabled and remove the tag from the volume."
    ))
    .remedy(remove_tag(cx, &volume.arn)))
}

fn remove_tag(cx: &RuleContext<'_>, arn: &str) -> Remedy {
    Remedy::RemoveTag {
        arn: arn.to_owned(),
        region: cx.region.to_owned(),
        key: cx.settings.tag_key.clone(),
    }
}
