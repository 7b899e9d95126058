"""Queries over Flight: rows, types, parameters, errors, tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pyarrow as pa
import pytest
from flight_calls import connect, failure, options, rows, ticket
from pyarrow import flight

from influxdb3_embedded.testing import RunningEngine, start_engine
from influxdb3_engine_api import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TIME = 1_700_000_000_000_000_000


@pytest.fixture(scope="module")
def client(engine: RunningEngine) -> Iterator[flight.FlightClient]:
    with connect(engine) as opened:
        yield opened


def test_types_are_those_of_a_real_server(client: flight.FlightClient) -> None:
    table = client.do_get(ticket("SELECT * FROM cpu ORDER BY time")).read_all()

    assert {field.name: (field.type, field.nullable) for field in table.schema} == {
        "count": (pa.int64(), True),
        "host": (pa.string(), True),
        "note": (pa.string(), True),
        "region": (pa.string(), True),
        "size": (pa.uint64(), True),
        "time": (pa.timestamp("ns"), False),
        "up": (pa.bool_(), True),
        "usage": (pa.float64(), True),
    }
    assert {field.name: field.metadata[b"iox::column::type"].decode() for field in table.schema} == {
        "count": "iox::column_type::field::integer",
        "host": "iox::column_type::tag",
        "note": "iox::column_type::field::string",
        "region": "iox::column_type::tag",
        "size": "iox::column_type::field::uinteger",
        "time": "iox::column_type::timestamp",
        "up": "iox::column_type::field::boolean",
        "usage": "iox::column_type::field::float",
    }
    assert table.column("host").to_pylist() == ["a", "b", "c"]
    assert table.column("time").cast(pa.int64()).to_pylist() == [
        1700000000000000001,
        1700000000000000002,
        1700000000000000003,
    ]


def test_a_result_without_rows_has_columns(client: flight.FlightClient) -> None:
    table = client.do_get(ticket("SELECT host, usage FROM cpu WHERE false")).read_all()

    assert (table.num_rows, table.column_names) == (0, ["host", "usage"])


def test_parameters_are_values_of_placeholders(client: flight.FlightClient) -> None:
    asked = ticket("SELECT usage FROM cpu WHERE host = $host AND usage > $low", params={"host": "b", "low": 1})

    assert rows(client, asked) == [{"usage": 1.5}]


@pytest.mark.parametrize("name", ["database", "bucket", "namespace_name", "bucket-name"])
def test_the_database_may_have_the_names_that_older_clients_use(client: flight.FlightClient, name: str) -> None:
    content = {name: "d", "sql_query": "SELECT count(*) AS n FROM cpu"}

    assert rows(client, flight.Ticket(json.dumps(content).encode())) == [{"n": 3}]


@pytest.mark.parametrize(
    ("sql", "status"),
    [
        ("SELECT * FROM missing", "INVALID_ARGUMENT"),
        ("SELEC", "INVALID_ARGUMENT"),
        ("SELECT 1 / 0", "INVALID_ARGUMENT"),
        ("DROP TABLE cpu", "INVALID_ARGUMENT"),
        ("SELECT 1; SELECT 2", "INVALID_ARGUMENT"),
        ("SELECT $absent", "INVALID_ARGUMENT"),
        ("SELECT repeat('x', 2000000000)", "RESOURCE_EXHAUSTED"),
    ],
)
def test_an_error_has_the_text_that_http_has(
    engine: RunningEngine, client: flight.FlightClient, sql: str, status: str
) -> None:
    over_http = httpx.post(engine.url + paths.QUERY_SQL, json={"db": "d", "q": sql}).json()["error"]

    assert failure(client, ticket(sql)) == (status, over_http)


def test_a_missing_database_is_not_found(client: flight.FlightClient) -> None:
    assert failure(client, ticket("SELECT 1", "nowhere")) == ("NOT_FOUND", "query error: database not found: nowhere")


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b'{"database": "d"}',
        b'{"database": "d", "sql_query": 5}',
        b'{"database": "d", "sql_query": "SELECT 1", "query_type": "flux"}',
        b'{"database": "d", "sql_query": "SELECT 1", "params": {"a": [1]}}',
        b"not a ticket",
        b"\xff\xfe",
    ],
)
def test_an_invalid_ticket_is_refused(client: flight.FlightClient, content: bytes) -> None:
    assert failure(client, flight.Ticket(content)) == ("INVALID_ARGUMENT", "Invalid ticket. Error: Invalid ticket")


def test_influxql_is_refused_by_name(client: flight.FlightClient) -> None:
    status, text = failure(client, ticket("SHOW MEASUREMENTS", query_type="influxql"))

    assert (status, "InfluxQL is not implemented" in text) == ("UNIMPLEMENTED", True)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda client: list(client.list_flights()), "list_flights"),
        (lambda client: list(client.list_actions()), "list_actions"),
        (lambda client: client.get_schema(flight.FlightDescriptor.for_command(b"x")), "get_schema"),
    ],
)
def test_operations_that_a_real_server_lacks_are_unimplemented(
    client: flight.FlightClient, call: Any, name: str
) -> None:
    with pytest.raises(NotImplementedError, match=f"Not yet implemented: {name}"):
        call(client)


def test_a_large_result_comes_in_batches_of_at_most_two_megabytes(client: flight.FlightClient) -> None:
    asked = ticket("SELECT repeat('x', 10000) AS text FROM generate_series(1, 2000)")

    sizes = [chunk.data.nbytes for chunk in client.do_get(asked)]

    assert sum(sizes) > 20_000_000
    assert max(sizes) <= 2 * 2**20 + 100


def test_a_row_that_is_larger_than_a_batch_arrives(client: flight.FlightClient) -> None:
    assert rows(client, ticket("SELECT length(t) AS n FROM (SELECT repeat('x', 9000000) AS t)")) == [{"n": 9_000_000}]
    (row,) = rows(client, ticket("SELECT repeat('x', 9000000) AS t"))
    assert len(row["t"]) == 9_000_000


@pytest.mark.parametrize("scheme", ["Bearer", "Token"])
def test_a_token_is_needed_as_over_http(tmp_path: Path, scheme: str) -> None:
    with start_engine(tmp_path, object_store="memory", without_auth=False) as engine:
        token = httpx.post(engine.url + paths.TOKEN_ADMIN).json()["token"]
        headers = {"authorization": f"Bearer {token}"}
        httpx.post(f"{engine.url}{paths.WRITE_LP}?db=d", content="cpu v=1", headers=headers)
        with connect(engine) as client:
            asked = ticket("SELECT v FROM cpu")
            assert rows(client, asked, options(authorization=f"{scheme} {token}")) == [{"v": 1.0}]
            for wrong in (None, "Bearer wrong", "x"):
                assert failure(client, asked, options(authorization=wrong)) == ("UNAUTHENTICATED", "Unauthenticated")
            with pytest.raises(flight.FlightUnauthenticatedError):
                list(client.list_actions())
