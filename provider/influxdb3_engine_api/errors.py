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

No message ever holds the token: it is sent as a header and kept nowhere else. What a server says is in messages as
`foreign_text.shown` makes it safe; ``text`` and ``data`` have it as it came.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.strangers import IDENTITY, REMEDY, described, is_page

if TYPE_CHECKING:
    from collections.abc import Mapping


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
        text: The server's message, as it came: not to be shown.
        data: What a write error carries besides its message, else ``None``; as it came.
        stranger: What answered in place of an InfluxDB 3 server; ``None`` if that did.
    """

    def __init__(
        self,
        operation: str,
        status: int,
        text: str,
        data: Any = None,
        *,
        stranger: str | None = None,
        hidden: Mapping[str, str] | None = None,
    ) -> None:
        self.operation = operation
        self.status = status
        self.text = text
        self.data = data
        self.stranger = stranger
        if stranger:
            super().__init__(f"{operation} answered {status}, but not as InfluxDB 3 does: {stranger} (i{REMEDY[1:]})")
            return
        details = f" {json.dumps(data)}" if data is not None else ""
        super().__init__(f"{operation} answered {status}: {shown(f'{text}{details}', hidden=hidden) or 'no message'}")


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


_BY_STATUS = {401: Unauthenticated, 403: Forbidden}
_MISSING = re.compile(
    r"the requested resource was not found: |(query error: )?[Dd]atabase not found\b|Table .* not in DB schema for "
    r"|(Trigger|Plugin) not found|[\w ]{0,40}not enabled",
    re.DOTALL,
)
"""How a 404 begins of something that the request names; a path that does not exist is ``Not found``, or a web page."""
_NO_TRIGGER_ON_PATH = '{error: "not found"}'
"""What the server says of a request path that no trigger serves: not JSON."""
_EXISTS = "already"
"""What each 409 of the server says (contract 1.2, 8.2)."""


def answer_error(
    operation: str,
    status: int,
    body: str,
    headers: Mapping[str, str] | None = None,
    hidden: Mapping[str, str] | None = None,
) -> AnswerError:
    """The error for an answer that is no success, whichever of the contract's shapes its body has.

    The shapes (contract 1.1): plain text; ``{"error": TEXT}`` with or without ``data``; the v2 write endpoint's
    ``{"code", "message"}``; ``{error: "not found"}``, which is not JSON.

    Args:
        operation: ``METHOD path`` of the request.
        status: HTTP status.
        body: The answer's body.
        headers: The answer's headers: they tell whether the server has answered, or something on the way to it.
        hidden: Values that the message must not repeat; see `foreign_text.shown`.
    """
    text, data = _message(body)
    headers = headers or {}
    stranger = described(headers, body) if is_page(headers, body) else None
    if status == 404 and (stranger or not _is_missing(body, text)):
        hint = f"{shown(text[:200], hidden=hidden) or 'no message'} (is influxdb3:hostUrl an InfluxDB 3 server?)"
        return NoSuchOperation(operation, status, hint, data, stranger=stranger)
    if status == 409 and not stranger and not headers.get(IDENTITY) and "content-type" in headers:
        # the server's own errors have no content type
        stranger = None if _EXISTS in text else described(headers, body)
    if status == 409 and not stranger:
        return Conflict(operation, status, text, data, hidden=hidden)
    kind = _BY_STATUS.get(status, NotFound if status == 404 else ServerError if status >= 500 else BadRequest)
    return kind(operation, status, text, data, stranger=stranger, hidden=hidden)


def _is_missing(body: str, text: str) -> bool:
    return bool(_MISSING.match(text)) or body.strip() == _NO_TRIGGER_ON_PATH


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
