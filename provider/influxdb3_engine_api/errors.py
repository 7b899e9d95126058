"""What can go wrong between a client and an engine.

::

    EngineApiError
    ├── TransportError              no answer came
    │   ├── EngineUnreachable       the request was not sent: nothing happened on the server
    │   └── AnswerLost              the request may have been carried out: read back before repeating one that changes
    ├── AnswerError                 the server answered with an error (status, text, data)
    │   ├── BadRequest              400, 405, 413, 415, 422, redirects: the request cannot work as it is
    │   ├── Unauthenticated         401
    │   ├── Forbidden               403
    │   ├── NotFound                404: what the request names does not exist
    │   ├── NoSuchOperation         404: the path does not exist, so this may be no InfluxDB 3 server
    │   ├── Conflict                409
    │   └── ServerError             5xx; a real server also answers 500 to bad specifications and missing plugins
    └── UnreadableAnswer            the server answered 2xx, but not what the API promises

No message ever holds the token: it is sent as a header and kept nowhere else.
"""

from __future__ import annotations

import json
import re
from typing import Any


class EngineApiError(Exception):
    """Base of all errors of this package's client."""


class TransportError(EngineApiError):
    """No answer came."""


class EngineUnreachable(TransportError):
    """The server could not be connected to, or the request could not be sent: nothing happened on the server."""


class AnswerLost(TransportError):
    """The connection broke or timed out after the request was sent.

    Args:
        what: What happened.
        changes: Whether the request changes anything on the server: it may have been carried out then.

    Attributes:
        what: As the argument.
    """

    def __init__(self, what: str, *, changes: bool) -> None:
        self.what = what
        super().__init__(f"{what}; the request may have been carried out" if changes else what)


class AnswerError(EngineApiError):
    """The server answered with an error.

    Attributes:
        operation: ``METHOD path`` of the request.
        status: HTTP status.
        text: The server's message.
        data: What a write error carries besides its message, else ``None``.
    """

    def __init__(self, operation: str, status: int, text: str, data: Any = None) -> None:
        self.operation = operation
        self.status = status
        self.text = text
        self.data = data
        details = f" {json.dumps(data)}" if data is not None else ""
        super().__init__(f"{operation} answered {status}: {text or 'no message'}{details}")


class BadRequest(AnswerError):
    """The request cannot work as it is."""


class Unauthenticated(AnswerError):
    """No token, or one that the server does not know."""


class Forbidden(AnswerError):
    """The token may not do this, or the operator has switched it off."""


class NotFound(AnswerError):
    """What the request names does not exist."""


class NoSuchOperation(AnswerError):
    """The path of the request does not exist on the server: it is no InfluxDB 3, or one without this operation."""


class Conflict(AnswerError):
    """What the request creates exists already."""


class ServerError(AnswerError):
    """The server failed, or answered 500 to a request that it could not carry out."""


class UnreadableAnswer(EngineApiError):
    """The server answered with success and a body that is not what the API promises; is it an InfluxDB 3 server?"""


_BY_STATUS = {401: Unauthenticated, 403: Forbidden, 409: Conflict}
_MISSING = re.compile(
    "resource was not found|[Dd]atabase not found|not in DB schema|(Trigger|Plugin) not found|not enabled|^not found$"
)
"""What a 404 says of something that the request names; a path that does not exist is ``Not found``, or a web page."""


def answer_error(operation: str, status: int, body: str) -> AnswerError:
    """The error for an answer that is no success, whichever of the contract's shapes its body has.

    The shapes (contract 1.1): plain text; ``{"error": TEXT}`` with or without ``data``; the v2 write endpoint's
    ``{"code", "message"}``; ``{error: "not found"}``, which is not JSON.
    """
    text, data = _message(body)
    if status == 404 and not _MISSING.search(text):
        hint = f"{text[:200] or 'no message'} (is influxdb3:hostUrl an InfluxDB 3 server?)"
        return NoSuchOperation(operation, status, hint, data)
    kind = _BY_STATUS.get(status, NotFound if status == 404 else ServerError if status >= 500 else BadRequest)
    return kind(operation, status, text, data)


def _message(body: str) -> tuple[str, Any]:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        if body.startswith('{error: "') and body.endswith('"}'):
            return body[len('{error: "') : -len('"}')], None
        return body.strip(), None
    if isinstance(parsed, dict):
        for member in ("error", "message"):
            if isinstance(parsed.get(member), str):
                return parsed[member], parsed.get("data")
    return body.strip(), None
