"""SQL over the storage. DataFusion runs the queries, as on a real server."""

from __future__ import annotations

from influxdb3_embedded.sql.errors import QueryFailed, exhausted
from influxdb3_embedded.sql.formats import Format, render
from influxdb3_embedded.sql.processes.channel import ROWS, SCHEMA
from influxdb3_embedded.sql.processes.table_server import DatabaseRef
from influxdb3_embedded.sql.rows import UnsupportedTypeError, to_rows
from influxdb3_embedded.sql.sql_engine import SqlEngine

__all__ = [
    "ROWS",
    "SCHEMA",
    "DatabaseRef",
    "Format",
    "QueryFailed",
    "SqlEngine",
    "UnsupportedTypeError",
    "exhausted",
    "render",
    "to_rows",
]
