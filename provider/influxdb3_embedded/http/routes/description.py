"""The operation that describes the API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from influxdb3_embedded.http.answers import json_answer
from influxdb3_embedded.http.openapi import document

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.route import Route

PATH = "/openapi.json"
"""The usual path of an OpenAPI document."""


def describing(
    routes: Callable[[], Iterable[Route[Any]]],
) -> Callable[[EmbeddedEngine, Request, None], Awaitable[Response]]:
    """Make the operation.

    Args:
        routes: Returns all operations, also this one.
    """
    documents: dict[bool, asyncio.Task[bytes]] = {}

    def make_document(*, tokens: bool) -> bytes:
        return bytes(json_answer(document(routes(), tokens=tokens)).body)

    async def openapi(engine: EmbeddedEngine, _request: Request, _nothing: None) -> Response:
        """Describe all operations in an OpenAPI 3.1 document."""
        tokens = not engine.settings.without_auth
        if tokens not in documents:
            # made once, in a thread: it takes about 100 ms
            documents[tokens] = asyncio.create_task(asyncio.to_thread(make_document, tokens=tokens))
        return Response(await asyncio.shield(documents[tokens]), media_type="application/json")

    return openapi
