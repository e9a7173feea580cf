use crate::model::Resource;
use crate::rule::{Check, Cx, Group, Judgement, Outcome, Owner, rule};
use crate::settings::Severity;

rule! {
    /// AWS can copy a backup of this kind of resource to another account at all.
    ///
    /// It cannot for RDS Multi-AZ DB *clusters* (a Multi-AZ DB *instance* is fine), for RDS Custom
    /// for Oracle, and for EC2 instances whose root device is an instance store. The local backup
    /// is kept for a day or so in the same account: the resource has next to no protection.
    ///
    /// ## Fix
    ///
    /// There is none in place. Move a Multi-AZ DB cluster to Aurora or to a Multi-AZ DB instance,
    /// an instance-store instance to an EBS-backed one; until then export the data by other means.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/backup-feature-availability.html>
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/rds-backup.html>
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

fn check(_: &Cx<'_>, resource: Resource<'_>) -> Judgement {
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
        Resource::Table(_) => {
            Outcome::pass("AWS can copy tables: see dynamodb-advanced-features-enabled for what it takes")
        }
        _ => Outcome::pass("AWS can copy it to another account"),
    })
}
