"""Locks the directory of a storage, and loads into memory what the log holds."""

from __future__ import annotations

import fcntl
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, TYPE_CHECKING

from influxdb3_embedded.storage.columns import TableSchema, kinds_of
from influxdb3_embedded.storage.errors import StorageLockedError
from influxdb3_embedded.storage.table_data import TableData

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.storage.write_ahead_log import WriteAheadLog


@dataclass(slots=True)
class DatabaseTables:
    """The tables of one database.

    Attributes:
        tables: Tables by name.
        retention: How long rows are kept. None: for ever.
    """

    tables: dict[str, TableData] = field(default_factory=dict)
    retention: timedelta | None = None

    @property
    def oldest(self) -> int | None:
        """The time before which rows have expired, in nanoseconds since the epoch. None: rows do not expire."""
        if self.retention is None:
            return None
        return time.time_ns() - self.retention // timedelta(microseconds=1) * 1000


def recover(log: WriteAheadLog) -> tuple[dict[int, DatabaseTables], int]:
    """Load the tables, and the rows that are in the log. Rows in Parquet are not read.

    Returns:
        Databases by number, and the number of rows loaded.
    """
    databases: dict[int, DatabaseTables] = {}
    for database_id, schemas in log.schemas().items():
        tables = {schema.name: TableData(schema.name, schema.columns) for schema in schemas}
        databases[database_id] = DatabaseTables(tables)
    for database_id, retention in log.retentions().items():
        databases.setdefault(database_id, DatabaseTables()).retention = retention
    for file in log.files():
        databases[file.database_id].tables[file.table_name].restore(file.rows, file.start, file.end)
    loaded = 0
    for entry in log.replay(after=log.snapshot_sequence):
        tables = databases.setdefault(entry.database_id, DatabaseTables()).tables
        kinds = kinds_of(entry.batch.schema)
        data = tables.get(entry.table_name)
        if data is None:
            data = tables[entry.table_name] = TableData(entry.table_name, kinds)
        elif not kinds.keys() <= data.schema.columns.keys():
            data.schema = TableSchema(entry.table_name, {**data.schema.columns, **kinds})
        data.append(entry.batch)
        loaded += entry.batch.num_rows
    return databases, loaded


def lock(directory: Path) -> IO[bytes]:
    """Keep other processes out of a directory while the returned file is open.

    Raises:
        StorageLockedError: Another process has the directory open.
    """
    file = (directory / "lock").open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        msg = f"{directory} is open in another process"
        raise StorageLockedError(msg) from error
    return file
