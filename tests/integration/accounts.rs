//! Three accounts as `collect` saves them, and what a person who knows them says of every resource.
//!
//! The expectations come from the design of the accounts, never from the tool's output. A resource is
//! named by its `Name` tag, or else by its id.

use std::collections::{BTreeMap, BTreeSet};

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::model::coverage::CoverageState;
use backup_check::model::snapshot::Source;
use backup_check::model::tag::BackupTag;
use backup_check::model::tag::BackupTag::{
    Custom, Disabled, Enabled, Invalid, None as Untagged, Unknown,
};
use backup_check::model::{Gap, GapKind, Listing, ResourceKind, Snapshot};
use backup_check::report::json::{JsonReport, report_schema};
use backup_check::report::{Finding, Report, ResourceLine, ResourceVerdict, Status, json};
use backup_check::rule::{Check, Group, Owner};
use backup_check::rules::ALL;
use backup_check::settings::{Settings, Standard};
use backup_check::source::saved;
use serde_json::Value;

const ACCOUNTS: [&str; 3] = ["clean", "mixed", "no-access"];
const STANDARDS: [Standard; 2] = [Standard::Guide, Standard::Aws];
const REGIONS: [&str; 5] = [
    "ap-southeast-1",
    "eu-central-1",
    "eu-west-1",
    "eu-west-3",
    "us-east-1",
];

/// One finding that is neither passed nor skipped.
type Reason = (&'static str, Status);

const COPY_IMPOSSIBLE: Reason = ("cross-account-copy-supported", Status::Fail);
const COPY_NOT_JUDGED: Reason = ("cross-account-copy-supported", Status::Warn);
const NOT_ENCRYPTED: Reason = ("encryption-at-rest", Status::Fail);
const AWS_KEY: Reason = ("encryption-customer-key", Status::Fail);
const NO_CUSTOMER_KEY: Reason = ("encryption-customer-key-recommended", Status::Warn);
const KEY_UNUSABLE: Reason = ("kms-key-usable", Status::Fail);
const NOT_SHARED: Reason = ("kms-key-shared", Status::Fail);
const SHARING_UNKNOWN: Reason = ("kms-key-shared", Status::Unknown);
const NOT_FULLY_SHARED: Reason = ("kms-key-fully-shared", Status::Warn);
const FULL_SHARING_UNKNOWN: Reason = ("kms-key-fully-shared", Status::Unknown);
const NOT_LOCALLY_USABLE: Reason = ("kms-key-locally-usable", Status::Fail);
const LOCAL_USE_UNKNOWN: Reason = ("kms-key-locally-usable", Status::Unknown);
const CENTRAL_KEY: Reason = ("kms-key-not-central", Status::Warn);
const BAD_STATE: Reason = ("resource-state-ready", Status::Fail);
const PASSING_STATE: Reason = ("resource-state-ready", Status::Warn);
const NOT_VERSIONED: Reason = ("s3-versioning-enabled", Status::Fail);
const VERSIONING_UNKNOWN: Reason = ("s3-versioning-enabled", Status::Unknown);
const NO_EXPIRY: Reason = ("s3-old-versions-expire", Status::Warn);
const EXPIRY_UNKNOWN: Reason = ("s3-old-versions-expire", Status::Unknown);
const BASIC_DYNAMODB: Reason = ("dynamodb-advanced-features-enabled", Status::Fail);
const NO_AUTOMATED_BACKUPS: Reason = ("rds-automated-backups-enabled", Status::Warn);
const OPTION_GROUP: Reason = ("rds-option-group-shareable", Status::Fail);
const MARKETPLACE: Reason = ("ec2-image-copyable", Status::Fail);
const BACKED_UP_TWICE: Reason = ("backup-not-duplicated", Status::Warn);
const STACK_NOT_READY: Reason = ("stack-resources-ready", Status::Fail);
/// AWS's documents contradict each other.
const STACK_COPY_OPEN: Reason = ("cross-account-copy-supported", Status::Warn);
const STACK_UNKNOWN: Reason = ("stack-resources-ready", Status::Unknown);
const NO_DECISION: Reason = ("backup-decision-made", Status::Warn);
const DECISION_UNKNOWN: Reason = ("backup-decision-made", Status::Unknown);
const CUSTOM: Reason = ("backup-tag-not-custom", Status::Warn);
const CUSTOM_UNKNOWN: Reason = ("backup-tag-not-custom", Status::Unknown);
const BAD_TAG: Reason = ("backup-tag-valid", Status::Fail);
const TAG_UNKNOWN: Reason = ("backup-tag-valid", Status::Unknown);
const TAG_MISPLACED: Reason = ("backup-tag-placed", Status::Fail);
const PLACE_UNKNOWN: Reason = ("backup-tag-placed", Status::Unknown);
const COPY_NOT_RETAINED: Reason = ("central-copy-retained", Status::Warn);
const EVENTS_OFF: Reason = ("s3-continuous-events", Status::Warn);
const IN_WINDOW: Reason = ("rds-windows-clear", Status::Warn);
const EBS_DEFAULT: Reason = ("ebs-default-encryption", Status::Warn);
const NOT_OPTED_IN: Reason = ("service-opted-in", Status::Warn);
const OPT_IN_UNKNOWN: Reason = ("service-opted-in", Status::Unknown);
const NO_ENDPOINT: Reason = ("s3-gateway-endpoint-present", Status::Fail);
const NOT_ROUTED: Reason = ("s3-gateway-endpoint-routed", Status::Fail);
const PUBLIC_NOT_ROUTED: Reason = ("s3-gateway-endpoint-routed", Status::Warn);
const NO_POLICY: Reason = ("backup-policy-effective", Status::Fail);
const POLICY_UNKNOWN: Reason = ("backup-policy-effective", Status::Unknown);
const VAULT_LOCKED: Reason = ("local-vault-ready", Status::Fail);
const VAULT_UNKNOWN: Reason = ("local-vault-ready", Status::Unknown);
const VAULT_KEY: Reason = ("local-vault-key-shared", Status::Warn);
const VAULT_KEY_UNKNOWN: Reason = ("local-vault-key-shared", Status::Unknown);
const ROLE_LACKS: Reason = ("backup-role-ready", Status::Fail);
const ROLE_UNKNOWN: Reason = ("backup-role-ready", Status::Unknown);
const ORGANIZATION_UNKNOWN: Reason = ("organization-member", Status::Unknown);
const NOT_COVERED: Reason = ("backup-region-covered", Status::Fail);
const COVER_UNKNOWN: Reason = ("backup-region-covered", Status::Unknown);
const NARROW_ENDPOINT: Reason = ("s3-gateway-endpoint-open", Status::Warn);
const NOT_BACKED_UP: Reason = ("backup-recent", Status::Fail);
const NO_BACKUP_YET: Reason = ("backup-recent", Status::Warn);
const BACKUP_WITH_ISSUES: Reason = NO_BACKUP_YET;
const PARTLY_BACKED_UP: Reason = NO_BACKUP_YET;
const NOT_COPIED: Reason = ("copy-recent", Status::Fail);
const PARTLY_COPIED: Reason = ("copy-recent", Status::Warn);

/// Everything in `mixed.json`: the tag, the names, and every finding that is neither passed nor skipped.
const MIXED: &[(BackupTag, &[&str], &[Reason])] = &[
    // eu-central-1. The payments team keeps its things well: its own key has the guide's statements,
    // instances are tagged and their volumes are not backed up a second time.
    (
        Enabled,
        &[
            "payments-api-1",
            "payments-api-2",
            "payments-api-3",
            "payments-worker-1",
            "payments-worker-2",
            "payments-settlement-1",
            "payments-db",
            "payments-ledger",
            "payments-idempotency-keys",
            "payments-invoices-111122223333",
            "payments-exports-111122223333",
            "payments-files",
        ],
        &[],
    ),
    // Redshift stays in the account.
    (Enabled, &["payments-dwh"], &[COPY_IMPOSSIBLE]),
    (Enabled, &["payments-events"], &[NO_CUSTOMER_KEY]),
    (
        Enabled,
        &["payments-audit-trail-111122223333"],
        &[NO_EXPIRY],
    ),
    (
        Disabled,
        &[
            "payments-api-1-root",
            "payments-api-2-root",
            "payments-api-3-root",
            "payments-worker-1-root",
            "payments-worker-1-data",
            "payments-worker-2-root",
            "payments-worker-2-data",
            "payments-settlement-1-root",
            "payments-settlement-1-data",
            "payments-bastion",
            "payments-bastion-root",
            "payments-db-replica",
            "payments-sessions",
            "payments-tmp-111122223333",
        ],
        &[],
    ),
    // The shared platform runs on a key that a console made: nobody shared it.
    (
        Enabled,
        &[
            "app-web-1",
            "app-web-2",
            "app-web-3",
            "app-web-4",
            "app-api-1",
            "app-api-2",
            "app-api-3",
            "app-api-4",
            "app-jobs-1",
            "app-jobs-2",
            "app-search-1",
            "app-scratch-1",
            "app-scratch-2",
            "app-db",
        ],
        &[NOT_SHARED, NOT_FULLY_SHARED, NOT_COPIED],
    ),
    // It was copied last night although its key is not shared: the next copy may fail.
    (
        Enabled,
        &["app-migration-2024"],
        &[NOT_SHARED, NOT_FULLY_SHARED],
    ),
    (
        Enabled,
        &["app-search-2"],
        &[NOT_SHARED, NOT_FULLY_SHARED, PASSING_STATE, NOT_COPIED],
    ),
    (
        Enabled,
        &[
            "app-api-1-data",
            "app-api-2-data",
            "app-api-3-data",
            "app-api-4-data",
        ],
        &[NOT_SHARED, NOT_FULLY_SHARED, BACKED_UP_TWICE, NOT_COPIED],
    ),
    (
        Untagged,
        &[
            "app-web-1-root",
            "app-web-2-root",
            "app-web-3-root",
            "app-web-4-root",
            "app-api-1-root",
            "app-api-2-root",
            "app-api-3-root",
            "app-api-4-root",
            "app-jobs-1-root",
            "app-jobs-1-data",
            "app-jobs-2-root",
            "app-jobs-2-data",
            "app-search-1-root",
            "app-search-2-root",
        ],
        &[NO_DECISION, NOT_SHARED, NOT_FULLY_SHARED],
    ),
    (
        Disabled,
        &["app-search-1-data", "app-search-2-data", "app-db-staging"],
        &[],
    ),
    (Enabled, &["app-jenkins"], &[NOT_ENCRYPTED]),
    (
        Untagged,
        &["app-jenkins-root"],
        &[NO_DECISION, NOT_ENCRYPTED],
    ),
    (Enabled, &["app-gitlab"], &[MARKETPLACE, NOT_COPIED]),
    // One disk of two has aws/ebs.
    (Enabled, &["app-legacy-batch"], &[AWS_KEY, NOT_COPIED]),
    (
        Untagged,
        &["app-legacy-batch-root"],
        &[NO_DECISION, AWS_KEY],
    ),
    (Invalid, &["app-cache-2", "app-cron"], &[BAD_TAG]),
    (
        Custom,
        &["app-proxy", "app-backups-old-111122223333"],
        &[CUSTOM],
    ),
    (
        Untagged,
        &[
            "app-gitlab-root",
            "app-legacy-batch-data",
            "app-cache-1",
            "app-cache-1-root",
            "app-cache-2-root",
            "app-cron-root",
            "app-proxy-root",
            "Büro-Fileserver Zürich",
            "buero-fileserver-root",
        ],
        &[NO_DECISION],
    ),
    // Nobody has backed it up for six days.
    (Enabled, &["crm-sqlserver"], &[NOT_BACKED_UP]),
    (Enabled, &["terraform-state-111122223333-eu-central-1"], &[]),
    // Its maintenance window is at the hour of the backups.
    (Enabled, &["reporting-db"], &[CENTRAL_KEY, IN_WINDOW]),
    (Enabled, &["app-home"], &[NO_CUSTOMER_KEY]),
    (
        Untagged,
        &["app-scratch-files"],
        &[NO_DECISION, NO_CUSTOMER_KEY],
    ),
    // S3 encrypts the volume of a gateway, and not its snapshot.
    (Untagged, &["branch-disk-2"], &[NO_DECISION, NOT_ENCRYPTED]),
    // The gateway is tagged, as the guide says; one of its volumes is not.
    (Enabled, &["branch-disks"], &[TAG_MISPLACED]),
    (Enabled, &["branch-disk-1"], &[]),
    (Untagged, &["finance-disks"], &[NO_DECISION]),
    (
        Enabled,
        &["finance-disk"],
        &[NOT_SHARED, NOT_FULLY_SHARED, NOT_COPIED],
    ),
    (Enabled, &["orders-cluster"], &[COPY_IMPOSSIBLE]),
    (Untagged, &["webshop-aurora"], &[NO_DECISION, TAG_MISPLACED]),
    (
        Enabled,
        &["app-uploads-111122223333"],
        &[NO_CUSTOMER_KEY, EVENTS_OFF],
    ),
    // Its stack is tagged too. In the stack within is a bucket without versions: the backup of the
    // stack leaves it out.
    (
        Enabled,
        &["orders-outbox"],
        &[NO_CUSTOMER_KEY, BACKED_UP_TWICE],
    ),
    (
        Enabled,
        &["orders-service"],
        &[
            STACK_NOT_READY,
            STACK_COPY_OPEN,
            PARTLY_BACKED_UP,
            PARTLY_COPIED,
        ],
    ),
    (
        Untagged,
        &["orders-service-Assets-1V7XN3C5B9M2K"],
        &[NO_DECISION, STACK_NOT_READY, STACK_COPY_OPEN],
    ),
    // Tables and instances of a stack that is tagged need no tag of their own.
    (Enabled, &["payments-edge"], &[STACK_COPY_OPEN]),
    // Roles alone: nothing to back up, nothing to gate.
    (Untagged, &["app-ci-roles"], &[]),
    // AWS Backup knows neither secrets nor parameters.
    (
        Enabled,
        &["payments/db-credentials-a1B2c3", "app/feature-toggles"],
        &[COPY_IMPOSSIBLE],
    ),
    (
        Enabled,
        &["orders-documents-111122223333"],
        &[NOT_VERSIONED, NOT_BACKED_UP],
    ),
    (
        Untagged,
        &["app-feature-flags"],
        &[NO_DECISION, NO_CUSTOMER_KEY],
    ),
    (
        Untagged,
        &["app-static-assets-111122223333"],
        &[NO_DECISION, NOT_VERSIONED, NO_CUSTOMER_KEY],
    ),
    (
        Disabled,
        &[
            "app-rate-limits",
            "app-logs-111122223333",
            "aws-cloudtrail-logs-111122223333-3f9d21c7",
        ],
        &[],
    ),
    (
        Untagged,
        &["default VPC of eu-central-1", "payments-prod"],
        &[],
    ),
    // The endpoint is missing in one private subnet's table.
    (Untagged, &["shared-apps"], &[NOT_ROUTED]),
    // A plan of its own makes continuous backups of two buckets, whose copies have no lifecycle.
    (Untagged, &["eu-central-1"], &[COPY_NOT_RETAINED]),
    // The default key is the one that nobody shared.
    (Untagged, &["eu-central-1"], &[EBS_DEFAULT]),
    // eu-west-1: the mobile team.
    (
        Enabled,
        &[
            "mobile-api-1",
            "mobile-api-2",
            "mobile-api-3",
            "mobile-api-4",
            "レンダリング-サーバー-1",
            "mobile-🚀-cache",
            "mobile-db",
            "mobile-devices",
            "mobile-assets-111122223333",
        ],
        &[],
    ),
    // Its key is open to an organization whose id nobody gave.
    (
        Enabled,
        &["mobile-push-1"],
        &[SHARING_UNKNOWN, FULL_SHARING_UNKNOWN],
    ),
    (
        Untagged,
        &["mobile-push-1-root"],
        &[NO_DECISION, SHARING_UNKNOWN, FULL_SHARING_UNKNOWN],
    ),
    // A replica of a multi-Region key: its primary is shared, it is not.
    (
        Enabled,
        &["mobile-legacy-1"],
        &[NOT_SHARED, NOT_FULLY_SHARED, NOT_COPIED],
    ),
    (
        Untagged,
        &["mobile-legacy-1-root"],
        &[NO_DECISION, NOT_SHARED, NOT_FULLY_SHARED],
    ),
    (Enabled, &["mobile-scratch"], &[BAD_STATE, NOT_BACKED_UP]),
    (Enabled, &["mobile-db-analytics"], &[NO_AUTOMATED_BACKUPS]),
    (
        Enabled,
        &["mobile-oracle"],
        &[COPY_IMPOSSIBLE, NO_BACKUP_YET],
    ),
    (Enabled, &["mobile-share"], &[COPY_IMPOSSIBLE]),
    // FSx is outside the guide: on its own, and in a stack that is being cleaned up.
    (Enabled, &["fs-0f9e8d7c6b5a43210"], &[COPY_NOT_JUDGED]),
    (
        Enabled,
        &["mobile-render"],
        &[STACK_UNKNOWN, STACK_COPY_OPEN, PASSING_STATE],
    ),
    (
        Enabled,
        &["mobile-maria", "mobile-uploads"],
        &[PASSING_STATE],
    ),
    (Enabled, &["mobile-profiles"], &[NOT_ENCRYPTED]),
    (
        Enabled,
        &["mobile-media-111122223333"],
        &[NO_CUSTOMER_KEY, BACKUP_WITH_ISSUES],
    ),
    (
        Enabled,
        &["mobile-partner-drop-111122223333"],
        &[VERSIONING_UNKNOWN, EXPIRY_UNKNOWN],
    ),
    (
        Disabled,
        &[
            "render-1-data",
            "mobile-dev-1",
            "mobile-dev-1-root",
            "mobile-dev-2",
            "mobile-dev-2-root",
            "mobile-sessions",
        ],
        &[],
    ),
    (
        Untagged,
        &[
            "mobile-api-1-root",
            "mobile-api-2-root",
            "mobile-api-3-root",
            "mobile-api-4-root",
            "render-1-root",
            "mobile-loadtest-root",
        ],
        &[NO_DECISION],
    ),
    (
        Untagged,
        &["mobile-loadtest"],
        &[NO_DECISION, PASSING_STATE],
    ),
    (
        Untagged,
        &["mobile-leaderboard"],
        &[NO_DECISION, NO_CUSTOMER_KEY],
    ),
    (
        Untagged,
        &["mobile-crash-reports-111122223333"],
        &[NO_DECISION, NOT_VERSIONED, NO_CUSTOMER_KEY],
    ),
    (Untagged, &["default VPC of eu-west-1"], &[]),
    (Untagged, &["mobile-prod"], &[NARROW_ENDPOINT]),
    (Untagged, &["eu-west-1"], &[]),
    // eu-west-3: what everybody forgot.
    (
        Enabled,
        &["legacy-erp-1", "legacy-orphan-7"],
        &[AWS_KEY, NOT_COPIED],
    ),
    // Oracle with transparent data encryption.
    (
        Enabled,
        &["legacy-erp-db"],
        &[AWS_KEY, OPTION_GROUP, NOT_COPIED],
    ),
    (
        Untagged,
        &["legacy-erp-1-root", "legacy-dc1-root"],
        &[NO_DECISION, AWS_KEY],
    ),
    // A disabled key, and one that was deleted.
    (
        Enabled,
        &["legacy-erp-2", "legacy-vault-restore", "legacy-home"],
        &[KEY_UNUSABLE, NOT_BACKED_UP],
    ),
    (
        Untagged,
        &["legacy-erp-2-root"],
        &[NO_DECISION, KEY_UNUSABLE],
    ),
    // One disk in the clear, the other under a key that waits to be deleted.
    (
        Enabled,
        &["legacy-fileserver"],
        &[
            NOT_ENCRYPTED,
            KEY_UNUSABLE,
            NOT_SHARED,
            NOT_FULLY_SHARED,
            NOT_COPIED,
        ],
    ),
    (
        Untagged,
        &["legacy-fileserver-data"],
        &[NO_DECISION, KEY_UNUSABLE, NOT_SHARED, NOT_FULLY_SHARED],
    ),
    (Untagged, &["legacy-tapes"], &[NO_DECISION, COPY_IMPOSSIBLE]),
    (Untagged, &["legacy-disks"], &[NO_DECISION]),
    (
        Untagged,
        &["legacy-disk"],
        &[NO_DECISION, NOT_ENCRYPTED, BAD_STATE],
    ),
    (
        Enabled,
        &["legacy-hadoop-1"],
        &[COPY_IMPOSSIBLE, NO_BACKUP_YET],
    ),
    (
        Untagged,
        &["legacy-hadoop-2"],
        &[NO_DECISION, COPY_IMPOSSIBLE],
    ),
    (Invalid, &["legacy-dc1"], &[BAD_TAG, AWS_KEY]),
    (
        Untagged,
        &[
            "legacy-fileserver-root",
            "legacy-print",
            "legacy-print-root",
            "legacy\u{1b}[31m</script><script>alert(1)</script>",
            "legacy-web-root",
            "legacy-orphan-1",
            "legacy-orphan-2",
            "legacy-orphan-3",
            "legacy-orphan-4",
            "legacy-orphan-5",
            "legacy-orphan-6",
        ],
        &[NO_DECISION, NOT_ENCRYPTED],
    ),
    (
        Enabled,
        &["legacy-hr-db"],
        &[
            NOT_ENCRYPTED,
            BAD_STATE,
            NO_AUTOMATED_BACKUPS,
            NOT_BACKED_UP,
        ],
    ),
    (
        Untagged,
        &["legacy-wiki-db"],
        &[NO_DECISION, NOT_ENCRYPTED, BAD_STATE],
    ),
    (
        Invalid,
        &["legacy-counters"],
        &[BAD_TAG, BASIC_DYNAMODB, NO_CUSTOMER_KEY],
    ),
    (
        Enabled,
        &["legacy-locks"],
        &[BASIC_DYNAMODB, NO_CUSTOMER_KEY, NOT_COPIED],
    ),
    (
        Enabled,
        &["legacy-archive-111122223333"],
        &[NOT_VERSIONED, NO_CUSTOMER_KEY, NOT_BACKED_UP],
    ),
    (
        Untagged,
        &["legacy-website-2017"],
        &[NO_DECISION, NOT_VERSIONED, NO_CUSTOMER_KEY],
    ),
    (Untagged, &["default VPC of eu-west-3"], &[NO_ENDPOINT]),
    (Untagged, &["legacy-vpn"], &[]),
    // The policy leaves the region out.
    (
        Untagged,
        &["eu-west-3"],
        &[EBS_DEFAULT, NOT_OPTED_IN, NO_POLICY],
    ),
    // us-east-1: the data team.
    (
        Enabled,
        &[
            "data-kafka-1",
            "data-kafka-2",
            "data-lake-raw-111122223333",
            "data-notebooks-111122223333",
            // Under a partner's key: the vault's key gates, and the partner's is not judged.
            "data-exports-partner-111122223333",
        ],
        &[],
    ),
    // All is in order here, and the central vault let nothing in.
    (Enabled, &["data-kafka-3"], &[NOT_COPIED]),
    (
        Untagged,
        &[
            "data-kafka-1-root",
            "data-kafka-1-log-1",
            "data-kafka-1-log-2",
            "data-kafka-2-root",
            "data-kafka-2-log-1",
            "data-kafka-2-log-2",
            "data-kafka-3-root",
            "data-kafka-3-log-1",
            "data-kafka-3-log-2",
        ],
        &[NO_DECISION],
    ),
    // The data lake's key has what a copy needs, not all that the guide lists.
    (
        Enabled,
        &["data-etl-1", "data-etl-2", "data-etl-3", "data-etl-4"],
        &[NOT_FULLY_SHARED],
    ),
    // Tagged this morning.
    (
        Enabled,
        &["data-airflow"],
        &[NOT_FULLY_SHARED, NO_BACKUP_YET],
    ),
    (
        Untagged,
        &[
            "data-etl-1-root",
            "data-etl-2-root",
            "data-etl-3-root",
            "data-etl-4-root",
        ],
        &[NO_DECISION, NOT_FULLY_SHARED],
    ),
    // A partner's key on a disk.
    (
        Enabled,
        &["data-gpu-1"],
        &[SHARING_UNKNOWN, FULL_SHARING_UNKNOWN],
    ),
    (
        Untagged,
        &["data-gpu-1-root"],
        &[NO_DECISION, SHARING_UNKNOWN, FULL_SHARING_UNKNOWN],
    ),
    (
        Disabled,
        &[
            "data-notebook-1",
            "data-notebook-2",
            "data-notebook-3",
            "data-notebook-1-root",
            "data-notebook-2-root",
            "data-notebook-3-root",
            "data-sandbox",
            "data-lake-tmp-111122223333",
            "data-playground",
        ],
        &[],
    ),
    // Under the data lake's key, which nobody needs to share for a type that is never copied.
    (Enabled, &["data-adhoc"], &[COPY_IMPOSSIBLE]),
    (Enabled, &["data-dwh"], &[COPY_IMPOSSIBLE, AWS_KEY]),
    (
        Untagged,
        &["data-dwh-old"],
        &[NO_DECISION, COPY_IMPOSSIBLE, NOT_ENCRYPTED, PASSING_STATE],
    ),
    (
        Untagged,
        &[
            "data-spark-1",
            "data-spark-2",
            "data-spark-1-root",
            "data-spark-2-root",
        ],
        &[NO_DECISION, AWS_KEY],
    ),
    // The key's policy names two roles and leaves out the account's root.
    (
        Enabled,
        &["data-gpu-1-scratch", "data-lake-curated-111122223333"],
        &[NOT_LOCALLY_USABLE],
    ),
    (Enabled, &["data-warehouse-meta"], &[AWS_KEY, NOT_COPIED]),
    (Enabled, &["data-features"], &[PASSING_STATE]),
    (Enabled, &["data-catalog"], &[BASIC_DYNAMODB, NOT_COPIED]),
    (
        Enabled,
        &["data-job-state"],
        &[BASIC_DYNAMODB, NO_CUSTOMER_KEY, NOT_COPIED],
    ),
    (
        Untagged,
        &["data-cache"],
        &[NO_DECISION, BASIC_DYNAMODB, NO_CUSTOMER_KEY],
    ),
    (
        Enabled,
        &["data-ml-models-111122223333"],
        &[NO_EXPIRY, NO_CUSTOMER_KEY],
    ),
    (
        Invalid,
        &["data-athena-results-111122223333"],
        &[BAD_TAG, NOT_VERSIONED, NO_CUSTOMER_KEY],
    ),
    // Notebooks run in the default VPC; the lake's VPC has an interface endpoint only; the hub is
    // shared by another account.
    (
        Untagged,
        &["default VPC of us-east-1", "data-lake"],
        &[NO_ENDPOINT],
    ),
    (Untagged, &["data-etl", "network-hub"], &[]),
    // Its vault was made with aws/backup.
    (
        Untagged,
        &["us-east-1"],
        &[EBS_DEFAULT, NOT_OPTED_IN, VAULT_KEY],
    ),
    // ap-southeast-1: the scan may read neither tags nor tables nor one key's policy.
    (
        Enabled,
        &["sg-edge-1", "sg-db"],
        &[SHARING_UNKNOWN, FULL_SHARING_UNKNOWN, LOCAL_USE_UNKNOWN],
    ),
    (
        Untagged,
        &["sg-edge-1-root"],
        &[
            NO_DECISION,
            SHARING_UNKNOWN,
            FULL_SHARING_UNKNOWN,
            LOCAL_USE_UNKNOWN,
        ],
    ),
    (Enabled, &["sg-edge-2"], &[]),
    (Untagged, &["sg-edge-2-root"], &[NO_DECISION]),
    (
        Untagged,
        &["新加坡-监控", "sg-monitor-root"],
        &[NO_DECISION, NOT_ENCRYPTED],
    ),
    (
        Unknown,
        &["sg-edge-logs-111122223333"],
        &[
            TAG_UNKNOWN,
            DECISION_UNKNOWN,
            CUSTOM_UNKNOWN,
            NOT_VERSIONED,
            NO_CUSTOMER_KEY,
            NO_BACKUP_YET,
        ],
    ),
    (
        Unknown,
        &["sg-backups-111122223333"],
        &[
            TAG_UNKNOWN,
            DECISION_UNKNOWN,
            CUSTOM_UNKNOWN,
            NO_CUSTOMER_KEY,
        ],
    ),
    (
        Unknown,
        &["sg-branch"],
        &[TAG_UNKNOWN, DECISION_UNKNOWN, CUSTOM_UNKNOWN, PLACE_UNKNOWN],
    ),
    (
        Unknown,
        &["vol-CF607101"],
        &[TAG_UNKNOWN, DECISION_UNKNOWN, CUSTOM_UNKNOWN],
    ),
    (Untagged, &["default VPC of ap-southeast-1"], &[]),
    (Untagged, &["sg-edge"], &[PUBLIC_NOT_ROUTED]),
    // Somebody locked the vault for a week, and the plan keeps backups for a day.
    (
        Untagged,
        &["ap-southeast-1"],
        &[OPT_IN_UNKNOWN, VAULT_LOCKED],
    ),
    (
        Untagged,
        &[
            "vault of ap-southeast-1",
            "vault of eu-central-1",
            "vault of eu-west-1",
            "vault of us-east-1",
        ],
        &[],
    ),
    // The role has no permissions for S3; an instance in eu-west-2 is tagged, and all of eu-west-3.
    (
        Untagged,
        &["111122223333"],
        &[ROLE_LACKS, NOT_COVERED, ORGANIZATION_UNKNOWN],
    ),
];

/// What a reason becomes when only what AWS enforces counts, as the table of rules says.
fn under_aws(reason: Reason) -> Option<Reason> {
    match reason.0 {
        "backup-decision-made"
        | "backup-tag-not-custom"
        | "encryption-customer-key-recommended"
        | "kms-key-fully-shared"
        | "kms-key-not-central"
        | "rds-automated-backups-enabled" => None,
        "encryption-at-rest"
        | "s3-gateway-endpoint-present"
        | "s3-gateway-endpoint-routed"
        | "stack-resources-ready"
            if reason.1 == Status::Fail =>
        {
            Some((reason.0, Status::Warn))
        }
        _ => Some(reason),
    }
}

/// Worst first: fail, unknown, warn.
fn verdict(tag: BackupTag, reasons: &[Reason]) -> ResourceVerdict {
    let has = |status| reasons.iter().any(|reason| reason.1 == status);
    match tag {
        Disabled | Custom => ResourceVerdict::Exempt,
        _ if has(Status::Fail) => ResourceVerdict::NotReady,
        _ if has(Status::Unknown) => ResourceVerdict::Unknown,
        _ if has(Status::Warn) => ResourceVerdict::AtRisk,
        _ => ResourceVerdict::Ready,
    }
}

fn text_of(account: &str) -> String {
    let path = format!(
        "{}/fixtures/accounts/{account}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn snapshot(account: &str) -> Snapshot {
    saved::read_snapshot(&text_of(account)).unwrap_or_else(|error| panic!("{account}: {error}"))
}

fn judge(snapshot: &Snapshot, standard: Standard) -> Report {
    let options = Options {
        standard,
        ..Options::default()
    };
    evaluate(snapshot, &Settings::default(), &options, &ALL)
}

fn account_id(snapshot: &Snapshot) -> &str {
    snapshot.account_id.as_deref().unwrap_or_default()
}

fn code(report: &Report, fail_on: FailOn) -> u8 {
    report.exit(fail_on).code()
}

fn name(snapshot: &Snapshot, resource: &ResourceLine) -> String {
    if let Some(name) = &resource.name {
        return name.clone();
    }
    if resource.kind == ResourceKind::BackupVault {
        return format!("vault of {}", resource.region);
    }
    let mut vpcs = snapshot
        .regions
        .values()
        .flat_map(|region| &region.network.vpcs.items);
    if vpcs.any(|vpc| vpc.id == resource.id && vpc.is_default) {
        return format!("default VPC of {}", resource.region);
    }
    resource.id.clone()
}

fn by_kind(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for resource in &report.resources {
        *counts.entry(resource.kind.as_str()).or_default() += 1;
    }
    counts
}

fn by_tag(report: &Report) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for resource in report
        .resources
        .iter()
        .filter(|resource| resource.kind.is_backed_up())
    {
        *counts.entry(resource.backup_tag.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn mixed_holds_what_it_was_designed_to_hold() {
    let report = judge(&snapshot("mixed"), Standard::Guide);
    let kinds = [
        ("account", 1),
        ("aurora-cluster", 5),
        // Of five, one region is not in the policy.
        ("backup-vault", 4),
        ("cloudformation-stack", 5),
        ("dynamodb-table", 14),
        // Two volumes and instances more are on their way out.
        ("ebs-volume", 93),
        ("ec2-instance", 61),
        ("efs-file-system", 5),
        ("other", 1),
        ("rds-cluster", 1),
        ("rds-instance", 16),
        // One more is on its way out.
        ("redshift-cluster", 3),
        ("redshift-namespace", 2),
        ("region", 5),
        ("s3-bucket", 26),
        ("secret", 1),
        ("ssm-parameter", 1),
        ("storage-gateway", 6),
        ("storage-gateway-volume", 5),
        ("vpc", 13),
    ];
    assert_eq!(by_kind(&report), BTreeMap::from(kinds));
    let tags = [
        ("enabled", 110),
        ("disabled", 35),
        ("custom", 2),
        ("none", 89),
        ("invalid", 5),
        ("unknown", 4),
    ];
    assert_eq!(by_tag(&report), BTreeMap::from(tags));
    assert_eq!(report.regions, REGIONS);
}

#[test]
fn every_resource_of_mixed_is_judged_as_its_owner_would() {
    let snapshot = snapshot("mixed");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        let mut wanted = BTreeMap::new();
        for (tag, names, reasons) in MIXED {
            let counted = reasons.iter().filter_map(|reason| {
                if standard == Standard::Aws {
                    under_aws(*reason)
                } else {
                    Some(*reason)
                }
            });
            let mut reasons: Vec<Reason> = counted.collect();
            reasons.sort_unstable();
            for name in *names {
                let known = wanted.insert(
                    (*name).to_owned(),
                    (tag.as_str(), verdict(*tag, &reasons), reasons.clone()),
                );
                assert!(known.is_none(), "{name} is stated twice");
            }
        }
        let mut found = BTreeMap::new();
        for resource in &report.resources {
            let findings = report
                .findings
                .iter()
                .filter(|finding| finding.resource == resource.arn);
            let mut reasons: Vec<Reason> = findings
                .filter(|finding| !matches!(finding.status, Status::Pass | Status::Skip))
                .map(|finding| (finding.rule.id, finding.status))
                .collect();
            reasons.sort_unstable();
            let name = name(&snapshot, resource);
            let known = found.insert(
                name.clone(),
                (resource.backup_tag.as_str(), resource.verdict, reasons),
            );
            assert!(known.is_none(), "{name:?} is there twice");
        }
        let names: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
        let differences: Vec<String> = names
            .into_iter()
            .filter(|name| wanted.get(*name) != found.get(*name))
            .map(|name| {
                format!(
                    "{name:?}\n  wanted {:?}\n  found  {:?}",
                    wanted.get(name),
                    found.get(name)
                )
            })
            .collect();
        assert!(
            differences.is_empty(),
            "{}:\n{}",
            standard.as_str(),
            differences.join("\n")
        );
    }
}

#[test]
fn mixed_fails_and_is_incomplete_under_both_standards() {
    let snapshot = snapshot("mixed");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        assert_eq!(code(&report, FailOn::Fail), 1, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Warn), 1, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Never), 0, "{}", standard.as_str());
        assert!(!report.complete);
        let unread: Vec<(Option<&str>, &str)> = report
            .unread
            .iter()
            .map(|it| (it.region.as_deref(), it.service))
            .collect();
        assert_eq!(
            unread,
            [
                (Some("ap-southeast-1"), "dynamodb"),
                (Some("ap-southeast-1"), "redshift"),
                (Some("ap-southeast-1"), "backup"),
            ]
        );
    }
    let incomplete: Vec<(&str, &str, CoverageState, &str)> = snapshot
        .coverage
        .iter()
        .filter_map(|row| {
            let operation = row.error.as_ref()?.operation.as_str();
            Some((
                row.region.as_str(),
                row.service.as_str(),
                row.state,
                operation,
            ))
        })
        .collect();
    let wanted = [
        (
            "ap-southeast-1",
            "backup",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "ap-southeast-1",
            "dynamodb",
            CoverageState::Denied,
            "dynamodb:ListTables",
        ),
        (
            "ap-southeast-1",
            "kms",
            CoverageState::Partial,
            "kms:GetKeyPolicy",
        ),
        (
            "ap-southeast-1",
            "rds",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "ap-southeast-1",
            "redshift",
            CoverageState::Denied,
            "redshift-serverless:ListNamespaces",
        ),
        (
            "ap-southeast-1",
            "s3",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "ap-southeast-1",
            "storagegateway",
            CoverageState::Partial,
            "tag:GetResources",
        ),
        (
            "eu-west-1",
            "s3",
            CoverageState::Partial,
            "s3:GetBucketVersioning",
        ),
        (
            "global",
            "backup",
            CoverageState::Denied,
            "organizations:DescribeOrganization",
        ),
    ];
    assert_eq!(incomplete, wanted);
}

#[test]
fn what_is_tagged_enabled_gates_in_mixed() {
    let report = judge(&snapshot("mixed"), Standard::Guide);
    for finding in &report.findings {
        // Every region of it holds a bucket that is tagged enabled, or may be.
        let stated = match finding.kind.as_str() {
            "vpc" | "region" | "backup-vault" | "account" => finding.rule.owner == Owner::Member,
            _ => {
                matches!(finding.backup_tag, Enabled | Unknown)
                    || finding.rule.group == Group::Tagging
            }
        };
        let wanted = stated && finding.status != Status::Skip;
        assert_eq!(
            finding.gating, wanted,
            "{} on {}",
            finding.rule.id, finding.resource
        );
    }
}

#[test]
fn mixed_shows_every_status_verdict_tag_and_both_sides_of_every_rule() {
    let report = judge(&snapshot("mixed"), Standard::Guide);
    let statuses: BTreeSet<Status> = report
        .findings
        .iter()
        .map(|finding| finding.status)
        .collect();
    assert_eq!(statuses.len(), 5, "{statuses:?}");
    let verdicts: BTreeSet<ResourceVerdict> = report
        .resources
        .iter()
        .map(|resource| resource.verdict)
        .collect();
    assert_eq!(verdicts, BTreeSet::from(ResourceVerdict::WORST_FIRST));
    let clean = judge(&snapshot("clean"), Standard::Guide);
    for rule in ALL {
        let shows = |status| {
            // An account passes or fails as a whole.
            let whole = matches!(rule.check, Check::Account(_)) && status == Status::Pass;
            let report = if whole { &clean } else { &report };
            report
                .findings
                .iter()
                .any(|it| it.rule.id == rule.id && it.status == status)
        };
        assert!(shows(Status::Pass), "{} never passes", rule.id);
        assert!(
            shows(Status::Fail) || shows(Status::Warn),
            "{} is never broken",
            rule.id
        );
    }
}

#[test]
fn one_key_that_nobody_shared_is_behind_a_whole_platform() {
    let snapshot = snapshot("mixed");
    let report = judge(&snapshot, Standard::Guide);
    let default = snapshot.regions["eu-central-1"]
        .ebs_defaults
        .kms_key
        .known()
        .unwrap();
    let behind = |kind: &str| {
        let of_kind = report
            .findings
            .iter()
            .filter(|it| it.kind.as_str() == kind && it.rule.id == NOT_SHARED.0);
        of_kind
            .filter(|it| it.status == Status::Fail && it.evidence["key_arn"] == default.as_str())
            .count()
    };
    // 20 disks of the twelve instances and three loose ones, but for two that are tagged disabled.
    assert_eq!(
        (
            behind("ec2-instance"),
            behind("ebs-volume"),
            behind("rds-instance")
        ),
        (12, 21, 1)
    );
    let causes: BTreeSet<&str> = report
        .findings
        .iter()
        .filter(|it| it.rule.id == NOT_SHARED.0 && it.status == Status::Fail)
        .flat_map(|it| it.causes.iter().filter_map(|cause| cause.about.as_deref()))
        .collect();
    // The replica in eu-west-1 and the key that waits to be deleted are the other two.
    assert_eq!(causes.len(), 3, "{causes:?}");
}

#[test]
fn the_organization_id_settles_the_key_that_is_open_to_it() {
    let snapshot = snapshot("mixed");
    let verdict_with = |org_id: &str| {
        let settings = Settings {
            org_id: Some(org_id.to_owned()),
            ..Settings::default()
        };
        let report = evaluate(&snapshot, &settings, &Options::default(), &ALL);
        let resource = report
            .resources
            .into_iter()
            .find(|it| it.name.as_deref() == Some("mobile-push-1"));
        resource.unwrap().verdict
    };
    assert_eq!(verdict_with("o-a1b2c3d4e5"), ResourceVerdict::Ready);
    assert_eq!(verdict_with("o-zzzzzzzzzz"), ResourceVerdict::NotReady);
}

#[test]
fn clean_is_ready_without_a_warning() {
    let snapshot = snapshot("clean");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        for fail_on in [FailOn::Fail, FailOn::Warn] {
            assert_eq!(code(&report, fail_on), 0, "{}", standard.as_str());
        }
        assert!(report.complete);
        assert!(report.unread.is_empty());
        let bad: Vec<(&str, &str)> = report
            .findings
            .iter()
            .filter(|finding| !matches!(finding.status, Status::Pass | Status::Skip))
            .map(|finding| (finding.rule.id, finding.resource.as_str()))
            .collect();
        assert!(bad.is_empty(), "{bad:?}");
    }
    let report = judge(&snapshot, Standard::Guide);
    let kinds = [
        ("account", 1),
        ("aurora-cluster", 1),
        ("backup-vault", 5),
        ("cloudformation-stack", 3),
        ("dynamodb-table", 5),
        ("ebs-volume", 7),
        ("ec2-instance", 5),
        ("efs-file-system", 1),
        ("rds-instance", 3),
        ("region", 5),
        ("s3-bucket", 6),
        ("storage-gateway", 1),
        ("storage-gateway-volume", 1),
        ("vpc", 7),
    ];
    assert_eq!(by_kind(&report), BTreeMap::from(kinds));
    let exempt: BTreeSet<String> = report
        .resources
        .iter()
        .filter(|resource| resource.verdict == ResourceVerdict::Exempt)
        .map(|resource| name(&snapshot, resource))
        .collect();
    let wanted = [
        "shop-access-logs-444455556666",
        "shop-bastion",
        "shop-bastion-root",
        "shop-db-replica",
        "shop-dr-1-root",
        "shop-edge",
        "shop-edge-Storage-1QXK7Z0V3T9PD",
        "shop-edge-cache-444455556666",
        "shop-sessions",
        "shop-web-1-root",
        "shop-web-2-root",
        "shop-worker-1-data",
        "shop-worker-1-root",
    ];
    assert_eq!(exempt, wanted.map(str::to_owned).into());
    assert_eq!(
        by_tag(&report),
        BTreeMap::from([("enabled", 19), ("disabled", 13), ("none", 1)])
    );
}

#[test]
fn without_the_list_of_jobs_nobody_knows_whether_backups_are_made() {
    let mut snapshot = snapshot("clean");
    let denied = Gap {
        kind: GapKind::Denied,
        operation: "backup:ListBackupJobs".to_owned(),
        action: "backup:ListBackupJobs".to_owned(),
        code: Some("AccessDeniedException".to_owned()),
        message: String::new(),
        needs: None,
    };
    for region in snapshot.regions.values_mut() {
        region.backup_jobs = Listing {
            items: Vec::new(),
            gap: Some(denied.clone()),
        };
    }
    let report = judge(&snapshot, Standard::Guide);
    assert_eq!(code(&report, FailOn::Fail), 3);
    assert!(!report.complete);
    for resource in &report.resources {
        let wanted = match resource.backup_tag {
            // No gateway is ever backed up.
            Enabled if resource.kind == ResourceKind::StorageGateway => ResourceVerdict::Ready,
            Enabled => ResourceVerdict::Unknown,
            Disabled => ResourceVerdict::Exempt,
            _ => ResourceVerdict::Ready,
        };
        assert_eq!(resource.verdict, wanted, "{}", resource.arn);
    }
    // What is judged before it is tagged needs no proof.
    let options = Options {
        preflight: true,
        ..Options::default()
    };
    let report = evaluate(&snapshot, &Settings::default(), &options, &ALL);
    assert!(report.complete);
    let proof = |it: &Finding| it.rule.group == Group::Proof;
    assert!(!report.findings.iter().any(proof));
}

#[test]
fn proof_is_held_against_rules_that_nobody_asked_for() {
    let options = Options {
        only: BTreeSet::from([NOT_COPIED.0]),
        ..Options::default()
    };
    let snapshot = snapshot("mixed");
    let report = evaluate(&snapshot, &Settings::default(), &options, &ALL);
    let says = |name: &str| {
        let resource = report
            .resources
            .iter()
            .find(|it| it.name.as_deref() == Some(name))
            .unwrap();
        let finding = report
            .findings
            .iter()
            .find(|it| it.resource == resource.arn)
            .unwrap();
        assert_eq!(finding.rule.id, NOT_COPIED.0);
        (finding.status, finding.message.clone())
    };
    let (status, message) = says("app-web-1");
    assert_eq!(status, Status::Fail);
    assert!(message.contains("kms-key-shared explains it"), "{message}");
    let (status, message) = says("app-migration-2024");
    assert_eq!(status, Status::Pass);
    assert!(
        message.contains("kms-key-shared fails nevertheless"),
        "{message}"
    );
    let (status, message) = says("data-kafka-3");
    assert_eq!(status, Status::Fail);
    assert!(
        message.contains("every copy prerequisite of the resource passes"),
        "{message}"
    );
}

#[test]
fn a_snapshot_that_is_narrowed_knows_what_is_tagged_in_its_other_regions() {
    let mut narrowed = snapshot("clean");
    narrowed.restrict_to_regions(&["eu-central-1".to_owned()]);
    let tagged: BTreeMap<&str, usize> = narrowed
        .elsewhere
        .iter()
        .filter(|(_, listing)| !listing.items.is_empty())
        .map(|(region, listing)| (region.as_str(), listing.items.len()))
        .collect();
    assert_eq!(tagged, BTreeMap::from([("eu-west-1", 4), ("us-east-1", 2)]));
    let report = judge(&narrowed, Standard::Guide);
    let found: Vec<Reason> = report
        .findings
        .iter()
        .filter(|finding| !matches!(finding.status, Status::Pass | Status::Skip))
        .map(|finding| (finding.rule.id, finding.status))
        .collect();
    // The policy covers them, and nobody looked.
    assert_eq!(found, [("backup-region-covered", Status::Warn)]);
    let mut narrowed = snapshot("mixed");
    narrowed.restrict_to_regions(&["eu-central-1".to_owned()]);
    // Tables are denied there, and so are tags.
    assert!(narrowed.elsewhere["ap-southeast-1"].gap.is_some());
    assert!(narrowed.elsewhere["eu-west-3"].gap.is_none());
}

// As where the tags are asked: see `source::collect::tagging`.
#[test]
fn a_snapshot_that_is_narrowed_leaves_out_what_has_no_backups() {
    let arns = |snapshot: &Snapshot| snapshot.elsewhere["eu-west-1"].clone();
    let mut narrowed = snapshot("clean");
    narrowed.restrict_to_regions(&["eu-central-1".to_owned()]);
    let mut with_others = snapshot("clean");
    let region = with_others.regions.get_mut("eu-west-1").unwrap();
    let secret = serde_json::json!({
        "arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-1-a1b2c3",
        "id": "db-1",
        "aws_type": "AWS::SecretsManager::Secret",
        "tags": {"known": {"backup": "enabled"}},
    });
    let gateway = serde_json::json!({
        "arn": "arn:aws:storagegateway:eu-west-1:111122223333:gateway/sgw-1",
        "id": "sgw-1",
    });
    region
        .tagged
        .items
        .push(serde_json::from_value(secret).unwrap());
    region
        .gateways
        .items
        .push(serde_json::from_value(gateway).unwrap());
    with_others.restrict_to_regions(&["eu-central-1".to_owned()]);
    assert_eq!(arns(&with_others), arns(&narrowed));
}

#[test]
fn without_access_nothing_is_judged_and_nothing_passes() {
    let snapshot = snapshot("no-access");
    for standard in STANDARDS {
        let report = judge(&snapshot, standard);
        assert_eq!(code(&report, FailOn::Fail), 3, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Warn), 3, "{}", standard.as_str());
        assert_eq!(code(&report, FailOn::Never), 0, "{}", standard.as_str());
        assert!(!report.complete);
        let mut resources: Vec<(&str, ResourceVerdict)> = report
            .resources
            .iter()
            .map(|it| (it.id.as_str(), it.verdict))
            .collect();
        let account = (account_id(&snapshot), ResourceVerdict::Unknown);
        assert!(resources.contains(&account));
        resources.retain(|it| *it != account);
        assert_eq!(
            resources,
            REGIONS.map(|region| (region, ResourceVerdict::Unknown))
        );
        let of_kind = |kind: ResourceKind| -> Vec<Reason> {
            let findings = report.findings.iter().filter(|it| it.kind == kind);
            findings.map(|it| (it.rule.id, it.status)).collect()
        };
        let each = [
            POLICY_UNKNOWN,
            ("central-copy-retained", Status::Unknown),
            ("ebs-default-encryption", Status::Unknown),
            VAULT_KEY_UNKNOWN,
            VAULT_UNKNOWN,
            OPT_IN_UNKNOWN,
        ];
        assert_eq!(of_kind(ResourceKind::Region), each.repeat(REGIONS.len()));
        assert_eq!(
            of_kind(ResourceKind::Account),
            [COVER_UNKNOWN, ROLE_UNKNOWN, ORGANIZATION_UNKNOWN]
        );
        // The regions, the buckets of all; instances, volumes, two lists of databases, file systems,
        // tables, gateways, two lists of Redshift, stacks and what only tags give away in each.
        assert_eq!(report.unread.len(), 2 + 11 * REGIONS.len());
        for unread in &report.unread {
            assert!(unread.reason.contains("denied"), "{unread:?}");
        }
    }
    for row in &snapshot.coverage {
        // No resource names a key, so none was asked for.
        let wanted = if row.service == "kms" {
            CoverageState::Scanned
        } else {
            CoverageState::Denied
        };
        assert_eq!(row.state, wanted, "{row:?}");
    }
}

#[test]
fn every_account_has_a_row_for_each_region_and_service() {
    const SERVICES: [&str; 12] = [
        "backup",
        "cloudformation",
        "dynamodb",
        "ebs",
        "ec2",
        "efs",
        "kms",
        "rds",
        "redshift",
        "s3",
        "storagegateway",
        "vpc",
    ];
    for account in ACCOUNTS {
        let snapshot = snapshot(account);
        let rows: Vec<(&str, &str)> = snapshot
            .coverage
            .iter()
            .map(|row| (row.region.as_str(), row.service.as_str()))
            .collect();
        let mut wanted: Vec<(&str, &str)> = REGIONS
            .into_iter()
            .flat_map(|region| SERVICES.map(|service| (region, service)))
            .collect();
        // The account as a whole, and one query on the tag in each region beside.
        let beside = snapshot.elsewhere.keys().map(String::as_str);
        wanted.extend(beside.chain(["global"]).map(|region| (region, "backup")));
        wanted.sort_unstable();
        assert_eq!(rows, wanted, "{account}");
    }
}

#[test]
fn a_snapshot_is_read_and_written_without_loss() {
    for account in ACCOUNTS {
        let text = text_of(account);
        let mut snapshot = snapshot(account);
        assert_eq!(
            snapshot.source,
            Source::Snapshot,
            "{account}: what is read from a file says so"
        );
        let again = saved::read_snapshot(&saved::write_snapshot(&snapshot).unwrap()).unwrap();
        assert_eq!(again, snapshot, "{account}");
        snapshot.source = Source::Aws;
        assert!(
            saved::write_snapshot(&snapshot).unwrap() == text,
            "{account}: not in the form that collect writes"
        );
    }
}

#[test]
fn every_report_keeps_the_contract() {
    let schema = serde_json::to_value(report_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for account in ACCOUNTS {
        for standard in STANDARDS {
            let about = format!("{account} under {}", standard.as_str());
            let render = || {
                let mut bytes = Vec::new();
                let report = judge(&snapshot(account), standard);
                json::write_report(&report, true, FailOn::Fail, &mut bytes).unwrap();
                String::from_utf8(bytes).unwrap()
            };
            let text = render();
            assert_eq!(text, render(), "{about}: two runs differ");
            let value: Value = serde_json::from_str(&text).unwrap();
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{about}: {errors:?}");
            let report: JsonReport = serde_json::from_value(value).unwrap();
            keeps_the_contract(&about, &report);
        }
    }
}

#[test]
fn only_what_is_outside_the_guide_says_what_aws_calls_it() {
    let mut bytes = Vec::new();
    json::write_report(
        &judge(&snapshot("mixed"), Standard::Guide),
        true,
        FailOn::Fail,
        &mut bytes,
    )
    .unwrap();
    let report: JsonReport = serde_json::from_slice(&bytes).unwrap();
    let named: Vec<(&str, &str)> = report
        .resources
        .iter()
        .filter_map(|it| Some((it.kind.as_str(), it.aws_type.as_deref()?)))
        .collect();
    assert_eq!(named, [("other", "AWS::FSx::FileSystem")]);
    let value = serde_json::to_value(&report).unwrap();
    let secret = value["resources"].as_array().unwrap().iter();
    let secret: Vec<&Value> = secret.filter(|it| it["type"] == "secret").collect();
    assert_eq!(secret.len(), 1);
    assert_eq!(secret[0].get("aws_type"), None);
}

fn keeps_the_contract(about: &str, report: &JsonReport) {
    let resources: Vec<_> = report
        .resources
        .iter()
        .map(|it| (&it.account_id, &it.region, it.kind.as_str(), &it.arn))
        .collect();
    assert!(resources.is_sorted(), "{about}: resources are not sorted");
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|it| {
            (
                &it.account_id,
                &it.region,
                it.resource_type.as_str(),
                &it.resource,
                &it.rule,
            )
        })
        .collect();
    assert!(findings.is_sorted(), "{about}: findings are not sorted");
    let coverage: Vec<_> = report
        .coverage
        .iter()
        .map(|it| (&it.region, &it.service))
        .collect();
    assert!(coverage.is_sorted(), "{about}: coverage is not sorted");

    let listed: BTreeMap<&String, &json::JsonResource> =
        report.resources.iter().map(|it| (&it.arn, it)).collect();
    assert_eq!(
        listed.len(),
        report.resources.len(),
        "{about}: a resource is listed twice"
    );
    let mut ids = BTreeSet::new();
    for finding in &report.findings {
        assert!(
            ids.insert(&finding.id),
            "{about}: id {} is there twice",
            finding.id
        );
        let hex = finding
            .id
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        assert!(finding.id.len() == 16 && hex, "{about}: {}", finding.id);
        let resource = listed.get(&finding.resource);
        let resource =
            resource.unwrap_or_else(|| panic!("{about}: {} is not listed", finding.resource));
        assert_eq!(
            (finding.resource_type, &finding.region, finding.backup_tag),
            (resource.kind, &resource.region, resource.backup_tag),
            "{about}: {}",
            finding.id
        );
        assert!(!finding.message.is_empty(), "{about}: {}", finding.id);
    }

    let verdicts = |verdict| {
        report
            .resources
            .iter()
            .filter(|it| it.verdict == verdict)
            .count()
    };
    let counts = &report.summary.resources;
    assert_eq!(counts.total, report.resources.len(), "{about}");
    assert_eq!(counts.ready, verdicts(ResourceVerdict::Ready), "{about}");
    assert_eq!(counts.at_risk, verdicts(ResourceVerdict::AtRisk), "{about}");
    assert_eq!(
        counts.not_ready,
        verdicts(ResourceVerdict::NotReady),
        "{about}"
    );
    assert_eq!(
        counts.unknown,
        verdicts(ResourceVerdict::Unknown),
        "{about}"
    );
    assert_eq!(counts.exempt, verdicts(ResourceVerdict::Exempt), "{about}");
    let statuses = |status| {
        report
            .findings
            .iter()
            .filter(|it| it.status == status)
            .count()
    };
    let counts = &report.summary.findings;
    assert_eq!(counts.pass, statuses(Status::Pass), "{about}");
    assert_eq!(counts.fail, statuses(Status::Fail), "{about}");
    assert_eq!(counts.warn, statuses(Status::Warn), "{about}");
    assert_eq!(counts.unknown, statuses(Status::Unknown), "{about}");
    let gating = report
        .findings
        .iter()
        .filter(|it| it.gating && it.status == Status::Fail)
        .count();
    assert_eq!(counts.gating_fail, gating, "{about}");
}
