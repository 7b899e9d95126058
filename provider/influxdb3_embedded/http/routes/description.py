"""The endpoint that describes the API."""

from __future__ import annotations

import asyncio
from functools import cache
from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.http.answers import json_answer

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import Engine

PATH = "/openapi.json"
"""Where clients that generate themselves look for the description."""


async def openapi(engine: Engine, _request: Request, _nothing: None) -> Response:
    """Describe every operation as an OpenAPI 3.1 document; a token is needed as for any other."""
    return Response(
        await asyncio.to_thread(_document, tokens=not engine.settings.without_auth), media_type="application/json"
    )


@cache
def _document(*, tokens: bool) -> bytes:
    from influxdb3_embedded.http.openapi import document  # noqa: PLC0415 - it reads the table of routes, which has this one

    return bytes(json_answer(document(tokens=tokens)).body)
