//! Databases that are made from other ones.

use serde_json::{Value, json};

use super::{
    add_data_source, add_resources, evaluate_plan, plan_with_one, problems_of, reference_to,
};

/// Returns a plan of a cluster `old` of the same type, a key, and what is made from them.
fn plan_of_copy(kind: &str, engine: &str, expressions: Value, unknown: &[&str]) -> Value {
    let values = json!({"engine": engine, "storage_encrypted": false});
    let mut root = plan_with_one("aws_kms_key", json!({}), json!({"arn": true, "id": true}));
    let mut copy = json!({"engine": engine, "tags_all": {"backup": "enabled"}});
    if expressions.get("restore_to_point_in_time").is_some() {
        copy["restore_to_point_in_time"] = json!([{"use_latest_restorable_time": true}]);
    }
    let mut made = expressions;
    made["engine"] = json!({"constant_value": engine});
    add_resources(
        &mut root,
        &[
            (
                kind,
                "old",
                values.clone(),
                &["id", "arn"],
                json!({"engine": {"constant_value": engine}}),
            ),
            (kind, "new", copy, unknown, made),
        ],
    );
    root["prior_state"] = json!({"values": {"root_module": {"resources": []}}});
    add_data_source(
        &mut root,
        "aws_db_cluster_snapshot",
        json!({"id": "backup", "engine": engine, "storage_encrypted": false, "kms_key_id": ""}),
    );
    root
}

fn encryption_of(kind: &str, root: &Value) -> Vec<String> {
    let mut found = problems_of(&evaluate_plan(root), &format!("{kind}.new"));
    found.retain(|it| it.contains("encryption-"));
    found
}

#[test]
fn a_key_does_not_encrypt_an_unencrypted_cluster_at_a_point_in_time() {
    let refused = ["fail encryption-at-rest".to_owned()];
    let open = [
        "unknown encryption-at-rest".to_owned(),
        "unknown encryption-customer-key".to_owned(),
    ];
    for (kind, engine, expected) in [
        ("aws_docdb_cluster", "docdb", &refused[..]),
        ("aws_rds_cluster", "mysql", &refused[..]),
        // The source may have a key that AWS owns.
        ("aws_rds_cluster", "aurora-mysql", &open[..1]),
    ] {
        let source = reference_to(&format!("{kind}.old.id"));
        let mut root = plan_of_copy(
            kind,
            engine,
            json!({
                "kms_key_id": reference_to("aws_kms_key.x.arn"),
                "restore_to_point_in_time": [{"source_cluster_identifier": source}],
            }),
            &["id", "arn", "kms_key_id"],
        );
        super::change_mut(&mut root, &format!("{kind}.new"))["change"]["after_unknown"]["restore_to_point_in_time"] =
            json!([{"source_cluster_identifier": true}]);
        let found = encryption_of(kind, &root);
        assert!(
            expected.iter().all(|it| found.contains(it)),
            "{engine}: {found:?}"
        );
        let passes = found.iter().all(|it| !it.starts_with("pass"));
        assert!(passes, "{engine}: {found:?}");
    }
}

#[test]
fn a_key_encrypts_a_cluster_from_an_unencrypted_snapshot() {
    let kind = "aws_rds_cluster";
    let snapshot = || json!({"references": ["data.aws_db_cluster_snapshot.x.id", "data.aws_db_cluster_snapshot.x"]});
    let restored = |key: Option<Value>| {
        let mut made = json!({"snapshot_identifier": snapshot()});
        if let Some(key) = key {
            made["kms_key_id"] = key;
        }
        let unknown = ["id", "arn", "kms_key_id"];
        let mut root = plan_of_copy(kind, "aurora-mysql", made, &unknown);
        let change = &mut super::change_mut(&mut root, "aws_rds_cluster.new")["change"];
        change["after"]["snapshot_identifier"] = json!("backup");
        encryption_of(kind, &root)
    };
    let own = reference_to("aws_kms_key.x.arn");
    assert_eq!(restored(Some(own)), [] as [&str; 0]);
    // Nothing says whether Aurora gives it a key that AWS owns.
    let without = restored(None);
    assert!(
        without.contains(&"unknown encryption-at-rest".to_owned()),
        "{without:?}"
    );
    let open = restored(Some(json!({"references": ["var.key", "local.keys"]})));
    assert!(
        open.contains(&"unknown encryption-at-rest".to_owned()),
        "{open:?}"
    );
}
