"""The list of tables with the columns of each, as Flight SQL asks for it (``CommandGetTables``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.sql import SCHEMA

if TYPE_CHECKING:
    from influxdb3_embedded.flight.flight_sql import Statement
    from influxdb3_embedded.services.data import Data

_COLUMN = pa.field("table_schema", pa.binary(), nullable=False)


async def list_with_schemas(data: Data, database: str, statement: Statement) -> pa.Table:
    """Return the list that a statement makes, and with each table its columns as an Arrow message.

    Args:
        data: Runs the queries.
        database: The database.
        statement: Lists tables.

    Raises:
        ApiError: The database does not exist, or a query fails.
    """
    stream = await data.query_arrow(database, statement.sql, statement.params)
    tables = pa.ipc.open_stream(pa.py_buffer(stream)).read_all()
    schemas = [
        await data.query(database, _all_of(row["db_schema_name"], row["table_name"]), None, SCHEMA)
        for row in tables.to_pylist()
    ]
    return tables.append_column(_COLUMN, pa.array(schemas, pa.binary()))


def schema_with_schemas(schema: bytes) -> bytes:
    """Add the column to the schema of the list, an Arrow message."""
    return bytes(pa.ipc.read_schema(pa.py_buffer(schema)).append(_COLUMN).serialize())


def _all_of(schema: str, table: str) -> str:
    return f"SELECT * FROM {_quoted(schema)}.{_quoted(table)}"  # noqa: S608 - the names are quoted


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
