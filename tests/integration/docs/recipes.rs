//! The recipe that creates a rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use backup_check::rules::ALL;
use serde_json::Value;

use crate::support::command::{Run, repository, run};

/// Creates a rule in a folder that has only what the recipe needs.
fn create_rule(folder: &Path, id: &str) -> Run {
    run(Command::new("bash")
        .arg(repository().join(".ci/new-rule"))
        .arg(folder)
        .arg(id))
}

#[test]
fn a_new_rule_has_its_file_its_fixture_and_its_lines() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for path in ["src/rules", "fixtures/rules"] {
        fs::create_dir_all(folder.join(path)).unwrap();
    }
    let table = fs::read_to_string(repository().join("src/rules.rs")).unwrap();
    fs::write(folder.join("src/rules.rs"), &table).unwrap();

    for id in ["s3-object-lock-enabled", "zone-known"] {
        let created = create_rule(folder, id);
        assert_eq!((created.code, created.stderr.as_str()), (0, ""));
        let name = id.replace('-', "_");
        let rule = fs::read_to_string(folder.join(format!("src/rules/{name}.rs"))).unwrap();
        assert!(rule.contains(&format!("id: \"{id}\",")) && rule.contains("/// ## Sources"));
        let fixture = fs::read_to_string(folder.join(format!("fixtures/rules/{id}.json"))).unwrap();
        let fixture: Value = serde_json::from_str(&fixture).unwrap();
        assert_eq!(fixture["rule"], id);
    }

    let fresh = fs::read_to_string(folder.join("src/rules.rs")).unwrap();
    let before: BTreeSet<&str> = table.lines().collect();
    let added: Vec<&str> = fresh
        .lines()
        .filter(|line| !before.contains(line))
        .collect();
    let count = format!("[&Rule; {}] = [", ALL.len() + 2);
    assert_eq!(added.len(), 5, "{added:?}");
    assert!(added[2].ends_with(&count), "{added:?}");
    let rest = [added[0], added[1], added[3], added[4]];
    assert_eq!(
        rest,
        [
            "mod s3_object_lock_enabled;",
            "mod zone_known;",
            "    &s3_object_lock_enabled::RULE,",
            "    &zone_known::RULE,"
        ]
    );
    let modules: Vec<&str> = fresh
        .lines()
        .filter(|line| line.starts_with("mod ") && line.ends_with(';'))
        .collect();
    assert!(modules.is_sorted(), "{modules:?}");
}

#[test]
fn a_rule_is_never_overwritten_and_an_id_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::create_dir_all(folder.join("src/rules")).unwrap();
    fs::write(folder.join("src/rules/s3_versioning_enabled.rs"), "kept").unwrap();
    for id in ["s3-versioning-enabled", "S3", "a--b", "../a", "-a"] {
        let refused = create_rule(folder, id);
        assert_eq!(refused.code, 2, "{id}: {refused:?}");
    }
    let kept = fs::read_to_string(folder.join("src/rules/s3_versioning_enabled.rs")).unwrap();
    assert_eq!(kept, "kept");
}
