//! Parses, evaluates and merges any text: `cargo +nightly fuzz run key_policy -- -dict=fuzz/key_policy.dict`.
//!
//! No text causes a panic, and a merged policy passes unless a Deny blocks it.

#![no_main]

use backup_check::iam::document::Document;
use backup_check::key_sharing::copy::{
    Overall, evaluate_copy_access, evaluate_copy_access_any, find_copy_deny,
};
use backup_check::key_sharing::facts::{
    BackupRole, CentralAccount, KeyFacts, Organization, ViaService,
};
use backup_check::key_sharing::local_use::evaluate_local_access;
use backup_check::key_sharing::merge::{MAX_POLICY_BYTES, Merge, merge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse(text) else {
        return;
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
});
