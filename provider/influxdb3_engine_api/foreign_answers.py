"""Tells answers of InfluxDB from those of a gateway, a login page or another server.

InfluxDB 3 sends its identity (``cluster-uuid``) with every answer (contract 1.1). An answer without identity may come
from a release before 3.10, or through a gateway that removes headers. It counts if it has the shape of InfluxDB's
answers: empty, JSON or ``OK`` for a success, text or JSON for an error, and never a web page.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from influxdb3_engine_api.foreign_text import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

REMEDY = (
    "Is influxdb3:hostUrl an InfluxDB 3 server? A gateway or a login page may answer in its place: "
    "pulumi config set influxdb3:hostUrl http://HOST:PORT"
)
IDENTITY = "cluster-uuid"

_TITLE = re.compile(r"<(title|h1)[^>]*>(.*?)</\1", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^>]{0,1000}>")
_JSON = re.compile(r"application/([\w.+-]+\+)?(json|jsonl|x-ndjson)|json")
_FIRST_WORDS = 100
_NOT_OF_A_SUCCESS = re.compile("login|auth|sign|sso|redirect|error|message|location|url|code|detail", re.IGNORECASE)
"""Names of members in gateways' JSON answers of status 200, such as a login URL or an error."""


def is_page(headers: Mapping[str, str], body: str) -> bool:
    """Whether an answer is a web page or another body that InfluxDB never sends; for any status."""
    if headers.get(IDENTITY):
        return False
    kind = _media_type(headers)
    return bool(kind and kind != "text/plain" and not _JSON.fullmatch(kind)) or body.lstrip()[:1] == "<"


def is_success(headers: Mapping[str, str], body: str) -> bool:
    """Whether an answer of status 2xx comes from InfluxDB, for an operation without a body in its answer."""
    if headers.get(IDENTITY):
        return True
    if is_page(headers, body):
        return False
    bare = body.strip()
    if bare in {"", "OK"}:
        return True
    value = _parsed(bare)
    if isinstance(value, dict):
        return not any(_NOT_OF_A_SUCCESS.search(name) for name in value)
    return value is not _NOT_JSON and not isinstance(value, str)


def describe_answer(headers: Mapping[str, str], body: str) -> str:
    """Content type, name of the server, and title or first words of an answer.

    For JSON, the description contains the names of members only: rows hold arguments of triggers, which may be secret.
    """
    kind, server = _media_type(headers), headers.get("server")
    source = shown(kind or "no content type", longest=_FIRST_WORDS)
    if server:
        source += f" from {shown(server, longest=_FIRST_WORDS)!r}"
    return f"{source}, {_summary(body)}"


def _summary(body: str) -> str:
    bare = body[:100_000].strip()
    if not bare:
        return "empty"
    if title := _TITLE.search(bare):
        return f"titled {_words(title[2])}"
    if bare[0] in "[{":
        value = _parsed(body)
        if value is _NOT_JSON:
            return "JSON that is cut off or malformed"
        if isinstance(value, dict):
            return f"a JSON object with {shown(', '.join(map(str, value)), longest=_FIRST_WORDS) or 'no members'}"
        return "a JSON list"
    return f"beginning with {_words(bare)}"


def _words(text: str) -> str:
    plain = " ".join(_TAG.sub(" ", text[:10_000]).split())
    return f"{shown(plain, longest=_FIRST_WORDS)!r}" if plain else "no words"


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


_NOT_JSON = object()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NOT_JSON
