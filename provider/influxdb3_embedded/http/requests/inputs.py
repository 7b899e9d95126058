"""What operations read of a request: one declaration serves the reading and the description of the API.

``routing.ROUTES`` has one of these for each operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from pydantic import BaseModel

from influxdb3_embedded.http.requests.bodies import parse_body, read_body, read_json, read_query

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

Model = TypeVar("Model", bound=BaseModel)
Content = TypeVar("Content")


@dataclass(frozen=True, slots=True)
class Input(Generic[Content]):
    """What an operation reads.

    Attributes:
        read: Reads it from a request, taking at most so many bytes of a body, before and after decompression; raises
            `ApiError` where it is not there.
        query: What the query string holds, if it is read.
        body: What the JSON body holds, if there is one.
        raw_body: What the body is if it is not JSON.
    """

    read: Callable[[Request, int], Awaitable[Content]]
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    raw_body: str | None = None


class WithBody(NamedTuple, Generic[Model]):
    """Parameters in the query string, and a body."""

    parameters: Model
    body: bytes


def nothing() -> Input[None]:
    """Neither query string nor body."""

    async def read(_request: Request, _limit: int) -> None:
        return None

    return Input(read)


def query_string(model: type[Model], *, missing: str | None = None) -> Input[Model]:
    """Parameters in the query string.

    Args:
        model: What they have to be.
        missing: What to answer where there is no query string; ``None`` leaves that to the first missing member.
    """

    async def read(request: Request, _limit: int) -> Model:
        return read_query(request, model, missing=missing)

    return Input(read, query=model)


def json_body(model: type[Model]) -> Input[Model]:
    """A JSON body that says that it is one."""

    async def read(request: Request, limit: int) -> Model:
        return await read_json(request, model, limit)

    return Input(read, body=model)


def untyped_json_body(model: type[Model]) -> Input[Model]:
    """A JSON body, whatever content type it has."""

    async def read(request: Request, limit: int) -> Model:
        return await parse_body(await read_body(request, limit), model)

    return Input(read, body=model)


def json_body_or_query(model: type[Model]) -> Input[Model]:
    """The query string where there is one, else a JSON body (contract 1.1); the published API has the body."""
    return Input(_query_or_json(model), body=model)


def query_or_json_body(model: type[Model]) -> Input[Model]:
    """The query string where there is one, else a JSON body (contract 1.1); the published API has the query string."""
    return Input(_query_or_json(model), query=model)


def line_protocol(model: type[Model], *, missing: str | None = None) -> Input[WithBody[Model]]:
    """Parameters in the query string, as `query_string`, and line protocol of whatever content type."""

    async def read(request: Request, limit: int) -> WithBody[Model]:
        parameters = read_query(request, model, missing=missing)
        return WithBody(parameters, await read_body(request, limit))

    return Input(read, query=model, raw_body="Line protocol, UTF-8.")


def any_body() -> Input[bytes]:
    """A body of whatever type, for a plugin to make something of."""
    return Input(read_body, raw_body="What the plugin expects.")


def _query_or_json(model: type[Model]) -> Callable[[Request, int], Awaitable[Model]]:
    async def read(request: Request, limit: int) -> Model:
        if request.scope["query_string"]:
            return read_query(request, model)
        return await read_json(request, model, limit)

    return read
