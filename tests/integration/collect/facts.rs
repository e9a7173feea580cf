//! The facts of each service, and that nothing else is kept.

use std::fs;

use serde_json::{Value, json};

use crate::support::command::repository;
use crate::support::endpoint::{Endpoint, Reply, on};

use super::{
    ACCOUNT, DATA_KEY, MIRROR_KEY, REGION, User, VPC, at, collect_region, ids, in_region, item,
    json_of, not_scanned, status,
};

const RDS_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/0d990263-018e-4e65-a703-eff731de951e";
const VAULT_KEY: &str =
    "arn:aws:kms:eu-central-1:111122223333:key/5b0e7c1d-9a34-4f62-8d15-3c7a2e90b846";
/// A marker in the fixtures, in every field that rules do not read, and in the credentials.
const SECRET: &str = "s3cr3t";

#[test]
fn keys_are_read_before_the_last_list() {
    // The scan gives up the jobs, which never arrive, and only then asks buckets for their events.
    let (_, endpoint) = collect_region([on("backup:ListBackupJobs", Reply::Never)]);
    let requests = endpoint.requests();
    let position = |operation: &str| requests.iter().position(|it| it.operation == operation);
    let policy = position("kms:GetKeyPolicy").expect("a key of a volume");
    let events = position("s3:GetBucketNotificationConfiguration").expect("a plan is continuous");
    assert!(policy < events);
}

#[test]
fn each_name_of_a_key_is_read_once() {
    let (snapshot, endpoint) = collect_region([]);
    let ids = |operation: &str| {
        let asked = endpoint.requests_for(operation).into_iter();
        let mut ids: Vec<(String, String)> = asked
            .map(|it| (it.region, it.parameters["KeyId"].clone()))
            .collect();
        ids.sort();
        ids
    };
    let pair = |region: &str, id: &str| (region.to_owned(), id.to_owned());
    let alias = |name: &str| format!("arn:aws:kms:{REGION}:{ACCOUNT}:alias/{name}");
    // A volume refers to the key by its ARN, one bucket by its id, another by its alias: only KMS knows that it is the
    // same key, which was read before. The key of account 444455556666 is not read: only its owner can.
    assert_eq!(
        ids("kms:DescribeKey"),
        [
            pair(REGION, &alias("data")),
            pair(REGION, &alias("gone")),
            pair(REGION, RDS_KEY),
            pair(REGION, DATA_KEY),
            pair(REGION, VAULT_KEY),
            pair("eu-west-1", MIRROR_KEY),
        ]
    );
    // The policy of an AWS managed key cannot be changed, so it is not read.
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
    // An alias without a key is treated as a key that does not exist.
    let gone = names["alias/gone"]["known"]
        .as_str()
        .expect("it was looked up");
    assert_eq!(snapshot["keys"][gone]["metadata"], json!({"known": null}));
}

#[test]
fn tables_are_read_with_their_key() {
    let (snapshot, _endpoint) = collect_region([]);
    // The key is AWS owned without a description, and with a disabled one.
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
fn a_table_deleted_during_the_scan_is_no_gap() {
    let gone = on(
        "dynamodb:DescribeTable",
        Reply::Fixture("ResourceNotFoundException"),
    )
    .about("sessions");
    let (snapshot, _endpoint) = collect_region([gone]);
    assert_eq!(ids(&snapshot, &in_region("tables")), ["orders", "tickets"]);
    assert_eq!(not_scanned(&snapshot), [""; 0]);
}

#[test]
fn a_product_code_without_a_type_may_belong_to_the_marketplace() {
    let untyped = Reply::Fixture("DescribeInstances-untyped-code");
    let (snapshot, _endpoint) = collect_region([on("ec2:DescribeInstances", untyped)]);
    let codes =
        |id: &str| item(&snapshot, &in_region("instances"), id)["marketplace_codes"].clone();
    assert_eq!(
        codes("i-1234567890abcdef0")["unknown"]["kind"],
        "unreadable"
    );
    assert_eq!(codes("i-0fedcba9876543210"), json!({"known": []}));
}

#[test]
fn an_endpoint_state_in_lower_case_is_recognized() {
    let (snapshot, _endpoint) = collect_region([]);
    assert_eq!(
        item(&snapshot, &in_region("network/endpoints"), "vpce-032a826a")["state"],
        "available"
    );
    let report = json_of(&User::new().evaluate(&snapshot, &[]));
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
fn file_systems_are_read_with_their_tags_and_their_key() {
    let (snapshot, _endpoint) = collect_region([]);
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
fn the_name_of_an_aws_owned_key_is_not_looked_up() {
    let (snapshot, endpoint) = collect_region([]);
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
    let asked = endpoint.requests_for("kms:DescribeKey");
    let owned = |it: &str| it.contains("AWS_OWNED");
    assert!(!asked.iter().any(|it| owned(&it.parameters["KeyId"])));
}

#[test]
fn volumes_are_described_in_batches_of_one_gateway() {
    let (snapshot, endpoint) = collect_region([]);
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
        let asked = endpoint.requests_for(operation);
        let asked: Vec<&String> = asked
            .iter()
            .map(|it| &it.parameters["VolumeARNs"])
            .collect();
        assert_eq!(asked, [&arns.to_string()], "{operation}");
    }
    // Without a KMS key, the volume is encrypted with S3 managed keys.
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
fn a_volume_that_is_deleted_after_it_is_listed_hides_no_other_volume() {
    let missing = on(
        "storagegateway:DescribeCachediSCSIVolumes",
        Reply::Fixture("VolumeNotFound"),
    );
    let (snapshot, endpoint) = collect_region([missing.about("vol-3344CCDD")]);
    let volume = |id: &str| item(&snapshot, &in_region("gateway_volumes"), id).clone();
    let kept = json!({"known": DATA_KEY});
    assert_eq!(volume("vol-1122AABB")["kms_key"], kept);
    let gap = &volume("vol-3344CCDD")["kms_key"]["unknown"];
    assert_eq!(gap["kind"], "unreadable");
    let message = gap["message"].as_str().expect("a message");
    assert!(message.contains("no longer finds it"), "{message}");
    let asked = endpoint.requests_for("storagegateway:DescribeCachediSCSIVolumes");
    assert_eq!(asked.len(), 3, "both together, then each");
}

#[test]
fn the_volumes_of_a_disconnected_gateway_are_kept_as_unknown() {
    let off = Reply::Fixture("GatewayNotConnected");
    let cached = on("storagegateway:DescribeCachediSCSIVolumes", off.clone());
    let (snapshot, _endpoint) = collect_region([cached]);
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

    // A gateway whose volumes cannot be listed may have more.
    let unlisted = on("storagegateway:ListVolumes", off).about("sgw-56B7890C");
    let (snapshot, _endpoint) = collect_region([unlisted]);
    assert_eq!(
        ids(&snapshot, &in_region("gateway_volumes")),
        ["vol-1122AABB", "vol-3344CCDD"]
    );
    let gap = at(&snapshot, &in_region("gateway_volumes/gap"));
    assert_eq!(gap["code"], "InvalidGatewayRequestException");
    let run = User::new().evaluate(&snapshot, &["--rule", "backup-tag-valid"]);
    assert_eq!(at(&json_of(&run), "/scan/complete"), false);
}

#[test]
fn option_groups_are_listed_only_if_the_engine_of_an_instance_needs_them() {
    let (snapshot, endpoint) = collect_region([]);
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
    // The response has no option groups, which does not matter for MySQL.
    let reports = item(&snapshot, &in_region("db_instances"), "reports");
    assert_eq!(at(reports, "/option_groups/unknown/kind"), "unreadable");
    assert_eq!(endpoint.requests_for("rds:DescribeOptionGroups").len(), 2);
    let report = json_of(&User::new().evaluate(&snapshot, &[]));
    let rule = "rds-option-group-shareable";
    assert_eq!(status(&report, rule, "db:billing"), Some("fail"));

    let (snapshot, endpoint) = collect_region([on("rds:DescribeDBInstances", Reply::Empty)]);
    assert_eq!(endpoint.requests_for("rds:DescribeOptionGroups"), []);
    assert_eq!(
        at(&snapshot, &in_region("option_groups")),
        &json!({"items": []})
    );
}

#[test]
fn stacks_are_read_with_their_tags_and_their_parent() {
    let (snapshot, _endpoint) = collect_region([]);
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
    // It was never created.
    assert_eq!(resources[4].get("physical_id"), None);

    let report = json_of(&User::new().evaluate(&snapshot, &[]));
    let rule = "stack-resources-ready";
    let expected = status(
        &report,
        "dynamodb-advanced-features-enabled",
        "table/sessions",
    );
    assert_eq!(status(&report, rule, arn), expected);
    assert_eq!(
        status(&report, rule, nested["arn"].as_str().unwrap()),
        expected
    );
}

#[test]
fn tagged_resources_are_listed_with_their_type() {
    let (snapshot, endpoint) = collect_region([]);
    let tagged = at(&snapshot, &in_region("tagged"));
    let found: Vec<(&str, &str)> = tagged["items"]
        .as_array()
        .expect("a listing")
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it["aws_type"].as_str().unwrap()))
        .collect();
    // FSx and RDS list theirs themselves, and an FSx backup is not a resource. The last two are in no list.
    assert_eq!(
        found,
        [
            ("ledger/password-a1B2c3", "AWS::SecretsManager::Secret"),
            ("shop/url", "AWS::SSM::Parameter"),
            ("far", "AWS::DynamoDB::Table"),
            ("i-0aa11bb22cc33dd44", "AWS::EC2::Instance"),
        ]
    );
    let exists = [0, 1, 2, 3].map(|at| tagged["items"][at]["exists"].clone());
    let gone = json!({"known": false});
    assert_eq!(exists, [Value::Null, Value::Null, gone.clone(), gone]);
    assert_eq!(
        tagged["items"][0]["tags"],
        json!({"known": {"backup": "enabled"}})
    );
    let asked = endpoint.requests_for("tag:GetResources");
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
        // AWS rejects the call if it does not know one of the types.
        assert_eq!(request.parameters.get("ResourceTypeFilters"), None);
    }
    let report = json_of(&User::new().evaluate(&snapshot, &[]));
    let rule = "cross-account-copy-supported";
    for (arn, wanted) in [
        ("secret:ledger/password-a1B2c3", "fail"),
        ("parameter/shop/url", "fail"),
        ("table/far", "warn"),
        ("instance/i-0aa11bb22cc33dd44", "warn"),
        ("file-system/fs-0aa11bb22cc33dd44", "pass"),
        ("cluster:documents", "pass"),
    ] {
        assert_eq!(status(&report, rule, arn), Some(wanted), "{arn}");
    }
}

#[test]
fn the_tagging_api_is_only_needed_for_databases_without_tags() {
    let tags = |snapshot: &Value, listing: &str, id: &str| {
        item(snapshot, &in_region(listing), id)["tags"].clone()
    };
    let (snapshot, _endpoint) = collect_region([on("tag:GetResources", Reply::Denied)]);
    assert_eq!(
        tags(&snapshot, "db_instances", "orders"),
        json!({"known": {"Name": "orders", "backup": "enabled"}})
    );
    // The tags are known, although none of them is kept.
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

    let (snapshot, _endpoint) = collect_region([]);
    assert_eq!(
        tags(&snapshot, "db_instances", "reports"),
        json!({"known": {"backup": "disabled"}})
    );
    assert_eq!(
        tags(&snapshot, "db_clusters", "queue"),
        json!({"known": {"backup": "enabled"}})
    );
}

#[test]
fn only_data_that_rules_read_is_kept_or_printed() {
    let endpoint = Endpoint::start([]);
    let user = User::new();
    let folder = repository().join("fixtures/aws");
    let holds = |path: &str| {
        fs::read_to_string(folder.join(path))
            .unwrap()
            .contains(SECRET)
    };
    // Tags, descriptions, user names and attributes: the marker is in all of these responses.
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
    // The name, the backup tag and near misses of its key are kept.
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
