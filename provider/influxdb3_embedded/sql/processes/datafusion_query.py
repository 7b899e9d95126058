"""Plans and runs a query in DataFusion (contract 7.1)."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datafusion import SessionConfig, SQLOptions

from influxdb3_embedded.sql.depth import DEEPEST, depth
from influxdb3_embedded.sql.dialect.functions import explain, original_names, translate
from influxdb3_embedded.sql.errors import QueryFailed, call_datafusion
from influxdb3_embedded.sql.processes.channel import TABLES
from influxdb3_embedded.sql.processes.schemas import LazySchema, ProviderFactory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from datafusion import DataFrame

    from influxdb3_embedded.sql.memory import QueryMemory
    from influxdb3_embedded.sql.processes.schemas import Source

Parameters = dict[str, bool | int | float | str | None]

_CATALOG = "public"
# Decides only the order of reading, so that a wrong match does no harm.
_LATEST_FIRST = re.compile(r"""\border\s+by\s+(\w+\.)?"?time"?\s+desc\b""", re.IGNORECASE)

# The planner refuses DDL, DML, COPY, SET and external tables, with the texts of the real server.
_READ_ONLY = SQLOptions().with_allow_ddl(False).with_allow_dml(False).with_allow_statements(False)
# One partition: the tables are small, and more tasks would cost more than they save.
_CONFIG = (
    SessionConfig()
    .with_default_catalog_and_schema(_CATALOG, TABLES)
    .with_information_schema(True)
    .with_target_partitions(1)
)


class PlannedQuery:
    """A query that can run. `plan_query` makes it.

    Args:
        sql: The query.
        frame: Its plan.
        memory: The limit of memory.
        call: Calls DataFusion, and turns its errors into `QueryFailed`.
    """

    def __init__(self, sql: str, frame: DataFrame, memory: QueryMemory, call: Callable[[Callable[[], Any]], Any]):
        self._frame = frame
        self._memory = memory
        self._call = call
        self._planned_schema = frame.schema()
        self._names = original_names(self._planned_schema.names, sql)

    def schema(self) -> pa.Schema:
        """The columns of the result."""
        return pa.schema([field.with_name(name) for field, name in zip(self._planned_schema, self._names, strict=True)])

    def table(self) -> pa.Table:
        """Run the query. A result without rows has the columns too.

        Raises:
            QueryFailed: The query fails, or would take too much memory.
        """
        batches = self._call(lambda: self._memory.collect(self._frame))
        table = pa.Table.from_batches(batches, schema=batches[0].schema if batches else self._planned_schema)
        return table.rename_columns(self._names)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Run the query. The caller limits the memory of the result. Columns have the names in the plan.

        Raises:
            QueryFailed: The query fails.
        """
        stream = self._call(lambda: iter(self._frame.execute_stream()))
        while (batch := self._call(lambda: next(stream, None))) is not None:
            yield batch.to_pyarrow()


def plan_query(
    sql: str,
    params: Parameters | None,
    sources: Mapping[str, Source],
    memory: QueryMemory,
    providers: ProviderFactory,
    *,
    with_kinds: bool = False,
) -> PlannedQuery:
    """Plan a query.

    Args:
        sql: One statement that only reads.
        params: Values for ``$name`` placeholders.
        sources: Schema to its tables.
        memory: The limit of memory.
        providers: Makes tables for DataFusion from rows.
        with_kinds: Whether columns of the result say in their metadata if they are tags or fields.

    Raises:
        QueryFailed: The query cannot run.
    """
    if (found := depth(sql)) > DEEPEST:
        raise QueryFailed(400, f"Error during planning: {found} operators in a row are more than {DEEPEST}")
    context = memory.context(_CONFIG)
    catalog = context.catalog(_CATALOG)
    catalog.deregister_schema(TABLES)
    latest_first = _LATEST_FIRST.search(sql) is not None
    for name, source in sources.items():
        of_database = name == TABLES
        tables = LazySchema(
            source, providers, latest_first=latest_first and of_database, with_kinds=with_kinds and of_database
        )
        catalog.register_schema(name, tables)

    call = partial(call_datafusion, explain=partial(explain, sql))
    values = {name: _argument(value) for name, value in params.items()} if params else None

    def plan(text: str) -> DataFrame:
        return call(lambda: context.sql_with_options(text, _READ_ONLY, param_values=values))

    def check_bins(text: str) -> None:
        (batch,) = call(lambda: memory.collect(plan(text)))
        memory.check_bins(**batch.to_pylist()[0])

    frame = plan(translate(sql, context.udafs, lambda text: plan(text).schema(), check_bins))
    return PlannedQuery(sql, frame, memory, call)


def _argument(value: bool | int | float | str | None) -> bool | int | float | str | pa.Scalar | None:
    """The value of a placeholder. DataFusion takes Python's integers only up to 63 bits."""
    if not isinstance(value, int) or -(2**63) <= value < 2**63:
        return value
    return pa.scalar(value, pa.uint64()) if 0 <= value < 2**64 else float(value)
