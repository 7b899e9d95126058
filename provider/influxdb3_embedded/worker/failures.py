"""Exceptions of plugins as texts: the one-line error and the traceback."""

from __future__ import annotations

import traceback
from pathlib import Path

_OWN_DIRECTORY = str(Path(__file__).parent)
_MAX_LINES = 200
"""Most lines of a traceback; lines in the middle are left out."""

_MAX_TEXT = 65_536
"""Most characters of a log text, of an error, and of a traceback."""


def shortened(text: str, length: int = _MAX_TEXT) -> str:
    """Return a text, or the beginning of a long text and the number of characters that are left out.

    >>> shortened("abcdef", 4)
    'abcd ... 2 characters left out'
    """
    left_out = len(text) - length
    return text if left_out <= 0 else f"{text[:length]} ... {left_out} characters left out"


def describe(error: BaseException) -> str:
    """Return ``TYPE: MESSAGE`` in the format of the real server.

    Args:
        error: The plugin's exception. Its ``__str__`` is the plugin's code and may fail.
    """
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - __str__ may raise anything
        message = "<exception str() failed>"
    return shortened(f"{type(error).__qualname__}: {message}")


def traceback_lines(error: BaseException) -> list[str]:
    """Return the traceback as the interpreter prints it, without frames of this package."""
    try:
        report = traceback.TracebackException.from_exception(error, compact=True)
        _drop_own_frames(report)
        lines = "".join(report.format()).splitlines()
    except Exception:  # noqa: BLE001 - as above; the one-line error has the message
        return []
    if len(lines) > _MAX_LINES:
        half = _MAX_LINES // 2
        lines = [*lines[:half], f"  ... {len(lines) - 2 * half} lines left out ...", *lines[-half:]]
    if sum(map(len, lines)) > _MAX_TEXT:
        lines = [shortened(line, _MAX_TEXT // _MAX_LINES) for line in lines]
    return lines


def _drop_own_frames(report: traceback.TracebackException) -> None:
    pending: list[traceback.TracebackException | None] = [report]
    while pending:
        part = pending.pop()
        if part is not None:
            part.stack = traceback.StackSummary.from_list(
                [frame for frame in part.stack if not frame.filename.startswith(_OWN_DIRECTORY)]
            )
            pending += (part.__cause__, part.__context__)
