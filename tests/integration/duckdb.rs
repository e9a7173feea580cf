//! The SQL queries of the guide, run by DuckDB, which the tests install from PyPI.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::docs::pages::Page;
use crate::docs::queries::write_files;
use crate::support::command::{repository, run};

/// Runs a query and prints its rows, separated by tabs.
const PROGRAM: &str = "import duckdb, sys\nfor row in duckdb.sql(sys.argv[1]).fetchall():\n    print(*row, sep='\\t')\n";

/// Returns a Python with DuckDB. It is installed once per version.
fn install_python() -> PathBuf {
    let requirements = repository().join("tests/integration/duckdb/requirements.txt");
    let pinned = fs::read_to_string(&requirements).unwrap();
    let version = pinned
        .lines()
        .find_map(|line| line.strip_prefix("duckdb=="))
        .unwrap();
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("duckdb-{version}"));
    // If two test runs start at once, the second finds what the first installed.
    let lock = File::create(venv.with_extension("lock")).unwrap();
    lock.lock().unwrap();
    let python = venv.join("bin/python");
    let done = venv.join("installed");
    if !done.exists() {
        for command in [
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&venv),
            Command::new(&python)
                .args([
                    "-m",
                    "pip",
                    "install",
                    "--quiet",
                    "--no-deps",
                    "--requirement",
                ])
                .arg(&requirements),
        ] {
            let status = command.stdout(Stdio::null()).status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "the queries of the guide need python3 with venv, and duckdb from PyPI: {command:?}"
            );
        }
        fs::write(done, "").unwrap();
    }
    python
}

#[test]
fn every_sql_query_of_the_guide_has_an_answer() {
    let python = install_python();
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_backup-check"));
    let setup = write_files()
        .replace("backup-check", &program.display().to_string())
        .replace(
            "fixtures/",
            &format!("{}/fixtures/", repository().display()),
        );
    let written = run(Command::new("bash")
        .args(["-c", &setup])
        .current_dir(folder.path()));
    assert_eq!(written.code, 0, "{}", written.stderr);
    let queries = Page::read("docs/src/dashboards.md").code_blocks("sql");
    assert_eq!(queries.len(), 6);
    let mut answers = Vec::new();
    for query in &queries {
        let answer = run(Command::new(&python)
            .args(["-c", PROGRAM, &query.text])
            .current_dir(folder.path()));
        assert_eq!(answer.code, 0, "{}\n{}", query.text, answer.stderr);
        assert!(!answer.stdout.is_empty(), "{}", query.text);
        answers.push(answer.stdout);
    }
    // The metrics count what the report has.
    let report = fs::read_to_string(folder.path().join("report.json")).unwrap();
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    for line in answers.last().unwrap().lines() {
        let (verdict, count) = line.split_once('\t').unwrap();
        let expected = &report["summary"]["resources"][verdict];
        assert_eq!(expected.to_string(), count, "{verdict}");
    }
}
