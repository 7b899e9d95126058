"""Moves rows from memory and log to Parquet, while writes and queries continue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from influxdb3_embedded.storage.batches import conform
from influxdb3_embedded.storage.parquet import ParquetRows, write_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from influxdb3_embedded.storage.segments import Segment
    from influxdb3_embedded.storage.table_data import TableData
    from influxdb3_embedded.storage.write_ahead_log import WriteAheadLog
    from influxdb3_embedded.storage.writer import Writer


@dataclass(slots=True, eq=False)
class _Part:
    """One table in a snapshot."""

    database_id: int
    data: TableData
    oldest: int | None
    frozen: list[Segment] = field(default_factory=list)
    expired: list[ParquetRows] = field(default_factory=list)
    written: list[tuple[Segment, ParquetRows]] = field(default_factory=list)


class Snapshot:
    """Takes snapshots, one at a time.

    1. Between two commits, the rows are frozen.
    2. The rows are written to files, while writes continue.
    3. One commit registers the files, prunes the log and removes replaced files from the list.
    4. The next snapshot deletes the replaced files: until then a query may read them.
    """

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._to_delete: list[ParquetRows] = []

    async def take(
        self,
        databases: Mapping[int, tuple[int | None, Mapping[str, TableData]]],
        *,
        writer: Writer,
        directory: Path | None,
        sequence: int,
        keep_after: int | None,
        is_current: Callable[[int, TableData], bool],
    ) -> None:
        """Take a snapshot.

        Args:
            databases: Of each database: the time before which rows have expired, and the tables.
            writer: The writer thread.
            directory: Directory of the Parquet files. None: only expired rows are dropped.
            sequence: Sequence of the newest accepted write.
            keep_after: The log keeps entries after this sequence.
            is_current: Returns False for a table that was dropped meanwhile.
        """
        async with self._one_at_a_time:
            parts = [
                _Part(database_id, data, oldest)
                for database_id, (oldest, tables) in databases.items()
                for data in tables.values()
            ]
            await writer.submit(_Freeze(parts, in_memory_only=directory is None))
            self.delete_unused_files()
            if directory is None:
                return
            await asyncio.to_thread(_write, parts, directory)
            kept = [part for part in parts if is_current(part.database_id, part.data)]
            finish = _Finish(kept, sequence, keep_after)
            self._to_delete += [rows for part in parts if part not in kept for _, rows in part.written]
            self._to_delete += finish.replaced
            await writer.submit(finish)

    def delete_later(self, data: TableData) -> None:
        """Delete the files of a dropped table when the next snapshot runs."""
        self._to_delete += data.files()

    def delete_unused_files(self) -> None:
        """Delete replaced files, and files of dropped tables."""
        condemned, self._to_delete = self._to_delete, []
        for rows in condemned:
            rows.path.unlink(missing_ok=True)


@dataclass(slots=True)
class _Freeze:
    parts: list[_Part]
    in_memory_only: bool

    def store(self, log: WriteAheadLog) -> None:
        """Do nothing."""

    def apply(self) -> None:
        """Freeze the rows between two commits: the snapshot has exactly the writes up to its sequence."""
        for part in self.parts:
            if part.oldest is not None:
                part.expired = part.data.drop_before(part.oldest)
            if not self.in_memory_only:
                part.frozen = part.data.freeze()

    def announce(self) -> None:
        """Nobody is told."""


def _write(parts: list[_Part], directory: Path) -> None:
    for part in parts:
        for segment in part.frozen:
            rows = write_parquet(directory, conform(segment.rows.read(), part.data.schema.to_arrow()))
            part.written.append((segment, rows))


class _Finish:
    def __init__(self, parts: list[_Part], sequence: int, keep_after: int | None) -> None:
        self._parts = parts
        self._sequence = sequence
        self._keep_after = keep_after
        self.replaced = [
            *(rows for part in parts for rows in part.expired),
            *(rows for part in parts for segment, _ in part.written for rows in segment.replaced),
        ]

    def store(self, log: WriteAheadLog) -> None:
        """Register the files and prune the log."""
        for part in self._parts:
            log.store_schema(part.database_id, part.data.schema)
            for segment, rows in part.written:
                log.store_file(part.database_id, part.data.schema.name, segment, rows)
        log.forget_files(self.replaced)
        log.finish_snapshot(self._sequence, keep_after=self._keep_after)

    def apply(self) -> None:
        """Free the memory of the rows."""
        for part in self._parts:
            for segment, rows in part.written:
                part.data.move_to_file(segment, rows)

    def announce(self) -> None:
        """Nobody is told."""
