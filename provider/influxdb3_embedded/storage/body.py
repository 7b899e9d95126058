"""A body of line protocol to the rows that come in, piece by piece.

A body of ten megabytes may hold millions of lines. As Python objects all at once, they would stop every thread for
seconds: garbage is collected, and lists are converted and freed, in steps during which no other thread runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from influxdb3_embedded.storage.admission import admit
from influxdb3_embedded.storage.batches import build_batch, join
from influxdb3_embedded.storage.columns import TableSchema
from influxdb3_embedded.storage.line_protocol import MOST_ERRORS, parse_pieces
from influxdb3_embedded.storage.timestamps import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from influxdb3_embedded.storage.admission import Limits
    from influxdb3_embedded.storage.line_protocol import LineGroup
    from influxdb3_embedded.storage.timestamps import Precision
    from influxdb3_engine_api.line_grammar import Fields, LineError

_LINES_AT_ONCE = 5_000
_LINES_PENDING = 50_000
_GROUPS_PENDING = 5_000


@dataclass(frozen=True, slots=True)
class Body:
    """What comes in of a body and what does not.

    Attributes:
        tables: Each table with its columns, those that the rows add included, and the rows; in the order of their
            first line.
        errors: In the order of the lines; at most `MOST_ERRORS`.
        lines_read: How many lines there are, good and bad.
        lines_admitted: How many lines come in.
    """

    tables: list[tuple[TableSchema, pa.RecordBatch]]
    errors: list[LineError]
    lines_read: int
    lines_admitted: int


def read_body(
    text: str, precision: Precision, default_time: int, schemas: Mapping[str, TableSchema], limits: Limits
) -> Body:
    """Read lines and check them against schemas without changing these.

    Args:
        text: The lines.
        precision: Unit of their timestamps.
        default_time: Nanoseconds since the epoch for lines without one.
        schemas: The database's tables by name.
        limits: How many tables and columns there may be.
    """
    known = dict(schemas)
    rows = _Rows()
    errors: list[LineError] = []
    read = admitted = 0
    for parsed in parse_pieces(text, _LINES_AT_ONCE):
        read += parsed.line_count
        admission = admit(resolve(parsed, precision, default_time), known, limits)
        errors += admission.errors[: MOST_ERRORS - len(errors)]
        for table in admission.tables:
            known[table.name] = TableSchema(table.name, table.columns)
            for group in table.groups:
                admitted += len(group.numbers)
                rows.add(group)
    return Body([(known[name], batch) for name, batch in rows.all()], errors, read, admitted)


class _Rows:
    """Rows by table, in the order of the first: lines wait until there are many, as a batch costs more than a line."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, Fields], LineGroup] = {}
        self._lines = 0
        self._batches: dict[str, list[pa.RecordBatch]] = {}

    def add(self, group: LineGroup) -> None:
        known = self._pending.setdefault((group.table, group.fields), group)
        if known is not group:
            known.extend(group)
        self._lines += len(group.numbers)
        if self._lines > _LINES_PENDING or len(self._pending) > _GROUPS_PENDING:
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
