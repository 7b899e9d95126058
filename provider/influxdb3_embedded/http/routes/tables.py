"""Operations on tables (contract 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.requests.parameters import DeleteTable
    from influxdb3_engine_api.wire import CreateTable


async def create(engine: EmbeddedEngine, _request: Request, body: CreateTable) -> Response:
    """Create a table, and its database if it does not exist."""
    fields = [(field.name, field.type) for field in body.fields]
    await engine.databases.create_table(body.db, body.table, body.tags, fields)
    return Response()


async def delete(engine: EmbeddedEngine, _request: Request, parameters: DeleteTable) -> Response:
    """Delete a table and its data."""
    await engine.databases.delete_table(parameters.db, parameters.table)
    return Response()
