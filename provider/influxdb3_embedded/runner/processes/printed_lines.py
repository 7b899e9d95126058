"""Writes what plugins print to the engine's own log."""

from __future__ import annotations

import asyncio
import logging
import os

_MAX_READ = 64 * 1024

_MAX_LINE = 64 * 1024
"""Bytes after which a line is split."""

logger = logging.getLogger(__name__)


class PrintedLines:
    """Reads the pipe behind ``stdout`` and ``stderr`` of a worker until all its writers have ended.

    `connect_read_pipe` cannot be used: uvloop's closes the descriptor twice, and another thread may have opened a file
    with the same number meanwhile.

    Args:
        label: The name in the log: the trigger's.
        descriptor: The read end of the pipe; closed at the end.
    """

    def __init__(self, label: str, descriptor: int) -> None:
        self._label = label
        self._descriptor = descriptor
        self._partial = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _MAX_READ)
        except BlockingIOError:
            return
        if data:
            self._receive(data)
            return
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
