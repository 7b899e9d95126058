"""Errors that the engine answers with.

Any part of the engine raises them; ``http.app`` renders them as ``{"error": TEXT}``, some with ``data``. The texts are
those of the real server. The real server answers some mistakes of clients with 500. The engine answers them with 400,
as the published API says.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class ErrorBody(BaseModel):
    """An error.

    Attributes:
        error: The message.
        data: Details, such as the refused lines of a write.
        code: Only for writes as in InfluxDB 2: the kind of error.
        message: Only for writes as in InfluxDB 2: the message.
    """

    error: str
    data: Any = None
    code: str | None = None
    message: str | None = None


class ApiError(Exception):
    """An error that the engine answers with.

    Attributes:
        status: HTTP status, 400 or above.
        text: The message.
        data: Details, such as the refused lines of a write; None if there are no details.
    """

    def __init__(self, status: int, text: str, data: Any = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.data = data

    def body(self) -> dict[str, Any]:
        """The JSON body."""
        return {"error": self.text} | ({} if self.data is None else {"data": self.data})


class EmptyWrite(ApiError):
    """A write has no lines (contract 8.1)."""

    def __init__(self) -> None:
        super().__init__(400, "incoming write was empty")


class NotRouted(ApiError):
    """No operation has this method and path (contract 1.1)."""

    def __init__(self) -> None:
        super().__init__(404, "Not found")


class ResourceNotFound(ApiError):
    """The trigger, database or token does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(404, f"the requested resource was not found: {name}")


class ResourceExists(ApiError):
    """The name is in use."""

    def __init__(self) -> None:
        super().__init__(409, "attempted to create a resource that already exists")


class DatabaseNotFound(ApiError):
    """The database of the operation does not exist."""

    def __init__(self, name: str) -> None:
        super().__init__(404, f"Database not found {name}")


class DatabaseDeleted(ApiError):
    """The database of the operation is deleted but still has this name (contract 1.2 #10)."""

    def __init__(self, name: str) -> None:
        super().__init__(409, f"attempted to modify resource that was already deleted: {name}")


class CatalogUnwritable(ApiError):
    """The catalog cannot be written; nothing has changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(500, f"catalog internal error: {reason}")


class InternalDatabase(ApiError):
    """The operation would change ``_internal``."""

    def __init__(self) -> None:
        super().__init__(400, "cannot modify internal db")


class TriggerEnabled(ApiError):
    """An enabled trigger cannot be deleted without ``force`` (contract 1.3)."""

    def __init__(self, name: str) -> None:
        super().__init__(400, f"Cannot delete running plugin {name}. Disable it first or use --force.")


class PluginError(ApiError):
    """The plugin of a trigger or a dry run cannot be read (contract 4.1)."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"Plugin error: {reason}")


class PluginFileRefused(ApiError):
    """The plugin file cannot be written (contract 1.7)."""

    def __init__(self, reason: str, *, status: int = 400) -> None:
        super().__init__(status, f"Processing engine error: plugin error: {reason}")


class InstallRefused(ApiError):
    """The packages were not installed (contract 1.8). The status is 400, as in the published API."""

    def __init__(self, reason: str) -> None:
        super().__init__(400, f"Processing engine error: error installing python packages: {reason}")
