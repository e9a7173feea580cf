//! Jobs of AWS Backup: what it backed up and copied, and what came of it.

use serde::{Deserialize, Serialize};

use super::Observed;

/// A backup job. Source: AWS Backup API, `ListBackupJobs`.
///
/// A job for a CloudFormation stack is a parent (AWS's documentation says composite): AWS Backup
/// starts a child job (nested) for each resource of the stack, with the resource's own ARN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupJob {
    /// `BackupJobId`.
    pub id: String,
    /// The resource that is backed up. Buckets have no region in theirs.
    pub resource_arn: String,
    /// `CREATED`, `PENDING`, `RUNNING`, `ABORTING`, `ABORTED`, `COMPLETED`, `FAILED`, `EXPIRED`,
    /// `PARTIAL`.
    pub state: String,
    /// Why it ended so, in AWS's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `SUCCESS`, or the sort of message: what is completed with another one has issues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_category: Option<String>,
    /// When it was created, RFC 3339 in UTC.
    pub created_at: String,
    /// When it completed, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// The job of the stack that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_job_id: Option<String>,
    /// The name of the vault that it backs up to.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub vault: Observed<String>,
    /// The plan that started it; none where it was started on demand.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub created_by: Observed<Option<JobOrigin>>,
}

/// The plan and rule that started a job. Source: AWS Backup API, `RecoveryPointCreator`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobOrigin {
    /// `BackupPlanId`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// `BackupPlanName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_name: Option<String>,
    /// `BackupRuleName`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule_name: Option<String>,
}

/// A job that copies a backup to another vault. Source: AWS Backup API, `ListCopyJobs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CopyJob {
    /// `CopyJobId`.
    pub id: String,
    /// The resource whose backup is copied.
    pub resource_arn: String,
    /// `CREATED`, `RUNNING`, `COMPLETED`, `FAILED`, `PARTIAL`.
    pub state: String,
    /// Why it ended so, in AWS's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// `SUCCESS`, or the sort of message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_category: Option<String>,
    /// When it was created, RFC 3339 in UTC.
    pub created_at: String,
    /// When it completed, RFC 3339 in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// The vault that it is copied to: its account is the one that gets the copy.
    pub destination_vault_arn: String,
    /// The job of the stack that it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_job_id: Option<String>,
    /// The ARN of the vault that it copies from.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub source_vault_arn: Observed<String>,
    /// The plan that started it; none where it was started on demand.
    #[serde(default, skip_serializing_if = "Observed::is_not_collected")]
    pub created_by: Observed<Option<JobOrigin>>,
}
