"""The clients that users query with: InfluxDB's Python client and ADBC's driver for Flight SQL."""

from __future__ import annotations

import asyncio
import sysconfig
import venv
from typing import TYPE_CHECKING, Any

import adbc_driver_flightsql.dbapi as flight_sql
import httpx
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from adbc_driver_flightsql import DatabaseOptions
from influxdb_client_3 import InfluxDBClient3

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_embedded.testing.plugin_tests import PluginTestEngine
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUERY = "SELECT host, usage FROM cpu ORDER BY time"
ROWS = [{"host": "a", "usage": 0.5}, {"host": "b", "usage": 1.5}, {"host": "c", "usage": 2.5}]

PLUGIN = """
from influxdb_client_3 import InfluxDBClient3

def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):
    with InfluxDBClient3(host=args["url"], database=args["db"], token="none") as client:
        table = client.query("SELECT host, usage FROM cpu ORDER BY time")
        client.write("copy usage=7")
        return {"rows": table.to_pylist(), "copied": client.query("SELECT usage FROM copy").to_pylist()}
"""


@pytest.fixture(scope="module")
def client(engine: RunningEngine) -> Iterator[InfluxDBClient3]:
    with InfluxDBClient3(host=engine.url, database="d", token="none") as opened:
        yield opened


@pytest.fixture(scope="module")
def connection(engine: RunningEngine) -> Iterator[flight_sql.Connection]:
    headers = {f"{DatabaseOptions.RPC_CALL_HEADER_PREFIX.value}database": "d"}
    url = engine.url.replace("http://", "grpc://")
    with flight_sql.connect(url, db_kwargs=headers, autocommit=True) as opened:
        yield opened


def test_the_python_client_gets_a_table(client: InfluxDBClient3) -> None:
    table = client.query(QUERY, language="sql", mode="all")

    assert isinstance(table, pa.Table)
    assert table.to_pylist() == ROWS


def test_the_python_client_gets_data_frames(client: InfluxDBClient3) -> None:
    pandas = client.query(QUERY, mode="pandas")
    polars = client.query(QUERY, mode="polars")

    assert isinstance(pandas, pd.DataFrame)
    assert pandas.to_dict("records") == ROWS
    assert isinstance(polars, pl.DataFrame)
    assert polars.to_dicts() == ROWS


def test_the_python_client_gets_chunks_readers_and_schemas(client: InfluxDBClient3) -> None:
    chunks = client.query(QUERY, mode="chunk")

    assert [row for chunk in chunks for row in chunk.data.to_pylist()] == ROWS
    assert client.query(QUERY, mode="reader").read_all().to_pylist() == ROWS
    assert client.query(QUERY, mode="schema").names == ["host", "usage"]


def test_the_python_client_sends_parameters(client: InfluxDBClient3) -> None:
    table = client.query("SELECT host FROM cpu WHERE usage > $low", query_parameters={"low": 1.0})

    assert sorted(row["host"] for row in table.to_pylist()) == ["b", "c"]


def test_the_python_client_queries_in_an_event_loop(client: InfluxDBClient3) -> None:
    assert asyncio.run(client.query_async(QUERY)).to_pylist() == ROWS


def test_the_python_client_gets_errors(client: InfluxDBClient3) -> None:
    with pytest.raises(Exception, match=r"table 'public.iox.missing' not found"):
        client.query("SELECT * FROM missing")
    with pytest.raises(Exception, match="InfluxQL is not implemented"):
        client.query("SHOW MEASUREMENTS", language="influxql")


def test_the_python_client_sends_its_token(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", without_auth=False) as engine:
        token = httpx.post(engine.url + paths.TOKEN_ADMIN).json()["token"]
        with InfluxDBClient3(host=engine.url, database="d", token=token) as client:
            client.write("cpu usage=0.5")
            assert client.query("SELECT usage FROM cpu").to_pylist() == [{"usage": 0.5}]
        wrong = InfluxDBClient3(host=engine.url, database="d", token="wrong")
        with wrong, pytest.raises(Exception, match="Unauthenticated"):
            wrong.query("SELECT usage FROM cpu")


def test_a_plugin_queries_and_writes_with_the_python_client(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv", symlinks=True)
    # instead of an installation: the packages of this interpreter
    (packages,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    (packages / "clients.pth").write_text(sysconfig.get_path("purelib"))
    with start_engine(tmp_path, object_store="memory", virtual_env_location=tmp_path / "venv") as engine:
        tests = PluginTestEngine(engine, "d")
        tests.write("cpu,host=a usage=0.5 1\ncpu,host=b usage=1.5 2\ncpu,host=c usage=2.5 3")
        engine.client.create_plugin_file("client.py", PLUGIN)
        tests.create_trigger("client.py", "request:client", arguments={"url": engine.url, "db": "d"})

        answer = httpx.get(f"{engine.url}{paths.engine('client')}", timeout=60)

    assert answer.json() == {"rows": ROWS, "copied": [{"usage": 7.0}]}


def fetched(connection: flight_sql.Connection, sql: str) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        found: list[dict[str, Any]] = cursor.fetch_arrow_table().to_pylist()
        return found


def test_adbc_queries(connection: flight_sql.Connection) -> None:
    assert fetched(connection, QUERY) == ROWS
    assert fetched(connection, "SELECT * FROM cpu WHERE false") == []
    assert [row["n"] for row in fetched(connection, "SELECT count(*) AS n FROM cpu")] == [3]
    assert pl.read_database(QUERY, connection).to_dicts() == ROWS


def test_adbc_gets_errors(connection: flight_sql.Connection) -> None:
    with pytest.raises(flight_sql.ProgrammingError, match=r"table 'public.iox.missing' not found"):
        fetched(connection, "SELECT * FROM missing")


def test_adbc_gets_the_schema_of_a_query(connection: flight_sql.Connection) -> None:
    with connection.cursor() as cursor:
        assert cursor.adbc_execute_schema(QUERY).names == ["host", "usage"]


def test_adbc_lists_the_tables_and_their_columns(connection: flight_sql.Connection) -> None:
    (catalog,) = connection.adbc_get_objects(depth="all", db_schema_filter="iox").read_all().to_pylist()
    (schema,) = catalog["catalog_db_schemas"]
    (table,) = [each for each in schema["db_schema_tables"] if each["table_name"] == "cpu"]

    assert (catalog["catalog_name"], schema["db_schema_name"], table["table_type"]) == ("public", "iox", "BASE TABLE")
    assert "usage" in {column["column_name"] for column in table["table_columns"]}
    assert connection.adbc_get_table_types() == ["BASE TABLE", "VIEW"]
    assert connection.adbc_get_table_schema("cpu").field("usage").type == pa.float64()


def test_adbc_learns_which_server_answers(connection: flight_sql.Connection) -> None:
    facts = connection.adbc_get_info()

    assert facts["vendor_name"] == "InfluxDB 3 Processing engine, embedded"


def test_adbc_learns_what_the_embedded_engine_lacks(engine: RunningEngine) -> None:
    without_database = flight_sql.connect(engine.url.replace("http://", "grpc://"), autocommit=True)
    with without_database, pytest.raises(flight_sql.ProgrammingError, match="no 'database' header in request"):
        fetched(without_database, QUERY)
