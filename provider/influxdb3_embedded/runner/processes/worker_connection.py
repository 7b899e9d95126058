"""The server's end of the socket to a worker."""

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
        on_lost: Called once when the worker has gone, or has sent what is no frame.
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
        # uvloop's transports have the methods of asyncio's and not its class.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Hand on the frames that are complete."""
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
                # A plugin that found the socket wrote to it: the process is ended.
                logger.warning("a plugin process sent what is no message", exc_info=True)
                self.close()
                return
            start = end
        del received[:start]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - why does not matter, its exit status will tell
        """Say so."""
        self._writable.set()
        self._on_lost()

    def pause_writing(self) -> None:
        """Let `drain` wait: the worker reads more slowly than the server sends."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Let `drain` return: the worker has read most of what was sent."""
        self._writable.set()

    @property
    def is_open(self) -> bool:
        """Whether the worker can hear."""
        return self._transport is not None and not self._transport.is_closing()

    def send(self, message: Message, attachment: bytes = b"") -> None:
        """Send a frame; into the void if the worker has gone.

        Raises:
            ValueError: It is longer than a frame can be.
        """
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(pack(message, attachment))

    async def drain(self) -> None:
        """Wait until the worker has read most of what was sent, or has gone."""
        await self._writable.wait()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.abort()
