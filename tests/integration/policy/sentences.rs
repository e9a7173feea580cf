//! What is said of each policy of `fixtures/policies`, in one file: why an action is not allowed, and what allows it. A
//! change of a sentence shows in its diff. Whether a verdict is right is in the fixtures.

use std::collections::BTreeMap;

use backup_check::iam::document::Document;

use super::{Case, read_cases};

/// Returns each sentence about a policy with the actions that it is about.
fn describe(case: &Case) -> BTreeMap<String, Vec<&'static str>> {
    let mut said: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    let document = match Document::parse(&case.text()) {
        Ok(document) => document,
        Err(error) => return BTreeMap::from([(error.to_string(), Vec::new())]),
    };
    let access = case.copy_access(&document);
    for action in &access.actions {
        let verdict = action.decision.verdict().as_str();
        // What is the same of several actions is one line.
        let reason = access.reason(action).replace(action.action, "<action>");
        let sentence = format!("{verdict}: {reason}");
        said.entry(sentence).or_default().push(action.action);
    }
    for local in case.local_access(&document, case.via()) {
        let sentence = format!("local, {}: {}", local.verdict().as_str(), local.reason());
        said.entry(sentence).or_default();
    }
    said
}

#[test]
fn sentences_about_policies_are_as_they_were_read() {
    let mut text = String::new();
    for (name, case) in read_cases() {
        text.push_str(&format!("{name}\n"));
        for (sentence, actions) in describe(&case) {
            let actions: Vec<&str> = actions
                .iter()
                .map(|it| it.trim_start_matches("kms:"))
                .collect();
            text.push_str(&format!("    {sentence} [{}]\n", actions.join(" ")));
        }
    }
    insta::with_settings!({snapshot_path => "../snapshots/sentences", prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("key-policies", text);
    });
}
