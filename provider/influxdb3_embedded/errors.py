"""What the engine answers instead of a result.

An error is raised where it is found, carries its status and text, and is rendered in one place (``app.Application``)
as ``{"error": TEXT}``, with ``data`` where there is any. The texts are the real server's; a client's mistake that the
real server answers with 500 is 400 here, as the published API has it.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ErrorBody(BaseModel):
    """The body of every answer of status 400 or above.

    Attributes:
        error: The message.
        data: What goes with it, such as the lines of a write that were refused.
        code: InfluxDB 2's name of the status, from its write endpoint.
        message: The message again, from InfluxDB 2's write endpoint.
    """

    error: str
    data: Any = None
    code: str | None = None
    message: str | None = None


class ApiError(Exception):
    """An answer of status 400 or above.

    Attributes:
        status: HTTP status.
        text: The message, as the real server words it.
        data: What goes with it, such as the lines of a write that were refused; ``None`` for nothing.
    """

    def __init__(self, status: int, text: str, data: Any = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.data = data

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"error": self.text} | ({} if self.data is None else {"data": self.data})


class NotRouted(ApiError):
    """No operation has this method and path (contract 1.1: wrong methods are 404 too)."""

    def __init__(self) -> None:
        super().__init__(404, "Not found")


class ResourceNotFound(ApiError):
    """A trigger, database or token that is not in the catalog."""

    def __init__(self, name: str) -> None:
        super().__init__(404, f"the requested resource was not found: {name}")


class ResourceExists(ApiError):
    """The name is taken."""

    def __init__(self) -> None:
        super().__init__(409, "attempted to create a resource that already exists")


class DatabaseNotFound(ApiError):
    """An operation inside a database that does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(404, f"Database not found {name}")


class DatabaseDeleted(ApiError):
    """An operation inside a database that is soft-deleted under that very name (contract 1.2 #10)."""

    def __init__(self, name: str) -> None:
        super().__init__(409, f"attempted to modify resource that was already deleted: {name}")


class CatalogUnwritable(ApiError):
    """A change that the disk refuses; nothing has changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(500, f"catalog internal error: {reason}")


class InternalDatabase(ApiError):
    """A change of ``_internal``."""

    def __init__(self) -> None:
        super().__init__(400, "cannot modify internal db")


class TriggerEnabled(ApiError):
    """A trigger that is to be deleted without force is enabled (contract 1.3)."""

    def __init__(self, name: str) -> None:
        super().__init__(400, f"Cannot delete running plugin {name}. Disable it first or use --force.")


class PluginError(ApiError):
    """A plugin that cannot be found or read where a trigger or a dry run names it (contract 4.1)."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"Plugin error: {reason}")


class PluginFileRefused(ApiError):
    """A plugin file that cannot be written (contract 1.7)."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(status, f"Processing engine error: plugin error: {reason}")


class InstallRefused(ApiError):
    """Packages that are not installed (contract 1.8; the published API answers a failed installation with 400)."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"Processing engine error: error installing python packages: {reason}")
