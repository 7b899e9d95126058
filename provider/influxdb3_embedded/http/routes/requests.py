"""The endpoint of request triggers (contract 1.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.http.answers import error_answer
from influxdb3_embedded.http.requests.bodies import query_pairs
from influxdb3_embedded.runner import PluginFailed
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import Engine

PREFIX = paths.engine("").encode()
"""What the path of every request trigger begins with."""

_OF_THE_SERVER = frozenset(
    {"cluster-uuid", "connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"}
)
"""Headers that a plugin cannot set: they describe the connection, or tell clients which server answers."""

_WITHOUT_BODY = frozenset({204, 304})


async def call(engine: Engine, request: Request, body: bytes) -> Response:
    """Run the plugin of the trigger on the path and answer what it returns."""
    path = request.scope["raw_path"][len(PREFIX) :].decode("latin-1")
    # of a repeated name, the last value counts
    query = dict(query_pairs(request.scope["query_string"]))
    headers = {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in request.scope["headers"]
        if name != b"authorization"
    }
    # errors are returned, not raised: they come from a handler, so that a browser may read them (contract 1.1)
    try:
        answer = await engine.runner.call_request(path, query, headers, body)
    except PluginFailed as failure:
        return error_answer(ApiError(500, failure.text))
    if answer is None:
        return error_answer(ApiError(404, "not found"))
    if answer.status < 200:
        # a final answer cannot be an interim one: the client would wait on
        return error_answer(ApiError(500, "Processing engine error: request handler for trigger down"))
    response = Response(b"" if answer.status in _WITHOUT_BODY else answer.body, answer.status)
    response.raw_headers = [
        *(
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in answer.headers
            if name not in _OF_THE_SERVER
        ),
        (b"content-length", str(len(response.body)).encode()),
    ]
    return response
