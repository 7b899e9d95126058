"""Query results as text and Parquet (contract 7.1)."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from enum import StrEnum
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from influxdb3_embedded.sql.errors import QueryFailed, call_datafusion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from datafusion import SessionContext

_EXPONENT = re.compile(r"e\+?(-?)0*")


class Format(StrEnum):
    """The formats of a query result. Requests may also write ``json_lines`` for ``jsonl``."""

    JSON = "json"
    JSONL = "jsonl"
    CSV = "csv"
    PRETTY = "pretty"
    PARQUET = "parquet"

    @property
    def content_type(self) -> str:
        """The content type of an answer."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    Format.JSON: "application/json",
    Format.JSONL: "application/jsonl",
    Format.CSV: "text/csv",
    Format.PRETTY: "text/plain; charset=utf-8",
    Format.PARQUET: "application/vnd.apache.parquet",
}


def render(table: pa.Table, output: Format) -> bytes:
    """A query result as the body of an answer.

    Args:
        table: The result.
        output: The format.

    Raises:
        QueryFailed: Parquet has no type for a column, or a time is too far away to be written.
    """
    match output:
        case Format.JSON:
            return f"[{','.join(_json_rows(table))}]".encode()
        case Format.JSONL:
            return "".join(f"{row}\n" for row in _json_rows(table)).encode()
        case Format.CSV:
            return _csv(table).encode()
        case Format.PRETTY:
            return _pretty(table).encode()
        case Format.PARQUET:
            return _parquet(table)


def _json_rows(table: pa.Table) -> Iterator[str]:
    """One object for each row, without nulls: a column or a member of a struct that is null is left out."""
    names = [f"{json.dumps(name, ensure_ascii=False)}:" for name in table.column_names]
    columns = [_json_values(column) for column in table.columns]
    for row in zip(*columns, strict=True) if columns else ():
        yield f"{{{','.join(name + value for name, value in zip(names, row, strict=True) if value is not None)}}}"


def _json_values(column: pa.ChunkedArray) -> list[str | None]:
    values = _values(column)
    write = _json_float if pa.types.is_floating(column.type) else _json_value
    return [None if value is None else write(value) for value in values]


def _json_float(value: float) -> str:
    return _number(value) if math.isfinite(value) else "null"


def _json_value(value: Any) -> str:
    match value:
        case None:
            return "null"
        case float():
            return _json_float(value)
        case dict():
            members = ((name, member) for name, member in value.items() if member is not None)
            return f"{{{','.join(f'{_json_value(_text(name))}:{_json_value(member)}' for name, member in members)}}}"
        case list():
            return f"[{','.join(map(_json_value, value))}]"
        case _:
            return json.dumps(value, ensure_ascii=False, default=_text)


def _csv(table: pa.Table) -> str:
    if not table.num_rows:
        return ""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    writer.writerow(table.column_names)
    writer.writerows(zip(*_text_columns(table), strict=True))
    return output.getvalue()


def _pretty(table: pa.Table) -> str:
    columns = [[name, *values] for name, values in zip(table.column_names, _text_columns(table), strict=True)]
    widths = [max(map(len, column)) for column in columns]
    rule = f"+{'+'.join('-' * (width + 2) for width in widths)}+"
    header, *rows = (
        f"|{'|'.join(f' {cell.ljust(width)} ' for cell, width in zip(row, widths, strict=True))}|"
        for row in zip(*columns, strict=True)
    )
    return "\n".join([rule, header, rule, *rows, rule])


def _text_columns(table: pa.Table) -> list[list[str]]:
    return [[_text(value) for value in _values(column)] for column in table.columns]


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return _number(value)
        case None:
            return ""
        case dict():
            return f"{{{', '.join(f'{name}: {_text(member)}' for name, member in value.items())}}}"
        case list():
            return f"[{', '.join(map(_text, value))}]"
        case bytes():
            return value.hex()
        case _:
            return str(value)


def _number(value: float) -> str:
    """A float as the real server writes it: 1.0, 1e16, 1e-7, NaN, inf."""
    if math.isnan(value):
        return "NaN"
    return _EXPONENT.sub(r"e\1", repr(value)) if math.isfinite(value) else str(value)


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(table, sink)
    except pa.ArrowNotImplementedError as error:
        raise QueryFailed(405, f"This feature is not implemented: {error}") from error
    return bytes(sink.getvalue())


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Python values of a column: numbers, booleans and nested values as they are, all others as text."""
    return [value for chunk in column.chunks for value in _chunk_values(chunk)]


def _chunk_values(array: pa.Array) -> list[Any]:
    kind = array.type
    if pa.types.is_dictionary(kind):
        return _chunk_values(array.cast(kind.value_type))
    if pa.types.is_duration(kind):
        per_second = _PER_SECOND[kind.unit]
        return [None if time is None else _duration(time, per_second) for time in array.cast(pa.int64()).to_pylist()]
    if any(is_kind(kind) for is_kind in _WRITTEN_AS_TEXT):
        return arrow_texts(array)
    if any(is_kind(kind) for is_kind in _OTHER_LISTS):
        return _chunk_values(array.cast(pa.large_list(kind.value_type)))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _parts(array, _chunk_values(array.values))
    if pa.types.is_map(kind):
        members = zip(_chunk_values(array.keys), _chunk_values(array.items), strict=True)
        return [None if part is None else dict(part) for part in _parts(array, list(members))]
    if pa.types.is_struct(kind):
        rows = zip(*map(_chunk_values, array.flatten()), strict=True)
        names = [kind.field(index).name for index in range(kind.num_fields)]
        structs = (dict(zip(names, row, strict=True)) for row in rows)
        return [part if valid else None for part, valid in zip(structs, array.is_valid().to_pylist(), strict=True)]
    values: list[Any] = array.to_pylist()
    return values


def _parts(array: pa.Array, items: list[Any]) -> list[list[Any] | None]:
    """The items of each list."""
    parts = (items[start:end] for start, end in pairwise(array.offsets.to_pylist()))
    return [part if valid else None for part, valid in zip(parts, array.is_valid().to_pylist(), strict=True)]


def arrow_texts(array: pa.Array) -> list[str | None]:
    """Values as DataFusion writes them. DataFusion has the rules and the time zones of the real server.

    Raises:
        QueryFailed: A time is too far away to be written, or its time zone is unknown.
    """
    from datafusion import col  # noqa: PLC0415 - see `_context`

    batch = pa.record_batch({"value": array})
    parts = call_datafusion(lambda: _context().read_batch(batch).select(col("value").cast(pa.utf8())).collect())
    return [text for part in parts for text in part.column(0).to_pylist()]


@cache
def _context() -> SessionContext:
    from datafusion import SessionConfig, SessionContext  # noqa: PLC0415 - large, and needed only in query processes

    return SessionContext(SessionConfig().with_target_partitions(1))  # several partitions would mix the rows


_WRITTEN_AS_TEXT: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_timestamp,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_decimal,
    pa.types.is_interval,
)
_OTHER_LISTS: tuple[Callable[[pa.DataType], bool], ...] = (
    pa.types.is_fixed_size_list,
    pa.types.is_list_view,
    pa.types.is_large_list_view,
)
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def _duration(time: int, per_second: int) -> str:
    """ISO 8601 in seconds, as the real server writes it: PT90S, -PT1.5S, P0D."""
    if not time:
        return "P0D"
    seconds, fraction = divmod(abs(time), per_second)
    digits = str(fraction + per_second)[1:].rstrip("0")
    return f"{'-' if time < 0 else ''}PT{seconds}{digits and '.'}{digits}S"
