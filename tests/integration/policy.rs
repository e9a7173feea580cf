//! Key policies: the table of `fixtures/policies`, and properties that hold for every policy.

mod explanations;
mod laws;
mod near_misses;
mod sentences;

use std::collections::BTreeMap;
use std::path::Path;

use backup_check::iam::document::Document;
use backup_check::key_sharing::aws_managed::find_aws_managed_key;
use backup_check::key_sharing::copy::{
    CopyAccess, Overall, evaluate_copy_access, evaluate_copy_access_any, find_copy_deny,
};
use backup_check::key_sharing::facts::{
    BackupRole, CentralAccount, KeyFacts, Organization, ViaService,
};
use backup_check::key_sharing::local_use::{LocalAccess, combine_verdicts, evaluate_local_access};
use backup_check::key_sharing::merge::{MAX_POLICY_BYTES, Merge, merge};
use serde::Deserialize;
use serde_json::{Value, json};

const ROLE: &str = "aws-controltower-BackupRole";
const CENTRAL: &str = "692653576357";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    about: String,
    source: String,
    #[serde(default)]
    key: Key,
    #[serde(default)]
    asker: Asks,
    via: Option<String>,
    policy: Option<Value>,
    policy_text: Option<String>,
    #[serde(default)]
    expect: BTreeMap<String, String>,
    overall: Option<String>,
    /// Of this account's backup role, through the service of `via`, or through either.
    local_access: Option<String>,
    /// The same by the service that uses the key.
    #[serde(default)]
    local_through: BTreeMap<String, String>,
    local_reason: Option<String>,
    aws_managed_key: Option<String>,
    #[serde(default)]
    reasons: BTreeMap<String, String>,
    blocked_by: Option<String>,
    error: Option<Fault>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Key {
    arn: Option<String>,
    #[serde(default)]
    account: String,
    region: Option<String>,
    spec: Option<String>,
    usage: Option<String>,
    origin: Option<String>,
    multi_region: Option<bool>,
    tags: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Asks {
    central_account: String,
    org_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fault {
    line: usize,
    says: String,
}

impl Case {
    fn text(&self) -> String {
        match (&self.policy, &self.policy_text) {
            (Some(policy), None) => policy.to_string(),
            (None, Some(text)) => text.clone(),
            _ => panic!("a case has either policy or policy_text"),
        }
    }

    fn facts(&self) -> KeyFacts {
        KeyFacts {
            key_arn: self.key.arn.clone(),
            key_account: self.key.account.clone(),
            region: self.key.region.clone(),
            key_spec: self.key.spec.clone(),
            key_usage: self.key.usage.clone(),
            origin: self.key.origin.clone(),
            multi_region: self.key.multi_region,
            tags: self.key.tags.clone(),
        }
    }

    fn via(&self) -> Option<ViaService> {
        self.via.as_deref().map(service_named)
    }

    fn central(&self) -> CentralAccount {
        CentralAccount {
            account_id: self.asker.central_account.clone(),
            org_id: self.asker.org_id.clone(),
        }
    }

    fn copy_access(&self, document: &Document) -> CopyAccess {
        let (key, central) = (self.facts(), self.central());
        match self.via() {
            Some(via) => evaluate_copy_access(document, &key, &central, via),
            None => evaluate_copy_access_any(document, &key, &central),
        }
    }

    fn local_access(&self, document: &Document, via: Option<ViaService>) -> Vec<LocalAccess> {
        let role = BackupRole {
            account: self.key.account.clone(),
            name: ROLE.to_owned(),
            organization: match &self.asker.org_id {
                Some(id) => Organization::Member(id.clone()),
                None => Organization::Unknown,
            },
        };
        let services = via.map_or(ViaService::ALL.to_vec(), |via| vec![via]);
        let key = self.facts();
        services
            .into_iter()
            .map(|via| evaluate_local_access(document, &key, &role, via))
            .collect()
    }

    /// What does not hold, as lines.
    fn check(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut expect = |what: &str, expected: &str, found: &str| {
            if expected != found {
                wrong.push(format!("{what}: expected {expected}, found {found}"));
            }
        };
        if !self.source.starts_with("https://docs.aws.amazon.com/") || self.about.is_empty() {
            expect("source and about", "stated", "missing");
        }
        let document = match (Document::parse(&self.text()), &self.error) {
            (Ok(document), None) => document,
            (Ok(_), Some(_)) => {
                expect("parse", "an error", "a policy");
                return wrong;
            }
            (Err(error), Some(fault)) => {
                expect("line", &fault.line.to_string(), &error.line.to_string());
                if !error.message.contains(&fault.says) {
                    expect("message", &fault.says, &error.message);
                }
                return wrong;
            }
            (Err(error), None) => {
                expect("parse", "a policy", &error.to_string());
                return wrong;
            }
        };
        let (key, via, central) = (self.facts(), self.via(), self.central());
        let access = self.copy_access(&document);
        for found in &access.actions {
            let expected = self
                .expect
                .get(found.action)
                .or_else(|| self.expect.get("all"));
            let expected =
                expected.unwrap_or_else(|| panic!("nothing is expected of {}", found.action));
            expect(found.action, expected, found.decision.verdict().as_str());
            if let Some(reason) = self.reasons.get(found.action)
                && !access.reason(found).contains(reason.as_str())
            {
                expect("reason", reason, &access.reason(found));
            }
        }
        expect(
            "overall",
            self.overall.as_deref().unwrap_or("stated"),
            access.overall.as_str(),
        );
        let local = self.local_access(&document, via);
        if let Some(expected) = &self.local_access {
            let found = combine_verdicts(&local);
            expect("local access", expected, found.as_str());
        }
        for (service, expected) in &self.local_through {
            let through = self.local_access(&document, Some(service_named(service)));
            let found = combine_verdicts(&through);
            expect(service, expected, found.as_str());
        }
        if let Some(expected) = &self.local_reason
            && !local
                .iter()
                .any(|it| it.reason().contains(expected.as_str()))
        {
            expect("local reason", expected, &local[0].reason());
        }
        expect(
            "AWS managed key",
            self.aws_managed_key.as_deref().unwrap_or("none"),
            find_aws_managed_key(&document, &key.key_account).unwrap_or("none"),
        );
        let blocked = find_copy_deny(&document, &key, &central, via);
        let blocked = blocked.map(|blocking_deny| blocking_deny.statement.to_string());
        expect(
            "blocked by",
            self.blocked_by.as_deref().unwrap_or("nothing"),
            blocked.as_deref().unwrap_or("nothing"),
        );
        if let Err(broken) = check_merge(&self.text(), &key, &central, via) {
            expect("merge", "a policy that passes", &broken);
        }
        wrong
    }
}

fn service_named(name: &str) -> ViaService {
    match name {
        "ec2" => ViaService::Ec2,
        "rds" => ViaService::Rds,
        "fsx" => ViaService::Fsx,
        "redshift" => ViaService::Redshift,
        "dynamodb" => ViaService::DynamoDb,
        "s3" => ViaService::S3,
        "efs" => ViaService::Efs,
        other => panic!("service {other}"),
    }
}

/// Returns the cases of `fixtures/policies` by name.
fn read_cases() -> Vec<(String, Case)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/policies");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 60, "only {} cases", paths.len());
    let read = paths.into_iter().map(|path| {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let case = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, case)
    });
    read.collect()
}

#[test]
fn every_policy_fixture_holds() {
    let mut wrong = Vec::new();
    for (name, case) in read_cases() {
        wrong.extend(
            case.check()
                .into_iter()
                .map(|line| format!("{name}: {line}")),
        );
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn hostile_text_is_rejected_in_linear_time() {
    let megabyte = 1 << 20;
    let texts = [
        "[".repeat(megabyte),
        "{\"a\":".repeat(megabyte / 5),
        format!("{{\"Statement\":{}", "[".repeat(megabyte)),
        format!(
            "{{\"Statement\":{{\"Condition\":{{\"Bool\":{{\"a\":{}",
            "[".repeat(megabyte)
        ),
        format!("{{\"Statement\":[{}]}}", "{},".repeat(megabyte / 3)),
        format!("{{\"{}\":1}}", "x".repeat(megabyte)),
        "\"".repeat(megabyte),
        "\u{0}".repeat(megabyte),
    ];
    for text in &texts {
        let error = Document::parse(text).unwrap_err();
        assert!(error.message.len() < 500, "{}", error.message);
    }
}

#[test]
fn hostile_patterns_are_evaluated_in_linear_time() {
    let megabyte = 1 << 20;
    let stars = format!("{}a", "*".repeat(megabyte));
    let pairs = "*a".repeat(megabyte / 2);
    let open = "${".repeat(megabyte / 2);
    let closed = format!("{}}}", "${".repeat(megabyte / 2));
    let regions = [None, Some("eu-central-1".to_owned())].into_iter().cycle();
    for (pattern, region) in [stars, pairs, open, closed].into_iter().zip(regions) {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": CENTRAL}, "Action": pattern, "Resource": "*"},
            {"Effect": "Allow", "Principal": {"AWS": pattern}, "Action": "*", "Resource": "*"},
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": pattern},
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": format!("arn:aws:kms:*:*:{pattern}")},
            {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition":
                {"StringLike": {"kms:ViaService": pattern}, "ArnLike": {"aws:PrincipalArn": pattern}}},
        ]});
        let document = Document::parse(&policy.to_string()).unwrap();
        let key = KeyFacts {
            key_account: "111122223333".into(),
            region,
            ..KeyFacts::default()
        };
        let access = evaluate_copy_access(&document, &key, &central(), ViaService::Ec2);
        assert!(
            access
                .actions
                .iter()
                .all(|action| action.decision.reason().len() < 2000)
        );
    }
}

#[test]
fn a_merged_policy_stays_within_the_kms_limit() {
    let key = KeyFacts {
        key_account: "111122223333".into(),
        ..KeyFacts::default()
    };
    let policy = |length: usize| {
        let statement = json!({"Sid": "s".repeat(length), "Effect": "Allow", "Principal": "*", "Action": "kms:Sign", "Resource": "*"});
        json!({"Version": "2012-10-17", "Statement": statement}).to_string()
    };
    let room = MAX_POLICY_BYTES - policy(0).len();
    assert!(matches!(
        merge(&policy(room), &key, &central(), None),
        Ok(Merge::TooLarge(length)) if length > MAX_POLICY_BYTES
    ));
    let Ok(Merge::Added(merged)) = merge(&policy(room - 1000), &key, &central(), None) else {
        panic!("a policy with room for two statements");
    };
    let length = serde_json::to_string(&merged).unwrap().len();
    assert!(length <= MAX_POLICY_BYTES);
    let fits = room - 1000 + MAX_POLICY_BYTES - length;
    assert!(matches!(
        merge(&policy(fits), &key, &central(), None),
        Ok(Merge::Added(_))
    ));
    assert!(matches!(
        merge(&policy(fits + 1), &key, &central(), None),
        Ok(Merge::TooLarge(length)) if length == MAX_POLICY_BYTES + 1
    ));
}

#[test]
fn a_merged_policy_preserves_the_original_text() {
    let text = "\u{feff}{\"Id\": \"k\", \"Statement\": {\"Resource\": \"*\", \"Action\": [\"kms:*\"], \"Effect\": \"Allow\",\n \
                \"Principal\": {\"AWS\": \"111122223333\"}, \"Sid\": \"BackupCopyUse\", \"Condition\": {\"NumericLessThan\": \
                {\"aws:MultiFactorAuthAge\": 1.50e3}}}, \"Version\": \"2012-10-17\"}";
    let key = KeyFacts {
        key_account: "111122223333".into(),
        region: Some("cn-north-1".into()),
        ..KeyFacts::default()
    };
    let Ok(Merge::Added(merged)) = merge(text, &key, &central(), None) else {
        panic!("it lacks all");
    };
    let written = serde_json::to_string(&merged).unwrap();
    let kept = r#"{"Id":"k","Statement":[{"Resource":"*","Action":["kms:*"],"Effect":"Allow","Principal":{"AWS":"111122223333"},"Sid":"BackupCopyUse","Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":1.50e3}}},{"Sid":"BackupCopyUse2","Effect":"Allow","Principal":{"AWS":"arn:aws-cn:iam::692653576357:root"},"#;
    assert!(written.starts_with(kept), "{written}");
    assert!(
        written.ends_with(r#"}],"Version":"2012-10-17"}"#),
        "{written}"
    );
    let grants = r#""Action":["kms:CreateGrant","kms:ListGrants","kms:RevokeGrant"],"Resource":"*","Condition":{"Bool":{"kms:GrantIsForAWSResource":"true"}}"#;
    assert!(written.contains(grants), "{written}");
}

/// The ids of the statements that a merge adds to statements with ids and actions.
fn added_ids(statements: &[(&str, &str)]) -> Vec<String> {
    let statements: Vec<Value> = statements
        .iter()
        .map(|(sid, action)| {
            json!({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": CENTRAL}, "Action": action, "Resource": "*"})
        })
        .collect();
    let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let key = KeyFacts {
        key_account: "111122223333".into(),
        ..KeyFacts::default()
    };
    let Ok(Merge::Added(merged)) = merge(&text, &key, &central(), None) else {
        panic!("it lacks actions");
    };
    let merged = serde_json::to_value(&merged).unwrap();
    let all = merged["Statement"].as_array().unwrap();
    let added = all[statements.len()..].iter();
    added
        .map(|it| it["Sid"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_merged_policy_adds_what_is_missing_under_ids_that_are_free() {
    let grants = ("BackupCopyUse", "kms:*Grant*");
    assert_eq!(added_ids(&[grants]), ["BackupCopyUse2"]);
    let use_alone = ["kms:*crypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
    assert_eq!(
        added_ids(&use_alone.map(|action| ("Use", action))),
        ["BackupCopyGrants"]
    );
    assert_eq!(
        added_ids(&[grants, ("BackupCopyUse2", "kms:*Grant")]),
        ["BackupCopyUse3"]
    );
}

#[test]
fn the_policy_of_a_key_of_the_central_account_is_unchanged() {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "kms:*", "Resource": "*"});
    let text = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let key_of = |account: &str| KeyFacts {
        key_account: account.to_owned(),
        ..KeyFacts::default()
    };
    let merge_for = |account| merge(&text, &key_of(account), &central(), None);
    assert!(matches!(merge_for(CENTRAL), Ok(Merge::Unchanged(_))));
    assert!(matches!(merge_for("111122223333"), Ok(Merge::Added(_))));
}

fn central() -> CentralAccount {
    CentralAccount {
        account_id: CENTRAL.into(),
        org_id: Some("o-a1b2c3d4e5".into()),
    }
}

/// What holds for every policy that is merged, or what does not hold of it.
fn check_merge(
    text: &str,
    key: &KeyFacts,
    central: &CentralAccount,
    via: Option<ViaService>,
) -> Result<(), String> {
    let evaluate = |text: &str| {
        let document = Document::parse(text).unwrap();
        let access = match via {
            Some(via) => evaluate_copy_access(&document, key, central, via),
            None => evaluate_copy_access_any(&document, key, central),
        };
        (access.overall, find_copy_deny(&document, key, central, via))
    };
    let (before, blocking_deny) = evaluate(text);
    let statements = |text: &str| -> Vec<Value> {
        let policy: Value = serde_json::from_str(text).unwrap();
        match &policy["Statement"] {
            Value::Array(statements) => statements.clone(),
            alone => vec![alone.clone()],
        }
    };
    let merged = match merge(text, key, central, via).unwrap() {
        Merge::Unchanged(policy) => {
            let policy = serde_json::to_string(&policy).unwrap();
            let same: bool = serde_json::from_str::<Value>(&policy).ok()
                == serde_json::from_str::<Value>(text).ok();
            return match before {
                Overall::Shared if same => Ok(()),
                _ if key.is_central(central) && same => Ok(()),
                _ => Err(format!("unchanged, and {before}: {policy}")),
            };
        }
        Merge::Blocked(found) => {
            return match blocking_deny {
                Some(blocking_deny) if blocking_deny == found && before != Overall::Shared => {
                    Ok(())
                }
                _ => Err(format!("blocked by {}", found.statement)),
            };
        }
        Merge::TooLarge(length) => {
            let fits = text.len() < MAX_POLICY_BYTES - 2000;
            return if fits {
                Err(format!("{length} bytes"))
            } else {
                Ok(())
            };
        }
        Merge::Added(policy) => serde_json::to_string(&policy).unwrap(),
    };
    if blocking_deny.is_some()
        || evaluate(&merged).0 != Overall::Shared
        || merged.len() > MAX_POLICY_BYTES
    {
        return Err(format!("{}: {merged}", evaluate(&merged).0));
    }
    let (old, new) = (statements(text), statements(&merged));
    if new[..old.len()] != old[..] || new.len() > old.len() + 2 {
        return Err(format!("the present statements changed: {merged}"));
    }
    match merge(&merged, key, central, via).unwrap() {
        Merge::Unchanged(again) if serde_json::to_string(&again).unwrap() == merged => Ok(()),
        other => Err(format!("merged again it becomes {other:?}")),
    }
}
