"""Operations that write line protocol, in the forms of InfluxDB 3, 2 and 1 (contract 8.1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

from influxdb3_embedded.errors import ApiError, EmptyWrite
from influxdb3_embedded.http.answers import json_answer
from influxdb3_embedded.services.names import check_database_name
from influxdb3_embedded.storage import Precision

if TYPE_CHECKING:
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.requests.inputs import WithBody
    from influxdb3_embedded.http.requests.parameters import WriteLp, WriteV1, WriteV2
    from influxdb3_embedded.storage import LineError, WriteOutcome

_PRECISIONS = {
    "auto": Precision.AUTO,
    **dict.fromkeys(("s", "second"), Precision.SECOND),
    **dict.fromkeys(("ms", "millisecond"), Precision.MILLISECOND),
    **dict.fromkeys(("u", "us", "microsecond"), Precision.MICROSECOND),
    **dict.fromkeys(("n", "ns", "nanosecond"), Precision.NANOSECOND),
}
_DEFAULT_POLICIES = (None, "", "autogen", "default")
_V2_ERROR = "write buffer error"
_V2_CODES = {401: "unauthorized", 403: "forbidden", 404: "not found", 413: "request too large", 500: "internal error"}


async def write_lp(engine: EmbeddedEngine, _request: Request, content: WithBody[WriteLp]) -> Response:
    """Write line protocol. With `accept_partial`, valid lines are written even if others are invalid."""
    parameters = content.parameters
    check_database_name(parameters.db)
    outcome = await engine.data.write(
        parameters.db,
        content.body,
        precision=_PRECISIONS[parameters.precision],
        accept_partial=parameters.accept_partial,
        durable=not parameters.no_sync,
    )
    if outcome.errors and parameters.accept_partial:
        data = await asyncio.to_thread(lambda: [_line(error) for error in outcome.errors])
        raise ApiError(_status(outcome), "partial write of line protocol occurred", data)
    if outcome.errors:
        raise _refused(outcome)
    return Response(status_code=204)


async def write_v1(engine: EmbeddedEngine, _request: Request, content: WithBody[WriteV1]) -> Response:
    """Write line protocol as in InfluxDB 1: all lines or none. The database is `db`, or `db/rp` with `rp`."""
    parameters = content.parameters
    if not parameters.db:
        raise ApiError(400, "no db destination provided")
    name = parameters.db if parameters.rp in _DEFAULT_POLICIES else f"{parameters.db}/{parameters.rp}"
    outcome = await _write_all(engine, name, content.body, parameters.precision)
    if outcome.errors:
        raise _refused(outcome)
    return Response(status_code=204)


async def write_v2(engine: EmbeddedEngine, _request: Request, content: WithBody[WriteV2]) -> Response:
    """Write line protocol as in InfluxDB 2: all lines or none."""
    parameters = content.parameters
    if not parameters.bucket:
        raise ApiError(400, "missing bucket value")
    try:
        outcome = await _write_all(engine, parameters.bucket, content.body, parameters.precision)
    except EmptyWrite as error:
        raise ApiError(error.status, f"{_V2_ERROR}: {error.text}") from None
    if outcome.errors:
        text = f"{_V2_ERROR}: line protocol parse failed: {outcome.errors[0].message}"
        raise ApiError(_status(outcome), text)
    return Response(status_code=204)


def v2_error(error: ApiError) -> Response:
    """Make the answer for an error, with the members of InfluxDB 2 as well."""
    body = {"code": _V2_CODES.get(error.status, "invalid"), "message": error.text, "error": error.text}
    return json_answer(body, error.status)


async def _write_all(engine: EmbeddedEngine, name: str, body: bytes, precision: str) -> WriteOutcome:
    check_database_name(name, retention_policy=True)
    return await engine.data.write(name, body, precision=_PRECISIONS[precision], accept_partial=False, durable=True)


def _refused(outcome: WriteOutcome) -> ApiError:
    return ApiError(_status(outcome), "line protocol parsing error", _line(outcome.errors[0]))


def _status(outcome: WriteOutcome) -> int:
    return 422 if outcome.over_limit else 400


def _line(error: LineError) -> dict[str, Any]:
    return {
        "error_message": error.message,
        "line_number": error.line_number,
        "original_line": error.original_line,
    }
