"""Runs SQL against one database (contract 7.1), each query in its own process.

The engine ends a query by ending its process: when the client disconnects, the time limit passes, or the engine stops.
"""

from __future__ import annotations

import asyncio
import logging
import mmap
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from influxdb3_embedded.sql.errors import QueryFailed, interrupted, process_ended, took_too_long
from influxdb3_embedded.sql.processes.channel import ARROW
from influxdb3_embedded.sql.processes.fairness import Schedule
from influxdb3_embedded.sql.processes.pool import Processes, ProcessUnavailable
from influxdb3_embedded.sql.processes.query import RunningQuery
from influxdb3_embedded.sql.processes.running_process import ProcessEnded
from influxdb3_embedded.sql.processes.table_server import Tables
from influxdb3_embedded.sql.rows import UnsupportedTypeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from influxdb3_embedded.sql.processes.channel import Message
    from influxdb3_embedded.sql.processes.running_process import SqlProcess
    from influxdb3_embedded.sql.processes.table_server import DatabaseRef, SystemTables
    from influxdb3_embedded.storage import Storage

    Parameters = Mapping[str, bool | int | float | str | None]

_MOST_THREADS = 4096
_TIME_LIMIT = 60.0

_log = logging.getLogger(__name__)


class SqlEngine:
    """Runs queries. Each query has its own process, and a thread of the engine that waits for the process.

    Args:
        storage: Holds the tables.
        system_tables: Returns the tables of schema ``system`` for the name of a database. A table is made when a query
            names it.
        memory_limit: Bytes that all queries together may take. Of N queries that run at once, each may take an Nth.
        time_limit: Seconds that one query may take. The time that it waits for a place counts.
    """

    def __init__(
        self, storage: Storage, system_tables: SystemTables, memory_limit: int, time_limit: float = _TIME_LIMIT
    ) -> None:
        self._memory_limit = memory_limit
        self._time_limit = time_limit
        self._tables = Tables(storage, system_tables)
        self._processes = Processes()
        self._schedule = Schedule()
        self._queries: set[RunningQuery] = set()
        self._closed = False
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="sql")

    def prepare(self) -> None:
        """Start a process for the next query in the background, unless an idle process exists."""
        with suppress(RuntimeError):  # the engine was closed in the meantime
            self._threads.submit(self._prepare)

    async def answer(self, database: DatabaseRef, sql: str, params: Parameters | None, output: str) -> bytes:
        """Run one query and write its result. Cancelling the call ends the query.

        Args:
            database: The database to query.
            sql: One statement that only reads.
            params: Values for ``$name`` placeholders.
            output: A `Format`, `ROWS` or `SCHEMA`.

        Raises:
            QueryFailed: The query fails, its result cannot be written, or it exceeds a limit of memory or time.
            UnsupportedTypeError: A column has a type that `ROWS` cannot express.
        """
        answer = await self._answered(database, sql, params, output)
        assert isinstance(answer, bytes)
        return answer

    async def arrow_stream(self, database: DatabaseRef, sql: str, params: Parameters | None) -> mmap.mmap:
        """Run one query as `answer` does. Returns its result as an Arrow stream.

        The memory of the result is free when nothing refers to the returned object.
        """
        answer = await self._answered(database, sql, params, ARROW)
        assert isinstance(answer, mmap.mmap)
        return answer

    async def _answered(
        self, database: DatabaseRef, sql: str, params: Parameters | None, output: str
    ) -> bytes | mmap.mmap:
        query = RunningQuery(self._time_limit)
        request = {"sql": sql, "params": params and dict(params), "output": output}
        try:
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._answer, query, database, request
            )
        except asyncio.CancelledError:
            query.end(interrupted())
            raise

    def close(self) -> None:
        """End all queries."""
        with self._lock:
            self._closed = True
            queries = list(self._queries)
        for query in queries:
            query.end(interrupted())
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._processes.close()
        self._tables.close()

    def _prepare(self) -> None:
        try:
            self._processes.keep_one()
        except ProcessUnavailable as error:
            _log.error("queries cannot run: %s", error)

    def _answer(self, query: RunningQuery, database: DatabaseRef, request: dict[str, Any]) -> bytes | mmap.mmap:
        with self._lock:
            if self._closed:
                raise interrupted()
            self._queries.add(query)
        try:
            while (message := self._run(query, database, request)) is None:
                pass
            return _result(message)
        except TimeoutError:
            raise took_too_long(self._time_limit) from None
        except ProcessUnavailable as error:
            raise QueryFailed(500, f"Execution error: no process for the query could be started: {error}") from None
        finally:
            with self._lock:
                self._queries.discard(query)

    def _run(self, query: RunningQuery, database: DatabaseRef, request: dict[str, Any]) -> Message | None:
        """Run a query once. Returns None if the query has to run again."""
        with self._schedule.place(query) as running, self._process(query) as process:
            memory = self._memory_limit // running
            heard = False
            try:
                process.send({**request, "memory": memory})
                while (message := process.wait(query.left())).content["op"] in ("names", "rows", "tick"):
                    heard = True
                    if message.content["op"] == "tick":
                        self._schedule.note_tick(query)
                        process.be_nice(query.niceness)
                    else:
                        self._tables.answer(message, database, process)
            except ProcessEnded as end:
                query.check()
                if query.displaced:
                    return None
                if not heard and end.was_killed and not query.repeated:
                    query.repeated = True  # the process may have been killed before the query reached it
                    return None
                failure = process_ended(end.stderr, end.status, memory)
                _log.warning("%s (%s)", failure.text, end.stderr.strip().partition("\n")[0])
                raise failure from None
            process.usable = not process.niceness and message.content["again"]
            return message

    @contextmanager
    def _process(self, query: RunningQuery) -> Iterator[SqlProcess]:
        process = self._processes.start() if query.repeated else self._processes.take()
        if not self._processes.idle:
            self.prepare()
        process.usable = False
        try:
            query.run_in(process)
            process.be_nice(query.niceness)
            yield process
        finally:
            query.run_in(None)
            if process.usable and not process.killed:
                self._processes.give_back(process)
            else:
                process.end()
                self.prepare()


def _result(message: Message) -> bytes | mmap.mmap:
    content = message.content
    match content["op"]:
        case "failure":
            raise QueryFailed(content["status"], content["text"])
        case "unsupported":
            raise UnsupportedTypeError(content["text"])
    if message.descriptor is None:
        return message.attachment
    try:
        return mmap.mmap(message.descriptor, 0, prot=mmap.PROT_READ)
    finally:
        os.close(message.descriptor)
