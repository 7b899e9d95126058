"""Reads answers: unzips a body, limits its size and parses it into the operation's result."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from influxdb3_engine_api.errors import UnreadableAnswer
from influxdb3_engine_api.foreign_answers import REMEDY, describe_answer
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.httpx_without_cli import httpx
from influxdb3_engine_api.transport import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = TypeVar("Answer")
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer; the listing of 20,000 plugin files has 3 million."""
_UNZIPPED_AT_ONCE = 64 * 1024
"""Bytes, so that a small gzip body cannot fill the memory."""
_LARGEST_ERROR = 1024 * 1024
"""Bytes of an error answer; the rest is not read."""


def parse_answer(answer: httpx.Response, into: TypeAdapter[Answer]) -> Answer:
    """The parsed body of a successful answer.

    Raises:
        UnreadableAnswer: The body is not what the API promises.
    """
    try:
        return into.validate_json(answer.content)
    except ValidationError as error:
        # the message does not contain the body: rows hold arguments of triggers, which may be secret
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = shown("".join(f"{part}: " for part in first["loc"]), longest=200)
        description = describe_answer(answer.headers, answer.text)
        raise unreadable_answer(answer, f"{description}; {where} {shown(first['msg'])}") from None


def unreadable_answer(answer: httpx.Response, what: str, *, changes: bool = False) -> UnreadableAnswer:
    """The error for an answer with status 2xx that does not come from InfluxDB.

    Args:
        answer: The answer.
        what: Description of the answer.
        changes: Whether the request may have changed something.
    """
    doubt = "; the request may have been carried out" if changes else ""
    return UnreadableAnswer(
        f"{answer.request.method} {answer.request.url.copy_with(query=None)} answered {answer.status_code} with "
        f"{len(answer.content)} bytes that are not what the API promises ({what}){doubt}. {REMEDY}"
    )


def read_answer(answer: httpx.Response) -> httpx.Response:
    """The answer with its body; an error's body is cut at ``_LARGEST_ERROR``.

    Raises:
        TooLarge: The body of a success has more than ``LARGEST_ANSWER`` bytes.
        httpx.DecodingError: The body cannot be unzipped.
    """
    try:
        body = bytearray()
        for part in _parts(answer):
            body += part
            if not answer.is_success and len(body) > _LARGEST_ERROR:
                del body[_LARGEST_ERROR:]
                break
            if len(body) > LARGEST_ANSWER:
                raise TooLarge
    finally:
        answer.close()
    headers = httpx.Headers(answer.headers)
    headers.pop("content-encoding", None)
    whole = httpx.Response(answer.status_code, headers=headers, content=bytes(body), request=answer.request)
    try:
        assert whole.text is not None
    except (LookupError, ValueError, AssertionError):  # the server names an encoding that is not one of text
        whole.encoding = "utf-8"
    return whole


def _parts(answer: httpx.Response) -> Iterator[bytes]:
    """The unzipped body in parts. Only one layer of gzip is accepted: each may make the body 1,000 times larger."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        yield from answer.iter_bytes()
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise httpx.DecodingError(f"content-encoding {encoding!r} is not the one that was requested")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for packed in answer.iter_raw():
            part = unpacker.decompress(packed, _UNZIPPED_AT_ONCE)
            while part:
                yield part
                part = unpacker.decompress(unpacker.unconsumed_tail, _UNZIPPED_AT_ONCE)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if not unpacker.eof:
        raise httpx.DecodingError("the gzip data is cut off")
