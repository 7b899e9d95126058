"""Answers as they are read: unpacked, no larger than they may be, and made into what an operation returns."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from influxdb3_engine_api.errors import UnreadableAnswer
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_api.quick_httpx import httpx
from influxdb3_engine_api.strangers import REMEDY, described
from influxdb3_engine_api.transport import TooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

Answer = TypeVar("Answer")
LARGEST_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer: the listing of twenty thousand plugin files has three million."""
_AT_ONCE = 64 * 1024
_LONGEST_ERROR = 1024 * 1024
"""Bytes that are read of an answer that is no success."""


def unpacked(answer: httpx.Response, into: TypeAdapter[Answer]) -> Answer:
    """The body of a successful answer.

    Raises:
        UnreadableAnswer: It is not what the API promises.
    """
    try:
        return into.validate_json(answer.content)
    except ValidationError as error:
        # not the body itself: rows hold arguments of triggers, which may be secret
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = shown("".join(f"{part}: " for part in first["loc"]), longest=200)
        raise unreadable(answer, f"{described(answer.headers, answer.text)}; {where} {shown(first['msg'])}") from None


def unreadable(answer: httpx.Response, what: str, *, changes: bool = False) -> UnreadableAnswer:
    """The error for an answer of success that InfluxDB would not give.

    Args:
        answer: The answer.
        what: What it is instead.
        changes: Whether the request may have changed something.
    """
    doubt = "; the request may have been carried out" if changes else ""
    return UnreadableAnswer(
        f"{answer.request.method} {answer.request.url.copy_with(query=None)} answered {answer.status_code} with "
        f"{len(answer.content)} bytes that are not what the API promises ({what}){doubt}. {REMEDY}"
    )


def read(answer: httpx.Response) -> httpx.Response:
    """The answer with its body; of an error as much as a person could read."""
    try:
        body = bytearray()
        for part in _parts(answer):
            body += part
            if not answer.is_success and len(body) > _LONGEST_ERROR:
                del body[_LONGEST_ERROR:]
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
    except (LookupError, ValueError, AssertionError):  # the server names an encoding of something else than text
        whole.encoding = "utf-8"
    return whole


def _parts(answer: httpx.Response) -> Iterator[bytes]:
    """The body, unpacked; of one encoding only: each more may make it a thousand times larger."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding == "identity":
        yield from answer.iter_bytes()
        return
    if encoding not in {"gzip", "x-gzip"}:
        raise httpx.DecodingError(f"content-encoding {encoding!r}, which was not asked for")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for packed in answer.iter_raw():
            part = unpacker.decompress(packed, _AT_ONCE)
            while part:
                yield part
                part = unpacker.decompress(unpacker.unconsumed_tail, _AT_ONCE)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from error
    if not unpacker.eof:
        raise httpx.DecodingError("the gzip data is cut off")
