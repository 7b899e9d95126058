"""A runner with real worker processes for synchronous tests."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import uvloop

from influxdb3_embedded.model import Flush, TableBatch, Trigger, TriggerKey
from influxdb3_embedded.runner import (
    LogBook,
    PluginDirectory,
    PluginEnvironment,
    PluginQueryError,
    PluginResponse,
    PluginWriteError,
    Runner,
)
from influxdb3_engine_api import specification
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from concurrent.futures import Future

T = TypeVar("T")
PATIENCE = 15.0


class Backend:
    """A backend that answers queries from a dictionary and records writes."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.queries: list[tuple[str, str, Mapping[str, str] | None]] = []
        self.writes: list[tuple[str, str, bool]] = []
        self.refused: dict[str, str] = {}
        self.disabled: list[TriggerKey] = []

    async def query(self, database: str, sql: str, args: Mapping[str, str] | None) -> list[dict[str, Any]]:
        self.queries.append((database, sql, args))
        answer = self.answers.get(sql, [])
        if isinstance(answer, str):
            raise PluginQueryError(answer)
        return list(answer)

    async def write(self, database: str, lines: bytes, *, durable: bool) -> None:
        if database in self.refused:
            raise PluginWriteError(self.refused[database])
        self.writes.append((database, lines.decode(), durable))

    async def disabled_by_error(self, key: TriggerKey) -> None:
        self.disabled.append(key)


class Log:
    """A write-ahead log in memory."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.flushes: list[Flush] = []
        self.kept_after: int | None = None
        self.stored: dict[TriggerKey, int | None] = {}
        self._loop = loop

    @property
    def last(self) -> int:
        return self.flushes[-1].sequence if self.flushes else 0

    def read(self, database: str, *, after: int, through: int, table: str | None) -> Iterator[Flush]:
        for flush in self.flushes:
            if flush.database == database and after < flush.sequence <= through:
                yield replace(flush, batches=[batch for batch in flush.batches if table in (None, batch.table_name)])

    def keep_after(self, sequence: int | None) -> None:
        self.kept_after = sequence

    def positions(self) -> dict[TriggerKey, int]:
        return {key: position for key, position in self.stored.items() if position is not None}

    def store_positions(self, positions: Mapping[TriggerKey, int | None]) -> asyncio.Future[None]:
        self.stored.update(positions)
        done = self._loop.create_future()
        done.set_result(None)
        return done


class Bench:
    """A `Runner` on an event loop in a thread."""

    def __init__(
        self,
        root: Path,
        environment: Path,
        *,
        time_limit: float | None = None,
        passed_on: tuple[str, ...] = (),
        new_event_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop,
    ) -> None:
        self.plugins = root
        self.backend = Backend()
        self.logs = LogBook()
        self._loop = new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._sequence = itertools.count(1)
        self.log = Log(self._loop)
        self.directory = PluginDirectory(root)
        self.environment = PluginEnvironment(environment, plugin_directory=root, passed_on=passed_on)
        self.runner = Runner(
            environment=self.environment,
            directory=self.directory,
            backend=self.backend,
            logs=self.logs,
            write_log=self.log,
            time_limit=time_limit,
        )
        self.do(self.runner.start())

    def close(self) -> None:
        self.do(self.runner.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def begin(self, coroutine: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def do(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.begin(coroutine).result(PATIENCE)

    def plugin(self, name: str, source: str) -> str:
        path = self.plugins / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        return name

    def trigger(
        self,
        name: str,
        filename: str,
        spec: str,
        *,
        database: str = "d",
        run_async: bool = False,
        error_behavior: str = "log",
        arguments: Mapping[str, str] | None = None,
    ) -> TriggerKey:
        trigger = Trigger(
            database,
            name,
            filename,
            specification.parse(spec),
            run_async,
            ErrorBehavior(error_behavior),
            arguments,
            disabled=False,
        )
        self.do(self.runner.start_trigger(trigger))
        return trigger.key

    def request_plugin(self, body: str, *, name: str = "r", before: str = "", **settings: Any) -> TriggerKey:
        """Start a request trigger on path ``name`` whose function has this body."""
        lines = "\n    ".join(body.splitlines())
        source = f"{before}\ndef process_request(influxdb3_local, q, h, b, args=None):\n    {lines}\n"
        return self.trigger(name, self.plugin(f"{name}.py", source), f"request:{name}", **settings)

    def begin_call(self, path: str = "r", body: bytes = b"", **query: str) -> Future[PluginResponse | None]:
        return self.begin(self.runner.call_request(path, query, {"x-a": "1"}, body))

    def call(self, path: str = "r", body: bytes = b"", **query: str) -> PluginResponse:
        response = self.begin_call(path, body, **query).result(PATIENCE)
        assert response is not None
        return response

    def flush(self, *batches: TableBatch, database: str = "d") -> None:
        flush = Flush(database, next(self._sequence), batches)
        self._loop.call_soon_threadsafe(self._commit, flush)

    def _commit(self, flush: Flush) -> None:
        self.log.flushes.append(flush)
        self.runner.deliver(flush)

    def rows(self, trigger: str = "r") -> list[tuple[str, str]]:
        return [(row.level.value, row.text) for row in self.logs.rows() if row.trigger_name == trigger]

    def texts(self, trigger: str = "r", level: str = "INFO") -> list[str]:
        """Texts that the plugin has logged."""
        engine = ("starting execution", "finished execution")
        return [text for at, text in self.rows(trigger) if at == level and not text.startswith(engine)]


def is_running(pid: int) -> bool:
    try:
        # A zombie has ended too: its new parent may never reap it.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.01)
