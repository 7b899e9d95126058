"""Makes texts of plugins and pip safe to store and show: no lone surrogates, no credentials."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

_URL = re.compile(r"""(?P<scheme>\w+://)(?P<user>[^\s/?#'"<>]*@)?(?P<path>[^\s?#'"<>]*)(?P<query>\?[^\s#'"<>]*)?""")
_SHORTEST_SECRET = 4


def printable(text: str) -> str:
    r"""Replace lone surrogates with U+FFFD, so that the text can be encoded as UTF-8.

    >>> printable("a\ud800") == "a\ufffd"
    True
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def without_credentials(text: str, given: Iterable[str] = ()) -> str:
    """Replace user, password and query of every URL in a text with ``****``.

    Args:
        text: A text that quotes URLs.
        given: Texts with URLs whose secrets are replaced anywhere in ``text``, also outside URLs.

    >>> without_credentials("no answer from https://me:secret@example.org/simple/?key=1")
    'no answer from https://****@example.org/simple/?****'
    """
    for url in (found for each in given for found in _URL.finditer(each)):
        secrets = {*re.split("[:@]", url["user"] or ""), *re.findall("=([^&]*)", url["query"] or "")}
        for secret in sorted(secrets | {unquote(each) for each in secrets}, key=len, reverse=True):
            if len(secret) >= _SHORTEST_SECRET:
                text = text.replace(secret, "****")
    return _URL.sub(_without_credentials, text)


def _without_credentials(url: re.Match[str]) -> str:
    return f"{url['scheme']}{'****@' if url['user'] else ''}{url['path']}{'?****' if url['query'] else ''}"
