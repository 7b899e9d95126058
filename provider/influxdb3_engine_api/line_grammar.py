r"""Parses one line of line protocol exactly as InfluxDB 3 does.

The grammar is ``series SP+ fields [SP+ timestamp SP*]``. Special rules:

* A name ends at an unescaped separator. It has no quotes. Field and tag keys may contain commas.
* An unknown escape keeps its backslash. A name must not end in a backslash.
* A field that does not parse ends the fields. For the first field the error is ``No fields were provided``. For later
  ones it is about trailing content.
* Numbers are ``-?digits[.digits][e[+-]digits]`` with the suffixes ``i`` and ``u``. ``nan``, ``inf``, ``.5`` and ``+1``
  are invalid.

Error texts and their excerpts are those of contract 8.1, or else those of the server's parser.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api.column_kinds import MAXIMUM_INTEGER, MAXIMUM_UINTEGER, MINIMUM_INTEGER, ColumnKind

if TYPE_CHECKING:
    from collections.abc import Iterator

_EXCERPT_LENGTH = 10
_ORIGINAL_LINE_BYTES = 20

_MEASUREMENT = re.compile(r"(?:[^ \t\n\x00,\\]++|\\.)*+", re.DOTALL)
_KEY = re.compile(r"(?:[^ \t\n=\\]++|\\.)*+", re.DOTALL)
_TAG_VALUE = re.compile(r"(?:[^ \t\n,\\]++|\\.)*+", re.DOTALL)
_VALUE = re.compile(
    r"(-?[0-9]+)i"
    r"|([0-9]+)u"
    r"|(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
    r'|"((?:[^"\\]++|\\.)*+)"'
    r"|(true|True|TRUE|t|T|false|False|FALSE|f|F)",
    re.DOTALL,
)
_VALUE_KINDS = (
    ColumnKind.INTEGER,
    ColumnKind.UINTEGER,
    ColumnKind.FLOAT,
    ColumnKind.STRING,
    ColumnKind.BOOLEAN,
)
_TIMESTAMP = re.compile(r" +(-?[0-9]+) *")
_BLANKS_AND_COMMENTS = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")
_MEASUREMENT_ESCAPE = re.compile(r"\\([, \\])")
_NAME_ESCAPE = re.compile(r"\\([,= \\])")
_STRING_ESCAPE = re.compile(r'\\(["\\])')
_MEASUREMENT_SPECIAL = re.compile(r"([, ])")
_NAME_SPECIAL = re.compile(r"([,= ])")


class LineError(NamedTuple):
    """The error of one line, as write operations report it (contract 8.1).

    Attributes:
        message: The server's text.
        line_number: Number of the line from 1, without blank lines and comments.
        original_line: The beginning of the line, at most 20 bytes.
        over_limit: Whether the line exceeds a limit, so that the answer has status 422.
    """

    message: str
    line_number: int
    original_line: str
    over_limit: bool = False


class LineProtocolError(ValueError):
    """An invalid line; the text is the server's."""


class Series(NamedTuple):
    """The part of a line before its fields: the table, and the tags in the order of the line."""

    table: str
    tags: dict[str, str]


class Fields(NamedTuple):
    """Names and kinds of a line's fields, in the order of the line."""

    names: tuple[str, ...]
    kinds: tuple[ColumnKind, ...]


class Line(NamedTuple):
    """A parsed line.

    Attributes:
        series: Table and tags.
        fields: Names and kinds of the fields.
        values: The text of each value without suffix, quotes and escapes, then the timestamp (None if it is missing).
    """

    series: Series
    fields: Fields
    values: tuple[str | None, ...]


def skip_blank(text: str) -> str:
    """The text without white space and comment lines at its beginning."""
    match = _BLANKS_AND_COMMENTS.match(text)
    assert match is not None  # the pattern matches the empty text
    return text[match.end() :]


def logical_line(line: str, following: Iterator[str]) -> str:
    """The line, joined with the following ones if a quoted string or a backslash goes over the line's end."""
    if '"' not in line and "\\" not in line:
        return line
    parts = [line]
    scan = _QuoteScan()
    while scan.open_after(parts[-1]):
        continuation = next(following, None)
        if continuation is None:
            break
        parts.append(continuation)
    return "\n".join(parts)


def parse_line(text: str) -> Line:
    """Parse one line that does not begin with a blank and is not a comment.

    Raises:
        LineProtocolError: The line is invalid.
    """
    series, position = _series(text)
    after_blanks = len(text) - len(text[position:].lstrip(" "))
    if after_blanks == position:
        rest = text[position:]
        msg = f"Expected at least one space character, got {f'`{rest}`' if rest else 'end of input'}"
        raise LineProtocolError(msg)
    fields, values, position = _fields(text, after_blanks)
    timestamp: str | None = None
    if match := _TIMESTAMP.match(text, position):
        timestamp, position = match[1], match.end()
        if not MINIMUM_INTEGER <= int(timestamp) <= MAXIMUM_INTEGER:
            msg = f"Unable to parse timestamp value `{timestamp}`"
            raise LineProtocolError(msg)
    if position < len(text):
        msg = f"Could not parse entire line. Found trailing content: `{_excerpt(text[position:])}`"
        raise LineProtocolError(msg)
    _refuse_repeated_keys(series, fields)
    return Line(series, fields, (*values, timestamp))


def parse_series(text: str) -> Series:
    """Parse the part of a line before its first blank.

    Raises:
        LineProtocolError: The text is not a table with tags.
    """
    series, position = _series(text)
    if position < len(text):
        msg = f"Expected at least one space character, got `{text[position:]}`"
        raise LineProtocolError(msg)
    return series


def original_line(text: str) -> str:
    """The beginning of a line that an error contains: at most 20 bytes."""
    return text.partition("\n")[0].encode()[:_ORIGINAL_LINE_BYTES].decode(errors="ignore")


def render(line: Line) -> str:
    """The line as the server writes it in errors after parsing: string values have no quotes."""
    tags = "".join(f",{_escape(key)}={_escape(value)}" for key, value in line.series.tags.items())
    *values, timestamp = line.values
    fields = ",".join(
        f"{_escape(name)}={_render_value(kind, value or '')}"
        for name, kind, value in zip(line.fields.names, line.fields.kinds, values, strict=True)
    )
    table = _MEASUREMENT_SPECIAL.sub(r"\\\1", line.series.table)
    return f"{table}{tags} {fields}" + ("" if timestamp is None else f" {int(timestamp)}")


def _escape(name: str) -> str:
    return _NAME_SPECIAL.sub(r"\\\1", name)


def _series(text: str) -> tuple[Series, int]:
    table, position = _name(_MEASUREMENT, _MEASUREMENT_ESCAPE, text, 0)
    if not table:
        msg = "Invalid measurement was provided"
        raise LineProtocolError(msg)
    tags: dict[str, str] = {}
    tag_set_start = position + 1
    while text.startswith(",", position):
        start = position + 1
        key, position = _name(_KEY, _NAME_ESCAPE, text, start)
        if not key:
            raise LineProtocolError(_expected("tag key", text[start:]))
        if not text.startswith("=", position):
            msg = f"Tag set malformed: could not find equals sign in `{_excerpt(text[tag_set_start:])}`"
            raise LineProtocolError(msg)
        start = position + 1
        value, position = _name(_TAG_VALUE, _NAME_ESCAPE, text, start)
        if not value:
            raise LineProtocolError(_expected("tag value", text[start:]))
        if key in tags:
            # as later releases; 3.10 stores the line, and then cannot read the table any more
            msg = f"invalid line protocol - multiple instances of '{key}' tag found"
            raise LineProtocolError(msg)
        tags[key] = value
    return Series(table, tags), position


def _name(pattern: re.Pattern[str], escape: re.Pattern[str], text: str, start: int) -> tuple[str, int]:
    match = pattern.match(text, start)
    assert match is not None  # the patterns match the empty text
    end = match.end()
    raw = match[0]
    name = escape.sub(r"\1", raw) if "\\" in raw else raw
    if name.endswith("\\") or text[end:] == "\\":
        msg = "Measurements, tag keys and values, and field keys may not end with a backslash"
        raise LineProtocolError(msg)
    return name, end


def _fields(text: str, position: int) -> tuple[Fields, list[str], int]:
    names: list[str] = []
    kinds: list[ColumnKind] = []
    values: list[str] = []
    start = position
    while True:
        name, end = _name(_KEY, _NAME_ESCAPE, text, start)
        match = _VALUE.match(text, end + 1) if name and text.startswith("=", end) else None
        if match is None:
            if not names:
                msg = "No fields were provided"
                raise LineProtocolError(msg)
            # the server stops after the comma if the second field fails, and before the comma if a later one fails
            return Fields(tuple(names), tuple(kinds)), values, start if len(names) == 1 else start - 1
        assert match.lastindex is not None  # every alternative is a group
        kind, value = _VALUE_KINDS[match.lastindex - 1], match[match.lastindex]
        names.append(name)
        kinds.append(kind)
        values.append(_checked_value(kind, value))
        position = match.end()
        if not text.startswith(",", position):
            return Fields(tuple(names), tuple(kinds)), values, position
        start = position + 1


def _checked_value(kind: ColumnKind, value: str) -> str:
    if kind is ColumnKind.STRING and "\\" in value:
        return _STRING_ESCAPE.sub(r"\1", value)
    if kind is ColumnKind.INTEGER and not MINIMUM_INTEGER <= int(value) <= MAXIMUM_INTEGER:
        msg = f"Unable to parse integer value `{value}`"
        raise LineProtocolError(msg)
    if kind is ColumnKind.UINTEGER and int(value) > MAXIMUM_UINTEGER:
        msg = f"Unable to parse unsigned integer value `{value}`"
        raise LineProtocolError(msg)
    return value


def _refuse_repeated_keys(series: Series, fields: Fields) -> None:
    seen: set[str] = set()
    for name, kind in zip(*fields, strict=True):
        if name in seen:
            msg = f"invalid line protocol - multiple instances of '{name}' field found"
            raise LineProtocolError(msg)
        if name in series.tags:
            raise LineProtocolError(type_conflict_message(name, ColumnKind.TAG, kind))
        seen.add(name)


def type_conflict_message(column: str, expected: ColumnKind, got: ColumnKind) -> str:
    """The server's text about a value whose kind differs from its column's (contract 8.1)."""
    return f"invalid column type for column '{column}', expected {expected.iox_type}, got {got.iox_type}"


def _expected(what: str, rest: str) -> str:
    return f"Expected {what}, got {f'`{_excerpt(rest)}`' if rest else 'end of input'}"


def _excerpt(text: str) -> str:
    return f"{text[:_EXCERPT_LENGTH]}..." if len(text.encode()) > _EXCERPT_LENGTH else text


def _render_value(kind: ColumnKind, value: str) -> str:
    match kind:
        case ColumnKind.INTEGER:
            return f"{int(value)}i"
        case ColumnKind.UINTEGER:
            return f"{int(value)}u"
        case ColumnKind.FLOAT:
            return _render_float(float(value))
        case ColumnKind.BOOLEAN:
            return "true" if value[0] in "tT" else "false"
        case _:
            return value.replace('"', '\\"')


def _render_float(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return str(value)
    digits = format(Decimal(repr(value)), "f")
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


class _QuoteScan:
    """Tells whether a line feed belongs to the line.

    As on the server, a quote starts a string only after a blank and more equals signs than commas. A backslash escapes
    the next character, even a line feed.
    """

    def __init__(self) -> None:
        self._quoted = False
        self._in_fields = False
        self._equals_over_commas = 0

    def open_after(self, text: str) -> bool:
        escaped = False
        for character in text:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == " ":
                self._in_fields = True
            elif self._in_fields and character == '"' and self._equals_over_commas > 0:
                self._quoted = not self._quoted
            elif self._in_fields and not self._quoted and character in "=,":
                self._equals_over_commas += 1 if character == "=" else -1
        return self._quoted or escaped
