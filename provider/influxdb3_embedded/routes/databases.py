"""Endpoints of databases (contract 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from starlette.responses import Response

from influxdb3_embedded.bodies import read_json, read_query
from influxdb3_embedded.parameters import DeleteDatabase, ListDatabases
from influxdb3_embedded.routes.queries import format_of, rendered
from influxdb3_engine_api.wire import CreateDatabase

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import Engine


async def list_all(engine: Engine, request: Request) -> Response:
    """List the databases by name."""
    parameters = read_query(request, ListDatabases)
    names = engine.databases.names(deleted=parameters.show_deleted)
    columns: dict[str, pa.Array] = {"iox::database": pa.array([name for name, _ in names], pa.utf8())}
    if parameters.show_deleted:
        columns["deleted"] = pa.array([deleted for _, deleted in names], pa.bool_())
    return await rendered(pa.table(columns), format_of(parameters.format))


async def create(engine: Engine, request: Request) -> Response:
    """Create a database."""
    body = await read_json(request, CreateDatabase, engine.settings.max_http_request_size)
    await engine.databases.create(body.db, body.retention_period)
    return Response()


async def update(engine: Engine, request: Request) -> Response:
    """Set or clear a database's retention period."""
    body = await read_json(request, CreateDatabase, engine.settings.max_http_request_size)
    await engine.databases.set_retention(body.db, body.retention_period)
    return Response()


async def delete(engine: Engine, request: Request) -> Response:
    """Delete a database."""
    parameters = read_query(request, DeleteDatabase)
    await engine.databases.delete(parameters.db, parameters.hard_delete_at)
    return Response()
