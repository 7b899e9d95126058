"""Turns return values of request plugins into HTTP responses (contract 4.5)."""

from __future__ import annotations

import json
import operator
import re
from typing import Any, NamedTuple

_HTML, _JSON, _TEXT = "text/html", "application/json", "text/plain"
_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]*")
_MAX_HEADERS = 1_000
_MAX_HEADER_CHARACTERS = 65_536


class Response(NamedTuple):
    """An HTTP response.

    Attributes:
        status: 100 to 999.
        headers: Lower-case names and values; a name may occur twice.
        body: The body.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class UnusableResult(Exception):
    """A plugin's return value is not a response; the text is the real server's, except for limits of headers."""


class IllegalHeader(Exception):
    """The name of a header is invalid."""


def to_response(result: Any) -> Response:
    """Make a response of a return value.

    Args:
        result: The plugin's return value.

    Raises:
        UnusableResult: No rule applies, or the headers are above a limit.
        IllegalHeader: The name of a header is invalid.
        Exception: An object of the plugin raised an error.
    """
    if hasattr(result, "__flask_response__") and result.__flask_response__() is True:
        return _finish(operator.index(result.status_code), _string_dict(result.headers), _string(result.get_data()))
    if isinstance(result, tuple) and 1 <= len(result) <= 3:
        return _from_tuple(result)
    if isinstance(result, str):
        return _finish(200, {"Content-Type": _HTML}, result)
    if isinstance(result, (dict, list)):
        return _finish(200, {"Content-Type": _JSON}, json.dumps(result))
    try:
        items = iter(result)
    except TypeError:
        raise UnusableResult("Unsupported return type from Python function") from None
    return _finish(200, {"Content-Type": _HTML}, "".join(map(_item_text, items)))


def _from_tuple(result: tuple[Any, ...]) -> Response:
    content, status, headers = result[0], 200, {}
    if len(result) > 1:
        if isinstance(result[1], dict):
            headers = _string_dict(result[1])
        else:
            status = _status(result[1])
    if len(result) == 3:
        if not isinstance(result[2], dict):
            raise UnusableResult("expected a dictionary in header item")
        headers = headers | _string_dict(result[2])
    if isinstance(content, str):
        content_type, body = _HTML, content
    elif isinstance(content, (dict, list)):
        content_type, body = _JSON, json.dumps(content)
    else:
        content_type, body = _TEXT, str(content)
    return _finish(status, {"Content-Type": content_type} | headers, body)


def _finish(status: int, headers: dict[str, str], body: str) -> Response:
    if len(headers) > _MAX_HEADERS:
        raise UnusableResult(f"more than {_MAX_HEADERS} headers")
    if sum(len(name) + len(value) for name, value in headers.items()) > _MAX_HEADER_CHARACTERS:
        raise UnusableResult(f"headers of more than {_MAX_HEADER_CHARACTERS} characters")
    for name in headers:
        if not _HEADER_NAME.fullmatch(name):
            raise IllegalHeader(f"invalid header name {name!r}")
    # In lower case only here: "content-type" does not replace the default "Content-Type"; both are sent.
    sendable = [(name.lower(), value if _HEADER_VALUE.fullmatch(value) else "") for name, value in headers.items()]
    return Response(status if 100 <= status <= 999 else 500, sendable, body.encode("utf-8"))


def _status(value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        return 200


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"'{type(value).__name__}' object is not an instance of 'str'")
    return value


def _string_dict(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(f"'{type(value).__name__}' object is not an instance of 'dict'")
    return {_string(name): _string(text) for name, text in value.items()}


def _item_text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if isinstance(item, bytes):
        try:
            return item.decode("utf-8")
        except UnicodeDecodeError:
            return ""
    return ""
