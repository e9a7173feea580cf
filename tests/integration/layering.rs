//! Who may import whom, read off the code: facts flow one way.

pub mod imports;

use std::collections::BTreeMap;

use crate::support::command::repository;
use imports::ImportGraph;

/// A room, and what it may name below it. The first segment of a module is its room; an entry with
/// `::` allows that module alone.
const WALLS: [(&str, &[&str]); 19] = [
    ("exit", &[]),
    ("text", &[]),
    ("model", &[]),
    ("iam", &["model::arn"]),
    ("key_sharing", &["iam", "model"]),
    ("settings", &["model", "text"]),
    (
        "analysis",
        &["iam", "key_sharing", "model", "settings", "text"],
    ),
    (
        "rule",
        &[
            "analysis",
            "iam",
            "key_sharing",
            "model",
            "settings",
            "text",
        ],
    ),
    (
        "rules",
        &[
            "analysis",
            "iam",
            "key_sharing",
            "model",
            "rule",
            "settings",
            "text",
        ],
    ),
    ("cost", &["analysis", "model", "settings", "text"]),
    (
        "report",
        &[
            "analysis",
            "cost",
            "exit",
            "iam",
            "key_sharing",
            "model",
            "rule",
            "rules",
            "settings",
            "text",
        ],
    ),
    (
        "evaluate",
        &[
            "analysis",
            "exit",
            "iam",
            "key_sharing",
            "model",
            "report",
            "rule",
            "settings",
            "text",
        ],
    ),
    (
        "fix",
        &[
            "analysis",
            "iam",
            "key_sharing",
            "model",
            "report",
            "rule",
            "settings",
            "text",
        ],
    ),
    ("source", &["iam", "model", "settings", "store", "text"]),
    ("store", &[]),
    (
        "fleet",
        &[
            "evaluate", "exit", "model", "report", "rules", "settings", "source", "store", "text",
        ],
    ),
    (
        "cli",
        &[
            "analysis",
            "cost",
            "evaluate",
            "exit",
            "fix",
            "fleet",
            "iam",
            "key_sharing",
            "model",
            "report",
            "rule",
            "rules",
            "settings",
            "source",
            "store",
            "text",
        ],
    ),
    ("lib", &[]),
    ("main", &[]),
];

/// Rooms that use the finding model of `report`, and none of its writers.
const WITHOUT_WRITERS: [&str; 2] = ["evaluate", "fix"];

/// The modules of `report` that are no writer.
const FINDING_MODEL: [&str; 5] = [
    "report",
    "report::baseline",
    "report::digest",
    "report::finding",
    "report::stale_waiver",
];

/// What talks to the world: the clock, the environment, files, threads of control. Time zones are data in the
/// program, except the one of the system.
const WORLD: [&str; 9] = [
    "Timestamp::now",
    "Zoned::now",
    "TimeZone::system",
    "TimeZone::try_system",
    "std::env",
    "std::fs",
    "std::process",
    "std::time",
    "tokio",
];

/// Rooms that have facts and evaluation only.
const PURE: [&str; 13] = [
    "analysis",
    "cost",
    "evaluate",
    "exit",
    "fix",
    "iam",
    "key_sharing",
    "model",
    "report",
    "rule",
    "rules",
    "settings",
    "text",
];

const SDK: [&str; 5] = [
    "aws_config",
    "aws_credential_types",
    "aws_sdk_",
    "aws_smithy_",
    "aws_types",
];

fn graph() -> ImportGraph {
    ImportGraph::read(&repository().join("src"))
}

fn room(module: &str) -> &str {
    module.split("::").next().unwrap_or_default()
}

/// Whether code names a path; a part that ends in `_` begins a name.
pub fn names(code: &str, part: &str) -> bool {
    code.match_indices(part).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        let after = code[at + part.len()..].chars().next();
        let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !word(before) && (part.ends_with('_') || !word(after))
    })
}

#[test]
fn every_room_has_its_walls() {
    let walls: Vec<&str> = WALLS.iter().map(|(room, _)| *room).collect();
    for module in graph().code.keys() {
        assert!(walls.contains(&room(module)), "{module} is in no room");
    }
}

#[test]
fn no_room_imports_what_is_not_below_it() {
    let walls: BTreeMap<&str, &[&str]> = WALLS.into_iter().collect();
    let mut wrong = Vec::new();
    for (module, imports) in &graph().imports {
        for import in imports {
            let allowed = walls[room(module)].iter().any(|it| {
                *it == room(import) || import == it || import.starts_with(&format!("{it}::"))
            });
            let writer = WITHOUT_WRITERS.contains(&room(module))
                && room(import) == "report"
                && !FINDING_MODEL
                    .iter()
                    .any(|it| import == it || import.starts_with("report::digest"));
            if room(module) != room(import) && (!allowed || writer) {
                wrong.push(format!("{module} imports {import}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_import_circle() {
    let circles: Vec<String> = graph()
        .circles()
        .into_iter()
        .map(|circle| circle.join(", "))
        .collect();
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}

#[test]
fn the_middle_does_not_touch_the_world() {
    for (module, code) in &graph().code {
        if !PURE.contains(&room(module)) {
            continue;
        }
        for part in WORLD
            .iter()
            .chain(&SDK)
            .chain(&["anyhow", "stdout", "stderr"])
        {
            assert!(!names(code, part), "{module} names {part}");
        }
    }
}

#[test]
fn only_source_aws_uses_the_sdk_and_only_cli_uses_anyhow() {
    for (module, code) in &graph().code {
        let in_source_aws = module == "source::aws" || module.starts_with("source::aws::");
        for part in SDK {
            assert!(in_source_aws || !names(code, part), "{module} uses the SDK");
        }
        let in_cli = room(module) == "cli";
        assert!(in_cli || !names(code, "anyhow"), "{module} uses anyhow");
    }
}

#[test]
fn a_forbidden_name_is_found_where_it_is_used() {
    assert!(names("use crate::rule::Rule;", "crate::rule"));
    assert!(!names("use crate::rules::ALL;", "crate::rule"));
    assert!(names("aws_sdk_ec2::Client", "aws_sdk_"));
    assert!(!names("let aws_managed = 1;", "aws_sdk_"));
}

#[test]
fn imports_are_followed_through_groups_reexports_and_inline_paths() {
    let modules = [
        ("a", "pub use one::{First, Second as Other};\nmod one;"),
        ("a::one", "use super::super::b::{c::Deep, self};"),
        (
            "b",
            "pub(crate) use c::Deep;\nfn f() { crate::a::First::new() }",
        ),
        ("b::c", "use std::fs;"),
    ];
    let modules = modules.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let graph = ImportGraph::of_modules(modules.into_iter().collect());
    let imports = |module: &str| graph.imports[module].iter().cloned().collect::<Vec<_>>();
    assert_eq!(imports("a"), [] as [String; 0]);
    assert_eq!(imports("a::one"), ["b", "b::c"]);
    assert_eq!(imports("b"), ["a::one"]);
    assert_eq!(graph.circles(), [["a::one".to_owned(), "b".to_owned()]]);
}
