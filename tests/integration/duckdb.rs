//! The SQL queries of the guide, run by DuckDB, which the tests install from PyPI.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::docs::pages::Page;
use crate::docs::queries::write_files;
use crate::support::command::{repository, run};
use crate::support::python::install_python;

/// Runs a query and prints its rows, separated by tabs.
const PROGRAM: &str = "import duckdb, sys\nfor row in duckdb.sql(sys.argv[1]).fetchall():\n    print(*row, sep='\\t')\n";

#[test]
fn every_sql_query_of_the_guide_has_an_answer() {
    let python = install_python("duckdb");
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
