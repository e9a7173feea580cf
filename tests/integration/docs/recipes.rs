//! The recipes for a rule and for a resource type.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use backup_check::rules::ALL;
use serde_json::Value;

use crate::layering::imports::ImportGraph;
use crate::layering::names;
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

/// The most files that a new resource type touches.
const MOST_FILES: usize = 8;

/// Returns the files that the recipe for a resource type names: those of its steps, and the tables after them.
fn recipe_files() -> (Vec<String>, Vec<String>) {
    let text = fs::read_to_string(repository().join("CONTRIBUTING.md")).unwrap();
    let recipe = text.split("### A new resource type\n").nth(1).unwrap();
    let (recipe, _) = recipe.split_once("\n### ").unwrap();
    let steps = recipe.find("\n1. ").unwrap();
    let after = steps + recipe[steps..].find("\n\n").unwrap();
    let files_in = |text: &str| {
        let quoted = text.split('`').skip(1).step_by(2);
        let files = quoted.filter(|it| it.starts_with("src/") && it.ends_with(".rs"));
        files.map(str::to_owned).collect::<Vec<_>>()
    };
    // A step may point to further files: the first one is its own.
    let of_steps = recipe[steps..after]
        .lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_digit()));
    let of_steps = of_steps.map(|line| files_in(line).remove(0)).collect();
    (of_steps, files_in(&recipe[after..]))
}

/// Returns the files that name each resource type: by its list in a region, its variant of `Resource` or its kind.
/// The key is the variant.
fn files_by_type() -> BTreeMap<String, BTreeSet<String>> {
    let code = ImportGraph::read(&repository().join("src")).code;
    let resource = &code["model::resource"];
    let (_, lists) = resource.split_once("impl_lists! {\n").unwrap();
    let (lists, _) = lists.split_once("\n}").unwrap();
    let lists = lists
        .lines()
        .filter_map(|line| line.trim().trim_end_matches(',').split_once(": "));
    // What is found by its tag alone has a row of `KINDS`, and is of many types.
    let own = lists.filter(|(_, variant)| *variant != "Tagged");
    let files = own.map(|(list, variant)| {
        let mut words = vec![list.to_owned(), format!("Resource::{variant}")];
        let arm = format!("Resource::{variant}(_) => ");
        let kind = resource
            .split(&arm)
            .nth(1)
            .and_then(|it| it.split(',').next());
        words.extend(kind.map(str::to_owned));
        let named = code
            .iter()
            .filter(|(_, code)| words.iter().any(|word| names(code, word)));
        let files = named.map(|(module, _)| format!("src/{}.rs", module.replace("::", "/")));
        (variant.to_owned(), files.collect())
    });
    files.collect()
}

#[test]
fn every_resource_type_is_named_in_the_files_of_the_recipe_and_in_no_other_list() {
    let (steps, _) = recipe_files();
    assert!(steps.len() <= MOST_FILES, "{steps:?}");
    let shared = steps.into_iter().filter(|it| !it.contains("<service>"));
    let by_type = files_by_type();
    assert!(by_type.len() >= 13);
    let in_all = by_type.into_values().reduce(|all, files| &all & &files);
    assert_eq!(in_all.unwrap(), shared.collect());
}

#[test]
fn a_type_is_named_in_rules_and_tables_besides_the_files_of_the_recipe() {
    let (steps, tables) = recipe_files();
    let by_type = files_by_type();
    for (variant, service) in [("FsxVolume", "fsx"), ("RedshiftNamespace", "redshift")] {
        let of_recipe: BTreeSet<String> = steps
            .iter()
            .map(|it| it.replace("<service>", service))
            .collect();
        for file in &of_recipe {
            assert!(repository().join(file).is_file(), "{variant}: {file}");
        }
        let others: Vec<&String> = by_type[variant]
            .difference(&of_recipe)
            .filter(|it| !it.starts_with("src/rules/") && !tables.contains(it))
            .collect();
        assert_eq!(others, [] as [&String; 0], "{variant}");
    }
}
