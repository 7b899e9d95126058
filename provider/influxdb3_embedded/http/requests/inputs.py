"""Declares what an operation reads of a request. The OpenAPI document is made from the same declaration."""

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
        read: Reads the content of a request. The second argument is the maximum size of a body in bytes, both before
            and after decompression. Raises `ApiError` if the content is missing or invalid.
        query: Model of the query string; None if the operation reads none.
        body: Model of the JSON body; None if the operation reads none.
        raw_body: Description of a body that is not JSON; None for an operation without such a body.
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
    """No query string and no body."""

    async def read(_request: Request, _limit: int) -> None:
        return None

    return Input(read)


def query_string(model: type[Model], *, missing: str | None = None) -> Input[Model]:
    """Parameters in the query string.

    Args:
        model: Model of the parameters.
        missing: Error for a missing query string. Default: the error for the first missing parameter.
    """

    async def read(request: Request, _limit: int) -> Model:
        return read_query(request, model, missing=missing)

    return Input(read, query=model)


def json_body(model: type[Model]) -> Input[Model]:
    """A JSON body with a JSON content type."""

    async def read(request: Request, limit: int) -> Model:
        return await read_json(request, model, limit)

    return Input(read, body=model)


def untyped_json_body(model: type[Model]) -> Input[Model]:
    """A JSON body with any content type."""

    async def read(request: Request, limit: int) -> Model:
        return await parse_body(await read_body(request, limit), model)

    return Input(read, body=model)


def json_body_or_query(model: type[Model]) -> Input[Model]:
    """The query string or else a JSON body (contract 1.1). The OpenAPI document shows the body."""
    return Input(_query_or_json(model), body=model)


def query_or_json_body(model: type[Model]) -> Input[Model]:
    """The query string or else a JSON body (contract 1.1). The OpenAPI document shows the query string."""
    return Input(_query_or_json(model), query=model)


def line_protocol(
    model: type[Model], *, missing: str | None = None, error: str = "serde error"
) -> Input[WithBody[Model]]:
    """Parameters in the query string, as for `query_string`, and line protocol with any content type.

    Args:
        model: Model of the parameters.
        missing: Error for a missing query string. Default: the error for the first missing parameter.
        error: Begin of the error for an invalid parameter.
    """

    async def read(request: Request, limit: int) -> WithBody[Model]:
        parameters = read_query(request, model, missing=missing, error=error)
        return WithBody(parameters, await read_body(request, limit))

    return Input(read, query=model, raw_body="Line protocol in UTF-8.")


def any_body() -> Input[bytes]:
    """Any body, for a plugin."""
    return Input(read_body, raw_body="The body that the plugin expects.")


def _query_or_json(model: type[Model]) -> Callable[[Request, int], Awaitable[Model]]:
    async def read(request: Request, limit: int) -> Model:
        if request.scope["query_string"]:
            return read_query(request, model)
        return await read_json(request, model, limit)

    return read
