//! Operations that the credentials may not use: each one, alone.

use std::collections::BTreeSet;

use serde_json::json;

use crate::endpoint::{Endpoint, Exception, Reply, on};

use super::{REGION, User, VPC, at, changes, collected, coverage, json_of, not_scanned, status};

/// What changes where no policy of the organization is read, and so the plans are.
const WITHOUT_POLICY: &[&str] = &[
    "/backup_policy",
    "/regions/eu-central-1/backup_plans",
    "/regions/eu-central-1/vaults",
];

/// What is asked only where no policy of the organization is read.
const OF_PLANS: [&str; 4] = [
    "backup:GetBackupPlan",
    "backup:GetBackupSelection",
    "backup:ListBackupPlans",
    "backup:ListBackupSelections",
];

/// What hangs on an operation.
struct Needed {
    operation: &'static str,
    /// The IAM action, where S3 names it otherwise.
    action: &'static str,
    /// The code with which the service denies it.
    code: &'static str,
    /// The rows of coverage that tell it.
    services: &'static [&'static str],
    /// Facts that are then unknown: where the reason stands.
    gaps: &'static [&'static str],
    /// The only parts of a snapshot that may change.
    touches: &'static [&'static str],
    /// Rules that then cannot judge a resource, given by the end of its ARN.
    needed_by: &'static [(&'static str, &'static str)],
    /// Whether it lists resources that could be backed up, or networks they talk through.
    lists: bool,
}

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
    }
}

const INSTANCE: &str = "instance/i-1234567890abcdef0";
const VOLUME: &str = "volume/vol-049df61146c4d7901";
const BUCKET: &str = ":::ledger-111122223333";
const TABLE: &str = "table/orders";
const CACHED_VOLUME: &str = "gateway/sgw-12A3456B/volume/vol-1122AABB";
const STORED_VOLUME: &str = "gateway/sgw-56B7890C/volume/vol-5566EEFF";
const GATEWAY: &str = ":gateway/sgw-12A3456B";
const STACK: &str = "stack/shop/51af3dc0-da77-11e4-872e-1234567db101";

const ACCOUNT_LINE: &str = ":account:111122223333";
const REGION_LINE: &str = ":region:111122223333:eu-central-1";

const NEEDED: &[Needed] = &[
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/items/0/rules/gap"],
        touches: WITHOUT_POLICY,
        ..needed("backup:GetBackupPlan", "AccessDeniedException", &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/items/1/selections/gap"],
        touches: WITHOUT_POLICY,
        ..needed(
            "backup:GetBackupSelection",
            "AccessDeniedException",
            &["backup"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_jobs/gap"],
        touches: &["/regions/eu-central-1/backup_jobs"],
        needed_by: &[
            ("backup-recent", VOLUME),
            ("backup-recent", BUCKET),
            // Only a backup makes a copy due.
            ("copy-recent", "db:orders"),
        ],
        ..needed(
            "backup:ListBackupJobs",
            "AccessDeniedException",
            &["backup"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/copy_jobs/gap"],
        touches: &["/regions/eu-central-1/copy_jobs"],
        needed_by: &[("copy-recent", VOLUME), ("copy-recent", BUCKET)],
        ..needed("backup:ListCopyJobs", "AccessDeniedException", &["backup"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/vaults/items/1/access_policy/unknown"],
        touches: &["/regions/eu-central-1/vaults"],
        needed_by: &[("local-vault-ready", REGION_LINE)],
        ..needed(
            "backup:GetBackupVaultAccessPolicy",
            "AccessDeniedException",
            &["backup"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/gap"],
        touches: WITHOUT_POLICY,
        needed_by: &[("backup-policy-effective", REGION_LINE)],
        ..needed(
            "backup:ListBackupPlans",
            "AccessDeniedException",
            &["backup"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_plans/items/0/selections/gap"],
        touches: WITHOUT_POLICY,
        ..needed(
            "backup:ListBackupSelections",
            "AccessDeniedException",
            &["backup"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/vaults/gap"],
        // The key of the account's own vault is one of theirs.
        touches: &["/regions/eu-central-1/vaults", "/keys"],
        needed_by: &[("local-vault-ready", REGION_LINE)],
        ..needed(
            "backup:ListBackupVaults",
            "AccessDeniedException",
            &["backup"],
        )
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
    // The policy that the role needs is found without them.
    Needed {
        gaps: &["/backup_roles/aws-controltower-BackupRole/known/inline_policies/gap"],
        touches: &["/backup_roles"],
        ..needed("iam:ListRolePolicies", "AccessDenied", &[])
    },
    // The plans say the same then.
    Needed {
        gaps: &["/backup_policy/unknown"],
        touches: WITHOUT_POLICY,
        ..needed(
            "organizations:DescribeEffectivePolicy",
            "AccessDeniedException",
            &[],
        )
    },
    Needed {
        gaps: &["/organization_id/unknown"],
        touches: &["/organization_id"],
        ..needed(
            "organizations:DescribeOrganization",
            "AccessDeniedException",
            &[],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/backup_settings/unknown"],
        touches: &["/regions/eu-central-1/backup_settings"],
        needed_by: &[
            ("service-opted-in", ":region:111122223333:eu-central-1"),
            ("dynamodb-advanced-features-enabled", TABLE),
        ],
        ..needed(
            "backup:DescribeRegionSettings",
            "AccessDeniedException",
            &["backup"],
        )
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
            // It may be in the one that is tagged.
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
        touches: &["/regions/eu-central-1/tables"],
        needed_by: &[
            ("encryption-customer-key-recommended", TABLE),
            ("kms-key-usable", TABLE),
            ("kms-key-locally-usable", TABLE),
        ],
        ..needed(
            "dynamodb:DescribeTable",
            "AccessDeniedException",
            &["dynamodb"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/tables/gap"],
        touches: &["/regions/eu-central-1/tables"],
        lists: true,
        ..needed(
            "dynamodb:ListTables",
            "AccessDeniedException",
            &["dynamodb"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/instances/gap"],
        touches: &["/regions/eu-central-1/instances"],
        needed_by: &[("backup-not-duplicated", VOLUME)],
        lists: true,
        ..needed("ec2:DescribeInstances", "UnauthorizedOperation", &["ec2"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/network/interfaces/gap"],
        touches: &["/regions/eu-central-1/network/interfaces"],
        needed_by: &[("s3-gateway-endpoint-routed", VPC)],
        ..needed(
            "ec2:DescribeNetworkInterfaces",
            "UnauthorizedOperation",
            &["vpc"],
        )
    },
    // Every region is asked then, but nobody knows whether one that answers nothing is in use.
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
        needed_by: &[(
            "ebs-default-encryption",
            ":region:111122223333:eu-central-1",
        )],
        ..needed(
            "ec2:GetEbsDefaultKmsKeyId",
            "UnauthorizedOperation",
            &["ebs"],
        )
    },
    Needed {
        gaps: &["/regions/eu-central-1/ebs_defaults/encryption/unknown"],
        touches: &["/regions/eu-central-1/ebs_defaults/encryption"],
        needed_by: &[(
            "ebs-default-encryption",
            ":region:111122223333:eu-central-1",
        )],
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
            "AccessDeniedException",
            &["efs"],
        )
    },
    Needed {
        gaps: &[
            "/keys/arn:aws:kms:eu-central-1:111122223333:key~11234abcd-12ab-34cd-56ef-1234567890ab/metadata/unknown",
            "/regions/eu-central-1/key_names/alias~1data/unknown",
        ],
        // An AWS managed key cannot be told from others then, and its policy is asked for.
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
        ..needed("kms:DescribeKey", "AccessDeniedException", &["kms"])
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
        ..needed("kms:GetKeyPolicy", "AccessDeniedException", &["kms"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/db_clusters/gap"],
        // Which of the clusters that are tagged are RDS's own is not known then.
        touches: &[
            "/regions/eu-central-1/db_clusters",
            "/regions/eu-central-1/tagged",
        ],
        lists: true,
        ..needed("rds:DescribeDBClusters", "AccessDenied", &["rds"])
    },
    Needed {
        gaps: &["/regions/eu-central-1/db_instances/gap"],
        // The only user of its key is among them.
        touches: &[
            "/regions/eu-central-1/db_instances",
            "/regions/eu-central-1/option_groups",
            "/keys/arn:aws:kms:eu-central-1:111122223333:key/0d990263",
        ],
        needed_by: &[("backup-tag-placed", "cluster:ledger")],
        lists: true,
        ..needed("rds:DescribeDBInstances", "AccessDenied", &["rds"])
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
            "AccessDeniedException",
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
            (
                "encryption-customer-key-recommended",
                "gateway/sgw-12A3456B/volume/vol-3344CCDD",
            ),
        ],
        ..needed(
            "storagegateway:DescribeCachediSCSIVolumes",
            "AccessDeniedException",
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
            "AccessDeniedException",
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
            "AccessDeniedException",
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
            "AccessDeniedException",
            &["storagegateway"],
        )
    },
    Needed {
        action: "s3:GetEncryptionConfiguration",
        gaps: &[
            "/buckets/items/0/encryption/unknown",
            "/buckets/items/4/encryption/unknown",
        ],
        // Two of the keys encrypt only buckets.
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
        gaps: &["/buckets/gap"],
        // A bucket that the other regions name may then be there.
        touches: &[
            "/buckets",
            "/elsewhere",
            "/keys",
            "/regions/eu-central-1/key_names",
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
            "/regions/eu-central-1/db_clusters/items/1/tags",
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
            "AccessDeniedException",
            &[
                "backup",
                "dynamodb",
                "rds",
                "redshift",
                "s3",
                "storagegateway",
            ],
        )
    },
];

/// An account for which no policy of the organization holds.
fn without_policy() -> Exception {
    on(
        "organizations:DescribeEffectivePolicy",
        Reply::Fixture("EffectivePolicyNotFoundException"),
    )
}

#[test]
fn an_operation_that_is_denied_leaves_its_own_facts_unknown_and_all_else_read() {
    let (whole, _endpoint) = collected([]);
    let user = User::new();
    let usual = json_of(&user.judge(&whole, &[]));
    for needed in NEEDED {
        let operation = needed.operation;
        let mut exceptions = vec![on(operation, Reply::Denied)];
        if operation == "s3:HeadBucket" {
            exceptions.push(on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")));
        }
        if OF_PLANS.contains(&operation) {
            exceptions.push(without_policy());
        }
        let (snapshot, endpoint) = collected(exceptions);
        assert!(
            !endpoint.asked(operation).is_empty(),
            "{operation} was never asked"
        );
        for pointer in needed.gaps {
            let gap = at(&snapshot, pointer);
            let told = [
                &gap["kind"],
                &gap["operation"],
                &gap["action"],
                &gap["code"],
            ];
            assert_eq!(
                told,
                [
                    &json!("denied"),
                    &json!(operation),
                    &json!(needed.action),
                    &json!(needed.code)
                ],
                "{pointer}"
            );
        }
        for change in changes(&whole, &snapshot) {
            assert!(
                needed.touches.iter().any(|part| change.starts_with(part)),
                "{operation} denied changes {change}"
            );
        }
        assert_eq!(not_scanned(&snapshot), needed.services, "{operation}");
        if needed.services.is_empty() {
            let row = coverage(&snapshot, "global", "backup");
            assert_eq!(
                (&row["state"], &row["error"]["operation"]),
                (&json!("denied"), &json!(operation))
            );
        }
        for service in needed.services {
            let row = coverage(&snapshot, REGION, service);
            // Without tags, or without the list of regions, the service itself was read.
            let beside = ["tag:GetResources", "ec2:DescribeRegions"].contains(&operation);
            let state = if beside { "partial" } else { "denied" };
            assert_eq!(
                (&row["state"], &row["error"]["operation"]),
                (&json!(state), &json!(operation))
            );
            assert_eq!(row["error"]["code"], needed.code, "{operation}");
        }

        let run = user.judge(&snapshot, &[]);
        let report = json_of(&run);
        assert!(matches!(run.code, 1 | 3), "{operation}: {:?}", run.code);
        assert_eq!(at(&report, "/scan/complete"), false, "{operation}");
        for (rule, arn) in needed.needed_by {
            let before = status(&usual, rule, arn).expect("it is judged");
            assert_ne!(before, "unknown", "{rule} on {arn} proves nothing");
            let now = status(&report, rule, arn);
            assert_eq!(now, Some("unknown"), "{operation}: {rule} on {arn}");
        }
        let findings = report["findings"].as_array().expect("findings").iter();
        for finding in findings.filter(|finding| finding["status"] == "pass") {
            let text = |key: &str| finding[key].as_str().expect("a text");
            let (rule, arn) = (text("rule"), text("resource"));
            // What is exempt by its tag is judged where the tag is not known.
            let before = status(&usual, rule, arn);
            assert!(
                matches!(before, None | Some("pass")),
                "{operation} denied turns {rule} on {arn} from {before:?} to pass"
            );
        }
        if needed.lists {
            // A rule that breaks nowhere in this account: what gates is that something may be missing.
            let run = user.judge(&snapshot, &["--rule", "resource-state-ready"]);
            assert_eq!(run.code, 3, "{operation}: {}", run.stdout);
        }
    }
}

#[test]
fn exactly_the_operations_of_the_iam_policy_are_sent() {
    // A bucket without a region makes it ask for that too.
    let here = Reply::Bare(200, &[("x-amz-bucket-region", REGION)]);
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")),
        on("s3:HeadBucket", here),
    ]);
    let user = User::new();
    user.collect(&endpoint, &[REGION], &[]);
    // One without a policy makes it ask for the plans.
    let planned = Endpoint::start([without_policy()]);
    user.collect(&planned, &[REGION], &[]);
    let policy = json_of(&user.run(&["iam-policy"]));
    let allowed: BTreeSet<String> =
        serde_json::from_value(at(&policy, "/Statement/0/Action").clone()).expect("a list");
    let sent = endpoint
        .requests()
        .into_iter()
        .chain(planned.requests())
        .map(|request| request.operation);
    // Nobody needs a permission for it.
    let sent: BTreeSet<String> = sent
        .filter(|operation| operation != "sts:GetCallerIdentity")
        .collect();
    let known: BTreeSet<String> = NEEDED.iter().map(|it| it.operation.to_owned()).collect();
    assert_eq!(
        sent, known,
        "what NEEDED says of operations is about the ones that are sent"
    );
    let actions: BTreeSet<String> = NEEDED.iter().map(|it| it.action.to_owned()).collect();
    assert_eq!(actions, allowed);
}
