use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::storage_gateway::{Gateway, holds_volumes};
use crate::model::tagged::TaggedResource;
use crate::model::{Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// AWS Backup can copy a backup of this resource type to another account.
    ///
    /// It cannot copy RDS Multi-AZ DB *clusters* (a Multi-AZ DB *instance* is supported), Redshift
    /// clusters and namespaces, RDS Custom for Oracle, and EC2 instances whose root device is an
    /// instance store. It does not back up file gateways, tape gateways, secrets and Systems Manager
    /// parameters at all, even if they are tagged.
    ///
    /// A type that AWS Backup supports but the company guide does not cover is a warning, for example
    /// FSx, DocumentDB, Neptune or EKS. Its copy prerequisites are not checked.
    ///
    /// ## Why it matters
    ///
    /// Without a copy, the only backup is the local one. It is kept for about a day, in the same
    /// account. The resource has almost no protection.
    ///
    /// ## Fix
    ///
    /// There is no fix in place. Move a Multi-AZ DB cluster to Aurora or to a Multi-AZ DB instance.
    /// Replace an instance-store instance by an EBS-backed one. Export the data by other means until
    /// then. Unload Redshift tables to a bucket that is backed up. For a file gateway, back up the
    /// bucket or the FSx file system behind it.
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
        title: "AWS Backup can copy this resource type to another account",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check_resource),
    }
}

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    if let Resource::DbCluster(cluster) = resource
        && let Some(gap) = &cluster.engine_gap
    {
        return Err(gap.clone());
    }
    Ok(match resource {
        Resource::DbCluster(cluster) if cluster.is_multi_az() => Outcome::breach(
            "an RDS Multi-AZ DB cluster: its snapshots cannot be copied to another account",
        )
        .fix("Move it to Aurora or to a Multi-AZ DB instance with one standby.")
        .with("engine", cluster.engine.as_str()),
        Resource::DbInstance(database) if database.engine.get()?.starts_with("custom-oracle") => {
            Outcome::breach("RDS Custom for Oracle: AWS Backup does not support it")
                .fix("Back it up with Oracle tools to a bucket that is backed up.")
                .with("engine", database.engine.get()?.as_str())
        }
        Resource::Instance(instance) if instance.root_device_type.get()? == "instance-store" => Outcome::breach(
            "its root device is an instance store: AWS Backup supports only EBS-backed instances",
        )
        .fix("Replace it by an EBS-backed instance, or move its data to EBS volumes and tag those."),
        Resource::RedshiftCluster(_) => Outcome::breach(
            "a Redshift cluster: AWS Backup cannot copy its snapshots to any account or region",
        )
        .fix(UNLOAD),
        Resource::RedshiftNamespace(_) => Outcome::breach(
            "a Redshift Serverless namespace: AWS Backup cannot copy its snapshots to any account or region",
        )
        .fix(UNLOAD),
        Resource::Stack(_) => {
            Outcome::pass("AWS Backup copies the resources of a stack that it can copy: see stack-resources-ready")
        }
        Resource::Gateway(gateway) => return check_gateway(gateway),
        Resource::Tagged(tagged) => check_tagged_resource(cx, tagged),
        Resource::Table(_) => {
            Outcome::pass("AWS Backup can copy tables; for the prerequisites see dynamodb-advanced-features-enabled")
        }
        _ => Outcome::pass("AWS Backup can copy it to another account"),
    })
}

const UNLOAD: &str = "Unload its tables to a bucket that is backed up.";

/// Checks a resource that was found only by its tag.
fn check_tagged_resource(cx: &RuleContext<'_>, tagged: &TaggedResource) -> Outcome {
    let outcome = match tagged.kind() {
        ResourceKind::Secret => {
            Outcome::breach("a Secrets Manager secret: not supported by AWS Backup").fix(
                "Store what is needed to recreate it elsewhere, or replicate the secret to another region.",
            )
        }
        ResourceKind::SsmParameter => {
            Outcome::breach("a Systems Manager parameter: not supported by AWS Backup")
                .fix("Store its value in code or in a table that is backed up.")
        }
        _ => Outcome::warn(format!(
            "type {} is supported by AWS Backup but not covered by the company guide; copy prerequisites are not checked",
            tagged.aws_type
        ))
        .fix(format!(
            "Verify its copy jobs in AWS Backup, and ask {} before you rely on them.",
            cx.settings.contact
        )),
    };
    outcome.with("aws_type", tagged.aws_type.as_str())
}

fn check_gateway(gateway: &Gateway) -> CheckResult {
    let kind = gateway.gateway_type.get()?;
    if holds_volumes(kind) {
        return Ok(Outcome::skip("not backed up itself, but its volumes are"));
    }
    Ok(Outcome::breach(format!(
        "a gateway of type {kind}: AWS Backup supports only the volumes of volume gateways"
    ))
    .fix("Back up its storage: the bucket of an S3 file gateway, or the file system of an FSx file gateway.")
    .with("gateway_type", kind.as_str()))
}
