"""Text of others in messages of ours: the one place where it is made safe to show.

A server, a gateway before it, a plugin and pip say what they like: sequences that drive a terminal, fifty megabytes, a
password that they were sent. `shown` is for text whose author is somebody else, `message` for whole messages of ours.
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
"""Characters at the end of a message that is cut: they say what is live and what to do."""
_READ = 8 * LONGEST
"""Characters that are looked at: what is hidden or escaped among them may make them shorter."""
_SHORTEST_HIDDEN = 4
"""Characters from which on a value is hidden: a shorter one is found in any text."""
_SHORTEST_LINE = 8
_SHORTEST_WORD = 6
_OUR_WORDS = {"request", "all_tables"}
"""Words of specifications, which messages of ours need."""
_WORDS = re.compile(r"[\s,;:=@&?#/\"'|()\[\]{}]+")
_MOST_HIDDEN = 100_000
"""Values that are kept: a process that talks to servers for months drops the oldest."""

# all but tab and line feed: C0, DEL, C1, soft hyphen, and what is invisible, breaks lines or turns the direction
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
_URL = re.compile(r"(?<![A-Za-z0-9+.-])([A-Za-z][A-Za-z0-9+.-]*://)([^\s/?#'\"<>]*@)?([^\s?#'\"<>]*)([?#][^\s'\"<>]*)?")
_PLAIN = re.compile(r"[A-Za-z0-9_.~-]+")


def escaped(text: str) -> str:
    r"""The text with every control character, and what else steers a terminal, written as ``\x1b``.

    Line feeds and tabs stay. Escaping twice changes nothing.
    """
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text.replace("\r\n", "\n"))


def shown(text: str, *, longest: int = LONGEST, hidden: Mapping[str, str] | None = None) -> str:
    """A foreign text as a message can hold it.

    Args:
        text: Whatever somebody else wrote.
        longest: Characters at most, the remark that it was cut included.
        hidden: Values that it must not repeat, each with what stands there instead, beside those of `hide`.

    Returns:
        The text: escaped, cut, without the user, query and fragment of any URL. Its further lines are indented, so
        that none looks like a message of its own.
    """
    safe = escaped(_without_secrets(text[:_READ], hidden or {}))
    first, *further = [line.rstrip() for line in safe.split("\n") if line.strip()] or [""]
    safe = "\n".join([first.lstrip(), *(f"    {line}" for line in further)])
    if len(text) <= _READ and len(safe) <= longest:
        return safe
    remark = f"... ({len(text)} characters in all)"
    return safe[: longest - len(remark)] + remark


def message(text: str) -> str:
    """A message of ours as it is printed: escaped, without the values that are secret, cut where it has no end."""
    safe = escaped(_replaced(text, _secret.among(text)))
    if len(safe) <= _LONGEST_MESSAGE:
        return safe
    remark = f"... ({len(safe)} characters in all) ..."
    return safe[: _LONGEST_MESSAGE - len(remark) - _END] + remark + safe[-_END:]


def hide(name: str, value: str, *, secret: bool = False) -> None:
    """From now on no foreign text that is shown repeats a value of at least four characters.

    Args:
        name: What stands there instead: the property or the key that holds it.
        value: What may be a secret; also found where it is quoted, percent-encoded or written as JSON.
        secret: Whether it is one: then no message of ours repeats it, or a word of it, either.
    """
    (_secret if secret else _hidden).add(name, value, forms)
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
        """Those that a text repeats."""
        with self._guard:
            return {value: name for value, name in self._names.items() if value in text}


_hidden, _secret = _Hidden(), _Hidden()


def _words(value: str) -> Iterator[str]:
    """What a refusal may name of a value: the duration of a schedule, the name of a package."""
    words = _WORDS.split(value[:LONGEST])
    yield from (word for word in words if len(word) >= _SHORTEST_WORD and word not in _OUR_WORDS)


def forms(value: str) -> Iterator[str]:
    """The ways in which somebody may repeat a value: as it is, encoded, and line by line."""
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
    # the longest first: one may be part of another; all at once: a name may hold a value
    pattern = "|".join(re.escape(value) for value in sorted(found, key=len, reverse=True))
    return re.sub(pattern, lambda each: f"<{found[each[0]]}>", text)


def _bare_url(url: re.Match[str]) -> str:
    scheme, user, rest, query = url.groups()
    return f"{scheme}{'***@' if user else ''}{rest}{f'{query[0]}***' if query else ''}"
