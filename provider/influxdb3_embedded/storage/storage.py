"""Stores the tables of all databases: writes, reads, snapshots. Databases are numbers; the catalog has the names."""

from __future__ import annotations

import asyncio
import logging
import operator
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from influxdb3_embedded.disk import file_errors
from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.storage.batches import WrittenRows
from influxdb3_embedded.storage.changes import AddRows, LogChange
from influxdb3_embedded.storage.columns import TIME, TableSchema
from influxdb3_embedded.storage.errors import (
    EmptyWriteError,
    TableExistsError,
    TableNotFoundError,
)
from influxdb3_embedded.storage.line_protocol import decode
from influxdb3_embedded.storage.parquet import remove_unknown_files
from influxdb3_embedded.storage.recovery import DatabaseTables, lock, recover
from influxdb3_embedded.storage.schema_check import Limits
from influxdb3_embedded.storage.snapshot import Snapshot
from influxdb3_embedded.storage.table_data import TableData
from influxdb3_embedded.storage.timestamps import Precision
from influxdb3_embedded.storage.write_ahead_log import WriteAheadLog
from influxdb3_embedded.storage.write_body import WriteBody, read_lines
from influxdb3_embedded.storage.write_feed import WriteFeed
from influxdb3_embedded.storage.writer import Writer
from influxdb3_engine_api.column_kinds import ColumnKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from pathlib import Path

    from influxdb3_embedded.storage.table_rows import TableRows
    from influxdb3_engine_api.line_grammar import LineError

_logger = logging.getLogger(__name__)
_MAX_CHARACTERS_ON_LOOP = 8_192  # a thread parses a longer body, so that other requests do not wait
_MAX_PARALLEL_PARSES = 2  # of long bodies: each busy thread slows down all others


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """When rows move from the log to Parquet. This bounds the duration of a start and the memory used.

    Attributes:
        entries: A snapshot begins at this number of writes in the log.
        rows: A snapshot begins at this number of rows in the log.
    """

    entries: int = 5_000
    rows: int = 1_000_000


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """The result of a write.

    Attributes:
        lines_written: Number of lines stored.
        errors: Errors of the other lines, in the order of the lines.
    """

    lines_written: int
    errors: list[LineError]

    @property
    def over_limit(self) -> bool:
        """Whether a line was above a limit. Then the answer is 422 (contract 8.1)."""
        return any(error.over_limit for error in self.errors)


_DEFAULT_LIMITS, _DEFAULT_POLICY = Limits(), SnapshotPolicy()


class Storage:
    """Tables of databases, durable unless ``directory`` is None.

    Call every method that changes something on the event loop on which `start` ran. Call `table` in any thread.

    Args:
        directory: Directory of the data, created if missing. None: keeps all data in memory.
        limits: How many tables and columns may exist.
        snapshot_policy: When rows move from the log to Parquet.

    Attributes:
        feed: Tells observers about each write, and replays writes for followers.
    """

    def __init__(
        self,
        directory: Path | None,
        *,
        limits: Limits = _DEFAULT_LIMITS,
        snapshot_policy: SnapshotPolicy = _DEFAULT_POLICY,
    ) -> None:
        self._directory = directory
        self._limits = limits
        self._policy = snapshot_policy
        self.feed = WriteFeed()
        self._databases: dict[int, DatabaseTables] = {}
        self._log: WriteAheadLog | None = None
        self._lock_file: IO[bytes] | None = None
        self._sequence = 0
        self._entries = self._rows = 0
        self._snapshot = Snapshot()
        self._snapshot_task: asyncio.Task[None] | None = None
        self._parsing = asyncio.Semaphore(_MAX_PARALLEL_PARSES)

    async def start(self) -> None:
        """Load the rows that the log holds. Rows in Parquet are not read.

        Raises:
            StorageLockedError: Another process has the directory open.
            OSError: The directory, or a file in it, cannot be used.
        """
        if self._directory is not None:
            await asyncio.to_thread(self._load, self._directory)
        self._writer = Writer(self._log)
        self.feed.open(self._log, self._writer)

    async def stop(self) -> None:
        """Commit the accepted writes, and close the directory."""
        if self._snapshot_task is not None:
            await asyncio.wait([self._snapshot_task])
        await self._writer.stop()
        self._snapshot.delete_unused_files()
        if self._log is not None:
            self._log.close()
        if self._lock_file is not None:
            self._lock_file.close()

    async def write(
        self,
        database_id: int,
        body: bytes | str,
        *,
        precision: Precision = Precision.AUTO,
        accept_partial: bool = True,
        durable: bool = True,
    ) -> WriteOutcome:
        """Store line protocol. Missing tables and columns are created (contract 8.1).

        Args:
            database_id: The database.
            body: The lines.
            precision: Unit of the timestamps. All lines without a timestamp get the same time.
            accept_partial: Whether good lines are stored if others are bad.
            durable: Whether to wait until the lines are committed and queries see them. Otherwise both follow within
                milliseconds.

        Raises:
            EmptyWriteError: The body has no line.
            NotUtf8Error: The body is not UTF-8.
            WriteFailedError: The log cannot be written. Nothing is stored.
        """
        text = decode(body)
        now = time.time_ns()
        if len(text) > _MAX_CHARACTERS_ON_LOOP:
            database, written = await self._read_in_thread(database_id, text, precision, now)
        else:
            database = self._databases.setdefault(database_id, DatabaseTables())
            written = read_lines(text, precision, now, _schemas(database), self._limits)
        if not written.lines_read:
            raise EmptyWriteError
        if not written.tables or (written.errors and not accept_partial):
            return WriteOutcome(0, written.errors)
        done = self._submit(database_id, database, written)
        if durable:
            await done
        return WriteOutcome(written.lines_accepted, written.errors)

    async def _read_in_thread(
        self, database_id: int, text: str, precision: Precision, now: int
    ) -> tuple[DatabaseTables, WriteBody]:
        while True:
            database = self._databases.setdefault(database_id, DatabaseTables())
            schemas = _schemas(database)
            async with self._parsing:
                body = await asyncio.to_thread(read_lines, text, precision, now, schemas, self._limits)
            # Another write can add columns meanwhile. The number of columns has a limit, so this loop ends.
            if self._databases.get(database_id) is database and _unchanged(schemas, _schemas(database)):
                return database, body

    def validate(
        self, database_id: int | None, body: bytes | str, *, precision: Precision = Precision.NANOSECOND
    ) -> tuple[list[TableBatch], list[LineError]]:
        """Return the rows that a write would hand to WAL triggers, and its errors. Nothing is stored (contract 6).

        Call it in any thread.

        Args:
            database_id: The database whose schemas apply. None: a database that does not exist.
            body: Line protocol, possibly empty.
            precision: Unit of the timestamps.

        Raises:
            NotUtf8Error: The body is not UTF-8.
        """
        database = self._databases.get(database_id, DatabaseTables()) if database_id is not None else DatabaseTables()
        read = read_lines(decode(body), precision, time.time_ns(), _schemas(database), self._limits)
        return [TableBatch(table.name, WrittenRows(rows)) for table, rows in read.tables], read.errors

    async def create_table(
        self, database_id: int, table: str, tags: Sequence[str], fields: Sequence[tuple[str, ColumnKind]]
    ) -> None:
        """Create an empty table (contract 8.2).

        Raises:
            TableExistsError: The table exists.
            LimitExceededError: One more table or column than allowed.
            WriteFailedError: The log cannot be written.
        """
        database = self._databases.setdefault(database_id, DatabaseTables())
        if table in database.tables:
            raise TableExistsError
        columns = dict.fromkeys(tags, ColumnKind.TAG) | dict(fields) | {TIME: ColumnKind.TIMESTAMP}
        self._limits.check_tables(len(database.tables))
        self._limits.check_columns(len(columns))
        data = database.tables[table] = TableData(table, columns)
        schema = data.schema
        await self._writer.submit(LogChange(lambda log: log.store_schema(database_id, schema)))

    async def drop_table(self, database_id: int, table: str) -> None:
        """Remove a table and its rows.

        Raises:
            TableNotFoundError: The table does not exist.
            WriteFailedError: The log cannot be written.
        """
        database = self._databases.get(database_id)
        if database is None or table not in database.tables:
            raise TableNotFoundError(table)
        self._snapshot.delete_later(database.tables.pop(table))
        await self._writer.submit(LogChange(lambda log: log.drop(database_id, table)))

    async def drop_database(self, database_id: int) -> None:
        """Remove all tables and rows of a database."""
        database = self._databases.pop(database_id, DatabaseTables())
        for data in database.tables.values():
            self._snapshot.delete_later(data)
        await self._writer.submit(LogChange(lambda log: log.drop(database_id, None)))

    async def set_retention(self, database_id: int, retention: timedelta | None) -> None:
        """Set how long rows are kept. None: for ever."""
        self._databases.setdefault(database_id, DatabaseTables()).retention = retention
        await self._writer.submit(LogChange(lambda log: log.store_retention(database_id, retention)))

    def tables(self, database_id: int) -> list[TableSchema]:
        """Return the tables of a database, in the order of their creation."""
        database = self._databases.get(database_id)
        return [data.schema for data in list(database.tables.values())] if database else []

    def table(self, database_id: int, name: str) -> TableRows | None:
        """Return the rows of a table: each point once, no expired points. None if the table does not exist."""
        database = self._databases.get(database_id)
        data = database.tables.get(name) if database else None
        return data.read(database.oldest) if database and data else None

    async def snapshot(self) -> None:
        """Move all rows to Parquet, drop expired ones, and prune the log. The snapshot policy calls it, too.

        Raises:
            OSError: A file cannot be written. No row is lost.
        """
        self._entries = self._rows = 0
        databases = {
            database_id: (database.oldest, dict(database.tables)) for database_id, database in self._databases.items()
        }
        await self._snapshot.take(
            databases,
            writer=self._writer,
            directory=self._directory and _files(self._directory),
            sequence=self._sequence,
            keep_after=self.feed.kept_after,
            is_current=lambda database_id, data: (
                (database := self._databases.get(database_id)) is not None
                and database.tables.get(data.schema.name) is data
            ),
        )

    @property
    def sequence(self) -> int:
        """Sequence of the newest accepted write. Its commit may still be under way."""
        return self._sequence

    @property
    def commits(self) -> int:
        """Number of commits since the start. Concurrent writes share a commit."""
        return self._writer.commits

    def _submit(self, database_id: int, database: DatabaseTables, body: WriteBody) -> asyncio.Future[None]:
        parts = []
        for schema, rows in body.tables:
            data = database.tables.get(schema.name)
            if data is None:
                data = database.tables[schema.name] = TableData(schema.name, schema.columns)
            elif len(schema.columns) != len(data.schema.columns):
                data.schema = schema
            parts.append((data, rows))
        self._sequence += 1
        self._entries += 1
        self._rows += body.lines_accepted
        done = self._writer.submit(AddRows(self._sequence, database_id, parts, self.feed.announce))
        if self._entries >= self._policy.entries or self._rows >= self._policy.rows:
            self._start_snapshot()
        return done

    def _start_snapshot(self) -> None:
        if self._snapshot_task is None or self._snapshot_task.done():
            self._snapshot_task = asyncio.get_running_loop().create_task(self._snapshot_and_log())

    async def _snapshot_and_log(self) -> None:
        try:
            await self.snapshot()
        except Exception:
            _logger.exception("cannot move rows to Parquet; they stay in the log")

    def _load(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_file = lock(directory)
        path = directory / "storage.sqlite"
        with file_errors(path):
            self._log = WriteAheadLog(path, _files(directory))
            self._databases, self._rows = recover(self._log)
        remove_unknown_files(_files(directory), [file.rows.path for file in self._log.files()])
        self._entries = self._log.entries
        self._sequence = self._log.last_sequence


def _schemas(database: DatabaseTables) -> dict[str, TableSchema]:
    return {name: data.schema for name, data in database.tables.copy().items()}


def _unchanged(before: dict[str, TableSchema], now: dict[str, TableSchema]) -> bool:
    """Whether no table was added, dropped or changed. A change replaces the schema object."""
    return before.keys() == now.keys() and all(map(operator.is_, before.values(), now.values()))


def _files(directory: Path) -> Path:
    return directory / "parquet"
