"""Comparing what a dry run wrote with what was expected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api.column_kinds import ColumnKind
from influxdb3_engine_api.line_grammar import LineProtocolError, logical_line, parse_line, skip_blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ExpectedWrites = list[str] | dict[str, list[str]]
"""Lines of line protocol, or database to lines; ``/REGULAR EXPRESSION/`` stands for a line."""


class Point(NamedTuple):
    """A line of line protocol, for comparison.

    Attributes:
        table: The table.
        tags: The tags.
        fields: Name, kind and value of each field. ``1``, ``1.0`` and ``1e0`` are equal; ``1i`` differs.
        time: Nanoseconds since the epoch; None if the line has no timestamp.
    """

    table: str
    tags: frozenset[tuple[str, str]]
    fields: frozenset[tuple[str, ColumnKind, object]]
    time: int | None


def expression(line: str) -> re.Pattern[str] | None:
    """The regular expression in an expected line, or None if the line is line protocol, which never ends with ``/``.

    Raises:
        ValueError: The expression is invalid.
    """
    if len(line) < 2 or not (line.startswith("/") and line.endswith("/")):
        return None
    try:
        return re.compile(line[1:-1])
    except re.error as error:
        raise ValueError(f"invalid regular expression: {error}") from None


def point(line: str) -> Point:
    """Parse a line.

    Raises:
        ValueError: The line is not line protocol; says why in the server's words.
    """
    try:
        parsed = parse_line(skip_blank(line))
    except LineProtocolError as error:
        raise ValueError(f"invalid line protocol: {error}") from None
    *values, time = parsed.values
    return Point(
        parsed.series.table,
        frozenset(parsed.series.tags.items()),
        frozenset(
            (name, kind, _value(kind, text or ""))
            for name, kind, text in zip(parsed.fields.names, parsed.fields.kinds, values, strict=True)
        ),
        None if time is None else int(time),
    )


def mismatches(expected: ExpectedWrites, written: Mapping[str, Sequence[str]], database: str) -> list[str]:
    """Lines that were expected and not written, or written and not expected; empty if all is as expected.

    Compares values: the order of lines, tags and fields and the notation of numbers do not matter. A line without a
    timestamp matches any timestamp. Each expected line takes the first written line that it matches: lines with a
    timestamp choose first, then lines without one, then regular expressions.

    Args:
        expected: All lines that should have been written.
        written: Database to texts of one or several lines.
        database: The database of expected lines without one.
    """
    by_database = expected if isinstance(expected, dict) else {database: expected}
    problems = []
    for name in sorted({*by_database, *written}):
        lines = [line for text in written.get(name, ()) for line in _lines(text)]
        for wanted in sorted(by_database.get(name, ()), key=_vagueness):
            met = next((line for line in lines if _meets(line, wanted)), None)
            if met is None:
                problems.append(f"{wanted!r} was expected in {name!r} and not written")
            else:
                lines.remove(met)
        problems += [f"{line!r} was written to {name!r} and not expected" for line in lines]
    return problems


def _lines(text: str) -> Iterator[str]:
    physical = iter(text.split("\n"))
    for line in physical:
        if whole := skip_blank(logical_line(line, physical)):
            yield whole


def _vagueness(wanted: str) -> int:
    if expression(wanted) is not None:
        return 2
    return 1 if point(wanted).time is None else 0


def _meets(line: str, wanted: str) -> bool:
    pattern = expression(wanted)
    if pattern is not None:
        return pattern.fullmatch(line) is not None
    try:
        there = point(line)
    except ValueError:  # line protocol of a later release
        return line == wanted
    expected = point(wanted)
    return there == (expected if expected.time is not None else expected._replace(time=there.time))


def _value(kind: ColumnKind, text: str) -> object:
    match kind:
        case ColumnKind.FLOAT:
            return float(text)
        case ColumnKind.INTEGER | ColumnKind.UINTEGER:
            return int(text)
        case ColumnKind.BOOLEAN:
            return text[0] in "tT"
        case _:
            return text
