"""Finds where the values of a JSON text end, which `pydantic_core.from_json` does not tell.

Errors name that position, as the real server's do (contract 1.1).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

Location = tuple[str | int, ...]
"""Members and indices that lead to a value."""

_DEEPEST = 128
_MOST_VALUES = 100_000
_MOST_TOKENS = 5 * _MOST_VALUES  # a member of an object: its name, a colon, two brackets, a comma
# A string without an end is a token too. Otherwise, each quote in it would be tried as the start of a string.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


class JsonLimitError(ValueError):
    """A JSON text with too many values or levels. The message ends with line and column."""


@dataclass(slots=True)
class _Container:
    """An object or an array that the reading is in.

    Attributes:
        location: Where it is.
        step: The member or the index of the value that comes next; None if the name of a member comes next.
        names: Names of its members so far; None for an array.
    """

    location: Location
    step: str | int | None
    names: set[str] | None


@dataclass(slots=True)
class JsonPositions:
    """Positions in one JSON text. The text need not be valid: of an invalid text, the positions mean nothing.

    Args:
        text: The text.

    Attributes:
        ends: Where each value ends, as an offset in ``text``.
        repeated: Members that occur twice in one object: where the object is, the member, and where its second name
            ends.

    Raises:
        JsonLimitError: The text has too many values or levels.
    """

    text: str
    ends: dict[Location, int] = field(default_factory=dict, init=False)
    repeated: list[tuple[Location, str, int]] = field(default_factory=list, init=False)
    _open: list[_Container] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for number, match in enumerate(_TOKEN.finditer(self.text)):
            if number >= _MOST_TOKENS:
                raise self._too_many(match.end())
            self._read(match[0], match.end())

    def describe(self, offset: int) -> str:
        """Line and column of an offset, as errors name them. Columns count bytes."""
        line_start = self.text.rfind("\n", 0, offset) + 1
        line = self.text.count("\n", 0, offset) + 1
        return f"at line {line} column {len(self.text[line_start:offset].encode())}"

    def _read(self, word: str, end: int) -> None:
        container = self._open[-1] if self._open else None
        if word in ("{", "["):
            is_object = word == "{"
            self._open.append(_Container(self._here(), None if is_object else 0, set() if is_object else None))
            if len(self._open) > _DEEPEST:
                raise JsonLimitError(f"recursion limit exceeded {self.describe(end)}")
        elif container is None:
            self._end_value((), end)
        elif word in ("}", "]"):
            self._open.pop()
            self._end_value(container.location, end)
        elif word == ",":
            container.step = container.step + 1 if isinstance(container.step, int) else None
        elif container.names is not None and container.step is None:
            container.step = name = _unquoted(word)
            if name in container.names:
                self.repeated.append((container.location, name, end))
            container.names.add(name)
        elif word != ":":
            self._end_value(self._here(), end)

    def _here(self) -> Location:
        if not self._open:
            return ()
        location, step = self._open[-1].location, self._open[-1].step
        return location if step is None else (*location, step)

    def _end_value(self, location: Location, end: int) -> None:
        self.ends[location] = end
        if len(self.ends) > _MOST_VALUES:
            raise self._too_many(end)

    def _too_many(self, end: int) -> JsonLimitError:
        # without this limit, validation could take minutes, and cannot be interrupted
        return JsonLimitError(f"more than {_MOST_VALUES} values {self.describe(end)}")


def _unquoted(word: str) -> str:
    try:
        return str(json.loads(word))
    except ValueError:
        return word
