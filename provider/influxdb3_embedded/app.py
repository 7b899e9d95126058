"""The HTTP application: every operation the engine has, who may call it, and how errors look (contract section 1).

Routing is a dictionary, not starlette's: the API matches method and path exactly, byte for byte, and answers 404 to
wrong methods, to ``HEAD`` and to trailing slashes, all of which starlette's router is made to avoid.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from influxdb3_embedded.access import Access
from influxdb3_embedded.answers import error_answer
from influxdb3_embedded.errors import ApiError, NotRouted
from influxdb3_embedded.routes import (
    databases,
    dry_runs,
    environment,
    health,
    plugins,
    queries,
    requests,
    tables,
    tokens,
    triggers,
    writes,
)
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    from influxdb3_embedded.engine import Engine

_log = logging.getLogger(__name__)


class Route(NamedTuple):
    """An operation: method, path and what carries it out."""

    method: str
    path: str
    endpoint: Callable[[Engine, Request], Awaitable[Response]]


ROUTES = (
    # the Processing engine: the operations of the published API
    Route("POST", paths.TRIGGER, triggers.create),
    Route("DELETE", paths.TRIGGER, triggers.delete),
    Route("POST", paths.TRIGGER_DISABLE, triggers.disable),
    Route("POST", paths.TRIGGER_ENABLE, triggers.enable),
    Route("GET", paths.engine("*"), requests.call),
    Route("POST", paths.engine("*"), requests.call),
    Route("POST", paths.PLUGIN_TEST_WAL, dry_runs.wal),
    Route("POST", paths.PLUGIN_TEST_SCHEDULE, dry_runs.schedule),
    Route("POST", paths.PLUGIN_FILES, plugins.create_file),
    Route("PUT", paths.PLUGIN_FILES, plugins.update_file),
    Route("PUT", paths.PLUGIN_DIRECTORY, plugins.update_directory),
    Route("POST", paths.INSTALL_PACKAGES, environment.install_packages),
    Route("POST", paths.INSTALL_REQUIREMENTS, environment.install_requirements),
    # what a user needs around them
    Route("POST", paths.WRITE_LP, writes.write_lp),
    Route("POST", paths.WRITE_V2, writes.write_v2),
    Route("POST", paths.WRITE_V1, writes.write_v1),
    Route("GET", paths.QUERY_SQL, queries.query_string),
    Route("POST", paths.QUERY_SQL, queries.query_body),
    Route("GET", paths.DATABASE, databases.list_all),
    Route("POST", paths.DATABASE, databases.create),
    Route("PUT", paths.DATABASE, databases.update),
    Route("DELETE", paths.DATABASE, databases.delete),
    Route("POST", paths.TABLE, tables.create),
    Route("DELETE", paths.TABLE, tables.delete),
    Route("POST", paths.TOKEN_ADMIN, tokens.create_operator),
    Route("POST", paths.TOKEN_ADMIN_REGENERATE, tokens.regenerate_operator),
    Route("POST", paths.TOKEN_NAMED_ADMIN, tokens.create_named),
    Route("DELETE", paths.TOKEN, tokens.delete),
    Route("GET", paths.HEALTH, health.health),
    Route("GET", health.HEALTH_V1, health.health),
    Route("GET", paths.PING, health.ping),
    Route("POST", paths.PING, health.ping),
)

_ANY = b"*"
_CORS = (b"access-control-allow-origin", b"*")
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
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._access = Access(engine.settings, engine.tokens)
        self._cluster = (b"cluster-uuid", engine.catalog.cluster_uuid.encode())
        self._endpoints = {(route.method, route.path.encode()): route.endpoint for route in ROUTES}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        assert scope["type"] == "http"
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = error_answer(error.status, error.body())
        except ClientDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the last resort: logged, and the client gets an answer
            _log.exception("request failed", extra={"fields": {"method": scope["method"], "path": scope["path"]}})
            response = error_answer(500, {"error": f"internal error: {type(error).__name__}"})
        response.raw_headers.append(self._cluster)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method, path = request.method, request.scope["raw_path"]
        if method == "OPTIONS":
            return Response(status_code=204, headers=_PREFLIGHT)
        # before routing: without a token, an unknown path is 401, not 404
        self._access.check(request)
        endpoint = self._endpoints.get((method, path))
        if endpoint is None and path.startswith(requests.PREFIX):
            endpoint = self._endpoints.get((method, requests.PREFIX + _ANY))
        if endpoint is None:
            raise NotRouted
        response = await endpoint(self._engine, request)
        response.raw_headers.append(_CORS)
        return response
