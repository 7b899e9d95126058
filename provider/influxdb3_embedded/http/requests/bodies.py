"""Reads bodies and query strings into models. The error messages are those of the real server (contract 1.1)."""

from __future__ import annotations

import asyncio
import json
import re
import zlib
from typing import TYPE_CHECKING, Any, TypeVar, get_args
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from influxdb3_embedded.errors import ApiError
from influxdb3_embedded.http.requests.json_positions import JsonPositions, Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydantic_core import ErrorDetails
    from starlette.requests import Request

Model = TypeVar("Model", bound=BaseModel)

_JSON_TYPE = re.compile(r"application/(?:[^;+\s]+\+)?json\s*(?:;|$)", re.IGNORECASE)
_EXPECTED_TYPES = {
    "string_type": "a string",
    "bool_type": "a boolean",
    "int_type": "an integer",
    "list_type": "a sequence",
    "dict_type": "a map",
}
_BYTES_PARSED_AT_ONCE = 10_000
_GZIP_PIECE_BYTES = 65_536
_INVALID_QUERY = "serde error"
_MAX_PARAMETERS = 1_000
_MAX_GZIP_MEMBERS = 1_000
_BOOLEANS = {"true": True, "false": False}


async def read_body(request: Request, limit: int) -> bytes:
    """Read the body and decompress it.

    Args:
        request: The request.
        limit: Maximum size in bytes, both before and after decompression.

    Raises:
        ApiError: 413 if the body is larger; 400 if its encoding is unknown or broken.
    """
    encoding = request.headers.get("content-encoding", "identity")
    if encoding not in ("identity", "gzip"):
        raise ApiError(400, f"unacceptable content-encoding: {encoding}")
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise _too_large(limit)
        chunks.append(chunk)
    body = b"".join(chunks)
    if encoding == "identity" or not body:
        return body
    return await asyncio.to_thread(_gunzip, body, limit)


async def read_json(request: Request, model: type[Model], limit: int) -> Model:
    """Read the JSON body as a model.

    Raises:
        ApiError: 415 for another content type, 413 for a large body, 400 for an invalid body.
    """
    if not _JSON_TYPE.match(request.headers.get("content-type", "")):
        raise ApiError(415, "unacceptable content-type, expected: application/json")
    return await parse_body(await read_body(request, limit), model)


async def parse_body(body: bytes, model: type[Model]) -> Model:
    """Parse a JSON body as `parse_json` does; in a thread if it is large, so that other requests do not wait."""
    if len(body) > _BYTES_PARSED_AT_ONCE:
        return await asyncio.to_thread(parse_json, body, model)
    return parse_json(body, model)


def read_query(
    request: Request, model: type[Model], *, missing: str | None = None, error: str = _INVALID_QUERY
) -> Model:
    """Read the query string as a model.

    Args:
        request: The request.
        model: The model.
        missing: Error for a missing query string. Default: the error for the first missing parameter.
        error: Begin of the error for an invalid query string.

    Raises:
        ApiError: 400, the query string is missing or invalid.
    """
    query: bytes = request.scope["query_string"]
    if missing is not None and not query:
        raise ApiError(400, missing)
    return parse_query(query, model, error=error)


def parse_json(body: bytes, model: type[Model]) -> Model:
    """Parse a JSON text as a model; raises `ApiError` 400 with the first error in the text."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise _json_error(f"invalid unicode code point at line 1 column {error.start + 1}") from None
    try:
        positions = JsonPositions(text)
        value = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise _json_error(str(error)) from None
    mistakes = [
        (end, f"duplicate field `{member}`")
        for location, member, end in positions.repeated
        if (at := _model_at(model, location)) and member in at.model_fields
    ]
    try:
        parsed = model.model_validate(value)
    except (ValidationError, RecursionError) as error:
        mistakes += _mistakes(error, positions, model)
    if mistakes:
        # the real server reads from start to end and reports the mistake that ends first
        end, text = min(mistakes, key=lambda mistake: mistake[0])
        raise _json_error(f"{text} {positions.describe(end)}")
    return parsed


def parse_query(query: bytes, model: type[Model], *, error: str = _INVALID_QUERY) -> Model:
    """Parse a query string as a model; raises `ApiError` 400 with a text that begins with `error`."""
    members: dict[str, Any] = {}
    for name, text in query_pairs(query):
        field = model.model_fields.get(name)
        if field is None:
            continue
        if name in members:
            raise ApiError(400, f"{error}: duplicate field `{name}`")
        if field.annotation is bool and text not in _BOOLEANS:
            raise ApiError(400, f"{error}: provided string was not `true` or `false`")
        members[name] = _BOOLEANS[text] if field.annotation is bool else text
    try:
        return model.model_validate(members)
    except ValidationError as invalid:
        errors = invalid.errors(include_url=False)
        first = next((found for found in errors if found["type"] != "missing"), errors[0])
        raise ApiError(400, f"{error}: {_message(first, model)}") from None


def query_pairs(query: bytes) -> list[tuple[str, str]]:
    """Decode the names and values of a query string. A name without a value has an empty value.

    Raises:
        ApiError: 400, there are too many parameters.
    """
    try:
        return parse_qsl(query.decode(errors="replace"), keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError:
        raise ApiError(400, f"{_INVALID_QUERY}: more than {_MAX_PARAMETERS} parameters") from None


def _gunzip(body: bytes, limit: int) -> bytes:
    compressed, at = memoryview(body), 0
    parts, size = [], 0
    for _ in range(_MAX_GZIP_MEMBERS):
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        while not member.eof:
            # in pieces: zlib copies all bytes after the end of a member
            piece = compressed[at : at + _GZIP_PIECE_BYTES]
            if not piece:
                raise ApiError(400, "error decoding gzip stream: unexpected end of file")
            try:
                part = member.decompress(piece, limit + 1 - size)
            except zlib.error as error:
                raise ApiError(400, f"error decoding gzip stream: {error}") from None
            size += len(part)
            if size > limit:
                raise _too_large(limit)
            parts.append(part)
            at += len(piece) - len(member.unused_data)
        if at == len(compressed):
            return b"".join(parts)
    raise ApiError(400, f"error decoding gzip stream: more than {_MAX_GZIP_MEMBERS} members")


def _too_large(limit: int) -> ApiError:
    return ApiError(413, f"max request size ({limit} bytes) exceeded")


def _json_error(text: str) -> ApiError:
    return ApiError(400, f"serde json error: {text}")


def _mistakes(
    error: ValidationError | RecursionError, positions: JsonPositions, model: type[BaseModel]
) -> Iterator[tuple[int, str]]:
    """Position and text of each mistake: the position is the end of a wrong value or of an incomplete object."""
    if isinstance(error, RecursionError):
        yield positions.ends[()], "recursion limit exceeded"
        return
    for found in error.errors(include_url=False):
        location: Location = found["loc"][:-1] if found["type"] == "missing" else found["loc"]
        while location not in positions.ends:  # inside a string that holds JSON itself
            location = location[:-1]
        yield positions.ends[location], _message(found, model)


def _message(error: ErrorDetails, model: type[BaseModel]) -> str:
    kind, member = error["type"], error["loc"][-1] if error["loc"] else ""
    if kind == "missing":
        return f"missing field `{member}`"
    if kind in ("enum", "literal_error"):
        variants = ", ".join(f"`{variant}`" for variant in re.findall(r"'([^']*)'", error["ctx"]["expected"]))
        return f"unknown variant `{error['input']}`, expected one of {variants}"
    expected = _EXPECTED_TYPES.get(kind) or f"struct {(_model_at(model, error['loc']) or model).__name__}"
    return f"invalid type: {_type_and_value(error['input'])}, expected {expected}"


def _model_at(model: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """The model of the value at a location; None if the value has another type."""
    at: Any = model
    for step in location:
        if isinstance(at, type) and issubclass(at, BaseModel):
            field = at.model_fields.get(str(step))
            at = field.annotation if field else None
        else:
            at = next(iter(get_args(at)), None)
    return at if isinstance(at, type) and issubclass(at, BaseModel) else None


def _type_and_value(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return f"boolean `{str(value).lower()}`"
        case int():
            return f"integer `{value}`"
        case float():
            return f"floating point `{value}`"
        case str():
            return f"string {json.dumps(value, ensure_ascii=False)}"
        case list():
            return "sequence"
    return "map"
