"""The engine's side of a worker: a process, or one thread of a process with overlapping runs."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from influxdb3_embedded.runner.logbook import LogLevel
from influxdb3_embedded.runner.processes.worker_connection import WorkerConnection
from influxdb3_embedded.runner.processes.worker_process import GRACE
from influxdb3_embedded.runner.triggers.effects import EffectFailed
from influxdb3_embedded.runner.triggers.queued_writes import QueuedWrites, joined

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence

    from influxdb3_embedded.model import TableBatch
    from influxdb3_embedded.runner.processes.caches import Scopes
    from influxdb3_embedded.runner.processes.turns import Turns
    from influxdb3_embedded.runner.processes.worker_process import WorkerProcess
    from influxdb3_embedded.runner.triggers.effects import Effects
    from influxdb3_embedded.worker.frames import Message

_HAND_OVER_TIMEOUT = 5.0
"""Seconds that a worker has to pickle a trigger's cached values."""

_ROWS_IN_A_FRAME = 250
"""Rows that are converted and sent at a time: below 1 ms for rows of two columns, 50 ms for rows of 500 columns."""

logger = logging.getLogger(__name__)


class WorkerDied(Exception):
    """A worker ended during a run; the text says how."""


class Result(NamedTuple):
    """A worker's last message of a run.

    Attributes:
        message: See `influxdb3_embedded.worker.session`.
        body: The body of a response, in pieces.
        writes: What the run has queued.
    """

    message: Message
    body: list[bytes]
    writes: QueuedWrites


class Worker:
    """A connection to a process that runs plugins, for one run at a time. Made by `connect`.

    Args:
        process: The process.
        scopes: The cached values that are in the engine.
        lane: The thread of the process; None for a process without overlapping runs.
        sending: Held while rows are sent.
        turns: When the event loop has time for output of plugins.

    Attributes:
        process: As above.
        has_state: Whether the process had state at the end of its last run.
        known_version: The version of the plugin's source that the process has.
    """

    def __init__(
        self, process: WorkerProcess, scopes: Scopes, lane: int | None, sending: asyncio.Lock, turns: Turns
    ) -> None:
        self.process = process
        self.has_state = False
        self.known_version: int | None = None
        self._scopes = scopes
        self._lane = lane
        self._sending = sending
        self._connection = WorkerConnection(self._on_message, self._on_lost, turns)
        self._answer: asyncio.Future[tuple[Message, list[bytes]]] | None = None
        self._writes: QueuedWrites | None = None
        self._effects: Effects | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._queries: set[asyncio.Task[None]] = set()

    @classmethod
    async def connect(cls, process: WorkerProcess, scopes: Scopes, sending: asyncio.Lock, turns: Turns) -> Worker:
        """Connect to a process, or to a new thread of it if its runs overlap.

        Args:
            process: The process.
            scopes: The cached values that are in the engine.
            sending: Held while rows are sent; all workers of an engine share it.
            turns: When the event loop has time for output of plugins.

        Raises:
            OSError: The process has ended.
        """
        lane, connection = process.open_lane() if process.overlapping else (None, process.connection)
        worker = cls(process, scopes, lane, sending, turns)
        loop = asyncio.get_running_loop()
        await loop.create_unix_connection(lambda: worker._connection, sock=connection)
        process.ended.add_done_callback(lambda _: loop.call_later(GRACE, worker._connection.close))
        return worker

    @property
    def generation(self) -> int:
        """The state of the plugin environment that the process sees."""
        return self.process.generation

    @property
    def alive(self) -> bool:
        """Whether the worker takes runs."""
        return self._connection.is_open and self.process.usable

    async def run(
        self,
        message: Message,
        attachment: bytes,
        batches: Sequence[TableBatch],
        effects: Effects,
        time_limit: float | None,
    ) -> Result:
        """Run a plugin. Cancellation interrupts the run and ends the worker.

        Args:
            message: The ``run`` frame.
            attachment: The body of a request.
            batches: The rows for a WAL plugin.
            effects: What the run does outside its process.
            time_limit: Seconds that the run may take; None for no limit.

        Raises:
            WorkerDied: The process ended.
            ValueError: The input is too long for a frame.
        """
        self._effects = effects
        writes = self._writes = QueuedWrites(effects.database)
        try:
            async with asyncio.timeout(time_limit):
                await self._send_rows(batches)
                result, body = await self._ask(message, [attachment])
                return Result(result, body, writes)
        except TimeoutError:
            if self._lane is None:
                await self._kill()
            elif not await self._interrupt():
                self.process.leave()
            raise WorkerDied(f"plugin run exceeded its time limit of {time_limit:g} s") from None
        except asyncio.CancelledError:
            if not await self._interrupt() or self._lane is None:
                await self._kill()
            raise
        finally:
            for query in self._queries:  # the plugin does not wait for them any more
                query.cancel()

    async def hand_over(self) -> list[bytes]:
        """Return the worker's cached values for `take_over`, as far as they can be pickled; empty without values."""
        try:
            async with asyncio.timeout(_HAND_OVER_TIMEOUT):
                _, values = await self._ask({"op": "hand_over"})
        except (TimeoutError, WorkerDied):
            return []
        return values

    async def take_over(self, values: list[bytes]) -> None:
        """Give the process cached values of another one; later runs find them."""
        if values:
            with suppress(WorkerDied):  # the run reports it
                await self._ask({"op": "take_over"}, values)

    def discard(self) -> None:
        """End the idle process, or only its thread if runs overlap."""
        if self._lane is None:
            self.process.kill()
        self._connection.close()

    async def _send_rows(self, batches: Sequence[TableBatch]) -> None:
        """Send the rows of a run in small frames.

        The event loop serves requests between two frames. Workers take turns, so that many of them add no delay.
        """
        for batch in batches:
            for start in range(0, len(batch.rows), _ROWS_IN_A_FRAME):
                if not self._connection.is_open:
                    return
                async with self._sending:
                    rows = batch.rows[start : start + _ROWS_IN_A_FRAME]
                    self._connection.send({"op": "rows", "table_name": batch.table_name, "rows": rows})
                    await asyncio.sleep(0)
                await self._connection.drain()

    async def _ask(self, message: Message, attachment: Sequence[bytes] = ()) -> tuple[Message, list[bytes]]:
        self._answer = asyncio.get_running_loop().create_future()
        if not self.process.alive or not self._connection.is_open:
            self._on_lost()
        answer = self._answer
        await self._connection.send_long(message, attachment)
        return await answer

    async def _interrupt(self) -> bool:
        """Interrupt the run; return whether it has ended in time. The worker is not used again."""
        self.process.interrupt(self._lane)
        # The first future is cancelled; the second also learns of the end of the process.
        answer = self._answer = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError, WorkerDied):
            await asyncio.wait_for(answer, GRACE)
        # A late interrupt could hit the next run: this connection has no next run.
        self._connection.close()
        return not answer.cancelled()

    async def _kill(self) -> None:
        await self.process.end()
        self._connection.close()

    def _on_message(self, message: Message, attachment: list[bytes]) -> None:
        operation = message["op"]
        if operation in ("result", "handed_over", "taken_over"):
            if self._answer is not None and not self._answer.done():
                self._answer.set_result((message, attachment))
        elif operation == "log":
            if self._effects is not None:
                self._effects.log(LogLevel(message["level"]), message["text"], message["time_ns"])
        elif operation.startswith("cache_"):
            self._use_cache(message, attachment)
        elif operation == "query":
            self._spawn(self._query(message["database"], message["sql"], message["args"]), self._queries)
        elif operation == "write":
            self._spawn(self._write(message["database"], attachment, durable=message["durable"]), self._tasks)
        elif operation == "writes" and self._writes is not None:
            self._writes.add(message["database"], message["lengths"], attachment)

    def _use_cache(self, message: Message, attachment: list[bytes]) -> None:
        namespace = self._scopes.shared if message["scope"] == "global" else self._scopes.trigger
        answer, value = namespace.answer(message, attachment, self.process)
        if len(value) > 1:
            self._spawn(self._connection.send_long(answer, value), self._tasks)
        else:
            self._connection.send(answer, *value)

    async def _query(self, database: str | None, sql: str, args: dict[str, str] | None) -> None:
        assert self._effects is not None
        await self._reply(self._effects.query(database, sql, args))

    async def _write(self, database: str | None, lines: list[bytes], *, durable: bool) -> None:
        assert self._effects is not None
        await self._reply(self._effects.write(database, await joined(lines), durable=durable))

    async def _reply(self, effect: Coroutine[Any, Any, bytes | None]) -> None:
        try:
            await self._connection.send_long({}, [await effect or b""])
        except EffectFailed as error:
            self._connection.send({"error": str(error)})
        except Exception as error:
            # The plugin waits for an answer: a bug in the engine must not hang it.
            logger.exception("a query or write of %s failed", self.process.label)
            self._connection.send({"error": f"error: {error}"})

    def _spawn(self, coroutine: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def _on_lost(self) -> None:
        # The process ends now too, unless its plugin has closed the socket.
        asyncio.get_running_loop().call_later(GRACE, self._give_up)
        self.process.ended.add_done_callback(self._report_end)

    def _give_up(self) -> None:
        if self._lane is None:
            self.process.kill()
        elif self._answer is not None and not self._answer.done():
            self.process.leave()
            self._answer.set_exception(WorkerDied("plugin process closed its connection"))

    def _report_end(self, ended: asyncio.Future[int]) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerDied(_describe_end(ended.result())))


def _describe_end(wait_status: int) -> str:
    if os.WIFSTOPPED(wait_status):
        return f"plugin process was stopped by signal {signal.Signals(os.WSTOPSIG(wait_status)).name} and ended"
    code = os.waitstatus_to_exitcode(wait_status)
    if code >= 0:
        return f"plugin process exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)  # a real-time signal
    return f"plugin process was killed by signal {name}"
