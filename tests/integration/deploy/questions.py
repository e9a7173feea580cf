"""Runs the SQL of `deploy/lake` in DuckDB, in a folder that has a lake, and prints what it answers as JSON.

Arguments: the folder `deploy/lake`, and what to run: `duckdb`, `athena` or `security-lake`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import duckdb

# The types of Parquet files as Athena names them.
ATHENA_TYPES = {"VARCHAR": "string", "BIGINT": "bigint", "BOOLEAN": "boolean", "TIMESTAMP WITH TIME ZONE": "timestamp"}


def run_statements(text: str) -> list[Any]:
    """The rows of each statement that has any, or could have."""
    answers = []
    for statement in duckdb.extract_statements(text):
        rows = duckdb.execute(statement)
        if statement.type == duckdb.StatementType.SELECT:
            names = [it[0] for it in rows.description]
            answers.append([dict(zip(names, row)) for row in rows.fetchall()])
    return answers


def check_athena(folder: Path) -> dict[str, Any]:
    text = (folder / "athena.sql").read_text()
    declared = {}
    for table, columns, location in re.findall(r"CREATE EXTERNAL TABLE (\w+) \((.*?)\n\)\n.*?LOCATION '(.*?)'", text, re.S):
        declared[table] = {"columns": re.findall(r"`(\w+)` (\w+)", columns), "location": location}
        kind = "read_json_auto" if table == "runs" else "read_parquet"
        # Athena has the partition and the time of a run as texts.
        types = "{'date': 'VARCHAR'}"
        duckdb.execute(f"CREATE VIEW {table} AS SELECT * FROM {kind}('lake/{table}/*/*', hive_types = {types})")
        if table != "runs":
            found = duckdb.execute(f"DESCRIBE SELECT * EXCLUDE (date) FROM {table}").fetchall()
            declared[table]["found"] = [(name, ATHENA_TYPES[kind]) for name, kind, *_ in found]
    for view in re.findall(r"CREATE OR REPLACE VIEW .*?;", text, re.S):
        duckdb.execute(view)
    dashboard = json.loads((folder / "grafana.json").read_text())
    panels = {}
    for panel in dashboard["panels"]:
        [target] = panel["targets"]
        panels[panel["title"]] = run_statements(target["rawSQL"])[0]
    return {"tables": declared, "panels": panels}


def convert_findings(folder: Path) -> list[Any]:
    duckdb.execute((folder / "security-lake.sql").read_text())
    files = "read_parquet('security-lake/*/*/*/*.parquet', hive_types_autocast = false)"
    return run_statements(f"SELECT * FROM {files} ORDER BY metadata.uid")[0]


def main() -> None:
    folder, what = Path(sys.argv[1]), sys.argv[2]
    if what == "duckdb":
        answers: Any = run_statements((folder / "duckdb.sql").read_text())
    elif what == "athena":
        answers = check_athena(folder)
    else:
        answers = convert_findings(folder)
    print(json.dumps(answers, default=str))


if __name__ == "__main__":
    main()
