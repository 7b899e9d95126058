"""Runs SQL against one database (contract 7.1)."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
from datafusion import SessionConfig, SQLOptions

from influxdb3_embedded.sql.errors import call_datafusion
from influxdb3_embedded.sql.functions import explain, original_names, translate
from influxdb3_embedded.sql.memory import QueryMemory
from influxdb3_embedded.sql.schemas import ProviderFactory, StorageSchema, SystemSchema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from datafusion import DataFrame

    from influxdb3_embedded.storage import Storage

    SystemTables = Callable[[str], Mapping[str, Callable[[], pa.Table]]]
    Parameters = Mapping[str, bool | int | float | str | None]

_CATALOG, _TABLES, _SYSTEM = "public", "iox", "system"
_CONCURRENT_QUERIES = 16
# Only the order of reading follows from it, so it may be wrong.
_LATEST_FIRST = re.compile(r"""\border\s+by\s+(\w+\.)?"?time"?\s+desc\b""", re.IGNORECASE)

# DDL, DML, COPY, SET and external tables: the planner refuses them with the texts of the real server.
_READ_ONLY = SQLOptions().with_allow_ddl(False).with_allow_dml(False).with_allow_statements(False)
# One partition: the tables are small, and starting tasks costs more than they save.
_CONFIG = (
    SessionConfig()
    .with_default_catalog_and_schema(_CATALOG, _TABLES)
    .with_information_schema(True)
    .with_target_partitions(1)
)


class DatabaseRef(NamedTuple):
    """A database as the catalog knows it.

    Attributes:
        id: Its number in the storage.
        name: Its name, by which system tables are asked for.
    """

    id: int
    name: str


class SqlEngine:
    """Queries, each in a thread of its own, so that a slow one delays nobody.

    Args:
        storage: Where the tables are.
        system_tables: For a database's name the tables of schema ``system``, each made when a query names it.
        memory_limit: Bytes that queries may take.
    """

    def __init__(self, storage: Storage, system_tables: SystemTables, memory_limit: int) -> None:
        self._storage = storage
        self._system_tables = system_tables
        self._memory = QueryMemory(memory_limit)
        self._providers = ProviderFactory()
        self._threads = ThreadPoolExecutor(_CONCURRENT_QUERIES, thread_name_prefix="sql")

    async def query(self, database: DatabaseRef, sql: str, params: Parameters | None = None) -> pa.Table:
        """Run one query.

        Args:
            database: Where its tables are.
            sql: One statement that only reads.
            params: Values for ``$name`` placeholders.

        Returns:
            The result; one without rows has its columns too.

        Raises:
            QueryFailed: When it cannot be planned or run.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run, database, sql, params)

    def run(self, database: DatabaseRef, sql: str, params: Parameters | None = None) -> pa.Table:
        """`query` for callers that are in a thread already."""
        context = self._memory.context(_CONFIG)
        catalog = context.catalog(_CATALOG)
        catalog.deregister_schema(_TABLES)
        latest_first = _LATEST_FIRST.search(sql) is not None
        tables = StorageSchema(self._storage, database.id, self._providers, latest_first=latest_first)
        catalog.register_schema(_TABLES, tables)
        catalog.register_schema(_SYSTEM, SystemSchema(self._system_tables(database.name), self._providers))

        call = partial(call_datafusion, explain=partial(explain, sql))
        values = dict(params) if params else None

        def plan(text: str) -> DataFrame:
            return call(lambda: context.sql_with_options(text, _READ_ONLY, param_values=values))

        def collect(frame: DataFrame) -> list[pa.RecordBatch]:
            return call(lambda: self._memory.collect(frame))

        def check_bins(text: str) -> None:
            (batch,) = collect(plan(text))
            self._memory.check_bins(**batch.to_pylist()[0])

        frame = plan(translate(sql, context.udafs, lambda text: plan(text).schema(), check_bins))
        batches = collect(frame)
        table = pa.Table.from_batches(batches, schema=batches[0].schema if batches else frame.schema())
        return table.rename_columns(original_names(table.column_names, sql))

    def close(self) -> None:
        """Let the threads go when their queries are done."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._providers.close()
