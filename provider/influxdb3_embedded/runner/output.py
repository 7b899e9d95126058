"""What plugins print, as lines of the server's own log."""

from __future__ import annotations

import asyncio
import logging

_MAX_LINE = 64 * 1024
"""Bytes after which a line is cut in two."""

logger = logging.getLogger(__name__)


class PrintedLines(asyncio.Protocol):
    """The pipe behind ``stdout`` and ``stderr`` of a worker.

    Args:
        label: What the lines are logged under: the trigger's name.
    """

    def __init__(self, label: str) -> None:
        self._label = label
        self._partial = b""

    def data_received(self, data: bytes) -> None:
        """Log the lines that are complete."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _MAX_LINE:
            lines.append(self._partial)
            self._partial = b""
        for line in lines:
            self._log(line)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the end is the end
        """Log what had no end of line."""
        if self._partial:
            self._log(self._partial)

    def _log(self, line: bytes) -> None:
        logger.info("%s: %s", self._label, line.decode(errors="backslashreplace").rstrip("\r"))
