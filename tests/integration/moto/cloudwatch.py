"""CloudWatch in CBOR, which moto does not speak: a request is forwarded in the query protocol.

botocore has both ends of both protocols, but only the client's half of CBOR: its writer takes any shape.
"""

from __future__ import annotations

import functools
import io
from typing import Any
from collections.abc import Callable
from urllib.parse import urlencode

import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize

import wire
from wire import Environ, Reply

CBOR = "smithy-rpc-v2-cbor"
HEADERS = [("Content-Type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")]


@functools.cache
def _service() -> Any:
    model = botocore.loaders.Loader().load_service_model("cloudwatch", "service-2")
    return botocore.model.ServiceModel(model, "cloudwatch")


def is_asked(environ: Environ) -> bool:
    return str(environ.get("HTTP_SMITHY_PROTOCOL", "")) == "rpc-v2-cbor"


def answer(environ: Environ, body: bytes, forward: Callable[[Environ, bytes], Reply]) -> Reply:
    operation = _service().operation_model(environ["PATH_INFO"].rpartition("/")[2])
    params = botocore.parsers.create_parser(CBOR).parse_data_item(io.BufferedReader(io.BytesIO(body)))
    # moto compares dimensions in the order in which it writes them.
    for query in params.get("MetricDataQueries", []):
        query["MetricStat"]["Metric"]["Dimensions"].sort(key=lambda it: it["Name"], reverse=True)
    request = botocore.serialize.create_serializer("query", False).serialize_to_request(params, operation)
    form = urlencode(request["body"]).encode()
    asked = {**environ, "PATH_INFO": "/", "REQUEST_URI": "/", "RAW_URI": "/"}
    asked["CONTENT_TYPE"] = "application/x-www-form-urlencoded; charset=utf-8"
    del asked["HTTP_SMITHY_PROTOCOL"]
    reply = forward(wire.with_body(asked, form), form)
    response = {"status_code": reply.status, "headers": dict(reply.headers), "body": reply.body}
    result = botocore.parsers.create_parser("query").parse(response, operation.output_shape)
    if reply.status != 200:
        shape = botocore.model.DenormalizedStructureBuilder().with_members(
            {"__type": {"type": "string"}, "message": {"type": "string"}}
        )
        error = {"__type": result["Error"]["Code"], "message": result["Error"]["Message"]}
        return Reply(reply.status, HEADERS, _write(error, shape.build_model()))
    result.pop("ResponseMetadata", None)
    return Reply(200, HEADERS, _write(result, operation.output_shape))


def _write(value: Any, shape: Any) -> bytes:
    written = bytearray()
    botocore.serialize.create_serializer(CBOR, False)._serialize_data_item(written, value, shape)
    return bytes(written)
