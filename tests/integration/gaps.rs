//! Nothing turns for the better or the worse because something else was not read: one fact at a time is
//! taken from an account, and every finding stays as it was or becomes unknown.

use std::collections::{BTreeMap, BTreeSet};

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::Snapshot;
use backup_check::report::{Report, ResourceVerdict, Status};
use backup_check::rules::ALL;
use backup_check::settings::Settings;
use serde_json::{Value, json};

const CLEAN: &str = include_str!("../../fixtures/accounts/clean.json");
const MIXED: &str = include_str!("../../fixtures/accounts/mixed.json");

/// Turns that rest on what was read: whether the rule applies is no longer known, and it is met anyway.
pub(crate) const DECIDED_BY_ANOTHER_FACT: [(&str, Status, Status); 3] = [
    // Every service is opted in, whichever is in use.
    ("service-opted-in", Status::Skip, Status::Pass),
    // The VPC has an endpoint, whatever runs in it.
    ("s3-gateway-endpoint-present", Status::Skip, Status::Pass),
    // The resource is not tagged itself, whichever stack contains it.
    ("backup-not-duplicated", Status::Pass, Status::Skip),
];

/// A change to a snapshot that takes something from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Loss {
    /// A fact is denied.
    Fact,
    /// A list was read to its end; now it may be longer.
    ListEnd,
    /// A list is denied.
    List,
    /// An item is missing from a list that was not read to its end.
    Item(usize),
}

/// Returns every loss that a snapshot can suffer, with the pointer to what is lost. Of those with the
/// same shape, only the first `per_shape` are kept.
pub(crate) fn possible_losses(snapshot: &Value, per_shape: usize) -> Vec<(String, Loss)> {
    let mut losses = Vec::new();
    collect_losses(snapshot, &mut String::new(), &mut losses);
    let mut seen: BTreeMap<(String, Loss), usize> = BTreeMap::new();
    losses.retain(|(pointer, loss)| {
        let count = seen.entry((shape_of(pointer), *loss)).or_default();
        *count += 1;
        *count <= per_shape
    });
    losses
}

fn collect_losses(value: &Value, pointer: &mut String, losses: &mut Vec<(String, Loss)>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => {
            if map.len() == 1 && map.contains_key("known") {
                losses.push((pointer.clone(), Loss::Fact));
            }
            if map.contains_key("items") && !map.contains_key("gap") {
                losses.push((pointer.clone(), Loss::ListEnd));
                losses.push((pointer.clone(), Loss::List));
                let items = map["items"].as_array().map_or(0, Vec::len);
                losses.extend((0..items).map(|n| (pointer.clone(), Loss::Item(n))));
            }
            let escape = |key: &String| key.replace('~', "~0").replace('/', "~1");
            map.iter().map(|(key, it)| (escape(key), it)).collect()
        }
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(n, it)| (n.to_string(), it)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        let length = pointer.len();
        pointer.push('/');
        pointer.push_str(&key);
        collect_losses(child, pointer, losses);
        pointer.truncate(length);
    }
}

/// Returns a pointer without the names of regions, keys and roles, and without positions.
fn shape_of(pointer: &str) -> String {
    let mut parts = Vec::new();
    for part in pointer.split('/') {
        let is_name = matches!(
            parts.last(),
            Some(&("regions" | "keys" | "backup_roles" | "key_names" | "tags" | "other_regions"))
        );
        let is_position = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.push(if is_name || is_position { "*" } else { part });
    }
    parts.join("/")
}

pub(crate) fn apply_loss(snapshot: &Value, pointer: &str, loss: Loss) -> Value {
    let gap = json!({
        "kind": "denied", "operation": "test:Read", "action": "test:Read",
        "code": "AccessDenied", "message": "denied by the test",
    });
    let mut changed = snapshot.clone();
    let lost = changed
        .pointer_mut(pointer)
        .expect("the pointer is of this snapshot");
    match loss {
        Loss::Fact => *lost = json!({"unknown": gap}),
        Loss::ListEnd => lost["gap"] = gap,
        Loss::List => *lost = json!({"items": [], "gap": gap}),
        Loss::Item(n) => {
            lost["items"].as_array_mut().expect("a list").remove(n);
            lost["gap"] = gap;
        }
    }
    changed
}

fn evaluate_json(snapshot: &Value, options: &Options) -> Report {
    let snapshot: Snapshot = serde_json::from_value(snapshot.clone()).expect("a snapshot");
    evaluate(&snapshot, &Settings::default(), options, &ALL)
}

fn statuses(report: &Report) -> BTreeMap<(&str, &str), Status> {
    let findings = report.findings.iter();
    findings
        .map(|it| ((it.rule.id, it.resource.as_str()), it.status))
        .collect()
}

/// Returns what turned for the better or the worse.
fn find_turns(before: &Report, after: &Report, loss: &str) -> Vec<String> {
    let exempt: BTreeSet<&str> = before
        .resources
        .iter()
        .filter(|it| it.verdict == ResourceVerdict::Exempt)
        .map(|it| it.arn.as_str())
        .collect();
    let listed: BTreeSet<&str> = after.resources.iter().map(|it| it.arn.as_str()).collect();
    let (was, is) = (statuses(before), statuses(after));
    let mut turns = Vec::new();
    for ((rule, resource), was) in was {
        // An exempt resource whose tag is unknown is checked; a resource that is not listed is not.
        if exempt.contains(resource) || !listed.contains(resource) {
            continue;
        }
        let is = is.get(&(rule, resource)).copied();
        let may_turn = is.is_some_and(|is| {
            is == was || is == Status::Unknown || DECIDED_BY_ANOTHER_FACT.contains(&(rule, was, is))
        });
        if !may_turn {
            turns.push(format!("{loss}: {rule} of {resource}: {was:?} -> {is:?}"));
        }
    }
    turns
}

fn assert_no_turns(account: &str, per_shape: usize) {
    let options = &Options::default();
    let snapshot: Value = serde_json::from_str(account).expect("the fixture is JSON");
    let before = evaluate_json(&snapshot, options);
    let losses = possible_losses(&snapshot, per_shape);
    assert!(losses.len() > 100, "only {} losses", losses.len());
    let turns: Vec<String> = losses
        .iter()
        .flat_map(|(pointer, loss)| {
            let after = evaluate_json(&apply_loss(&snapshot, pointer, *loss), options);
            find_turns(&before, &after, &format!("{loss:?} {pointer}"))
        })
        .collect();
    let shown = turns
        .iter()
        .take(60)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n");
    assert!(
        turns.is_empty(),
        "{} turns of {} losses:\n{shown}",
        turns.len(),
        losses.len()
    );
}

#[test]
fn no_finding_of_a_clean_account_turns_when_something_is_not_read() {
    assert_no_turns(CLEAN, 2);
}

#[test]
fn no_finding_of_a_mixed_account_turns_when_something_is_not_read() {
    assert_no_turns(MIXED, 1);
}

const ACCOUNT: &str = "444455556666";

/// Returns the report on a region of which only the tag of one resource was read: the list of its type was denied.
fn report_on_unlisted(arn: &str, aws_type: &str) -> Report {
    let gap = json!({
        "kind": "denied", "operation": "test:List", "action": "test:List", "code": "AccessDenied",
    });
    let mut snapshot: Value = serde_json::from_str(CLEAN).expect("the fixture is JSON");
    let region = snapshot["regions"]["eu-central-1"]
        .as_object_mut()
        .expect("a region");
    for list in region.values_mut().filter(|it| it.get("items").is_some()) {
        *list = json!({"items": []});
    }
    snapshot["regions"]["eu-central-1"]["tagged"] = json!({"items": [{
        "arn": arn, "id": "it", "aws_type": aws_type, "tags": {"known": {"backup": "enabled"}},
        "exists": {"unknown": gap},
    }]});
    evaluate_json(&snapshot, &Options::default())
}

/// The service of an ARN, the rest of it, the CloudFormation type, and the rules that are unknown: of several types, and
/// of this one.
type StrayCase<'a> = (
    &'a str,
    &'a str,
    &'a str,
    &'a [&'a [&'a str]],
    &'a [&'a str],
);

// What a rule checks of each type is in the guide; only rules about tags and proof need nothing else of it.
#[test]
fn of_a_resource_that_was_not_listed_the_rules_of_its_type_are_unknown() {
    const KEY: &[&str] = &[
        "kms-key-locally-usable",
        "kms-key-not-central",
        "kms-key-usable",
    ];
    const OWN_KEY: &[&str] = &["encryption-at-rest", "encryption-customer-key"];
    const SHARED: &[&str] = &["kms-key-fully-shared", "kms-key-shared"];
    const VAULT_KEY: &[&str] = &["encryption-customer-key-recommended"];
    const STATE: &[&str] = &["resource-state-ready"];
    const COPY: &[&str] = &["cross-account-copy-supported"];
    let copied = [KEY, OWN_KEY, SHARED, STATE];
    let managed = [KEY, VAULT_KEY, STATE];
    let cases: [StrayCase; 13] = [
        (
            "s3",
            "bucket",
            "AWS::S3::Bucket",
            &[KEY, VAULT_KEY],
            &[
                "s3-continuous-events",
                "s3-old-versions-expire",
                "s3-versioning-enabled",
            ],
        ),
        (
            "ec2",
            "instance/i-1",
            "AWS::EC2::Instance",
            &copied,
            &["ec2-image-copyable"],
        ),
        // It may be attached to an instance that is backed up too.
        (
            "ec2",
            "volume/vol-1",
            "AWS::EC2::Volume",
            &copied,
            &["backup-not-duplicated"],
        ),
        (
            "rds",
            "db:web",
            "AWS::RDS::DBInstance",
            &copied,
            &[
                "rds-automated-backups-enabled",
                "rds-option-group-shareable",
                "rds-windows-clear",
            ],
        ),
        (
            "rds",
            "cluster:web",
            "AWS::RDS::DBCluster",
            &copied,
            &["backup-tag-placed", "rds-automated-backups-enabled"],
        ),
        (
            "dynamodb",
            "table/orders",
            "AWS::DynamoDB::Table",
            &managed,
            &["dynamodb-advanced-features-enabled"],
        ),
        (
            "elasticfilesystem",
            "file-system/fs-1",
            "AWS::EFS::FileSystem",
            &managed,
            &[],
        ),
        (
            "fsx",
            "file-system/fs-1",
            "AWS::FSx::FileSystem",
            &copied,
            &["backup-tag-placed"],
        ),
        (
            "fsx",
            "volume/fs-1/fsvol-1",
            "AWS::FSx::Volume",
            &copied,
            &["backup-tag-placed"],
        ),
        (
            "storagegateway",
            "gateway/sgw-1/volume/vol-1",
            "AWS::StorageGateway::Volume",
            &copied,
            &[],
        ),
        // No key lets a backup of Redshift be copied.
        (
            "redshift",
            "cluster:dwh",
            "AWS::Redshift::Cluster",
            &[KEY, OWN_KEY, STATE],
            &[],
        ),
        (
            "redshift-serverless",
            "namespace/1-2",
            "AWS::RedshiftServerless::Namespace",
            &[KEY, OWN_KEY, STATE],
            &[],
        ),
        (
            "cloudformation",
            "stack/shop/1-2",
            "AWS::CloudFormation::Stack",
            &[STATE],
            &["stack-resources-ready"],
        ),
    ];
    for (service, resource, aws_type, shared, own) in cases {
        let arn = match service {
            "s3" => format!("arn:aws:s3:::{resource}"),
            _ => format!("arn:aws:{service}:eu-central-1:{ACCOUNT}:{resource}"),
        };
        let report = report_on_unlisted(&arn, aws_type);
        let of_it = report.findings.iter().filter(|it| it.resource == arn);
        let unknown = of_it.filter(|it| it.status == Status::Unknown);
        let unknown: BTreeSet<&str> = unknown.map(|it| it.rule.id).collect();
        let lists = shared.iter().chain([&own, &COPY]);
        let expected: BTreeSet<&str> = lists.flat_map(|it| it.iter().copied()).collect();
        assert_eq!(unknown, expected, "{aws_type}");
    }
}

// The contract: a type of the guide is reported as such, and `other` is what the guide does not cover.
#[test]
fn a_resource_that_was_not_listed_has_the_type_of_its_arn() {
    for (arn, aws_type, kind) in [
        ("arn:aws:s3:::logs", "AWS::S3::Bucket", "s3-bucket"),
        (
            "arn:aws:ec2:eu-central-1:444455556666:instance/i-1",
            "AWS::EC2::Instance",
            "ec2-instance",
        ),
        // The ARN of a DB cluster does not tell its engine.
        (
            "arn:aws:rds:eu-central-1:444455556666:cluster:web",
            "AWS::RDS::DBCluster",
            "other",
        ),
    ] {
        let report = report_on_unlisted(arn, aws_type);
        let line = report.resources.iter().find(|it| it.arn == arn);
        assert_eq!(line.map(|it| it.kind.as_str()), Some(kind), "{arn}");
    }
}
