//! The states that AWS documents for resources, and what each means for a backup.
//!
//! Checked on November 29, 2026. A state that is not in a table is not known: nothing follows from it.

/// What a state means for a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// AWS Backup can back the resource up.
    Ready,
    /// The state ends by itself.
    Transitional,
    /// The state lasts until somebody acts, and backups fail in it.
    Lasting,
    /// The resource is being deleted, or is gone.
    Deleting,
}

use Phase::{Deleting, Lasting, Ready, Transitional};

/// The states of a type, as its API writes them.
pub type States = &'static [(&'static str, Phase)];

/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceState.html>. An image can be
/// created of a running and of a stopped instance:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateImage.html>.
pub const INSTANCE: States = &[
    ("running", Ready),
    ("stopped", Ready),
    ("pending", Transitional),
    ("stopping", Transitional),
    ("shutting-down", Deleting),
    ("terminated", Deleting),
];

/// Source: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html>.
pub const VOLUME: States = &[
    ("in-use", Ready),
    ("available", Ready),
    ("creating", Transitional),
    ("error", Lasting),
    ("deleting", Deleting),
    ("deleted", Deleting),
];

/// Instances and clusters of RDS, Aurora, DocumentDB and Neptune, which share an API. A snapshot needs one of
/// the first two: <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSnapshot.html>.
///
/// Sources: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html>,
/// <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/accessing-monitoring.html>,
/// <https://docs.aws.amazon.com/documentdb/latest/developerguide/monitoring_docdb-cluster_status.html>,
/// <https://docs.aws.amazon.com/neptune/latest/userguide/manage-console-status.html>.
pub const DATABASE: States = &[
    ("available", Ready),
    ("storage-optimization", Ready),
    ("backing-up", Transitional),
    ("backtracking", Transitional),
    ("configuring-enhanced-monitoring", Transitional),
    ("configuring-iam-database-auth", Transitional),
    ("configuring-log-exports", Transitional),
    ("converting-to-vpc", Transitional),
    ("creating", Transitional),
    ("delete-precheck", Transitional),
    ("failing-over", Transitional),
    ("maintenance", Transitional),
    ("migrating", Transitional),
    ("modifying", Transitional),
    ("moving-to-vpc", Transitional),
    ("preparing-data-migration", Transitional),
    ("promoting", Transitional),
    ("rebooting", Transitional),
    ("renaming", Transitional),
    ("resetting-master-credentials", Transitional),
    ("starting", Transitional),
    ("stopping", Transitional),
    ("storage-config-upgrade", Transitional),
    ("storage-initialization", Transitional),
    ("update-iam-db-auth", Transitional),
    ("updating", Transitional),
    ("upgrading", Transitional),
    ("cloning-failed", Lasting),
    ("failed", Lasting),
    ("inaccessible-encryption-credentials", Lasting),
    ("inaccessible-encryption-credentials-recoverable", Lasting),
    ("incompatible-create", Lasting),
    ("incompatible-credentials", Lasting),
    ("incompatible-network", Lasting),
    ("incompatible-option-group", Lasting),
    ("incompatible-parameters", Lasting),
    ("incompatible-restore", Lasting),
    ("insufficient-capacity", Lasting),
    ("migration-failed", Lasting),
    ("restore-error", Lasting),
    ("stopped", Lasting),
    ("storage-full", Lasting),
    ("unsupported-configuration", Lasting),
    ("upgrade-failed", Lasting),
    ("deleting", Deleting),
    ("deleted", Deleting),
];

/// Source: <https://docs.aws.amazon.com/efs/latest/ug/API_FileSystemDescription.html>.
pub const EFS: States = &[
    ("available", Ready),
    ("creating", Transitional),
    ("updating", Transitional),
    ("error", Lasting),
    ("deleting", Deleting),
    ("deleted", Deleting),
];

/// File systems of FSx. One that is misconfigured has to be repaired.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_FileSystem.html>.
pub const FSX_FILE_SYSTEM: States = &[
    ("AVAILABLE", Ready),
    ("CREATING", Transitional),
    ("UPDATING", Transitional),
    ("FAILED", Lasting),
    ("MISCONFIGURED", Lasting),
    ("MISCONFIGURED_UNAVAILABLE", Lasting),
    ("DELETING", Deleting),
];

/// Volumes of FSx. One that is `CREATED` is fully available to its clients.
///
/// Source: <https://docs.aws.amazon.com/fsx/latest/APIReference/API_Volume.html>.
pub const FSX_VOLUME: States = &[
    ("AVAILABLE", Ready),
    ("CREATED", Ready),
    ("CREATING", Transitional),
    ("PENDING", Transitional),
    ("FAILED", Lasting),
    ("MISCONFIGURED", Lasting),
    ("DELETING", Deleting),
];

/// A table can be backed up unless it is being created or deleted:
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateBackup.html>.
///
/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html>.
pub const TABLE: States = &[
    ("ACTIVE", Ready),
    ("UPDATING", Ready),
    ("CREATING", Transitional),
    ("REPLICATION_NOT_AUTHORIZED", Transitional),
    ("ARCHIVING", Lasting),
    ("ARCHIVED", Lasting),
    ("INACCESSIBLE_ENCRYPTION_CREDENTIALS", Lasting),
    ("DELETING", Deleting),
];

/// In the lasting states, waiting does not help.
///
/// Source: <https://docs.aws.amazon.com/storagegateway/latest/vgw/StorageVolumeStatuses.html>.
pub const GATEWAY_VOLUME: States = &[
    ("AVAILABLE", Ready),
    ("BOOTSTRAPPING", Transitional),
    ("CREATING", Transitional),
    ("PASS THROUGH", Transitional),
    ("RESTORE AND PASS THROUGH", Transitional),
    ("RESTORE PASS THROUGH", Transitional),
    ("RESTORING", Transitional),
    ("IRRECOVERABLE", Lasting),
    ("UPLOAD BUFFER NOT CONFIGURED", Lasting),
    ("WORKING STORAGE NOT CONFIGURED", Lasting),
    ("DELETING", Deleting),
    ("DELETED", Deleting),
];

/// A cluster creates its final snapshot before it is deleted, and a paused one can be resumed.
///
/// Source: <https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html>.
pub const REDSHIFT_CLUSTER: States = &[
    ("available", Ready),
    ("available, prep-for-resize", Ready),
    ("available, resize-cleanup", Ready),
    ("cancelling-resize", Transitional),
    ("creating", Transitional),
    ("modifying", Transitional),
    ("paused", Transitional),
    ("pausing", Transitional),
    ("rebooting", Transitional),
    ("renaming", Transitional),
    ("resizing", Transitional),
    ("resuming", Transitional),
    ("rotating-keys", Transitional),
    ("updating-hsm", Transitional),
    ("hardware-failure", Lasting),
    ("incompatible-hsm", Lasting),
    ("incompatible-network", Lasting),
    ("incompatible-parameters", Lasting),
    ("incompatible-restore", Lasting),
    ("storage-full", Lasting),
    ("deleting", Deleting),
    ("final-snapshot", Deleting),
];

/// Source: <https://docs.aws.amazon.com/redshift-serverless/latest/APIReference/API_Namespace.html>.
pub const REDSHIFT_NAMESPACE: States = &[
    ("AVAILABLE", Ready),
    ("MODIFYING", Transitional),
    ("DELETING", Deleting),
];

/// A stack in `REVIEW_IN_PROGRESS` has no resources until somebody executes its change set.
///
/// Sources: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Stack.html>,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>.
pub const STACK: States = &[
    ("CREATE_COMPLETE", Ready),
    ("IMPORT_COMPLETE", Ready),
    ("IMPORT_ROLLBACK_COMPLETE", Ready),
    ("ROLLBACK_COMPLETE", Ready),
    ("UPDATE_COMPLETE", Ready),
    ("UPDATE_ROLLBACK_COMPLETE", Ready),
    ("CREATE_IN_PROGRESS", Transitional),
    ("IMPORT_IN_PROGRESS", Transitional),
    ("IMPORT_ROLLBACK_IN_PROGRESS", Transitional),
    ("ROLLBACK_IN_PROGRESS", Transitional),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Transitional),
    ("UPDATE_IN_PROGRESS", Transitional),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", Transitional),
    ("UPDATE_ROLLBACK_IN_PROGRESS", Transitional),
    ("CREATE_FAILED", Lasting),
    ("DELETE_FAILED", Lasting),
    ("IMPORT_ROLLBACK_FAILED", Lasting),
    ("REVIEW_IN_PROGRESS", Lasting),
    ("ROLLBACK_FAILED", Lasting),
    ("UPDATE_FAILED", Lasting),
    ("UPDATE_ROLLBACK_FAILED", Lasting),
    ("DELETE_IN_PROGRESS", Deleting),
    ("DELETE_COMPLETE", Deleting),
];
