"""What calls of plugins come back with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PluginResponse:
    """What a request plugin answered, ready to be sent (contract 4.5).

    Attributes:
        status: HTTP status, 100 to 999.
        headers: Lower-case names and values; a name may occur twice.
        body: The body as it goes out.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class PluginFailed(Exception):
    """A request plugin failed: status 500 with ``{"error": text}`` (contract 1.5).

    Args:
        text: The error as the server words it.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class DryRun:
    """What a dry run did (contract 6).

    Attributes:
        log_lines: ``LEVEL: text``, the engine's own rows included; empty after an error.
        database_writes: Database to what was written to it, one item a write call, synchronous writes first; nothing
            of it was stored. Whether it could be stored is for the caller to check.
        error: ``error executing plugin: ...``, or ``None``.
    """

    log_lines: list[str] = field(default_factory=list)
    database_writes: dict[str, list[str]] = field(default_factory=dict)
    error: str | None = None
