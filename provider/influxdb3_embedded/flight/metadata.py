"""What a Flight call holds besides its message: the token and the database; and the status of its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import grpc

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.services.tokens import secret_of

if TYPE_CHECKING:
    from influxdb3_embedded.sql import QueryFailed

_DATABASE_KEYS = ("database", "bucket", "bucket-name", "iox-namespace-name")
_MOST_BYTES_OF_TEXT = 2_000
_CODES = {
    401: grpc.StatusCode.UNAUTHENTICATED,
    404: grpc.StatusCode.NOT_FOUND,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    501: grpc.StatusCode.UNIMPLEMENTED,
}


def secret_in(context: grpc.ServicerContext) -> str | None:
    """Return the token of a call, or None if there is no token.

    Raises:
        ApiError: 401, the token has another form.
    """
    for key, value in context.invocation_metadata():
        if key == "authorization":
            try:
                return secret_of(value.encode())
            except ApiError:
                raise ApiError(401, "Unauthenticated") from None
    return None


def database_of(context: grpc.ServicerContext) -> str:
    """Return the database of a call of Flight SQL.

    Raises:
        ApiError: 400 if there is no database, or several.
    """
    metadata = dict(context.invocation_metadata())
    found = [key for key in _DATABASE_KEYS if key in metadata]
    if not found:
        raise ApiError(400, "no 'database' header in request")
    if len({metadata[key] for key in found}) > 1:
        keys = ", ".join(f'"{key}"' for key in found)
        raise ApiError(400, f"More than one headers are found in request: [{keys}]. Please include only one of them")
    name = metadata[found[0]]
    return name if isinstance(name, str) else name.decode(errors="replace")


def status_of(error: ApiError | QueryFailed) -> tuple[grpc.StatusCode, str]:
    """Return the status of a call that fails. Its text is cut after 2,000 bytes, as on a real server."""
    code = _CODES.get(error.status, grpc.StatusCode.INVALID_ARGUMENT)
    if error.text.startswith("Resources exhausted"):
        code = grpc.StatusCode.RESOURCE_EXHAUSTED
    text = error.text.encode()
    if len(text) <= _MOST_BYTES_OF_TEXT:
        return code, error.text
    return code, text[:_MOST_BYTES_OF_TEXT].decode(errors="ignore") + "..."
