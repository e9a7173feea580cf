"""AWS requests and replies as data, for all protocols of the services.

Shapes, names and locations come from botocore's service models, which are AWS's own, so that
nothing about a wire format is written down a second time here. moto brings the server's half
(routing, request parsing, reply serializing), botocore the client's.
"""

from __future__ import annotations

import functools
import io
import json
import re
from dataclasses import dataclass, field
from typing import Any, Optional
from collections.abc import Callable
from urllib.parse import urlencode
from xml.sax.saxutils import escape

import botocore.loaders
import botocore.parsers
import botocore.serialize
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.core.serialize import get_serializer_class
from moto.core.utils import get_service_model
from moto.iam.models import get_account_id_from
from werkzeug.exceptions import NotFound

REQUEST_ID = "0a1b2c3d-4e5f-6789-abcd-ef0123456789"

# The name in the credential scope is the IAM prefix, but not always the folder in botocore.
MODEL_NAMES = {"elasticfilesystem": "efs", "monitoring": "cloudwatch", "tagging": "resourcegroupstaggingapi"}

# The root elements in the S3 documentation, which the Rust SDK requires. moto derives the
# root from the operation's name.
S3_ROOTS = {
    "GetBucketVersioning": "VersioningConfiguration",
    "ListBuckets": "ListAllMyBucketsResult",
}

Environ = dict[str, Any]
Params = dict[str, Any]


@dataclass
class Reply:
    status: int
    headers: list[tuple[str, str]]
    body: bytes


@dataclass
class Call:
    """One signed request: its caller, service, operation, region and parameters."""

    service: str
    region: str
    account: str
    operation: Any
    protocol: str
    params: Params
    environ: Environ = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.operation.name)

    def environ_with(self, params: Params) -> Environ:
        """The request with other parameters."""
        serializer = botocore.serialize.create_serializer(self.protocol, False)
        request = serializer.serialize_to_request(params, self.operation)
        body = request["body"]
        if isinstance(body, dict):  # the query protocols leave form encoding to the HTTP layer
            body = urlencode(body).encode()
        environ = dict(self.environ)
        query = urlencode(request["query_string"] or {})
        path = request["url_path"].partition("?")[0]
        environ["PATH_INFO"], environ["QUERY_STRING"] = path, query
        environ["REQUEST_URI"] = environ["RAW_URI"] = f"{path}?{query}"
        return with_body(environ, body)

    def read(self, reply: Reply) -> Params:
        parser = botocore.parsers.create_parser(self.protocol)
        headers = {name.lower(): value for name, value in reply.headers}
        response = {"status_code": reply.status, "headers": headers, "body": reply.body}
        result: Params = parser.parse(response, self.operation.output_shape)
        result.pop("ResponseMetadata", None)
        return result

    def reply(self, result: Params) -> Reply:
        serializer = get_serializer_class(self.operation.service_model.service_name, self.protocol)
        response = serializer(self.operation).serialize(result)
        body = response["body"]
        body = body.encode() if isinstance(body, str) else body
        headers = [*response["headers"].items(), ("x-amzn-RequestId", REQUEST_ID)]
        return self.rooted(Reply(response["status_code"], headers, body))

    def rooted(self, reply: Reply) -> Reply:
        root = S3_ROOTS.get(self.name) if self.service == "s3" else None
        if root and reply.status == 200:
            body = re.sub(rb"(</?)" + self.name.encode() + rb"\w*", rb"\1" + root.encode(), reply.body)
            reply = Reply(reply.status, reply.headers, body)
        return reply

    def error(self, code: str, message: str, status: int = 400) -> Reply:
        """An error in the protocol of the service."""
        tags = f"<Code>{code}</Code><Message>{escape(message)}</Message>"
        headers = [("Content-Type", "text/xml"), ("x-amzn-RequestId", REQUEST_ID)]
        if self.protocol in ("json", "rest-json"):
            body = json.dumps({"__type": code, "message": message, "Message": message})
            headers = [("Content-Type", f"application/x-amz-json-{self.json_version}")]
            if self.protocol == "rest-json":
                # https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html#operation-error-serialization
                body = json.dumps({"message": message})
                headers = [("Content-Type", "application/json"), ("x-amzn-errortype", code)]
        elif self.protocol == "ec2":
            errors = f"<Errors><Error>{tags}</Error></Errors>"
            body = f"<Response>{errors}<RequestID>{REQUEST_ID}</RequestID></Response>"
        elif self.protocol == "query":
            namespace = self.operation.service_model.metadata["xmlNamespace"]
            body = (
                f'<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type>{tags}</Error>'
                f"<RequestId>{REQUEST_ID}</RequestId></ErrorResponse>"
            )
        else:
            body = f"<Error>{tags}<RequestId>{REQUEST_ID}</RequestId><HostId>host</HostId></Error>"
        if self.environ["REQUEST_METHOD"] == "HEAD":  # HTTP allows no body, so the code is lost
            body = ""
        return Reply(status, headers, body.encode())

    @property
    def json_version(self) -> str:
        return str(self.operation.service_model.metadata.get("jsonVersion", "1.1"))


def with_body(environ: Environ, body: bytes) -> Environ:
    return {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


def parse(environ: Environ, body: bytes) -> Optional[Call]:
    """The call, or None if the request is not a signed AWS request."""
    authorization = environ.get("HTTP_AUTHORIZATION", "")
    scope = re.search(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request", authorization)
    if not scope:
        return None
    key, region, service = scope.groups()
    request = Request(with_body(environ, body))
    model = MODEL_NAMES.get(service, service)
    try:
        operation, path_params = get_service_router(model).match(request)
    except NotFound:
        return None
    protocol = determine_request_protocol(get_service_model(model), request.content_type)
    params = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": body,
            "url_path": request.path,
            "url_params": path_params,
        }
    )
    environ = with_body(environ, body)
    return Call(service, region, get_account_id_from(key), operation, protocol, params, environ)


@dataclass(frozen=True)
class Paging:
    """How one operation is paged, from botocore's paginator and the request's shape."""

    token_in: str
    token_out: str
    limit: Optional[str]  # CloudFormation chooses the page size
    more: Optional[str]
    items: str
    smallest: int
    largest: int
    default: int


# From the text of each API reference, not in the models: (smallest, largest, when not given).
PAGE_SIZES = {
    "ec2": (5, 1000, 1000),
    "rds": (20, 100, 100),
    "dynamodb": (1, 100, 100),
    "tagging": (1, 100, 50),
    "s3": (1, 10_000, 10_000),
    "elasticfilesystem": (1, 2**31, 100),
    "redshift": (20, 100, 100),
    "redshift-serverless": (1, 100, 100),
    "storagegateway": (1, 2**31, 100),
    "cloudformation": (1, 100, 100),
    "backup": (1, 1000, 1000),
    "iam": (1, 1000, 100),
}
# The error code for an invalid page size. The others: `InvalidParameterValue`.
PAGE_SIZE_ERRORS = {
    "dynamodb": "ValidationException",
    "tagging": "InvalidParameterException",
    "s3": "InvalidArgument",
    "elasticfilesystem": "BadRequest",
    "redshift-serverless": "ValidationException",
    "storagegateway": "InvalidGatewayRequestException",
    "backup": "InvalidParameterValueException",
    "iam": "ValidationError",
}


@functools.cache
def _paginators(model: str) -> Params:
    pagination: Params = botocore.loaders.Loader().load_service_model(model, "paginators-1")["pagination"]
    return pagination


def paging(call: Call) -> Optional[Paging]:
    if call.service not in PAGE_SIZES:
        return None
    config = _paginators(MODEL_NAMES.get(call.service, call.service)).get(call.name, {})
    if not isinstance(config.get("result_key"), str):
        return None
    smallest, largest, default = PAGE_SIZES[call.service]
    limit = config.get("limit_key")
    stated = call.operation.input_shape.members[limit].metadata if limit else {}
    largest = stated.get("max", largest)
    return Paging(
        config["input_token"],
        config["output_token"],
        limit,
        config.get("more_results"),
        config["result_key"],
        stated.get("min", smallest),
        largest,
        min(default, largest),
    )


def read_all(call: Call, page: Paging, forward: Callable[[Environ], Reply]) -> tuple[Reply, Params]:
    """The complete list from moto, over its pages if it has any. On an error, the reply."""
    params = {k: v for k, v in call.params.items() if k not in (page.token_in, page.limit)}
    if (
        page.limit and call.service != "s3"
    ):  # moto cuts ListBuckets at MaxBuckets and returns no token for the rest
        params[page.limit] = page.largest
    items: list[Any] = []
    while True:
        reply = forward(call.environ_with(params))
        if reply.status != 200:
            return reply, {}
        result = call.read(reply)
        items += result.get(page.items) or []
        token = result.pop(page.token_out, None)
        if not token:
            return reply, {**result, page.items: items}
        params[page.token_in] = token


def cut(call: Call, page: Paging, result: Params, rule_size: Optional[int]) -> Reply:
    """One page of the list, of the requested size or the smaller size of a rule."""
    asked = call.params.get(page.limit) if page.limit else None
    size = page.default if asked is None else int(asked)
    if not page.smallest <= size <= page.largest:
        code = PAGE_SIZE_ERRORS.get(call.service, "InvalidParameterValue")
        return call.error(code, f"{page.limit} {size} is not between {page.smallest} and {page.largest}")
    # EFS and Storage Gateway accept any number and return at most a hundred.
    size = min(size, rule_size or size, page.default if page.largest == 2**31 else size)
    items, token = result[page.items], call.params.get(page.token_in)
    by_name = call.name == "ListTables"  # its token is the last name of the page before
    if by_name:
        items = sorted(items)
        start = sum(name <= token for name in items) if token else 0
    else:
        start = int(token.rpartition("-")[2]) if token else 0
    rest = start + size < len(items)
    result = {**result, page.items: items[start : start + size]}
    if rest:
        result[page.token_out] = items[start + size - 1] if by_name else f"page-{start + size}"
    elif call.name == "GetResources":
        result[page.token_out] = ""  # AWS returns an empty token at the end
    if page.more:
        result[page.more] = rest
    return call.reply(result)
