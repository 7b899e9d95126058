"""Parses line protocol into groups of lines that have the same fields.

We have our own parser because the C library ``line-protocol-parser`` loses the order of keys, takes ``1u`` for ``1i``,
accepts ``v=1,v=2`` and has other messages. Our parser is faster (the library reads 285,000 lines a second), because
lines repeat: it looks a series up by its text, and matches the fields with one regular expression that it has made from
the fields of an earlier line. All other lines go through the exact grammar (`line_grammar`), so the fast way accepts
the same lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain, compress, islice
from typing import TYPE_CHECKING, Final

from influxdb3_embedded.storage.errors import NotUtf8Error
from influxdb3_engine_api.column_kinds import ColumnKind
from influxdb3_engine_api.line_grammar import (
    Fields,
    Line,
    LineError,
    LineProtocolError,
    Series,
    logical_line,
    original_line,
    parse_line,
    parse_series,
    skip_blank,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAX_ERRORS: Final = 100_000
"""Bad lines of a write that the answer names. A body can hold millions, and each takes hundreds of bytes."""

_MAX_KNOWN_SERIES: Final = 65_536
_BLOCK: Final = 65_536
_PLAIN_NAME = re.compile(r'[^\s,="\\]+')
# Numbers have at most 18 digits, so they fit 64 bits: the exact grammar checks longer ones. Timestamps may have 19.
_VALUE_PATTERNS = {
    ColumnKind.FLOAT: r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)",
    ColumnKind.INTEGER: r"(-?[0-9]{1,18})i",
    ColumnKind.UINTEGER: r"([0-9]{1,18})u",
    ColumnKind.STRING: r'"([^"\\]*+)"',
    ColumnKind.BOOLEAN: r"(true|True|TRUE|t|T|false|False|FALSE|f|F)",
}
_TIMESTAMP_PATTERN = r"(?: +(-?(?:[0-8][0-9]{18}|[0-9]{1,18})) *)?"

_known_series: dict[str, Series] = {}


@dataclass(slots=True)
class LineGroup:
    """Lines of one table with the same fields in the same order.

    Attributes:
        table: The table.
        fields: Names and kinds of the fields.
        numbers: Line number of each line.
        series: Table and tags of each line.
        values: Texts of the field values of each line, then its timestamp or None.
        times: Time of each line, in nanoseconds since the epoch. `timestamps.resolve` sets it.
    """

    table: str
    fields: Fields
    numbers: list[int] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    values: list[tuple[str | None, ...]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    def add(self, number: int, series: Series, values: tuple[str | None, ...]) -> None:
        """Append a line."""
        self.numbers.append(number)
        self.series.append(series)
        self.values.append(values)

    def extend(self, later: LineGroup) -> None:
        """Append the lines of another group of the same table and fields."""
        self.numbers += later.numbers
        self.series += later.series
        self.values += later.values
        self.times += later.times

    def line(self, index: int) -> Line:
        """Return the line at a position of this group."""
        return Line(self.series[index], self.fields, self.values[index])

    def select(self, keep: list[bool]) -> LineGroup:
        """Return the lines for which ``keep`` is true. It is as long as the group."""
        return LineGroup(
            self.table,
            self.fields,
            list(compress(self.numbers, keep)),
            list(compress(self.series, keep)),
            list(compress(self.values, keep)),
            list(compress(self.times, keep)),
        )


@dataclass(frozen=True, slots=True)
class ParsedLines:
    """The lines of a body.

    Attributes:
        groups: The good lines. Groups are in the order of their first line.
        errors: The bad lines in order, at most `MAX_ERRORS`.
        line_count: Number of lines, good and bad. Blank lines and comments do not count.
    """

    groups: list[LineGroup]
    errors: list[LineError]
    line_count: int


def decode(body: bytes | str) -> str:
    """Return the text of a request body.

    Raises:
        NotUtf8Error: The body is not UTF-8.
    """
    if isinstance(body, str):
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise NotUtf8Error(error) from error


def parse(body: str, size: int) -> Iterator[ParsedLines]:
    """Parse a body piece by piece. A bad line becomes an error and does not affect other lines (contract 8.1).

    Args:
        body: Lines separated by newlines. A newline inside a quoted string belongs to the string.
        size: Lines of a piece.

    Yields:
        Groups and errors of each piece. Line numbers are those of the body.
    """
    physical_lines = chain.from_iterable(_blocks(body))
    number = 0
    while block := list(islice(physical_lines, size)):
        parsed = _parse(block, physical_lines, number)
        number += parsed.line_count
        yield parsed


def _blocks(body: str) -> Iterator[list[str]]:
    """Split a body into physical lines, block by block: no other thread runs while Python splits a text."""
    start = 0
    while (end := body.find("\n", start + _BLOCK)) >= 0:
        yield body[start:end].split("\n")
        start = end + 1
    yield body[start:].split("\n")


def _parse(block: list[str], rest: Iterator[str], before: int) -> ParsedLines:
    """Parse the lines of a block. The last line can continue in the rest, inside a quoted string."""
    if len(_known_series) > _MAX_KNOWN_SERIES:
        _known_series.clear()
    groups: dict[tuple[str, Fields], LineGroup] = {}
    latest: dict[str, tuple[LineGroup, Callable[[str], re.Match[str] | None]]] = {}  # by table
    expected: dict[str, tuple[Series, LineGroup, Callable[[str], re.Match[str] | None]]] = {}  # by series text
    errors: list[LineError] = []
    number = before
    physical_lines = chain(block, rest)
    for physical_line in islice(physical_lines, len(block)):
        head, _, tail = physical_line.partition(" ")
        guess = expected.get(head) or _first_guess(head, latest, expected)
        if guess is not None:
            series, group, match_fields = guess
            if match := match_fields(tail):
                number += 1
                group.numbers.append(number)
                group.series.append(series)
                group.values.append(match.groups())
                continue
        text = skip_blank(logical_line(physical_line, physical_lines))
        if not text:
            continue
        number += 1
        try:
            line = parse_line(text)
        except LineProtocolError as error:
            if len(errors) < MAX_ERRORS:
                errors.append(LineError(str(error), number, original_line(text)))
            continue
        key = (line.series.table, line.fields)
        group = groups.get(key) or groups.setdefault(key, LineGroup(line.series.table, line.fields))
        group.add(number, line.series, line.values)
        # A pattern costs as much as parsing fifty lines, so only fields that repeat get one.
        if len(group.numbers) > 1 and (matcher := _matcher(line.fields)):
            latest[line.series.table] = group, matcher
            expected.pop(head, None)
    return ParsedLines(list(groups.values()), errors, number - before)


def _first_guess(
    head: str,
    latest: dict[str, tuple[LineGroup, Callable[[str], re.Match[str] | None]]],
    expected: dict[str, tuple[Series, LineGroup, Callable[[str], re.Match[str] | None]]],
) -> tuple[Series, LineGroup, Callable[[str], re.Match[str] | None]] | None:
    """Guess that a series new in this body has the fields of the latest line of its table."""
    if not latest or not head:
        return None
    series = _known_series.get(head)
    if series is None:
        try:
            series = _known_series[head] = parse_series(head)
        except LineProtocolError:
            return None  # the exact grammar makes the error
    found = latest.get(series.table)
    if found is None or not series.tags.keys().isdisjoint(found[0].fields.names):
        return None
    guess = expected[head] = (series, *found)
    return guess


@lru_cache(maxsize=4096)
def _matcher(fields: Fields) -> Callable[[str], re.Match[str] | None] | None:
    """Make a function that matches fields and timestamp of a line. None if a field's name needs escapes."""
    if not all(map(_PLAIN_NAME.fullmatch, fields.names)):
        return None
    pairs = ",".join(
        f"{re.escape(name)}={_VALUE_PATTERNS[kind]}" for name, kind in zip(fields.names, fields.kinds, strict=True)
    )
    return re.compile(pairs + _TIMESTAMP_PATTERN).fullmatch
