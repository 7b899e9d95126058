"""The results that clients are reading, and their messages."""

from __future__ import annotations

import time
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import pyarrow as pa

from influxdb3_embedded.flight.protobuf import bytes_field, bytes_head
from influxdb3_embedded.sql import exhausted

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Iterator

_SECONDS_TO_READ = 600.0
"""Time within which a client must read at least one more batch."""

_SECONDS_UNDER_PRESSURE = 30.0
"""The same if another result needs the memory."""

_HEADER, _BODY = 2, 1000
"""Numbers of the fields of ``FlightData``."""


class _Result:
    def __init__(self, size: int, cancel: Callable[[], object]) -> None:
        self.size = size
        self.cancel = cancel
        self.read_at = time.monotonic()


class OpenResults:
    """The results that clients have not read to the end. Thread-safe.

    Args:
        limit: Bytes that all of them may take.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: set[_Result] = set()
        self._lock = Lock()

    def messages(self, stream: mmap.mmap, cancel: Callable[[], object]) -> Iterator[bytes]:
        """Yield the messages ``FlightData`` of a result.

        Args:
            stream: The result as an Arrow stream.
            cancel: Ends the client's call, from any thread.

        Raises:
            QueryFailed: The results that clients have not read take too much memory.
        """
        with self._counted(len(stream), cancel) as result:
            for message in pa.ipc.MessageReader.open_stream(pa.BufferReader(pa.py_buffer(stream))):
                yield _flight_data(message)
                result.read_at = time.monotonic()

    def end_stalled(self) -> None:
        """End the calls of clients that have read nothing for ten minutes."""
        with self._lock:
            self._end_stalled(_SECONDS_TO_READ)

    @contextmanager
    def _counted(self, size: int, cancel: Callable[[], object]) -> Iterator[_Result]:
        result = _Result(size, cancel)
        with self._lock:
            if self._taken() + size > self._limit:
                self._end_stalled(_SECONDS_UNDER_PRESSURE)
            if self._taken() + size > self._limit:
                raise exhausted("the results that clients have not read", self._limit)
            self._open.add(result)
        try:
            yield result
        finally:
            with self._lock:
                self._open.discard(result)

    def _taken(self) -> int:
        return sum(result.size for result in self._open)

    def _end_stalled(self, seconds: float) -> None:
        now = time.monotonic()
        for result in [result for result in self._open if now - result.read_at > seconds]:
            self._open.discard(result)
            result.cancel()


def _flight_data(message: pa.Message) -> bytes:
    body = message.body
    parts: list[bytes | memoryview] = [bytes_field(_HEADER, message.metadata.to_pybytes())]
    if body is not None and body.size:
        parts += [bytes_head(_BODY, body.size), memoryview(body)]
    return b"".join(parts)
