"""Endpoints that say whether and what is running (contract 8.3)."""

from __future__ import annotations

import uuid
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.http.answers import json_answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import Engine

HEALTH_V1 = "/api/v1/health"
"""Where InfluxDB 1 clients ask for health."""

API_VERSION = "3.10.0"
"""The release of InfluxDB 3 whose API is served."""

_BUILD = "Embedded"
_PROCESS_ID = str(uuid.uuid4())


async def health(_engine: Engine, _request: Request, _nothing: None) -> Response:
    """Say that the engine is there: it listens only once it has started."""
    return Response("OK", media_type="text/plain")


async def ping(_engine: Engine, _request: Request, _nothing: None) -> Response:
    """Say which release of which product this is."""
    request_id = str(uuid.uuid4())
    body = {
        "product_name": "InfluxDB 3 Processing engine, embedded",
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
