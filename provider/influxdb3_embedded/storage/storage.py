"""The storage of the embedded engine: databases by number, their tables, what is written to them."""

from __future__ import annotations

import asyncio
import logging
import operator
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from influxdb3_embedded.disk import naming
from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.storage.admission import Limits
from influxdb3_embedded.storage.batches import WrittenRows
from influxdb3_embedded.storage.body import Body, read_body
from influxdb3_embedded.storage.columns import TIME, TableSchema
from influxdb3_embedded.storage.errors import (
    EmptyWriteError,
    TableExistsError,
    TableNotFoundError,
)
from influxdb3_embedded.storage.feed import Feed
from influxdb3_embedded.storage.line_protocol import decode
from influxdb3_embedded.storage.log import Log
from influxdb3_embedded.storage.parquet import remove_strays
from influxdb3_embedded.storage.recovery import Database, lock, recover
from influxdb3_embedded.storage.snapshot import Snapshot
from influxdb3_embedded.storage.steps import ChangeLog, CommitWrite
from influxdb3_embedded.storage.table_data import TableData
from influxdb3_embedded.storage.timestamps import Precision
from influxdb3_embedded.storage.writer import Writer
from influxdb3_engine_api.column_kinds import ColumnKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta
    from pathlib import Path

    from influxdb3_embedded.storage.table_rows import TableRows
    from influxdb3_engine_api.line_grammar import LineError

_logger = logging.getLogger(__name__)
_READ_ON_THE_LOOP = 8_192  # characters; a longer body is read in a thread, so that others are answered meanwhile

_READ_AT_ONCE = 2  # long bodies: each thread that computes makes all others wait for their turn longer


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """When the log is moved into Parquet, which bounds the time of a start and the memory used.

    Attributes:
        entries: Writes in the log.
        rows: Rows in the log.
    """

    entries: int = 5_000
    rows: int = 1_000_000


@dataclass(frozen=True, slots=True)
class WriteOutcome:
    """What became of a write.

    Attributes:
        lines_written: How many lines are stored.
        errors: Why the others are not, in the order of the lines.
    """

    lines_written: int
    errors: list[LineError]

    @property
    def over_limit(self) -> bool:
        """Whether a limit was among the reasons: then the answer is 422 (contract 8.1)."""
        return any(error.over_limit for error in self.errors)


_DEFAULT_LIMITS, _DEFAULT_POLICY = Limits(), SnapshotPolicy()


class Storage:
    """Tables that survive the process, or with ``directory=None`` do not.

    Everything that changes something is called on one event loop, the one that `start` was called on; `table` may be
    called in any thread. Databases are numbers: names are the catalog's.

    Args:
        directory: Where the data is; made if it is missing. ``None`` keeps all in memory.
        limits: How many tables and columns there may be.
        snapshot_policy: When rows go from the log to Parquet.

    Attributes:
        feed: What is written, for those who follow it.
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
        self.feed = Feed()
        self._databases: dict[int, Database] = {}
        self._log: Log | None = None
        self._lock_file: IO[bytes] | None = None
        self._sequence = 0
        self._entries = self._rows = 0
        self._snapshot = Snapshot()
        self._snapshot_task: asyncio.Task[None] | None = None
        self._reading = asyncio.Semaphore(_READ_AT_ONCE)

    async def start(self) -> None:
        """Load what the log holds; data in Parquet is left where it is until somebody reads it.

        Raises:
            StorageLockedError: When another process has the directory open.
            OSError: When the directory or a file in it cannot be used.
        """
        if self._directory is not None:
            await asyncio.to_thread(self._load, self._directory)
        self._writer = Writer(self._log)
        self.feed.open(self._log, self._writer)

    async def stop(self) -> None:
        """Finish what was accepted and close the directory."""
        if self._snapshot_task is not None:
            await asyncio.wait([self._snapshot_task])
        await self._writer.stop()
        self._snapshot.delete_condemned()
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
        """Store line protocol; missing tables and columns are made (contract 8.1).

        Args:
            database_id: The database.
            body: The lines.
            precision: Unit of their timestamps. Lines without one get one common time.
            accept_partial: Whether good lines are stored when others are bad.
            durable: Whether to wait until the lines are committed and can be queried, which takes one commit of the
                log; otherwise both follow within milliseconds.

        Returns:
            How many lines were stored, and what was wrong with the others.

        Raises:
            EmptyWriteError: When there is no line.
            NotUtf8Error: When the body is not UTF-8.
            WriteFailedError: When the log cannot be written; nothing is stored.
        """
        text = decode(body)
        now = time.time_ns()
        if len(text) > _READ_ON_THE_LOOP:
            database, body_read = await self._read_in_thread(database_id, text, precision, now)
        else:
            database = self._databases.setdefault(database_id, Database())
            body_read = read_body(text, precision, now, _schemas(database), self._limits)
        if not body_read.lines_read:
            raise EmptyWriteError
        if not body_read.tables or (body_read.errors and not accept_partial):
            return WriteOutcome(0, body_read.errors)
        done = self._submit(database_id, database, body_read)
        if durable:
            await done
        return WriteOutcome(body_read.lines_admitted, body_read.errors)

    async def _read_in_thread(
        self, database_id: int, text: str, precision: Precision, now: int
    ) -> tuple[Database, Body]:
        while True:
            database = self._databases.setdefault(database_id, Database())
            schemas = _schemas(database)
            async with self._reading:
                body = await asyncio.to_thread(read_body, text, precision, now, schemas, self._limits)
            # others write meanwhile, and what they add counts; that ends, since it is limited
            if self._databases.get(database_id) is database and _same(schemas, _schemas(database)):
                return database, body

    def validate(
        self, database_id: int | None, body: bytes | str, *, precision: Precision = Precision.NANOSECOND
    ) -> tuple[list[TableBatch], list[LineError]]:
        """What a write would hand to WAL triggers, and what would be wrong with it; nothing is stored (contract 6).

        It may be called in any thread.

        Args:
            database_id: The database whose schemas count; ``None`` for one that does not exist.
            body: Line protocol, which may be empty.
            precision: Unit of its timestamps.

        Raises:
            NotUtf8Error: When the body is not UTF-8.
        """
        database = self._databases.get(database_id, Database()) if database_id is not None else Database()
        read = read_body(decode(body), precision, time.time_ns(), _schemas(database), self._limits)
        return [TableBatch(table.name, WrittenRows(rows)) for table, rows in read.tables], read.errors

    async def create_table(
        self, database_id: int, table: str, tags: Sequence[str], fields: Sequence[tuple[str, ColumnKind]]
    ) -> None:
        """Make an empty table (contract 8.2).

        Raises:
            TableExistsError: When it exists.
            LimitExceededError: When there are too many tables or columns.
            WriteFailedError: When the log cannot be written.
        """
        database = self._databases.setdefault(database_id, Database())
        if table in database.tables:
            raise TableExistsError
        columns = dict.fromkeys(tags, ColumnKind.TAG) | dict(fields) | {TIME: ColumnKind.TIMESTAMP}
        self._limits.check_tables(len(database.tables))
        self._limits.check_columns(len(columns))
        data = database.tables[table] = TableData(table, columns)
        schema = data.schema
        await self._writer.submit(ChangeLog(lambda log: log.store_schema(database_id, schema)))

    async def drop_table(self, database_id: int, table: str) -> None:
        """Remove a table and its rows.

        Raises:
            TableNotFoundError: When there is none.
            WriteFailedError: When the log cannot be written.
        """
        database = self._databases.get(database_id)
        if database is None or table not in database.tables:
            raise TableNotFoundError(table)
        self._snapshot.condemn(database.tables.pop(table))
        await self._writer.submit(ChangeLog(lambda log: log.drop(database_id, table)))

    async def drop_database(self, database_id: int) -> None:
        """Remove a database's tables and rows, if there are any."""
        database = self._databases.pop(database_id, Database())
        for data in database.tables.values():
            self._snapshot.condemn(data)
        await self._writer.submit(ChangeLog(lambda log: log.drop(database_id, None)))

    async def set_retention(self, database_id: int, retention: timedelta | None) -> None:
        """Let rows expire when they are older; ``None`` keeps them."""
        self._databases.setdefault(database_id, Database()).retention = retention
        await self._writer.submit(ChangeLog(lambda log: log.store_retention(database_id, retention)))

    def tables(self, database_id: int) -> list[TableSchema]:
        """The tables of a database, in the order in which they were made."""
        database = self._databases.get(database_id)
        return [data.schema for data in list(database.tables.values())] if database else []

    def table(self, database_id: int, name: str) -> TableRows | None:
        """The rows of a table, each point once, without expired ones; ``None`` when there is no such table."""
        database = self._databases.get(database_id)
        data = database.tables.get(name) if database else None
        return data.read(database.oldest) if database and data else None

    async def snapshot(self) -> None:
        """Move all rows to Parquet, drop expired ones and prune the log; done without being asked for, too.

        Raises:
            OSError: When a file cannot be written; nothing is lost then.
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
        """The sequence of the newest write, which may be about to be committed."""
        return self._sequence

    @property
    def commits(self) -> int:
        """How many commits the log has seen since the start; concurrent writes share one."""
        return self._writer.commits

    def _submit(self, database_id: int, database: Database, body: Body) -> asyncio.Future[None]:
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
        self._rows += body.lines_admitted
        done = self._writer.submit(CommitWrite(self._sequence, database_id, parts, self.feed.announce))
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
            _logger.exception("rows could not be moved to Parquet; they stay in the log")

    def _load(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock_file = lock(directory)
        path = directory / "storage.sqlite"
        with naming(path):
            self._log = Log(path, _files(directory))
            self._databases, self._rows = recover(self._log)
        remove_strays(_files(directory), [file.rows.path for file in self._log.files()])
        self._entries = self._log.entries
        self._sequence = self._log.last_sequence


def _schemas(database: Database) -> dict[str, TableSchema]:
    return {name: data.schema for name, data in database.tables.copy().items()}


def _same(before: dict[str, TableSchema], now: dict[str, TableSchema]) -> bool:
    """Whether nobody has changed anything; a schema is replaced where it changes."""
    return before.keys() == now.keys() and all(map(operator.is_, before.values(), now.values()))


def _files(directory: Path) -> Path:
    return directory / "parquet"
