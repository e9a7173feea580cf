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
    /// - <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html>
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
        check: Check::Any(check_resource),
    }
}

/// Whether AWS Backup can back up a resource in a state.
enum Readiness {
    Ready,
    /// The state changes by itself.
    Transitional,
    /// The state lasts, and backups fail in it.
    Failing,
}

fn check_resource(_: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let classify: fn(&str) -> Readiness = match resource.kind() {
        ResourceKind::Ec2Instance => classify_instance,
        ResourceKind::EbsVolume => classify_volume,
        ResourceKind::RdsInstance | ResourceKind::RdsCluster | ResourceKind::AuroraCluster => {
            classify_database
        }
        ResourceKind::EfsFileSystem => classify_file_system,
        ResourceKind::StorageGatewayVolume => classify_gateway_volume,
        ResourceKind::RedshiftCluster => classify_redshift_cluster,
        ResourceKind::RedshiftNamespace => classify_redshift_namespace,
        ResourceKind::CloudformationStack => classify_stack,
        _ => return Ok(Outcome::skip("its state does not affect backups")),
    };
    let Some(state) = resource.state() else {
        return Ok(Outcome::skip("has no state"));
    };
    // A resource that exists only in a plan has no state yet, and a plan does not change the state of others.
    if let Observed::Unknown(gap) = state
        && matches!(gap.kind, GapKind::AfterApply | GapKind::Unplanned)
    {
        return Ok(Outcome::skip("its state is not part of a plan"));
    }
    let state = state.get()?;
    Ok(match classify(state) {
        Readiness::Ready => Outcome::pass(format!("its state is {state}")),
        Readiness::Transitional => Outcome::warn(format!(
            "its state is {state}, which is transitional; check again later"
        )),
        Readiness::Failing => Outcome::breach(format!(
            "its state is {state}: it cannot be backed up"
        ))
        .fix(match state.as_str() {
            "stopped" => "Start it.".to_owned(),
            "UPLOAD BUFFER NOT CONFIGURED" | "WORKING STORAGE NOT CONFIGURED" => {
                "Add an upload buffer to its gateway.".to_owned()
            }
            "storage-full" => "Increase its storage.".to_owned(),
            "UPDATE_ROLLBACK_FAILED" => {
                "Continue the rollback with `aws cloudformation continue-update-rollback`."
                    .to_owned()
            }
            _ => format!("Resolve the state {state}."),
        }),
    }
    .with("state", state.as_str()))
}

fn classify_instance(state: &str) -> Readiness {
    match state {
        "running" | "stopped" => Readiness::Ready,
        "pending" | "stopping" => Readiness::Transitional,
        _ => Readiness::Failing,
    }
}

fn classify_volume(state: &str) -> Readiness {
    match state {
        "in-use" | "available" => Readiness::Ready,
        "creating" => Readiness::Transitional,
        _ => Readiness::Failing,
    }
}

// Most of the about 40 RDS states are transitional, so the failing ones are listed.
fn classify_database(state: &str) -> Readiness {
    match state {
        "available" | "storage-optimization" => Readiness::Ready,
        "stopped"
        | "storage-full"
        | "restore-error"
        | "insufficient-capacity"
        | "unsupported-configuration" => Readiness::Failing,
        _ if state.starts_with("inaccessible-")
            || state.starts_with("incompatible-")
            || state.ends_with("failed") =>
        {
            Readiness::Failing
        }
        _ => Readiness::Transitional,
    }
}

fn classify_file_system(state: &str) -> Readiness {
    match state {
        "available" => Readiness::Ready,
        "creating" | "updating" => Readiness::Transitional,
        _ => Readiness::Failing,
    }
}

// In the failing states, waiting does not help.
fn classify_gateway_volume(state: &str) -> Readiness {
    match state {
        "AVAILABLE" => Readiness::Ready,
        "BOOTSTRAPPING"
        | "CREATING"
        | "PASS THROUGH"
        | "RESTORE AND PASS THROUGH"
        | "RESTORING" => Readiness::Transitional,
        _ => Readiness::Failing,
    }
}

// `available, prep-for-resize` is available, and a paused cluster can be resumed.
fn classify_redshift_cluster(state: &str) -> Readiness {
    match state {
        "hardware-failure" | "storage-full" => Readiness::Failing,
        _ if state.starts_with("available") => Readiness::Ready,
        _ if state.starts_with("incompatible-") => Readiness::Failing,
        _ => Readiness::Transitional,
    }
}

fn classify_redshift_namespace(state: &str) -> Readiness {
    match state {
        "AVAILABLE" => Readiness::Ready,
        "MODIFYING" => Readiness::Transitional,
        _ => Readiness::Failing,
    }
}

// `DELETE_COMPLETE` does not occur: the list leaves deleted stacks out.
fn classify_stack(state: &str) -> Readiness {
    match state {
        _ if state.ends_with("_COMPLETE") => Readiness::Ready,
        _ if state.ends_with("_IN_PROGRESS") => Readiness::Transitional,
        _ => Readiness::Failing,
    }
}
