"""``tz`` and ``to_timestamp``, rewritten into DataFusion's casts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn

import pyarrow as pa

from influxdb3_embedded.sql.dialect.lexer import Statement
from influxdb3_embedded.sql.errors import QueryFailed
from influxdb3_embedded.sql.formats import arrow_texts

if TYPE_CHECKING:
    from influxdb3_embedded.sql.dialect.lexer import Call

TIME_FUNCTIONS = frozenset({"tz", "to_timestamp"})
# DataFusion's to_timestamp takes whole numbers as seconds.
_TO_TIMESTAMP = "to_timestamp_nanos"
# An older spelling of the type: it distinguishes these casts from casts that a client writes.
_CAST = ", 'Timestamp(Nanosecond, Some(\"{}\"))')"
_CAST_NAME = r'Utf8\("Timestamp\(Nanosecond, Some\("(?P<{group}>[^"]*)"\)\)"\)\)'
_EXPANDED = re.compile(
    rf"arrow_cast\(arrow_cast\((?P<zoned>.+?),{_CAST_NAME.format(group='utc')},{_CAST_NAME.format(group='zone')}"
    rf"|arrow_cast\((?P<time>.+?),{_CAST_NAME.format(group='only')}"
)


def expand_times(sql: str) -> str:
    """Replace each call of ``tz`` and ``to_timestamp`` by DataFusion's casts.

    Raises:
        QueryFailed: The time zone is unknown, or the arguments are wrong. The text is the real server's.
    """
    statement = Statement(sql)
    everything = range(len(statement.tokens))
    replacements: list[tuple[range, str]] = []
    # The first argument stays, because it may contain another call.
    for call in statement.calls(everything, TIME_FUNCTIONS):
        start = call.span.start
        if call.name == "to_timestamp":
            replacements.append((range(start, start + 1), _TO_TIMESTAMP))
        else:
            zones = ["UTC", *_zone(statement, call)]
            replacements.append((range(start, start + 2), "arrow_cast(" * len(zones)))
            replacements.append((range(call.arguments[0].stop, call.span.stop), "".join(map(_CAST.format, zones))))
    return statement.text(everything, sorted(replacements, key=lambda replacement: replacement[0].start))


def restore_times(text: str, sql: str) -> str:
    """A column name or an error of the planner, with the functions that the client wrote.

    Args:
        text: The name or the error.
        sql: The query as the client sent it.
    """
    if _TO_TIMESTAMP not in sql.lower():
        text = text.replace(_TO_TIMESTAMP, "to_timestamp")
    return _EXPANDED.sub(_restore, text)


def _zone(statement: Statement, call: Call) -> list[str]:
    """The time zone in the second argument. Empty if there is no second argument."""
    if len(call.arguments) not in {1, 2}:
        _refuse(f"tz expects 1 or 2 arguments, got {len(call.arguments)}")
    zones = []
    for text in map(statement.text, call.arguments[1:]):
        zone = text[1:-1]
        if text != f"'{zone}'":
            _refuse(f"tz requires its second argument to be a timezone string, got {text}")
        if not _is_zone(zone):
            _refuse(f'TZ requires a valid timezone string, got "{zone}"')
        zones.append(zone)
    return zones


def _is_zone(zone: str) -> bool:
    try:
        arrow_texts(pa.array([0], pa.timestamp("ns", zone)))
    except QueryFailed:
        return False
    return '"' not in zone


def _restore(match: re.Match[str]) -> str:
    if match["time"] is not None:
        return f"tz({match['time']})"
    return f'tz({match["zoned"]},Utf8("{match["zone"]}"))'


def _refuse(text: str) -> NoReturn:
    raise QueryFailed(400, f"Error during planning: {text}")
