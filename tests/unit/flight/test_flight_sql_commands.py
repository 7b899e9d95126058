"""Commands of Flight SQL: what they ask for, and prepared statements."""

from __future__ import annotations

from datetime import datetime

import pyarrow as pa
import pytest

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.flight.flight_sql import ServerFacts, Statement, handle_with, new_handle, read_command
from influxdb3_embedded.flight.protobuf import MalformedMessage, any_message, bytes_field, bytes_of, int_field
from influxdb3_embedded.flight.server_facts import SCHEMA, server_facts
from influxdb3_embedded.flight.tickets import command_ticket, read_ticket

SQL = "arrow.flight.protocol.sql."


def command(name: str, message: bytes = b"") -> bytes:
    return any_message(SQL + name, message)


def test_a_statement_is_its_sql() -> None:
    assert read_command(command("CommandStatementQuery", bytes_field(1, "SELECT 1"))) == Statement("SELECT 1")


def test_a_prepared_statement_holds_its_sql_and_its_parameters() -> None:
    handle = new_handle("SELECT $a, $b")
    prepared = command("CommandPreparedStatementQuery", bytes_field(1, handle))
    parameters = pa.table({"$a": ["x"], "b": [1.5]})

    bound = bytes_of(handle_with(prepared, parameters), 1)

    assert read_command(prepared) == Statement("SELECT $a, $b")
    with_values = command("CommandPreparedStatementQuery", bytes_field(1, bound))
    assert read_command(with_values) == Statement("SELECT $a, $b", {"a": "x", "b": 1.5})


def test_a_parameter_of_another_type_is_refused_by_name() -> None:
    prepared = command("CommandPreparedStatementQuery", bytes_field(1, new_handle("SELECT $at")))

    with pytest.raises(ApiError, match=r"parameter at is a timestamp\[us\]; use text, a number or a boolean"):
        handle_with(prepared, pa.table({"at": [datetime(2026, 1, 1)]}))  # noqa: DTZ001 - Arrow has times without a zone


def test_a_command_of_another_kind_is_refused_by_name() -> None:
    with pytest.raises(ApiError, match=f"Unsupported FlightSQL message type: type.googleapis.com/{SQL}CommandX"):
        read_command(command("CommandX"))
    with pytest.raises(ApiError, match="CommandGetPrimaryKeys is not implemented in the embedded engine"):
        read_command(command("CommandGetPrimaryKeys"))
    with pytest.raises(MalformedMessage):
        read_command(command("CommandPreparedStatementQuery", bytes_field(1, b"not a handle")))


def test_a_ticket_holds_the_command_and_the_database() -> None:
    asked = command("CommandStatementQuery", bytes_field(1, "SELECT 1"))

    ticket = read_ticket(command_ticket("d", asked))

    assert (ticket.database, ticket.sql, ticket.command) == ("d", "", asked)


def test_a_client_may_ask_for_some_facts() -> None:
    one_by_one = int_field(1, 0) + int_field(1, 504)
    packed = bytes_field(1, b"\x00\xf8\x03")
    for message in (one_by_one, packed):
        asked = read_command(command("CommandGetSqlInfo", message))
        assert asked == ServerFacts(frozenset({0, 504}))

    table = server_facts(frozenset({0, 504, 9999}), "the name", "1")

    assert table.schema == SCHEMA
    assert table.to_pylist() == [{"info_name": 0, "value": "the name"}, {"info_name": 504, "value": '"'}]
