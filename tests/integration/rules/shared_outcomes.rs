//! Outcomes that resources with the same encryption share, and the threads that find them.

use backup_check::evaluate::{Options, evaluate};
use backup_check::model::{ResourceKind, Snapshot};
use backup_check::report::Finding;
use backup_check::rules;
use backup_check::settings::Settings;

use super::{folder, read_json};

/// More than the resources from which a region is checked on several threads.
const VOLUMES: usize = 1_500;

fn read_mixed_account() -> Snapshot {
    read_json(&folder("fixtures/accounts/mixed.json"))
}

fn make_findings(snapshot: &Snapshot) -> Vec<Finding> {
    let (settings, options) = (Settings::default(), Options::default());
    evaluate(snapshot, &settings, &options, &rules::ALL).findings
}

/// Every volume has copies under names of their own. What a rule about keys says of a copy is what it says of the
/// volume, under the name of the copy.
#[test]
fn copies_of_a_volume_are_checked_as_the_volume() {
    let alone = make_findings(&read_mixed_account());
    let mut snapshot = read_mixed_account();
    let region = snapshot.regions.get_mut("eu-central-1").unwrap();
    let originals = region.volumes.items.clone();
    let copies = (0..VOLUMES).map(|number| {
        let mut copy = originals[number % originals.len()].clone();
        let id = format!("{}-{number:04}", copy.id);
        copy.arn = copy.arn.replace(&copy.id, &id);
        copy.id = id;
        copy
    });
    region.volumes.items.extend(copies);
    let together = make_findings(&snapshot);

    let key = |it: &Finding| {
        (
            it.region.clone(),
            it.kind.as_str(),
            it.resource.clone(),
            it.rule.id,
        )
    };
    assert!(together.is_sorted_by_key(key));
    // The other regions are checked by the same threads.
    let elsewhere = |findings: &[Finding]| -> Vec<_> {
        let findings = findings.iter().map(|it| {
            let message = it.explanation.message.clone();
            (it.region.clone(), it.resource.clone(), it.rule.id, message)
        });
        let regions = ["eu-central-1", "global"];
        findings
            .filter(|it| !regions.contains(&it.0.as_str()))
            .collect()
    };
    assert_eq!(elsewhere(&together), elsewhere(&alone));
    assert!(!elsewhere(&alone).is_empty());
    let mut compared = 0;
    let of_volumes = together
        .iter()
        .filter(|it| it.kind == ResourceKind::EbsVolume && it.rule.is_of_encryption);
    for finding in of_volumes {
        let name = &finding.resource_id;
        let original = match name.rsplit_once('-') {
            Some((original, number)) if number.len() == 4 && name.starts_with("vol-") => original,
            _ => name.as_str(),
        };
        let matches = |it: &&Finding| it.resource_id == original && it.rule.id == finding.rule.id;
        let of_original = alone.iter().find(matches).unwrap();
        assert_eq!(finding.status, of_original.status);
        let mut explanation = (*of_original.explanation).clone();
        for cause in &mut explanation.causes {
            cause
                .remedies
                .clone_from(&finding.explanation.causes[0].remedies);
        }
        assert_eq!(
            *finding.explanation, explanation,
            "{name}: {}",
            finding.rule.id
        );
        let remedies = format!("{:?}", finding.explanation.causes[0].remedies);
        assert!(
            !remedies.contains("vol-") || remedies.contains(&format!("{name:?}")),
            "{remedies}"
        );
        compared += 1;
    }
    assert!(compared >= VOLUMES, "{compared}");
}
