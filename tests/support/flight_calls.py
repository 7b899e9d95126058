"""Flight calls as InfluxDB's clients send them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from pyarrow import flight

if TYPE_CHECKING:
    from influxdb3_embedded.testing import RunningEngine

_ERROR = re.compile(r"gRPC client debug context: ([A-Z_]+):(.*?)\. Client context:", re.DOTALL)


def connect(engine: RunningEngine) -> flight.FlightClient:
    return flight.connect(engine.url.replace("http://", "grpc+tcp://"))


def ticket(sql: str, database: str = "d", **more: Any) -> flight.Ticket:
    return flight.Ticket(json.dumps({"database": database, "sql_query": sql, "query_type": "sql", **more}).encode())


def options(*, timeout: float = 60, authorization: str | None = None) -> flight.FlightCallOptions:
    found = {"authorization": authorization} if authorization else {}
    return flight.FlightCallOptions(
        headers=[(name.encode(), value.encode()) for name, value in found.items()], timeout=timeout
    )


def rows(client: flight.FlightClient, asked: flight.Ticket, given: flight.FlightCallOptions | None = None) -> Any:
    return client.do_get(asked, given or options()).read_all().to_pylist()


def failure(
    client: flight.FlightClient, asked: flight.Ticket, given: flight.FlightCallOptions | None = None
) -> tuple[str, str]:
    """The gRPC status and the text of a call that fails."""
    with pytest.raises(Exception, match="gRPC client debug context") as caught:
        client.do_get(asked, given or options()).read_all()
    found = _ERROR.search(str(caught.value))
    assert found is not None, caught.value
    return found[1], found[2]
