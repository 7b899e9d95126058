"""Results for Flight: what the query process writes to the file that the engine sends."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from influxdb3_embedded.sql import QueryFailed
from influxdb3_embedded.sql.memory import QueryMemory
from influxdb3_embedded.sql.processes.arrow_results import write_result
from influxdb3_embedded.sql.processes.datafusion_query import PlannedQuery, plan_query
from influxdb3_embedded.sql.processes.schemas import ProviderFactory, Source
from influxdb3_embedded.storage.columns import arrow_type
from influxdb3_embedded.storage.table_rows import TableRows
from influxdb3_engine_api.column_kinds import ColumnKind

if TYPE_CHECKING:
    from pathlib import Path

MEMORY = 2**30
COLUMNS = {"host": ColumnKind.TAG, "time": ColumnKind.TIMESTAMP, "usage": ColumnKind.FLOAT}
SCHEMA = pa.schema([pa.field(name, arrow_type(kind)) for name, kind in COLUMNS.items()])


def part(*rows: tuple[str, int, float]) -> pa.Table:
    return pa.table(
        [pa.array(values).cast(field.type) for values, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)],
        schema=SCHEMA,
    )


def planned(sql: str, rows: TableRows) -> PlannedQuery:
    sources = {"iox": Source(lambda: ["cpu"], lambda _name: rows)}
    return plan_query(sql, None, sources, QueryMemory(MEMORY), ProviderFactory(), with_kinds=True)


def written(sql: str, rows: TableRows, limit: int = MEMORY) -> pa.Table:
    descriptor = write_result(planned(sql, rows), limit)
    with os.fdopen(descriptor, "rb") as file:
        file.seek(0)
        return pa.ipc.open_stream(file.read()).read_all()


@pytest.fixture(params=["memory", "files"])
def rows(request: pytest.FixtureRequest, tmp_path: Path) -> TableRows:
    if request.param == "memory":
        return TableRows(SCHEMA, [part(("a", 1, 0.5)), part(("b", 2, 1.5))])
    pq.write_table(part(("a", 1, 0.5)), tmp_path / "old.parquet")
    return TableRows(SCHEMA, [part(("b", 2, 1.5))], [tmp_path / "old.parquet"])


def test_tags_are_text_and_columns_have_their_kinds(rows: TableRows) -> None:
    table = written("SELECT host, usage AS value, time FROM cpu ORDER BY time", rows)

    assert table.schema.types == [pa.string(), pa.float64(), pa.timestamp("ns")]
    assert [field.metadata[b"iox::column::type"].decode() for field in table.schema] == [
        ColumnKind.TAG.iox_type,
        ColumnKind.FLOAT.iox_type,
        ColumnKind.TIMESTAMP.iox_type,
    ]
    assert table.select(["host", "value"]).to_pylist() == [{"host": "a", "value": 0.5}, {"host": "b", "value": 1.5}]


def test_the_planned_columns_are_those_of_the_result(rows: TableRows) -> None:
    for sql in ("SELECT * FROM cpu", "SELECT host, max(usage) FROM cpu GROUP BY host", "SELECT now(), 1, 'x'"):
        names = planned(sql, rows).schema().names
        assert written(sql, rows).schema.names == names


def test_views_are_plain_text(rows: TableRows) -> None:
    table = written("SELECT arrow_cast('x', 'Utf8View') AS text, arrow_cast('y', 'BinaryView') AS bytes", rows)

    assert table.schema.types == [pa.string(), pa.binary()]
    assert table.to_pylist() == [{"text": "x", "bytes": b"y"}]


def test_a_result_over_the_limit_is_refused(rows: TableRows) -> None:
    with pytest.raises(QueryFailed, match="the result would take more memory"):
        written("SELECT repeat('x', 1000) FROM generate_series(1, 100000)", rows, limit=1_000_000)
