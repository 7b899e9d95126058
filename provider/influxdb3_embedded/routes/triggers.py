"""Endpoints of triggers (contract 1.2 to 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.bodies import read_query, read_query_or_json
from influxdb3_embedded.model import TriggerKey
from influxdb3_embedded.parameters import DeleteTrigger, TriggerReference
from influxdb3_engine_api.wire import CreateTrigger

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import Engine


async def create(engine: Engine, request: Request) -> Response:
    """Create a trigger."""
    body = await read_query_or_json(request, CreateTrigger, engine.settings.max_http_request_size)
    await engine.triggers.create(body)
    return Response()


async def delete(engine: Engine, request: Request) -> Response:
    """Delete a trigger."""
    which = await read_query_or_json(request, DeleteTrigger, engine.settings.max_http_request_size)
    await engine.triggers.delete(TriggerKey(which.db, which.trigger_name), force=which.force)
    return Response()


async def enable(engine: Engine, request: Request) -> Response:
    """Enable a trigger; the body is ignored."""
    which = read_query(request, TriggerReference)
    await engine.triggers.enable(TriggerKey(which.db, which.trigger_name))
    return Response()


async def disable(engine: Engine, request: Request) -> Response:
    """Disable a trigger; the body is ignored."""
    which = read_query(request, TriggerReference)
    await engine.triggers.disable(TriggerKey(which.db, which.trigger_name))
    return Response()
