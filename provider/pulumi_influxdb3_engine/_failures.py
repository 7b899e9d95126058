"""How Pulumi shows a failed operation: its message without the stack of calls."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from influxdb3_engine_api.foreign_text import message


class DeploymentError(Exception):
    """An operation failed; the message says why and what is live now."""

    def __init__(self, text: str) -> None:
        super().__init__(message(text))


_reported: set[str] = set()


def reported_once(text: str) -> DeploymentError:
    """An error with this text, or a short reference to it if this process has reported the text before.

    A wrong stack configuration fails every resource for the same reason; one report is enough.
    """
    if text in _reported:
        return DeploymentError("not attempted: another resource shows the reason")
    _reported.add(text)
    return DeploymentError(text)


class _Traceback:
    """The ``traceback`` module, except that a ``DeploymentError`` is formatted as its message."""

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)

    def format_exc(self, *arguments: Any, **options: Any) -> str:
        """What the SDK's server answers if a provider raises an error."""
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, DeploymentError) else traceback.format_exc(*arguments, **options)


def show_messages_alone() -> None:
    """Keep the stack of calls out of what Pulumi prints about a ``DeploymentError``.

    The SDK's server for dynamic providers answers every error with ``traceback.format_exc()``. It has no other way to
    report a failure. All other exceptions keep their traceback. If the SDK works in another way, nothing changes.
    """
    server = sys.modules["__main__"]
    if (
        getattr(server.__spec__, "name", None) == "pulumi.dynamic.__main__"
        and vars(server).get("traceback") is traceback
    ):
        vars(server)["traceback"] = _Traceback()
