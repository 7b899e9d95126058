"""JSON answers."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


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


def error_answer(status: int, body: dict[str, Any]) -> Response:
    """An answer that holds an error, with a blank after the colon as the real server writes some of them."""
    return json_answer(body, status, separators=(", ", ": "))
