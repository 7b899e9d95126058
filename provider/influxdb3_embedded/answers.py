"""JSON answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from influxdb3_embedded.errors import ApiError


def json_answer(content: Any, status: int = 200, *, separators: tuple[str, str] | None = (",", ":")) -> Response:
    """An answer with a JSON body.

    Args:
        content: What the body holds. Text in it that cannot be encoded, which plugins and clients can make up, is
            replaced by question marks.
        status: HTTP status.
        separators: Those of ``json.dumps``.
    """
    body = json.dumps(content, ensure_ascii=False, separators=separators).encode(errors="replace")
    return Response(body, status, media_type="application/json")


def error_answer(error: ApiError) -> Response:
    """An error's answer, with a blank after the colon as the real server writes some of them."""
    return json_answer(error.body(), error.status, separators=(", ", ": "))
