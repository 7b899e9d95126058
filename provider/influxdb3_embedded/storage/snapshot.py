"""Moving rows from memory and log to Parquet while others write and read."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from influxdb3_embedded.storage.batches import conform
from influxdb3_embedded.storage.parquet import ParquetRows, write_parquet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from influxdb3_embedded.storage.log import Log
    from influxdb3_embedded.storage.segments import Segment
    from influxdb3_embedded.storage.table_data import TableData
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

    First, between two commits, rows are frozen; then they are written to files while writes go on; then one commit
    makes the files known, prunes the log and forgets files that were replaced. Those are deleted one snapshot later,
    since a query may be reading them.
    """

    def __init__(self) -> None:
        self._one_at_a_time = asyncio.Lock()
        self._condemned: list[ParquetRows] = []

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
            databases: By number: before which time rows have expired, and the tables.
            writer: The writer thread.
            directory: Of the Parquet files; ``None`` only drops what has expired.
            sequence: The last write that is in line.
            keep_after: Log entries after this sequence are kept.
            is_current: Whether a table was not dropped meanwhile.
        """
        async with self._one_at_a_time:
            parts = [
                _Part(database_id, data, oldest)
                for database_id, (oldest, tables) in databases.items()
                for data in tables.values()
            ]
            await writer.submit(_Freeze(parts, in_memory_only=directory is None))
            self.delete_condemned()
            if directory is None:
                return
            await asyncio.to_thread(_write, parts, directory)
            kept = [part for part in parts if is_current(part.database_id, part.data)]
            finish = _Finish(kept, sequence, keep_after)
            self._condemned += [rows for part in parts if part not in kept for _, rows in part.written]
            self._condemned += finish.replaced
            await writer.submit(finish)

    def condemn(self, data: TableData) -> None:
        """Delete the files of a dropped table with the next snapshot."""
        self._condemned += data.files()

    def delete_condemned(self) -> None:
        """Delete files that nothing refers to any more."""
        condemned, self._condemned = self._condemned, []
        for rows in condemned:
            rows.path.unlink(missing_ok=True)


@dataclass(slots=True)
class _Freeze:
    parts: list[_Part]
    in_memory_only: bool

    def store(self, log: Log) -> None:
        """Nothing is committed yet."""

    def apply(self) -> None:
        """Freeze between two commits, so that all writes up to the snapshot's sequence are in it, and no others."""
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

    def store(self, log: Log) -> None:
        """Make the files known and prune the log."""
        for part in self._parts:
            log.store_schema(part.database_id, part.data.schema)
            for segment, rows in part.written:
                log.store_file(part.database_id, part.data.schema.name, segment, rows)
        log.forget_files(self.replaced)
        log.finish_snapshot(self._sequence, keep_after=self._keep_after)

    def apply(self) -> None:
        """Let the rows go from memory."""
        for part in self._parts:
            for segment, rows in part.written:
                part.data.settle(segment, rows)

    def announce(self) -> None:
        """Nobody is told."""
