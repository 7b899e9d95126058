"""Makes text of servers, gateways, plugins and pip safe to show in messages.

Such text may contain terminal control sequences, megabytes of data, or a password from the request. `shown` is for one
foreign text. `message` is for a whole message of this package.
"""

from __future__ import annotations

import html
import json
import re
import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

LONGEST = 2_000
"""Characters of one foreign text in a message."""

_LONGEST_MESSAGE = 5 * LONGEST
_END = LONGEST
"""Characters kept at the end of a message that is cut: the end says what is live and what to do."""
_READ = 8 * LONGEST
"""Characters of a foreign text that are processed; hiding values can shorten them."""
_SHORTEST_HIDDEN = 4
"""Characters of the shortest value that is hidden; shorter values occur in any text."""
_SHORTEST_LINE = 8
_SHORTEST_WORD = 6
_OUR_WORDS = {"request", "all_tables"}
"""Words of specifications that messages need."""
_WORDS = re.compile(r"[\s,;:=@&?#/\"'|()\[\]{}<>]+")
_MOST_HIDDEN = 100_000
"""Hidden values that a process keeps; it drops the oldest."""

# control characters except tab and line feed, and characters that are invisible, break lines or change the direction
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_URL = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#'\"<>]*@)?([^\s?#'\"<>]*)([?#][^\s'\"<>]*)?")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")


def escaped(text: str) -> str:
    r"""The text with each control character written as an escape such as ``\x1b``.

    Line feeds and tabs stay. Escaping an escaped text changes nothing.
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def shown(text: str, *, longest: int = LONGEST, hidden: Mapping[str, str] | None = None) -> str:
    """A foreign text in a form that a message can contain.

    Args:
        text: The text.
        longest: Largest number of characters of the result; default: 2,000.
        hidden: Values to replace, each with its replacement, besides those of `hide`.

    Returns:
        The escaped text, cut if it is too long, without the user, query and fragment of URLs. Its second and further
        lines are indented, so that they do not look like separate messages.
    """
    safe = escaped(_without_secrets(text[:_READ], hidden or {}))
    first, *further = [line.rstrip() for line in safe.split("\n") if line.strip()] or [""]
    safe = "\n".join([first.lstrip(), *(f"    {line}" for line in further)])
    if len(text) <= _READ and len(safe) <= longest:
        return safe
    remark = f"... ({len(text)} characters in all)"
    return safe[: longest - len(remark)] + remark


def message(text: str) -> str:
    """A whole message in the form that is printed: escaped, without secret values, cut if it is too long."""
    safe = escaped(_replaced(text, _secret.among(text)))
    if len(safe) <= _LONGEST_MESSAGE:
        return safe
    remark = f"... ({len(safe)} characters in all) ..."
    return safe[: _LONGEST_MESSAGE - len(remark) - _END] + remark + safe[-_END:]


def hide(name: str, value: str, *, secret: bool = False) -> None:
    """Replace a value in all foreign text that is shown from now on. Values below four characters are not replaced.

    Args:
        name: The replacement: the name of the property or key that holds the value.
        value: A value that may be secret. Quoted, percent-encoded and JSON forms of it are found, too.
        secret: Whether the value is certainly secret. Then whole messages are searched, too, and for words of it.
    """
    (_secret if secret else _hidden).add(name, value, spellings)
    if secret and "\n" not in value:
        _secret.add(name, value, _words)


class _Hidden:
    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._guard = threading.Lock()

    def add(self, name: str, value: str, parts: Callable[[str], Iterable[str]]) -> None:
        with self._guard:
            self._names |= dict.fromkeys(parts(value), name)
            while len(self._names) > _MOST_HIDDEN:
                del self._names[next(iter(self._names))]

    def among(self, text: str) -> dict[str, str]:
        """The hidden values that a text contains, with their replacements."""
        with self._guard:
            return {value: name for value, name in self._names.items() if value in text}


_hidden, _secret = _Hidden(), _Hidden()


def _words(value: str) -> Iterator[str]:
    """Words of a value that an error message may quote, such as the duration of a schedule or a package's name."""
    words = _WORDS.split(value[:LONGEST])
    yield from (word for word in words if len(word) >= _SHORTEST_WORD and word not in _OUR_WORDS)


def spellings(value: str) -> Iterator[str]:
    """The forms in which a text may contain a value: unchanged, encoded, and line by line."""
    lines = [line.strip() for line in value.splitlines()] if "\n" in value else []
    for part in [value, *(line for line in lines if len(line) >= _SHORTEST_LINE)]:
        if len(part) < _SHORTEST_HIDDEN:
            continue
        yield part
        if not _PLAIN.fullmatch(part):
            yield from (json.dumps(part)[1:-1], json.dumps(part, ensure_ascii=False)[1:-1], repr(part)[1:-1])
            yield from (quote(part, safe="", errors="replace"), quote_plus(part, errors="replace"), html.escape(part))


def _without_secrets(text: str, more: Mapping[str, str]) -> str:
    found = _hidden.among(text) | _secret.among(text) | {value: name for value, name in more.items() if value in text}
    return _URL.sub(_bare_url, _replaced(text, found))


def _replaced(text: str, found: Mapping[str, str]) -> str:
    if not found:
        return text
    # longest first, since a value may be part of another; all at once, since a replacement may contain a value
    pattern = "|".join(re.escape(value) for value in sorted(found, key=len, reverse=True))
    return re.sub(pattern, lambda each: f"<{found[each[0]]}>", text)


def _bare_url(url: re.Match[str]) -> str:
    scheme, user, rest, query = url.groups()
    return f"{scheme}{'***@' if user else ''}{rest}{f'{query[0]}***' if query else ''}"
