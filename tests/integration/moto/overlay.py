"""A layer between a client and moto: records, rules, and fixes for features that moto lacks.

Control paths (JSON in, JSON out; nothing here is signed):

    GET  /__overlay__/operations        [{"account", "service", "region", "operation", "count"}]
    POST /__overlay__/reset             forget the recorded operations
    POST /__overlay__/rules             replace all rules by this list
    POST /__overlay__/overrides         add facts that moto cannot express
    POST /__overlay__/facts             add resources of services that moto lacks

A rule is an effect and what it applies to. `account`, `region`, `service` and `operation` narrow
it, all optional; `service` is the signing name (`tagging`, not `resourcegroupstaggingapi`):

    {"operation": "GetKeyPolicy", "deny": true}
    {"operation": "DescribeVolumes", "region": "eu-west-3", "throttle": 3}    the first three
    {"service": "ec2", "page_size": 2}              no page is longer, whatever was asked for
    {"region": "eu-west-3", "kill": true}           the connection is cut; 503: that status
    {"region": "eu-west-3", "disabled": true}       not enabled; or an error code for EC2
    {"bucket_region": false}                        ListBuckets without BucketRegion

An override sets members on every part of a reply that matches, before paging:

    {"account": "111122223333", "operation": "DescribeInstances",
     "match": {"InstanceId": "i-0ab"}, "set": {"ProductCodes": [...]}}

A fact is members as the API model names them, and tags where the API has them elsewhere. An empty
`region` stands for all of them. Which kinds there are is in the module that answers with them:

    {"account": "111122223333", "region": "eu-west-1", "kind": "namespace",
     "items": [{"namespaceArn": "arn:...", "tags": {"backup": "enabled"}, ...}]}

Calls with `SEEDING` in their user agent go to moto as they are: neither recorded nor ruled.
"""

from __future__ import annotations

import copy
import json
import socket
import threading
from collections import Counter
from http import HTTPStatus
from typing import Any, Optional
from collections.abc import Callable, Iterable, Iterator

import backup
import changes
import cloudformation
import cloudwatch
import fixes
import organizations
import redshift
import storagegateway
import tagging
import wire
from facts import SEEDING, Facts
from wire import Call, Environ, Params, Reply

# Each adds to the fixes when it is imported.
SERVICES = (backup, changes, cloudformation, organizations, redshift, storagegateway, tagging)

CONTROL = "/__overlay__/"

# Codes and statuses as the services send them. JSON services that are not listed use the default.
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/CommonErrors.html
DENIED = {
    "ec2": ("UnauthorizedOperation", 403),
    "s3": ("AccessDenied", 403),
    "rds": ("AccessDenied", 403),
    "sts": ("AccessDenied", 403),
    "iam": ("AccessDenied", 403),
    "redshift": ("AccessDenied", 403),
    "cloudformation": ("AccessDenied", 403),
    "backup": ("AccessDeniedException", 403),
    "elasticfilesystem": ("AccessDeniedException", 403),
}
THROTTLED = {
    "ec2": ("RequestLimitExceeded", 503),
    "s3": ("SlowDown", 503),
    "rds": ("Throttling", 400),
    "sts": ("Throttling", 400),
    "iam": ("Throttling", 400),
    "redshift": ("Throttling", 400),
    "cloudformation": ("Throttling", 400),
    "organizations": ("TooManyRequestsException", 400),
    "tagging": ("ThrottledException", 400),
}
DISABLED = {
    "ec2": ("AuthFailure", 401),
    "s3": ("InvalidToken", 400),
    "rds": ("InvalidClientTokenId", 403),
    "sts": ("InvalidClientTokenId", 403),
    "iam": ("InvalidClientTokenId", 403),
    "redshift": ("InvalidClientTokenId", 403),
    "cloudformation": ("InvalidClientTokenId", 403),
    "backup": ("UnrecognizedClientException", 403),
    "elasticfilesystem": ("UnrecognizedClientException", 403),
}


class Overlay:
    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        # One request at a time: moto creates keys while it handles a request, and its dicts are not thread-safe.
        self.lock = threading.RLock()
        self.operations: Counter[tuple[str, str, str, str]] = Counter()
        self.rules: list[Params] = []
        self.overrides: list[Params] = []
        self.facts = Facts()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["PATH_INFO"].startswith(CONTROL):
            reply = self.control(environ, body)
        else:
            reply = self.answer(environ, body)
        headers = [(k, v) for k, v in reply.headers if k.lower() not in ("content-length", "connection")]
        headers.append(("Content-Length", str(len(reply.body))))
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [reply.body]

    def control(self, environ: Environ, body: bytes) -> Reply:
        what = environ["PATH_INFO"][len(CONTROL) :]
        given: Any = json.loads(body) if body else None
        answer: Any = {}
        with self.lock:
            if what == "operations":
                names = ("account", "service", "region", "operation")
                answer = [
                    {**dict(zip(names, key, strict=True)), "count": n}
                    for key, n in sorted(self.operations.items())
                ]
            elif what == "reset":
                self.operations.clear()
            elif what == "rules":
                self.rules = given
            elif what == "overrides":
                self.overrides += given
            elif what == "facts":
                self.facts.add(given)
            else:
                return Reply(404, [], b"no such control path")
        return Reply(200, [("Content-Type", "application/json")], json.dumps(answer).encode())

    def answer(self, environ: Environ, body: bytes) -> Reply:
        if cloudwatch.is_asked(environ):
            return cloudwatch.answer(environ, body, self.answer)
        call = wire.parse(environ, body)
        if SEEDING in environ.get("HTTP_USER_AGENT", ""):
            return self.forward(wire.with_body(environ, body))
        if call is None:  # no operation of the service's model: it is recorded too
            asked = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
            with self.lock:
                self.operations["?", "?", "?", asked] += 1
            return self.forward(wire.with_body(environ, body))
        with self.lock:
            self.operations[call.account, call.service, call.region, call.name] += 1
            return self.effect(call) or self.instead(call) or self.patched(call)

    def instead(self, call: Call) -> Optional[Reply]:
        answer = fixes.instead(call, self.facts)
        if not isinstance(answer, dict):
            return answer
        # A copy: an override changes the reply, not the facts.
        return self.finished(call, wire.paging(call), copy.deepcopy(answer))

    def patched(self, call: Call) -> Reply:
        page = wire.paging(call)
        if page:
            reply, result = wire.read_all(call, page, self.forward)
        else:
            reply = self.forward(call.environ_with(call.params) if fixes.completes(call) else call.environ)
            result = {}
        if reply.status >= 400:
            instead = fixes.after_error(call, reply)
            return call.reply(instead) if instead else reply
        if call.environ["REQUEST_METHOD"] == "HEAD" or not (page or fixes.patches(call)):
            return call.rooted(reply)
        if not page:
            result = call.read(reply)
        fixes.patch(call, result)
        return self.finished(call, page, result)

    def finished(self, call: Call, page: Optional[wire.Paging], result: Params) -> Reply:
        self.apply_settings(call, result)
        return wire.cut(call, page, result, self.page_size(call)) if page else call.reply(result)

    def forward(self, environ: Environ) -> Reply:
        started: list[Any] = []
        with self.lock:
            chunks = self.app(environ, lambda status, headers, exc=None: started.append((status, headers)))
            body = b"".join(chunks)
        status, headers = started[-1]
        return Reply(int(status.split()[0]), list(headers), body)

    def matching(self, call: Call, effect: str) -> Iterator[Params]:
        asked = {
            "account": call.account,
            "region": call.region,
            "service": call.service,
            "operation": call.name,
        }
        for rule in self.rules:
            if effect in rule and all(rule.get(key, value) == value for key, value in asked.items()):
                yield rule

    def effect(self, call: Call) -> Optional[Reply]:
        """The reply of a rule that replaces moto's."""
        for rule in self.matching(call, "kill"):
            if rule["kill"] is True:
                call.environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
                raise ConnectionAbortedError("cut by a rule")
            return call.error("ServiceUnavailable", "The service is unavailable.", int(rule["kill"]))
        for rule in self.matching(call, "disabled"):
            code, status = DISABLED.get(call.service, ("UnrecognizedClientException", 400))
            if call.service == "ec2" and rule["disabled"] is not True:
                code = rule["disabled"]
            message = "The security token included in the request is invalid."
            if call.service == "ec2":
                message = "AWS was not able to validate the provided access credentials"
            return call.error(code, message, status)
        for _ in self.matching(call, "deny"):
            code, status = DENIED.get(call.service, ("AccessDeniedException", 400))
            who = f"arn:aws:sts::{call.account}:assumed-role/scan/test"
            reply = call.error(
                code, f"User: {who} is not authorized to perform: {call.service}:{call.name}", status
            )
            return fixes.with_bucket_region(call, reply)
        for rule in self.matching(call, "throttle"):
            if rule["throttle"] > 0:
                rule["throttle"] -= 1
                code, status = THROTTLED.get(call.service, ("ThrottlingException", 400))
                return call.error(code, "Rate exceeded", status)
        return None

    def page_size(self, call: Call) -> Optional[int]:
        return min((rule["page_size"] for rule in self.matching(call, "page_size")), default=None)

    def apply_settings(self, call: Call, result: Params) -> None:
        """Rules and overrides that change a reply instead of replacing it."""
        if call.name == "DescribeRegions":
            disabled = {rule["region"] for rule in self.rules if rule.get("disabled")}
            fixes.region_status(call, result, disabled)
        if call.name == "ListBuckets" and any(
            not r["bucket_region"] for r in self.matching(call, "bucket_region")
        ):
            for bucket in result["Buckets"]:
                bucket.pop("BucketRegion", None)
        for override in self.overrides:
            if override["operation"] == call.name and override["account"] == call.account:
                for part in parts(result):
                    if all(part.get(key) == value for key, value in override["match"].items()):
                        part.update(override["set"])


def parts(value: Any) -> Iterator[Params]:
    """Every structure inside a reply."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from parts(inner)
