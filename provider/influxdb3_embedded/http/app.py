"""The HTTP application: checks who sends a request, finds the operation, renders errors (contract section 1).

The router is a dictionary instead of starlette's. The API compares method and path byte for byte, and answers 404 to
wrong methods, to ``HEAD`` and to a slash at the end.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from influxdb3_embedded.errors import ApiError, NotRouted
from influxdb3_embedded.http.access import Access
from influxdb3_embedded.http.answers import error_answer
from influxdb3_embedded.http.routes import requests
from influxdb3_embedded.http.routing import ROUTES

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.browsers import Browsers

_log = logging.getLogger(__name__)

_ANY = b"*"
_PIECE_BYTES = 1_048_576


class Application:
    """The engine as an ASGI application.

    Args:
        engine: Carries out the operations. The caller starts and stops it.
        browsers: Decides which web pages may call the engine.
    """

    def __init__(self, engine: EmbeddedEngine, browsers: Browsers) -> None:
        self._engine = engine
        self._browsers = browsers
        self._access = Access(engine.settings, engine.tokens)
        self._cluster = (b"cluster-uuid", engine.catalog.cluster_uuid.encode())
        self._routes = {(route.method, route.path.encode()): route for route in ROUTES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        assert scope["type"] == "http"
        request = Request(scope, receive)
        origin = None
        try:
            # before anything else: a page that may not call the engine learns nothing about it
            origin = self._browsers.admit(scope["headers"])
            response = await self._answer(request)
        except ApiError as error:
            response = error_answer(error)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the client gets an answer, the log gets the traceback
            _log.exception("request failed", extra={"fields": {"method": scope["method"], "path": scope["path"]}})
            response = error_answer(ApiError(500, f"internal error: {type(error).__name__}"))
        response.raw_headers.append(self._cluster)
        if origin is not None:
            _allow(response, origin, preflight=request.method == "OPTIONS")
        await response(scope, receive, _in_pieces(send))

    async def _answer(self, request: Request) -> Response:
        method, path = request.method, request.scope["raw_path"]
        if method == "OPTIONS":
            return Response(status_code=204)
        # before routing: without a token, an unknown path is 401, not 404
        self._access.check(request)
        route = self._routes.get((method, path))
        if route is None and path.startswith(requests.PREFIX):
            route = self._routes.get((method, requests.PREFIX + _ANY))
        if route is None:
            raise NotRouted
        try:
            content = await route.takes.read(request, self._engine.settings.max_http_request_size)
            return await route.handler(self._engine, request, content)
        except ApiError as error:
            if error.data is None:
                return route.error(error)
            # in a thread: there may be 100,000 refused lines
            return await asyncio.to_thread(route.error, error)


def _in_pieces(send: Send) -> Send:
    """Send a large body in pieces: no other request is answered while the body of a message is copied."""

    async def send_in_pieces(message: Message) -> None:
        body = message.get("body", b"")
        for start in range(0, len(body) - _PIECE_BYTES, _PIECE_BYTES):
            await send({"type": message["type"], "body": body[start : start + _PIECE_BYTES], "more_body": True})
        last = (len(body) - 1) // _PIECE_BYTES * _PIECE_BYTES if body else 0
        await send({**message, "body": body[last:]} if last else message)

    return send_in_pieces


def _allow(response: Response, origin: str, *, preflight: bool) -> None:
    """Let an allowed page read the answer, and let its browser send the request that a preflight asks about."""
    response.headers["access-control-allow-origin"] = origin
    response.headers.add_vary_header("origin")
    if preflight:
        response.headers["access-control-allow-methods"] = "*"
        # "*" does not include authorization
        response.headers["access-control-allow-headers"] = "*, authorization"
        response.headers["access-control-max-age"] = "86400"
