"""Turns accepted lines into Arrow record batches, and record batches into the rows that a plugin sees."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import pyarrow as pa

from influxdb3_embedded.storage.columns import TIME, arrow_field, arrow_type, kinds_of
from influxdb3_engine_api.column_kinds import ColumnKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from influxdb3_embedded.model import Row
    from influxdb3_embedded.storage.line_protocol import LineGroup

_CONVERT: dict[ColumnKind, Callable[[Iterable[str]], list[Any]]] = {
    ColumnKind.FLOAT: lambda texts: list(map(float, texts)),
    ColumnKind.INTEGER: lambda texts: list(map(int, texts)),
    ColumnKind.UINTEGER: lambda texts: list(map(int, texts)),
    ColumnKind.STRING: list,
    ColumnKind.BOOLEAN: lambda texts: [text[0] in "tT" for text in texts],
}


def build_batch(groups: Sequence[LineGroup]) -> pa.RecordBatch:
    """Make a record batch of the lines of one table: one row for each line, in the order written.

    The columns are tags, then fields, then ``time``. Tags and fields are in the order of first appearance. A null means
    that the line does not have the column: line protocol cannot write a null.

    Args:
        groups: Lines with their times.
    """
    columns = _Columns(groups)
    for group in groups:
        place = columns.places(group)
        columns.put(TIME, ColumnKind.TIMESTAMP, group.times, place)
        distinct = {id(series): series for series in group.series}.values()
        for tag in dict.fromkeys(key for series in distinct for key in series.tags):
            columns.put(tag, ColumnKind.TAG, [series.tags.get(tag) for series in group.series], place)
        texts = zip(*group.values, strict=True)
        for name, kind, column in zip(*group.fields, texts, strict=False):  # the last column is the timestamp
            columns.put(name, kind, _CONVERT[kind](column), place)
    return columns.to_batch()


def join(batches: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Join batches that `build_batch` made for one table, in their order."""
    if len(batches) == 1:
        return batches[0]
    kinds: dict[str, ColumnKind] = {}
    for batch in batches:
        kinds |= kinds_of(batch.schema)
    return concatenate([pa.Table.from_batches([batch]) for batch in batches], _schema(kinds))


def concatenate(tables: list[pa.Table], schema: pa.Schema) -> pa.RecordBatch:
    """Put tables below each other in one batch. A column that a table lacks is null."""
    together = pa.concat_tables([conform(table, schema) for table in tables])
    batches = together.unify_dictionaries().combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=schema)


def conform(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """Return a table with exactly the columns of a schema. A column that the table lacks is null."""
    if table.schema.equals(schema):
        return table
    present = set(table.schema.names)
    return pa.Table.from_arrays(
        [
            table.column(column.name) if column.name in present else pa.nulls(table.num_rows, column.type)
            for column in schema
        ],
        schema=schema,
    )


class WrittenRows(Sequence["Row"]):
    """The rows of a batch as a plugin sees them, made when they are asked for (contract 4.4).

    A row has the columns of its line: tags, then fields, then ``time`` in nanoseconds. Tags and fields are in the order
    written. Lines of one write that have the same keys in different orders get the order of the first line.
    """

    def __init__(self, batch: pa.RecordBatch) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return int(self._batch.num_rows)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | Sequence[Row]:
        if isinstance(index, int):
            return self._rows[index]
        start, stop, step = index.indices(len(self))
        if step != 1 or stop - start == len(self):
            return self._rows[index]
        # not kept: all rows of a large batch as dictionaries take many times the memory of the batch
        return _to_rows(self._batch.slice(start, max(0, stop - start)))

    @cached_property
    def _rows(self) -> list[Row]:
        return _to_rows(self._batch)


class _Columns:
    """Collects the columns of a batch. The values of a group go to the rows of its lines."""

    def __init__(self, groups: Sequence[LineGroup]) -> None:
        self._rows = sum(len(group.numbers) for group in groups)
        self._order: dict[int, int] | None = None
        if len(groups) > 1:
            numbers = sorted(number for group in groups for number in group.numbers)
            self._order = dict(zip(numbers, range(self._rows), strict=True))
        self._kinds: dict[str, ColumnKind] = {}
        self._values: dict[str, list[Any]] = {}

    def places(self, group: LineGroup) -> list[int] | None:
        """Row numbers of the lines of a group. None if the group has all rows."""
        return None if self._order is None else [self._order[number] for number in group.numbers]

    def put(self, name: str, kind: ColumnKind, values: list[Any], places: list[int] | None) -> None:
        self._kinds[name] = kind
        if places is None:
            self._values[name] = values
            return
        column = self._values.setdefault(name, [None] * self._rows)
        for place, value in zip(places, values, strict=True):
            if value is not None:
                column[place] = value

    def to_batch(self) -> pa.RecordBatch:
        schema = _schema(self._kinds)
        arrays = [_to_arrow(self._values[name], self._kinds[name]) for name in schema.names]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _schema(kinds: Mapping[str, ColumnKind]) -> pa.Schema:
    names = sorted(kinds, key=lambda name: _PLACE[kinds[name]])
    return pa.schema([arrow_field(name, kinds[name]) for name in names])


_PLACE = dict.fromkeys(ColumnKind, 1) | {ColumnKind.TAG: 0, ColumnKind.TIMESTAMP: 2}


def _to_arrow(values: list[Any], kind: ColumnKind) -> pa.Array:
    if kind is ColumnKind.TAG:
        return pa.array(values, pa.utf8()).dictionary_encode()
    if kind is ColumnKind.TIMESTAMP:
        return pa.array(values, pa.int64()).cast(arrow_type(kind))
    return pa.array(values, arrow_type(kind))


def _to_rows(batch: pa.RecordBatch) -> list[Row]:
    names = batch.schema.names
    columns = [_to_python(column) for column in batch.columns]
    rows = zip(*columns, strict=True)
    if any(column.null_count for column in batch.columns):
        return [{name: value for name, value in zip(names, row, strict=True) if value is not None} for row in rows]
    return [dict(zip(names, row, strict=True)) for row in rows]


def _to_python(column: pa.Array) -> list[Any]:
    if pa.types.is_dictionary(column.type):
        column = column.cast(pa.utf8())  # fifty times as fast as `to_pylist` of a dictionary
    elif pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    values: list[Any] = column.to_pylist()
    return values
