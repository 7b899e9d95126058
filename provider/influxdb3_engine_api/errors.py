"""Errors of the client.

::

    EngineApiError
    ├── TransportError              no answer came
    │   ├── EngineUnreachable       the request was not sent: nothing changed on the server
    │   └── AnswerLost              the request may have been carried out: read the server's state before repeating it
    ├── AnswerError                 the server answered with an error (status, text, data)
    │   ├── BadRequest              400, 405, 413, 415, 422, redirects: the request is invalid
    │   ├── Unauthenticated         401
    │   ├── Forbidden               403
    │   ├── NotFound                404: what the request names does not exist
    │   ├── NoSuchOperation         404: the path does not exist, so this may not be an InfluxDB 3 server
    │   ├── Conflict                409
    │   └── ServerError             5xx; a real server also answers 500 to bad specifications and missing plugins
    └── UnreadableAnswer            the server answered 2xx, but not what the API promises

No message contains the token. Messages contain the server's text as `foreign_text.shown` makes it safe. ``text`` and
``data`` contain it unchanged.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from influxdb3_engine_api.foreign_answers import IDENTITY, REMEDY, describe_answer, is_page
from influxdb3_engine_api.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping


class EngineApiError(Exception):
    """Base of all errors of this package's client."""


class TransportError(EngineApiError):
    """No answer came.

    Attributes:
        waited: Whether the client has waited for the server in vain: to try again at once is useless.
    """

    def __init__(self, what: str, *, waited: bool = False) -> None:
        self.waited = waited
        super().__init__(what)


class EngineUnreachable(TransportError):
    """The request was not sent: nothing changed on the server."""


class AnswerLost(TransportError):
    """The connection broke or timed out after the request was sent.

    Args:
        what: What happened.
        changes: Whether the request changes anything on the server.
        timed_out: Whether the time limit is the reason; default: False.
        waited: As for every ``TransportError``.

    Attributes:
        what: What happened.
        changes: Whether the request changes anything on the server.
        timed_out: Whether the time limit is the reason.
    """

    def __init__(self, what: str, *, changes: bool, timed_out: bool = False, waited: bool = False) -> None:
        self.what = what
        self.changes = changes
        self.timed_out = timed_out
        super().__init__(f"{what}; the request may have been carried out" if changes else what, waited=waited)

    def without_changes(self) -> AnswerLost:
        """The same failure of a request that changes nothing."""
        return AnswerLost(self.what, changes=False, timed_out=self.timed_out, waited=self.waited)


class AnswerError(EngineApiError):
    """The server answered with an error.

    Attributes:
        operation: ``METHOD path`` of the request.
        status: HTTP status.
        text: The server's message, unchanged; never show it to a person.
        data: Details of a write error, unchanged; None for other errors.
        foreign_answer: Description of the answer if it does not come from an InfluxDB 3 server; otherwise None.
    """

    def __init__(
        self,
        operation: str,
        status: int,
        text: str,
        data: Any = None,
        *,
        foreign_answer: str | None = None,
        hidden: Mapping[str, str] | None = None,
    ) -> None:
        self.operation = operation
        self.status = status
        self.text = text
        self.data = data
        self.foreign_answer = foreign_answer
        if foreign_answer:
            super().__init__(
                f"{operation} answered {status}, but not as InfluxDB 3 does: {foreign_answer} (i{REMEDY[1:]})"
            )
            return
        details = f" {json.dumps(data)}" if data is not None else ""
        super().__init__(f"{operation} answered {status}: {shown(f'{text}{details}', hidden=hidden) or 'no message'}")


class BadRequest(AnswerError):
    """The request is invalid."""


class Unauthenticated(AnswerError):
    """The token is missing, or the server does not know it."""


class Forbidden(AnswerError):
    """The token lacks the permission, or the operator has disabled the operation."""


class NotFound(AnswerError):
    """What the request names does not exist."""


class NoSuchOperation(AnswerError):
    """The path does not exist: the server is not InfluxDB 3, or a release without this operation."""


class Conflict(AnswerError):
    """What the request creates exists."""


class ServerError(AnswerError):
    """The server failed. A real server also answers 500 to some invalid requests."""


class UnreadableAnswer(EngineApiError):
    """The status is 2xx, but the body is not what the API promises: this may not be an InfluxDB 3 server."""


_BY_STATUS = {401: Unauthenticated, 403: Forbidden}
_MISSING = re.compile(
    r"the requested resource was not found: |(query error: )?[Dd]atabase not found\b|Table .* not in DB schema for "
    r"|(Trigger|Plugin) not found|[\w ]{0,40}not enabled",
    re.DOTALL,
)
"""The beginning of a 404 about what the request names. For an unknown path, the body is ``Not found`` or a page."""
_NO_TRIGGER_ON_PATH = '{error: "not found"}'
"""The body of a 404 about a request path without a trigger; it is not JSON."""
_EXISTS = "already"
"""A word in the body of each 409 of the server (contract 1.2, 8.2)."""


def answer_error(
    operation: str,
    status: int,
    body: str,
    headers: Mapping[str, str] | None = None,
    hidden: Mapping[str, str] | None = None,
) -> AnswerError:
    """The error for an answer whose status is not 2xx.

    The body has one of these shapes (contract 1.1): plain text; ``{"error": TEXT}`` with or without ``data``;
    ``{"code", "message"}`` from the v2 write operation; ``{error: "not found"}``, which is not JSON.

    Args:
        operation: ``METHOD path`` of the request.
        status: HTTP status.
        body: The answer's body.
        headers: The answer's headers, which show whether the server or a gateway answered.
        hidden: Values that the message must not contain; see `foreign_text.shown`.
    """
    text, data = _message(body)
    headers = headers or {}
    foreign_answer = describe_answer(headers, body) if is_page(headers, body) else None
    if status == 404 and (foreign_answer or not _is_missing(body, text)):
        hint = f"{shown(text[:200], hidden=hidden) or 'no message'} (is influxdb3:hostUrl an InfluxDB 3 server?)"
        return NoSuchOperation(operation, status, hint, data, foreign_answer=foreign_answer)
    if status == 409 and not foreign_answer and not headers.get(IDENTITY) and "content-type" in headers:
        # a real server's errors have no content type
        foreign_answer = None if _EXISTS in text else describe_answer(headers, body)
    if status == 409 and not foreign_answer:
        return Conflict(operation, status, text, data, hidden=hidden)
    kind = _BY_STATUS.get(status, NotFound if status == 404 else ServerError if status >= 500 else BadRequest)
    return kind(operation, status, text, data, foreign_answer=foreign_answer, hidden=hidden)


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
