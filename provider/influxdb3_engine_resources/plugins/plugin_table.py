"""Which files the triggers of one server run, by ``system.plugin_files`` (contract 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_engine_resources.server.retry import with_retries
from influxdb3_engine_resources.server.shared import REFRESH_SECONDS, SharedAnswers

if TYPE_CHECKING:
    from collections.abc import Collection

    from influxdb3_engine_api import EngineClient
    from influxdb3_engine_api.wire import PluginFileRow
    from influxdb3_engine_resources.server.probe import Probe


class PluginTable:
    """The files of the triggers of all databases; other files are not listed. Safe to share between threads.

    Args:
        client: The client of that server.
        probe: The probe of that server; finds its plugin directory.

    Every method raises ``EngineApiError`` if the server could not be asked.
    """

    def __init__(self, client: EngineClient, probe: Probe) -> None:
        self._client, self._probe = client, probe
        self._answers = SharedAnswers(REFRESH_SECONDS)

    def row(self, path: str) -> PluginFileRow | None:
        """The table's row of a file, or None if no trigger runs it: two requests for all files of a deployment."""
        rows = self._answers.get("files", self._read)
        similar = (row for row in rows if row.file_path.endswith(f"/{path}"))
        return next((row for row in similar if self._is_at(row, path)), None)

    def runs(self, trigger_name: str, path: str) -> bool:
        """Whether all triggers of a name, in all databases, run what lies at a path.

        A PUT goes to the first of these triggers, and destroys a file if it expects a directory (contract 1.7).

        Args:
            trigger_name: The name.
            path: A file below the plugin directory, or a directory with ``/`` at its end.
        """
        rows = [row for row in self._read() if row.plugin_name == trigger_name]
        similar = all(f"/{path}" in f"{row.file_path}" for row in rows)
        return bool(rows) and similar and all(self._is_at(row, path) for row in rows)

    def users(self, paths: Collection[str]) -> dict[str, list[str]]:
        """Path to the names of the triggers that run it; without paths that no trigger runs.

        When unsure, treats a file as in use, so that it is kept: ``a.py`` if a trigger runs ``sub/a.py``.
        """
        rows = self._read()
        users = {
            path: sorted({row.plugin_name for row in rows if f"/{path}/" in f"{row.file_path}/"}) for path in paths
        }
        return {path: names for path, names in users.items() if names}

    def _read(self) -> list[PluginFileRow]:
        return with_retries(self._client.plugin_files)

    def _is_at(self, row: PluginFileRow, path: str) -> bool:
        below = f"{self._probe.directory_from_error()}/{path}"
        return row.file_path.startswith(below) if path.endswith("/") else row.file_path == below
