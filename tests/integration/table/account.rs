//! Accounts for the tests of the table.

use serde_json::{Value, json};

pub const ACCOUNT: &str = "111122223333";
pub const REGION: &str = "eu-central-1";

pub fn key_arn(region: &str, id: &str) -> String {
    format!("arn:aws:kms:{region}:{ACCOUNT}:key/{id}")
}

/// Returns a customer managed key whose policy allows only its own account.
pub fn private_key() -> Value {
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Root", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{ACCOUNT}:root")},
        "Action": "kms:*", "Resource": "*",
    }]});
    json!({
        "metadata": {"known": {"manager": "CUSTOMER", "state": "Enabled", "spec": "SYMMETRIC_DEFAULT",
                               "usage": "ENCRYPT_DECRYPT", "origin": "AWS_KMS", "multi_region": false}},
        "policy": {"known": policy.to_string()},
    })
}

/// Returns a volume with some tags.
pub fn volume(region: &str, id: &str, key: &str, tags: Value) -> Value {
    json!({
        "arn": format!("arn:aws:ec2:{region}:{ACCOUNT}:volume/{id}"), "id": id, "tags": {"known": tags},
        "state": {"known": "available"}, "encrypted": {"known": true}, "kms_key": {"known": key},
        "attached_to": {"known": []},
    })
}

/// Returns an empty region that was read completely.
fn region() -> Value {
    let none = json!({"items": []});
    json!({
        "instances": none, "volumes": none, "db_instances": none, "db_clusters": none, "tables": none,
        "file_systems": none, "gateways": none, "gateway_volumes": none, "redshift_clusters": none, "redshift_namespaces": none,
        "stacks": none, "tagged": none,
        "network": {"vpcs": none, "subnets": none, "route_tables": none, "interfaces": none, "endpoints": none},
        "ebs_defaults": {"encryption": {"known": true}, "kms_key": {"known": key_arn(REGION, "1")}},
        "vaults": {"items": [{
            "arn": format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:local"), "id": "local",
            "kms_key": {"known": format!("arn:aws:kms:{REGION}:692653576357:key/1")},
            "min_retention_days": {"known": null}, "max_retention_days": {"known": null},
            "access_policy": {"known": null},
        }]},
        "backup_settings": {"known": {"opt_in": {"EBS": true, "S3": true, "EC2": true}, "management": {}}},
        "backup_jobs": none, "copy_jobs": none,
    })
}

/// Returns an account with one empty region.
pub fn account() -> Value {
    json!({
        "snapshot_version": 1, "account_id": ACCOUNT, "tag_key": "backup",
        "started_at": "2026-03-03T06:00:00Z", "finished_at": "2026-03-03T06:00:04Z",
        "enabled_regions": {"items": [REGION]},
        "organization_id": {"known": "o-a1b2c3d4e5"},
        "backup_policy": {"known": {"plans": [{"regions": [REGION], "plan": {
            "name": "central",
            "rules": {"items": [{"name": "daily", "vault": "local", "retention_days": 1, "copies": [
                {"vault_arn": "arn:aws:backup:$region:692653576357:backup-vault:central", "retention_days": 35},
            ]}]},
            "selections": {"items": [{
                "name": "enabled", "role_arn": "arn:aws:iam::$account:role/Backup",
                "tags": [{"key": "backup", "value": "enabled"}],
            }]},
        }}]}},
        "backup_roles": {"Backup": {"known": {
            "arn": format!("arn:aws:iam::{ACCOUNT}:role/Backup"),
            "trust_policy": {"known": json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Principal": {"Service": "backup.amazonaws.com"}, "Action": "sts:AssumeRole",
            }]}).to_string()},
            "attached_policies": {"items": [
                "arn:aws:iam::aws:policy/service-role/AWSBackupServiceRolePolicyForBackup",
                "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
            ]},
            "inline_policies": {"items": []},
        }}},
        "buckets": {"items": []},
        "regions": {REGION: region()},
        "keys": {key_arn(REGION, "1"): private_key()},
    })
}

/// Adds a backup of a volume of last night, and a copy that failed, at times that depend on `n`.
pub fn add_failed_copy(account: &mut Value, n: usize, id: &str, message: &str) {
    let arn = format!("arn:aws:ec2:{REGION}:{ACCOUNT}:volume/{id}");
    let at = |hour: usize| format!("2026-03-03T{:02}:{:02}:00Z", hour + n / 60 % 2, n % 60);
    let job = |id: String, created: String| json!({"id": id, "resource_arn": arn, "state": "COMPLETED", "created_at": created});
    let mut copy = job(format!("c-{n}"), at(3));
    copy["state"] = json!("FAILED");
    copy["message"] = json!(message);
    copy["destination_vault_arn"] = json!(format!(
        "arn:aws:backup:{REGION}:692653576357:backup-vault:central"
    ));
    for (listing, job) in [
        ("backup_jobs", job(format!("b-{n}"), at(1))),
        ("copy_jobs", copy),
    ] {
        let items = account["regions"][REGION][listing]["items"].as_array_mut();
        items.expect("a listing").push(job);
    }
}

/// Returns an account with some volumes in its region.
pub fn with_volumes(volumes: Vec<Value>) -> Value {
    let mut account = account();
    account["regions"][REGION]["volumes"]["items"] = Value::Array(volumes);
    account
}
