"""The endpoint that describes the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_embedded.answers import json_answer

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from influxdb3_embedded.engine import Engine

PATH = "/openapi.json"
"""Where clients that generate themselves look for the description."""


async def openapi(engine: Engine, _request: Request, _nothing: None) -> Response:
    """Describe every operation as an OpenAPI 3.1 document; a token is needed as for any other."""
    from influxdb3_embedded.openapi import document  # noqa: PLC0415 - it reads the table of routes, which has this one

    return json_answer(document(tokens=not engine.settings.without_auth))
