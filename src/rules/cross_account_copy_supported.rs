use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::storage_gateway::{Gateway, holds_volumes};
use crate::model::tagged::TaggedResource;
use crate::model::{Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// AWS can copy a backup of this kind of resource to another account at all.
    ///
    /// It cannot for RDS Multi-AZ DB *clusters* (a Multi-AZ DB *instance* is fine), for Redshift,
    /// provisioned or serverless, for RDS Custom for Oracle, and for EC2 instances whose root device
    /// is an instance store. The local backup is kept for a day or so in the same account: the
    /// resource has next to no protection.
    ///
    /// Of storage gateways it knows volume gateways alone: a file or tape gateway is not backed up at
    /// all. Nor are secrets and parameters of Systems Manager, whatever their tags.
    ///
    /// What AWS Backup backs up and the guide does not cover (FSx, DocumentDB, Neptune, EKS and more)
    /// is a warning: nobody looks here at what its copy takes.
    ///
    /// ## Fix
    ///
    /// There is none in place. Move a Multi-AZ DB cluster to Aurora or to a Multi-AZ DB instance,
    /// an instance-store instance to an EBS-backed one; until then export the data by other means.
    /// Unload Redshift's tables to a bucket that is backed up. Back up the bucket or the FSx file
    /// system behind a file gateway.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/rds-backup.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/redshift-backups.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    RULE = Rule {
        id: "cross-account-copy-supported",
        group: Group::Service,
        owner: Owner::Member,
        title: "AWS can copy its backup to another account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check),
    }
}

fn check(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    Ok(match resource {
        Resource::DbCluster(cluster) if cluster.is_multi_az() => Outcome::breach(
            "an RDS Multi-AZ DB cluster: AWS cannot copy its snapshots to another account",
        )
        .fix("Move it to Aurora, or to a Multi-AZ DB instance (one standby).")
        .with("engine", cluster.engine.as_str()),
        Resource::DbInstance(database) if database.engine.get()?.starts_with("custom-oracle") => {
            Outcome::breach("RDS Custom for Oracle: AWS Backup does not support it")
                .fix("Back it up with Oracle's own tools to a bucket that is backed up.")
                .with("engine", database.engine.get()?.as_str())
        }
        Resource::Instance(instance) if instance.root_device_type.get()? == "instance-store" => Outcome::breach(
            "its root device is an instance store: AWS Backup only backs up EBS-backed instances",
        )
        .fix("Make an EBS-backed instance of it, or keep its data on EBS volumes and tag those."),
        Resource::RedshiftCluster(_) => Outcome::breach(
            "a Redshift cluster: AWS Backup cannot copy its snapshots, to no account and no region",
        )
        .fix(UNLOAD),
        Resource::RedshiftNamespace(_) => Outcome::breach(
            "a namespace of Redshift Serverless: AWS Backup cannot copy its snapshots, to no account and no region",
        )
        .fix(UNLOAD),
        Resource::Stack(_) => {
            Outcome::pass("AWS can copy backups of stacks as far as it can copy what is in them: see stack-resources-ready")
        }
        Resource::Gateway(gateway) => return gateways(gateway),
        Resource::Tagged(tagged) => by_its_tag(cx, tagged),
        Resource::Table(_) => {
            Outcome::pass("AWS can copy tables: see dynamodb-advanced-features-enabled for what it takes")
        }
        _ => Outcome::pass("AWS can copy it to another account"),
    })
}

const UNLOAD: &str = "Unload its tables to a bucket that is backed up.";

/// What only its tag gave away.
fn by_its_tag(cx: &RuleContext<'_>, tagged: &TaggedResource) -> Outcome {
    let outcome = match tagged.kind() {
        ResourceKind::Secret => {
            Outcome::breach("a secret of Secrets Manager: AWS Backup does not back it up").fix(
                "Keep what makes it elsewhere, or let Secrets Manager replicate it to another region.",
            )
        }
        ResourceKind::SsmParameter => {
            Outcome::breach("a parameter of Systems Manager: AWS Backup does not back it up")
                .fix("Keep its value where it is made: in code, or in a table that is backed up.")
        }
        _ => Outcome::warn(format!(
            "of type {}, which the guide does not cover: AWS Backup backs it up, and what its copy takes is not judged here",
            tagged.aws_type
        ))
        .fix(format!(
            "See in AWS Backup whether its copies arrive, and ask {} before you rely on them.",
            cx.settings.contact
        )),
    };
    outcome.with("aws_type", tagged.aws_type.as_str())
}

fn gateways(gateway: &Gateway) -> CheckResult {
    let kind = gateway.gateway_type.get()?;
    if holds_volumes(kind) {
        return Ok(Outcome::skip("not backed up itself: its volumes are"));
    }
    Ok(Outcome::breach(format!(
        "a gateway of type {kind}: AWS Backup only backs up the volumes of volume gateways"
    ))
    .fix("Back up what lies behind it: the bucket of an S3 file gateway, the file system of an FSx file gateway.")
    .with("gateway_type", kind.as_str()))
}
