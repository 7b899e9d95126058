"""Texts that come from plugins, on their way to where not every Python string can go."""

from __future__ import annotations


def printable(text: str) -> str:
    r"""Return a text that UTF-8 can express: lone surrogates become U+FFFD.

    >>> printable("a\ud800") == "a\ufffd"
    True
    """
    if text.isascii():
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
