"""The HTTP application: finds the operation, checks who calls it, renders its errors (contract section 1).

Routing is a dictionary, not starlette's: the API matches method and path exactly, byte for byte, and answers 404 to
wrong methods, to ``HEAD`` and to trailing slashes, all of which starlette's router is made to avoid.
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
    from starlette.types import Receive, Scope, Send

    from influxdb3_embedded.engine import Engine
    from influxdb3_embedded.http.browsers import Browsers

_log = logging.getLogger(__name__)

_ANY = b"*"
_CORS = (b"access-control-allow-origin", b"*")
"""As the real server has it; a browser looks at it only where it has sent an ``Origin``, which gets its own answer."""

_PREFLIGHT = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "*",
    "access-control-allow-headers": "*",
    "access-control-max-age": "86400",
}


class Application:
    """The engine as an ASGI application.

    Args:
        engine: What carries out the operations; started and stopped by the caller.
        browsers: Which web pages may call it.
    """

    def __init__(self, engine: Engine, browsers: Browsers) -> None:
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
            # first of all: nothing is read, run or told for a page that may not call
            origin = self._browsers.admit(scope["headers"])
            response = await self._answer(request)
        except ApiError as error:
            response = error_answer(error)
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and the client gets an answer
            _log.exception("request failed", extra={"fields": {"method": scope["method"], "path": scope["path"]}})
            response = error_answer(ApiError(500, f"internal error: {type(error).__name__}"))
        response.raw_headers.append(self._cluster)
        if origin is not None:
            _allow(response, origin)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method, path = request.method, request.scope["raw_path"]
        if method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        # before routing: without a token, an unknown path is 401, not 404
        self._access.check(request)
        route = self._routes.get((method, path))
        if route is None and path.startswith(requests.PREFIX):
            route = self._routes.get((method, requests.PREFIX + _ANY))
        if route is None:
            raise NotRouted
        try:
            content = await route.takes.read(request, self._engine.settings.max_http_request_size)
            response = await route.endpoint(self._engine, request, content)
        except ApiError as error:
            if error.data is None:
                return route.error(error)
            # the lines of a write that were refused may be many
            return await asyncio.to_thread(route.error, error)
        response.raw_headers.append(_CORS)
        return response


def _allow(response: Response, origin: str) -> None:
    """Let the page of an origin that may call read the answer, errors included."""
    response.headers["access-control-allow-origin"] = origin
    response.headers.add_vary_header("origin")
    if "access-control-allow-headers" in response.headers:
        # the wildcard does not stand for this one
        response.headers["access-control-allow-headers"] = "*, authorization"
