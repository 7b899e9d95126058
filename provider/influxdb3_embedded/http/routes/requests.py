"""The operation that runs a request trigger (contract 1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.http.requests.bodies import query_pairs
from influxdb3_embedded.runner import PluginFailed
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine

PREFIX = paths.engine("").encode()
"""The beginning of the path of each request trigger."""

_HEADERS_OF_SERVER = frozenset(
    {"cluster-uuid", "connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
)
"""Headers that a plugin cannot set: they belong to the connection or identify the server."""

_STATUSES_WITHOUT_BODY = frozenset({204, 304})


async def call(engine: EmbeddedEngine, request: Request, body: bytes) -> Response:
    """Run the plugin of the request trigger with this path, and answer with its result."""
    path = request.scope["raw_path"][len(PREFIX) :].decode("latin-1")
    # the last value of a repeated name counts
    query = dict(query_pairs(request.scope["query_string"]))
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in request.scope["headers"]
        if name != b"authorization"
    }
    try:
        answer = await engine.runner.call_request(path, query, headers, body)
    except PluginFailed as failure:
        raise ApiError(500, failure.text) from None
    if answer is None:
        raise ApiError(404, "not found")
    if answer.status < 200:
        # HTTP clients take a status below 200 for an interim answer, and would wait for the final one
        raise ApiError(500, "Processing engine error: request handler for trigger down")
    response = Response(b"" if answer.status in _STATUSES_WITHOUT_BODY else answer.body, answer.status)
    response.raw_headers = [
        *(
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers
            if name not in _HEADERS_OF_SERVER
        ),
        (b"content-length", str(len(response.body)).encode()),
    ]
    return response
