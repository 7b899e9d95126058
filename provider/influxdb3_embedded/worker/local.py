"""``influxdb3_local``: logs, queries and writes of plugins (contract 5.1 to 5.3)."""

from __future__ import annotations

import json
from time import time_ns  # imported by name: a plugin may replace `time.time_ns`
from typing import TYPE_CHECKING, Any, NamedTuple

from .arguments import mismatch, require, require_optional
from .failures import shortened
from .frames import MAX_LENGTH, MAX_PART_LENGTH, TooLong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cache import Cache, ResidentStore
    from .server_channel import ServerChannel


_WRITES_IN_A_FRAME = 250


class QueryError(Exception):
    """A query failed. Plugins cannot import this class; they catch ``Exception``."""

    __module__ = "influxdb3_py_api"


class Influxdb3Local:
    """The first argument of every plugin function; each run has its own.

    Args:
        channel: The connection to the engine.
        cache: The cache.
        resident: The part of the cache that is in this process, or None.
    """

    __slots__ = ("_cache", "_channel", "_queued", "_resident")

    def __init__(self, channel: ServerChannel, cache: Cache, resident: ResidentStore | None) -> None:
        self._channel = channel
        self._cache = cache
        self._resident = resident
        self._queued: list[tuple[str | None, str]] = []

    @property
    def cache(self) -> Cache:
        """Values that are kept between runs."""
        if self._resident is not None:
            self._resident.sweep()
        return self._cache

    def info(self, *arguments: Any) -> None:
        """Log at level INFO: the texts of the arguments, separated by blanks."""
        self._log("INFO", arguments)

    def warn(self, *arguments: Any) -> None:
        """Log at level WARN: the texts of the arguments, separated by blanks."""
        self._log("WARN", arguments)

    def error(self, *arguments: Any) -> None:
        """Log at level ERROR: the texts of the arguments, separated by blanks."""
        self._log("ERROR", arguments)

    def query(
        self, query: str, args: dict[str, str] | None = None, database: str | None = None
    ) -> list[dict[str, Any]]:
        """Run SQL.

        Args:
            query: The query, with ``$name`` placeholders.
            args: Texts of the placeholders.
            database: Another database than the trigger's.

        Returns:
            The rows with all columns in the query's order.

        Raises:
            QueryError: The query failed.
            TypeError: An argument is of the wrong type.
            TooLong: The query and its placeholders are longer than 1 MiB.
        """
        sql = _text("query", query)
        for name, value in (require_optional("args", args, dict) or {}).items():
            for part in (name, value):
                if not isinstance(part, str):
                    raise TypeError(f"argument 'args': {mismatch(part, str)}")
        target = None if database is None else _database("database", database)
        answer, text = self._channel.ask({"op": "query", "database": target, "sql": sql, "args": args})
        if "error" in answer:
            raise QueryError(answer["error"])
        rows: list[dict[str, Any]] = json.loads(text)
        return rows

    def write(self, line_builder: Any) -> None:
        """Queue lines for the trigger's database; they are written if the run succeeds.

        Args:
            line_builder: An object whose ``build()`` returns line protocol.

        Raises:
            TypeError: ``build()`` returned no ``str``.
        """
        self._queued.append((None, _build(line_builder)))

    def write_to_db(self, db_name: str, line_builder: Any) -> None:
        """Queue lines for another database; they are written if the run succeeds.

        Raises:
            TypeError: An argument is of the wrong type.
        """
        self._queued.append((_database("db_name", db_name), _build(line_builder)))

    def write_sync(self, line_builder: Any, no_sync: bool) -> None:
        """Write lines to the trigger's database now; they stay written if the run fails.

        Args:
            line_builder: An object whose ``build()`` returns line protocol.
            no_sync: Whether to return before the lines are on disk.

        Raises:
            TypeError: An argument is of the wrong type.
            Exception: The lines could not be written.
        """
        self._write_now(None, line_builder, no_sync)

    def write_sync_to_db(self, db_name: str, line_builder: Any, no_sync: bool) -> None:
        """Write lines to another database now; they stay written if the run fails.

        Raises:
            TypeError: An argument is of the wrong type.
            Exception: The lines could not be written.
        """
        self._write_now(_database("db_name", db_name), line_builder, no_sync)

    def _log(self, level: str, arguments: tuple[Any, ...]) -> None:
        text = shortened(" ".join(map(str, arguments)))
        self._channel.tell({"op": "log", "level": level, "text": text, "time_ns": time_ns()})

    def _write_now(self, database: str | None, line_builder: Any, no_sync: bool) -> None:
        durable = not require("no_sync", no_sync, bool)
        lines = _build(line_builder)
        answer, _ = self._channel.ask({"op": "write", "database": database, "durable": durable}, lines.encode())
        if "error" in answer:
            raise Exception(answer["error"])  # the real server raises this class (contract 5.3)


class QueuedWrites(NamedTuple):
    """Consecutive writes of a run to one database.

    Attributes:
        database: The database; None for the trigger's.
        texts: The lines of each write.
    """

    database: str | None
    texts: list[bytes]


def queued_writes(local: Influxdb3Local) -> Iterator[QueuedWrites]:
    """Return a run's queued writes in groups of bounded size; a group of one write may be longer.

    Raises:
        TooLong: The run has queued too many lines.
    """
    queued = local._queued  # no method: plugins see only the methods of the real server
    if sum(len(lines) for _, lines in queued) > MAX_LENGTH:
        raise TooLong
    return _grouped(queued)


def _grouped(queued: list[tuple[str | None, str]]) -> Iterator[QueuedWrites]:
    texts: list[bytes] = []
    current, length = None, 0
    for database, lines in queued:
        text = lines.encode()
        is_full = len(texts) == _WRITES_IN_A_FRAME or length + len(text) > MAX_PART_LENGTH
        if texts and (is_full or database != current):
            yield QueuedWrites(current, texts)
            texts, length = [], 0
        current = database
        texts.append(text)
        length += len(text)
    if texts:
        yield QueuedWrites(current, texts)


def _build(line_builder: Any) -> str:
    lines = line_builder.build()
    if not isinstance(lines, str):
        raise TypeError(mismatch(lines, str))
    lines.encode("utf-8")  # raises for a lone surrogate, in the plugin's own call
    return lines


def _database(name: str, value: Any) -> str:
    text = _text(name, value)
    if len(text) > MAX_PART_LENGTH:
        raise TooLong
    return text


def _text(name: str, value: Any) -> str:
    text = require(name, value, str)
    text.encode("utf-8")
    return text
