"""Operations on databases (contract 8.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from starlette.responses import Response

from influxdb3_embedded.http.routes.queries import format_of, rendered

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.requests.parameters import DeleteDatabase, ListDatabases
    from influxdb3_engine_api.wire import CreateDatabase


async def list_all(engine: EmbeddedEngine, _request: Request, parameters: ListDatabases) -> Response:
    """List the databases, sorted by name."""
    names = engine.databases.names(deleted=parameters.show_deleted)
    columns: dict[str, pa.Array] = {"iox::database": pa.array([name for name, _ in names], pa.utf8())}
    if parameters.show_deleted:
        columns["deleted"] = pa.array([deleted for _, deleted in names], pa.bool_())
    return await rendered(pa.table(columns), format_of(parameters.format))


async def create(engine: EmbeddedEngine, _request: Request, body: CreateDatabase) -> Response:
    """Create a database."""
    await engine.databases.create(body.db, body.retention_period)
    return Response()


async def update(engine: EmbeddedEngine, _request: Request, body: CreateDatabase) -> Response:
    """Set or remove the retention period of a database."""
    await engine.databases.set_retention(body.db, body.retention_period)
    return Response()


async def delete(engine: EmbeddedEngine, _request: Request, parameters: DeleteDatabase) -> Response:
    """Delete a database."""
    await engine.databases.delete(parameters.db, parameters.hard_delete_at)
    return Response()
