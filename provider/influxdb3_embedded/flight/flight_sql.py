"""Commands of Flight SQL, and the SQL that answers them.

Prepared statements are kept nowhere: their handle holds the statement and its parameters, as on a real server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.flight.protobuf import (
    MalformedMessage,
    any_message,
    bytes_field,
    bytes_of,
    fields,
    text_of,
    unwrapped,
)

if TYPE_CHECKING:
    from influxdb3_embedded.flight.tickets import Scalar

_SQL = "arrow.flight.protocol.sql."
_HANDLE = "influxdata.iox.querier.v1.FlightSqlPreparedStatementHandle"
_UNSUPPORTED = "Error while planning Flight SQL : Unsupported FlightSQL message type"
_ONLY_IN_REAL_SERVERS = frozenset(
    {
        "CommandGetCrossReference",
        "CommandGetExportedKeys",
        "CommandGetImportedKeys",
        "CommandGetPrimaryKeys",
        "CommandGetXdbcTypeInfo",
    }
)

# nullif: clients compare the schema with Flight SQL's, where these columns can be null
_TABLES = """
SELECT nullif(table_catalog, '') AS catalog_name, nullif(table_schema, '') AS db_schema_name, table_name, table_type
FROM information_schema.tables
WHERE ($catalog IS NULL OR table_catalog = $catalog)
  AND ($schema IS NULL OR table_schema LIKE $schema) AND ($table IS NULL OR table_name LIKE $table)
  AND ($every_type OR {types})
ORDER BY 1, 2, 3, 4
"""
_SCHEMAS = """
SELECT nullif(catalog_name, '') AS catalog_name, db_schema_name FROM (
  SELECT catalog_name, schema_name AS db_schema_name FROM information_schema.schemata
  UNION SELECT 'public', 'information_schema'
)
WHERE ($catalog IS NULL OR catalog_name = $catalog) AND ($schema IS NULL OR db_schema_name LIKE $schema)
ORDER BY 1, 2
"""
_FIXED = {
    "CommandGetCatalogs": "SELECT 'public' AS catalog_name",
    "CommandGetTableTypes": "SELECT 'BASE TABLE' AS table_type UNION ALL SELECT 'VIEW' ORDER BY 1",
}


class Statement(NamedTuple):
    """A query.

    Attributes:
        sql: The query, with ``$name`` placeholders.
        params: Values of the placeholders.
        with_schemas: Whether the query lists tables, and the client wants the columns of each table too.
    """

    sql: str
    params: dict[str, Scalar] | None = None
    with_schemas: bool = False


class ServerFacts(NamedTuple):
    """The question for facts about the server.

    Attributes:
        numbers: Numbers of the facts; empty for all.
    """

    numbers: frozenset[int]


def read_command(command: bytes) -> Statement | ServerFacts:
    """Read the command of a ticket or a descriptor.

    Raises:
        ApiError: 400 for an unknown command; 501 for a command that only a real server has.
        MalformedMessage: The bytes are not a command.
    """
    name, message = _named(command)
    match name:
        case "CommandStatementQuery":
            return Statement(text_of(message, 1))
        case "CommandPreparedStatementQuery":
            return _read_handle(bytes_of(message, 1))
        case "CommandGetSqlInfo":
            return ServerFacts(frozenset(_numbers(message)))
        case "CommandGetTables":
            return _tables(message)
        case "CommandGetDbSchemas":
            return Statement(_SCHEMAS, {"catalog": _pattern(message, 1), "schema": _pattern(message, 2)})
    if name in _FIXED:
        return Statement(_FIXED[name])
    if name in _ONLY_IN_REAL_SERVERS:
        raise ApiError(501, f"{name} is not implemented in the embedded engine")
    raise ApiError(400, f"{_UNSUPPORTED}: type.googleapis.com/{_SQL}{name}")


def read_creation(action: bytes) -> str:
    """Return the SQL in the request to create a prepared statement."""
    return text_of(_named(action)[1], 1)


def new_handle(sql: str, params: pa.Table | None = None) -> bytes:
    """Make the handle of a prepared statement.

    Args:
        sql: The statement.
        params: A table whose first row has the values of the placeholders.
    """
    message = bytes_field(1, sql)
    if params is not None:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, params.schema) as stream:
            stream.write_table(params)
        message += bytes_field(2, sink.getvalue().to_pybytes())
    return any_message(_HANDLE, message)


def creation_answer(handle: bytes, schema: bytes) -> bytes:
    """Answer the request to create a prepared statement.

    Args:
        handle: The handle.
        schema: Columns of the result as an Arrow message, or no bytes if they are unknown.
    """
    message = bytes_field(1, handle) + (bytes_field(2, schema) if schema else b"")
    return any_message(f"{_SQL}ActionCreatePreparedStatementResult", message)


def handle_with(descriptor_command: bytes, params: pa.Table) -> bytes:
    """Answer the request to bind parameters with the handle that holds them.

    Raises:
        ApiError: 400 if the command is not for a prepared statement, or a parameter is neither text nor a number.
    """
    name, message = _named(descriptor_command)
    if name != "CommandPreparedStatementQuery":
        raise ApiError(400, f"{_UNSUPPORTED}: type.googleapis.com/{_SQL}{name}")
    _values(params)
    return bytes_field(1, new_handle(_read_handle(bytes_of(message, 1)).sql, params))


def _read_handle(handle: bytes) -> Statement:
    name, message = unwrapped(handle)
    if name != _HANDLE:
        raise MalformedMessage("not the handle of a prepared statement")
    params = bytes_of(message, 2)
    try:
        return Statement(text_of(message, 1), _values(pa.ipc.open_stream(params).read_all()) if params else None)
    except pa.ArrowInvalid as error:
        raise MalformedMessage(str(error)) from None


def _values(params: pa.Table) -> dict[str, Scalar] | None:
    row = params.slice(0, 1).to_pylist()
    for name, value in row[0].items() if row else ():
        if value is not None and not isinstance(value, bool | int | float | str):
            raise ApiError(
                400, f"parameter {name} is a {params.schema.field(name).type}; use text, a number or a boolean"
            )
    return {name.removeprefix("$"): value for name, value in row[0].items()} if row else None


def _named(command: bytes) -> tuple[str, bytes]:
    name, message = unwrapped(command)
    if not name.startswith(_SQL):
        raise ApiError(400, f"{_UNSUPPORTED}: {name}" if name else _UNSUPPORTED)
    return name.removeprefix(_SQL), message


def _tables(message: bytes) -> Statement:
    with_schemas = any(number == 5 and value for number, value in fields(message))
    types = [value.decode() for number, value in fields(message) if number == 4 and isinstance(value, bytes)]
    named = {f"type{index}": value for index, value in enumerate(types)}
    condition = " OR ".join(f"table_type = ${name}" for name in named) or "false"
    params: dict[str, Scalar] = {
        "catalog": _pattern(message, 1),
        "schema": _pattern(message, 2),
        "table": _pattern(message, 3),
        "every_type": not types,
        **named,
    }
    return Statement(_TABLES.format(types=condition), params, with_schemas)


def _pattern(message: bytes, number: int) -> str | None:
    present = any(each == number for each, _ in fields(message))
    return text_of(message, number) if present else None


def _numbers(message: bytes) -> list[int]:
    found = []
    for number, value in fields(message):
        if number == 1 and isinstance(value, int):
            found.append(value)
        elif number == 1 and isinstance(value, bytes):  # several numbers in one field
            found += [each for _, each in fields(_as_fields(value)) if isinstance(each, int)]
    return found


def _as_fields(packed: bytes) -> bytes:
    """Put a key before each number, so that `fields` can read them."""
    spread, starts = bytearray(), True
    for byte in packed:
        if starts:
            spread.append(1 << 3)
        spread.append(byte)
        starts = byte < 0x80
    return bytes(spread)
