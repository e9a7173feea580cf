//! Parse, evaluate and merge any text: `cargo +nightly fuzz run key_policy -- -dict=fuzz/key_policy.dict`.
//!
//! No text may make them panic, and a merged policy passes wherever no Deny stands in the way.

#![no_main]

use backup_check::key_sharing::copy::{
    Asker, KeyFacts, Overall, Via, blocked_by, judge, judge_any, local_access,
};
use backup_check::iam::document::Document;
use backup_check::key_sharing::merge::{LARGEST, Merge, merge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse(text) else {
        return;
    };
    let asker = Asker {
        central_account: "692653576357".into(),
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
    for key in [unknown, known] {
        let _ = local_access(&document, &key, "111122223333", "service-role/Backup");
        for via in [None, Some(Via::Ec2), Some(Via::Rds)] {
            let judged = |document: &Document| match via {
                Some(via) => judge(document, &key, &asker, via),
                None => judge_any(document, &key, &asker),
            };
            let before = judged(&document);
            for action in &before.actions {
                assert!(before.reason(action).len() < 4000);
            }
            let obstacle = blocked_by(&document, &key, &asker, via);
            match merge(text, &key, &asker, via) {
                Ok(Merge::Added(merged)) => {
                    let merged = serde_json::to_string(&merged).expect("JSON");
                    let document = Document::parse(&merged).expect("a policy");
                    assert_eq!(judged(&document).overall, Overall::Shared);
                    assert!(obstacle.is_none() && merged.len() <= LARGEST);
                    let again = merge(&merged, &key, &asker, via).expect("a policy");
                    assert!(matches!(again, Merge::Unchanged(_)));
                }
                Ok(Merge::Unchanged(_)) => assert_eq!(before.overall, Overall::Shared),
                Ok(Merge::Blocked(found)) => assert_eq!(Some(found), obstacle),
                Ok(Merge::TooLarge(length)) => assert!(length > LARGEST),
                Err(error) => panic!("it was a policy before: {error}"),
            }
        }
    }
});
