"""Holds the rows of one table. Threads write and read them at the same time."""

from __future__ import annotations

import logging
from threading import RLock
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.storage.batches import conform
from influxdb3_embedded.storage.columns import TableSchema
from influxdb3_embedded.storage.parquet import DamagedFileError, ParquetRows
from influxdb3_embedded.storage.segments import MemoryRows, Segment, deduplicate, freeze, insert
from influxdb3_embedded.storage.table_rows import TableRows, first_row_from

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from influxdb3_engine_api.column_kinds import ColumnKind

_logger = logging.getLogger(__name__)
_PENDING_ROWS = 65_536


class TableData:
    """The rows of a table.

    Attributes:
        schema: Schema of the table. Added columns replace the object, before rows with these columns are appended.
    """

    def __init__(self, name: str, columns: Mapping[str, ColumnKind]) -> None:
        self.schema = TableSchema(name, columns)
        self._lock = RLock()
        self._segments: list[Segment] = []
        self._pending: list[pa.Table] = []
        self._pending_rows = 0

    def append(self, batch: pa.RecordBatch) -> None:
        """Add rows, in the order written. Readers see them at once. The next reader merges them."""
        with self._lock:
            self._pending.append(pa.Table.from_batches([batch]))
            self._pending_rows += batch.num_rows
            if self._pending_rows >= _PENDING_ROWS:
                self._merge_pending()

    def read(self, oldest: int | None = None) -> TableRows:
        """Return all points, each once.

        Args:
            oldest: Leaves out points before this time, in nanoseconds since the epoch. None: no limit.
        """
        self._drop_damaged()
        memory: list[pa.Table] = []
        files: list[Path] = []
        expiring = None
        with self._lock:
            self._merge_pending()
            schema = self.schema.to_arrow()
            for segment in self._segments:
                if segment.late or not isinstance(segment.rows, ParquetRows):
                    memory.append(self._in_memory(segment, schema))
                elif oldest is None or segment.start >= oldest:
                    files.append(segment.rows.path)
                elif segment.end >= oldest:
                    expiring = segment.rows.path
        return TableRows(schema, memory, files, expiring, oldest)

    def freeze(self) -> list[Segment]:
        """Begin a snapshot. Returns the segments to write to Parquet."""
        self._drop_damaged()
        with self._lock:
            self._merge_pending()
            return freeze(self._segments, self.schema)

    def move_to_file(self, segment: Segment, rows: ParquetRows) -> None:
        """Replace the rows of a frozen segment by its Parquet file."""
        with self._lock:
            segment.rows = rows
            segment.replaced = []

    def drop_before(self, oldest: int) -> list[ParquetRows]:
        """Drop rows before a time, in nanoseconds since the epoch. A Parquet file is dropped if all its rows are.

        Returns:
            The dropped files.
        """
        with self._lock:
            self._merge_pending()
            expired = [segment for segment in self._segments if segment.end < oldest]
            kept = [segment for segment in self._segments if segment.end >= oldest]
            if kept and kept[0].start < oldest and not kept[0].frozen:
                rows = kept[0].rows.read()
                kept[0] = Segment.of(rows.slice(first_row_from(rows, oldest)))
            self._segments = kept
            return [rows for segment in expired for rows in segment.files()]

    def files(self) -> list[ParquetRows]:
        """Return the Parquet files of the table."""
        with self._lock:
            return [rows for segment in self._segments for rows in segment.files()]

    def restore(self, rows: ParquetRows, start: int, end: int) -> None:
        """Add rows that an earlier process wrote to Parquet. Call it before `append`."""
        with self._lock:
            self._segments.append(Segment(rows, start, end, frozen=True))
            self._segments.sort(key=lambda segment: segment.start)

    def _merge_pending(self) -> None:
        if self._pending:
            rows = deduplicate(self._pending, self.schema)
            self._pending, self._pending_rows = [], 0
            insert(self._segments, rows, self.schema)

    def _in_memory(self, segment: Segment, schema: pa.Schema) -> pa.Table:
        """Return the rows of a segment with the columns of the schema. The segment keeps the result."""
        if isinstance(segment.rows, MemoryRows) and not segment.rows.table.schema.equals(schema):
            segment.rows = MemoryRows(conform(segment.rows.table, schema))
        return segment.read(self.schema)

    def _drop_damaged(self) -> None:
        """Drop damaged files from the table, and log the loss."""
        for rows in self.files():  # without the lock: the first check of a file can take long, and writes continue
            try:
                rows.verify()
            except DamagedFileError as error:
                self._drop(rows, error)

    def _drop(self, rows: ParquetRows, error: DamagedFileError) -> None:
        with self._lock:
            damaged = [segment for segment in self._segments if segment.rows is rows]
            for segment in damaged:
                _logger.error("table %s: %d rows are lost: %s", self.schema.name, rows.num_rows, error)
                rows.set_aside()
                self._segments.remove(segment)
                if segment.late:
                    insert(self._segments, deduplicate(segment.late, self.schema), self.schema)
