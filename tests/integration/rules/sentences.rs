//! What each rule says: the messages, fixes and evidence of all its cases, in one file a rule. A change of a sentence shows
//! in the diff of its file, where it is read before it is accepted. Whether a finding is right is in the cases.

use std::collections::BTreeSet;

use backup_check::evaluate::{Options, evaluate};
use backup_check::report::Finding;
use backup_check::rules;

use super::read_fixture;

/// Returns a finding as a reader sees it, without its resource.
fn render(finding: &Finding) -> String {
    let said = &finding.explanation;
    let mut text = format!("{}: {}\n", finding.status.as_str(), said.message);
    for line in said.fix.iter().flat_map(|fix| fix.lines()) {
        text.push_str(&format!("    fix: {line}\n"));
    }
    let evidence = serde_json::to_string(&said.evidence).unwrap();
    if evidence != "{}" {
        text.push_str(&format!("    evidence: {evidence}\n"));
    }
    text
}

#[test]
fn sentences_are_as_they_were_read() {
    for rule in rules::ALL {
        let mut sentences = BTreeSet::new();
        for case in read_fixture(rule).cases {
            let options = Options {
                preflight: case.preflight,
                only: BTreeSet::from([rule.id]),
                ..Options::default()
            };
            let snapshot = case.snapshot().unwrap();
            let report = evaluate(&snapshot, &case.settings(), &options, &rules::ALL);
            sentences.extend(report.findings.iter().map(render));
        }
        let text = sentences.into_iter().collect::<Vec<_>>().join("");
        insta::with_settings!({snapshot_path => "../snapshots/sentences", prepend_module_to_snapshot => false, omit_expression => true}, {
            insta::assert_snapshot!(rule.id, text);
        });
    }
}
