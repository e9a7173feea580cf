"""Prints the statements of each role of `deploy/fleet.yaml` as JSON, with references resolved.

Argument: the folder `deploy`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lint import PARAMETERS
from template import Stack


def main() -> None:
    parameters = {**PARAMETERS, "RepositoryArn": "arn:aws:ecr:eu-central-1:123456789012:repository/backup-check"}
    stack = Stack(Path(sys.argv[1]) / "fleet.yaml", parameters, {"Results": "results"})
    roles = {}
    for name, resource in stack.template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            policies = stack.properties(name)["Policies"]
            roles[name] = [it for policy in policies for it in policy["PolicyDocument"]["Statement"]]
    print(json.dumps(roles))


if __name__ == "__main__":
    main()
