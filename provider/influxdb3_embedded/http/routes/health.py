"""Operations that say whether the engine runs, and its version (contract 8.3)."""

from __future__ import annotations

import uuid
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.http.answers import json_answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine

HEALTH_V1 = "/api/v1/health"
"""The path that clients of InfluxDB 1 use."""

API_VERSION = "3.10.0"
"""The release of InfluxDB 3 that has this API."""

PRODUCT = "InfluxDB 3 Processing engine, embedded"
"""The name of the embedded engine, as opposed to a real server's."""

_BUILD = "Embedded"
_PROCESS_ID = str(uuid.uuid4())


async def health(_engine: EmbeddedEngine, _request: Request, _nothing: None) -> Response:
    """Answer OK if the engine runs."""
    return Response("OK", media_type="text/plain")


async def ping(_engine: EmbeddedEngine, _request: Request, _nothing: None) -> Response:
    """Return the name and the version of the product."""
    request_id = str(uuid.uuid4())
    body = {
        "product_name": PRODUCT,
        "version": API_VERSION,
        "revision": _revision(),
        "process_id": _PROCESS_ID,
    }
    answer = json_answer(body)
    answer.headers["x-influxdb-version"] = API_VERSION
    answer.headers["x-influxdb-build"] = _BUILD
    answer.headers["request-id"] = request_id
    answer.headers["x-request-id"] = request_id
    return answer


def _revision() -> str:
    try:
        return version("pulumi-influxdb3-engine")
    except PackageNotFoundError:
        return "source"
