"""What the runner needs from the engine: queries and writes for plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_embedded.model import TriggerKey


class PluginQueryError(Exception):
    """A plugin's query failed.

    Args:
        text: The cause, such as ``database not found: d`` or ``error while planning query: Error during planning:
            table 'public.iox.t' not found``. The runner adds the query (contract 5.2).
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class PluginWriteError(Exception):
    """A plugin's write failed and stored nothing.

    Args:
        text: The cause, such as ``line protocol parse failed: No fields were provided``. The runner adds the database
            (contract 5.3).
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text


class PluginBackend(Protocol):
    """The part of the engine that plugins reach through ``influxdb3_local``.

    The runner passes only database names that are valid by contract 5.3. The backend checks that the database exists.
    """

    async def query(self, database: str, sql: str, args: Mapping[str, str] | None) -> list[dict[str, Any]] | bytes:
        """Run a query and return its rows (contract 5.2).

        Args:
            database: The database to query.
            sql: The query, with ``$name`` placeholders.
            args: Values of the placeholders.

        Returns:
            Rows in result order with all columns, or their JSON. Values are ``str``, ``int``, ``float``, ``bool`` or
            ``None``; times are nanoseconds since the epoch.

        Raises:
            PluginQueryError: The query failed.
        """
        ...

    async def write(self, database: str, lines: bytes, *, durable: bool) -> None:
        """Write line protocol with nanosecond precision, all of it or nothing (contract 5.3).

        Args:
            database: The database to write to; created if missing.
            lines: One or more lines in UTF-8.
            durable: Whether to wait until the lines are on disk.

        Raises:
            PluginWriteError: Nothing was written.
        """
        ...

    async def disabled_by_error(self, key: TriggerKey) -> None:
        """Record that the runner stopped a trigger with error behaviour ``disable`` after a failure (contract 3.2)."""
        ...
