"""Texts that come from plugins, on their way to where not every Python string can go."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable

_URL = re.compile(r"""(?P<scheme>\w+://)(?P<user>[^\s/?#'"<>]*@)?(?P<path>[^\s?#'"<>]*)(?P<query>\?[^\s#'"<>]*)?""")
_SHORTEST_SECRET = 4


def printable(text: str) -> str:
    r"""Return a text that UTF-8 can express: lone surrogates become U+FFFD.

    >>> printable("a\ud800") == "a\ufffd"
    True
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def without_credentials(text: str, given: Iterable[str] = ()) -> str:
    """Return a text with the user, the password and the query of every URL in it replaced by ``****``.

    Args:
        text: A text that quotes URLs.
        given: What the text may quote in other ways: the secrets of URLs in it are replaced wherever they stand.

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
