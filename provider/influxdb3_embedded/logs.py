"""The server's own log: one line an event on standard error, as ``key=value`` pairs."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime


class LogfmtFormatter(logging.Formatter):
    """Formats records as logfmt; pairs of their own come as ``extra={"fields": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; what cannot be printed is escaped, such as the line breaks of a traceback."""
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
    """Send the records of this process to standard error.

    Args:
        level: The least that is logged: ``debug``, ``info``, ``warning`` or ``error``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LogfmtFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # their messages at info level repeat what the engine says itself
    for name in ("httpx", "httpcore", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)


def escaped(text: str) -> str:
    r"""Return a text with what cannot be printed escaped.

    Any control character may end a line, or command a terminal, for one of those who read it.

    >>> escaped("red \x1b[31m")
    'red \\x1b[31m'
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def escaped_lines(text: str) -> str:
    """Return a text with what cannot be printed escaped, ends of lines excepted."""
    return "\n".join(map(escaped, text.split("\n")))


def _quoted(value: str) -> str:
    if value and not any(character in ' "=\\' or not character.isprintable() for character in value):
        return value
    return '"' + escaped(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
