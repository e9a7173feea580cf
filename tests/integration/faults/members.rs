//! Every member of every response, left out.

use crate::collect::denied::operations::NEEDED;
use crate::support::endpoint::{Reply, on};

use super::in_process::scan_in_process;
use super::{Scan, assert_none, fault_of, find_turned_findings, print_size, run_all};

/// The members that hold the token of the next page. A list whose token is left out ends.
const TOKENS: [&str; 6] = [
    "ContinuationToken",
    "LastEvaluatedTableName",
    "Marker",
    "NextToken",
    "PaginationToken",
    "nextToken",
];

/// Members that say something by being left out, and what. Every other member that a verdict rests on leaves it unknown.
const ABSENT_IS_A_VALUE: [(&str, &str, &[&str]); 20] = [
    // Kept for ever. A selection by tags alone names no resources.
    (
        "backup:GetBackupPlan",
        "/BackupPlan/Rules",
        &[
            "/CopyActions/Lifecycle",
            "/CopyActions/Lifecycle/DeleteAfterDays",
            "/Lifecycle",
            "/Lifecycle/DeleteAfterDays",
        ],
    ),
    (
        "backup:GetBackupSelection",
        "/BackupSelection",
        &["/Resources"],
    ),
    // Advanced features are enabled only where both are true.
    (
        "backup:DescribeRegionSettings",
        "",
        &[
            "/ResourceTypeManagementPreference/DynamoDB",
            "/ResourceTypeOptInPreference/DynamoDB",
        ],
    ),
    // No tags. The SDK fills an empty text in for the value of a tag, and an empty list for required tags.
    (
        "cloudformation:DescribeStacks",
        "/DescribeStacksResult/Stacks",
        &["/Tags", "/Tags/Value"],
    ),
    (
        "ec2:DescribeInstances",
        "/reservationSet/instancesSet",
        &["/productCodes", "/tagSet"],
    ),
    (
        "elasticfilesystem:DescribeFileSystems",
        "/FileSystems",
        &["/Tags", "/Tags/Value"],
    ),
    ("fsx:DescribeFileSystems", "/FileSystems", &["/Tags"]),
    (
        "tag:GetResources",
        "/ResourceTagMappingList",
        &["/Tags/Value"],
    ),
    // A service of AWS attached the volume.
    (
        "ec2:DescribeVolumes",
        "/volumeSet",
        &["/attachmentSet/instanceId", "/tagSet"],
    ),
    // The tagging API has the tags that RDS leaves out; that of the fixtures has none. A list without items.
    (
        "rds:DescribeDBInstances",
        "/DescribeDBInstancesResult/DBInstances/DBInstance",
        &[
            "/OptionGroupMemberships/OptionGroupMembership",
            "/TagList",
            "/TagList/Tag",
        ],
    ),
    (
        "rds:DescribeDBClusters",
        "/DescribeDBClustersResult/DBClusters",
        &["/DBCluster"],
    ),
    (
        "rds:DescribeOptionGroups",
        "/DescribeOptionGroupsResult/OptionGroupsList/OptionGroup",
        &["/Options/Option"],
    ),
    (
        "redshift:DescribeClusters",
        "/DescribeClustersResult/Clusters/Cluster",
        &["/Tags/Tag"],
    ),
    ("s3:ListBuckets", "/Buckets", &["/Bucket"]),
    // A key of AWS, or none.
    ("dynamodb:DescribeTable", "/Table", &["/SSEDescription"]),
    (
        "s3:GetBucketEncryption",
        "/Rule/ApplyServerSideEncryptionByDefault",
        &["/KMSMasterKeyID"],
    ),
    (
        "storagegateway:DescribeCachediSCSIVolumes",
        "/CachediSCSIVolumes",
        &["/KMSKey"],
    ),
    (
        "storagegateway:DescribeStorediSCSIVolumes",
        "/StorediSCSIVolumes",
        &["/KMSKey"],
    ),
    // Nothing expires, or versions were never enabled.
    (
        "s3:GetBucketLifecycleConfiguration",
        "/Rule",
        &[
            "",
            "/NoncurrentVersionExpiration",
            "/NoncurrentVersionExpiration/NoncurrentDays",
        ],
    ),
    ("s3:GetBucketVersioning", "", &["/Status"]),
];

/// Returns what turns because a member is left out.
fn find_turns(clean: &Scan, without: &Scan) -> Vec<String> {
    let (before, after) = (clean.resources(), without.resources());
    let mut turns = find_turned_findings(clean, without);
    let is_complete = without.report["scan"]["complete"] == true;
    let gone = before
        .keys()
        .filter(|it| is_complete && !after.contains_key(*it));
    turns.extend(gone.map(|it| format!("{it} is gone")));
    turns
}

#[test]
fn a_member_that_is_left_out_is_unknown() {
    let clean = scan_in_process("", Vec::new()).scan;
    let of_responses: Vec<_> = NEEDED
        .iter()
        // The scan of this test has its own regions.
        .filter(|it| !it.is_for_plans && it.operation != "ec2:DescribeRegions")
        .flat_map(|it| {
            let exceptions = fault_of(it.operation, on(it.operation, Reply::WithMembers));
            let members = scan_in_process(it.operation, exceptions).members;
            members
                .into_iter()
                .map(|(_, member)| (it.operation, member))
        })
        .collect();
    let is_value = |operation: &str, member: &str| {
        let mut values = ABSENT_IS_A_VALUE.iter();
        values.any(|(of, parent, names)| {
            let name = member.strip_prefix(parent);
            *of == operation && name.is_some_and(|name| names.contains(&name))
        }) || TOKENS.iter().any(|it| member.ends_with(&format!("/{it}")))
    };
    let found = run_all(&of_responses, |(operation, member)| {
        if is_value(operation, member) {
            return Vec::new();
        }
        let without = on(operation, Reply::Without(member.clone()));
        let without = scan_in_process(operation, fault_of(operation, without));
        let turns = find_turns(&clean, &without.scan).into_iter();
        turns
            .map(|turn| format!("{operation} {member}: {turn}"))
            .collect()
    });
    print_size(&format!("{} members left out", of_responses.len()));
    assert_none(&found);
}
