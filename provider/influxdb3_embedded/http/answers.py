"""JSON answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from influxdb3_embedded.errors import ApiError


_ENCODED_AT_ONCE = 1_000


def json_answer(content: Any, status: int = 200, *, separators: tuple[str, str] = (",", ":")) -> Response:
    """An answer with a JSON body.

    Args:
        content: What the body holds. Text in it that cannot be encoded, which plugins and clients can make up, is
            replaced by question marks.
        status: HTTP status.
        separators: Those of ``json.dumps``.
    """
    return Response(_text(content, separators).encode(errors="replace"), status, media_type="application/json")


def error_answer(error: ApiError) -> Response:
    """An error's answer, with a blank after the colon as the real server writes some of them."""
    return json_answer(error.body(), error.status, separators=(", ", ": "))


def _text(content: Any, separators: tuple[str, str]) -> str:
    """The JSON text, made by pieces: the encoder is C, and no other thread runs while it works."""

    def encoded(part: Any) -> str:
        return json.dumps(part, ensure_ascii=False, separators=separators)

    comma, colon = separators
    if isinstance(content, dict):
        return "{" + comma.join(encoded(name) + colon + _text(part, separators) for name, part in content.items()) + "}"
    if isinstance(content, list) and len(content) > _ENCODED_AT_ONCE:
        starts = range(0, len(content), _ENCODED_AT_ONCE)
        return "[" + comma.join(encoded(content[start : start + _ENCODED_AT_ONCE])[1:-1] for start in starts) + "]"
    return encoded(content)
