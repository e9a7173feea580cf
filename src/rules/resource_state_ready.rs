use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::{GapKind, Observed, Resource, ResourceKind};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The resource is in a state in which AWS Backup can back it up.
    ///
    /// An EC2 instance must be running or stopped, and an EBS volume in-use or available. A database,
    /// file system, Redshift cluster or namespace, or Storage Gateway volume must be available. A
    /// CloudFormation stack must be in a state that ends in `_COMPLETE`.
    ///
    /// A transitional state is a warning, for example pending, modifying or backing-up. A resource that
    /// is being deleted is left out of the report.
    ///
    /// ## Why it matters
    ///
    /// A resource that stays in another state cannot be backed up.
    ///
    /// ## Fix
    ///
    /// Return the resource to a working state. For a transitional state, check again later.
    ///
    /// ## Sources
    ///
    /// - <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html>
    /// - <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html>
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>
    /// - <https://docs.aws.amazon.com/efs/latest/ug/API_FileSystemDescription.html>
    /// - <https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html>
    /// - <https://docs.aws.amazon.com/storagegateway/latest/vgw/StorageVolumeStatuses.html>
    /// - <https://docs.aws.amazon.com/aws-backup/latest/devguide/applicationstackbackups.html>
    RULE = Rule {
        id: "resource-state-ready",
        group: Group::Service,
        owner: Owner::Member,
        title: "The resource is in a state that can be backed up",
        guide: Severity::Fail,
        aws: Severity::Fail,
        check: Check::Any(check),
    }
}

/// How a state looks to a backup.
enum Readiness {
    Ready,
    Passing,
    Lasting,
}

fn check(_: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let readiness: fn(&str) -> Readiness = match resource.kind() {
        ResourceKind::Ec2Instance => instance,
        ResourceKind::EbsVolume => volume,
        ResourceKind::RdsInstance | ResourceKind::RdsCluster | ResourceKind::AuroraCluster => {
            database
        }
        ResourceKind::EfsFileSystem => file_system,
        ResourceKind::StorageGatewayVolume => gateway_volume,
        ResourceKind::RedshiftCluster => redshift_cluster,
        ResourceKind::RedshiftNamespace => redshift_namespace,
        ResourceKind::CloudformationStack => stack,
        _ => return Ok(Outcome::skip("its state does not matter to a backup")),
    };
    let Some(state) = resource.state() else {
        return Ok(Outcome::skip("has no state"));
    };
    // What exists in a plan only has none yet, and no plan keeps what it leaves alone from being ready.
    if let Observed::Unknown(gap) = state
        && matches!(gap.kind, GapKind::AfterApply | GapKind::Unplanned)
    {
        return Ok(Outcome::skip("its state is not for a plan to say"));
    }
    let state = state.get()?;
    Ok(match readiness(state) {
        Readiness::Ready => Outcome::pass(format!("its state is {state}")),
        Readiness::Passing => Outcome::warn(format!(
            "its state is {state}, which passes: look again later"
        )),
        Readiness::Lasting => Outcome::breach(format!(
            "its state is {state}: it cannot be backed up"
        ))
        .fix(match state.as_str() {
            "stopped" => "Start it.".to_owned(),
            "UPLOAD BUFFER NOT CONFIGURED" | "WORKING STORAGE NOT CONFIGURED" => {
                "Give its gateway an upload buffer.".to_owned()
            }
            "storage-full" => "Give it more storage.".to_owned(),
            "UPDATE_ROLLBACK_FAILED" => {
                "Continue the rollback: `aws cloudformation continue-update-rollback`.".to_owned()
            }
            _ => format!("Bring it out of the state {state}."),
        }),
    }
    .with("state", state.as_str()))
}

fn instance(state: &str) -> Readiness {
    match state {
        "running" | "stopped" => Readiness::Ready,
        "pending" | "stopping" => Readiness::Passing,
        _ => Readiness::Lasting,
    }
}

fn volume(state: &str) -> Readiness {
    match state {
        "in-use" | "available" => Readiness::Ready,
        "creating" => Readiness::Passing,
        _ => Readiness::Lasting,
    }
}

// RDS has some forty states, most of which pass; the lasting ones are named.
fn database(state: &str) -> Readiness {
    match state {
        "available" => Readiness::Ready,
        "stopped"
        | "storage-full"
        | "restore-error"
        | "insufficient-capacity"
        | "unsupported-configuration" => Readiness::Lasting,
        _ if state.starts_with("inaccessible-")
            || state.starts_with("incompatible-")
            || state.ends_with("failed") =>
        {
            Readiness::Lasting
        }
        _ => Readiness::Passing,
    }
}

fn file_system(state: &str) -> Readiness {
    match state {
        "available" => Readiness::Ready,
        "creating" | "updating" => Readiness::Passing,
        _ => Readiness::Lasting,
    }
}

// The lasting ones are those in which no snapshot will ever be taken by waiting.
fn gateway_volume(state: &str) -> Readiness {
    match state {
        "AVAILABLE" => Readiness::Ready,
        "BOOTSTRAPPING"
        | "CREATING"
        | "PASS THROUGH"
        | "RESTORE AND PASS THROUGH"
        | "RESTORING" => Readiness::Passing,
        _ => Readiness::Lasting,
    }
}

// `available, prep-for-resize` is available; a paused cluster is resumed some day.
fn redshift_cluster(state: &str) -> Readiness {
    match state {
        "hardware-failure" | "storage-full" => Readiness::Lasting,
        _ if state.starts_with("available") => Readiness::Ready,
        _ if state.starts_with("incompatible-") => Readiness::Lasting,
        _ => Readiness::Passing,
    }
}

fn redshift_namespace(state: &str) -> Readiness {
    match state {
        "AVAILABLE" => Readiness::Ready,
        "MODIFYING" => Readiness::Passing,
        _ => Readiness::Lasting,
    }
}

// All the states that end so, but for `DELETE_COMPLETE`, which no list shows.
fn stack(state: &str) -> Readiness {
    match state {
        _ if state.ends_with("_COMPLETE") => Readiness::Ready,
        _ if state.ends_with("_IN_PROGRESS") => Readiness::Passing,
        _ => Readiness::Lasting,
    }
}
