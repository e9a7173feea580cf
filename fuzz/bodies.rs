//! What the fuzz targets check, as plain functions: `tests/integration/fuzz.rs` replays the seeds on stable Rust.
//!
//! No input causes a panic, and what can be read can be evaluated and written in every format.

use std::collections::BTreeSet;

use backup_check::evaluate::{Options, evaluate};
use backup_check::exit::FailOn;
use backup_check::fix::dialect::DIALECTS;
use backup_check::fix::{Wanted, plan_changes};
use backup_check::iam::document::Document;
use backup_check::key_sharing::copy::{
    Overall, evaluate_copy_access, evaluate_copy_access_any, find_copy_deny,
};
use backup_check::key_sharing::facts::{
    BackupRole, CentralAccount, KeyFacts, Organization, ViaService,
};
use backup_check::key_sharing::local_use::evaluate_local_access;
use backup_check::key_sharing::merge::{MAX_POLICY_BYTES, Merge, merge};
use backup_check::model::Snapshot;
use backup_check::model::organization::{Document as BackupPolicy, EffectivePolicy};
use backup_check::report::Finding;
use backup_check::report::format::{FORMATS, Rendering};
use backup_check::report::table::Style;
use backup_check::rules::ALL;
use backup_check::settings::{Config, Settings};
use backup_check::source::detect::{Found, recognize_file};
use backup_check::source::planned::Surroundings;
use backup_check::source::{cloudformation, saved, terraform};
use backup_check::text::is_invisible;

/// Checks a key policy. A merged policy passes unless a Deny blocks it. Returns whether the text is a policy.
pub fn check_key_policy(text: &str) -> bool {
    let Ok(document) = Document::parse(text) else {
        return false;
    };
    let central = CentralAccount {
        account_id: "692653576357".into(),
        org_id: Some("o-a1b2c3d4e5".into()),
    };
    let unknown = KeyFacts {
        key_account: "111122223333".into(),
        ..KeyFacts::default()
    };
    let known = KeyFacts {
        key_arn: Some("arn:aws:kms:eu-central-1:111122223333:key/1".into()),
        ..unknown.clone()
    };
    let role = BackupRole {
        account: "111122223333".into(),
        name: "service-role/Backup".into(),
        organization: Organization::Member("o-a1b2c3d4e5".into()),
    };
    for key in [unknown, known] {
        for via in ViaService::ALL {
            let _ = evaluate_local_access(&document, &key, &role, via);
        }
        for via in [None, Some(ViaService::Ec2), Some(ViaService::Rds)] {
            let evaluate = |document: &Document| match via {
                Some(via) => evaluate_copy_access(document, &key, &central, via),
                None => evaluate_copy_access_any(document, &key, &central),
            };
            let before = evaluate(&document);
            for action in &before.actions {
                assert!(before.reason(action).len() < 4000);
            }
            let blocking_deny = find_copy_deny(&document, &key, &central, via);
            match merge(text, &key, &central, via) {
                Ok(Merge::Added(merged)) => {
                    let merged = serde_json::to_string(&merged).expect("JSON");
                    let document = Document::parse(&merged).expect("a policy");
                    assert_eq!(evaluate(&document).overall, Overall::Shared);
                    assert!(blocking_deny.is_none() && merged.len() <= MAX_POLICY_BYTES);
                    let again = merge(&merged, &key, &central, via).expect("a policy");
                    assert!(matches!(again, Merge::Unchanged(_)));
                }
                Ok(Merge::Unchanged(_)) => assert_eq!(before.overall, Overall::Shared),
                Ok(Merge::Blocked(found)) => assert_eq!(Some(found), blocking_deny),
                Ok(Merge::TooLarge(length)) => assert!(length > MAX_POLICY_BYTES),
                Err(error) => panic!("the text is a policy: {error}"),
            }
        }
    }
    true
}

/// Checks a snapshot, as plain text or compressed. Returns whether it is one.
pub fn check_snapshot(bytes: &[u8]) -> bool {
    let Ok(bytes) = saved::decompress_file(bytes.to_vec()) else {
        return false;
    };
    let Ok(Found::Text(text)) = recognize_file(bytes, "snapshot.json") else {
        return false;
    };
    let Ok(snapshot) = saved::read_snapshot(&text) else {
        return false;
    };
    check_evaluation(&snapshot);
    // What is read is written back, and is the same.
    let written = saved::write_snapshot(&snapshot).expect("it can be serialized");
    let again = saved::read_snapshot(&written).expect("it was just written");
    assert_eq!(saved::write_snapshot(&again).ok(), Some(written));
    true
}

fn surroundings(file: &str) -> Surroundings<'_> {
    Surroundings {
        file,
        tag_key: "backup",
        region: Some("eu-west-1"),
        account: None,
        without_lookups: false,
        central_account: "692653576357",
        read_at: "2026-03-03T06:00:00Z",
    }
}

/// Checks a Terraform plan or state. Returns whether it is one.
pub fn check_plan(bytes: &[u8]) -> bool {
    let Ok(Found::Terraform(root, _)) = recognize_file(bytes.to_vec(), "plan.json") else {
        return false;
    };
    let Ok(snapshot) = terraform::read_plan(&root, &surroundings("plan.json")) else {
        return false;
    };
    check_evaluation(&snapshot);
    true
}

/// Checks a CloudFormation template. Returns whether it is one.
pub fn check_template(text: &str) -> bool {
    let is_template = cloudformation::is_template(text);
    let Ok(read) = cloudformation::read(text, &surroundings("template.yaml"), &[]) else {
        return false;
    };
    assert!(
        is_template
            || text
                .trim_start()
                .starts_with(['{', '[', '"', '\'', '!', '&', '-', '?'])
    );
    check_evaluation(&read.snapshot);
    true
}

/// Checks a config file. Returns whether it is valid.
pub fn check_config(text: &str) -> bool {
    match Config::parse(text) {
        Ok(config) => {
            let _ = config.settings();
            true
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

/// Checks an effective backup policy. Returns whether it is one.
pub fn check_effective_policy(text: &str) -> bool {
    let Ok(document) = serde_json::from_str::<BackupPolicy>(text) else {
        return false;
    };
    let policy = EffectivePolicy::from_document(document);
    let written = serde_json::to_string(&policy).expect("it can be serialized");
    assert!(serde_json::from_str::<EffectivePolicy>(&written).is_ok());
    true
}

/// Evaluates a snapshot, and writes the report in every format and the fixes in every dialect.
fn check_evaluation(snapshot: &Snapshot) {
    let settings = Settings::default();
    let report = evaluate(snapshot, &settings, &Options::default(), &ALL);
    let ids: BTreeSet<String> = report.findings.iter().map(Finding::id).collect();
    assert_eq!(ids.len(), report.findings.len(), "an id occurs twice");
    let how = Rendering {
        style: Style::plain(80),
        anchor: "backup-check.toml".to_owned(),
        gate: FailOn::Fail,
        statuses: Vec::new(),
    };
    for format in FORMATS {
        let mut out = Vec::new();
        // A format may require what the snapshot lacks, such as an account.
        let written = format.write_report(&report, &how, &mut out);
        let text = String::from_utf8(out).expect("a report is UTF-8");
        if written.is_ok() && ["table", "markdown"].contains(&format.name) {
            let hidden = text.chars().find(|c| is_invisible(*c) && *c != '\n');
            assert_eq!(hidden, None, "in {}", format.name);
        }
    }
    let changes = plan_changes(snapshot, &settings, &report, &Wanted::FailingAndWarning);
    for dialect in DIALECTS {
        let _ = (dialect.write)(&report, &changes, &mut Vec::new());
    }
}
