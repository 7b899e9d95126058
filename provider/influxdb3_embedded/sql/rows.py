"""Query results as rows for plugins (contract 5.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from influxdb3_embedded.model import Row

_UNITS = {"s": "Second", "ms": "Millisecond", "us": "Microsecond", "ns": "Nanosecond"}


class UnsupportedTypeError(ValueError):
    """Plugins cannot get a column of this type. The text is the real server's."""


def to_rows(table: pa.Table) -> list[Row]:
    """One dict for each row, with all columns in the order of the query.

    | Arrow | Python |
    |---|---|
    | text | ``str`` |
    | integer | ``int`` |
    | float | ``float`` |
    | timestamp | ``int``, nanoseconds since the epoch |
    | null | ``None`` |

    The real server supports fewer types.

    Raises:
        UnsupportedTypeError: A column has another type, such as a date, an interval or a list.
    """
    columns = [_values(column) for column in table.columns]
    names = table.column_names
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _values(column: pa.ChunkedArray) -> list[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _values(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        # Python multiplies, because the nanoseconds of distant times need more than 64 bits.
        factor = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[kind.unit]
        times = column.cast(pa.int64()).to_pylist()
        return times if factor == 1 else [None if time is None else time * factor for time in times]
    readable = (
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_null(kind)
        or pa.types.is_string(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_string_view(kind)
    )
    if not readable:
        raise UnsupportedTypeError(f"Unsupported data type: {rust_name(kind)}")
    values: list[Any] = column.to_pylist()
    return values


def rust_name(kind: pa.DataType) -> str:
    """The name of an Arrow type in Rust, as the real server writes it."""
    if pa.types.is_integer(kind):
        return f"{'U' if pa.types.is_unsigned_integer(kind) else ''}Int{kind.bit_width}"
    if pa.types.is_floating(kind):
        return f"Float{kind.bit_width}"
    if pa.types.is_string(kind):
        return "Utf8"
    if pa.types.is_list(kind):
        return f"List({rust_name(kind.value_type)})"
    if pa.types.is_interval(kind):
        return "Interval(MonthDayNano)"
    if pa.types.is_duration(kind):
        return f"Duration({_UNITS[kind.unit]})"
    if pa.types.is_time32(kind) or pa.types.is_time64(kind):
        return f"Time{kind.bit_width}({_UNITS[kind.unit]})"
    if pa.types.is_decimal(kind):
        return f"Decimal{kind.bit_width}({kind.precision}, {kind.scale})"
    if pa.types.is_date(kind):
        return f"Date{kind.bit_width}"
    if pa.types.is_binary(kind):
        return "Binary"
    return "Struct" if pa.types.is_struct(kind) else str(kind)
