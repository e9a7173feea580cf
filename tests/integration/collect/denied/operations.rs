//! The operations of a full scan, with what is lost if one of them is denied.

use crate::collect::VPC;

/// The parts of a snapshot that change if the plans are not read: the policies of the vaults that they use, the
/// tags that they select by, and the events that their continuous backups need depend on them.
const OF_PLANS: &[&str] = &[
    "/backup_policy",
    "/buckets/items/",
    "/regions/eu-central-1/backup_plans",
    "/regions/eu-central-1/vaults",
    "/selected_tags",
];

/// The error code of services with a JSON protocol.
const DENIED_JSON: &str = "AccessDeniedException";

/// What a scan loses if an operation is denied.
pub(crate) struct Needed {
    pub(crate) operation: &'static str,
    /// The IAM action, which S3 names differently.
    pub(crate) action: &'static str,
    /// The error code of the service.
    pub(crate) code: &'static str,
    /// The coverage rows that report it.
    pub(crate) services: &'static [&'static str],
    /// The facts that become unknown, by the pointer to their gap.
    pub(crate) gaps: &'static [&'static str],
    /// The only parts of a snapshot that change.
    pub(crate) touches: &'static [&'static str],
    /// The rules that become unknown, with the end of a resource's ARN.
    pub(crate) needed_by: &'static [(&'static str, &'static str)],
    /// Whether it lists resources that can be backed up, or networks.
    pub(crate) lists: bool,
    /// Whether only `collect` and `--account-from live` send it, for plans and templates.
    pub(crate) is_for_plans: bool,
}

/// Returns an operation that no rule needs.
const fn needed(
    operation: &'static str,
    code: &'static str,
    services: &'static [&'static str],
) -> Needed {
    Needed {
        operation,
        action: operation,
        code,
        services,
        gaps: &[],
        touches: &[],
        needed_by: &[],
        lists: false,
        is_for_plans: false,
    }
}

const EC2_DENIED: &str = "UnauthorizedOperation";

const INSTANCE: &str = "instance/i-1234567890abcdef0";
const VOLUME: &str = "volume/vol-049df61146c4d7901";
const BUCKET: &str = ":::ledger-111122223333";
const TABLE: &str = "table/orders";
const LUSTRE: &str = "file-system/fs-0cc11bb22cc33dd44";
const CACHED_VOLUME: &str = "gateway/sgw-12A3456B/volume/vol-1122AABB";
const STORED_VOLUME: &str = "gateway/sgw-56B7890C/volume/vol-5566EEFF";
const GATEWAY: &str = ":gateway/sgw-12A3456B";
const STACK: &str = "stack/shop/51af3dc0-da77-11e4-872e-1234567db101";

const ACCOUNT_LINE: &str = ":account:111122223333";
const REGION_LINE: &str = ":region:111122223333:eu-central-1";

pub(crate) const NEEDED: &[Needed] = &[
    Needed {
        gaps: &["/regions/eu-central-1/images/gap"],
        touches: &["/regions/eu-central-1/images"],
        is_for_plans: true,
        ..needed("ec2:DescribeImages", EC2_DENIED, &["ec2"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/images/items/0/volumes/0/kms_key/unknown"],
        // So is that of another account's image: the account might own the snapshot.
        touches: &["/regions/eu-central-1/images/items/"],
        is_for_plans: true,
        ..needed("ec2:DescribeSnapshots", EC2_DENIED, &["ebs"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/images/gap"],
        touches: &["/regions/eu-central-1/images"],
        is_for_plans: true,
        ..needed("ec2:DescribeLaunchTemplateVersions", EC2_DENIED, &["ec2"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/exports/gap"],
        touches: &["/regions/eu-central-1/exports"],
        is_for_plans: true,
        ..needed(
            "cloudformation:ListExports",
            "AccessDenied",
            &["cloudformation"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/key_aliases/gap"],
        touches: &["/regions/eu-central-1/key_aliases"],
        is_for_plans: true,
        ..needed("kms:ListAliases", DENIED_JSON, &["kms"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/items/0/rules/gap"],
        touches: OF_PLANS,
        ..needed("backup:GetBackupPlan", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/items/1/selections/gap"],
        touches: OF_PLANS,
        ..needed("backup:GetBackupSelection", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_jobs/gap"],
        touches: &["/regions/eu-central-1/backup_jobs"],
        needed_by: &[
            ("backup-recent", VOLUME),
            ("backup-recent", BUCKET),
            // A copy is expected only after a backup.
            ("copy-recent", "db:orders"),
        ],
        ..needed("backup:ListBackupJobs", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/copy_jobs/gap"],
        touches: &["/regions/eu-central-1/copy_jobs"],
        needed_by: &[("copy-recent", VOLUME), ("copy-recent", BUCKET)],
        ..needed("backup:ListCopyJobs", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/vaults/items/1/access_policy/unknown"],
        touches: &["/regions/eu-central-1/vaults"],
        needed_by: &[("local-vault-ready", REGION_LINE)],
        ..needed(
            "backup:GetBackupVaultAccessPolicy",
            DENIED_JSON,
            &["backup"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/gap"],
        touches: OF_PLANS,
        ..needed("backup:ListBackupPlans", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/items/0/selections/gap"],
        touches: OF_PLANS,
        ..needed("backup:ListBackupSelections", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/vaults/gap"],
        // One of the vaults has a key that nothing else uses.
        touches: &["/regions/eu-central-1/vaults", "/keys"],
        needed_by: &[("local-vault-ready", REGION_LINE)],
        ..needed("backup:ListBackupVaults", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/backup_roles/aws-controltower-BackupRole/unknown"],
        touches: &["/backup_roles"],
        needed_by: &[("backup-role-ready", ACCOUNT_LINE)],
        ..needed("iam:GetRole", "AccessDenied", &[])
    },
    Needed {
        gaps: &["/backup_roles/aws-controltower-BackupRole/known/attached_policies/gap"],
        touches: &["/backup_roles"],
        needed_by: &[("backup-role-ready", ACCOUNT_LINE)],
        ..needed("iam:ListAttachedRolePolicies", "AccessDenied", &[])
    },
    // A policy that was not read may deny what the others allow.
    Needed {
        gaps: &[
            "/backup_roles/aws-controltower-BackupRole/known/documents/arn:aws:iam::111122223333:policy~1backup~1tagging/unknown",
        ],
        touches: &["/backup_roles"],
        needed_by: &[("backup-role-ready", ACCOUNT_LINE)],
        ..needed("iam:GetPolicy", "AccessDenied", &[])
    },
    Needed {
        gaps: &[
            "/backup_roles/aws-controltower-BackupRole/known/documents/arn:aws:iam::111122223333:policy~1backup~1tagging/unknown",
        ],
        touches: &["/backup_roles"],
        needed_by: &[("backup-role-ready", ACCOUNT_LINE)],
        ..needed("iam:GetPolicyVersion", "AccessDenied", &[])
    },
    Needed {
        gaps: &["/backup_roles/aws-controltower-BackupRole/known/documents/kms/unknown"],
        touches: &["/backup_roles"],
        needed_by: &[("backup-role-ready", ACCOUNT_LINE)],
        ..needed("iam:GetRolePolicy", "AccessDenied", &[])
    },
    Needed {
        gaps: &["/backup_roles/aws-controltower-BackupRole/known/inline_policies/gap"],
        touches: &["/backup_roles"],
        needed_by: &[("backup-role-ready", ACCOUNT_LINE)],
        ..needed("iam:ListRolePolicies", "AccessDenied", &[])
    },
    // The backup plans agree with the policy.
    Needed {
        gaps: &["/backup_policy/unknown"],
        touches: OF_PLANS,
        ..needed("organizations:DescribeEffectivePolicy", DENIED_JSON, &[])
    },
    Needed {
        gaps: &["/organization_id/unknown"],
        touches: &["/organization_id"],
        needed_by: &[("organization-member", ACCOUNT_LINE)],
        ..needed("organizations:DescribeOrganization", DENIED_JSON, &[])
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_settings/unknown"],
        touches: &["/regions/eu-central-1/backup_settings"],
        needed_by: &[
            ("service-opted-in", REGION_LINE),
            ("dynamodb-advanced-features-enabled", TABLE),
        ],
        ..needed("backup:DescribeRegionSettings", DENIED_JSON, &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/stacks/gap"],
        touches: &["/regions/eu-central-1/stacks"],
        needed_by: &[("backup-not-duplicated", TABLE)],
        lists: true,
        ..needed(
            "cloudformation:DescribeStacks",
            "AccessDenied",
            &["cloudformation"],
        )
    },
    Needed {
        gaps: &[
            "/regions/eu-central-1/stacks/items/0/resources/gap",
            "/regions/eu-central-1/stacks/items/2/resources/gap",
        ],
        touches: &["/regions/eu-central-1/stacks/items/"],
        needed_by: &[
            // The table may belong to the tagged stack.
            ("backup-not-duplicated", TABLE),
            ("stack-resources-ready", STACK),
        ],
        ..needed(
            "cloudformation:ListStackResources",
            "AccessDenied",
            &["cloudformation"],
        )
    },
    Needed {
        gaps: &[
            "/regions/eu-central-1/tables/items/0/kms_key/unknown",
            "/regions/eu-central-1/tables/items/2/state/unknown",
        ],
        // A table that only its tag shows is looked up too.
        touches: &[
            "/regions/eu-central-1/tables",
            "/regions/eu-central-1/tagged/items/2/exists",
        ],
        needed_by: &[
            ("encryption-customer-key-recommended", TABLE),
            ("kms-key-usable", TABLE),
            ("kms-key-locally-usable", TABLE),
        ],
        ..needed("dynamodb:DescribeTable", DENIED_JSON, &["dynamodb"])
    },
    Needed {
        gaps: &[
            "/regions/eu-central-1/tables/gap",
            "/regions/eu-central-1/tagged/items/2/exists/unknown",
        ],
        touches: &[
            "/regions/eu-central-1/tables",
            "/regions/eu-central-1/tagged",
        ],
        lists: true,
        ..needed("dynamodb:ListTables", DENIED_JSON, &["dynamodb"])
    },
    Needed {
        gaps: &[
            "/regions/eu-central-1/instances/gap",
            "/regions/eu-central-1/tagged/items/2/exists/unknown",
        ],
        // The images that only instances use are not described.
        touches: &[
            "/regions/eu-central-1/instances",
            "/regions/eu-central-1/images",
            "/regions/eu-central-1/tagged",
        ],
        needed_by: &[("backup-not-duplicated", VOLUME)],
        lists: true,
        ..needed("ec2:DescribeInstances", "UnauthorizedOperation", &["ec2"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/network/interfaces/gap"],
        // An instance shows that the network is in use, and all of its subnets have the route.
        touches: &["/regions/eu-central-1/network/interfaces"],
        ..needed(
            "ec2:DescribeNetworkInterfaces",
            "UnauthorizedOperation",
            &["vpc"],
        )
    },
    // Every region is then scanned, but other regions in use remain unknown.
    Needed {
        gaps: &["/enabled_regions/gap"],
        touches: &["/enabled_regions", "/elsewhere"],
        lists: true,
        ..needed("ec2:DescribeRegions", "UnauthorizedOperation", &["ec2"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/network/route_tables/gap"],
        touches: &["/regions/eu-central-1/network/route_tables"],
        needed_by: &[("s3-gateway-endpoint-routed", VPC)],
        ..needed("ec2:DescribeRouteTables", "UnauthorizedOperation", &["vpc"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/network/subnets/gap"],
        touches: &["/regions/eu-central-1/network/subnets"],
        needed_by: &[("s3-gateway-endpoint-routed", VPC)],
        ..needed("ec2:DescribeSubnets", "UnauthorizedOperation", &["vpc"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/volumes/gap"],
        touches: &["/regions/eu-central-1/volumes"],
        needed_by: &[
            ("encryption-at-rest", INSTANCE),
            ("encryption-customer-key", INSTANCE),
            ("kms-key-shared", INSTANCE),
        ],
        lists: true,
        ..needed("ec2:DescribeVolumes", "UnauthorizedOperation", &["ebs"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/network/endpoints/gap"],
        touches: &["/regions/eu-central-1/network/endpoints"],
        needed_by: &[
            ("s3-gateway-endpoint-present", VPC),
            ("s3-gateway-endpoint-routed", VPC),
            ("s3-gateway-endpoint-open", VPC),
        ],
        ..needed(
            "ec2:DescribeVpcEndpoints",
            "UnauthorizedOperation",
            &["vpc"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/network/vpcs/gap"],
        touches: &["/regions/eu-central-1/network/vpcs"],
        lists: true,
        ..needed("ec2:DescribeVpcs", "UnauthorizedOperation", &["vpc"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/ebs_defaults/kms_key/unknown"],
        touches: &["/regions/eu-central-1/ebs_defaults/kms_key"],
        needed_by: &[("ebs-default-encryption", REGION_LINE)],
        ..needed(
            "ec2:GetEbsDefaultKmsKeyId",
            "UnauthorizedOperation",
            &["ebs"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/ebs_defaults/encryption/unknown"],
        touches: &["/regions/eu-central-1/ebs_defaults/encryption"],
        needed_by: &[("ebs-default-encryption", REGION_LINE)],
        ..needed(
            "ec2:GetEbsEncryptionByDefault",
            "UnauthorizedOperation",
            &["ebs"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/file_systems/gap"],
        touches: &["/regions/eu-central-1/file_systems"],
        lists: true,
        ..needed(
            "elasticfilesystem:DescribeFileSystems",
            DENIED_JSON,
            &["efs"],
        )
    },
    Needed {
        gaps: &[
            "/regions/eu-central-1/fsx_file_systems/gap",
            "/regions/eu-central-1/tagged/items/2/exists/unknown",
        ],
        touches: &[
            "/regions/eu-central-1/fsx_file_systems",
            "/regions/eu-central-1/tagged",
        ],
        lists: true,
        ..needed("fsx:DescribeFileSystems", DENIED_JSON, &["fsx"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/fsx_volumes/gap"],
        touches: &["/regions/eu-central-1/fsx_volumes"],
        lists: true,
        ..needed("fsx:DescribeVolumes", DENIED_JSON, &["fsx"])
    },
    // Only a file system of Lustre can be linked to a bucket.
    Needed {
        gaps: &["/regions/eu-central-1/fsx_file_systems/items/2/is_linked/unknown"],
        touches: &["/regions/eu-central-1/fsx_file_systems/items/2/is_linked"],
        needed_by: &[("cross-account-copy-supported", LUSTRE)],
        ..needed(
            "fsx:DescribeDataRepositoryAssociations",
            DENIED_JSON,
            &["fsx"],
        )
    },
    Needed {
        gaps: &[
            "/keys/arn:aws:kms:eu-central-1:111122223333:key~11234abcd-12ab-34cd-56ef-1234567890ab/metadata/unknown",
            "/regions/eu-central-1/key_names/alias~1data/unknown",
        ],
        // An AWS managed key is then not recognized, and its policy is read.
        touches: &["/keys", "/regions/eu-central-1/key_names"],
        needed_by: &[
            ("kms-key-usable", VOLUME),
            ("kms-key-usable", INSTANCE),
            ("kms-key-usable", TABLE),
            ("kms-key-usable", BUCKET),
            ("encryption-customer-key", VOLUME),
            ("encryption-customer-key", "db:orders"),
            ("encryption-customer-key-recommended", BUCKET),
            ("kms-key-shared", VOLUME),
            ("kms-key-not-central", ":::archive-111122223333"),
        ],
        ..needed("kms:DescribeKey", DENIED_JSON, &["kms"])
    },
    Needed {
        gaps: &[
            "/keys/arn:aws:kms:eu-central-1:111122223333:key~11234abcd-12ab-34cd-56ef-1234567890ab/policy/unknown",
        ],
        touches: &["/keys"],
        needed_by: &[
            ("kms-key-shared", VOLUME),
            ("kms-key-shared", INSTANCE),
            ("kms-key-shared", "cluster:ledger"),
            ("kms-key-fully-shared", VOLUME),
            ("kms-key-locally-usable", VOLUME),
            ("kms-key-locally-usable", TABLE),
            ("kms-key-locally-usable", BUCKET),
        ],
        ..needed("kms:GetKeyPolicy", DENIED_JSON, &["kms"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/db_clusters/gap"],
        // Tagged clusters of other engines are then not recognized.
        touches: &[
            "/regions/eu-central-1/db_clusters",
            "/regions/eu-central-1/tagged",
        ],
        lists: true,
        ..needed(
            "rds:DescribeDBClusters",
            "AccessDenied",
            &["documentdb", "neptune", "rds"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/db_instances/gap"],
        // One of the instances is the only user of a key.
        touches: &[
            "/regions/eu-central-1/db_instances",
            "/regions/eu-central-1/option_groups",
            "/keys/arn:aws:kms:eu-central-1:111122223333:key/0d990263",
        ],
        needed_by: &[("backup-tag-placed", "cluster:ledger")],
        lists: true,
        ..needed(
            "rds:DescribeDBInstances",
            "AccessDenied",
            &["documentdb", "neptune", "rds"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/option_groups/gap"],
        touches: &["/regions/eu-central-1/option_groups"],
        needed_by: &[("rds-option-group-shareable", "db:billing")],
        ..needed("rds:DescribeOptionGroups", "AccessDenied", &["rds"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/redshift_clusters/gap"],
        touches: &["/regions/eu-central-1/redshift_clusters"],
        lists: true,
        ..needed("redshift:DescribeClusters", "AccessDenied", &["redshift"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/redshift_namespaces/gap"],
        touches: &["/regions/eu-central-1/redshift_namespaces"],
        lists: true,
        ..needed(
            "redshift-serverless:ListNamespaces",
            DENIED_JSON,
            &["redshift"],
        )
    },
    Needed {
        gaps: &[
            "/regions/eu-central-1/gateway_volumes/items/0/state/unknown",
            "/regions/eu-central-1/gateway_volumes/items/1/kms_key/unknown",
        ],
        touches: &["/regions/eu-central-1/gateway_volumes/items/"],
        needed_by: &[
            ("resource-state-ready", CACHED_VOLUME),
            ("encryption-at-rest", CACHED_VOLUME),
            ("encryption-customer-key", CACHED_VOLUME),
            ("kms-key-shared", CACHED_VOLUME),
        ],
        ..needed(
            "storagegateway:DescribeCachediSCSIVolumes",
            DENIED_JSON,
            &["storagegateway"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/gateway_volumes/items/2/state/unknown"],
        touches: &["/regions/eu-central-1/gateway_volumes/items/2"],
        needed_by: &[
            ("resource-state-ready", STORED_VOLUME),
            ("kms-key-usable", STORED_VOLUME),
        ],
        ..needed(
            "storagegateway:DescribeStorediSCSIVolumes",
            DENIED_JSON,
            &["storagegateway"],
        )
    },
    Needed {
        gaps: &[
            "/regions/eu-central-1/gateways/gap",
            "/regions/eu-central-1/gateway_volumes/gap",
        ],
        touches: &[
            "/regions/eu-central-1/gateways",
            "/regions/eu-central-1/gateway_volumes",
        ],
        lists: true,
        ..needed(
            "storagegateway:ListGateways",
            DENIED_JSON,
            &["storagegateway"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/gateway_volumes/gap"],
        touches: &["/regions/eu-central-1/gateway_volumes"],
        needed_by: &[("backup-tag-placed", GATEWAY)],
        lists: true,
        ..needed(
            "storagegateway:ListVolumes",
            DENIED_JSON,
            &["storagegateway"],
        )
    },
    Needed {
        action: "s3:GetEncryptionConfiguration",
        gaps: &[
            "/buckets/items/0/encryption/unknown",
            "/buckets/items/4/encryption/unknown",
        ],
        // Two keys encrypt only buckets.
        touches: &[
            "/buckets/items/",
            "/keys",
            "/regions/eu-central-1/key_names",
        ],
        needed_by: &[
            ("encryption-customer-key-recommended", BUCKET),
            ("kms-key-usable", BUCKET),
            ("kms-key-not-central", BUCKET),
        ],
        ..needed("s3:GetBucketEncryption", "AccessDenied", &["s3"])
    },
    Needed {
        action: "s3:GetLifecycleConfiguration",
        gaps: &[
            "/buckets/items/0/expiry/unknown",
            "/buckets/items/4/expiry/unknown",
        ],
        touches: &["/buckets/items/"],
        needed_by: &[("s3-old-versions-expire", BUCKET)],
        ..needed(
            "s3:GetBucketLifecycleConfiguration",
            "AccessDenied",
            &["s3"],
        )
    },
    Needed {
        action: "s3:GetBucketNotification",
        gaps: &[
            "/buckets/items/0/event_bridge/unknown",
            "/buckets/items/4/event_bridge/unknown",
        ],
        touches: &["/buckets/items/"],
        ..needed(
            "s3:GetBucketNotificationConfiguration",
            "AccessDenied",
            &["s3"],
        )
    },
    Needed {
        gaps: &[
            "/buckets/items/0/versioning/unknown",
            "/buckets/items/4/versioning/unknown",
        ],
        touches: &["/buckets/items/"],
        needed_by: &[("s3-versioning-enabled", BUCKET)],
        ..needed("s3:GetBucketVersioning", "AccessDenied", &["s3"])
    },
    Needed {
        action: "s3:ListAllMyBuckets",
        gaps: &[
            "/buckets/gap",
            "/regions/eu-central-1/tagged/items/4/exists/unknown",
        ],
        // The region of a bucket that other regions return is then unknown.
        // A bucket that is tagged is kept with the reason.
        touches: &[
            "/buckets",
            "/elsewhere",
            "/keys",
            "/regions/eu-central-1/key_names",
            "/regions/eu-central-1/tagged",
        ],
        lists: true,
        ..needed("s3:ListBuckets", "AccessDenied", &["s3"])
    },
    Needed {
        action: "s3:ListBucket",
        gaps: &[
            "/buckets/items/0/region/unknown",
            "/buckets/items/0/tags/unknown",
            "/buckets/items/0/versioning/unknown",
        ],
        touches: &[
            "/buckets",
            "/elsewhere",
            "/keys",
            "/regions/eu-central-1/key_names",
            "/regions/eu-central-1/tagged",
        ],
        needed_by: &[
            ("s3-versioning-enabled", BUCKET),
            ("backup-tag-valid", BUCKET),
            ("s3-old-versions-expire", BUCKET),
            ("kms-key-usable", BUCKET),
        ],
        ..needed("s3:HeadBucket", "AccessDenied", &["s3"])
    },
    Needed {
        gaps: &[
            "/buckets/items/0/tags/unknown",
            "/regions/eu-central-1/tables/items/0/tags/unknown",
            "/regions/eu-central-1/db_instances/items/2/tags/unknown",
            "/regions/eu-central-1/db_clusters/items/1/tags/unknown",
            "/regions/eu-central-1/gateways/items/2/tags/unknown",
            "/regions/eu-central-1/gateway_volumes/items/0/tags/unknown",
            "/regions/eu-central-1/redshift_namespaces/items/1/tags/unknown",
            "/regions/eu-central-1/tagged/gap",
        ],
        touches: &[
            "/elsewhere/",
            "/buckets/items/",
            "/regions/eu-central-1/tables/items/",
            "/regions/eu-central-1/db_instances/items/",
            "/regions/eu-central-1/db_clusters/items/",
            "/regions/eu-central-1/gateways/items/",
            "/regions/eu-central-1/gateway_volumes/items/",
            "/regions/eu-central-1/redshift_namespaces/items/",
            "/regions/eu-central-1/tagged",
        ],
        needed_by: &[
            ("backup-tag-valid", BUCKET),
            ("backup-tag-valid", TABLE),
            ("backup-decision-made", "db:reports"),
            ("backup-tag-placed", "cluster:queue"),
            ("backup-tag-placed", GATEWAY),
            ("backup-tag-valid", GATEWAY),
            ("backup-tag-valid", CACHED_VOLUME),
            ("backup-region-covered", ACCOUNT_LINE),
        ],
        ..needed(
            "tag:GetResources",
            DENIED_JSON,
            &[
                "backup",
                "documentdb",
                "dynamodb",
                "neptune",
                "rds",
                "redshift",
                "s3",
                "storagegateway",
            ],
        )
    },
];
