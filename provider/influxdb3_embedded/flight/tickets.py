"""Tickets: what a client sends to get the result of a query.

InfluxDB's clients send a JSON object. Clients of Flight SQL send back the ticket that the engine made for them: the
message ``ReadInfo`` of a real server.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.flight.protobuf import (
    MalformedMessage,
    any_message,
    bytes_field,
    bytes_of,
    fields,
    int_field,
    text_of,
    unwrapped,
)

Scalar = bool | int | float | str | None

_READ_INFO = "influxdata.iox.querier.v1.ReadInfo"
_SQL, _INFLUXQL, _FLIGHT_SQL = 1, 2, 3
_INVALID = "Invalid ticket. Error: Invalid ticket"
_NO_INFLUXQL = "InfluxQL is not implemented in the embedded engine; use SQL, or a real server"


class Ticket(NamedTuple):
    """A ticket.

    Attributes:
        database: The database.
        sql: The query; empty if `command` is not.
        params: Values of the placeholders in `sql`.
        command: A command of Flight SQL, or no bytes.
    """

    database: str
    sql: str = ""
    params: dict[str, Scalar] | None = None
    command: bytes = b""


class _JsonTicket(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    database: str = Field(validation_alias=AliasChoices("database", "namespace_name", "bucket", "bucket-name"))
    sql_query: str
    query_type: str | None = None
    params: dict[str, Scalar] | None = None


def read_ticket(ticket: bytes) -> Ticket:
    """Read a ticket.

    Raises:
        ApiError: 400, the ticket is invalid; 501, the query is InfluxQL.
    """
    if ticket.lstrip()[:1] == b"{":
        return _from_json(ticket)
    try:
        return _from_read_info(ticket)
    except MalformedMessage:
        raise ApiError(400, _INVALID) from None


def command_ticket(database: str, command: bytes) -> bytes:
    """Write the ticket for a command of Flight SQL."""
    return any_message(_READ_INFO, bytes_field(1, database) + int_field(3, _FLIGHT_SQL) + bytes_field(4, command))


def _from_json(ticket: bytes) -> Ticket:
    try:
        content = _JsonTicket.model_validate_json(ticket)
    except ValidationError:
        raise ApiError(400, _INVALID) from None
    if content.query_type == "influxql":
        raise ApiError(501, _NO_INFLUXQL)
    if content.query_type not in (None, "sql"):
        raise ApiError(400, _INVALID)
    return Ticket(content.database, content.sql_query, content.params)


def _from_read_info(ticket: bytes) -> Ticket:
    name, message = unwrapped(ticket)
    if name != _READ_INFO:
        message = ticket  # older clients send the message itself
    kind = next((value for number, value in fields(message) if number == 3), _SQL)
    if kind == _INFLUXQL:
        raise ApiError(501, _NO_INFLUXQL)
    if kind not in (0, _SQL, _FLIGHT_SQL) or any(number == 6 for number, _ in fields(message)):
        raise MalformedMessage("unknown kind of query, or parameters")
    return Ticket(text_of(message, 1), text_of(message, 2), command=bytes_of(message, 4))
