"""Writes with InfluxDB's clients for releases 2 and 3. The same calls have the same results on a real server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import influxdb_client as v2
import influxdb_client_3 as v3
import pytest
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException

if TYPE_CHECKING:
    from influxdb3_embedded.testing import RunningEngine

TIMES = {"s": 1_700_000_000, "ms": 1_700_000_000_123, "us": 1_700_000_000_123_456, "ns": 1_700_000_000_123_456_789}
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
POINTS = 1_234


def times(engine: RunningEngine, database: str) -> list[int]:
    rows = engine.client.query_sql(database, "SELECT CAST(time AS BIGINT) AS time FROM m ORDER BY time")
    return [row["time"] for row in rows]


def write_v2(engine: RunningEngine, database: str, lines: Any, **arguments: Any) -> None:
    with v2.InfluxDBClient(url=engine.url, token="t", org="o", **arguments.pop("client", {})) as client:
        client.write_api(write_options=SYNCHRONOUS).write(database, "o", lines, **arguments)


def write_v3(engine: RunningEngine, database: str, lines: Any, **arguments: Any) -> None:
    write_options = v3.WriteOptions(write_type=v3.WriteType.synchronous, **arguments.pop("write_options", {}))
    options = v3.write_client_options(write_options=write_options)
    client = {"host": engine.url, "database": database, "token": "t", "write_client_options": options}
    with v3.InfluxDBClient3(**client, **arguments.pop("client", {})) as opened:
        opened.write(lines, **arguments)


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("write", [write_v2, write_v3])
def test_clients_write_with_every_precision(engine: RunningEngine, database: str, write: Any, compressed: bool) -> None:
    for precision, time in TIMES.items():
        write(engine, database, f"m v=1 {time}", write_precision=precision, client={"enable_gzip": compressed})

    assert times(engine, database) == sorted(time * UNITS[precision] for precision, time in TIMES.items())


@pytest.mark.parametrize("no_sync", [False, True])
def test_the_client_of_release_3_writes_by_its_own_operation(
    engine: RunningEngine, database: str, no_sync: bool
) -> None:
    for precision, time in TIMES.items():
        options = {"use_v2_api": False, "no_sync": no_sync}
        write_v3(engine, database, f"m v=1 {time}", write_precision=precision, write_options=options)

    assert times(engine, database) == sorted(time * UNITS[precision] for precision, time in TIMES.items())


def test_the_client_of_release_2_writes_batches(engine: RunningEngine, database: str) -> None:
    failed: list[Any] = []
    options = v2.WriteOptions(batch_size=500, flush_interval=200)
    client = v2.InfluxDBClient(url=engine.url, token="t", org="o", enable_gzip=True)
    with client, client.write_api(options, error_callback=lambda *error: failed.append(error)) as writer:
        for number in range(POINTS):
            writer.write(database, "o", v2.Point("m").field("v", number).time(TIMES["ns"] + number))

    assert failed == []
    assert times(engine, database) == [TIMES["ns"] + number for number in range(POINTS)]


def test_the_client_of_release_3_writes_batches(engine: RunningEngine, database: str) -> None:
    failed: list[Any] = []
    options = v3.write_client_options(
        write_options=v3.WriteOptions(batch_size=500, flush_interval=200),
        error_callback=lambda *error: failed.append(error),
    )
    with v3.InfluxDBClient3(
        host=engine.url, database=database, token="t", write_client_options=options, enable_gzip=True
    ) as client:
        for number in range(POINTS):
            client.write(v3.Point("m").tag("host", "a").field("v", number).time(TIMES["ns"] + number))

    assert failed == []
    assert times(engine, database) == [TIMES["ns"] + number for number in range(POINTS)]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("m v=1\nbad line", "write buffer error: line protocol parse failed: No fields were provided"),
        ("", "write buffer error: incoming write was empty"),
    ],
)
@pytest.mark.parametrize("write", [write_v2, write_v3])
def test_clients_get_the_error_of_a_write(
    engine: RunningEngine, database: str, write: Any, lines: str, message: str
) -> None:
    error = ApiException if write is write_v2 else v3.InfluxDBError
    with pytest.raises(error) as caught:
        write(engine, database, lines)

    assert message in str(caught.value)


def test_the_client_of_release_3_gets_the_refused_lines(engine: RunningEngine, database: str) -> None:
    with pytest.raises(v3.InfluxDBError, match="partial write of line protocol occurred") as caught:
        write_v3(engine, database, "m v=1\nbad line", write_options={"use_v2_api": False})

    (line,) = caught.value.line_errors
    assert (line.line_number, line.error_message) == (2, "No fields were provided")
    assert len(times(engine, database)) == 1


def test_clients_learn_that_the_server_runs(engine: RunningEngine, database: str) -> None:
    with v2.InfluxDBClient(url=engine.url, token="t", org="o") as client:
        assert client.ping()
        assert client.version() == "3.10.0"
    with v3.InfluxDBClient3(host=engine.url, database=database, token="t") as client:
        assert client.get_server_version() == "3.10.0"
