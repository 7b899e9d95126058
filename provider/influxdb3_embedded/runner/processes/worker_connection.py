"""The engine's end of the socket to a worker."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, cast

from influxdb3_embedded.worker.frames import (
    LENGTHS,
    MAX_LENGTH,
    MAX_PART_LENGTH,
    MAX_WORKER_MESSAGE_LENGTH,
    PART,
    Message,
    pack,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from influxdb3_embedded.runner.processes.turns import Turns

logger = logging.getLogger(__name__)


class WorkerConnection(asyncio.Protocol):
    """Frames to and from one worker.

    Args:
        on_message: Called with each message that arrives, and the parts of its attachment.
        on_lost: Called once when the connection ends: the worker has ended, or has sent an invalid frame.
        turns: When the event loop has time for output of plugins.
    """

    def __init__(
        self, on_message: Callable[[Message, list[bytes]], None], on_lost: Callable[[], None], turns: Turns
    ) -> None:
        self._on_message = on_message
        self._on_lost = on_lost
        self._turns = turns
        self._received = bytearray()
        self._parts: list[bytes] = []
        self._parts_length = 0
        self._waiting = False
        self._writable = asyncio.Event()
        self._writable.set()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        # A transport of uvloop is no instance of asyncio's class, but has its methods.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass complete messages to ``on_message``, now or in later turns."""
        self._received += data
        if not self._waiting:
            self._handle_frames()

    def _handle_frames(self) -> None:
        try:
            while (frame := self._next_frame()) is not None:
                self._handle(*frame)
        except Exception:
            # A plugin has written to the socket: the process is ended.
            logger.warning("a plugin process sent an invalid message and is ended", exc_info=True)
            self.close()

    def _next_frame(self) -> tuple[bytes, bytes] | None:
        """Return the next complete frame; None if no frame is complete, or if the turn is over."""
        received = self._received
        if not self.is_open or len(received) < LENGTHS.size:
            return None
        message_length, attachment_length = LENGTHS.unpack_from(received)
        if message_length > MAX_WORKER_MESSAGE_LENGTH or attachment_length > MAX_PART_LENGTH:
            raise ValueError("a frame is too long")
        middle = LENGTHS.size + message_length
        end = middle + attachment_length
        if len(received) < end:
            return None
        if self._turns.over:
            self._wait()
            return None
        frame = bytes(received[LENGTHS.size : middle]), bytes(received[middle:end])
        del received[:end]
        return frame

    def _handle(self, text: bytes, attachment: bytes) -> None:
        message = json.loads(text)
        if attachment:
            self._parts.append(attachment)
            self._parts_length += len(attachment)
            if self._parts_length > MAX_LENGTH:
                raise ValueError("an attachment is too long")
        if message != PART:
            parts, self._parts, self._parts_length = self._parts, [], 0
            self._on_message(message, parts)

    def _wait(self) -> None:
        assert self._transport is not None
        self._waiting = True
        self._transport.pause_reading()
        self._turns.wait(self._go_on)

    def _go_on(self) -> None:
        self._waiting = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()
            self._handle_frames()

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

    def send(self, message: Message, attachment: bytes | memoryview = b"") -> None:
        """Send a frame, or drop it if the connection has ended.

        Raises:
            TooLong: The message is too long.
        """
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(pack(message, attachment))

    async def send_long(self, message: Message, attachment: Iterable[bytes]) -> None:
        """Send a message whose attachment may be long. The event loop serves requests between two parts.

        Args:
            message: The message.
            attachment: The attachment in pieces.

        Raises:
            TooLong: The message or a piece is too long.
        """
        last: bytes | memoryview = b""
        for part in (part for piece in attachment for part in split(piece)):
            if last:
                self.send(PART, last)
                await asyncio.sleep(0)
                await self.drain()
            last = part
        self.send(message, last)

    async def drain(self) -> None:
        """Wait until the worker has read most of what was sent, or the connection has ended."""
        await self._writable.wait()

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()
