"""What plugins print, as lines of the server's own log."""

from __future__ import annotations

import asyncio
import logging
import os

_MAX_READ = 64 * 1024

_MAX_LINE = 64 * 1024
"""Bytes after which a line is cut in two."""

logger = logging.getLogger(__name__)


class PrintedLines:
    """The pipe behind ``stdout`` and ``stderr`` of a worker, read until everybody who can print has ended.

    Not `connect_read_pipe`: that of uvloop closes the descriptor twice, and in between another thread may have been
    given the same number for a file of its own, of the log for example.

    Args:
        label: What the lines are logged under: the trigger's name.
        descriptor: The end to read; owned from here on.
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
            self._log(self._partial)  # it had no end of line

    def _receive(self, data: bytes) -> None:
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _MAX_LINE:
            lines.append(self._partial)
            self._partial = b""
        for line in lines:
            self._log(line)

    def _log(self, line: bytes) -> None:
        logger.info("%s: %s", self._label, line.decode(errors="backslashreplace").rstrip("\r"))
