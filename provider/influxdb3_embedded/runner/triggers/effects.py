"""Log rows, queries and writes of a run: real for triggers, recorded for dry runs."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Protocol

from influxdb3_embedded.runner.plugin_backend import PluginQueryError, PluginWriteError
from influxdb3_embedded.runner.safe_texts import printable
from influxdb3_embedded.runner.triggers.queued_writes import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_embedded.runner.logbook import LogBook, LogLevel
    from influxdb3_embedded.runner.plugin_backend import PluginBackend
    from influxdb3_embedded.runner.triggers.queued_writes import QueuedWrites

_MAX_NAME_BYTES = 511


class EffectFailed(Exception):
    """A query or write failed; the text is that of the plugin's exception."""


class Effects(Protocol):
    """What a run does outside its process.

    Attributes:
        database: The database of queries and writes that name none.
    """

    database: str

    def log(self, level: LogLevel, text: str, time_ns: int | None = None) -> None:
        """Add a log row."""
        ...

    async def query(self, database: str | None, sql: str, args: Mapping[str, str] | None) -> bytes:
        """Run a query and return its rows as JSON.

        Raises:
            EffectFailed: It failed.
        """
        ...

    async def write(self, database: str | None, lines: bytes, *, durable: bool) -> None:
        """Write lines now.

        Raises:
            EffectFailed: Nothing was written.
        """
        ...

    async def flush(self, writes: QueuedWrites) -> list[str]:
        """Write the queued lines of a successful run, and return log texts about failed writes (contract 5.3)."""
        ...


class LiveEffects:
    """The effects of a trigger's run.

    Args:
        backend: Runs queries and writes.
        logs: The log table.
        trigger_name: The trigger's name.
        database: The trigger's database.
        kind: ``wal``, ``schedule`` or ``request``; errors quote it.
    """

    def __init__(self, backend: PluginBackend, logs: LogBook, trigger_name: str, database: str, kind: str) -> None:
        self._backend = backend
        self._logs = logs
        self._trigger_name = trigger_name
        self.database = database
        self._kind = kind

    def log(self, level: LogLevel, text: str, time_ns: int | None = None) -> None:
        """Add a row to the log table."""
        self._logs.append(self._trigger_name, level, text, time_ns)

    async def query(self, database: str | None, sql: str, args: Mapping[str, str] | None) -> bytes:
        """Run a query and return its rows as JSON.

        Raises:
            EffectFailed: It failed.
        """
        return await _query(self._backend, self.database if database is None else database, sql, args)

    async def write(self, database: str | None, lines: bytes, *, durable: bool) -> None:
        """Write lines now.

        Raises:
            EffectFailed: Nothing was written.
        """
        target = self.database if database is None else database
        if (flaw := _name_flaw(target)) is not None:
            raise EffectFailed(f"error writing line protocol to {target}: invalid database name: {flaw}")
        try:
            await self._backend.write(target, lines, durable=durable)
        except PluginWriteError as error:
            raise EffectFailed(f"error writing line protocol to {target}: Cannot write: {error.text}") from error

    async def flush(self, writes: QueuedWrites) -> list[str]:
        """Write the queued lines, one write a database."""
        failures = []
        async for database, lines in writes.take():
            if _name_flaw(database) is not None:
                failures.append(f"invalid database name: {database}")
                continue
            try:
                await self._backend.write(database, lines, durable=True)
            except PluginWriteError as error:
                failures.append(f"error writing back lines to {database}: Cannot write: {error.text}")
        return [f"error running {self._kind} plugin: {failure}" for failure in failures]


class RecordedEffects:
    """The effects of a dry run: queries are real, log rows and writes are recorded (contract 6).

    Args:
        backend: Runs queries.
        database: The database of the dry run.
    """

    def __init__(self, backend: PluginBackend, database: str) -> None:
        self.log_lines: list[str] = []
        self.writes: dict[str, list[str]] = {}
        self._backend = backend
        self.database = database

    def log(self, level: LogLevel, text: str, time_ns: int | None = None) -> None:  # noqa: ARG002 - not in the answer
        """Record a row."""
        self.log_lines.append(f"{level}: {printable(text)}")

    async def query(self, database: str | None, sql: str, args: Mapping[str, str] | None) -> bytes:
        """Run a query and return its rows as JSON.

        Raises:
            EffectFailed: It failed.
        """
        return await _query(self._backend, self.database if database is None else database, sql, args)

    async def write(self, database: str | None, lines: bytes, *, durable: bool) -> None:  # noqa: ARG002 - never written
        """Record lines; never fails."""
        text = await asyncio.to_thread(decoded, lines)
        self.writes.setdefault(self.database if database is None else database, []).append(text)

    async def flush(self, writes: QueuedWrites) -> list[str]:
        """Record the queued lines after those of synchronous writes."""
        await asyncio.to_thread(self._record, writes)
        return []

    def _record(self, writes: QueuedWrites) -> None:
        for database, texts in writes.take_texts():
            self.writes.setdefault(database, []).extend(texts)


async def _query(backend: PluginBackend, database: str, sql: str, args: Mapping[str, str] | None) -> bytes:
    if (flaw := _name_flaw(database)) is not None:
        raise EffectFailed(f"invalid database name provided: {flaw}")
    try:
        rows = await backend.query(database, sql, args)
    except PluginQueryError as error:
        raise EffectFailed(f"error: {error.text} executing query on {database}: {sql}") from error
    return rows if isinstance(rows, bytes) else json.dumps(rows).encode("ascii")


def _name_flaw(name: str) -> str | None:
    """Return why a database name is invalid, or None. It may have letters and digits of any script and ``/_-``."""
    if not name:
        return "database name cannot be empty"
    if len(name) > _MAX_NAME_BYTES:
        return f"database name '{name}' is longer than {_MAX_NAME_BYTES} bytes"
    for position, character in enumerate(name):
        if not (character.isalnum() or character in "/_-"):
            return f"database name '{name}' contains invalid character, character number {position} is not allowed"
    if len(name.encode("utf-8")) > _MAX_NAME_BYTES:
        return f"database name '{name}' is longer than {_MAX_NAME_BYTES} bytes"
    return None
