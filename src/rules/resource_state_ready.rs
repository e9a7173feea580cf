use crate::analysis::{CheckResult, Outcome, RuleContext};
use crate::model::state::Phase;
use crate::model::{Gap, GapKind, Observed, Resource};
use crate::rule::{Check, Group, Owner, rule};
use crate::settings::Severity;

rule! {
    /// The resource is in a state in which AWS Backup can back it up.
    ///
    /// An EC2 instance must be running or stopped, and an EBS volume in-use or available. A database must
    /// be available or optimize its storage. A file system, Redshift cluster or namespace, or Storage
    /// Gateway volume must be available, and a DynamoDB table active or updating. A CloudFormation stack
    /// must be in a state that ends in `_COMPLETE`.
    ///
    /// A transitional state is a warning, for example pending, modifying or backing-up. A state that AWS
    /// does not document is `unknown`. A resource that is being deleted is left out of the report.
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
    /// - <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>
    /// - <https://docs.aws.amazon.com/efs/latest/ug/API_FileSystemDescription.html>
    /// - <https://docs.aws.amazon.com/fsx/latest/APIReference/API_FileSystem.html>
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
        concerns: |kind| !kind.states.is_empty(),
    }
}

fn check_resource(_: &RuleContext<'_>, resource: Resource<'_>) -> CheckResult {
    let kind = resource.kind();
    let Some(state) = resource.state().filter(|_| !kind.facts().states.is_empty()) else {
        return Ok(Outcome::skip("its state does not affect backups"));
    };
    // A resource that exists only in a plan has no state yet, and a plan does not change the state of others.
    if let Observed::Unknown(gap) = state
        && matches!(gap.kind, GapKind::AfterApply | GapKind::Unplanned)
    {
        return Ok(Outcome::skip("its state is not part of a plan"));
    }
    let state = state.get()?;
    let outcome = match kind.phase_of(state) {
        Some(Phase::Ready) => Outcome::pass(format!("its state is {state}")),
        Some(Phase::Transitional) => Outcome::warn(format!(
            "its state is {state}, which is transitional; check again later"
        )),
        Some(Phase::Lasting | Phase::Deleting) => {
            Outcome::breach(format!("its state is {state}: it cannot be backed up"))
                .fix(describe_fix(state))
        }
        None => Outcome::unknown(&Gap::new(
            GapKind::Open,
            format!("its state is {state}, which is not among the documented states of its type"),
        )),
    };
    Ok(outcome.with("state", state.as_str()))
}

fn describe_fix(state: &str) -> String {
    match state {
        "stopped" => "Start it.".to_owned(),
        "UPLOAD BUFFER NOT CONFIGURED" | "WORKING STORAGE NOT CONFIGURED" => {
            "Add an upload buffer to its gateway.".to_owned()
        }
        "storage-full" => "Increase its storage.".to_owned(),
        "UPDATE_ROLLBACK_FAILED" => {
            "Continue the rollback with `aws cloudformation continue-update-rollback`.".to_owned()
        }
        "REVIEW_IN_PROGRESS" => "Execute its change set, or delete the stack.".to_owned(),
        "ARCHIVING" | "ARCHIVED" => {
            "Restore the backup that DynamoDB made when it archived the table.".to_owned()
        }
        _ if state.to_ascii_lowercase().starts_with("inaccessible") => {
            "Enable its KMS key and let its service use it again.".to_owned()
        }
        _ => format!("Resolve the state {state}."),
    }
}
