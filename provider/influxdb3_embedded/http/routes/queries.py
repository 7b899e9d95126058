"""Operations that run SQL queries (contract 7.1)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from starlette.responses import Response

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.http.disconnects import cancelled_on_disconnect
from influxdb3_embedded.http.requests.parameters import Query, Scalar
from influxdb3_embedded.sql import Format, QueryFailed, render

if TYPE_CHECKING:
    import pyarrow as pa
    from starlette.requests import Request

    from influxdb3_embedded.engine import EmbeddedEngine
    from influxdb3_embedded.http.requests.parameters import FormatName, QueryString

_PARAMS = TypeAdapter(dict[str, Scalar])
_MANY_ROWS = 1_000
_BY_MIME_TYPE = {
    "application/json": Format.JSON,
    "text/csv": Format.CSV,
    "text/plain": Format.PRETTY,
    "application/vnd.apache.parquet": Format.PARQUET,
}


async def query_string(engine: EmbeddedEngine, request: Request, parameters: QueryString) -> Response:
    """Run the SQL query in the query string."""
    params = None
    if parameters.params is not None:
        try:
            params = _PARAMS.validate_json(parameters.params, strict=True)
        except ValidationError:
            raise ApiError(
                400, "serde error: params must be a JSON object of null, boolean, number and string values"
            ) from None
    return await _run(engine, request, Query(db=parameters.db, q=parameters.q, format=parameters.format, params=params))


async def query_body(engine: EmbeddedEngine, request: Request, query: Query) -> Response:
    """Run the SQL query in the JSON body."""
    return await _run(engine, request, query)


async def rendered(table: pa.Table, output: Format) -> Response:
    """Make the answer with the rows of a table; raises `ApiError` 405 if the format lacks a column type."""
    try:
        if table.num_rows > _MANY_ROWS:
            content = await asyncio.to_thread(render, table, output)
        else:
            content = render(table, output)
    except QueryFailed as error:
        raise ApiError(error.status, error.text) from None
    return Response(content, headers={"content-type": output.content_type})


def format_of(name: FormatName) -> Format:
    """The format with this name."""
    return Format.JSONL if name == "json_lines" else Format(name)


async def _run(engine: EmbeddedEngine, request: Request, query: Query) -> Response:
    accepted = _accepted(request.headers.get("accept"))
    output = format_of(query.format) if query.format else accepted
    content = await cancelled_on_disconnect(request, engine.data.query(query.db, query.q, query.params, output))
    return Response(content, headers={"content-type": output.content_type})


def _accepted(accept: str | None) -> Format:
    """The format in the ``Accept`` header. An unknown one is an error even if the query names a format."""
    if accept is None or "*/*" in accept or "text/html" in accept:
        return Format.JSON
    if accept not in _BY_MIME_TYPE:
        raise ApiError(400, f"invalid mime type ({accept})")
    return _BY_MIME_TYPE[accept]
