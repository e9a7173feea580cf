//! The GitHub Action: the arguments that it passes, and the release that it verifies.

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
fn yaml(text: &str) -> Value {
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

fn file(path: &str) -> Value {
    yaml(&fs::read_to_string(repository().join(path)).unwrap())
}

fn action() -> Value {
    file(".github/actions/backup-check/action.yml")
}

/// A step of the action.
fn step(id: &str) -> Value {
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
fn the_example_of_the_readme_matches_the_action() {
    let readme = fs::read_to_string(repository().join("README.md")).unwrap();
    let ci = readme.split("### GitHub\n").nth(1).unwrap();
    let example = ci.split("```yaml\n").nth(1).unwrap().split("```").next();
    let example = yaml(example.unwrap());
    let action = action();
    let steps = example["steps"].as_array().unwrap();
    let uses = |step: &&Value| {
        step["uses"]
            .as_str()
            .unwrap()
            .contains("/.github/actions/backup-check@v")
    };
    let step = steps.iter().find(uses).unwrap();
    assert!(keys(&step["with"]).is_subset(&keys(&action["inputs"])));
    let words = ci.split("### GitLab").next().unwrap();
    assert!(words.contains("steps.backup.outputs.verdict"));
    for output in [
        "exit-code",
        "failed",
        "warned",
        "unknown",
        "waived",
        "new",
        "fixed",
        "complete",
        "answer",
    ] {
        assert!(words.contains(&format!("`{output}`")));
        assert!(keys(&action["outputs"]).contains(output), "{output}");
    }
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

#[test]
fn archives_have_the_same_name_in_the_action_the_release_and_the_image() {
    let install = step("install");
    let script = install["run"].as_str().unwrap();
    let release = file(".github/workflows/release.yml");
    let built = release["jobs"]["build"]["strategy"]["matrix"]["include"].as_array();
    let built: BTreeSet<&str> = built
        .unwrap()
        .iter()
        .map(|it| it["target"].as_str().unwrap())
        .collect();
    let asked: BTreeSet<&str> = script
        .lines()
        .filter_map(|line| line.split("target=").nth(1)?.split(' ').next())
        .collect();
    assert_eq!(built, asked);
    assert!(script.contains(r#"archive="backup-check-$target.tar.gz""#));
    let image = release["jobs"]["image"].to_string();
    assert!(image.contains("unknown-linux-musl.tar.gz"));
}

#[cfg(target_os = "linux")]
mod in_bash {
    use std::collections::BTreeMap;
    use std::process::{Command, Stdio};

    use super::*;
    use crate::support::command::Run;

    /// Runs a script in the environment of a step.
    fn bash(folder: &Path, script: &str, env: &[(&str, &str)]) -> Run {
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

    fn program(folder: &Path, name: &str, script: &str) {
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

    /// Creates a release, and a `gh` that downloads it.
    fn release(folder: &Path) -> &'static str {
        let name = "backup-check-x86_64-unknown-linux-musl";
        let inside = folder.join("release").join(name);
        fs::create_dir_all(&inside).unwrap();
        let pack = format!(
            "set -e; cd release; printf '#!/bin/sh\\necho backup-check 1.2.3\\n' > {name}/backup-check; chmod +x {name}/backup-check; \
             tar -czf {name}.tar.gz {name}; sha256sum {name}.tar.gz > SHA256SUMS; echo 'junk  other.tar.gz' >> SHA256SUMS"
        );
        let packed = bash(folder, &pack, &[]);
        assert_eq!(packed.code, 0, "{}", packed.stderr);
        let source = folder.join("release");
        program(
            folder,
            "gh",
            &format!(
                "printf '%s ' \"$@\" > {0}/asked; cp {0}/*.tar.gz {0}/SHA256SUMS .",
                source.display()
            ),
        );
        name
    }

    fn install(folder: &Path, version: &str) -> Run {
        let step = step("install");
        let env = [
            ("VERSION", version),
            ("REPOSITORY", "o/r"),
            ("GH_TOKEN", "t"),
        ];
        bash(folder, step["run"].as_str().unwrap(), &env)
    }

    #[test]
    fn a_release_is_verified_before_it_runs() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let name = release(folder);
        let installed = install(folder, "v1.2.3");
        assert_eq!(installed.code, 0, "{installed:?}");
        assert!(installed.stdout.contains("backup-check 1.2.3"));
        let asked = fs::read_to_string(folder.join("release/asked")).unwrap();
        assert_eq!(
            asked,
            format!(
                "release download v1.2.3 --repo o/r --pattern {name}.tar.gz --pattern SHA256SUMS "
            )
        );
        let bin = format!("{}/backup-check/{name}", folder.display());
        assert_eq!(
            fs::read_to_string(folder.join("output")).unwrap(),
            format!("program={bin}/backup-check\n")
        );
        assert_eq!(
            fs::read_to_string(folder.join("path")).unwrap(),
            format!("{bin}\n")
        );
        install(folder, "latest");
        let asked = fs::read_to_string(folder.join("release/asked")).unwrap();
        assert!(asked.starts_with("release download --repo o/r "), "{asked}");
    }

    #[test]
    fn a_release_that_fails_verification_does_not_run() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let name = release(folder);
        let sums = folder.join("release/SHA256SUMS");
        let honest = fs::read_to_string(&sums).unwrap();
        for (sums_now, words) in [
            (
                format!("{}  {name}.tar.gz\n", "0".repeat(64)),
                "does not match SHA256SUMS",
            ),
            (honest.replace(name, "backup-check-other"), "does not list"),
            (String::new(), "does not list"),
        ] {
            fs::write(&sums, sums_now).unwrap();
            let refused = install(folder, "latest");
            assert_eq!(refused.code, 2, "{refused:?}");
            assert!(refused.stdout.contains(words), "{refused:?}");
            assert!(!refused.stdout.contains("backup-check 1.2.3"));
        }
        for version in [
            "",
            "1.2.3",
            "--help",
            "v1;touch owned",
            "v1 --repo evil/evil",
        ] {
            let refused = install(folder, version);
            assert_eq!(refused.code, 2, "{version}: {refused:?}");
            assert!(refused.stdout.contains("version must be"), "{refused:?}");
        }
        assert!(!folder.join("path").exists());
    }
}
