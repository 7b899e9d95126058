"""Writes what plugins print to the engine's own log."""

from __future__ import annotations

import asyncio
import logging
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from influxdb3_embedded.runner.processes.turns import Turns

_MAX_READ = 256
"""Bytes of a read; each of them may be a line."""

_MAX_LINE = 16 * 1024
"""Bytes after which a line is split."""

logger = logging.getLogger(__name__)


class PrintedLines:
    """Reads the pipe behind ``stdout`` and ``stderr`` of a worker until all its writers have ended.

    `connect_read_pipe` cannot be used: uvloop's closes the descriptor twice, and another thread may have opened a file
    with the same number meanwhile.

    Args:
        label: The name in the log: the trigger's.
        descriptor: The read end of the pipe; closed at the end.
        turns: When the event loop has time for output of plugins.
    """

    def __init__(self, label: str, descriptor: int, turns: Turns) -> None:
        self._label = label
        self._descriptor = descriptor
        self._turns = turns
        self._partial = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        while not self._turns.over:
            try:
                data = os.read(self._descriptor, _MAX_READ)
            except BlockingIOError:
                return
            if not data:
                self._end()
                return
            self._receive(data)
        self._loop.remove_reader(self._descriptor)
        self._turns.wait(self._go_on)

    def _go_on(self) -> None:
        if not self._loop.is_closed():
            self._loop.add_reader(self._descriptor, self._read)

    def _end(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        if self._partial:
            self._log(self._partial)

    def _receive(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _MAX_LINE:
            lines.append(self._partial)
            self._partial = b""
        for line in lines:
            self._log(line)

    def _log(self, line: bytes) -> None:
        logger.info("%s: %s", self._label, line.decode(errors="backslashreplace").rstrip("\r"))
