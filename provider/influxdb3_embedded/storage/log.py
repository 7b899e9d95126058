"""The write-ahead log and what is known about tables and Parquet files: one SQLite database.

SQLite runs in WAL mode with ``synchronous=FULL``: what is committed survives the loss of the process and of the
machine. All its rows are written by the storage's one writer thread.
"""

from __future__ import annotations

import logging
import sqlite3
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.storage.columns import TableSchema
from influxdb3_embedded.storage.followers import Follower
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
_SNAPSHOT = "snapshot"  # up to here the log is in Parquet
_LAST = "last"  # up to here sequences were used, also those pruned since


@dataclass(frozen=True, slots=True)
class LoggedBatch:
    """The rows of one table in one write."""

    sequence: int
    database_id: int
    table_name: str
    batch: pa.RecordBatch


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A Parquet file and the table and span that it belongs to."""

    database_id: int
    table_name: str
    start: int
    end: int
    rows: ParquetRows


class Log:
    """The tables of the SQLite database.

    Args:
        path: The database; made if it is missing.
        files: The directory of the Parquet files.
    """

    def __init__(self, path: Path, files: Path) -> None:
        self._path = path
        self._files = files
        # Used by the writer thread and, at start-up and for replays, by others, but never by two at once.
        self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database."""
        self.connection.close()

    def add(self, sequence: int, database_id: int, tables: Iterable[tuple[str, pa.RecordBatch]]) -> None:
        """Log one write."""
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
        """What is in the log after a sequence, in the order written; of all databases and tables or of one."""
        # A connection of its own: replays go on while the writer thread commits.
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
        """The last sequence that is in Parquet."""
        return self._progress(_SNAPSHOT)

    @property
    def last_sequence(self) -> int:
        """The last sequence that was used."""
        (logged,) = self.connection.execute("SELECT max(sequence) FROM log").fetchone()
        return max(logged or 0, self._progress(_LAST))

    @property
    def entries(self) -> int:
        """How many writes are in the log that are not in Parquet."""
        query = "SELECT count(DISTINCT sequence) FROM log WHERE sequence > ?"
        (count,) = self.connection.execute(query, (self.snapshot_sequence,)).fetchone()
        return int(count)

    def schemas(self) -> dict[int, list[TableSchema]]:
        """The tables by database, as far as they are not only in the log."""
        columns: dict[tuple[int, str], dict[str, ColumnKind]] = {}
        query = "SELECT database_id, table_name, name, kind FROM columns ORDER BY rowid"
        for database_id, table_name, name, kind in self.connection.execute(query):
            columns.setdefault((database_id, table_name), {})[name] = ColumnKind(kind)
        schemas: dict[int, list[TableSchema]] = {}
        for (database_id, table_name), kinds in columns.items():
            schemas.setdefault(database_id, []).append(TableSchema(table_name, kinds))
        return schemas

    def store_schema(self, database_id: int, schema: TableSchema) -> None:
        """Keep the columns of a table beyond the life of its log entries."""
        self.connection.executemany(
            "INSERT OR IGNORE INTO columns VALUES (?, ?, ?, ?)",
            [(database_id, schema.name, name, kind.value) for name, kind in schema.columns.items()],
        )

    def files(self) -> list[KnownFile]:
        """The Parquet files."""
        query = 'SELECT database_id, table_name, start, "end", name, num_rows, size, checksum FROM files'
        return [
            KnownFile(database_id, table_name, start, end, ParquetRows(self._files / name, num_rows, size, checksum))
            for database_id, table_name, start, end, name, num_rows, size, checksum in self.connection.execute(query)
        ]

    def store_file(self, database_id: int, table_name: str, segment: Segment, rows: ParquetRows) -> None:
        """Know a Parquet file, and forget those that it replaces."""
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
        """Forget Parquet files."""
        self.connection.executemany("DELETE FROM files WHERE name = ?", [(rows.path.name,) for rows in files])

    def finish_snapshot(self, sequence: int, *, keep_after: int | None) -> None:
        """Note that the log is in Parquet up to a sequence, and prune it.

        Args:
            sequence: The last one in Parquet.
            keep_after: Entries after this sequence stay for somebody who wants to replay them.
        """
        last = self.last_sequence
        prune = sequence if keep_after is None else min(sequence, keep_after)
        self.connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (_SNAPSHOT, sequence))
        self.connection.execute("INSERT OR REPLACE INTO progress VALUES (?, ?)", (_LAST, last))
        self.connection.execute("DELETE FROM log WHERE sequence <= ?", (prune,))

    def drop(self, database_id: int, table_name: str | None) -> None:
        """Forget a table, or with ``None`` a whole database."""
        for table in ("log", "columns", "files"):
            self.connection.execute(
                f"DELETE FROM {table} WHERE database_id = ? AND (? IS NULL OR table_name = ?)",  # noqa: S608 - names above
                (database_id, table_name, table_name),
            )
        if table_name is None:
            for table in ("retention", "positions"):
                self.connection.execute(f"DELETE FROM {table} WHERE database_id = ?", (database_id,))  # noqa: S608 - as above

    def retentions(self) -> dict[int, timedelta]:
        """How long rows are kept, by database."""
        rows = self.connection.execute("SELECT database_id, microseconds FROM retention")
        return {database_id: timedelta(microseconds=microseconds) for database_id, microseconds in rows}

    def store_retention(self, database_id: int, retention: timedelta | None) -> None:
        """Keep how long rows are kept; ``None`` is for ever."""
        self.connection.execute("DELETE FROM retention WHERE database_id = ?", (database_id,))
        if retention is not None:
            microseconds = retention // timedelta(microseconds=1)
            self.connection.execute("INSERT INTO retention VALUES (?, ?)", (database_id, microseconds))

    def positions(self) -> dict[Follower, int]:
        """Up to which sequence followers of the writes have seen them."""
        rows = self.connection.execute("SELECT database_id, follower, sequence FROM positions")
        return {Follower(database_id, name): sequence for database_id, name, sequence in rows}

    def store_positions(self, positions: Mapping[Follower, int | None]) -> None:
        """Keep positions; ``None`` forgets one."""
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
