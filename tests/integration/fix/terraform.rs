//! `--as terraform`: Terraform reads the intended values.

use std::collections::{BTreeMap, BTreeSet};

use backup_check::evaluate::Options;
use backup_check::fix::dialect::terraform;
use backup_check::fix::{Change, Wanted};
use backup_check::report::Report;
use hcl::eval::{Context, Evaluate};
use hcl::{Block, Body, Expression, Structure, Value};
use serde_json::json;

use super::fix_findings;
use super::sample::{CODE, KEY, by_hand, change, every_action, every_change};
use crate::formats::{hostile, report, snapshot};

/// Arguments of the resources, and whether they are required: from the documentation of the provider, with
/// those of Terraform itself.
const ARGUMENTS: [(&str, &[(&str, bool)]); 10] = [
    (
        "aws_kms_key_policy",
        &[
            ("key_id", true),
            ("policy", true),
            ("bypass_policy_lockout_safety_check", false),
        ],
    ),
    (
        "aws_backup_region_settings",
        &[
            ("resource_type_opt_in_preference", true),
            ("resource_type_management_preference", false),
        ],
    ),
    (
        "aws_s3_bucket_versioning",
        &[
            ("bucket", true),
            ("versioning_configuration", true),
            ("expected_bucket_owner", false),
            ("mfa", false),
        ],
    ),
    (
        "aws_ec2_tag",
        &[("resource_id", true), ("key", true), ("value", true)],
    ),
    (
        "aws_dynamodb_tag",
        &[("resource_arn", true), ("key", true), ("value", true)],
    ),
    ("aws_ebs_default_kms_key", &[("key_arn", true)]),
    (
        "aws_ebs_encryption_by_default",
        &[("enabled", false), ("depends_on", false)],
    ),
    (
        "aws_vpc_endpoint",
        &[
            ("vpc_id", true),
            ("service_name", true),
            ("vpc_endpoint_type", false),
            ("route_table_ids", false),
            ("policy", false),
            ("tags", false),
        ],
    ),
    (
        "aws_vpc_endpoint_route_table_association",
        &[("route_table_id", true), ("vpc_endpoint_id", true)],
    ),
    (
        "aws_vpc_endpoint_policy",
        &[("vpc_endpoint_id", true), ("policy", false)],
    ),
];

fn write_report(report: &Report, changes: &[Change]) -> String {
    let mut out = Vec::new();
    terraform::write(report, changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn write_changes(changes: &[Change]) -> String {
    write_report(&report(snapshot("mixed"), &Options::default()), changes)
}

fn blocks_of_type<'a>(body: &'a Body, kind: &'a str) -> impl Iterator<Item = &'a Block> {
    body.blocks().filter(move |it| it.identifier() == kind)
}

fn block_labels(block: &Block) -> Vec<&str> {
    block.labels().iter().map(|it| it.as_str()).collect()
}

fn find_attribute<'a>(block: &'a Block, name: &str) -> &'a Expression {
    let mut attributes = block.body().attributes();
    let found = attributes.find(|it| it.key() == name);
    found.unwrap_or_else(|| panic!("{name}")).expr()
}

/// Returns the value of an argument as Terraform evaluates it, without any variable or function.
fn evaluate_argument(block: &Block, name: &str) -> Value {
    let context = Context::new();
    find_attribute(block, name).evaluate(&context).unwrap()
}

/// Parses a configuration and checks it against the arguments of Terraform and the provider.
fn parse_configuration(text: &str) -> Body {
    let body: Body = hcl::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(body.attributes().count(), 0, "{text}");
    let aliases: BTreeSet<String> = blocks_of_type(&body, "provider")
        .map(|it| format!("aws.{}", evaluate_argument(it, "alias").as_str().unwrap()))
        .collect();
    let tables: BTreeMap<&str, &[(&str, bool)]> = ARGUMENTS.into_iter().collect();
    let mut addresses = BTreeSet::new();
    for block in body.blocks() {
        match block.identifier() {
            "terraform" | "provider" | "variable" | "import" => continue,
            kind => assert_eq!(kind, "resource"),
        }
        let labels = block_labels(block);
        let [kind, name] = labels[..] else {
            panic!("{labels:?}")
        };
        assert!(
            name.chars()
                .all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)),
            "{name}"
        );
        assert!(name.starts_with(|c: char| c.is_ascii_lowercase()), "{name}");
        assert!(
            addresses.insert(format!("{kind}.{name}")),
            "{kind}.{name} twice"
        );
        assert!(aliases.contains(&find_attribute(block, "provider").to_string()));
        let table = tables[kind];
        let there: BTreeSet<&str> = block
            .body()
            .iter()
            .map(|it| match it {
                Structure::Attribute(it) => it.key(),
                Structure::Block(it) => it.identifier(),
            })
            .filter(|it| *it != "provider")
            .collect();
        for name in &there {
            assert!(
                table.iter().any(|(known, _)| known == name),
                "{kind}: {name}"
            );
        }
        for (name, _) in table.iter().filter(|(_, required)| *required) {
            assert!(there.contains(name), "{kind} lacks {name}");
        }
    }
    for import in blocks_of_type(&body, "import") {
        let to = find_attribute(import, "to").to_string();
        assert!(addresses.contains(&to), "{to}");
        assert!(evaluate_argument(import, "id").is_string());
    }
    body
}

fn find_resource<'a>(body: &'a Body, kind: &'a str) -> &'a Block {
    let mut found = blocks_of_type(body, "resource").filter(|it| block_labels(it)[0] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "{kind} twice");
    one
}

/// Returns the imported resources with their ids.
fn find_imports(body: &Body) -> Vec<(String, Value)> {
    blocks_of_type(body, "import")
        .map(|it| {
            (
                find_attribute(it, "to").to_string(),
                evaluate_argument(it, "id"),
            )
        })
        .collect()
}

/// Returns the text for a change of each kind, and what Terraform reads.
fn write_every_change() -> (String, Body) {
    let text = write_changes(&every_change("a-bucket"));
    let body = parse_configuration(&text);
    (text, body)
}

#[test]
fn key_policies_settings_and_versioning_are_resources() {
    let (_, body) = write_every_change();
    let key = find_resource(&body, "aws_kms_key_policy");
    assert_eq!(
        evaluate_argument(key, "key_id"),
        "1234abcd-12ab-34cd-56ef-1234567890ab".into()
    );
    let policy: serde_json::Value =
        serde_json::from_str(evaluate_argument(key, "policy").as_str().unwrap()).unwrap();
    let meant: serde_json::Value =
        serde_json::from_str(&super::sample::policy("a-bucket")).unwrap();
    assert_eq!(policy, meant);

    let settings = find_resource(&body, "aws_backup_region_settings");
    assert_eq!(
        serde_json::to_value(evaluate_argument(
            settings,
            "resource_type_opt_in_preference"
        ))
        .unwrap(),
        json!({"EBS": true, "EFS": false, "S3": true, "a-bucket": true})
    );
    assert_eq!(
        serde_json::to_value(evaluate_argument(
            settings,
            "resource_type_management_preference"
        ))
        .unwrap(),
        json!({"DynamoDB": true, "EFS": true})
    );

    let versioning = find_resource(&body, "aws_s3_bucket_versioning");
    assert_eq!(evaluate_argument(versioning, "bucket"), "a-bucket".into());
    let inner = versioning.body().blocks().next().unwrap();
    assert_eq!(evaluate_argument(inner, "status"), "Enabled".into());
}

#[test]
fn tags_are_resources_where_the_provider_has_one() {
    let (text, body) = write_every_change();
    let tag = find_resource(&body, "aws_ec2_tag");
    assert_eq!(evaluate_argument(tag, "resource_id"), "vol-0a1b".into());
    assert_eq!(evaluate_argument(tag, "key"), "backup".into());
    assert_eq!(evaluate_argument(tag, "value"), "a-bucket".into());
    let tag = find_resource(&body, "aws_dynamodb_tag");
    assert_eq!(
        evaluate_argument(tag, "resource_arn"),
        "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".into()
    );
    assert!(text.contains("one tag of arn:aws:rds:eu-central-1:111122223333:db:a-bucket"));
    assert!(text.contains("#   tags = { \"backup\" = \"a-bucket\" }\n"));
    assert!(text.contains("# No block removes a tag. Remove \"a-bucket\" from"));
    assert!(text.contains("#   arn:aws:ec2:eu-central-1:111122223333:volume/vol-0c2d\n"));
}

#[test]
fn the_default_key_of_new_volumes_is_a_variable() {
    let (_, body) = write_every_change();
    let variable = blocks_of_type(&body, "variable").next().unwrap();
    assert_eq!(block_labels(variable), ["ebs_key_arn_eu_central_1"]);
    assert!(!variable.body().attributes().any(|it| it.key() == "default"));
    let key = find_resource(&body, "aws_ebs_default_kms_key");
    assert_eq!(
        find_attribute(key, "key_arn").to_string(),
        "var.ebs_key_arn_eu_central_1"
    );
    let on = find_resource(&body, "aws_ebs_encryption_by_default");
    assert_eq!(evaluate_argument(on, "enabled"), true.into());
}

#[test]
fn endpoints_their_routes_and_policies_are_resources() {
    let (_, body) = write_every_change();
    let endpoint = find_resource(&body, "aws_vpc_endpoint");
    assert_eq!(evaluate_argument(endpoint, "vpc_id"), "vpc-0a1b".into());
    assert_eq!(
        evaluate_argument(endpoint, "service_name"),
        "com.amazonaws.eu-central-1.s3".into()
    );
    assert_eq!(
        evaluate_argument(endpoint, "vpc_endpoint_type"),
        "Gateway".into()
    );
    assert_eq!(
        serde_json::to_value(evaluate_argument(endpoint, "route_table_ids")).unwrap(),
        json!(["rtb-01", "rtb-02"])
    );
    let tables: Vec<(Value, Value)> = blocks_of_type(&body, "resource")
        .filter(|it| block_labels(it)[0] == "aws_vpc_endpoint_route_table_association")
        .map(|it| {
            (
                evaluate_argument(it, "vpc_endpoint_id"),
                evaluate_argument(it, "route_table_id"),
            )
        })
        .collect();
    assert_eq!(
        tables,
        [
            ("vpce-0c2d".into(), "rtb-03".into()),
            ("vpce-0c2d".into(), "rtb-04".into())
        ]
    );
    let open = find_resource(&body, "aws_vpc_endpoint_policy");
    let policy: serde_json::Value =
        serde_json::from_str(evaluate_argument(open, "policy").as_str().unwrap()).unwrap();
    assert_eq!(
        policy["Statement"],
        json!([{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}])
    );
}

#[test]
fn existing_objects_are_imported() {
    let (_, body) = write_every_change();
    assert_eq!(
        find_imports(&body),
        [
            (
                "aws_kms_key_policy.key_1234abcd-12ab-34cd-56ef-1234567890ab".to_owned(),
                "1234abcd-12ab-34cd-56ef-1234567890ab".into()
            ),
            (
                "aws_backup_region_settings.region_eu-central-1".to_owned(),
                "eu-central-1".into()
            ),
            (
                "aws_s3_bucket_versioning.bucket_a-bucket".to_owned(),
                "a-bucket".into()
            ),
            (
                "aws_vpc_endpoint_policy.endpoint_vpce-0e3f".to_owned(),
                "vpce-0e3f".into()
            ),
        ]
    );
}

#[test]
fn no_lifecycle_rule_of_a_bucket_is_replaced() {
    let text = write_changes(&every_change("a-bucket"));
    let body = parse_configuration(&text);
    assert!(blocks_of_type(&body, "resource").all(|it| !block_labels(it)[0].contains("lifecycle")));
    // The rule is in comments, and is HCL without the markers.
    let lines = text.lines().skip_while(|it| *it != "#   rule {");
    let rule: Vec<&str> = lines
        .take_while(|it| it.starts_with("#   "))
        .map(|it| &it[2..])
        .collect();
    let rule = hcl::parse(&format!("{}\n", rule.join("\n"))).unwrap();
    let rule = rule.blocks().next().unwrap();
    assert_eq!(evaluate_argument(rule, "status"), "Enabled".into());
    let mut inner = rule.body().blocks();
    let expiration = inner.find(|it| it.identifier() == "noncurrent_version_expiration");
    assert_eq!(
        evaluate_argument(expiration.unwrap(), "noncurrent_days"),
        30.into()
    );
}

#[test]
fn each_region_has_a_provider_for_the_account() {
    let (report, changes) = fix_findings(snapshot("mixed"), &Wanted::FailingAndWarning);
    let body = parse_configuration(&write_report(&report, &changes));
    let account = report.account_id.clone().unwrap();
    let mut regions = BTreeSet::new();
    for provider in blocks_of_type(&body, "provider") {
        assert_eq!(
            serde_json::to_value(evaluate_argument(provider, "allowed_account_ids")).unwrap(),
            json!([account])
        );
        regions.insert(
            evaluate_argument(provider, "region")
                .as_str()
                .unwrap()
                .to_owned(),
        );
    }
    assert!(regions.contains("eu-central-1"), "{regions:?}");
    let terraform = blocks_of_type(&body, "terraform").next().unwrap();
    assert_eq!(
        evaluate_argument(terraform, "required_version"),
        ">= 1.5".into()
    );
    let providers = terraform.body().blocks().next().unwrap();
    assert_eq!(
        serde_json::to_value(evaluate_argument(providers, "aws")).unwrap(),
        json!({"source": "hashicorp/aws", "version": ">= 5.0, < 7.0"})
    );
}

#[test]
fn texts_stay_string_values() {
    for text in CODE {
        let written = write_changes(&every_change(text));
        let body = parse_configuration(&written);
        let versioning = find_resource(&body, "aws_s3_bucket_versioning");
        assert_eq!(evaluate_argument(versioning, "bucket"), text.into());
        assert_eq!(
            evaluate_argument(find_resource(&body, "aws_ec2_tag"), "value"),
            text.into()
        );
        let policy = evaluate_argument(find_resource(&body, "aws_kms_key_policy"), "policy");
        let policy: serde_json::Value = serde_json::from_str(policy.as_str().unwrap()).unwrap();
        assert_eq!(policy["Statement"][0]["Sid"], text);
        let settings = find_resource(&body, "aws_backup_region_settings");
        let settings = evaluate_argument(settings, "resource_type_opt_in_preference");
        assert_eq!(settings.as_object().unwrap()[text], true.into());
        let unseen =
            |c: char| c.is_control() && c != '\n' || "\u{2028}\u{2029}\u{202e}".contains(c);
        assert!(!written.contains(unseen), "{written}");
        // As many blocks as for a text that is harmless.
        let harmless = parse_configuration(&write_changes(&every_change("a-bucket")));
        assert_eq!(body.blocks().count(), harmless.blocks().count(), "{text}");
    }
}

#[test]
fn manual_changes_are_comments() {
    for text in CODE {
        let written = write_changes(&by_hand(text));
        assert!(
            written
                .lines()
                .all(|it| it.is_empty() || it.starts_with("# ")),
            "{written}"
        );
        assert!(written.contains("# There is nothing to apply.\n"));
        assert!(written.contains("#   (2) $ aws ec2 create-snapshot "));
    }
}

#[test]
fn names_of_blocks_are_unique_and_stable() {
    let like = ["a.b", "a_b", "a-b", "a b", "0123", &"long".repeat(50)];
    let buckets: Vec<Change> = like
        .iter()
        .map(|it| change("t", every_action(it).drain(2..3).collect()))
        .collect();
    let names = |changes: &[Change]| -> BTreeMap<String, String> {
        find_imports(&parse_configuration(&write_changes(changes)))
            .into_iter()
            .map(|(to, id)| (id.as_str().unwrap().to_owned(), to))
            .collect()
    };
    let all = names(&buckets);
    assert_eq!(all.len(), like.len());
    assert_eq!(all["a-b"], "aws_s3_bucket_versioning.bucket_a-b");
    // A fixed bucket does not rename the others.
    for (index, id) in like.iter().enumerate() {
        assert_eq!(names(&buckets[index..=index])[*id], all[*id]);
    }
    // The same twice, as two findings might have it.
    parse_configuration(&write_changes(
        &[every_change("a"), every_change("a")].concat(),
    ));
}

#[test]
fn settings_that_could_not_be_read_are_not_guessed() {
    let mut actions = every_action("EBS");
    let mut action = actions.remove(1);
    if let backup_check::fix::Action::BackupSettings { opt_in, .. } = &mut action {
        *opt_in = Default::default();
    }
    let written = write_changes(&[change("t", vec![action])]);
    assert_eq!(
        blocks_of_type(&parse_configuration(&written), "resource").count(),
        0
    );
    assert!(
        written.contains(
            "aws_backup_region_settings needs the opt-in of every service in eu-central-1"
        )
    );
}

#[test]
fn every_finding_id_is_written() {
    for snapshot in [snapshot("mixed"), snapshot("no-access"), hostile()] {
        let (report, changes) = fix_findings(snapshot, &Wanted::FailingAndWarning);
        let text = write_report(&report, &changes);
        parse_configuration(&text);
        assert_eq!(text, write_report(&report, &changes));
        for change in &changes {
            for it in &change.fixes {
                assert!(text.contains(&it.finding), "{}", it.finding);
            }
        }
    }
    let text = write_changes(&every_change("a-bucket"));
    assert!(text.contains(KEY.rsplit('/').next().unwrap()));
}

#[test]
fn without_changes_there_is_nothing_to_apply() {
    let text = write_changes(&[]);
    assert_eq!(parse_configuration(&text).blocks().count(), 0);
    assert!(text.contains("There is nothing to apply."));
}
