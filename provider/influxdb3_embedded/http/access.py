"""Checks the token of a request (contract 1.1 and 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.http.requests.bodies import query_pairs
from influxdb3_embedded.services.tokens import secret_of
from influxdb3_embedded.settings import OpenResource
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.services.tokens import Tokens
    from influxdb3_embedded.settings import Settings

_RESOURCE_OF_PATH = {
    b"/health": OpenResource.HEALTH,
    b"/api/v1/health": OpenResource.HEALTH,
    b"/ping": OpenResource.PING,
    b"/metrics": OpenResource.METRICS,
    b"/ready": OpenResource.READY,
    b"/debug/pprof": OpenResource.PPROF,
}
_TOKENS = paths.TOKEN.encode()
_FIRST_TOKEN = paths.TOKEN_ADMIN.encode()
_TOKEN_IN_QUERY = (b"/write", b"/query")


class Access:
    """Decides whether a request may be answered. Each token allows everything, as in InfluxDB 3 Core.

    Args:
        settings: Whether the engine needs tokens, and which paths are open without one.
        tokens: The tokens.
    """

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._without_auth = settings.without_auth
        self._open = {path for path, resource in _RESOURCE_OF_PATH.items() if resource in settings.disable_authz}
        self._tokens = tokens

    def check(self, request: Request) -> None:
        """Return if the request may be answered.

        Raises:
            ApiError: 400 for a malformed header; 401 without a valid token; 405 for an operation on tokens if the
                engine runs without tokens.
        """
        path: bytes = request.scope["raw_path"]
        secret = self._secret(request, path)
        if self._without_auth:
            if path.startswith(_TOKENS):
                raise ApiError(405, "endpoint disabled, started without auth")
        elif path not in self._open and path != _FIRST_TOKEN and not self._tokens.authenticates(secret):
            raise ApiError(401, "the request was not authenticated")

    def _secret(self, request: Request, path: bytes) -> str | None:
        for name, value in request.scope["headers"]:
            if name == b"authorization":
                return secret_of(value)
        if path in _TOKEN_IN_QUERY:
            return dict(query_pairs(request.scope["query_string"])).get("p")
        return None
