"""How the aggregates of a bin without data are filled, as SQL over the rows of all bins.

Windows: ``__before`` are the rows of a series up to this one, ``__after`` those from it on; ``__bin`` is the time.
"""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

from influxdb3_embedded.sql.errors import QueryFailed
from influxdb3_embedded.sql.rows import rust_name

_SQL_TYPES = {pa.int64(): "BIGINT", pa.uint64(): "BIGINT UNSIGNED", pa.float64(): "DOUBLE"}
_WITHOUT_ROWS_ZERO = frozenset({"count", "regr_count", "approx_distinct"})


class Filling(StrEnum):
    """What a gap gets.

    Attributes:
        LOCF: The last observation, carried forward.
        INTERPOLATE: What lies on the line between the observations before and after.
    """

    LOCF = "locf"
    INTERPOLATE = "interpolate"


def fill(column: str, filling: Filling | None, function: str, kind: pa.DataType) -> str:
    """The expression of an aggregate in all bins.

    Args:
        column: The aggregate; null where a bin has no data.
        filling: What gaps get; without one they get what the function says of no rows.
        function: The aggregate function.
        kind: The column's type.

    Raises:
        QueryFailed: When values of the type cannot be interpolated.
    """
    match filling:
        case Filling.LOCF:
            return _last(column, "__before")
        case Filling.INTERPOLATE if pa.types.is_struct(kind):
            # What a selector returns: of the row selected only the value can be interpolated.
            fields = [kind.field(index) for index in range(kind.num_fields)]
            members = [
                f"'{field.name}', " + (_interpolate(member, field.type) if field.name == "value" else member)
                for field in fields
                if (member := f"{column}['{field.name}']")
            ]
            return f"named_struct({', '.join(members)})"
        case Filling.INTERPOLATE:
            return _interpolate(column, kind)
    return f"coalesce({column}, CAST(0 AS {_SQL_TYPES[kind]}))" if function in _WITHOUT_ROWS_ZERO else column


def _interpolate(value: str, kind: pa.DataType) -> str:
    """Values of integers are cut off, as on the server."""
    if kind not in _SQL_TYPES:
        raise QueryFailed(
            400, f"Execution error: unsupported data type {rust_name(kind)} for interpolation gap filling"
        )
    time = f"CASE WHEN {value} IS NOT NULL THEN CAST(__bin AS BIGINT) END"
    left, right = _last(value, "__before"), _last(value, "__after")
    start, end = _last(time, "__before"), _last(time, "__after")
    # Unsigned integers have no differences below zero.
    rise = (
        f"CASE WHEN {right} >= {left} THEN CAST({right} - {left} AS DOUBLE) ELSE -CAST({left} - {right} AS DOUBLE) END"
    )
    line = f"({rise}) / CAST({end} - {start} AS DOUBLE) * CAST(CAST(__bin AS BIGINT) - {start} AS DOUBLE)"
    return f"coalesce({value}, CAST({line} + CAST({left} AS DOUBLE) AS {_SQL_TYPES[kind]}))"


def _last(value: str, window: str) -> str:
    return f"last_value({value}) IGNORE NULLS OVER {window}"
