//! Workflow commands, parsed as the runner of GitHub Actions does, and the files of a step.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use backup_check::evaluate::Options;
use backup_check::model::place::Place;
use backup_check::report::markdown::LIMIT;
use backup_check::report::{Baseline, Comparison, StaleState, StaleWaiver};
use serde_json::json;

use super::markdown::many_keys;
use super::{hostile, render, report, snapshot};
use crate::support::command::{Run, backup_check, repository, run};

/// A command as the runner parses it: `::name key=value,key=value::data`.
#[derive(Debug)]
struct Command {
    level: String,
    properties: BTreeMap<String, String>,
    data: String,
}

/// Undoes the escapes in the order of the runner: the percent sign last.
fn unescape(text: &str, property: bool) -> String {
    let mut text = text.replace("%0D", "\r").replace("%0A", "\n");
    if property {
        text = text.replace("%3A", ":").replace("%2C", ",");
    }
    text.replace("%25", "%")
}

/// Returns the commands in a log by the rules of the runner's `ActionCommand`: the newer form at the
/// beginning of a line, otherwise the older form anywhere in it.
fn commands(log: &str) -> Vec<Command> {
    let mut commands = Vec::new();
    for line in log.split(['\n', '\r']) {
        let trimmed = line.trim_start();
        let Some(rest) = trimmed.strip_prefix("::") else {
            assert!(!line.contains("##["), "an unexpected command: {line}");
            assert!(
                line.is_empty() || line.starts_with("backup-check: "),
                "{line}"
            );
            continue;
        };
        let (head, data) = rest.split_once("::").expect("a command has an end");
        let (level, properties) = head.split_once(' ').expect("a command has properties");
        commands.push(Command {
            level: level.to_owned(),
            properties: properties
                .split(',')
                .map(|pair| {
                    let (name, value) = pair.split_once('=').expect("a property has a value");
                    (name.to_owned(), unescape(value, true))
                })
                .collect(),
            data: unescape(data, false),
        });
    }
    commands
}

fn of_level<'a>(commands: &'a [Command], level: &str) -> Vec<&'a Command> {
    commands.iter().filter(|it| it.level == level).collect()
}

#[test]
fn hostile_names_start_no_command() {
    let commands = commands(&render("github", &report(hostile(), &Options::default())));
    for command in &commands {
        assert!(["error", "warning", "notice"].contains(&command.level.as_str()));
        let names: Vec<&str> = command.properties.keys().map(String::as_str).collect();
        assert_eq!(names, ["file", "line", "title"], "{command:?}");
        assert_eq!(command.properties["file"], "backup-check.toml");
        assert_eq!(command.properties["line"], "1");
        assert!(command.data.chars().count() <= 4_096);
        assert!(!command.data.chars().any(|c| c.is_control() && c != '\n'));
    }
    let all: String = commands.iter().map(|it| it.data.as_str()).collect();
    assert!(all.contains("%0A::error::owned"), "{all}");
    assert!(!all.contains("\n::"), "{all}");
}

#[test]
fn a_name_that_looks_like_an_older_command_is_escaped() {
    let mut hostile = snapshot("mixed");
    for bucket in hostile["buckets"]["items"].as_array_mut().unwrap() {
        bucket["id"] = json!("##[error]owned");
    }
    hostile["account_id"] = json!("##[error]owned");
    let log = render("github", &report(hostile, &Options::default()));
    assert!(!log.contains("##["), "{log}");
    assert!(!commands(&log).is_empty());
}

#[test]
fn the_tenth_annotation_of_a_level_counts_the_rest() {
    let report = report(snapshot("mixed"), &Options::default());
    let commands = commands(&render("github", &report));
    let markdown = render("markdown", &report);
    let causes = |row: &str| markdown.lines().filter(|line| line.contains(row)).count();
    for (level, all) in [
        ("error", causes(" | fail | yes | ")),
        // One more is about incomplete lists.
        (
            "warning",
            causes(" | warn | yes | ") + causes(" | unknown | yes | ") + 1,
        ),
        (
            "notice",
            causes(" | fail | no | ") + causes(" | warn | no | ") + causes(" | unknown | no | "),
        ),
    ] {
        let shown = of_level(&commands, level);
        assert_eq!(shown.len(), 10, "{level}");
        assert!(all > 10, "{level}");
        let last = shown[9];
        assert_eq!(last.properties["title"], format!("and {} more", all - 9));
    }
    assert!(
        of_level(&commands, "warning")[0]
            .data
            .starts_with("Resources to be backed up may be missing")
    );
}

#[test]
fn many_causes_become_ten_errors() {
    let report = report(many_keys(500), &Options::default());
    let commands = commands(&render("github", &report));
    assert_eq!(of_level(&commands, "error").len(), 10);
    let all: String = commands.iter().map(|it| it.data.as_str()).collect();
    assert!(all.contains("491 similar causes"), "{all}");
}

#[test]
fn levels_depend_on_gating() {
    let mut account = snapshot("clean");
    let bucket = &mut account["buckets"]["items"][0];
    bucket["versioning"] = json!({"known": "Off"});
    bucket["tags"] = json!({"known": {"backup": "enabled"}});
    let versioning = |account| {
        let options = Options {
            only: ["s3-versioning-enabled"].into(),
            ..Options::default()
        };
        commands(&render("github", &report(account, &options)))
    };
    let tagged = versioning(account.clone());
    assert_eq!(tagged.len(), 1, "{tagged:?}");
    assert_eq!(tagged[0].level, "error");
    assert_eq!(
        tagged[0].properties["title"],
        "s3-versioning-enabled: 1 s3-bucket"
    );
    let bucket = &mut account["buckets"]["items"][0];
    bucket["tags"] = json!({"known": {}});
    let untagged = versioning(account.clone());
    assert_eq!(untagged[0].level, "notice", "{untagged:?}");
    let bucket = &mut account["buckets"]["items"][0];
    bucket["tags"] = json!({"known": {"backup": "enabled"}});
    bucket["versioning"] = json!({"unknown": {"kind": "denied", "operation": "s3:GetBucketVersioning", "code": "AccessDenied", "message": "no"}});
    let unknown = versioning(account);
    assert_eq!(unknown[0].level, "warning", "{unknown:?}");
}

#[test]
fn findings_point_at_their_location() {
    let mut report = report(snapshot("mixed"), &Options::default());
    for finding in &mut report.findings {
        finding.place = Some(Box::new(Place {
            file: "./stacks/a,b:c%0A.yaml".to_owned(),
            line: Some(12),
            column: Some(5),
            address: None,
            condition: None,
            loop_body: None,
            own_condition: None,
        }));
    }
    let commands = commands(&render("github", &report));
    let errors = of_level(&commands, "error");
    assert_eq!(errors[0].properties["file"], "stacks/a,b:c%0A.yaml");
    assert_eq!(errors[0].properties["line"], "12");
    assert_eq!(errors[0].properties["col"], "5");
    assert!(errors[0].data.contains("(./stacks/a,b:c%0A.yaml:12)"));
    let markdown = render("markdown", &report);
    assert!(markdown.contains(" · `./stacks/a,b:c%0A.yaml:12`\n"));
    for finding in &mut report.findings {
        if let Some(place) = &mut finding.place {
            (place.line, place.column) = (None, None);
        }
    }
    let commands = self::commands(&render("github", &report));
    assert_eq!(commands[0].properties["line"], "1");
}

#[test]
fn new_findings_come_first() {
    let mut report = report(snapshot("mixed"), &Options::default());
    report.comparison = Some(Comparison::default());
    let mut fresh = 0;
    for finding in &mut report.findings {
        if finding.status.is_trouble() {
            let new = finding.rule.id == "ec2-image-copyable" && finding.gating;
            fresh += usize::from(new);
            finding.baseline = Some(match new {
                true => Baseline::New,
                false => Baseline::Unchanged,
            });
        }
    }
    assert_eq!(fresh, 1);
    let commands = commands(&render("github", &report));
    assert_eq!(
        of_level(&commands, "error")[0].properties["title"],
        "ec2-image-copyable: 1 ec2-instance; 1 new"
    );
    let markdown = render("markdown", &report);
    assert!(markdown.contains("| 1 ec2-instance; 1 new |"));
}

#[test]
fn missing_data_that_does_not_gate_is_a_notice() {
    let mut report = report(snapshot("clean"), &Options::default());
    report.complete = false;
    let commands = commands(&render("github", &report));
    assert!(of_level(&commands, "warning").is_empty());
    let notices = of_level(&commands, "notice");
    assert_eq!(
        notices[0].properties["title"],
        "some data could not be read"
    );
}

#[test]
fn expired_waivers_warn_if_findings_count_again() {
    let mut report = report(snapshot("clean"), &Options::default());
    let mut waiver = StaleWaiver {
        state: StaleState::Unused,
        rule: "kms-key-shared".to_owned(),
        resource: "arn:aws:ec2:*".to_owned(),
        reason: String::new(),
        owner: "team".to_owned(),
        expires: "2026-01-31".to_owned(),
        line: 7,
        findings: 0,
    };
    report.stale_waivers = vec![waiver.clone()];
    let quiet = commands(&render("github", &report));
    let last = quiet.last().unwrap();
    assert_eq!(last.level, "notice");
    assert_eq!(
        last.data,
        "line 7: kms-key-shared on arn:aws:ec2:* is unused"
    );
    (waiver.state, waiver.findings) = (StaleState::Expired, 3);
    report.stale_waivers.push(waiver);
    let loud = commands(&render("github", &report));
    assert!(
        of_level(&loud, "warning")
            .iter()
            .any(|it| it.properties["title"].starts_with("2 waivers")),
        "{loud:?}"
    );
}

/// Runs the program in a folder as a step of GitHub Actions, with the files that the runner names.
fn step(folder: &Path, account: &Path, flags: &[&str]) -> Run {
    run(backup_check(folder)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", folder.join("summary"))
        .env("GITHUB_OUTPUT", folder.join("output"))
        .args(["scan", "--from"])
        .arg(account)
        .args(flags))
}

fn account(name: &str) -> std::path::PathBuf {
    repository().join(format!("fixtures/accounts/{name}.json"))
}

/// Parses the file of outputs as the runner does.
fn outputs(text: &str) -> BTreeMap<String, String> {
    let mut outputs = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some((name, delimiter)) = line.split_once("<<") {
            let value: Vec<&str> = lines.by_ref().take_while(|it| *it != delimiter).collect();
            outputs.insert(name.to_owned(), value.join("\n"));
        } else if !line.is_empty() {
            let (name, value) = line.split_once('=').expect("an output");
            outputs.insert(name.to_owned(), value.to_owned());
        }
    }
    outputs
}

#[test]
fn a_step_has_its_summary_and_outputs() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("summary"), "# Before").unwrap();
    fs::write(folder.path().join("output"), "earlier=1").unwrap();
    for (name, account_id, code, verdict, complete) in [
        ("mixed", "111122223333", 1, "not-ready", "false"),
        ("clean", "444455556666", 0, "ready", "true"),
        ("no-access", "777788889999", 3, "unknown", "false"),
    ] {
        let run = step(folder.path(), &account(name), &["--format", "github"]);
        assert_eq!(run.code, code, "{name}: {}", run.stderr);
        let read = outputs(&fs::read_to_string(folder.path().join("output")).unwrap());
        assert_eq!(read["earlier"], "1");
        assert_eq!(read["exit-code"], code.to_string());
        assert_eq!(read["verdict"], verdict);
        assert_eq!(read["complete"], complete);
        assert_eq!(read["failed"] == "0", code != 1);
        assert_eq!(read["waived"], "0");
        assert_eq!(read["account-id"], account_id);
        assert!(!read["answer"].is_empty());
    }
    let summary = fs::read_to_string(folder.path().join("summary")).unwrap();
    assert!(summary.starts_with("# Before\n\n## backup-check: "));
    assert_eq!(summary.matches("\n\n## backup-check: ").count(), 3);
}

#[test]
fn the_exit_code_in_the_outputs_is_that_of_the_program() {
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--format", "github=log", "--fail-on", "never"];
    let run = step(folder.path(), &account("mixed"), &flags);
    assert_eq!((run.code, run.stdout.as_str()), (0, ""));
    let read = outputs(&fs::read_to_string(folder.path().join("output")).unwrap());
    assert_eq!((&*read["exit-code"], &*read["verdict"]), ("0", "not-ready"));
}

#[test]
fn hostile_names_add_no_output() {
    let folder = tempfile::tempdir().unwrap();
    let mut hostile = hostile();
    hostile["account_id"] = json!("1\nbackup-check\nverdict=ready\nbackup-check-end");
    let file = folder.path().join("hostile.json");
    fs::write(&file, hostile.to_string()).unwrap();
    let run = step(folder.path(), &file, &["--format", "github"]);
    assert_eq!(run.code, 1, "{}", run.stderr);
    let read = outputs(&fs::read_to_string(folder.path().join("output")).unwrap());
    assert_eq!(read["verdict"], "not-ready");
    assert_eq!(
        read["account-id"],
        "1\nbackup-check\nverdict=ready\nbackup-check-end"
    );
    assert!(!commands(&run.stdout).is_empty());
}

#[test]
fn a_summary_never_exceeds_the_limit_of_github() {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary");
    for held in [LIMIT - 20_000, LIMIT - 500, LIMIT - 10, LIMIT, LIMIT + 5] {
        fs::write(&summary, "x".repeat(held)).unwrap();
        let run = step(folder.path(), &account("mixed"), &["--format", "github"]);
        assert_eq!(run.code, 1, "{}", run.stderr);
        let length = usize::try_from(fs::metadata(&summary).unwrap().len()).unwrap();
        assert!(length <= LIMIT.max(held), "{held}: {length}");
        assert_eq!(length > held, held < LIMIT - 100, "{held}: {length}");
    }
}

#[test]
fn files_are_written_only_for_the_github_format_in_a_step() {
    let folder = tempfile::tempdir().unwrap();
    let written = || fs::exists(folder.path().join("summary")).unwrap();
    // Another format is requested.
    step(folder.path(), &account("clean"), &["--format", "markdown"]);
    assert!(!written());
    // Not in GitHub Actions.
    let run = run(backup_check(folder.path())
        .env("GITHUB_STEP_SUMMARY", folder.path().join("summary"))
        .args(["scan", "--format", "github", "--from"])
        .arg(account("clean")));
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!written());
}

#[test]
fn files_that_cannot_be_written_are_named() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, path) in [
        ("GITHUB_STEP_SUMMARY", "no/such/folder"),
        ("GITHUB_OUTPUT", "no/such/folder"),
        #[cfg(target_os = "linux")]
        ("GITHUB_OUTPUT", "/dev/full"),
        #[cfg(target_os = "linux")]
        ("GITHUB_STEP_SUMMARY", "/dev/full"),
    ] {
        let run = run(backup_check(folder.path())
            .env("GITHUB_ACTIONS", "true")
            .env(variable, path)
            .args(["scan", "--format", "github", "--from"])
            .arg(account("clean")));
        assert_eq!(run.code, 2, "{variable} {path}: {}", run.stderr);
        assert!(
            run.stderr.contains(variable) && run.stderr.contains(path),
            "{}",
            run.stderr
        );
    }
}
