//! What is made of answers: the facts of each service, and nothing more.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use crate::endpoint::{Endpoint, Reply, on};
use crate::support::command::repository;

use super::{
    ACCOUNT, DATA_KEY, MIRROR_KEY, REGION, User, VPC, at, collected, ids, in_region, item, json_of,
    not_scanned, status,
};

const RDS_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0d990263-018e-4e65-a703-eff731de951e";
const VAULT_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/5b0e7c1d-9a34-4f62-8d15-3c7a2e90b846";
/// In the fixtures, wherever AWS answers more than rules read, and in the credentials.
const SECRET: &str = "s3cr3t";

#[test]
fn of_many_jobs_those_that_tell_how_a_resource_stands_are_kept() {
    let (snapshot, endpoint) = collected([]);
    let started: jiff::Timestamp = at(&snapshot, "/started_at")
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let since = (started - jiff::SignedDuration::from_hours(30 * 24)).to_string();
    for operation in ["backup:ListBackupJobs", "backup:ListCopyJobs"] {
        let asked = endpoint.asked(operation);
        assert_eq!(asked.len(), 2, "{operation}");
        for request in asked {
            assert_eq!(request.parameters["createdAfter"], since, "{operation}");
        }
    }

    // Of three backups of a volume that completed, the newest and the oldest.
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
        })
    );
    let kept = ids(&snapshot, &backups);
    assert!(kept.contains(&"0A1B-VOLUME-1".to_owned()));
    assert!(!kept.contains(&"0A1B-VOLUME-2".to_owned()));
    // Milliseconds are left out, and the words of AWS stand in one line.
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

    // The newest in each state, for each account that gets copies.
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
        })
    );
    let kept = ids(&snapshot, &copies);
    assert!(!kept.contains(&"0C1D-VOLUME-0".to_owned()));
    for other in ["0C1D-VOLUME-2", "0C1D-VOLUME-3"] {
        assert!(kept.contains(&other.to_owned()), "{other}");
    }
}

#[test]
fn a_job_without_its_name_is_a_gap_in_the_list() {
    let (snapshot, _endpoint) = collected([
        on(
            "backup:ListBackupJobs",
            Reply::Fixture("ListBackupJobs-unnamed"),
        ),
        on(
            "backup:ListCopyJobs",
            Reply::Fixture("ListCopyJobs-unnamed"),
        ),
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

#[test]
fn a_bucket_without_a_region_is_asked_for_it_once() {
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")),
        on(
            "s3:HeadBucket",
            Reply::Bare(301, &[("x-amz-bucket-region", REGION)]),
        )
        .about("ledger-111122223333"),
        on(
            "s3:HeadBucket",
            Reply::Bare(403, &[("x-amz-bucket-region", REGION)]),
        )
        .about("invoices-111122223333"),
        on(
            "s3:HeadBucket",
            Reply::Bare(200, &[("x-amz-bucket-region", "us-west-2")]),
        )
        .about("logs-111122223333"),
    ]);
    let run = User::new().collect(&endpoint, &[REGION], &[]);
    let snapshot = json_of(&run);
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert_eq!(
        ids(&snapshot, "/buckets"),
        ["ledger-111122223333", "invoices-111122223333"]
    );
    let heads = endpoint.asked("s3:HeadBucket");
    let asked: BTreeSet<&str> = heads
        .iter()
        .filter_map(|request| request.subject())
        .collect();
    assert_eq!((heads.len(), asked.len()), (3, 3), "{heads:?}");
    for bucket in ["ledger", "invoices"] {
        let bucket = item(&snapshot, "/buckets", &format!("{bucket}-{ACCOUNT}"));
        assert_eq!(bucket["region"], json!({"known": REGION}));
        assert!(bucket["encryption"].get("known").is_some(), "{bucket:#}");
    }
}

#[test]
fn a_bucket_whose_region_nobody_tells_is_kept_as_unknown() {
    let endpoint = Endpoint::start([
        on("s3:ListBuckets", Reply::Fixture("ListBuckets-unplaced")),
        on("s3:HeadBucket", Reply::Bare(200, &[])).about("ledger-111122223333"),
        on("s3:HeadBucket", Reply::Bare(403, &[])).about("invoices-111122223333"),
        on("s3:HeadBucket", Reply::Bare(404, &[])).about("logs-111122223333"),
    ]);
    let snapshot = json_of(&User::new().collect(&endpoint, &[REGION], &[]));
    for (bucket, kind) in [
        ("ledger", "unreadable"),
        ("invoices", "denied"),
        ("logs", "error"),
    ] {
        let bucket = item(&snapshot, "/buckets", &format!("{bucket}-{ACCOUNT}"));
        for fact in ["region", "tags", "versioning", "encryption", "expiry"] {
            assert_eq!(
                at(bucket, &format!("/{fact}/unknown/kind")),
                kind,
                "{fact} of {}",
                bucket["id"]
            );
        }
    }
    assert_eq!(endpoint.asked("s3:GetBucketVersioning"), []);
}

#[test]
fn a_bucket_of_a_region_that_is_not_scanned_is_left_alone() {
    let (snapshot, endpoint) = collected([]);
    assert!(!ids(&snapshot, "/buckets").contains(&"logs-111122223333".to_owned()));
    let about = |name: &str| {
        endpoint
            .requests()
            .into_iter()
            .filter(|it| it.subject() == Some(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(about("logs-111122223333"), []);
    // The others are asked where they live.
    let asked = about("ledger-111122223333");
    assert_eq!(asked.len(), 3);
    assert!(
        asked.iter().all(|request| request.region == REGION),
        "{asked:?}"
    );
    assert_eq!(endpoint.asked("s3:HeadBucket"), []);
}

#[test]
fn buckets_without_settings_are_known_to_have_none() {
    let (snapshot, _endpoint) = collected([]);
    for (name, versioning, encryption, expiry) in [
        (
            "ledger",
            json!("Enabled"),
            json!({"algorithm": "aws:kms", "kms_key": "1234abcd-12ab-34cd-56ef-1234567890ab"}),
            "whole",
        ),
        (
            "invoices",
            json!("Suspended"),
            json!({"algorithm": "aws:kms", "kms_key": "alias/data"}),
            "filtered",
        ),
        (
            "archive",
            Value::Null,
            json!({"algorithm": "aws:kms", "kms_key": "alias/gone"}),
            "never",
        ),
        (
            "mirror",
            Value::Null,
            json!({"algorithm": "aws:kms:dsse", "kms_key": MIRROR_KEY}),
            "never",
        ),
        (
            "scratch",
            Value::Null,
            json!({"algorithm": "AES256"}),
            "never",
        ),
    ] {
        let bucket = item(&snapshot, "/buckets", &format!("{name}-{ACCOUNT}"));
        assert_eq!(bucket["versioning"], json!({"known": versioning}), "{name}");
        assert_eq!(bucket["encryption"], json!({"known": encryption}), "{name}");
        assert_eq!(bucket["expiry"], json!({"known": expiry}), "{name}");
    }
}

#[test]
fn a_bucket_that_has_no_default_encryption_is_no_gap() {
    let error = Reply::Fixture("ServerSideEncryptionConfigurationNotFoundError");
    let (snapshot, _endpoint) =
        collected([on("s3:GetBucketEncryption", error).about("ledger-111122223333")]);
    let bucket = item(&snapshot, "/buckets", "ledger-111122223333");
    assert_eq!(at(bucket, "/encryption/known").get("kms_key"), None);
    assert_eq!(not_scanned(&snapshot), [""; 0]);
}

#[test]
fn each_key_is_looked_up_once_whatever_it_is_called() {
    let (snapshot, endpoint) = collected([]);
    let ids = |operation: &str| {
        let asked = endpoint.asked(operation).into_iter();
        let mut ids: Vec<(String, String)> = asked
            .map(|it| (it.region, it.parameters["KeyId"].clone()))
            .collect();
        ids.sort();
        ids
    };
    let pair = |region: &str, id: &str| (region.to_owned(), id.to_owned());
    let alias = |name: &str| format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/{name}");
    // A volume names the key by its ARN, one bucket by its id, another by its alias, which is how KMS
    // is asked for it. The key of account 444455556666 is not asked for: nobody but its owner may read it.
    assert_eq!(
        ids("kms:DescribeKey"),
        [
            pair(REGION, &alias("data")),
            pair(REGION, &alias("gone")),
            pair(REGION, RDS_KEY),
            pair(REGION, VAULT_KEY),
            pair("eu-west-1", MIRROR_KEY),
        ]
    );
    // AWS's own key has a policy that nobody can change.
    assert_eq!(
        ids("kms:GetKeyPolicy"),
        [pair(REGION, DATA_KEY), pair("eu-west-1", MIRROR_KEY)]
    );

    let names = at(&snapshot, "/regions/eu-central-1/key_names");
    assert_eq!(names["alias/data"], json!({"known": DATA_KEY}));
    assert_eq!(
        names["1234abcd-12ab-34cd-56ef-1234567890ab"],
        json!({"known": DATA_KEY})
    );
    assert_eq!(
        at(&snapshot["keys"][DATA_KEY], "/metadata/known/manager"),
        "CUSTOMER"
    );
    assert_eq!(
        at(&snapshot["keys"][RDS_KEY], "/metadata/known/manager"),
        "AWS"
    );
    assert_eq!(
        at(&snapshot["keys"][MIRROR_KEY], "/metadata/known/state"),
        "Disabled"
    );
    // An alias of nothing stands for a key that does not exist.
    let gone = names["alias/gone"]["known"]
        .as_str()
        .expect("it was looked up");
    assert_eq!(snapshot["keys"][gone]["metadata"], json!({"known": null}));
}

#[test]
fn tables_say_whose_key_they_use() {
    let (snapshot, _endpoint) = collected([]);
    // Without a description, and with one that is disabled, DynamoDB owns the key.
    for (table, key) in [
        ("orders", json!(DATA_KEY)),
        ("sessions", Value::Null),
        ("tickets", Value::Null),
    ] {
        let table = item(&snapshot, &in_region("tables"), table);
        assert_eq!(table["kms_key"], json!({"known": key}), "{}", table["id"]);
        assert_eq!(table["state"], json!({"known": "ACTIVE"}));
    }
}

#[test]
fn a_table_that_went_away_is_no_gap() {
    let gone = on(
        "dynamodb:DescribeTable",
        Reply::Fixture("ResourceNotFoundException"),
    )
    .about("sessions");
    let (snapshot, _endpoint) = collected([gone]);
    assert_eq!(ids(&snapshot, &in_region("tables")), ["orders", "tickets"]);
    assert_eq!(not_scanned(&snapshot), [""; 0]);
}

#[test]
fn a_product_code_of_an_untold_type_may_be_of_the_marketplace() {
    let untold = Reply::Fixture("DescribeInstances-untold-code");
    let (snapshot, _endpoint) = collected([on("ec2:DescribeInstances", untold)]);
    let codes =
        |id: &str| item(&snapshot, &in_region("instances"), id)["marketplace_codes"].clone();
    assert_eq!(
        codes("i-1234567890abcdef0")["unknown"]["kind"],
        "unreadable"
    );
    assert_eq!(codes("i-0fedcba9876543210"), json!({"known": []}));
}

#[test]
fn an_endpoint_that_aws_calls_available_in_lower_case_counts() {
    let (snapshot, _endpoint) = collected([]);
    assert_eq!(
        item(&snapshot, &in_region("network/endpoints"), "vpce-032a826a")["state"],
        "available"
    );
    let report = json_of(&User::new().judge(&snapshot, &[]));
    for rule in [
        "s3-gateway-endpoint-present",
        "s3-gateway-endpoint-routed",
        "s3-gateway-endpoint-open",
    ] {
        assert_eq!(status(&report, rule, VPC), Some("pass"), "{rule}");
    }
    assert_eq!(
        status(&report, "s3-gateway-endpoint-present", "vpc/vpc-5e6f7a8b"),
        Some("fail")
    );
}

#[test]
fn file_systems_bring_their_tags_and_their_key() {
    let (snapshot, _endpoint) = collected([]);
    for (id, tags, state, encrypted, key) in [
        (
            "fs-0123456789abcdef8",
            json!({"Name": "media", "backup": "enabled"}),
            "available",
            true,
            json!(DATA_KEY),
        ),
        (
            "fs-01234567",
            json!({}),
            "updating",
            true,
            json!("1234abcd-12ab-34cd-56ef-1234567890ab"),
        ),
        (
            "fs-89abcdef",
            json!({"Backup": "enabled"}),
            "available",
            false,
            Value::Null,
        ),
    ] {
        let system = item(&snapshot, &in_region("file_systems"), id);
        assert_eq!(system["tags"], json!({"known": tags}), "{id}");
        assert_eq!(system["state"], json!({"known": state}), "{id}");
        assert_eq!(system["encrypted"], json!({"known": encrypted}), "{id}");
        assert_eq!(system["kms_key"], json!({"known": key}), "{id}");
        let arn = format!("arn:aws:elasticfilesystem:{REGION}:{ACCOUNT}:file-system/{id}");
        assert_eq!(system["arn"], arn);
    }
}

#[test]
fn a_key_that_aws_owns_is_no_name_of_a_key() {
    let (snapshot, endpoint) = collected([]);
    let cluster = |id: &str| item(&snapshot, &in_region("redshift_clusters"), id);
    assert_eq!(cluster("warehouse")["kms_key"], json!({"known": DATA_KEY}));
    assert_eq!(
        cluster("warehouse")["tags"],
        json!({"known": {"Name": "warehouse", "backup": "enabled"}})
    );
    assert_eq!(cluster("warehouse").get("aws_owned_key"), None);
    assert_eq!(cluster("sandbox")["aws_owned_key"], true);
    assert_eq!(cluster("sandbox")["kms_key"], json!({"known": null}));
    assert_eq!(cluster("sandbox")["tags"], json!({"known": {}}));
    assert_eq!(
        cluster("legacy")["state"],
        json!({"known": "available, prep-for-resize"})
    );
    for (id, key, tags) in [
        ("analytics", Value::Null, json!({"backup": "enabled"})),
        ("reporting", json!(DATA_KEY), json!({})),
    ] {
        let namespace = item(&snapshot, &in_region("redshift_namespaces"), id);
        assert_eq!(namespace["kms_key"], json!({"known": key}), "{id}");
        assert_eq!(namespace["tags"], json!({"known": tags}), "{id}");
    }
    let asked = endpoint.asked("kms:DescribeKey");
    let owned = |it: &str| it.contains("AWS_OWNED");
    assert!(!asked.iter().any(|it| owned(&it.parameters["KeyId"])));
}

#[test]
fn volumes_are_described_in_batches_of_one_gateway() {
    let (snapshot, endpoint) = collected([]);
    let arn = |volume: &str| format!("arn:aws:storagegateway:{REGION}:{ACCOUNT}:gateway/{volume}");
    for (operation, arns) in [
        (
            "storagegateway:DescribeCachediSCSIVolumes",
            json!([
                arn("sgw-12A3456B/volume/vol-1122AABB"),
                arn("sgw-12A3456B/volume/vol-3344CCDD")
            ]),
        ),
        (
            "storagegateway:DescribeStorediSCSIVolumes",
            json!([arn("sgw-56B7890C/volume/vol-5566EEFF")]),
        ),
    ] {
        let asked = endpoint.asked(operation);
        let asked: Vec<&String> = asked
            .iter()
            .map(|it| &it.parameters["VolumeARNs"])
            .collect();
        assert_eq!(asked, [&arns.to_string()], "{operation}");
    }
    // Without a KMS key, S3's own keys encrypt it.
    for (id, state, key, tags) in [
        (
            "vol-1122AABB",
            "AVAILABLE",
            json!(DATA_KEY),
            json!({"backup": "enabled"}),
        ),
        (
            "vol-3344CCDD",
            "UPLOAD BUFFER NOT CONFIGURED",
            Value::Null,
            json!({}),
        ),
        ("vol-5566EEFF", "PASS THROUGH", json!(DATA_KEY), json!({})),
    ] {
        let volume = item(&snapshot, &in_region("gateway_volumes"), id);
        assert_eq!(volume["state"], json!({"known": state}), "{id}");
        assert_eq!(volume["kms_key"], json!({"known": key}), "{id}");
        assert_eq!(volume["tags"], json!({"known": tags}), "{id}");
    }
    let gateway = item(&snapshot, &in_region("gateways"), "sgw-9F00AA11");
    assert_eq!(gateway["gateway_type"], json!({"known": "FILE_S3"}));
    assert_eq!(gateway["name"], "branch-shares");
}

#[test]
fn a_gateway_that_does_not_answer_keeps_its_volumes_as_unknown() {
    let off = Reply::Fixture("GatewayNotConnected");
    let cached = on("storagegateway:DescribeCachediSCSIVolumes", off.clone());
    let (snapshot, _endpoint) = collected([cached]);
    let volume = |id: &str| item(&snapshot, &in_region("gateway_volumes"), id).clone();
    for id in ["vol-1122AABB", "vol-3344CCDD"] {
        for fact in ["state", "kms_key"] {
            let gap = volume(id)[fact]["unknown"].clone();
            assert_eq!(
                (&gap["kind"], &gap["code"]),
                (&json!("error"), &json!("InvalidGatewayRequestException")),
                "{fact} of {id}"
            );
        }
    }
    // The other gateway is not affected.
    assert_eq!(
        volume("vol-5566EEFF")["kms_key"],
        json!({"known": DATA_KEY})
    );
    assert_eq!(not_scanned(&snapshot), ["storagegateway"]);

    // One whose volumes cannot even be listed may have any.
    let unlisted = on("storagegateway:ListVolumes", off).about("sgw-56B7890C");
    let (snapshot, _endpoint) = collected([unlisted]);
    assert_eq!(
        ids(&snapshot, &in_region("gateway_volumes")),
        ["vol-1122AABB", "vol-3344CCDD"]
    );
    let gap = at(&snapshot, &in_region("gateway_volumes/gap"));
    assert_eq!(gap["code"], "InvalidGatewayRequestException");
    let run = User::new().judge(&snapshot, &["--rule", "backup-tag-valid"]);
    let unread = at(&json_of(&run), "/scan/complete").clone();
    assert_eq!(unread, false);
}

#[test]
fn option_groups_are_listed_once_and_only_where_an_engine_minds_them() {
    let (snapshot, endpoint) = collected([]);
    let group = item(&snapshot, &in_region("option_groups"), "billing-tde");
    let option = |name: &str, held: bool| json!({"name": name, "persistent": {"known": held}, "permanent": {"known": held}});
    assert_eq!(
        group["options"],
        json!({"known": [option("Timezone", true), option("STATSPACK", false), option("TDE", true)]})
    );
    assert_eq!(
        item(&snapshot, &in_region("db_instances"), "billing")["option_groups"],
        json!({"known": ["default:oracle-ee-19", "billing-tde"]})
    );
    // AWS left them out of the answer, which says nothing about an instance of MySQL.
    let reports = item(&snapshot, &in_region("db_instances"), "reports");
    assert_eq!(at(reports, "/option_groups/unknown/kind"), "unreadable");
    assert_eq!(endpoint.asked("rds:DescribeOptionGroups").len(), 2);
    let report = json_of(&User::new().judge(&snapshot, &[]));
    let rule = "rds-option-group-shareable";
    assert_eq!(status(&report, rule, "db:billing"), Some("fail"));

    let (snapshot, endpoint) = collected([on("rds:DescribeDBInstances", Reply::Empty)]);
    assert_eq!(endpoint.asked("rds:DescribeOptionGroups"), []);
    assert_eq!(
        at(&snapshot, &in_region("option_groups")),
        &json!({"items": []})
    );
}

#[test]
fn stacks_bring_their_tags_and_what_they_are_nested_in() {
    let (snapshot, _endpoint) = collected([]);
    let stack = |id: &str| item(&snapshot, &in_region("stacks"), id).clone();
    let shop = stack("shop");
    let arn = "arn:aws:cloudformation:eu-central-1:111122223333:stack/shop/51af3dc0-da77-11e4-872e-1234567db101";
    assert_eq!(shop["arn"], arn);
    assert_eq!(
        shop["tags"],
        json!({"known": {"Name": "shop", "backup": "enabled"}})
    );
    assert_eq!(shop["state"], json!({"known": "UPDATE_COMPLETE"}));
    assert_eq!(shop.get("parent"), None);
    let nested = stack("shop-Storage-1M3XK9T2Q7ZP");
    assert_eq!(nested["parent"], arn);
    assert_eq!(nested["tags"], json!({"known": {"Backup": "enabled"}}));
    assert_eq!(stack("roles")["tags"], json!({"known": {}}));
    let resources = shop["resources"]["items"].as_array().expect("a listing");
    assert_eq!(resources[1]["physical_id"], nested["arn"]);
    assert_eq!(
        resources[3],
        json!({
            "logical_id": "Retired", "physical_id": "vol-0aa11bb22cc33dd44",
            "resource_type": "AWS::EC2::Volume", "state": "DELETE_COMPLETE",
        })
    );
    // It was never made.
    assert_eq!(resources[4].get("physical_id"), None);

    let report = json_of(&User::new().judge(&snapshot, &[]));
    let rule = "stack-resources-ready";
    let judged = status(
        &report,
        "dynamodb-advanced-features-enabled",
        "table/sessions",
    );
    assert_eq!(status(&report, rule, arn), judged);
    assert_eq!(
        status(&report, rule, nested["arn"].as_str().unwrap()),
        judged
    );
}

#[test]
fn what_only_its_tag_gives_away_is_named_by_its_type() {
    let (snapshot, endpoint) = collected([]);
    let tagged = at(&snapshot, &in_region("tagged"));
    let found: Vec<(&str, &str)> = tagged["items"]
        .as_array()
        .expect("a listing")
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it["aws_type"].as_str().unwrap()))
        .collect();
    // The cluster of RDS has its own list; a backup of FSx is none of a resource.
    assert_eq!(
        found,
        [
            ("fs-0aa11bb22cc33dd44", "AWS::FSx::FileSystem"),
            ("documents", "AWS::DocDB::DBCluster"),
            ("ledger/password-a1B2c3", "AWS::SecretsManager::Secret"),
            ("shop/url", "AWS::SSM::Parameter"),
        ]
    );
    assert_eq!(
        tagged["items"][0]["tags"],
        json!({"known": {"backup": "enabled"}})
    );
    let asked = endpoint.asked("tag:GetResources");
    let asked: Vec<_> = asked
        .iter()
        .filter(|it| it.subject() == Some("enabled") && it.region == REGION)
        .collect();
    assert_eq!(asked.len(), 2);
    for request in asked {
        assert_eq!(
            request.parameters["TagFilters"],
            r#"[{"Key":"backup","Values":["enabled"]}]"#
        );
        // AWS refuses all of it where it does not know one of the types.
        assert_eq!(request.parameters.get("ResourceTypeFilters"), None);
    }
    let report = json_of(&User::new().judge(&snapshot, &[]));
    let rule = "cross-account-copy-supported";
    for (arn, wanted) in [
        ("secret:ledger/password-a1B2c3", "fail"),
        ("parameter/shop/url", "fail"),
        ("file-system/fs-0aa11bb22cc33dd44", "warn"),
        ("cluster:documents", "warn"),
    ] {
        assert_eq!(status(&report, rule, arn), Some(wanted), "{arn}");
    }
}

#[test]
fn databases_whose_own_answer_has_tags_need_no_tagging_api() {
    let tags = |snapshot: &Value, listing: &str, id: &str| {
        item(snapshot, &in_region(listing), id)["tags"].clone()
    };
    let (snapshot, _endpoint) = collected([on("tag:GetResources", Reply::Denied)]);
    assert_eq!(
        tags(&snapshot, "db_instances", "orders"),
        json!({"known": {"Name": "orders", "backup": "enabled"}})
    );
    // Its tags are known although none of them is kept.
    assert_eq!(
        tags(&snapshot, "db_instances", "ledger-1"),
        json!({"known": {}})
    );
    assert_eq!(
        at(&tags(&snapshot, "db_instances", "reports"), "/unknown/kind"),
        "denied"
    );
    assert_eq!(
        at(&tags(&snapshot, "db_clusters", "queue"), "/unknown/kind"),
        "denied"
    );

    let (snapshot, _endpoint) = collected([]);
    assert_eq!(
        tags(&snapshot, "db_instances", "reports"),
        json!({"known": {"backup": "disabled"}})
    );
    assert_eq!(
        tags(&snapshot, "db_clusters", "queue"),
        json!({"known": {}})
    );
}

#[test]
fn nothing_but_what_rules_read_is_kept_or_said() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let folder = repository().join("fixtures/aws");
    let holds = |path: &str| {
        fs::read_to_string(folder.join(path))
            .unwrap()
            .contains(SECRET)
    };
    // Tags, descriptions, names of users and attributes: the secret is in all of these answers.
    for path in [
        "ec2/DescribeInstances.xml",
        "ec2/DescribeVolumes.xml",
        "ec2/DescribeVpcs.xml",
        "ec2/DescribeVpcEndpoints.xml",
        "ec2/DescribeVpcEndpoints-page2.xml",
        "ec2/DescribeNetworkInterfaces.xml",
        "rds/DescribeDBInstances.xml",
        "rds/DescribeDBClusters.xml",
        "dynamodb/DescribeTable-orders.json",
        "elasticfilesystem/DescribeFileSystems.json",
        "redshift/DescribeClusters.xml",
        "redshift-serverless/ListNamespaces.json",
        "storagegateway/DescribeCachediSCSIVolumes.json",
        "kms/DescribeKey-data.json",
        "s3/GetBucketLifecycleConfiguration-invoices-111122223333.xml",
        "tag/GetResources.json",
        "tag/GetResources-enabled.json",
        "cloudformation/DescribeStacks.xml",
        "cloudformation/ListStackResources-shop.xml",
    ] {
        assert!(holds(path), "{path}");
    }
    let collected = user.collect(&endpoint, &[REGION], &["-vvv"]);
    let snapshot = json_of(&collected);
    let url = endpoint.url();
    let live = [
        "scan",
        "-vvv",
        "--stats",
        "--region",
        REGION,
        "--endpoint-url",
        &url,
        "--format",
    ];
    let table = user.run(&[&live[..], &["table"]].concat());
    let report = user.run(&[&live[..], &["json"]].concat());
    for run in [&collected, &table, &report] {
        assert!(
            !run.stdout.is_empty() && !run.stdout.contains(SECRET),
            "{}",
            run.stdout
        );
        assert!(
            !run.stderr.is_empty() && !run.stderr.contains(SECRET),
            "{}",
            run.stderr
        );
    }
    // What is kept of the tags: the name, the backup tag and what is nearly one.
    for (listing, id, tags) in [
        (
            "instances",
            "i-1234567890abcdef0",
            json!({"Name": "web-1", "backup": "enabled"}),
        ),
        (
            "volumes",
            "vol-0598c7d356eba48d7",
            json!({"Backup": "enabled"}),
        ),
        ("db_clusters", "ledger", json!({"Name": "ledger"})),
    ] {
        assert_eq!(
            item(&snapshot, &in_region(listing), id)["tags"],
            json!({"known": tags})
        );
    }
}
