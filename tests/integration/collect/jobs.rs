//! Backup jobs and copy jobs.

use serde_json::json;

use crate::support::endpoint::{Reply, on};

use super::{at, collect_region, ids, in_region, item, not_scanned};

#[test]
fn the_newest_jobs_and_the_oldest_completed_backup_are_kept() {
    let (snapshot, endpoint) = collect_region([]);
    let started: jiff::Timestamp = at(&snapshot, "/started_at")
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let since = (started - jiff::SignedDuration::from_hours(30 * 24)).to_string();
    for operation in ["backup:ListBackupJobs", "backup:ListCopyJobs"] {
        let asked = endpoint.requests_for(operation);
        assert_eq!(asked.len(), 2, "{operation}");
        for request in asked {
            assert_eq!(request.parameters["createdAfter"], since, "{operation}");
        }
    }

    // Of three completed backups of a volume, the newest and the oldest are kept.
    let backups = in_region("backup_jobs");
    assert_eq!(
        item(&snapshot, &backups, "0A1B-VOLUME-3"),
        &json!({
            "id": "0A1B-VOLUME-3",
            "resource_arn": "arn:aws:ec2:eu-central-1:111122223333:volume/vol-049df61146c4d7901",
            "state": "COMPLETED",
            "message_category": "SUCCESS",
            "created_at": "2026-03-03T05:00:03Z",
            "completed_at": "2026-03-03T05:21:40Z",
            "vault": {"known": "local"},
            "created_by": {"known": {"plan_id": "1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9"}},
        })
    );
    let kept = ids(&snapshot, &backups);
    assert!(kept.contains(&"0A1B-VOLUME-1".to_owned()));
    assert!(!kept.contains(&"0A1B-VOLUME-2".to_owned()));
    // Milliseconds are dropped, and a message is joined into one line.
    let table = item(&snapshot, &backups, "0A1B-TABLE");
    assert_eq!(
        [&table["created_at"], &table["completed_at"]],
        ["2026-03-03T05:00:00Z", "2026-03-03T05:04:11Z"]
    );
    let database = item(&snapshot, &backups, "0A1B-DATABASE-2");
    assert_eq!(
        database["message"],
        "RDS backup could not start because it is either inside or too close to the weekly maintenance window configured for the instance."
    );
    assert_eq!(
        item(&snapshot, &backups, "0A1B-CLUSTER")["parent_job_id"],
        "0A1B-STACK"
    );
    assert_eq!(
        item(&snapshot, &backups, "0A1B-INSTANCE").get("completed_at"),
        None
    );

    // The newest copy in each state and destination account is kept.
    let copies = in_region("copy_jobs");
    assert_eq!(
        item(&snapshot, &copies, "0C1D-VOLUME-1"),
        &json!({
            "id": "0C1D-VOLUME-1",
            "resource_arn": "arn:aws:ec2:eu-central-1:111122223333:volume/vol-049df61146c4d7901",
            "state": "FAILED",
            "message": "Given key ID is not accessible",
            "message_category": "MISCELLANEOUS",
            "created_at": "2026-03-02T05:21:00Z",
            "completed_at": "2026-03-02T05:22:00Z",
            "destination_vault_arn": "arn:aws:backup:eu-central-1:692653576357:backup-vault:central",
            "source_vault_arn": {"known": "arn:aws:backup:eu-central-1:111122223333:backup-vault:local"},
            "created_by": {"known": {"plan_id": "1b2c3d4e-5f60-4718-8293-a4b5c6d7e8f9"}},
        })
    );
    let kept = ids(&snapshot, &copies);
    assert!(!kept.contains(&"0C1D-VOLUME-0".to_owned()));
    for other in ["0C1D-VOLUME-2", "0C1D-VOLUME-3"] {
        assert!(kept.contains(&other.to_owned()), "{other}");
    }
}

#[test]
fn a_job_without_its_id_is_a_gap_in_the_listing() {
    let (snapshot, _endpoint) = collect_region([
        on(
            "backup:ListBackupJobs",
            Reply::Fixture("ListBackupJobs-no-id"),
        ),
        on("backup:ListCopyJobs", Reply::Fixture("ListCopyJobs-no-id")),
    ]);
    for (listing, left) in [
        ("backup_jobs", "0A1B-VOLUME-3"),
        ("copy_jobs", "0C1D-VOLUME-2"),
    ] {
        assert_eq!(ids(&snapshot, &in_region(listing)), [left]);
        let gap = at(&snapshot, &in_region(&format!("{listing}/gap")));
        assert_eq!(gap["code"], "UnreadableAnswer", "{listing}");
    }
    assert_eq!(not_scanned(&snapshot), ["backup"]);
}
