"""Keeps the write-ahead log, the schemas of tables and the list of Parquet files in one SQLite database.

SQLite runs in WAL mode with ``synchronous=FULL``: committed changes survive a crash of the process and of the machine.
Only the writer thread of the storage changes the database.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.storage.columns import TableSchema
from influxdb3_embedded.storage.follower import Follower
from influxdb3_embedded.storage.parquet import ParquetRows
from influxdb3_engine_api.column_kinds import ColumnKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from influxdb3_embedded.storage.segments import Segment

_logger = logging.getLogger(__name__)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS log (
    sequence INTEGER NOT NULL, part INTEGER NOT NULL, database_id INTEGER NOT NULL, table_name TEXT NOT NULL,
    batch BLOB NOT NULL, PRIMARY KEY (sequence, part)
);
CREATE TABLE IF NOT EXISTS columns (
    database_id INTEGER NOT NULL, table_name TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (database_id, table_name, name)
);
CREATE TABLE IF NOT EXISTS files (
    name TEXT PRIMARY KEY, database_id INTEGER NOT NULL, table_name TEXT NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, num_rows INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS retention (database_id INTEGER PRIMARY KEY, microseconds INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, sequence INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS positions (
    database_id INTEGER NOT NULL, follower TEXT NOT NULL, sequence INTEGER NOT NULL,
    PRIMARY KEY (database_id, follower)
);
"""
_SNAPSHOT = "snapshot"  # rows up to this sequence are in Parquet
_LAST = "last"  # the last sequence that was used; the log may have been pruned since


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """The rows of one table in one write."""

    sequence: int
    database_id: int
    table_name: str
    batch: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A Parquet file, with its table and span of time."""

    database_id: int
    table_name: str
    start: int
    end: int
    rows: ParquetRows


class WriteAheadLog:
    """The write-ahead log, and what belongs to it.

    Args:
        path: The SQLite file, created if missing.
        files: Directory of the Parquet files.
    """

    def __init__(self, path: Path, files: Path) -> None:
        self._path = path
        self._files = files
        # Several threads use the connection, but never two at once: the start of the storage, then the writer thread.
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the SQLite file."""
        self.connection.close()

    def add(self, sequence: int, database_id: int, tables: Iterable[tuple[str, pa.RecordBatch]]) -> None:
        """Add the rows of one write."""
        self.connection.executemany(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?)",
            [(sequence, part, database_id, name, _encode(batch)) for part, (name, batch) in enumerate(tables)],
        )

    def replay(
        self,
        database_id: int | None = None,
        *,
        after: int,
        through: int | None = None,
        table_name: str | None = None,
    ) -> Iterator[LoggedBatch]:
        """Yield the logged rows after a sequence, in the order written. None: all databases, sequences or tables."""
        # A separate connection: the writer thread commits meanwhile.
        connection = sqlite3.connect(self._path)
        try:
            rows = connection.execute(
                "SELECT sequence, database_id, table_name, batch FROM log "
                "WHERE sequence > :after AND sequence <= coalesce(:through, sequence) "
                "AND database_id = coalesce(:database_id, database_id) "
                "AND table_name = coalesce(:table_name, table_name) ORDER BY sequence, part",
                {"after": after, "through": through, "database_id": database_id, "table_name": table_name},
            )
            for sequence, database, table, blob in rows:
                try:
                    batch = _decode(blob)
                except (pa.ArrowException, OSError) as error:
                    _logger.error("table %s: the rows of write %d are lost: %s", table, sequence, error)
                    continue
                yield LoggedBatch(sequence, database, table, batch)
        finally:
            connection.close()

    @property
    def snapshot_sequence(self) -> int:
        """Rows up to this sequence are in Parquet."""
        return self._progress(_SNAPSHOT)

    @property
    def last_sequence(self) -> int:
        """The last sequence that was used."""
        (logged,) = self.connection.execute("SELECT max(sequence) FROM log").fetchone()
        return max(logged or 0, self._progress(_LAST))

    @property
    def entries(self) -> int:
        """Number of writes in the log that are not in Parquet."""
        query = "SELECT count(DISTINCT sequence) FROM log WHERE sequence > ?"
        (count,) = self.connection.execute(query, (self.snapshot_sequence,)).fetchone()
        return int(count)

    def schemas(self) -> dict[int, list[TableSchema]]:
        """Return the stored tables by database. A table that is new since the last snapshot is in the log only."""
        columns: dict[tuple[int, str], dict[str, ColumnKind]] = {}
        query = "SELECT database_id, table_name, name, kind FROM columns ORDER BY rowid"
        for database_id, table_name, name, kind in self.connection.execute(query):
            columns.setdefault((database_id, table_name), {})[name] = ColumnKind(kind)
        schemas: dict[int, list[TableSchema]] = {}
        for (database_id, table_name), kinds in columns.items():
            schemas.setdefault(database_id, []).append(TableSchema(table_name, kinds))
        return schemas

    def store_schema(self, database_id: int, schema: TableSchema) -> None:
        """Store the columns of a table. Its entries in the log may be pruned."""
        self.connection.executemany(
            "INSERT OR IGNORE INTO columns VALUES (?, ?, ?, ?)",
            [(database_id, schema.name, name, kind.value) for name, kind in schema.columns.items()],
        )

    def files(self) -> list[KnownFile]:
        """Return the registered Parquet files."""
        query = 'SELECT database_id, table_name, start, "end", name, num_rows, size, checksum FROM files'
        return [
            KnownFile(database_id, table_name, start, end, ParquetRows(self._files / name, num_rows, size, checksum))
            for database_id, table_name, start, end, name, num_rows, size, checksum in self.connection.execute(query)
        ]

    def store_file(self, database_id: int, table_name: str, segment: Segment, rows: ParquetRows) -> None:
        """Register a Parquet file in the place of those that it replaces."""
        self.connection.execute(
            "INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                rows.path.name,
                database_id,
                table_name,
                segment.start,
                segment.end,
                rows.num_rows,
                rows.size,
                rows.checksum,
            ),
        )
        self.forget_files(segment.replaced)

    def forget_files(self, files: Iterable[ParquetRows]) -> None:
        """Remove Parquet files from the list."""
        self.connection.executemany("DELETE FROM files WHERE name = ?", [(rows.path.name,) for rows in files])

    def finish_snapshot(self, sequence: int, *, keep_after: int | None) -> None:
        """Store that rows up to a sequence are in Parquet, and prune the log.

        Args:
            sequence: The last sequence in Parquet.
            keep_after: Entries after this sequence stay, for followers that replay them.
        """
        last = self.last_sequence
        prune = sequence if keep_after is None else min(sequence, keep_after)
        self.connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (_SNAPSHOT, sequence))
        self.connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (_LAST, last))
        self.connection.execute("DELETE FROM log WHERE sequence <= ?", (prune,))

    def drop(self, database_id: int, table_name: str | None) -> None:
        """Remove all about a table. None: about all tables of the database."""
        for table in ("log", "columns", "files"):
            self.connection.execute(
                f"DELETE FROM {table} WHERE database_id = ? AND (? IS NULL OR table_name = ?)",  # noqa: S608 - names above
                (database_id, table_name, table_name),
            )
        if table_name is None:
            for table in ("retention", "positions"):
                self.connection.execute(f"DELETE FROM {table} WHERE database_id = ?", (database_id,))  # noqa: S608 - as above

    def retentions(self) -> dict[int, timedelta]:
        """Return how long rows are kept, by database."""
        rows = self.connection.execute("SELECT database_id, microseconds FROM retention")
        return {database_id: timedelta(microseconds=microseconds) for database_id, microseconds in rows}

    def store_retention(self, database_id: int, retention: timedelta | None) -> None:
        """Store how long rows are kept. None: for ever."""
        self.connection.execute("DELETE FROM retention WHERE database_id = ?", (database_id,))
        if retention is not None:
            microseconds = retention // timedelta(microseconds=1)
            self.connection.execute("INSERT INTO retention VALUES (?, ?)", (database_id, microseconds))

    def positions(self) -> dict[Follower, int]:
        """Return the sequence up to which each follower has seen the writes."""
        rows = self.connection.execute("SELECT database_id, follower, sequence FROM positions")
        return {Follower(database_id, name): sequence for database_id, name, sequence in rows}

    def store_positions(self, positions: Mapping[Follower, int | None]) -> None:
        """Store positions. None deletes a position."""
        for follower, sequence in positions.items():
            if sequence is None:
                self.connection.execute("DELETE FROM positions WHERE database_id = ? AND follower = ?", follower)
            else:
                self.connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (*follower, sequence))

    def _progress(self, name: str) -> int:
        row = self.connection.execute("SELECT sequence FROM progress WHERE name = ?", (name,)).fetchone()
        return int(row[0]) if row else 0


def _encode(batch: pa.RecordBatch) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return sink.getvalue()


def _decode(blob: bytes) -> pa.RecordBatch:
    with pa.ipc.open_stream(blob) as reader:
        return reader.read_next_batch()
