"""Makes answers with a JSON body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from influxdb3_embedded.errors import ApiError


_MAX_ENCODED_AT_ONCE = 1_000


def json_answer(content: Any, status: int = 200, *, separators: tuple[str, str] = (",", ":")) -> Response:
    """Make an answer with a JSON body.

    Args:
        content: The value of the body. Lone surrogates, which plugins and clients can send, become question marks.
        status: HTTP status.
        separators: As for ``json.dumps``.
    """
    return Response(_encode(content, separators).encode(errors="replace"), status, media_type="application/json")


def error_answer(error: ApiError) -> Response:
    """Make the answer for an error. A blank follows the colon, as in the real server's errors."""
    return json_answer(error.body(), error.status, separators=(", ", ": "))


def _encode(content: Any, separators: tuple[str, str]) -> str:
    """Encode in pieces: no other thread, and no other request, runs during one call of the encoder in C."""

    def encode_at_once(part: Any) -> str:
        return json.dumps(part, ensure_ascii=False, separators=separators)

    comma, colon = separators
    if isinstance(content, dict):
        members = (encode_at_once(name) + colon + _encode(part, separators) for name, part in content.items())
        return "{" + comma.join(members) + "}"
    if isinstance(content, list) and len(content) > _MAX_ENCODED_AT_ONCE:
        starts = range(0, len(content), _MAX_ENCODED_AT_ONCE)
        pieces = (encode_at_once(content[start : start + _MAX_ENCODED_AT_ONCE])[1:-1] for start in starts)
        return "[" + comma.join(pieces) + "]"
    return encode_at_once(content)
