"""Operations on triggers (contract 1.2 to 1.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.model import TriggerKey

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.requests.parameters import DeleteTrigger, TriggerReference
    from influxdb3_engine_api.wire import CreateTrigger


async def create(engine: EmbeddedEngine, _request: Request, body: CreateTrigger) -> Response:
    """Create a trigger."""
    await engine.triggers.create(body)
    return Response()


async def delete(engine: EmbeddedEngine, _request: Request, reference: DeleteTrigger) -> Response:
    """Delete a trigger."""
    await engine.triggers.delete(TriggerKey(reference.db, reference.trigger_name), force=reference.force)
    return Response()


async def enable(engine: EmbeddedEngine, _request: Request, reference: TriggerReference) -> Response:
    """Enable a trigger."""
    await engine.triggers.enable(TriggerKey(reference.db, reference.trigger_name))
    return Response()


async def disable(engine: EmbeddedEngine, _request: Request, reference: TriggerReference) -> Response:
    """Disable a trigger."""
    await engine.triggers.disable(TriggerKey(reference.db, reference.trigger_name))
    return Response()
