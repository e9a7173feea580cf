//! `--as cdk`: TypeScript in which every text is a text.

use std::collections::BTreeSet;

use backup_check::evaluate::Options;
use backup_check::fix::dialect::cdk;
use backup_check::fix::{Change, Wanted};
use backup_check::report::Report;
use serde_json::{Value, json};

use super::fix_findings;
use super::sample::{CODE, KEY, by_hand, every_change};
use crate::formats::{hostile, report, snapshot};

fn write_report(report: &Report, changes: &[Change]) -> String {
    let mut out = Vec::new();
    cdk::write(report, changes, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn write_changes(changes: &[Change]) -> String {
    write_report(&report(snapshot("mixed"), &Options::default()), changes)
}

/// Separates the string literals from the code and drops the comments.
///
/// Every comment is a line, and every literal is one of JSON.
fn split_literals(text: &str) -> (String, Vec<String>) {
    let mut code = String::new();
    let mut texts = Vec::new();
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("//") {
            continue;
        }
        let mut rest = line;
        while let Some(start) = rest.find('"') {
            code.push_str(&rest[..start]);
            let mut literals =
                serde_json::Deserializer::from_str(&rest[start..]).into_iter::<Value>();
            let Some(Ok(Value::String(text))) = literals.next() else {
                panic!("no literal: {line}")
            };
            rest = &rest[start + literals.byte_offset()..];
            texts.push(text);
            code.push('"');
        }
        code.push_str(rest);
    }
    (code, texts)
}

/// The code without its string literals, and the literals.
fn parse_typescript(text: &str) -> (String, Vec<String>) {
    let unseen = |c: char| c.is_control() && c != '\n' || "\u{2028}\u{2029}\u{202e}".contains(c);
    assert!(!text.contains(unseen), "{text}");
    let (code, texts) = split_literals(text);
    assert!(!code.contains(['\'', '`', '$', '\\']), "{code}");
    let mut open = Vec::new();
    for c in code.chars() {
        match c {
            '(' | '[' | '{' => open.push(c),
            ')' => assert_eq!(open.pop(), Some('('), "{code}"),
            ']' => assert_eq!(open.pop(), Some('['), "{code}"),
            '}' => assert_eq!(open.pop(), Some('{'), "{code}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "{open:?} in {code}");
    (code, texts)
}

/// What is passed to a call of an action: the JSON-like text behind `parameters`.
fn find_call<'a>(text: &'a str, action: &str) -> &'a str {
    let (_, after) = text
        .split_once(&format!("action: \"{action}\","))
        .unwrap_or_else(|| panic!("no {action}: {text}"));
    let (call, _) = after.split_once("\n    );\n").unwrap();
    call
}

/// The parameters of a call, where they are JSON.
fn call_parameters(text: &str, action: &str) -> Value {
    let (_, after) = find_call(text, action).split_once("parameters: ").unwrap();
    let mut values = serde_json::Deserializer::from_str(after).into_iter::<Value>();
    values.next().unwrap().unwrap()
}

#[test]
fn every_kind_of_change_is_a_call_a_resource_or_words() {
    let text = write_changes(&every_change("a-bucket"));
    parse_typescript(&text);
    let key = find_call(&text, "PutKeyPolicy");
    assert!(key.contains(&format!(
        "KeyId: \"{KEY}\", PolicyName: \"default\", Policy: JSON.stringify("
    )));
    assert!(key.contains(&format!(
        "{{ actions: [\"kms:PutKeyPolicy\"], resources: [\"{KEY}\"] }}"
    )));
    let (_, policy) = key.split_once("JSON.stringify(").unwrap();
    let mut policy = serde_json::Deserializer::from_str(policy).into_iter::<Value>();
    let meant: Value = serde_json::from_str(&super::sample::policy("a-bucket")).unwrap();
    assert_eq!(policy.next().unwrap().unwrap(), meant);

    assert_eq!(
        call_parameters(&text, "UpdateRegionSettings"),
        json!({
            "ResourceTypeOptInPreference": {"EBS": true, "EFS": false, "S3": true, "a-bucket": true},
            "ResourceTypeManagementPreference": {"DynamoDB": true, "EFS": true},
        })
    );
    let versioning = find_call(&text, "PutBucketVersioning");
    assert!(versioning.contains("{ Bucket: \"a-bucket\", ExpectedBucketOwner: this.account, VersioningConfiguration: { Status: \"Enabled\" } }"));
    assert!(versioning.contains("actions: [\"s3:PutBucketVersioning\"]"));
    assert!(text.contains("add a rule with noncurrentVersionExpiration: cdk.Duration.days(30);"));
    assert!(!text.contains("PutBucketLifecycle"));
    assert_eq!(
        call_parameters(&text, "TagResources"),
        json!({
            "ResourceARNList": [
                "arn:aws:ec2:eu-central-1:111122223333:volume/vol-0a1b",
                "arn:aws:dynamodb:eu-central-1:111122223333:table/orders",
                "arn:aws:rds:eu-central-1:111122223333:db:a-bucket",
            ],
            "Tags": {"backup": "a-bucket"},
        })
    );
    assert_eq!(
        call_parameters(&text, "UntagResources"),
        json!({
            "ResourceARNList": ["arn:aws:ec2:eu-central-1:111122223333:volume/vol-0c2d"],
            "TagKeys": ["a-bucket"],
        })
    );
    assert!(
        find_call(&text, "ModifyEbsDefaultKmsKeyId")
            .contains("{ KmsKeyId: ebsKeyArn.valueAsString }")
    );
    assert_eq!(
        call_parameters(&text, "EnableEbsEncryptionByDefault"),
        json!({})
    );
    assert!(text.contains("ebsEncryption.node.addDependency(ebsKey);"));
    let (_, endpoint) = text
        .split_once("new ec2.CfnVPCEndpoint(this, \"S3EndpointVpc0a1b\", ")
        .unwrap();
    let mut properties = serde_json::Deserializer::from_str(endpoint).into_iter::<Value>();
    assert_eq!(
        properties.next().unwrap().unwrap(),
        json!({
            "vpcId": "vpc-0a1b",
            "serviceName": "com.amazonaws.eu-central-1.s3",
            "vpcEndpointType": "Gateway",
            "routeTableIds": ["rtb-01", "rtb-02"],
        })
    );
    assert!(endpoint.contains("}).applyRemovalPolicy(cdk.RemovalPolicy.RETAIN);"));
    assert_eq!(
        call_parameters(&text, "ModifyVpcEndpoint"),
        json!({"VpcEndpointId": "vpce-0c2d", "AddRouteTableIds": ["rtb-03", "rtb-04"]})
    );
    let (_, last) = text.rsplit_once("\"ModifyVpcEndpoint\"").unwrap();
    assert!(
        last.contains("\"VpcEndpointId\": \"vpce-0e3f\"") && last.contains("\"ResetPolicy\": true")
    );
    assert!(last.contains("this.formatArn({ service: \"ec2\", resource: \"vpc-endpoint\", resourceName: \"vpce-0e3f\" })"));
}

#[test]
fn calls_get_only_their_permissions_and_nothing_is_reverted() {
    let text = write_changes(&every_change("a-bucket"));
    assert!(!text.contains("onDelete") && !text.contains("ANY_RESOURCE"));
    let actions: BTreeSet<&str> = text
        .lines()
        .filter_map(|it| it.trim_start().strip_prefix("{ actions: ["))
        .filter_map(|it| it.split_once(']'))
        .flat_map(|(actions, _)| actions.split(", "))
        .map(|it| it.trim_matches('"'))
        .collect();
    let meant = [
        "backup:UpdateRegionSettings",
        "ec2:EnableEbsEncryptionByDefault",
        "ec2:ModifyEbsDefaultKmsKeyId",
        "ec2:ModifyVpcEndpoint",
        "kms:PutKeyPolicy",
        "s3:PutBucketVersioning",
        "tag:TagResources",
        "tag:UntagResources",
    ];
    assert_eq!(actions, BTreeSet::from(meant));
}

#[test]
fn tagging_includes_the_permissions_of_the_services() {
    let (report, changes) = fix_findings(snapshot("mixed"), &Wanted::FailingAndWarning);
    let text = write_report(&report, &changes);
    let call = find_call(&text, "TagResources");
    assert!(
        call.contains("{ actions: [\"tag:TagResources\"], resources: [\"*\"] }"),
        "{call}"
    );
    let tagged = call_parameters(&text, "TagResources");
    let own: Vec<&str> = call
        .lines()
        .filter(|it| it.contains("{ actions: ["))
        .skip(1)
        .collect();
    assert_eq!(own.len(), 1, "{call}");
    for arn in tagged["ResourceARNList"].as_array().unwrap() {
        assert!(own[0].contains(arn.as_str().unwrap()), "{call}");
    }
}

#[test]
fn texts_stay_string_literals() {
    // Maps are sorted by their texts, so the order of the code can differ.
    let marks = |code: String| {
        let mut marks: Vec<char> = code.chars().collect();
        marks.sort_unstable();
        marks
    };
    let (harmless, _) = parse_typescript(&write_changes(&every_change("a-bucket")));
    let harmless = marks(harmless);
    for text in CODE {
        let (code, texts) = parse_typescript(&write_changes(&every_change(text)));
        assert_eq!(marks(code), harmless, "{text}");
        assert!(texts.iter().any(|it| it == text), "{text}");
    }
}

#[test]
fn manual_changes_are_comments() {
    for text in CODE {
        let written = write_changes(&by_hand(text));
        assert!(
            written
                .lines()
                .all(|it| it.is_empty() || it.starts_with("// ")),
            "{written}"
        );
        assert!(written.contains("// There is nothing to deploy.\n"));
        assert!(written.contains("//   (2) $ aws ec2 create-snapshot "));
    }
}

#[test]
fn each_region_is_a_stack_of_the_account() {
    let (report, changes) = fix_findings(snapshot("mixed"), &Wanted::FailingAndWarning);
    let text = write_report(&report, &changes);
    let account = report.account_id.clone().unwrap();
    assert!(text.contains("export class BackupReadinessEuCentral1Stack extends cdk.Stack {"));
    assert!(text.contains(&format!(
        "super(scope, id, {{ ...props, env: {{ account: \"{account}\", region: \"eu-central-1\" }} }});"
    )));
    let classes: Vec<&str> = text
        .lines()
        .filter(|it| it.starts_with("export class "))
        .collect();
    let different: BTreeSet<&&str> = classes.iter().collect();
    assert_eq!(classes.len(), different.len());
}

#[test]
fn ids_of_constructs_are_unique() {
    let text = write_changes(
        &[
            every_change("a.b"),
            every_change("a_b"),
            every_change("a.b"),
        ]
        .concat(),
    );
    parse_typescript(&text);
    let mut ids = BTreeSet::new();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    for pair in lines.windows(2) {
        if pair[0] == "this," {
            assert!(ids.insert(pair[1]), "{}", pair[1]);
        }
    }
    assert!(ids.len() > 20, "{ids:?}");
}

#[test]
fn every_finding_id_is_written() {
    for snapshot in [snapshot("mixed"), snapshot("no-access"), hostile()] {
        let (report, changes) = fix_findings(snapshot, &Wanted::FailingAndWarning);
        let text = write_report(&report, &changes);
        parse_typescript(&text);
        assert_eq!(text, write_report(&report, &changes));
        for change in &changes {
            for it in &change.fixes {
                assert!(text.contains(&it.finding), "{}", it.finding);
            }
        }
    }
}

#[test]
fn without_changes_there_is_nothing_to_deploy() {
    let text = write_changes(&[]);
    assert!(text.lines().all(|it| it.starts_with("// ")));
    assert!(text.contains("There is nothing to deploy."));
}
