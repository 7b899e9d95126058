"""How a failure reaches the person who deploys: by its message, which says what is live and what to do."""

from __future__ import annotations

import sys
import traceback
from typing import Any

from influxdb3_engine_api.foreign_text import message


class DeploymentError(Exception):
    """Why an operation failed; the message says what is live now."""

    def __init__(self, text: str) -> None:
        super().__init__(message(text))


_told: set[str] = set()


def once(text: str) -> DeploymentError:
    """The error of a deployment whose resources all fail for one reason; only the first of a process says it."""
    if text in _told:
        return DeploymentError("not attempted, for the reason that is given at another resource")
    _told.add(text)
    return DeploymentError(text)


class _Traceback:
    """The ``traceback`` module, but for failures that explain themselves."""

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)

    def format_exc(self, *arguments: Any, **options: Any) -> str:
        """What the SDK's server answers where a provider raises."""
        error = sys.exc_info()[1]
        return str(error) if isinstance(error, DeploymentError) else traceback.format_exc(*arguments, **options)


def show_messages_alone() -> None:
    """Keep the stack of calls out of what Pulumi prints about a ``DeploymentError``.

    The SDK's server for dynamic providers sends ``traceback.format_exc()`` whatever a provider raises, and offers no
    other way to fail: a dozen lines of its own code before ours. Other exceptions, and other providers in the process,
    keep theirs; so does everything under an SDK that does this in another way.
    """
    server = sys.modules["__main__"]
    if (
        getattr(server.__spec__, "name", None) == "pulumi.dynamic.__main__"
        and vars(server).get("traceback") is traceback
    ):
        vars(server)["traceback"] = _Traceback()
