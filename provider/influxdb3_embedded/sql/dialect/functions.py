"""InfluxDB's own SQL functions, rewritten into functions that DataFusion has.

| function | real server | embedded engine |
|---|---|---|
| ``selector_first/last/min/max(value, time[, others])`` | a struct ``{value, time, other_1, ...}``, null for no rows | the same |
| ``date_bin_gapfill(interval, time[, origin])`` | a row for each bin of each series | the WHERE clause of the same SELECT must have the bounds of time; months and years work too |
| ``locf(aggregate)`` | fills gaps and nulls with the last value | the same |
| ``interpolate(aggregate)`` | fills gaps and nulls linearly | the same |
| ``tz(time[, zone])`` | the time in a time zone, default: UTC | the same |
| ``to_timestamp(value)`` | whole numbers are nanoseconds | the same |
| ``date_bin_wallclock``, ``date_bin_wallclock_gapfill`` | bins of a time zone | refused, with an alternative |
| ``difference``, ``derivative``, ``non_negative_...``, ``influx_...``, ``sleep`` | made for InfluxQL and tests | refused, with an alternative |

All other functions are DataFusion's. Three steps rewrite the text of a query. A query without these functions stays as
it is.
"""  # noqa: E501 - rows of a table

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.sql.dialect.gapfill import fill_gaps
from influxdb3_embedded.sql.dialect.selectors import expand_selectors, misuse, restore_selectors
from influxdb3_embedded.sql.dialect.times import expand_times, restore_times
from influxdb3_embedded.sql.errors import QueryFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

_PLANNING = "Error during planning: "
_NOT_HERE = "This feature is not implemented: {name} is not available in the embedded engine; {instead}"
_DIFFERENCE = "use value - lag(value) OVER (ORDER BY time)"
_INSTEAD = {
    "date_bin_wallclock": "date_bin makes bins of UTC, its third argument shifts them",
    "date_bin_wallclock_gapfill": "date_bin_gapfill makes bins of UTC, its third argument shifts them",
    "difference": _DIFFERENCE,
    "derivative": _DIFFERENCE,
    "non_negative_difference": _DIFFERENCE,
    "non_negative_derivative": _DIFFERENCE,
    "influx_regex_match": "use regexp_like(text, pattern)",
    "influx_regex_not_match": "use NOT regexp_like(text, pattern)",
    "influx_window_bounds": "use date_bin",
    "sleep": "no query has to wait",
}
_MISPLACED = {
    "locf": "locf may only be used in the SELECT list of a gap-filling query",
    "interpolate": "interpolate may only be used in the SELECT list of a gap-filling query",
    "date_bin_gapfill": "date_bin_gapfill may only be used as a GROUP BY expression",
}
_OURS = re.compile(r"date_bin_gapfill|selector_|\b(tz|to_timestamp)\s*\(", re.IGNORECASE)
_SYNTAX = "SQL error"
_UNKNOWN = re.compile(r"Invalid function '(\w+)'")


def translate(
    sql: str,
    aggregates: Callable[[], Collection[str]],
    describe: Callable[[str], pa.Schema],
    check_bins: Callable[[str], None],
) -> str:
    """Rewrite a query into DataFusion's SQL.

    Args:
        sql: The query as the client sent it.
        aggregates: Returns the names of DataFusion's aggregate functions.
        describe: Plans a query in DataFusion's SQL and returns its columns.
        check_bins: Runs a query for the bounds and the stride of bins. Raises `QueryFailed` for too many bins.

    Raises:
        QueryFailed: The query misuses a function. The text is the real server's.
    """
    if not _OURS.search(sql):
        return sql
    try:
        describe(sql)
    except QueryFailed as failure:
        # A syntax error is the client's. Other errors are expected: the planner does not know the functions yet.
        if failure.text.startswith(_SYNTAX):
            raise

    sql = expand_times(sql)

    def describe_groups(groups: str) -> pa.Schema:
        schema = describe(expand_selectors(groups))
        fields = [field.with_name(restore_selectors(field.name)) for field in schema]
        return pa.schema(fields)

    def check_gapfill(bounds: str) -> None:
        check_bins(expand_selectors(bounds))

    return expand_selectors(fill_gaps(sql, aggregates(), describe_groups, check_gapfill))


def explain(sql: str, status: int, error: str) -> QueryFailed:
    """The failure for an error of DataFusion, in terms of the query that the client sent.

    Args:
        sql: The query as the client sent it.
        status: 400 or 405.
        error: DataFusion's text about the rewritten query.
    """
    unknown = _UNKNOWN.search(error)
    name = unknown[1] if unknown else ""
    if name in _INSTEAD:
        return QueryFailed(405, _NOT_HERE.format(name=name, instead=_INSTEAD[name]))
    if name in _MISPLACED:
        return QueryFailed(400, _PLANNING + _MISPLACED[name])
    return QueryFailed(status, misuse(sql, error) or restore_times(restore_selectors(error), sql))


def original_names(names: list[str], sql: str) -> list[str]:
    """The column names of a result, with the functions that the client wrote.

    Args:
        names: The names from DataFusion.
        sql: The query as the client sent it.
    """
    return [restore_times(restore_selectors(name), sql) for name in names]
