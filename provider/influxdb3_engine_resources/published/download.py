"""Reading the files of a registry: over HTTPS, HTTP or from a directory, within limits of time and size."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.published.errors import PublishedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SECONDS = 120.0
"""For a whole download."""
_STEP_SECONDS = 15.0
"""For a connection, and for the next bytes."""


def is_local(url: str) -> bool:
    """Whether a URL names a file of this machine."""
    return urlsplit(url).scheme.lower() == "file"


def download(url: str, largest: int) -> bytes:
    """Read a file of a registry.

    Args:
        url: ``https``, ``http`` or ``file``.
        largest: Bytes at most.

    Raises:
        PublishedError: It cannot be read, is too large, or is redirected from ``https`` to another scheme.
    """
    if is_local(url):
        return _local(url, largest)
    from influxdb3_engine_api.httpx_without_cli import httpx  # noqa: PLC0415 - a cached plugin needs no request

    ends = time.monotonic() + _SECONDS
    try:
        with (
            httpx.Client(follow_redirects=True, timeout=_STEP_SECONDS, max_redirects=10) as client,
            client.stream("GET", url) as answer,
        ):
            if url.lower().startswith("https:") and answer.url.scheme != "https":
                raise PublishedError(f"{shown(url)} redirects to {shown(str(answer.url))}, which is not https")
            if answer.status_code != httpx.codes.OK:
                raise PublishedError(f"{shown(url)} answers {answer.status_code}")
            return _bounded(answer.iter_bytes(), url, largest, ends)
    except (httpx.HTTPError, httpx.InvalidURL, httpx.TooManyRedirects, ValueError) as error:
        if isinstance(error, PublishedError):
            raise
        raise PublishedError(f"{shown(url)} cannot be read: {shown(str(error)) or type(error).__name__}") from None


def _bounded(chunks: Iterator[bytes], url: str, largest: int, ends: float) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > largest:
            raise PublishedError(f"{shown(url)} has more than {largest} bytes")
        if time.monotonic() > ends:
            raise PublishedError(f"{shown(url)} was not read within {_SECONDS:.0f} s")
    return bytes(data)


def _local(url: str, largest: int) -> bytes:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise PublishedError(f"{shown(url)} names the host {shown(parts.netloc)!r}: write file:///DIRECTORY/index.json")
    file = Path(url2pathname(parts.path))
    try:
        with file.open("rb") as opened:
            data = opened.read(largest + 1)
    except (OSError, ValueError) as error:
        raise PublishedError(f"{shown(url)}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > largest:
        raise PublishedError(f"{shown(url)} has more than {largest} bytes")
    return data
