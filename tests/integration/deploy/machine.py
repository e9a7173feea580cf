"""Executes the state machine of `deploy/fleet.yaml` in moto's interpreter, with processes instead of containers.

Reads a JSON object from stdin: `program`, `folder` (an empty one), `template`, `snapshots` (a folder), `parameters`,
and `faults`, by shard: `{"killed": 1}` ends its first attempt after its first result, `{"lost": true}` ends all of
its attempts at once, `{"usage": true}` gives it an argument that does not exist. Prints the status, the output and
the error of the execution, and the tasks with their arguments, roles and exit codes.

A task has the arguments that the template gives it, but for these: the bucket is a folder, and the accounts are those
of the folder of snapshots, so that neither AWS nor a role is needed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

# Read by moto when it is imported.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"

import boto3  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

import interpreter  # noqa: E402
from template import Stack  # noqa: E402

BUCKET = "results"
TARGET = "AmazonEC2ContainerServiceV20141113."
ARN = "arn:aws:ecs:us-east-1:123456789012:"


class Containers:
    """Answers RunTask and DescribeTasks of ECS: a task is a process."""

    def __init__(self, app: Any, job: dict[str, Any]) -> None:
        self.app = app
        self.job = job
        self.bucket = Path(job["folder"]) / "bucket"
        # A bucket needs no folders; a folder does.
        for name in ("runs", "lake"):
            (self.bucket / name).mkdir(parents=True)
        self.temporary = Path(job["folder"]) / "tmp"
        self.temporary.mkdir()
        self.tasks: dict[str, dict[str, Any]] = {}
        self.ran: list[dict[str, Any]] = []
        self.after_list = lambda run: None

    def __call__(self, environ: dict[str, Any], start: Any) -> Any:
        operation = environ.get("HTTP_X_AMZ_TARGET", "")
        if not operation.startswith(TARGET):
            return self.app(environ, start)
        body = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
        if operation == TARGET + "RunTask":
            tasks = [self.start_task(body)]
        else:
            tasks = [self.tasks[arn] for arn in body["tasks"]]
        answer = json.dumps({"tasks": tasks, "failures": []}).encode()
        start("200 OK", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(answer)))])
        return [answer]

    def start_task(self, body: dict[str, Any]) -> dict[str, Any]:
        overrides = body["overrides"]
        [container] = overrides["containerOverrides"]
        arn = f"{ARN}task/cluster/{uuid.uuid4().hex}"
        task = {
            "taskArn": arn,
            "clusterArn": body["cluster"],
            "lastStatus": "RUNNING",
            "launchType": body["launchType"],
            "containers": [{"name": container["name"], "lastStatus": "RUNNING"}],
        }
        self.tasks[arn] = task
        ran = {"arguments": container["command"], "role": overrides["taskRoleArn"], "exit_code": None}
        self.ran.append(ran)
        threading.Thread(target=self.run_task, args=(task, ran), daemon=True).start()
        return task

    def run_task(self, task: dict[str, Any], ran: dict[str, Any]) -> None:
        arguments = self.translate(ran["arguments"])
        shard = arguments[arguments.index("--shard") + 1] if "--shard" in arguments else None
        fault = self.job["faults"].get(shard, {})
        if fault.get("usage"):
            arguments.append("--no-such-argument")
        # A task that is lost ends before its program has a result.
        command = ["sleep", "600"] if fault.get("lost") else [self.job["program"], *arguments]
        # As in the container: no home, and one folder that is writable.
        process = subprocess.Popen(
            command,
            env={"TMPDIR": str(self.temporary), "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if fault.get("lost"):
            process.kill()
        elif fault.get("killed", 0) > 0:
            fault["killed"] -= 1
            results = Path(arguments[arguments.index("--output") + 1]) / "accounts"
            before = self.count(results)
            while process.poll() is None and self.count(results) == before:
                time.sleep(0.001)
            process.kill()
        ran["output"] = process.communicate()[0]
        # A signal as a shell and a container runtime report it.
        code = process.returncode if process.returncode >= 0 else 128 - process.returncode
        ran["exit_code"] = code
        if shard:
            # The result of each account, with when it was written.
            results = Path(arguments[arguments.index("--output") + 1]) / "accounts"
            mine = {it for it in results.glob("[0-9]*")} if results.is_dir() else set()
            ran["results"] = {it.name: it.stat().st_mtime_ns for it in mine}
        if arguments[0] == "accounts" and code == 0:
            self.after_list(Path(arguments[arguments.index("--output") + 1]))
        task["containers"][0].update(exitCode=code, lastStatus="STOPPED")
        task.update(lastStatus="STOPPED", stopCode="EssentialContainerExited")

    @staticmethod
    def count(folder: Path) -> int:
        return len(list(folder.glob("[0-9]*"))) if folder.is_dir() else 0

    def translate(self, arguments: list[str]) -> list[str]:
        arguments = [it.replace(f"s3://{BUCKET}", str(self.bucket)) for it in arguments]
        for name, count in (("--org", 1), ("--role-name", 2)):
            if name in arguments:
                at = arguments.index(name)
                arguments[at : at + count] = ["--from", self.job["snapshots"]]
        return arguments


def main() -> None:
    job = json.load(sys.stdin)
    app = Containers(interpreter.create_app(), job)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    interpreter.set_port(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    access = {
        "endpoint_url": f"http://127.0.0.1:{server.server_port}",
        "region_name": "us-east-1",
        "aws_access_key_id": "test",
        "aws_secret_access_key": "test",
    }
    s3 = boto3.client("s3", **access)
    s3.create_bucket(Bucket=BUCKET)

    def upload_shards(run: Path) -> None:
        key = f"{run.relative_to(app.bucket)}/shards.json"
        s3.put_object(Bucket=BUCKET, Key=key, Body=(run / "shards.json").read_bytes())

    app.after_list = upload_shards
    stack = Stack(Path(job["template"]), job["parameters"], {"Results": BUCKET})
    machine = stack.properties("Fleet")
    states = boto3.client("stepfunctions", **access)
    arn = states.create_state_machine(
        name=machine["StateMachineName"],
        definition=machine["DefinitionString"],
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    execution = states.start_execution(stateMachineArn=arn, name="test", input="{}")["executionArn"]
    limit = time.monotonic() + 240
    while (found := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        if time.monotonic() > limit:
            break
        time.sleep(0.1)
    result = {name: found.get(name) for name in ("status", "output", "error", "cause")}
    result["output"] = json.loads(found.get("output") or "null")
    print(json.dumps({**result, "tasks": app.ran}), flush=True)
    # Not server.shutdown(): it would wait for connections that a client keeps open.
    os._exit(0)


if __name__ == "__main__":
    main()
