use crate::analysis::copy_regions::{find_uncopied_type, is_uncopied_somewhere};
use crate::analysis::stack_members::find_members;
use crate::analysis::{CheckResult, Outcome, RuleContext, Verdict};
use crate::model::ec2::Instance;
use crate::model::fsx::{FsxFileSystem, FsxVolume, LUSTRE, ONTAP, OPENZFS, OntapKind};
use crate::model::rds::{BACKUP_TARGET, DbInstance};
use crate::model::storage_gateway::{Gateway, holds_volumes};
use crate::model::tagged::TaggedResource;
use crate::model::{Gap, GapKind, Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// AWS Backup can copy a backup of this resource type to another account.
    ///
    /// It cannot copy RDS Multi-AZ DB *clusters* (a Multi-AZ DB *instance* is supported), Redshift
    /// clusters and namespaces, RDS Custom, RDS databases whose snapshots are stored on an Outpost or in
    /// a Local Zone, EC2 instances on an Outpost, and EC2 instances whose root device is an instance
    /// store. FSx makes no backups of Lustre file systems that are scratch or linked to a bucket, and none
    /// of volumes of ONTAP that are not read-write, FlexCache volumes and SnapLock FlexGroup volumes. It copies no backups
    /// of OpenZFS file systems with the storage class Intelligent-Tiering. AWS Backup
    /// does not back up file gateways, tape gateways, secrets and Systems Manager parameters at all, even
    /// if they are tagged.
    ///
    /// A CloudFormation stack is a warning: the table of features by resource has no mark for its copy to
    /// another account, while the page on stacks says that its backup can be copied.
    ///
    /// In Regions where opt-in is required, AWS Backup does not copy Neptune clusters, Timestream tables and
    /// stacks to another account, in the AWS European Sovereign Cloud nothing, and in a few Regions no FSx
    /// for ONTAP.
    ///
    /// A type that AWS Backup supports and this program does not check further is a warning, for example
    /// EKS, Aurora DSQL, Timestream, SAP HANA or a virtual machine.
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
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/working-with-supported-services.html>
    /// - <https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateBackup.html>
    /// - <https://docs.aws.amazon.com/fsx/latest/ONTAPGuide/using-backups.html>
    /// - <https://docs.aws.amazon.com/fsx/latest/OpenZFSGuide/copy-backups.html>
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

/// Engines of RDS that AWS Backup cannot copy, by the start of their names.
///
/// Source, checked on November 29, 2026:
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/rds-backup.html>.
const ENGINES: [(&str, &str, &str); 2] = [
    (
        "custom-oracle",
        "RDS Custom for Oracle: AWS Backup does not support it",
        "Back it up with Oracle tools to a bucket that is backed up.",
    ),
    (
        "custom-sqlserver",
        "RDS Custom for SQL Server: AWS Backup cannot copy its snapshots to another account",
        "Back it up with SQL Server tools to a bucket that is backed up.",
    ),
];

/// Places outside a Region where RDS stores snapshots, as `BackupTarget` names them.
///
/// Source, checked on November 29, 2026:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>.
const BACKUP_TARGETS: [(&str, &str); 2] =
    [("outposts", "on an Outpost"), ("local", "in a Local Zone")];

fn check_resource(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let outcome = check_type(cx, resource)?;
    let uncopied = match cx.known_region() {
        Ok(region) => find_uncopied_type(resource, region).map(|name| (region, name)),
        Err(gap) if is_uncopied_somewhere(resource) => return Err(gap),
        Err(_) => None,
    };
    Ok(match (uncopied, outcome.verdict) {
        (Some((region, name)), Verdict::Pass | Verdict::Warn) => Outcome::breach(format!(
            "in {region}, AWS Backup does not copy backups of {name} to another account"
        ))
        .fix(match resource {
            Resource::Stack(_) => "Tag the resources of the stack instead of the stack.",
            _ => "Export its data by other means, or use another Region.",
        }),
        _ => outcome,
    })
}

fn check_type(cx: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
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
        Resource::DbCluster(cluster) if resource.aws_type().is_some() => report_other_type(
            cx,
            &format!("a cluster of the engine {}", cluster.engine),
        )
        .with("engine", cluster.engine.as_str()),
        Resource::DbInstance(database) => return check_database(database),
        Resource::FsxFileSystem(file_system) => return check_file_system(file_system),
        Resource::FsxVolume(volume) => return check_fsx_volume(volume),
        Resource::Instance(instance) => return check_instance(instance),
        Resource::Volume(volume) => match volume.outpost_arn.get()? {
            None => Outcome::pass(COPYABLE),
            Some(outpost) => Outcome::warn(
                "stored on an Outpost: only a snapshot that is stored in the Region can be copied to another account",
            )
            .fix("Store its snapshots in the Region, and verify its copy jobs in AWS Backup.")
            .with("outpost_arn", outpost.as_str()),
        },
        Resource::RedshiftCluster(_) => Outcome::breach(
            "a Redshift cluster: AWS Backup cannot copy its snapshots to any account or region",
        )
        .fix(UNLOAD),
        Resource::RedshiftNamespace(_) => Outcome::breach(
            "a Redshift Serverless namespace: AWS Backup cannot copy its snapshots to any account or region",
        )
        .fix(UNLOAD),
        Resource::Stack(stack) if find_members(cx, stack).is_known_empty()? => {
            Outcome::skip("contains nothing that AWS Backup backs up")
        }
        Resource::Stack(_) => Outcome::warn(
            "AWS documents contradict each other on copies of stack backups to another account; the resources in it decide: see stack-resources-ready",
        )
        .fix("Verify its copy jobs in AWS Backup, or tag the resources of the stack instead of the stack."),
        Resource::Gateway(gateway) => return check_gateway(gateway),
        Resource::Tagged(tagged) => return check_tagged_resource(cx, tagged),
        Resource::Table(_) => {
            Outcome::pass("AWS Backup can copy tables; for the prerequisites see dynamodb-advanced-features-enabled")
        }
        _ => Outcome::pass(COPYABLE),
    })
}

const COPYABLE: &str = "AWS Backup can copy it to another account";

fn check_database(database: &DbInstance) -> CheckResult {
    if let Some(cluster) = database
        .cluster
        .as_ref()
        .filter(|_| database.cluster_missing)
    {
        let message = format!(
            "a member of the DB cluster {cluster}, which the list of clusters does not have: it is being deleted, or the list is incomplete"
        );
        return Err(Gap::new(GapKind::Unreadable, message));
    }
    let engine = database.engine.get();
    let unsupported = engine.as_ref().ok().and_then(|engine| {
        let mut engines = ENGINES.iter();
        engines.find(|(name, ..)| engine.starts_with(name))
    });
    if let Some((_, message, fix)) = unsupported {
        return Ok(Outcome::breach(*message)
            .fix(*fix)
            .with("engine", engine?.as_str()));
    }
    let target = database.backup_target.get()?;
    if target == BACKUP_TARGET {
        engine?;
        return Ok(Outcome::pass(COPYABLE));
    }
    let mut places = BACKUP_TARGETS.iter();
    let place = places.find(|(name, _)| name == target);
    let Some((_, place)) = place else {
        let message =
            format!("its snapshots are stored in {target}, a place that is not documented");
        return Err(Gap::new(GapKind::Open, message));
    };
    Ok(Outcome::breach(format!(
        "its snapshots are stored {place}: AWS Backup supports only databases whose snapshots are stored in the Region"
    ))
    .fix("Move the database to an instance in the Region whose backup target is `region`.")
    .with("backup_target", target.as_str()))
}

fn check_instance(instance: &Instance) -> CheckResult {
    if let Some(outpost) = instance.outpost_arn.get()? {
        return Ok(Outcome::breach(
            "runs on an Outpost: AWS Backup cannot copy its backup to another account",
        )
        .fix("Move it to an instance in the Region, or replicate its data to the Region.")
        .with("outpost_arn", outpost.as_str()));
    }
    Ok(if instance.root_device_type.get()? == "instance-store" {
        Outcome::breach(
            "its root device is an instance store: AWS Backup supports only EBS-backed instances",
        )
        .fix("Replace it by an EBS-backed instance, or move its data to EBS volumes and tag those.")
    } else {
        Outcome::pass(COPYABLE)
    })
}

const UNLOAD: &str = "Unload its tables to a bucket that is backed up.";

/// Checks a resource that was found only by its tag.
fn check_tagged_resource(cx: &RuleContext<'_>, tagged: &TaggedResource) -> CheckResult {
    if let Some(exists) = &tagged.exists
        && !*exists.get()?
    {
        return Ok(Outcome::warn(format!(
            "tagged {}=enabled, but its service does not know it: it was deleted recently, or does not exist yet",
            cx.settings.tag_key
        ))
        .fix("Check again later: the tags of a deleted resource disappear after some time.")
        .with("aws_type", tagged.aws_type.as_str()));
    }
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
        _ => report_other_type(cx, &format!("type {}", tagged.aws_type)),
    };
    Ok(outcome.with("aws_type", tagged.aws_type.as_str()))
}

fn report_other_type(cx: &RuleContext<'_>, what: &str) -> Outcome {
    Outcome::warn(format!(
        "{what} is supported by AWS Backup but not covered by the company guide; copy prerequisites are not checked"
    ))
    .fix(format!(
        "Verify its copy jobs in AWS Backup, and ask {} before you rely on them.",
        cx.settings.contact
    ))
}

/// Checks a file system of FSx: AWS Backup backs up those for Windows and OpenZFS, and those for Lustre as far
/// as FSx can.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_CreateBackup.html>.
fn check_file_system(file_system: &FsxFileSystem) -> CheckResult {
    if file_system.is_ontap()? {
        return Ok(Outcome::skip("not backed up itself, but its volumes are"));
    }
    if file_system.file_system_type.get()? == OPENZFS && *file_system.is_tiered.get()? {
        return Ok(Outcome::breach(
            "an OpenZFS file system with the storage class Intelligent-Tiering: FSx does not copy its backups",
        )
        .fix("Move the data to a file system with SSD storage, or export it to a bucket that is backed up."));
    }
    if file_system.file_system_type.get()? != LUSTRE {
        return Ok(Outcome::pass(COPYABLE));
    }
    if file_system.is_scratch()?
        && let Some(deployment) = file_system.deployment_type.get()?
    {
        return Ok(Outcome::breach(format!(
            "a Lustre file system of type {deployment}: FSx makes backups only of persistent ones"
        ))
        .fix("Move the data to a persistent file system, or export it to a bucket that is backed up.")
        .with("deployment_type", deployment.as_str()));
    }
    Ok(if *file_system.is_linked.get()? {
        Outcome::breach(
            "linked to a data repository in S3: FSx makes no backups of such a Lustre file system",
        )
        .fix("Back up the bucket that it is linked to, or remove the link.")
    } else {
        Outcome::pass(COPYABLE)
    })
}

/// Checks a volume of FSx, which makes no backups of some kinds:
/// <https://docs.aws.amazon.com/fsx/latest/ONTAPGuide/using-backups.html>. AWS Backup copies volumes of ONTAP to other accounts since August 27, 2026:
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/doc-history.html>.
fn check_fsx_volume(volume: &FsxVolume) -> CheckResult {
    if volume.volume_type.get()? != ONTAP {
        return Ok(Outcome::skip(
            "not backed up itself, but its file system is",
        ));
    }
    let (what, fix) = match volume.ontap_kind.get()? {
        OntapKind::ReadWrite => return Ok(Outcome::pass(COPYABLE)),
        OntapKind::DataProtection => (
            "a data protection volume",
            "Tag it disabled, and back up the volume that it replicates.",
        ),
        OntapKind::LoadSharing => (
            "a load-sharing mirror volume",
            "Tag it disabled, and back up the volume that it mirrors.",
        ),
        OntapKind::FlexCache => (
            "a FlexCache volume",
            "Tag it disabled, and back up the origin volume.",
        ),
        OntapKind::SnaplockFlexgroup => (
            "a SnapLock FlexGroup volume",
            "Move the data to a FlexVol volume.",
        ),
    };
    Ok(Outcome::breach(format!("{what}: FSx makes no backups of it")).fix(fix))
}

fn check_gateway(gateway: &Gateway) -> CheckResult {
    let kind = gateway.gateway_type.get()?;
    if holds_volumes(kind) {
        return Ok(Outcome::skip("not backed up itself, but its volumes are"));
    }
    Ok(Outcome::breach(format!(
        "a gateway of type {kind}: AWS Backup supports only the volumes of volume gateways"
    ))
    .fix(match kind.as_str() {
        // Tapes are in storage of the service, which only backup software reaches.
        "VTL" => "Tag it disabled, and back up what is written to its tapes where it comes from.",
        _ => "Back up its storage: the bucket of an S3 file gateway, or the file system of an FSx file gateway.",
    })
    .with("gateway_type", kind.as_str()))
}
