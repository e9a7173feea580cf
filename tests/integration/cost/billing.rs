//! One case for each rule of billing. Every figure is computed by hand, in the comment next to it.

use backup_check::cost::billing::Payer;
use backup_check::cost::estimate::Estimate;
use backup_check::cost::line::Cost;
use backup_check::cost::note::Note;
use backup_check::cost::prices::PriceList;
use backup_check::cost::volume::Figures;
use serde_json::{Value, json};

use super::{
    ACCOUNT, GIB, REGION, account, at_most, daily, estimate, line, measured, noted, tagged, volume,
};

/// Asserts the figures of a cost, to a hundredth of a cent.
#[track_caller]
fn assert_cost(cost: Cost, want: [f64; 3]) {
    let Figures {
        one,
        planning,
        ceiling,
    } = cost.usd;
    for (got, want) in [one, planning, ceiling].into_iter().zip(want) {
        assert!((got - want).abs() < 1e-4, "{cost:?} instead of {want:?}");
    }
    assert!(!cost.lacks_price, "{cost:?}");
}

#[track_caller]
fn assert_storage(estimate: &Estimate, kind: &str, member: [f64; 3], central: [f64; 3]) {
    let line = line(estimate, kind);
    assert_cost(line.member.storage, member);
    assert_cost(line.central.storage, central);
}

fn week_and_month() -> Vec<Value> {
    vec![daily(Some(7), Some(30), REGION)]
}

// The vault is free, storage is billed by the GiB and month: each account for its own points.
#[test]
fn the_member_pays_for_local_points_and_the_central_account_for_copies() {
    let snapshot = account(
        json!({"volumes": [volume("vol-1", 60), volume("vol-2", 40)]}),
        week_and_month(),
    );
    let estimate = estimate(&snapshot, Some(0.03));
    let line = line(&estimate, "ebs-volume");
    assert_eq!((line.resources, line.bytes), (2, 100 * GIB));
    assert_eq!(line.member.points, Some((7, 7)));
    assert_eq!(line.central.points, Some((30, 30)));
    assert_storage(
        &estimate,
        "ebs-volume",
        // 100 * 0.1; 10 * (1 + 6 * 0.03); 10 * 7
        [10.0, 11.8, 70.0],
        // 10; 10 * (1 + 29 * 0.03); 10 * 30
        [10.0, 18.7, 300.0],
    );
    assert_eq!(line.central.transfer, Cost::default());
    assert!(!estimate.missing().is_something(), "{estimate:?}");
    assert!((estimate.total(Payer::Central).storage.usd.ceiling - 300.0).abs() < 1e-6);
}

// Source: https://docs.aws.amazon.com/aws-backup/latest/devguide/metering-and-billing.html
#[test]
fn transfer_is_paid_by_the_source_for_types_that_aws_backup_manages_fully() {
    let lists = json!({
        "volumes": [volume("vol-1", 100)],
        "file_systems": [tagged("elasticfilesystem", "file-system/fs-1", json!({"size": measured(100)}))],
    });
    let snapshot = account(lists, vec![daily(Some(7), Some(30), "eu-west-1")]);
    let estimate = estimate(&snapshot, Some(0.03));
    let (volume, file_system) = (
        line(&estimate, "ebs-volume"),
        line(&estimate, "efs-file-system"),
    );
    // 100 * 0.02; 2 * (1 + 29 * 0.03); 30 copies in a month
    assert_cost(volume.central.transfer, [2.0, 3.74, 60.0]);
    assert_eq!(volume.member.transfer, Cost::default());
    assert_cost(file_system.member.transfer, [2.0, 3.74, 60.0]);
    assert_eq!(file_system.central.transfer, Cost::default());
    // The copies are kept, and priced, in the region of their vault.
    let regions: Vec<&str> = estimate
        .prices
        .iter()
        .map(|it| it.region.as_str())
        .collect();
    assert!(regions.contains(&"eu-west-1"), "{regions:?}");
}

#[test]
fn a_transfer_without_a_price_is_missing_and_not_free() {
    let lists = json!({"volumes": [volume("vol-1", 100)]});
    let snapshot = account(lists, vec![daily(Some(7), Some(30), "eu-west-3")]);
    let estimate = estimate(&snapshot, None);
    assert!(line(&estimate, "ebs-volume").central.transfer.lacks_price);
    assert_eq!(estimate.missing().types_without_price, 1);
}

// A copy is full again if the one before it has expired.
// Source: https://docs.aws.amazon.com/aws-backup/latest/devguide/recov-point-create-a-copy.html
#[test]
fn copies_that_expire_before_the_next_one_are_noted() {
    let lists = || json!({"volumes": [volume("vol-1", 1)]});
    let short = estimate(
        &account(lists(), vec![daily(Some(7), Some(1), REGION)]),
        None,
    );
    assert_eq!(noted(&short, Note::CopyExpiresFirst), 1);
    let long = estimate(&account(lists(), week_and_month()), None);
    assert_eq!(noted(&long, Note::CopyExpiresFirst), 0);
}

#[test]
fn less_than_a_week_of_local_retention_is_noted() {
    for (days, want) in [(1, 1), (6, 1), (7, 0), (35, 0)] {
        let lists = json!({"volumes": [volume("vol-1", 1)]});
        let snapshot = account(lists, vec![daily(Some(days), Some(60), REGION)]);
        let estimate = estimate(&snapshot, None);
        assert_eq!(noted(&estimate, Note::ShortLocalRetention), want, "{days}");
    }
}

// Source: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_WorkingWithAutomatedBackups.BackupStorage.html
#[test]
fn backups_of_rds_are_free_up_to_the_size_of_the_databases_in_the_member_only() {
    let database = |id: &str, gib: u64, tags: Value| {
        let facts = json!({"size": at_most(gib), "engine": {"known": "postgres"}, "tags": tags});
        tagged("rds", &format!("db:{id}"), facts)
    };
    let lists = json!({"db_instances": [
        database("orders", 100, json!({"known": {"backup": "enabled"}})),
        // It is not backed up, but its storage counts for the allowance.
        database("scratch", 50, json!({"known": {}})),
    ]});
    let estimate = estimate(&account(lists, week_and_month()), Some(0.5));
    assert_storage(
        &estimate,
        "rds-instance",
        // 100 - 150 is free; 100 * (1 + 6 * 0.5) - 150 = 250; 700 - 150 = 550
        [0.0, 25.0, 55.0],
        // 100; 100 * (1 + 29 * 0.5) = 1,550; 3,000
        [10.0, 155.0, 300.0],
    );
    assert_eq!(noted(&estimate, Note::RdsAllowance), 1);
}

// Source: https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/aurora-storage-backup.html
#[test]
fn snapshots_of_aurora_are_free_within_the_window_and_full_after_it() {
    let cluster = |days: i64| {
        let facts = json!({
            "engine": "aurora-postgresql", "size": measured(100),
            "backup_retention_days": {"known": days},
        });
        json!({"db_clusters": [tagged("rds", "cluster:web", facts)]})
    };
    let inside = estimate(&account(cluster(7), week_and_month()), Some(0.03));
    assert_storage(
        &inside,
        "aurora-cluster",
        [0.0, 0.0, 0.0],
        // Every copy is full: 100; 3,000; 3,000
        [10.0, 300.0, 300.0],
    );
    let outside = estimate(&account(cluster(2), week_and_month()), Some(0.03));
    // 7 points, of which 2 are younger than the window: 5 * 100
    assert_cost(
        line(&outside, "aurora-cluster").member.storage,
        [10.0, 50.0, 50.0],
    );
}

#[test]
fn every_backup_of_dynamodb_is_full() {
    let table = tagged("dynamodb", "table/orders", json!({"size": measured(10)}));
    let snapshot = account(json!({"tables": [table]}), week_and_month());
    let estimate = estimate(&snapshot, Some(0.03));
    assert_storage(
        &estimate,
        "dynamodb-table",
        // 1; 7 * 1
        [1.0, 7.0, 7.0],
        [1.0, 30.0, 30.0],
    );
    assert_eq!(noted(&estimate, Note::FullBackupsKept), 1);
}

#[test]
fn the_volumes_of_an_instance_count_once() {
    let instance = |id: &str, volumes: &[&str]| {
        tagged(
            "ec2",
            &format!("instance/{id}"),
            json!({"volumes": {"known": volumes}}),
        )
    };
    // vol-2 is attached to both instances, vol-3 has no tag.
    let mut untagged = volume("vol-3", 4);
    untagged["tags"] = json!({"known": {}});
    let lists = json!({
        "instances": [instance("i-1", &["vol-1", "vol-2"]), instance("i-2", &["vol-2", "vol-3"])],
        "volumes": [volume("vol-1", 1), volume("vol-2", 2), untagged, volume("vol-4", 8)],
    });
    let estimate = estimate(&account(lists, week_and_month()), None);
    let (instances, volumes) = (
        line(&estimate, "ec2-instance"),
        line(&estimate, "ebs-volume"),
    );
    assert_eq!((instances.resources, instances.bytes), (2, 7 * GIB));
    assert_eq!((volumes.resources, volumes.bytes), (1, 8 * GIB));
    assert_eq!(noted(&estimate, Note::VolumeWithInstance), 2);
}

#[test]
fn an_instance_with_a_volume_of_unknown_size_is_not_completely_sized() {
    let mut unsized_volume = volume("vol-2", 1);
    unsized_volume.as_object_mut().unwrap().remove("size");
    let facts = json!({"volumes": {"known": ["vol-1", "vol-2"]}});
    let lists = json!({
        "instances": [tagged("ec2", "instance/i-1", facts)],
        "volumes": [volume("vol-1", 5), unsized_volume],
    });
    let estimate = estimate(&account(lists, week_and_month()), None);
    let line = line(&estimate, "ec2-instance");
    assert_eq!((line.bytes, line.unknown_sizes), (5 * GIB, 1));
    assert!(estimate.missing().is_something());
}

#[test]
fn types_that_cannot_be_copied_cost_the_central_account_nothing() {
    let cluster = tagged("redshift", "cluster:dwh", json!({"size": at_most(100)}));
    let snapshot = account(json!({"redshift_clusters": [cluster]}), week_and_month());
    let estimate = estimate(&snapshot, None);
    let line = line(&estimate, "redshift-cluster");
    assert_eq!(line.central.points, Some((0, 0)));
    assert_cost(line.central.storage, [0.0, 0.0, 0.0]);
    assert!((line.member.storage.usd.ceiling - 70.0).abs() < 1e-6);
}

#[test]
fn what_is_kept_for_ever_grows_and_has_no_ceiling() {
    let lists = json!({"volumes": [volume("vol-1", 100)]});
    let estimate = estimate(&account(lists, vec![daily(None, None, REGION)]), None);
    let line = line(&estimate, "ebs-volume");
    assert!(line.member.grows && line.central.grows);
    assert_eq!(line.central.points, Some((30, 30)), "those of a month");
    assert!(estimate.total(Payer::Central).grows);
}

#[test]
fn in_an_air_gapped_vault_aws_backup_bills_everything_at_other_prices() {
    let vault = json!({
        "arn": format!("arn:aws:backup:{REGION}:{ACCOUNT}:backup-vault:local"), "id": "local",
        "vault_type": {"known": "LOGICALLY_AIR_GAPPED_BACKUP_VAULT"},
    });
    let lists = json!({"volumes": [volume("vol-1", 100)], "vaults": [vault]});
    let estimate = estimate(&account(lists, week_and_month()), None);
    let line = line(&estimate, "ebs-volume");
    assert!(line.member.storage.lacks_price && !line.central.storage.lacks_price);
    assert_eq!(noted(&estimate, Note::AirGapped), 1);
}

#[test]
fn a_copy_in_a_region_of_the_account_is_paid_by_the_account() {
    let mut rule = daily(Some(7), Some(30), REGION);
    let vault = format!("arn:aws:backup:eu-west-1:{ACCOUNT}:backup-vault:second");
    let other = "arn:aws:backup:eu-central-1:999988887777:backup-vault:theirs";
    let copies = rule["copies"].as_array_mut().unwrap();
    copies.push(json!({"vault_arn": vault, "retention_days": 14}));
    copies.push(json!({"vault_arn": other, "retention_days": 14}));
    let lists = json!({"volumes": [volume("vol-1", 100)]});
    let estimate = estimate(&account(lists, vec![rule]), None);
    let line = line(&estimate, "ebs-volume");
    assert_eq!(line.member.points, Some((21, 21)));
    // 7 points in Frankfurt and 14 in Ireland
    assert!((line.member.storage.usd.ceiling - 210.0).abs() < 1e-6);
    assert!((line.member.transfer.usd.one - 2.0).abs() < 1e-6);
    assert_eq!(noted(&estimate, Note::OtherAccounts), 1);
    assert!(estimate.missing().resources);
}

#[test]
fn a_bucket_without_a_size_is_unknown_and_one_with_a_size_has_small_objects() {
    let bucket = |facts: Value| {
        let mut bucket = tagged("s3", "x:files", facts);
        bucket["arn"] = json!("arn:aws:s3:::files");
        bucket["region"] = json!({"known": REGION});
        json!({"buckets": [bucket]})
    };
    let unknown = estimate(&account(bucket(json!({})), week_and_month()), None);
    let line_of = line(&unknown, "s3-bucket");
    assert_eq!((line_of.basis, line_of.unknown_sizes), (None, 1));
    assert!(unknown.missing().is_something());
    assert_eq!(noted(&unknown, Note::SmallObjects), 0);
    let known = bucket(json!({"size": measured(100)}));
    let known = estimate(&account(known, week_and_month()), None);
    assert_storage(&known, "s3-bucket", [10.0, 10.0, 70.0], [10.0, 10.0, 300.0]);
    assert_eq!(noted(&known, Note::SmallObjects), 1);
}

#[test]
fn the_type_of_fsx_decides_the_price() {
    let volume = tagged(
        "fsx",
        "volume/fs-1/fsvol-1",
        json!({"size": at_most(100), "volume_type": {"known": "ONTAP"}, "file_system": {"known": "fs-1"}}),
    );
    let other = tagged(
        "fsx",
        "file-system/fs-2",
        json!({"size": at_most(100), "file_system_type": {"known": "LUSTRE"}}),
    );
    let mut snapshot = account(json!({}), week_and_month());
    let region = snapshot.regions.get_mut(REGION).unwrap();
    region.fsx_volumes = serde_json::from_value(json!({"items": [volume]})).unwrap();
    region.fsx_file_systems = serde_json::from_value(json!({"items": [other]})).unwrap();
    let estimate = estimate(&snapshot, None);
    assert!((line(&estimate, "fsx-volume").member.storage.usd.one - 10.0).abs() < 1e-6);
    assert!(
        line(&estimate, "fsx-file-system")
            .member
            .storage
            .lacks_price
    );
}

#[test]
fn the_built_in_prices_have_a_source_and_a_date_and_are_those_that_were_verified() {
    let prices = PriceList::built_in().unwrap();
    assert_eq!(prices.prices().count(), 15);
    for price in prices.prices() {
        assert!(price.usd > 0.0 && !price.source.is_empty(), "{price:?}");
        assert!(price.as_of.starts_with("202"), "{price:?}");
    }
}
