"""Endpoints of tables (contract 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.bodies import read_json, read_query
from influxdb3_embedded.parameters import CreateTable, DeleteTable

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import Engine


async def create(engine: Engine, request: Request) -> Response:
    """Create a table, and its database if that is missing."""
    body = await read_json(request, CreateTable, engine.settings.max_http_request_size)
    fields = [(field.name, field.type) for field in body.fields]
    await engine.databases.create_table(body.db, body.table, body.tags, fields)
    return Response()


async def delete(engine: Engine, request: Request) -> Response:
    """Delete a table with its data."""
    parameters = read_query(request, DeleteTable)
    await engine.databases.delete_table(parameters.db, parameters.table)
    return Response()
