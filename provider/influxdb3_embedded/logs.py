r"""The log of the engine: one line for each event on standard error, as ``key=value`` pairs.

structlog's ``LogfmtRenderer`` (26.1) would save four lines. It escapes only quotes and ``\n``, and doubles backslashes
in quoted values only: an escaped character and a literal ``\x1b`` would look alike.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime


class LogfmtFormatter(logging.Formatter):
    """Formats records as logfmt. ``extra={"fields": {...}}`` adds pairs to a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line. Unprintable characters are escaped, such as the line breaks of a traceback."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        fields = {
            "time": time,
            "level": record.levelname.lower(),
            "target": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        return " ".join(f"{key}={_quoted(str(value))}" for key, value in fields.items())


def configure(level: str) -> None:
    """Write the records of this process to standard error.

    Args:
        level: The lowest level that is logged: ``debug``, ``info``, ``warning`` or ``error``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # the messages of these libraries at level info repeat those of the engine
    for name in ("httpx", "httpcore", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def escaped(text: str) -> str:
    r"""Escape the unprintable characters of a text: some programs take one for the end of a line or a terminal command.

    >>> escaped("red \x1b[31m")
    'red \\x1b[31m'
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def escaped_lines(text: str) -> str:
    """Escape the unprintable characters of a text, except the ends of lines."""
    return "\n".join(map(escaped, text.split("\n")))


def _quoted(value: str) -> str:
    if value and not any(character in ' "=\\' or not character.isprintable() for character in value):
        return value
    return '"' + escaped(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
