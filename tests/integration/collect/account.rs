//! Account-level data: the organization, the backup role, vaults, backup plans, and tagged resources in
//! regions that are not scanned.

use serde_json::{Value, json};

use crate::support::endpoint::{Endpoint, Exception, Reply, on};

use super::{REGION, User, at, collect_region, coverage, in_region, item, json_of, status};

const CENTRAL_VAULT: &str = "arn:aws:backup:$region:692653576357:backup-vault:Central";
const ACCOUNT_LINE: &str = ":account:111122223333";
const REGION_LINE: &str = ":region:111122223333:eu-central-1";

/// Returns the exception for an account without an effective backup policy.
fn no_policy(code: &'static str) -> Exception {
    on(
        "organizations:DescribeEffectivePolicy",
        Reply::Fixture(code),
    )
}

/// Returns the answer for an account without backup plans.
fn no_plans() -> Exception {
    on(
        "backup:ListBackupPlans",
        Reply::Fixture("ListBackupPlans-empty"),
    )
}

#[test]
fn the_effective_backup_policy_is_read_once_and_the_plans_of_each_region() {
    let endpoint = Endpoint::start([no_plans()]);
    let user = User::new();
    let snapshot = json_of(&user.collect(&endpoint, &[REGION, "eu-west-3"], &[]));
    assert_eq!(
        snapshot["organization_id"],
        json!({"known": "o-a1b2c3d4e5"})
    );
    let plan = at(&snapshot, "/backup_policy/known/plans/0");
    assert_eq!(plan["regions"], json!(["eu-central-1", "eu-west-1"]));
    let rule = json!({
        "name": "daily", "vault": "local", "schedule": "cron(0 3 ? * * *)", "timezone": {"known": null},
        "start_window_minutes": {"known": 60}, "continuous": {"known": false}, "retention_days": 1,
        "cold_storage": {"known": null},
        "copies": [{"vault_arn": CENTRAL_VAULT, "retention_days": 35, "cold_storage": {"known": null}}],
    });
    assert_eq!(at(plan, "/plan/rules/items"), &json!([rule]));
    for operation in [
        "organizations:DescribeEffectivePolicy",
        "organizations:DescribeOrganization",
        "iam:GetRole",
    ] {
        assert_eq!(endpoint.requests_for(operation).len(), 1, "{operation}");
    }
    let asked = &endpoint.requests_for("organizations:DescribeEffectivePolicy")[0].parameters;
    assert_eq!(asked["PolicyType"], "BACKUP_POLICY");
    assert_eq!(asked.get("TargetId"), None);
    assert_eq!(endpoint.requests_for("backup:ListBackupPlans").len(), 2);
    assert_eq!(
        at(&snapshot, &in_region("backup_plans")),
        &json!({"items": []})
    );

    let report = json_of(&user.evaluate(&snapshot, &[]));
    for (rule, arn, want) in [
        ("backup-policy-effective", REGION_LINE, "pass"),
        (
            "backup-policy-effective",
            ":region:111122223333:eu-west-3",
            "fail",
        ),
        ("local-vault-ready", REGION_LINE, "pass"),
        ("local-vault-key-shared", REGION_LINE, "skip"),
        ("backup-role-ready", ACCOUNT_LINE, "pass"),
        (
            "kms-key-usable",
            "eu-central-1:111122223333:backup-vault:local",
            "skip",
        ),
    ] {
        assert_eq!(status(&report, rule, arn), Some(want), "{rule} on {arn}");
    }
}

#[test]
fn the_backup_role_is_read_with_its_policies_and_its_trust_policy() {
    let (snapshot, _endpoint) = collect_region([]);
    let role = at(&snapshot, "/backup_roles/aws-controltower-BackupRole/known");
    let trust = at(role, "/trust_policy/known").as_str().expect("a policy");
    let trust: Value = serde_json::from_str(trust).expect("it is decoded");
    assert_eq!(
        at(&trust, "/Statement/0/Principal/Service"),
        "backup.amazonaws.com"
    );
    assert_eq!(
        role["attached_policies"],
        json!({"items": [
            "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
            "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
            "arn:aws:iam::111122223333:policy/backup/tagging",
        ]})
    );
    assert_eq!(role["inline_policies"], json!({"items": ["kms", "tags"]}));
    // AWS's own policies are known by name.
    let documents = role["documents"].as_object().expect("an object");
    let names: Vec<&str> = documents.keys().map(String::as_str).collect();
    let managed = "arn:aws:iam::111122223333:policy/backup/tagging";
    assert_eq!(names, [managed, "kms", "tags"]);
    for (name, action) in [(managed, "tag:TagResources"), ("kms", "kms:CreateGrant")] {
        let text = documents[name]["known"].as_str().expect("a policy");
        assert!(text.contains(action), "{name}: {text}");
    }
    let (snapshot, _endpoint) = collect_region([on("iam:GetRole", Reply::Fixture("NoSuchEntity"))]);
    assert_eq!(
        snapshot["backup_roles"],
        json!({"aws-controltower-BackupRole": {"known": null}})
    );
    assert_eq!(coverage(&snapshot, "global", "backup")["state"], "scanned");
}

#[test]
fn vaults_are_read_with_their_lock_and_used_vaults_with_their_access_policy() {
    let (snapshot, endpoint) = collect_region([no_plans()]);
    let vault = |id: &str| item(&snapshot, &in_region("vaults"), id).clone();
    let local = vault("local");
    assert_eq!(local["state"], "AVAILABLE");
    assert_eq!(local["min_retention_days"], json!({"known": 1}));
    assert_eq!(local["max_retention_days"], json!({"known": 30}));
    let policy = at(&local, "/access_policy/known").as_str().expect("one");
    assert!(policy.contains("KeepBackups"), "{policy}");
    let default = vault("Default");
    assert_eq!(default["min_retention_days"], json!({"known": null}));
    assert_eq!(at(&default, "/access_policy/unknown/kind"), "not-collected");
    assert_eq!(
        endpoint
            .requests_for("backup:GetBackupVaultAccessPolicy")
            .len(),
        1
    );

    let none = on(
        "backup:GetBackupVaultAccessPolicy",
        Reply::Fixture("ResourceNotFoundException"),
    );
    let (snapshot, _endpoint) = collect_region([none]);
    let local = item(&snapshot, &in_region("vaults"), "local");
    assert_eq!(local["access_policy"], json!({"known": null}));
    assert_eq!(coverage(&snapshot, REGION, "backup")["state"], "scanned");
}

#[test]
fn without_an_effective_backup_policy_the_plans_are_read() {
    for code in [
        "EffectivePolicyNotFoundException",
        "AWSOrganizationsNotInUseException",
    ] {
        let (snapshot, _endpoint) = collect_region([no_policy(code)]);
        assert_eq!(snapshot["backup_policy"], json!({"known": null}), "{code}");
        assert_eq!(coverage(&snapshot, "global", "backup")["state"], "scanned");
        let plans = at(&snapshot, &in_region("backup_plans"));
        assert_eq!(plans.get("gap"), None);
        let rules = json!([{
            "name": "nightly", "vault": "local", "schedule": "cron(0 3 ? * * *)",
            "timezone": {"known": "Etc/UTC"}, "start_window_minutes": {"known": 60},
            "continuous": {"known": false}, "retention_days": 1, "cold_storage": {"known": null},
            "copies": [{
                "vault_arn": "arn:aws:backup:eu-central-1:692653576357:backup-vault:Central",
                "retention_days": 35, "cold_storage": {"known": null},
            }],
        }]);
        assert_eq!(at(plans, "/items/0/rules/items"), &rules);
        // Without a retention.
        assert_eq!(
            at(plans, "/items/1/rules/items"),
            &json!([{
                "name": "hourly", "vault": "Default", "schedule": "cron(0 0/1 ? * * *)", "timezone": {"known": null},
                "start_window_minutes": {"known": null}, "continuous": {"known": true}, "copies": [],
                "cold_storage": {"known": {"after_days": 30, "archives": true}},
            }])
        );
        let role = "arn:aws:iam::111122223333:role/aws-controltower-BackupRole";
        let selections = json!([
            {"name": "tagged", "role_arn": role, "tags": [{"key": "backup", "value": "enabled"}]},
            {
                "name": "prod", "role_arn": role,
                "resources": ["arn:aws:dynamodb:*:*:table/*"],
                "not_resources": ["arn:aws:dynamodb:*:*:table/tmp-*"],
                "conditions": [
                    {"operator": "equals", "key": "stage", "value": "prod"},
                    {"operator": "not-like", "key": "backup", "value": "dis*"},
                ],
            },
        ]);
        assert_eq!(at(plans, "/items/0/selections/items"), &selections);
        // The plans use both vaults.
        for vault in ["local", "Default"] {
            let vault = item(&snapshot, &in_region("vaults"), vault);
            assert!(vault["access_policy"].get("known").is_some(), "{vault:#}");
        }
    }
    let no_organization = on(
        "organizations:DescribeOrganization",
        Reply::Fixture("AWSOrganizationsNotInUseException"),
    );
    let (snapshot, _endpoint) = collect_region([no_organization]);
    assert_eq!(snapshot["organization_id"], json!({"known": null}));
    assert_eq!(coverage(&snapshot, "global", "backup")["state"], "scanned");
}

#[test]
fn tags_that_plans_select_by_and_events_of_buckets_with_continuous_backups_are_read() {
    let (snapshot, endpoint) = collect_region([]);
    assert_eq!(snapshot["selected_tags"], json!(["backup", "stage"]));
    let bucket = |id: &str| item(&snapshot, "/buckets", id)["event_bridge"].clone();
    assert_eq!(bucket("ledger-111122223333"), json!({"known": true}));
    assert_eq!(bucket("invoices-111122223333"), json!({"known": false}));
    let operation = "s3:GetBucketNotificationConfiguration";
    assert!(!endpoint.requests_for(operation).is_empty());
    let (snapshot, endpoint) = collect_region([no_plans()]);
    assert_eq!(snapshot["selected_tags"], json!(["backup"]));
    assert_eq!(endpoint.requests_for(operation), []);
}

#[test]
fn tagged_resources_of_other_regions_are_listed() {
    let (snapshot, endpoint) = collect_region([]);
    let asked: Vec<String> = endpoint
        .requests_for("tag:GetResources")
        .into_iter()
        .filter(|it| {
            it.subject() == Some("enabled") && it.region != REGION && it.page_token().is_none()
        })
        .map(|it| it.region)
        .collect();
    let mut asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    asked.sort_unstable();
    // One more region of the fixture is not enabled for the account.
    let others = [
        "ap-southeast-1",
        "eu-south-1",
        "eu-west-1",
        "eu-west-3",
        "us-east-1",
    ];
    assert_eq!(asked, others);
    for region in others {
        // Without snapshots and secrets, and without buckets, which are in other regions.
        let wanted = [
            format!("arn:aws:dynamodb:{region}:111122223333:table/far"),
            format!("arn:aws:ec2:{region}:111122223333:instance/i-0aa11bb22cc33dd44"),
            format!("arn:aws:fsx:{region}:111122223333:file-system/fs-0aa11bb22cc33dd44"),
            format!("arn:aws:rds:{region}:111122223333:cluster:documents"),
            format!("arn:aws:rds:{region}:111122223333:cluster:queue"),
        ];
        assert_eq!(
            snapshot["elsewhere"][region],
            json!({"items": wanted}),
            "{region}"
        );
        assert_eq!(coverage(&snapshot, region, "backup")["state"], "scanned");
    }
    let denied = on("tag:GetResources", Reply::Denied).in_region("eu-south-1");
    let (snapshot, _endpoint) = collect_region([denied]);
    assert_eq!(at(&snapshot, "/elsewhere/eu-south-1/gap/kind"), "denied");
    let row = coverage(&snapshot, "eu-south-1", "backup");
    assert_eq!(
        (&row["state"], &row["error"]["operation"]),
        (&json!("denied"), &json!("tag:GetResources"))
    );
}
