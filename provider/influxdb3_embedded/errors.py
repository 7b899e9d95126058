"""Errors that the engine answers.

The code that finds an error raises it, with status and text. ``app.Application`` renders all errors as
``{"error": TEXT}``, and ``data`` if the error has some. The texts are those of a real server. A client's mistake is
answered with 400, as in the published API, even if a real server answers 500.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ErrorBody(BaseModel):
    """The body of every answer of status 400 or above.

    Attributes:
        error: The message.
        data: Details, such as the refused lines of a write.
        code: InfluxDB 2's name of the status. Only the write operation of InfluxDB 2 answers it.
        message: The message again. Only the write operation of InfluxDB 2 answers it.
    """

    error: str
    data: Any = None
    code: str | None = None
    message: str | None = None


class ApiError(Exception):
    """An answer of status 400 or above.

    Attributes:
        status: HTTP status.
        text: The message, in the words of a real server.
        data: Details, such as the refused lines of a write. None: no details.
    """

    def __init__(self, status: int, text: str, data: Any = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.data = data

    def body(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {"error": self.text} | ({} if self.data is None else {"data": self.data})


class NotRouted(ApiError):
    """No operation has this method and path (contract 1.1: a wrong method is 404, too)."""

    def __init__(self) -> None:
        super().__init__(404, "Not found")


class ResourceNotFound(ApiError):
    """The catalog does not have this trigger, database or token."""

    def __init__(self, name: str) -> None:
        super().__init__(404, f"the requested resource was not found: {name}")


class ResourceExists(ApiError):
    """The name is taken."""

    def __init__(self) -> None:
        super().__init__(409, "attempted to create a resource that already exists")


class DatabaseNotFound(ApiError):
    """The database of an operation does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(404, f"Database not found {name}")


class DatabaseDeleted(ApiError):
    """The database of an operation is soft-deleted under this name (contract 1.2 #10)."""

    def __init__(self, name: str) -> None:
        super().__init__(409, f"attempted to modify resource that was already deleted: {name}")


class CatalogUnwritable(ApiError):
    """The catalog cannot be written. Nothing has changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(500, f"catalog internal error: {reason}")


class InternalDatabase(ApiError):
    """An operation would change ``_internal``."""

    def __init__(self) -> None:
        super().__init__(400, "cannot modify internal db")


class TriggerEnabled(ApiError):
    """A trigger is enabled and cannot be deleted without force (contract 1.3)."""

    def __init__(self, name: str) -> None:
        super().__init__(400, f"Cannot delete running plugin {name}. Disable it first or use --force.")


class PluginError(ApiError):
    """A plugin that a trigger or a dry run names cannot be found or read (contract 4.1)."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"Plugin error: {reason}")


class PluginFileRefused(ApiError):
    """A plugin file cannot be written (contract 1.7)."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(status, f"Processing engine error: plugin error: {reason}")


class InstallRefused(ApiError):
    """Packages cannot be installed (contract 1.8; the published API answers a failed installation with 400)."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"Processing engine error: error installing python packages: {reason}")
