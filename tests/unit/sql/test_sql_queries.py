"""Queries: what they may do, and how they fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_embedded.sql import ROWS, DatabaseRef

if TYPE_CHECKING:
    from sql_engine import SqlEngineUnderTest


@pytest.mark.parametrize(
    ("sql", "status", "text"),
    [
        ("SELEC", 400, 'SQL error: ParserError("Expected: an SQL statement, found: SELEC at Line: 1, Column: 1")'),
        ("SELECT * FROM nope", 400, "Error during planning: table 'public.iox.nope' not found"),
        ("SELECT * FROM system.nope", 400, "Error during planning: table 'public.system.nope' not found"),
        ("", 400, "Error during planning: No SQL statements were provided in the query string"),
        ("SELECT $x", 400, "Execution error: Placeholder '$x' was not provided a value for execution."),
        ("SELECT 1/0", 400, "Arrow error: Divide by zero error"),
        (
            "SELECT 1; SELECT 2",
            405,
            "This feature is not implemented: The context currently only supports a single SQL statement",
        ),
    ],
)
def test_a_wrong_query_fails_with_datafusions_text(
    engine: SqlEngineUnderTest, sql: str, status: int, text: str
) -> None:
    assert (status, text) == engine.failure(sql)


@pytest.mark.parametrize(
    ("sql", "refused"),
    [
        ("DROP TABLE cpu", "DDL not supported: DropTable"),
        ("CREATE TABLE x AS SELECT 1", "DDL not supported: CreateMemoryTable"),
        ("CREATE VIEW x AS SELECT 1", "DDL not supported: CreateView"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "DDL not supported: CreateExternalTable"),
        ("DELETE FROM cpu", "DML not supported: Delete"),
        ("INSERT INTO cpu VALUES ('a', 1, 1)", "DML not supported: Insert Into"),
        ("COPY cpu TO '/tmp/x.csv'", "DML not supported: COPY"),
        ("SET datafusion.execution.batch_size = 1", "Statement not supported: SetVariable"),
        ("SELECT * FROM '/etc/passwd'", "table 'public.iox./etc/passwd' not found"),
        ("SELECT * FROM read_csv('/etc/passwd')", "table function 'read_csv' not found"),
    ],
)
def test_statements_that_change_data_or_read_files_are_refused(
    engine: SqlEngineUnderTest, sql: str, refused: str
) -> None:
    engine.write("cpu,host=a v=1 1")
    assert (400, f"Error during planning: {refused}") == engine.failure(sql)


def test_columns_are_in_alphabetical_order_with_their_types(engine: SqlEngineUnderTest) -> None:
    engine.write('cpu,host=a v=1,i=1i,u=1u,s="x",b=t 1')
    assert [
        tuple(row.values())
        for row in engine.rows(
            "SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'cpu'"
        )
    ] == [
        ("b", "Boolean", "YES"),
        ("host", "Dictionary(Int32, Utf8)", "YES"),
        ("i", "Int64", "YES"),
        ("s", "Utf8", "YES"),
        ("time", "Timestamp(ns)", "NO"),
        ("u", "UInt64", "YES"),
        ("v", "Float64", "YES"),
    ]
    assert list(engine.rows("SELECT * FROM cpu")[0]) == ["b", "host", "i", "s", "time", "u", "v"]


def test_tables_are_listed(engine: SqlEngineUnderTest) -> None:
    engine.write("cpu v=1 1\nmem v=1 1")
    tables = {(row["table_schema"], row["table_name"], row["table_type"]) for row in engine.rows("SHOW TABLES")}
    assert {
        ("iox", "cpu", "BASE TABLE"),
        ("iox", "mem", "BASE TABLE"),
        ("system", "info", "BASE TABLE"),
    } <= tables


def test_a_system_table_is_made_only_when_a_query_names_it(engine: SqlEngineUnderTest) -> None:
    engine.rows("SELECT 1")
    assert engine.system_tables_made == []
    assert engine.rows("SELECT * FROM system.info") == [{"name": "d1"}]
    assert engine.system_tables_made == ["d1"]


@pytest.mark.parametrize(
    ("sql", "params", "expected"),
    [
        ("SELECT v FROM cpu WHERE host = $h", {"h": "a"}, [{"v": 4.0}]),
        ("SELECT v FROM cpu WHERE v = $n", {"n": "4"}, [{"v": 4.0}]),
        ("SELECT v FROM cpu WHERE v = $n", {"n": 4}, [{"v": 4.0}]),
        ("SELECT v FROM cpu WHERE host = $h", {"h": "a' OR 'a' = 'a"}, []),
        ("SELECT $a AS a, $b AS b", {"a": 2**64 - 1, "b": 10**30}, [{"a": 2**64 - 1, "b": 1e30}]),
        ("SELECT $a AS a, $b AS b, $c AS c", {"a": None, "b": True, "c": 1.5}, [{"a": None, "b": True, "c": 1.5}]),
    ],
)
def test_parameters_are_bound_as_values(
    engine: SqlEngineUnderTest, sql: str, params: dict[str, Any], expected: list[dict[str, Any]]
) -> None:
    engine.write("cpu,host=a v=4 1\ncpu,host=b v=5 2")
    assert expected == engine.rows(sql, params)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT date_bin(INTERVAL '1 minute', time) AS t, avg(v) AS a FROM cpu GROUP BY 1 ORDER BY 1", [(0, 1.5)]),
        ("SELECT count(*) AS n FROM cpu WHERE time > now() - INTERVAL '1 hour'", [(0,)]),
        ("SELECT v FROM cpu WHERE time >= '1970-01-01T00:00:00.000000002Z'", [(2.0,)]),
        ("WITH a AS (SELECT * FROM cpu) SELECT a.v FROM a JOIN cpu b ON a.host = b.host ORDER BY 1", [(1.0,), (2.0,)]),
        ("SELECT v, lag(v) OVER (ORDER BY time) AS p FROM cpu ORDER BY time", [(1.0, None), (2.0, 1.0)]),
        ("SELECT upper(host) AS h FROM cpu WHERE host LIKE 'b%'", [("B",)]),
    ],
)
def test_the_sql_dialect_is_datafusions(engine: SqlEngineUnderTest, sql: str, expected: list[tuple[Any, ...]]) -> None:
    engine.write("cpu,host=a v=1 1\ncpu,host=b v=2 2")
    assert expected == [tuple(row.values()) for row in engine.rows(sql)]


def test_a_result_without_rows_has_its_columns(engine: SqlEngineUnderTest) -> None:
    engine.write("cpu v=1 1")
    assert engine.parquet("SELECT * FROM cpu WHERE false").column_names == ["time", "v"]


def test_a_slow_query_does_not_delay_others(engine: SqlEngineUnderTest) -> None:
    engine.write("\n".join(f"cpu v={number} {number}" for number in range(1500)))

    async def race() -> list[str]:
        finished: list[str] = []

        async def run(name: str, sql: str) -> None:
            await engine.sql.answer(DatabaseRef(1, "d1"), sql, None, ROWS)
            finished.append(name)

        slow = asyncio.create_task(run("slow", "SELECT sum(a.v * b.v * c.v) FROM cpu a, cpu b, cpu c WHERE c.v < 40"))
        await asyncio.sleep(0.05)
        await run("quick", "SELECT 1")
        await slow
        return finished

    assert engine.run(race()) == ["quick", "slow"]


def test_the_latest_rows_are_returned_first_for_descending_time(engine: SqlEngineUnderTest) -> None:
    engine.write("\n".join(f"cpu,host={'ab'[number % 2]} v={number} {number}" for number in range(20_000)))
    assert engine.rows("SELECT v FROM cpu ORDER BY time DESC LIMIT 2") == [{"v": 19999.0}, {"v": 19998.0}]
    assert engine.rows("SELECT v FROM cpu WHERE host = 'a' ORDER BY time DESC LIMIT 1") == [{"v": 19998.0}]
    assert engine.rows("SELECT v FROM cpu LIMIT 1") == [{"v": 0.0}]
