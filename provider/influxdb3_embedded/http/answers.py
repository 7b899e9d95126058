"""Makes answers with a JSON body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.errors import ApiError


_MAX_ITEMS_AT_ONCE = 1_000
_MAX_CHARACTERS_OF_ITEM = 1_000
_MAX_CHARACTERS_AT_ONCE = 1_000_000


def json_answer(content: Any, status: int = 200, *, separators: tuple[str, str] = (",", ":")) -> Response:
    """Make an answer with a JSON body.

    Args:
        content: The value of the body. Lone surrogates, which plugins and clients can send, become question marks.
        status: HTTP status.
        separators: As for ``json.dumps``.
    """
    return Response(b"".join(_encode(content, separators)), status, media_type="application/json")


def error_answer(error: ApiError) -> Response:
    """Make the answer for an error. A blank follows the colon, as in the real server's errors."""
    return json_answer(error.body(), error.status, separators=(", ", ": "))


def _encode(content: Any, separators: tuple[str, str]) -> Iterator[bytes]:
    """Encode in pieces: no other thread, and no other request, runs during one call of the encoder in C."""
    comma, colon = (separator.encode() for separator in separators)
    if isinstance(content, dict):
        yield b"{"
        for position, (name, part) in enumerate(content.items()):
            yield (comma if position else b"") + _encode_at_once(name, separators) + colon
            yield from _encode(part, separators)
        yield b"}"
    elif isinstance(content, list):
        yield b"["
        for start in range(0, len(content), _MAX_ITEMS_AT_ONCE):
            yield comma if start else b""
            yield from _encode_items(content[start : start + _MAX_ITEMS_AT_ONCE], separators)
        yield b"]"
    elif isinstance(content, str):
        yield b'"'
        for start in range(0, len(content), _MAX_CHARACTERS_AT_ONCE):
            yield _encode_at_once(content[start : start + _MAX_CHARACTERS_AT_ONCE], separators)[1:-1]
        yield b'"'
    else:
        yield _encode_at_once(content, separators)


def _encode_items(items: list[Any], separators: tuple[str, str]) -> Iterator[bytes]:
    if not any(isinstance(item, str) and len(item) > _MAX_CHARACTERS_OF_ITEM for item in items):
        yield _encode_at_once(items, separators)[1:-1]
        return
    for position, item in enumerate(items):
        yield separators[0].encode() if position else b""
        yield from _encode(item, separators)


def _encode_at_once(part: Any, separators: tuple[str, str]) -> bytes:
    return json.dumps(part, ensure_ascii=False, separators=separators).encode(errors="replace")
