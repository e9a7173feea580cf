//! `--as terraform`: what Terraform reads is what is meant.

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

/// Arguments of the resources: whether they must be there. From the provider's documentation, with what
/// Terraform itself takes.
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

fn written(report: &Report, changes: &[Change]) -> String {
    let mut out = Vec::new();
    terraform::write(report, changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn of(changes: &[Change]) -> String {
    written(&report(snapshot("mixed"), &Options::default()), changes)
}

fn blocks<'a>(body: &'a Body, kind: &'a str) -> impl Iterator<Item = &'a Block> {
    body.blocks().filter(move |it| it.identifier() == kind)
}

fn labels(block: &Block) -> Vec<&str> {
    block.labels().iter().map(|it| it.as_str()).collect()
}

fn attribute<'a>(block: &'a Block, name: &str) -> &'a Expression {
    let mut attributes = block.body().attributes();
    let found = attributes.find(|it| it.key() == name);
    found.unwrap_or_else(|| panic!("{name}")).expr()
}

/// The value of an argument, as Terraform computes it; nothing else may be computed.
fn value(block: &Block, name: &str) -> Value {
    let context = Context::new();
    attribute(block, name).evaluate(&context).unwrap()
}

/// Reads a configuration and holds it against what Terraform and the provider ask for.
fn read(text: &str) -> Body {
    let body: Body = hcl::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(body.attributes().count(), 0, "{text}");
    let aliases: BTreeSet<String> = blocks(&body, "provider")
        .map(|it| format!("aws.{}", value(it, "alias").as_str().unwrap()))
        .collect();
    let tables: BTreeMap<&str, &[(&str, bool)]> = ARGUMENTS.into_iter().collect();
    let mut addresses = BTreeSet::new();
    for block in body.blocks() {
        match block.identifier() {
            "terraform" | "provider" | "variable" | "import" => continue,
            kind => assert_eq!(kind, "resource"),
        }
        let labels = labels(block);
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
        assert!(aliases.contains(&attribute(block, "provider").to_string()));
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
    for import in blocks(&body, "import") {
        let to = attribute(import, "to").to_string();
        assert!(addresses.contains(&to), "{to}");
        assert!(value(import, "id").is_string());
    }
    body
}

fn resource<'a>(body: &'a Body, kind: &'a str) -> &'a Block {
    let mut found = blocks(body, "resource").filter(|it| labels(it)[0] == kind);
    let one = found.next().unwrap_or_else(|| panic!("no {kind}"));
    assert!(found.next().is_none(), "{kind} twice");
    one
}

/// The ids that a resource is imported by.
fn imported(body: &Body) -> Vec<(String, Value)> {
    blocks(body, "import")
        .map(|it| (attribute(it, "to").to_string(), value(it, "id")))
        .collect()
}

#[test]
fn every_kind_of_change_is_blocks_or_words() {
    let text = of(&every_change("a-bucket"));
    let body = read(&text);
    let key = resource(&body, "aws_kms_key_policy");
    assert_eq!(
        value(key, "key_id"),
        "1234abcd-12ab-34cd-56ef-1234567890ab".into()
    );
    let policy: serde_json::Value =
        serde_json::from_str(value(key, "policy").as_str().unwrap()).unwrap();
    let meant: serde_json::Value =
        serde_json::from_str(&super::sample::policy("a-bucket")).unwrap();
    assert_eq!(policy, meant);

    let settings = resource(&body, "aws_backup_region_settings");
    assert_eq!(
        serde_json::to_value(value(settings, "resource_type_opt_in_preference")).unwrap(),
        json!({"EBS": true, "EFS": false, "S3": true, "a-bucket": true})
    );
    assert_eq!(
        serde_json::to_value(value(settings, "resource_type_management_preference")).unwrap(),
        json!({"DynamoDB": true, "EFS": true})
    );

    let versioning = resource(&body, "aws_s3_bucket_versioning");
    assert_eq!(value(versioning, "bucket"), "a-bucket".into());
    let inner = versioning.body().blocks().next().unwrap();
    assert_eq!(value(inner, "status"), "Enabled".into());

    let tag = resource(&body, "aws_ec2_tag");
    assert_eq!(value(tag, "resource_id"), "vol-0a1b".into());
    assert_eq!(value(tag, "key"), "backup".into());
    assert_eq!(value(tag, "value"), "a-bucket".into());
    let tag = resource(&body, "aws_dynamodb_tag");
    assert_eq!(
        value(tag, "resource_arn"),
        "arn:aws:dynamodb:eu-central-1:111122223333:table/orders".into()
    );
    assert!(text.contains("one tag of arn:aws:rds:eu-central-1:111122223333:db:a-bucket"));
    assert!(text.contains("#   tags = { \"backup\" = \"a-bucket\" }\n"));
    assert!(text.contains("# No block takes a tag off. Take \"a-bucket\" out of"));
    assert!(text.contains("#   arn:aws:ec2:eu-central-1:111122223333:volume/vol-0c2d\n"));

    let variable = blocks(&body, "variable").next().unwrap();
    assert_eq!(labels(variable), ["ebs_key_arn_eu_central_1"]);
    assert!(!variable.body().attributes().any(|it| it.key() == "default"));
    let key = resource(&body, "aws_ebs_default_kms_key");
    assert_eq!(
        attribute(key, "key_arn").to_string(),
        "var.ebs_key_arn_eu_central_1"
    );
    let on = resource(&body, "aws_ebs_encryption_by_default");
    assert_eq!(value(on, "enabled"), true.into());

    let endpoint = resource(&body, "aws_vpc_endpoint");
    assert_eq!(value(endpoint, "vpc_id"), "vpc-0a1b".into());
    assert_eq!(
        value(endpoint, "service_name"),
        "com.amazonaws.eu-central-1.s3".into()
    );
    assert_eq!(value(endpoint, "vpc_endpoint_type"), "Gateway".into());
    assert_eq!(
        serde_json::to_value(value(endpoint, "route_table_ids")).unwrap(),
        json!(["rtb-01", "rtb-02"])
    );
    let tables: Vec<(Value, Value)> = blocks(&body, "resource")
        .filter(|it| labels(it)[0] == "aws_vpc_endpoint_route_table_association")
        .map(|it| (value(it, "vpc_endpoint_id"), value(it, "route_table_id")))
        .collect();
    assert_eq!(
        tables,
        [
            ("vpce-0c2d".into(), "rtb-03".into()),
            ("vpce-0c2d".into(), "rtb-04".into())
        ]
    );
    let open = resource(&body, "aws_vpc_endpoint_policy");
    let policy: serde_json::Value =
        serde_json::from_str(value(open, "policy").as_str().unwrap()).unwrap();
    assert_eq!(
        policy["Statement"],
        json!([{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}])
    );

    assert_eq!(
        imported(&body),
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
    let text = of(&every_change("a-bucket"));
    let body = read(&text);
    assert!(blocks(&body, "resource").all(|it| !labels(it)[0].contains("lifecycle")));
    // The rule stands in the comments, and is HCL without them.
    let lines = text.lines().skip_while(|it| *it != "#   rule {");
    let rule: Vec<&str> = lines
        .take_while(|it| it.starts_with("#   "))
        .map(|it| &it[2..])
        .collect();
    let rule = hcl::parse(&format!("{}\n", rule.join("\n"))).unwrap();
    let rule = rule.blocks().next().unwrap();
    assert_eq!(value(rule, "status"), "Enabled".into());
    let mut inner = rule.body().blocks();
    let expiration = inner.find(|it| it.identifier() == "noncurrent_version_expiration");
    assert_eq!(value(expiration.unwrap(), "noncurrent_days"), 30.into());
}

#[test]
fn the_provider_is_that_of_the_account_and_of_each_region() {
    let (report, changes) = fix_findings(snapshot("mixed"), &Wanted::FailingAndWarning);
    let body = read(&written(&report, &changes));
    let account = report.account_id.clone().unwrap();
    let mut regions = BTreeSet::new();
    for provider in blocks(&body, "provider") {
        assert_eq!(
            serde_json::to_value(value(provider, "allowed_account_ids")).unwrap(),
            json!([account])
        );
        regions.insert(value(provider, "region").as_str().unwrap().to_owned());
    }
    assert!(regions.contains("eu-central-1"), "{regions:?}");
    let terraform = blocks(&body, "terraform").next().unwrap();
    assert_eq!(value(terraform, "required_version"), ">= 1.5".into());
    let providers = terraform.body().blocks().next().unwrap();
    assert_eq!(
        serde_json::to_value(value(providers, "aws")).unwrap(),
        json!({"source": "hashicorp/aws", "version": ">= 5.0, < 7.0"})
    );
}

#[test]
fn texts_stay_texts() {
    for text in CODE {
        let written = of(&every_change(text));
        let body = read(&written);
        let versioning = resource(&body, "aws_s3_bucket_versioning");
        assert_eq!(value(versioning, "bucket"), text.into());
        assert_eq!(value(resource(&body, "aws_ec2_tag"), "value"), text.into());
        let policy = value(resource(&body, "aws_kms_key_policy"), "policy");
        let policy: serde_json::Value = serde_json::from_str(policy.as_str().unwrap()).unwrap();
        assert_eq!(policy["Statement"][0]["Sid"], text);
        let settings = resource(&body, "aws_backup_region_settings");
        let settings = value(settings, "resource_type_opt_in_preference");
        assert_eq!(settings.as_object().unwrap()[text], true.into());
        let unseen =
            |c: char| c.is_control() && c != '\n' || "\u{2028}\u{2029}\u{202e}".contains(c);
        assert!(!written.contains(unseen), "{written}");
        // As many blocks as for a text that is harmless.
        let harmless = read(&of(&every_change("a-bucket")));
        assert_eq!(body.blocks().count(), harmless.blocks().count(), "{text}");
    }
}

#[test]
fn what_is_made_by_hand_stands_in_comments() {
    for text in CODE {
        let written = of(&by_hand(text));
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
fn names_of_blocks_are_unique_and_stay() {
    let like = ["a.b", "a_b", "a-b", "a b", "0123", &"long".repeat(50)];
    let buckets: Vec<Change> = like
        .iter()
        .map(|it| change("t", every_action(it).drain(2..3).collect()))
        .collect();
    let names = |changes: &[Change]| -> BTreeMap<String, String> {
        imported(&read(&of(changes)))
            .into_iter()
            .map(|(to, id)| (id.as_str().unwrap().to_owned(), to))
            .collect()
    };
    let all = names(&buckets);
    assert_eq!(all.len(), like.len());
    assert_eq!(all["a-b"], "aws_s3_bucket_versioning.bucket_a-b");
    // What is mended does not rename what is left.
    for (index, id) in like.iter().enumerate() {
        assert_eq!(names(&buckets[index..=index])[*id], all[*id]);
    }
    // The same twice, as two findings might have it.
    read(&of(&[every_change("a"), every_change("a")].concat()));
}

#[test]
fn settings_that_were_not_read_are_not_guessed() {
    let mut actions = every_action("EBS");
    let mut action = actions.remove(1);
    if let backup_check::fix::Action::BackupSettings { opt_in, .. } = &mut action {
        *opt_in = Default::default();
    }
    let written = of(&[change("t", vec![action])]);
    assert_eq!(blocks(&read(&written), "resource").count(), 0);
    assert!(written.contains("aws_backup_region_settings wants all services of eu-central-1"));
}

#[test]
fn accounts_are_mended_with_their_own_ids() {
    for snapshot in [snapshot("mixed"), snapshot("no-access"), hostile()] {
        let (report, changes) = fix_findings(snapshot, &Wanted::FailingAndWarning);
        let text = written(&report, &changes);
        read(&text);
        assert_eq!(text, written(&report, &changes));
        for change in &changes {
            for it in &change.fixes {
                assert!(text.contains(&it.finding), "{}", it.finding);
            }
        }
    }
    let text = of(&every_change("a-bucket"));
    assert!(text.contains(KEY.rsplit('/').next().unwrap()));
}

#[test]
fn nothing_to_mend_is_nothing_to_apply() {
    let text = of(&[]);
    assert_eq!(read(&text).blocks().count(), 0);
    assert!(text.contains("There is nothing to apply."));
}
