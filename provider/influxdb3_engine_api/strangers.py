"""Whether an answer is InfluxDB's, or one of something on the way to it: a gateway, a login page, another server.

InfluxDB 3 states its identity (``cluster-uuid``) in every answer (contract 1.1). An answer without it may come from a
server before 3.10 or through a gateway that drops headers: it counts if it looks as InfluxDB's do. Those of success are
empty, JSON, or ``OK``; those of failure are text or JSON. None of them is a page.
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
"""Members of what gateways answer with status 200: where to log in, and what is wrong."""


def is_page(headers: Mapping[str, str], body: str) -> bool:
    """Whether an answer of any status is one that InfluxDB does not give."""
    if headers.get(IDENTITY):
        return False
    kind = _media_type(headers)
    return bool(kind and kind != "text/plain" and not _JSON.fullmatch(kind)) or body.lstrip()[:1] == "<"


def is_success(headers: Mapping[str, str], body: str) -> bool:
    """Whether an answer of status 2xx, to a request that promises no body, says that it was carried out."""
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
    return value is not _NO_JSON and not isinstance(value, str)


def described(headers: Mapping[str, str], body: str) -> str:
    """Who answered, and what: content type, name of the server, title of the page or its first words.

    Of JSON the names of its members alone: rows hold arguments of triggers, which may be secret.
    """
    kind, server = _media_type(headers), headers.get("server")
    source = shown(kind or "no content type", longest=_FIRST_WORDS)
    if server:
        source += f" from {shown(server, longest=_FIRST_WORDS)!r}"
    return f"{source}, {_gist(body)}"


def _gist(body: str) -> str:
    bare = body[:100_000].strip()
    if not bare:
        return "empty"
    if title := _TITLE.search(bare):
        return f"titled {_words(title[2])}"
    if bare[0] in "[{":
        value = _parsed(body)
        if value is _NO_JSON:
            return "JSON that is cut off or malformed"
        if isinstance(value, dict):
            return f"a JSON object with {shown(', '.join(map(str, value)), longest=_FIRST_WORDS) or 'no members'}"
        return "a JSON list"
    return f"beginning with {_words(bare)}"


def _words(text: str) -> str:
    plain = html_free(text)
    return f"{shown(plain, longest=_FIRST_WORDS)!r}" if plain else "no words"


def html_free(text: str) -> str:
    """The words of a page, with one blank between."""
    return " ".join(_TAG.sub(" ", text[:10_000]).split())


def _media_type(headers: Mapping[str, str]) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


_NO_JSON = object()


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return _NO_JSON
