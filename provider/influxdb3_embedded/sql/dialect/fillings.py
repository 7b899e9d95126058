"""The SQL expressions that fill the aggregates of bins without data.

The window ``__before`` has the rows of a series up to the current one, ``__after`` the current row and the later ones.
The column ``__bin`` is the time.
"""

from __future__ import annotations

from enum import StrEnum

import pyarrow as pa

from influxdb3_embedded.sql.errors import QueryFailed
from influxdb3_embedded.sql.rows import rust_name

_SQL_TYPES = {pa.int64(): "BIGINT", pa.uint64(): "BIGINT UNSIGNED", pa.float64(): "DOUBLE"}
_WITHOUT_ROWS_ZERO = frozenset({"count", "regr_count", "approx_distinct"})


class Filling(StrEnum):
    """The value of a gap.

    Attributes:
        LOCF: The last value before the gap.
        INTERPOLATE: The value on the line between the last value before and the first value after the gap.
    """

    LOCF = "locf"
    INTERPOLATE = "interpolate"


def fill(column: str, filling: Filling | None, function: str, kind: pa.DataType) -> str:
    """The expression of an aggregate in all bins.

    Args:
        column: The aggregate. It is null in bins without data.
        filling: The value of gaps. Default: what the function returns for no rows.
        function: The aggregate function.
        kind: The type of the column.

    Raises:
        QueryFailed: Values of this type cannot be interpolated.
    """
    match filling:
        case Filling.LOCF:
            return _last(column, "__before")
        case Filling.INTERPOLATE if pa.types.is_struct(kind):
            # A selector returns a struct, of which only the value can be interpolated.
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
    """Interpolate linearly. Integers are truncated, as on the real server."""
    if kind not in _SQL_TYPES:
        raise QueryFailed(
            400, f"Execution error: unsupported data type {rust_name(kind)} for interpolation gap filling"
        )
    time = f"CASE WHEN {value} IS NOT NULL THEN CAST(__bin AS BIGINT) END"
    left, right = _last(value, "__before"), _last(value, "__after")
    start, end = _last(time, "__before"), _last(time, "__after")
    # The difference of unsigned integers cannot be negative.
    rise = (
        f"CASE WHEN {right} >= {left} THEN CAST({right} - {left} AS DOUBLE) ELSE -CAST({left} - {right} AS DOUBLE) END"
    )
    line = f"({rise}) / CAST({end} - {start} AS DOUBLE) * CAST(CAST(__bin AS BIGINT) - {start} AS DOUBLE)"
    return f"coalesce({value}, CAST({line} + CAST({left} AS DOUBLE) AS {_SQL_TYPES[kind]}))"


def _last(value: str, window: str) -> str:
    return f"last_value({value}) IGNORE NULLS OVER {window}"
