"""Prints what is wrong with the files of `deploy/`, one line each, and nothing if they are valid.

Arguments: the folder `deploy`, and a file to write the definition of the state machine to.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from template import Stack

PARAMETERS = {
    "Image": "image",
    "OrganizationId": "o-1234567890",
    "ListArguments": "--skip-ou,ou-ab12-11112222",
    "ScanArguments": "--external-id,secret",
    "Subnets": "subnet-1,subnet-2",
    "VpcId": "vpc-1",
}


def run_linter(name: str, *arguments: str) -> None:
    program = Path(sys.executable).parent / name
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        print(done.stdout + done.stderr)


def main() -> None:
    deploy, definition = map(Path, sys.argv[1:])
    run_linter("cfn-lint", str(deploy / "fleet.yaml"), str(deploy / "member-role.yaml"))
    # Fields that no Job has are errors, too. The policies per index are stable since 1.33.
    run_linter("kubernetes-validate", "--strict", "-k", "1.33", str(deploy / "kubernetes-job.yaml"))
    machine = Stack(deploy / "fleet.yaml", PARAMETERS, {"Results": "results"}).properties("Fleet")
    definition.write_text(machine["DefinitionString"])


if __name__ == "__main__":
    main()
