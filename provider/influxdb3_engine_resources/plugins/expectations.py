"""Whether a dry run wrote what was expected."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api.column_kinds import ColumnKind
from influxdb3_engine_api.line_grammar import LineProtocolError, logical_line, parse_line, skip_blank

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

ExpectedWrites = list[str] | dict[str, list[str]]
"""Lines of line protocol for the test's own database, or by database; ``/REGULAR EXPRESSION/`` stands for a line."""


class Point(NamedTuple):
    """What a line of line protocol means: equal points are written by equal lines.

    Attributes:
        table: The table.
        tags: Tags in any order.
        fields: Name, kind and value of each field in any order: ``1``, ``1.0`` and ``1e0`` are equal, ``1i`` differs.
        time: Nanoseconds since the epoch; ``None`` if the line has no timestamp.
    """

    table: str
    tags: frozenset[tuple[str, str]]
    fields: frozenset[tuple[str, ColumnKind, object]]
    time: int | None


def expression(line: str) -> re.Pattern[str] | None:
    """The regular expression that an expected line is, ``None`` where it is line protocol, which never ends so.

    Raises:
        ValueError: It cannot be compiled.
    """
    if len(line) < 2 or not (line.startswith("/") and line.endswith("/")):
        return None
    try:
        return re.compile(line[1:-1])
    except re.error as error:
        raise ValueError(f"the regular expression cannot be compiled: {error}") from None


def point(line: str) -> Point:
    """What a line means.

    Raises:
        ValueError: It is not line protocol; says why in the server's words.
    """
    try:
        parsed = parse_line(skip_blank(line))
    except LineProtocolError as error:
        raise ValueError(f"not one line of line protocol: {error}") from None
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
    """What was expected and not written, and what was written and not expected; empty where all is as expected.

    Lines are compared by their values: neither the order of lines, tags and fields nor the way in which a number is
    written matters. A line without a timestamp meets one with any. Each expected line takes the first written one that
    it meets: those with a timestamp before those without, and the expressions last.

    Args:
        expected: What should have been written, and nothing else.
        written: Database to what was written, one or several lines a text.
        database: Where the lines of an ``expected`` that names no database belong.
    """
    by_database = expected if isinstance(expected, dict) else {database: expected}
    problems = []
    for name in sorted({*by_database, *written}):
        lines = [line for text in written.get(name, ()) for line in _lines(text)]
        for wanted in sorted(by_database.get(name, ()), key=_vagueness):
            met = next((line for line in lines if _meets(line, wanted)), None)
            if met is None:
                problems.append(f"nothing like {wanted!r} was written to {name!r}")
            else:
                lines.remove(met)
        problems += [f"{line!r} was written to {name!r}, which was not expected" for line in lines]
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
    except ValueError:  # the server takes what this release does not know
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
