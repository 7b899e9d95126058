"""What DataFusion asks about schemas: tables are looked up when a query names them, not before."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datafusion import SessionContext
from datafusion.catalog import SchemaProvider, Table

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from influxdb3_embedded.storage import Storage

_BATCH_ROWS = 8192  # DataFusion's own batch size
_SCRATCH = "scratch"
_THREADS = 4


class ProviderFactory:
    """Makes rows scannable.

    DataFusion's own in-memory table scans twice as fast as a dataset, but can only be got out of a context, by a call
    that must not be made while DataFusion waits for a schema's answer; so it is made in another thread.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="sql-tables")

    def provide(self, rows: Any, *, latest_first: bool = False) -> Table:
        """A table for DataFusion.

        Args:
            rows: In memory, or a dataset.
            latest_first: Whether rows in memory, which are in the order of time, are read from the end. DataFusion
                cannot be told that they are sorted, but for ``ORDER BY time DESC LIMIT 1`` it drops unread what is
                older than the best row that it has: 1 ms instead of 70 ms for a million rows.
        """
        if not isinstance(rows, pa.Table):
            return Table(rows)
        return self._threads.submit(_in_memory, rows, latest_first).result()

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False)


def _in_memory(rows: pa.Table, latest_first: bool) -> Table:
    context = SessionContext()
    batches = rows.to_batches(_BATCH_ROWS) or [pa.RecordBatch.from_pylist([], schema=rows.schema)]
    if latest_first:
        batches.reverse()
    context.register_record_batches(_SCRATCH, [batches])
    return context.catalog().schema().table(_SCRATCH)


class StorageSchema(SchemaProvider):
    """The tables of one database.

    Args:
        storage: Where they are.
        database_id: The database.
        providers: Makes them scannable.
        latest_first: Whether to read them from the end (see `ProviderFactory.provide`).
    """

    def __init__(
        self, storage: Storage, database_id: int, providers: ProviderFactory, *, latest_first: bool = False
    ) -> None:
        self._storage = storage
        self._database_id = database_id
        self._providers = providers
        self._latest_first = latest_first

    @property
    def table_names(self) -> list[str]:  # type: ignore[override]  # DataFusion 55 reads what it declares as a method
        """All tables."""
        return [schema.name for schema in self._storage.tables(self._database_id)]

    def table_exist(self, name: str) -> bool:
        """Whether there is such a table."""
        return name in self.table_names

    def table(self, name: str) -> Table | None:
        """One table with the rows that it has now, or ``None``."""
        rows = self._storage.table(self._database_id, name)
        return None if rows is None else self._providers.provide(rows, latest_first=self._latest_first)


class SystemSchema(SchemaProvider):
    """Tables that are made by a call."""

    def __init__(self, tables: Mapping[str, Callable[[], pa.Table]], providers: ProviderFactory) -> None:
        self._tables = tables
        self._providers = providers

    @property
    def table_names(self) -> list[str]:  # type: ignore[override]  # DataFusion 55 reads what it declares as a method
        """All tables."""
        return list(self._tables)

    def table_exist(self, name: str) -> bool:
        """Whether there is such a table."""
        return name in self._tables

    def table(self, name: str) -> Table | None:
        """One table as it is now, or ``None``."""
        make = self._tables.get(name)
        return None if make is None else self._providers.provide(make())
