"""Serve moto behind the overlay on a free loopback port.

Prints one line of JSON, `{"port": N}`, when it is ready, and exits when stdin closes, so that a
test which crashed leaves no server behind.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading

# Read by moto when it is imported. Loading the default AMIs of every region costs seconds.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"
sys.dont_write_bytecode = True  # the sources are in a repository

import moto.iam.models  # noqa: E402
from moto.iam.aws_managed_policies import aws_managed_policies_data  # noqa: E402
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import make_server  # noqa: E402

from overlay import Overlay  # noqa: E402


def main() -> None:
    # Only the AWS managed policies for AWS Backup: loading all of them adds almost a second per account.
    policies = json.loads(aws_managed_policies_data).items()
    few = {name: policy for name, policy in policies if name.startswith("AWSBackup")}
    setattr(moto.iam.models, "aws_managed_policies_data", json.dumps(few))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    app = Overlay(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"port": server.server_port}), flush=True)
    sys.stdin.buffer.read()
    # Not server.shutdown(): it would wait for connections that a client keeps open.
    os._exit(0)


if __name__ == "__main__":
    main()
