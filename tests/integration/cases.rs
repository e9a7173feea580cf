//! Whole inputs under `fixtures/cases` and what the program must report about them.
//!
//! `NAME.expected.json` is next to its input, `NAME.json` or `NAME.yaml`, and is written by hand from
//! the documentation in `source`. The program runs in the folder of the case.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::support::command::{Run, backup_check, repository, run};

const EXPECTED: &str = ".expected.json";

/// What must be reported about an input.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// The arguments. The input is inserted after the first, with `--from` unless it is `key-policy`.
    command: Vec<String>,
    /// What the case shows, in one sentence.
    why: String,
    /// The URL of the documentation that the expectation follows.
    source: String,
    /// The accepted exit codes; empty for any.
    #[serde(default)]
    exit: Vec<i32>,
    /// Each must be in the report.
    #[serde(default)]
    findings: Vec<Finding>,
    /// At least one must be in the report.
    #[serde(default)]
    findings_any: Vec<Finding>,
    /// Parts of the ARNs of resources that must be listed.
    #[serde(default)]
    resources: Vec<String>,
    /// Parts of the ARNs of resources that must not be listed.
    #[serde(default)]
    resources_not: Vec<String>,
    /// Services and the states that their coverage may have; at least one row must match.
    #[serde(default)]
    coverage: Vec<(String, Vec<String>)>,
    /// Whether the scan is complete.
    complete: Option<bool>,
    /// Whether an unknown finding may count for the exit code.
    #[serde(default)]
    no_gating_unknown: bool,
    /// Texts of the default report; alternatives are separated by `|`. Its whitespace is collapsed.
    #[serde(default)]
    table_all: Vec<String>,
    /// Texts of which the default report has at least one.
    #[serde(default)]
    table_any: Vec<String>,
    /// Texts that the default report does not have.
    #[serde(default)]
    table_not: Vec<String>,
    /// The verdict on a key policy, or on the gating findings.
    verdict: Option<String>,
    /// Whether the account itself can use the key.
    local_access: Option<String>,
}

/// A finding that must, or must not, be in the report.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Finding {
    rule: String,
    /// A part of the ARN.
    resource: String,
    /// The accepted statuses; empty for any.
    #[serde(default)]
    status: Vec<String>,
    /// Texts of message or fix, without regard to case; alternatives are separated by `|`.
    #[serde(default)]
    text: Vec<String>,
    /// Texts that neither message nor fix has.
    #[serde(default)]
    text_not: Vec<String>,
}

impl Finding {
    /// Returns what keeps a finding of the report from being the expected one; `None` if nothing does.
    fn find_difference(&self, found: &Value) -> Option<String> {
        let status = text_of(found, "status");
        let words = format!("{} | {}", text_of(found, "message"), text_of(found, "fix"));
        let lower = words.to_lowercase();
        if !self.status.is_empty() && !self.status.iter().any(|it| it == status) {
            return Some(format!("is {status}: {words}"));
        }
        if let Some(text) = self.text.iter().find(|it| !has_alternative(&lower, it)) {
            return Some(format!("does not say {text:?}: {words}"));
        }
        let mut unwanted = self.text_not.iter();
        let text = unwanted.find(|it| lower.contains(&it.to_lowercase()))?;
        Some(format!("says {text:?}: {words}"))
    }

    /// Returns why no finding of the report is the expected one; `None` if one is.
    fn check_report(&self, report: &Value) -> Option<String> {
        let name = format!("{} on {:?}", self.rule, self.resource);
        let mut differences = Vec::new();
        for found in list_of(report, "findings") {
            if text_of(found, "rule") == self.rule
                && text_of(found, "resource").contains(&self.resource)
            {
                differences.push(self.find_difference(found)?);
            }
        }
        if differences.is_empty() {
            return Some(format!("no {name}"));
        }
        let wanted = self.status.join(" or ");
        Some(format!(
            "{name}, expected {wanted}, {}",
            differences.join("; ")
        ))
    }
}

fn text_of<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn list_of<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn has_alternative(lower: &str, alternatives: &str) -> bool {
    let mut alternatives = alternatives.split('|');
    alternatives.any(|it| lower.contains(&it.to_lowercase()))
}

/// Returns the input of a case.
fn find_input(expected: &Path) -> PathBuf {
    let file = expected.to_str().expect("a fixture has a plain name");
    let stem = file.strip_suffix(EXPECTED).expect("it has this suffix");
    let mut candidates = [".json", ".yaml", ".yml"].map(|it| PathBuf::from(format!("{stem}{it}")));
    candidates.sort_by_key(|it| !it.is_file());
    let [input, ..] = candidates;
    assert!(input.is_file(), "{file} has no input");
    input
}

/// Whether a file is an account that commands of cases name.
fn is_account(file: &Path) -> bool {
    file.to_str()
        .is_some_and(|it| it.ends_with(".account.json"))
}

/// Returns every expected file, and the inputs that have none.
fn list_cases() -> (Vec<PathBuf>, Vec<PathBuf>) {
    let root = repository().join("fixtures/cases");
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in fs::read_dir(root).unwrap() {
        let entries = fs::read_dir(folder.unwrap().path()).unwrap();
        files.extend(entries.map(|it| it.unwrap().path()));
    }
    files.sort();
    let is_expected = |it: &PathBuf| it.to_str().is_some_and(|it| it.ends_with(EXPECTED));
    let (expected, inputs): (Vec<_>, Vec<_>) = files.into_iter().partition(is_expected);
    let used: Vec<_> = expected.iter().map(|it| find_input(it)).collect();
    let is_orphan = |it: &PathBuf| {
        it.is_file()
            && !used.contains(it)
            && it.extension().is_none_or(|it| it != "toml")
            && !is_account(it)
    };
    (expected, inputs.into_iter().filter(is_orphan).collect())
}

fn read_case(expected: &Path) -> Case {
    let text = fs::read_to_string(expected).unwrap();
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", expected.display()))
}

fn run_case(input: &Path, arguments: &[&str]) -> Run {
    let folder = input.parent().expect("a file is in a folder");
    let (first, rest) = arguments.split_first().expect("a case has a command");
    let mut command: Command = backup_check(folder);
    command.arg(first);
    if *first != "key-policy" {
        command.arg("--from");
    }
    command.arg(input.file_name().expect("it is a file"));
    run(command.args(rest))
}

impl Case {
    /// Returns how the JSON report differs from what is expected.
    fn check_report(&self, report: &Value) -> Vec<String> {
        let mut found = Vec::new();
        found.extend(
            self.findings
                .iter()
                .filter_map(|it| it.check_report(report)),
        );
        let any: Vec<_> = self
            .findings_any
            .iter()
            .map(|it| it.check_report(report))
            .collect();
        if !any.is_empty() && any.iter().all(Option::is_some) {
            found.push(any.into_iter().flatten().collect::<Vec<_>>().join(" and "));
        }
        let lists = |part: &String| {
            let mut resources = list_of(report, "resources").iter();
            resources.any(|it| text_of(it, "arn").contains(part))
        };
        found.extend(
            self.resources
                .iter()
                .filter(|it| !lists(it))
                .map(|it| format!("does not list {it}")),
        );
        found.extend(
            self.resources_not
                .iter()
                .filter(|it| lists(it))
                .map(|it| format!("lists {it}")),
        );
        for (service, states) in &self.coverage {
            let mut rows = list_of(report, "coverage").iter();
            if !rows.any(|it| {
                text_of(it, "service") == service
                    && states.iter().any(|state| text_of(it, "state") == state)
            }) {
                found.push(format!(
                    "no coverage of {service} is {}",
                    states.join(" or ")
                ));
            }
        }
        let complete = report["scan"]["complete"].as_bool();
        if self.complete.is_some() && self.complete != complete {
            found.push(format!("complete is {complete:?}"));
        }
        for (name, wanted) in [
            ("verdict", &self.verdict),
            ("local_access", &self.local_access),
        ] {
            if wanted
                .as_deref()
                .is_some_and(|it| it != text_of(report, name))
            {
                found.push(format!("{name} is {}", report[name]));
            }
        }
        let gates = |it: &&Value| text_of(it, "status") == "unknown" && it["gating"] == true;
        if let (true, Some(it)) = (
            self.no_gating_unknown,
            list_of(report, "findings").iter().find(gates),
        ) {
            found.push(format!("{} is unknown and gates", text_of(it, "rule")));
        }
        found
    }

    /// Returns how the default report differs from what is expected.
    fn check_table(&self, input: &Path) -> Vec<String> {
        if self.table_all.is_empty() && self.table_any.is_empty() && self.table_not.is_empty() {
            return Vec::new();
        }
        let of_json = ["--format", "json", "--show-skipped"];
        let arguments = self.command.iter().map(String::as_str);
        let arguments: Vec<_> = arguments.filter(|it| !of_json.contains(it)).collect();
        let run = run_case(input, &arguments);
        let words = format!("{} {}", run.stdout, run.stderr);
        let table = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let has = |text: &String| text.split('|').any(|it| table.contains(it));
        let mut found: Vec<_> = self.table_all.iter().filter(|it| !has(it)).collect();
        found.extend(
            self.table_any
                .iter()
                .filter(|_| !self.table_any.iter().any(has)),
        );
        let missing = found
            .into_iter()
            .map(|it| format!("the table does not say {it:?}: {table}"));
        let unwanted = self.table_not.iter().filter(|it| has(it));
        missing
            .chain(unwanted.map(|it| format!("the table says {it:?}: {table}")))
            .collect()
    }

    /// Returns how the program's reports differ from what is expected.
    fn check(&self, input: &Path) -> Vec<String> {
        let arguments: Vec<_> = self.command.iter().map(String::as_str).collect();
        let run = run_case(input, &arguments);
        let mut found = Vec::new();
        if !self.exit.is_empty() && !self.exit.contains(&run.code) {
            found.push(format!(
                "exit {}, expected {:?}: {}",
                run.code, self.exit, run.stderr
            ));
        }
        let report = serde_json::from_str(&run.stdout).unwrap_or(Value::Null);
        // An input that cannot be read has none.
        if report.is_null() && run.code != 2 {
            found.push(format!("no JSON report: {}", run.stderr));
        }
        found.extend(self.check_report(&report));
        found.extend(self.check_table(input));
        found
    }
}

#[test]
fn every_case_is_reported_as_expected() {
    let (expected, _) = list_cases();
    let mut differences = Vec::new();
    for file in &expected {
        let found = read_case(file).check(&find_input(file));
        let name = file
            .strip_prefix(repository())
            .unwrap()
            .display()
            .to_string();
        differences.extend(found.into_iter().map(|it| format!("{name}: {it}")));
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

#[test]
fn every_case_has_a_command_a_reason_and_a_source() {
    let (expected, orphans) = list_cases();
    assert!(orphans.is_empty(), "inputs without {EXPECTED}: {orphans:?}");
    for file in &expected {
        let name = file.display();
        let case = read_case(file);
        assert!(!case.command.is_empty(), "{name} has no command");
        assert!(case.why.ends_with('.'), "{name}: why is not a sentence");
        assert!(case.source.contains("https://"), "{name} has no source");
        let checks = !case.exit.is_empty()
            || !case.findings.is_empty()
            || !case.findings_any.is_empty()
            || !case.table_all.is_empty()
            || !case.table_not.is_empty()
            || case.verdict.is_some();
        assert!(checks, "{name} expects nothing");
    }
}
