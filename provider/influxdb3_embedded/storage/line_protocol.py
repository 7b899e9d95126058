"""A body of line protocol to groups of equal lines, fast.

An own parser is justified by measurement: the C library ``line-protocol-parser`` reads 285,000 lines a second, loses
the order of keys, cannot tell ``1i`` from ``1u``, accepts ``v=1,v=2`` and has other messages. This one reads more
lines a second, because lines repeat: the series of a line is looked up by its text, and its fields are matched by one
regular expression made from the fields of an earlier line (one call into C). A line that does not fit goes through
the exact grammar (`line_grammar`), so speed never changes what is accepted.
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

MOST_ERRORS: Final = 100_000
"""Bad lines of a write that are told. A body may hold millions, and what is told of each takes hundreds of bytes."""

_SERIES_REMEMBERED: Final = 65_536
_BLOCK: Final = 65_536
_PLAIN_NAME = re.compile(r'[^\s,="\\]+')
# At most 18 digits, so that range checks are left to the exact grammar; timestamps up to 8999... fit 64 bits.
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
        fields: Names and kinds of their fields.
        numbers: Line number of each.
        series: Table and tags of each.
        values: The text of the field values of each, then its timestamp or ``None``.
        times: Nanoseconds since the epoch of each, once `timestamps.resolve` has seen it.
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
        """The line at a position of this group."""
        return Line(self.series[index], self.fields, self.values[index])

    def select(self, keep: list[bool]) -> LineGroup:
        """The lines marked by ``keep``, which is as long as the group."""
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
    """What a body holds.

    Attributes:
        groups: The good lines; groups in the order of their first line.
        errors: The bad lines, in order; at most `MOST_ERRORS`.
        line_count: How many lines there are, good and bad; blank lines and comments are none.
    """

    groups: list[LineGroup]
    errors: list[LineError]
    line_count: int


def decode(body: bytes | str) -> str:
    """The text of a request body.

    Raises:
        NotUtf8Error: When it is not UTF-8.
    """
    if isinstance(body, str):
        return body
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise NotUtf8Error(error) from error


def parse(body: str) -> ParsedLines:
    """Parse a whole body at once, as `parse_pieces`."""
    return next(parse_pieces(body, None))


def parse_pieces(body: str, size: int | None) -> Iterator[ParsedLines]:
    """Parse a body; bad lines become errors and do not disturb the others (contract 8.1).

    Args:
        body: Lines separated by newlines; a newline inside a quoted string belongs to the string.
        size: After how many lines a piece ends; ``None`` makes one piece of all.

    Yields:
        Groups and errors of each piece; lines are numbered through.
    """
    physical_lines = chain.from_iterable(_blocks(body))
    number = 0
    while block := list(islice(physical_lines, size)):
        parsed = _parse(block, physical_lines, number)
        number += parsed.line_count
        yield parsed


def _blocks(body: str) -> Iterator[list[str]]:
    """The physical lines; split by blocks, since no other thread runs while a text is split."""
    start = 0
    while (end := body.find("\n", start + _BLOCK)) >= 0:
        yield body[start:end].split("\n")
        start = end + 1
    yield body[start:].split("\n")


def _parse(block: list[str], rest: Iterator[str], before: int) -> ParsedLines:
    """Parse the lines of a block, the last with those of the rest that belong to it."""
    if len(_known_series) > _SERIES_REMEMBERED:
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
            if len(errors) < MOST_ERRORS:
                errors.append(LineError(str(error), number, original_line(text)))
            continue
        key = (line.series.table, line.fields)
        group = groups.get(key) or groups.setdefault(key, LineGroup(line.series.table, line.fields))
        group.add(number, line.series, line.values)
        # A pattern costs as much as parsing fifty lines: it is made when the fields come a second time.
        if len(group.numbers) > 1 and (matcher := _matcher(line.fields)):
            latest[line.series.table] = group, matcher
            expected.pop(head, None)
    return ParsedLines(list(groups.values()), errors, number - before)


def _first_guess(
    head: str,
    latest: dict[str, tuple[LineGroup, Callable[[str], re.Match[str] | None]]],
    expected: dict[str, tuple[Series, LineGroup, Callable[[str], re.Match[str] | None]]],
) -> tuple[Series, LineGroup, Callable[[str], re.Match[str] | None]] | None:
    """Expect a series that is new in this body to have the fields that its table had last."""
    if not latest or not head:
        return None
    series = _known_series.get(head)
    if series is None:
        try:
            series = _known_series[head] = parse_series(head)
        except LineProtocolError:
            return None  # the exact grammar says what is wrong
    found = latest.get(series.table)
    if found is None or not series.tags.keys().isdisjoint(found[0].fields.names):
        return None
    guess = expected[head] = (series, *found)
    return guess


@lru_cache(maxsize=4096)
def _matcher(fields: Fields) -> Callable[[str], re.Match[str] | None] | None:
    """A function that matches what follows the series in a line with these fields; None for names that need escapes."""
    if not all(map(_PLAIN_NAME.fullmatch, fields.names)):
        return None
    pairs = ",".join(
        f"{re.escape(name)}={_VALUE_PATTERNS[kind]}" for name, kind in zip(fields.names, fields.kinds, strict=True)
    )
    return re.compile(pairs + _TIMESTAMP_PATTERN).fullmatch
