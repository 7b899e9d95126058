"""Finds the ends of the values in a JSON text, for errors with line and column as on the real server (contract 1.1).

`pydantic_core.from_json` returns values without positions.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

Location = tuple[str | int, ...]
"""Names of members and indices on the way to a value."""

_MAX_LEVELS = 128
_MAX_VALUES = 30_000
_MAX_TOKENS = 5 * _MAX_VALUES  # a member of an object: its name, a colon, two brackets, a comma
# A string without an end is a token too. Otherwise, each quote in it would be tried as the start of a string.
_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]:,]|[^\s{}\[\]:,"]+', re.DOTALL)


class JsonLimitError(ValueError):
    """A JSON text with too many values or levels. The message ends with line and column."""


@dataclass(slots=True)
class _Container:
    """An object or an array whose end has not been read.

    Attributes:
        location: Location of the container.
        step: The member or the index of the value that comes next; None if the name of a member comes next.
        names: Names of its members so far; None for an array.
    """

    location: Location
    step: str | int | None
    names: set[str] | None


@dataclass(slots=True)
class JsonPositions:
    """Positions in a JSON text. If the text is invalid JSON, the positions are meaningless.

    Args:
        text: The text.

    Attributes:
        ends: Location of each value to the offset of its end.
        repeated: Members that occur twice in one object: location of the object, name, offset of the end of the name.

    Raises:
        JsonLimitError: The text has too many values or levels.
    """

    text: str
    ends: dict[Location, int] = field(default_factory=dict, init=False)
    repeated: list[tuple[Location, str, int]] = field(default_factory=list, init=False)
    _open: list[_Container] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        for number, match in enumerate(_TOKEN.finditer(self.text)):
            if number >= _MAX_TOKENS:
                raise self._too_many(match.end())
            self._read(match[0], match.end())

    def describe(self, offset: int) -> str:
        """Line and column of an offset, for an error. Columns count bytes."""
        line_start = self.text.rfind("\n", 0, offset) + 1
        line = self.text.count("\n", 0, offset) + 1
        return f"at line {line} column {len(self.text[line_start:offset].encode())}"

    def _read(self, word: str, end: int) -> None:
        container = self._open[-1] if self._open else None
        if word in ("{", "["):
            is_object = word == "{"
            self._open.append(_Container(self._here(), None if is_object else 0, set() if is_object else None))
            if len(self._open) > _MAX_LEVELS:
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
        if len(self.ends) > _MAX_VALUES:
            raise self._too_many(end)

    def _too_many(self, end: int) -> JsonLimitError:
        # without this limit, validation could take minutes, and cannot be interrupted
        return JsonLimitError(f"more than {_MAX_VALUES} values {self.describe(end)}")


def _unquoted(word: str) -> str:
    try:
        return str(json.loads(word))
    except ValueError:
        return word
