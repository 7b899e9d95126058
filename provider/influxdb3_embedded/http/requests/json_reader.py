"""A JSON reader that knows where each value ends, for errors that say so as the real server's parser does.

The real server names line and column of what it cannot take, refuses repeated members and lone surrogates, and stops
at 128 levels (contract 1.1); this reader also stops at 100,000 values. The standard library's reader does none of that;
its string scanner, in C, does the bulk of the work here too.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined] # not in typeshed, but public
from typing import Any

Location = tuple[str | int, ...]
"""Members and indices that lead to a value."""

_DEEPEST = 128
_MOST_VALUES = 100_000
_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_WORDS = {"true": True, "false": False, "null": None}
# the largest that a 64 bit number takes exactly; larger ones are floats, as the real server reads them
_DIGITS_OF_AN_INTEGER = 20


class JsonError(ValueError):
    """A text that is not JSON; the message ends with line and column."""


class JsonReader:
    """Reads one JSON text.

    Args:
        text: The text.

    Attributes:
        ends: Where each value ends (offset in ``text``), filled by `read` when it is told to.
        repeated: Members that occur twice in one object: where the object is, the member, and where its repeated name
            ends.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._locate = False
        self._values = 0
        self.ends: dict[Location, int] = {}
        self.repeated: list[tuple[Location, str, int]] = []

    def read(self, *, locate: bool = False) -> Any:
        """The value; raises `JsonError`.

        Args:
            locate: Whether to fill ``ends``, which takes memory for each value.
        """
        self._at, self._locate, self._values = 0, locate, 0
        self.ends.clear()
        self.repeated.clear()
        value = self._value((), _DEEPEST)
        self._skip_blanks()
        if self._at < len(self._text):
            raise self._error("trailing characters", self._at + 1)
        return value

    def position(self, offset: int) -> str:
        """Line and column of what ends at an offset, as errors name them; columns count bytes."""
        line_start = self._text.rfind("\n", 0, offset) + 1
        line = self._text.count("\n", 0, offset) + 1
        return f"at line {line} column {len(self._text[line_start:offset].encode())}"

    def _error(self, what: str, offset: int) -> JsonError:
        return JsonError(f"{what} {self.position(min(offset, len(self._text)))}")

    def _skip_blanks(self) -> str:
        found = _BLANK.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _value(self, location: Location, levels: int) -> Any:
        character = self._skip_blanks()
        self._values += 1
        if self._values > _MOST_VALUES:
            # what checks the value would need as long for each wrong one, and cannot be interrupted
            raise self._error(f"more than {_MOST_VALUES} values", self._at)
        value: Any
        if character == '"':
            value = self._string()
        elif character == "{":
            value = self._object(location, levels)
        elif character == "[":
            value = self._array(location, levels)
        elif character == "-" or character.isdigit():
            value = self._number()
        else:
            value = self._word(character)
        if self._locate:
            self.ends[location] = self._at
        return value

    def _string(self) -> str:
        start = self._at
        try:
            value, self._at = scanstring(self._text, start + 1, True)
        except JSONDecodeError as error:
            if error.msg.startswith("Unterminated"):
                raise self._error("EOF while parsing a string", len(self._text)) from None
            what = "control character (\\u0000-\\u001F) found while parsing a string"
            raise self._error(what if "control" in error.msg else "invalid escape", error.pos + 1) from None
        if _SURROGATE.search(value):
            raise self._error("lone leading surrogate in hex escape", self._at)
        return str(value)

    def _object(self, location: Location, levels: int) -> dict[str, Any]:
        self._enter(levels)
        members: dict[str, Any] = {}
        while (character := self._skip_blanks()) != "}" or members:
            if character != '"':
                raise self._unexpected(
                    character, "an object", "trailing comma" if character == "}" else "key must be a string"
                )
            name = self._string()
            if name in members:
                self.repeated.append((location, name, self._at))
            character = self._skip_blanks()
            if character != ":":
                raise self._unexpected(character, "an object", "expected `:`")
            self._at += 1
            members[name] = self._value((*location, name), levels - 1)
            if not self._more("}", "an object"):
                return members
        self._at += 1
        return members

    def _array(self, location: Location, levels: int) -> list[Any]:
        self._enter(levels)
        items: list[Any] = []
        while (character := self._skip_blanks()) != "]" or items:
            if character == "]":
                raise self._error("trailing comma", self._at + 1)
            items.append(self._value((*location, len(items)), levels - 1))
            if not self._more("]", "a list"):
                return items
        self._at += 1
        return items

    def _enter(self, levels: int) -> None:
        self._at += 1
        if not levels:
            raise self._error("recursion limit exceeded", self._at)

    def _more(self, closing: str, what: str) -> bool:
        character = self._skip_blanks()
        if character not in (",", closing) or not character:
            raise self._unexpected(character, what, f"expected `,` or `{closing}`")
        self._at += 1
        return character == ","

    def _unexpected(self, character: str, inside: str, what: str) -> JsonError:
        if not character:
            return self._error(f"EOF while parsing {inside}", len(self._text))
        return self._error(what, self._at + 1)

    def _number(self) -> int | float:
        found = _NUMBER.match(self._text, self._at)
        if found is None:
            raise self._error("invalid number", self._at + 1)
        self._at = found.end()
        if found[1] or found[2] or len(found[0]) > _DIGITS_OF_AN_INTEGER:
            value = float(found[0])
            if value in (float("inf"), float("-inf")):
                raise self._error("number out of range", self._at)
            return value
        return int(found[0])

    def _word(self, character: str) -> bool | None:
        if not character:
            raise self._error("EOF while parsing a value", len(self._text))
        for word, value in _WORDS.items():
            if self._text.startswith(word, self._at):
                self._at += len(word)
                return value
        raise self._error("expected ident" if character in "tfn" else "expected value", self._at + 1)
