"""Converts timestamps of lines to nanoseconds (contract 8.1)."""

from __future__ import annotations

from enum import StrEnum
from itertools import islice
from typing import Final

from influxdb3_embedded.storage.line_protocol import MAX_ERRORS, LineGroup, ParsedLines
from influxdb3_engine_api.column_kinds import MAXIMUM_INTEGER, MINIMUM_INTEGER
from influxdb3_engine_api.line_grammar import LineError, original_line, render


class Precision(StrEnum):
    """The unit of the timestamps of a write. ``AUTO`` derives the unit of each timestamp from its magnitude."""

    AUTO = "auto"
    SECOND = "second"
    MILLISECOND = "millisecond"
    MICROSECOND = "microsecond"
    NANOSECOND = "nanosecond"


_NANOSECONDS: Final = {
    Precision.SECOND: 1_000_000_000,
    Precision.MILLISECOND: 1_000_000,
    Precision.MICROSECOND: 1_000,
    Precision.NANOSECOND: 1,
}
# From these magnitudes on, a timestamp is not in seconds, milliseconds, microseconds.
_NOT_SECONDS, _NOT_MILLISECONDS, _NOT_MICROSECONDS = 5_000_000_000, 5_000_000_000_000, 5_000_000_000_000_000


def resolve(parsed: ParsedLines, precision: Precision, default: int) -> ParsedLines:
    """Set the times of lines.

    Args:
        parsed: Lines with the texts of their timestamps.
        precision: Unit of the timestamps.
        default: Time of lines without a timestamp, in nanoseconds since the epoch. It is cut to the precision, unless
            the precision is ``AUTO``.

    Returns:
        The lines whose time fits 64 bits of nanoseconds, and errors for the others.
    """
    groups: list[LineGroup] = []
    errors = list(parsed.errors)
    for group in parsed.groups:
        written = [None if (text := values[-1]) is None else int(text) for values in group.values]
        if precision is Precision.AUTO:
            group.times = [default if time is None else time * _guess(time) for time in written]
            groups.append(group)
            continue
        factor = _NANOSECONDS[precision]
        cut = default - default % factor
        group.times = [cut if time is None else time * factor for time in written]
        if min(group.times) >= MINIMUM_INTEGER and max(group.times) <= MAXIMUM_INTEGER:
            groups.append(group)
            continue
        keep = [MINIMUM_INTEGER <= time <= MAXIMUM_INTEGER for time in group.times]
        bad = (index for index, fits in enumerate(keep) if not fits)
        errors += [_out_of_range(group, index, precision) for index in islice(bad, MAX_ERRORS)]
        if any(keep):
            groups.append(group.select(keep))
    return ParsedLines(groups, errors, parsed.line_count)


def _out_of_range(group: LineGroup, index: int, precision: Precision) -> LineError:
    time = int(str(group.values[index][-1]))
    message = f"timestamp, {time}, out of range for precision: {precision.name.capitalize()}"
    return LineError(message, group.numbers[index], original_line(render(group.line(index))))


def _guess(time: int) -> int:
    magnitude = abs(time)
    if magnitude >= _NOT_MICROSECONDS:
        return 1
    if magnitude < _NOT_SECONDS:
        return _NANOSECONDS[Precision.SECOND]
    if magnitude < _NOT_MILLISECONDS:
        return _NANOSECONDS[Precision.MILLISECOND]
    return _NANOSECONDS[Precision.MICROSECOND]
