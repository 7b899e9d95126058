"""Results of plugin runs."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PluginResponse:
    """HTTP response of a request plugin (contract 4.5).

    Attributes:
        status: HTTP status, 100 to 999.
        headers: Lower-case names and values; a name may occur twice.
        body: The encoded body.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class PluginFailed(Exception):
    """A request plugin failed; the engine answers 500 with ``{"error": text}`` (contract 1.5).

    Args:
        text: The error in the real server's words.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


@dataclass(frozen=True, slots=True)
class DryRun:
    """Result of a dry run (contract 6).

    Attributes:
        log_lines: Log rows of the plugin and the engine as ``LEVEL: text``; empty after an error.
        database_writes: Database to the texts of its write calls, synchronous writes first. The texts are neither
            stored nor checked.
        error: ``error executing plugin: ...``; None if the run succeeded.
    """

    log_lines: list[str] = field(default_factory=list)
    database_writes: dict[str, list[str]] = field(default_factory=dict)
    error: str | None = None
