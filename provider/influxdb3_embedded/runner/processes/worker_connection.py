"""The engine's end of the socket to a worker."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, cast

from influxdb3_embedded.worker.frames import LENGTHS, MAX_LENGTH, Message, pack

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)


class WorkerConnection(asyncio.Protocol):
    """Frames to and from one worker.

    Args:
        on_frame: Called with each frame that arrives.
        on_lost: Called once when the connection ends: the worker has ended, or has sent an invalid frame.
    """

    def __init__(self, on_frame: Callable[[Message, bytes], None], on_lost: Callable[[], None]) -> None:
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._received = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # A transport of uvloop is no instance of asyncio's class, but has its methods.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass complete frames to ``on_frame``."""
        received = self._received
        received += data
        start = 0
        while len(received) - start >= LENGTHS.size:
            message_length, attachment_length = LENGTHS.unpack_from(received, start)
            if max(message_length, attachment_length) > MAX_LENGTH:
                self.close()
                return
            middle = start + LENGTHS.size + message_length
            end = middle + attachment_length
            if len(received) < end:
                break
            try:
                message = json.loads(received[start + LENGTHS.size : middle])
                self._on_frame(message, bytes(received[middle:end]))
            except (ValueError, KeyError, TypeError):
                # A plugin has written to the socket: the process is ended.
                logger.warning("a plugin process sent an invalid message and is ended", exc_info=True)
                self.close()
                return
            start = end
        del received[:start]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the exit status says more
        """Call ``on_lost``."""
        self._writable.set()
        self._on_lost()

    def pause_writing(self) -> None:
        """Make `drain` wait: the worker reads more slowly than the engine sends."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `drain` return: the worker has read most of what was sent."""
        self._writable.set()

    @property
    def is_open(self) -> bool:
        """Whether frames can be sent."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, message: Message, attachment: bytes = b"") -> None:
        """Send a frame, or drop it if the connection has ended.

        Raises:
            ValueError: The frame is too long.
        """
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(pack(message, attachment))

    async def drain(self) -> None:
        """Wait until the worker has read most of what was sent, or the connection has ended."""
        await self._writable.wait()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()
