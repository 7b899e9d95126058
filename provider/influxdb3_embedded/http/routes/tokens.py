"""Operations on tokens (contract 8.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from influxdb3_embedded.http.answers import json_answer
from influxdb3_embedded.http.requests.parameters import CreatedToken
from influxdb3_embedded.services.tokens import OPERATOR

if TYPE_CHECKING:
    from datetime import datetime

    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.requests.parameters import CreateNamedToken, DeleteToken
    from influxdb3_embedded.services.tokens import NewToken


async def create_operator(engine: EmbeddedEngine, _request: Request, _nothing: None) -> Response:
    """Create the operator token. This operation needs no token."""
    return _created(await engine.tokens.create(OPERATOR))


async def regenerate_operator(engine: EmbeddedEngine, _request: Request, _nothing: None) -> Response:
    """Replace the secret of the operator token. The old secret becomes invalid."""
    return _created(await engine.tokens.regenerate_operator())


async def create_named(engine: EmbeddedEngine, _request: Request, body: CreateNamedToken) -> Response:
    """Create a named admin token."""
    return _created(await engine.tokens.create(body.token_name, lifetime=body.expiry_secs))


async def delete(engine: EmbeddedEngine, _request: Request, parameters: DeleteToken) -> Response:
    """Delete a token."""
    await engine.tokens.delete(parameters.token_name)
    return Response()


def _created(new: NewToken) -> Response:
    created = CreatedToken(
        id=new.token.id,
        name=new.token.name,
        token=new.secret,
        hash=new.token.sha512,
        created_at=_rfc3339(new.token.created),
        expiry=_rfc3339(new.token.expires) if new.token.expires else None,
    )
    return json_answer(created.model_dump(), 201)


def _rfc3339(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
