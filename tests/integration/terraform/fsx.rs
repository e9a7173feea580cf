//! FSx.

use backup_check::report::Status;
use serde_json::{Value, json};

use super::{change_mut, evaluate_plan, plan_with_one};

#[test]
fn fsx_backs_up_the_volumes_of_ontap_that_can_be_written_to() {
    let status_of = |values: Value, action: &str| {
        let mut root = plan_with_one("aws_fsx_ontap_volume", values, json!({}));
        change_mut(&mut root, "aws_fsx_ontap_volume.x")["change"]["actions"] = json!([action]);
        let report = evaluate_plan(&root);
        let mut findings = report.findings.iter();
        let found = findings.find(|it| it.rule.id == "cross-account-copy-supported");
        found.unwrap().status
    };
    let snaplock = json!([{"snaplock_type": "COMPLIANCE"}]);
    for (values, want) in [
        (json!({}), Status::Pass),
        (json!({"ontap_volume_type": "RW"}), Status::Pass),
        (json!({"ontap_volume_type": "DP"}), Status::Fail),
        (json!({"volume_style": "FLEXGROUP"}), Status::Pass),
        (json!({"snaplock_configuration": snaplock}), Status::Pass),
        (
            json!({"snaplock_configuration": snaplock, "volume_style": "FLEXGROUP"}),
            Status::Fail,
        ),
    ] {
        let mut values = values;
        values["tags_all"] = json!({"backup": "enabled"});
        assert_eq!(status_of(values.clone(), "create"), want, "{values}");
    }
    // Only an existing volume may be a FlexCache volume.
    for (endpoint, want) in [
        (json!("NONE"), Status::Pass),
        (json!("CACHE"), Status::Fail),
        (json!(null), Status::Unknown),
    ] {
        let values = json!({
            "id": "fsvol-0a", "arn": "arn:aws:fsx:eu-central-1:111122223333:volume/fs-0a/fsvol-0a",
            "tags_all": {"backup": "enabled"}, "ontap_volume_type": "RW", "flexcache_endpoint_type": endpoint,
        });
        assert_eq!(status_of(values, "no-op"), want, "{endpoint}");
    }
}

#[test]
fn fsx_copies_no_backups_of_openzfs_with_intelligent_tiering() {
    for (storage, want) in [
        (json!(null), Status::Pass),
        (json!("SSD"), Status::Pass),
        (json!("INTELLIGENT_TIERING"), Status::Fail),
        (json!("TAPE"), Status::Unknown),
    ] {
        let values = json!({"storage_type": storage, "tags_all": {"backup": "enabled"}});
        let root = plan_with_one("aws_fsx_openzfs_file_system", values, json!({}));
        let report = evaluate_plan(&root);
        let mut findings = report.findings.iter();
        let found = findings.find(|it| it.rule.id == "cross-account-copy-supported");
        assert_eq!(found.unwrap().status, want, "{storage}");
    }
}
