//! The GitHub Action: its inputs, outputs and the arguments that it passes. Its installation is in `install`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use backup_check::evaluate::Options;
use backup_check::report::github;
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value, json};

use crate::formats::{report, snapshot};
use crate::support::command::{backup_check, repository, run};

/// Parses YAML without anchors to JSON; every scalar is a string.
pub fn yaml(text: &str) -> Value {
    fn value(events: &mut impl Iterator<Item = Event<'static>>) -> Option<Value> {
        Some(match events.next()? {
            Event::Scalar(text, ..) => json!(text),
            Event::SequenceStart(..) => {
                let mut items = Vec::new();
                while let Some(item) = value(events) {
                    items.push(item);
                }
                Value::Array(items)
            }
            Event::MappingStart(..) => {
                let mut fields = Map::new();
                while let Some(key) = value(events) {
                    let key = key.as_str().unwrap().to_owned();
                    assert!(!fields.contains_key(&key), "{key} is there twice");
                    fields.insert(key, value(events).unwrap());
                }
                Value::Object(fields)
            }
            Event::SequenceEnd | Event::MappingEnd => return None,
            _ => return value(events),
        })
    }
    let events: Vec<Event<'_>> = Parser::new_from_str(text)
        .map(|it| it.expect("the file is YAML").0)
        .collect();
    let owned: Vec<Event<'static>> = events.into_iter().map(owned).collect();
    value(&mut owned.into_iter()).expect("a document")
}

fn owned(event: Event<'_>) -> Event<'static> {
    match event {
        Event::Scalar(text, style, anchor, _) => {
            Event::Scalar(text.into_owned().into(), style, anchor, None)
        }
        Event::SequenceStart(anchor, _) => Event::SequenceStart(anchor, None),
        Event::MappingStart(anchor, _) => Event::MappingStart(anchor, None),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingEnd => Event::MappingEnd,
        _ => Event::Nothing,
    }
}

pub fn file(path: &str) -> Value {
    yaml(&fs::read_to_string(repository().join(path)).unwrap())
}

fn action() -> Value {
    file("action.yml")
}

/// A step of the action.
pub fn step(id: &str) -> Value {
    let action = action();
    let steps = action["runs"]["steps"].as_array().unwrap();
    steps.iter().find(|it| it["id"] == id).unwrap().clone()
}

/// Every script in the action and the workflows, with what it is called.
fn scripts() -> Vec<(String, Value)> {
    let mut scripts = Vec::new();
    let mut visit = |name: &str, steps: &Value| {
        for (at, step) in steps.as_array().unwrap().iter().enumerate() {
            if !step["run"].is_null() {
                scripts.push((format!("{name} {at}"), step.clone()));
            }
        }
    };
    visit("action", &action()["runs"]["steps"]);
    for name in ["ci", "release"] {
        let workflow = file(&format!(".github/workflows/{name}.yml"));
        for (job, of_job) in workflow["jobs"].as_object().unwrap() {
            visit(&format!("{name} {job}"), &of_job["steps"]);
        }
    }
    scripts
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn no_expression_is_part_of_a_script() {
    let scripts = scripts();
    assert!(scripts.len() > 8);
    for (name, step) in scripts {
        let script = step["run"].as_str().unwrap();
        assert!(!script.contains("${{"), "{name}: {script}");
    }
}

#[test]
fn every_input_is_used_and_every_output_is_written() {
    let action = action();
    let text = action["runs"].to_string();
    for input in keys(&action["inputs"]) {
        assert!(text.contains(&format!("inputs.{input}")), "{input}");
        assert!(action["inputs"][&input]["description"].is_string());
    }
    let written = github::outputs(&report(snapshot("clean"), &Options::default()), 0);
    let mut names: BTreeSet<String> = written
        .lines()
        .filter_map(|line| {
            let name = line.split(['=', '<']).next()?;
            (name.len() < line.len()).then(|| name.to_owned())
        })
        .collect();
    // The script of the step writes this output.
    names.insert("sarif-file".to_owned());
    assert_eq!(keys(&action["outputs"]), names);
    for (name, output) in action["outputs"].as_object().unwrap() {
        assert_eq!(
            output["value"],
            format!("${{{{ steps.scan.outputs.{name} }}}}")
        );
    }
}

#[test]
fn the_guide_uses_the_action_as_it_is() {
    let guide = fs::read_to_string(repository().join("docs/src/ci.md")).unwrap();
    let ci = guide.split("## GitHub Actions\n").nth(1).unwrap();
    let example = ci.split("```yaml\n").nth(1).unwrap().split("```").next();
    let example = yaml(example.unwrap());
    let action = action();
    let steps = example["steps"].as_array().unwrap();
    let uses = |step: &&Value| step["uses"].as_str().unwrap().ends_with("/backup-check@v1");
    let step = steps.iter().find(uses).unwrap();
    assert!(keys(&step["with"]).is_subset(&keys(&action["inputs"])));
    let words = ci.split("## GitLab").next().unwrap();
    assert!(words.contains("`steps.backup.outputs.verdict`"));
    for output in keys(&action["outputs"]) {
        assert!(
            output == "verdict" || words.contains(&format!("`{output}`")),
            "the guide does not name the output {output}"
        );
    }
}

#[test]
fn every_action_is_pinned_by_its_commit() {
    let mut count = 0;
    for path in [
        "action.yml",
        ".github/workflows/ci.yml",
        ".github/workflows/release.yml",
    ] {
        let text = fs::read_to_string(repository().join(path)).unwrap();
        for line in text.lines() {
            let Some((_, action)) = line.split_once("uses: ") else {
                continue;
            };
            let pin = action
                .split_once('@')
                .and_then(|(_, rest)| rest.split_once(" # v"));
            let is_pinned = pin.is_some_and(|(commit, version)| {
                commit.len() == 40
                    && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
                    && version.split('.').count() == 3
            });
            assert!(
                is_pinned,
                "{path}: {action} is not pinned to a commit with its version"
            );
            count += 1;
        }
    }
    assert!(count > 10, "only {count} actions were found");
}

#[test]
fn the_arguments_of_the_action_exist() {
    let folder = tempfile::tempdir().unwrap();
    let help = run(backup_check(folder.path()).args(["scan", "--help"])).stdout;
    let step = step("scan");
    let script = step["run"].as_str().unwrap();
    let flags: BTreeSet<&str> = script
        .split(|c: char| !(c.is_ascii_lowercase() || c == '-'))
        .filter(|word| word.starts_with("--") && word.len() > 3)
        .collect();
    assert!(flags.contains("--region") && flags.contains("--format"));
    for flag in flags {
        assert!(
            help.contains(&format!("{flag} ")) || help.contains(&format!("{flag}\n")),
            "{flag}"
        );
    }
}

#[cfg(target_os = "linux")]
pub mod in_bash {
    use std::collections::BTreeMap;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::support::command::Run;

    /// Runs a script in the environment of a step.
    pub fn bash(folder: &Path, script: &str, env: &[(&str, &str)]) -> Run {
        let file = folder.join("script.sh");
        fs::write(&file, script).unwrap();
        let path = std::env::var("PATH").unwrap();
        let path = format!("{}:{path}", folder.join("bin").display());
        run(Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail"])
            .arg(&file)
            .env_clear()
            .env("PATH", path)
            .env("HOME", folder)
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("RUNNER_TEMP", folder)
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_OUTPUT", folder.join("output"))
            .env("GITHUB_PATH", folder.join("path"))
            .env("GITHUB_STEP_SUMMARY", folder.join("summary"))
            .envs(env.iter().copied())
            .current_dir(folder)
            .stdin(Stdio::null()))
    }

    /// Creates a program in the path of the step.
    pub fn program(folder: &Path, name: &str, script: &str) {
        use std::os::unix::fs::PermissionsExt;
        let bin = folder.join("bin");
        fs::create_dir_all(&bin).unwrap();
        let file = bin.join(name);
        fs::write(&file, format!("#!/usr/bin/env bash\n{script}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs the scan step with some inputs; the others are empty.
    fn scan(folder: &Path, program: &Path, inputs: &[(&str, &str)]) -> Run {
        let step = step("scan");
        let mut env: BTreeMap<&str, &str> = step["env"]
            .as_object()
            .unwrap()
            .keys()
            .map(|name| (name.as_str(), ""))
            .collect();
        env.insert("PROGRAM", program.to_str().unwrap());
        env.extend(inputs.iter().copied());
        let env: Vec<(&str, &str)> = env.into_iter().collect();
        bash(folder, step["run"].as_str().unwrap(), &env)
    }

    #[test]
    fn every_script_is_valid_bash() {
        let folder = tempfile::tempdir().unwrap();
        for (name, step) in scripts() {
            let file = folder.path().join("script.sh");
            fs::write(&file, step["run"].as_str().unwrap()).unwrap();
            let read = run(Command::new("bash").arg("-n").arg(&file));
            assert_eq!((read.code, &*read.stderr), (0, ""), "{name}");
        }
    }

    #[test]
    fn inputs_become_arguments_unchanged() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        program(folder, "stub", r#"printf '<%s>\n' "$@""#);
        let stub = folder.join("bin/stub");
        let plain = scan(folder, &stub, &[]);
        assert_eq!(
            plain.stdout, "<scan>\n<--format=github>\n",
            "{}",
            plain.stderr
        );
        let all = scan(
            folder,
            &stub,
            &[
                ("FROM", "$(touch owned).json"),
                ("REGIONS", "eu-west-1, eu-central-1\n*"),
                ("SERVICES", "s3 ec2"),
                ("SCOPE", "tagged; touch owned"),
                ("PREFLIGHT", "true"),
                ("FAIL_ON", "new"),
                ("BASELINE", "`touch owned`"),
                ("CONFIG", "a b.toml"),
                ("FORMATS", "json=report.json html=report,1.html"),
                ("SARIF", "true"),
                (
                    "ARGUMENTS",
                    "--require-tag\r\n--resource=arn:aws:s3:::a b\n\n--org-id\no-1\"$HOME",
                ),
            ],
        );
        let sarif = format!("<--format=sarif={}/backup-check.sarif>", folder.display());
        let expected = [
            "<scan>",
            "<--format=github>",
            "<--region=eu-west-1>",
            "<--region=eu-central-1>",
            "<--region=*>",
            "<--service=s3>",
            "<--service=ec2>",
            "<--format=json=report.json>",
            "<--format=html=report,1.html>",
            "<--from=$(touch owned).json>",
            "<--scope=tagged; touch owned>",
            "<--preflight>",
            "<--fail-on=new>",
            "<--baseline=`touch owned`>",
            "<--config=a b.toml>",
            &sarif,
            "<--require-tag>",
            "<--resource=arn:aws:s3:::a b>",
            "<--org-id>",
            "<o-1\"$HOME>",
        ];
        let arguments: Vec<&str> = all.stdout.lines().collect();
        assert_eq!(arguments, expected, "{}", all.stderr);
        assert!(!folder.join("owned").exists());
    }

    #[test]
    fn the_scan_step_has_the_exit_code_of_the_program() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let built = Path::new(env!("CARGO_BIN_EXE_backup-check"));
        let mixed = repository().join("fixtures/accounts/mixed.json");
        let judged = scan(
            folder,
            built,
            &[
                ("FROM", mixed.to_str().unwrap()),
                ("REGIONS", "eu-central-1 eu-west-1"),
                ("FORMATS", "json=report.json markdown=report.md"),
            ],
        );
        assert_eq!(judged.code, 1, "{}", judged.stderr);
        assert!(judged.stdout.contains("::error title="));
        let outputs = fs::read_to_string(folder.join("output")).unwrap();
        assert!(outputs.contains("verdict=not-ready\n") && outputs.contains("exit-code=1\n"));
        assert!(!outputs.contains("sarif-file"));
        assert!(folder.join("report.json").exists() && folder.join("report.md").exists());
        let summary = fs::read_to_string(folder.join("summary")).unwrap();
        assert_eq!(
            summary,
            fs::read_to_string(folder.join("report.md")).unwrap()
        );
    }

    #[test]
    fn the_sarif_file_is_an_output_for_any_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        program(
            folder,
            "stub",
            r#"for it in "$@"; do case "$it" in --format=sarif=*) echo '{}' > "${it#--format=sarif=}" ;; esac; done; exit 3"#,
        );
        let ended = scan(folder, &folder.join("bin/stub"), &[("SARIF", "true")]);
        assert_eq!(ended.code, 3);
        let outputs = fs::read_to_string(folder.join("output")).unwrap();
        assert_eq!(
            outputs,
            format!("sarif-file={}/backup-check.sarif\n", folder.display())
        );
    }
}
