"""Turns the body of a write into rows, piece by piece.

A body of ten megabytes can hold millions of lines. Millions of Python objects at once would stop every thread for
seconds: no other thread runs while Python collects garbage, or converts or frees a long list.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from influxdb3_embedded.storage.batches import build_batch, join
from influxdb3_embedded.storage.columns import TableSchema
from influxdb3_embedded.storage.line_protocol import MAX_ERRORS, parse
from influxdb3_embedded.storage.schema_check import check_lines
from influxdb3_embedded.storage.timestamps import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from influxdb3_embedded.storage.line_protocol import LineGroup
    from influxdb3_embedded.storage.schema_check import Limits
    from influxdb3_embedded.storage.timestamps import Precision
    from influxdb3_engine_api.line_grammar import Fields, LineError

_LINES_PER_PIECE = 5_000
_MAX_PENDING_LINES = 50_000
_MAX_PENDING_GROUPS = 5_000


@dataclass(frozen=True, slots=True)
class WriteBody:
    """The rows that a body adds, and the errors of its bad lines.

    Attributes:
        tables: Schema and rows of each table, in the order of the first line. The schema has the columns that the rows
            add.
        errors: Errors in the order of the lines, at most `MAX_ERRORS`.
        lines_read: Number of lines, good and bad.
        lines_accepted: Number of good lines.
    """

    tables: list[tuple[TableSchema, pa.RecordBatch]]
    errors: list[LineError]
    lines_read: int
    lines_accepted: int


def read_lines(
    text: str, precision: Precision, default_time: int, schemas: Mapping[str, TableSchema], limits: Limits
) -> WriteBody:
    """Read lines and check them against schemas. The schemas do not change.

    Args:
        text: The lines.
        precision: Unit of the timestamps.
        default_time: Time of lines without a timestamp, in nanoseconds since the epoch.
        schemas: Tables of the database by name.
        limits: How many tables and columns may exist.
    """
    known = dict(schemas)
    rows = _Rows()
    errors: list[LineError] = []
    read = admitted = 0
    for parsed in parse(text, _LINES_PER_PIECE):
        read += parsed.line_count
        checked = check_lines(resolve(parsed, precision, default_time), known, limits)
        errors += checked.errors[: MAX_ERRORS - len(errors)]
        for table in checked.tables:
            known[table.name] = TableSchema(table.name, table.columns)
            for group in table.groups:
                admitted += len(group.numbers)
                rows.add(group)
    return WriteBody([(known[name], batch) for name, batch in rows.all()], errors, read, admitted)


class _Rows:
    """Collects the rows of each table. It makes one batch of many lines, because a batch costs more than a line."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, Fields], LineGroup] = {}
        self._lines = 0
        self._batches: dict[str, list[pa.RecordBatch]] = {}

    def add(self, group: LineGroup) -> None:
        known = self._pending.setdefault((group.table, group.fields), group)
        if known is not group:
            known.extend(group)
        self._lines += len(group.numbers)
        if self._lines > _MAX_PENDING_LINES or len(self._pending) > _MAX_PENDING_GROUPS:
            self._build()

    def all(self) -> Iterator[tuple[str, pa.RecordBatch]]:
        self._build()
        for name, batches in self._batches.items():
            yield name, join(batches)

    def _build(self) -> None:
        by_table: dict[str, list[LineGroup]] = {}
        for group in self._pending.values():
            by_table.setdefault(group.table, []).append(group)
        self._pending.clear()
        self._lines = 0
        for name, groups in by_table.items():
            self._batches.setdefault(name, []).append(build_batch(groups))
