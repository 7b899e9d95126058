"""A worker process, as the server sees it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from influxdb3_embedded.runner.connection import Connection
from influxdb3_embedded.runner.effects import EffectFailed
from influxdb3_embedded.runner.logbook import LogLevel
from influxdb3_embedded.runner.output import PrintedLines

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from influxdb3_embedded.runner.caches import Scopes
    from influxdb3_embedded.runner.effects import Effects
    from influxdb3_embedded.runner.zygote import Zygote
    from influxdb3_embedded.worker.frames import Message

_GRACE = 0.5
"""Seconds that an interrupted plugin has before it is killed."""

_HAND_OVER_TIMEOUT = 5.0
"""Seconds that pickling a trigger's cache may take."""

CacheEntry = tuple[str, float | None, bytes]
"""A cached value on its way to another process: key, seconds left, pickle."""

logger = logging.getLogger(__name__)


class WorkerDied(Exception):
    """A worker ended in the middle of a run; the text says how."""


class Result(NamedTuple):
    """What a worker says at the end of a run; see `influxdb3_embedded.worker.session`."""

    message: Message
    body: bytes


class Worker:
    """A worker process. Made by `fork`.

    Args:
        generation: The state of the plugin environment that it sees.
        label: What lines that plugins print are logged under.
        scopes: The cached values that lie in the server.
        pid: Its process id.
        ended: The wait status it ends with.

    Attributes:
        generation: As above.
        has_state: Whether something would be lost with it, as of its last run.
        known_version: The version of the source that it has.
    """

    def __init__(self, generation: int, label: str, scopes: Scopes, pid: int, ended: asyncio.Future[int]) -> None:
        self.generation = generation
        self.has_state = False
        self.known_version: int | None = None
        self._label = label
        self._scopes = scopes
        self._pid = pid
        self._ended = ended
        self._connection = Connection(self._on_frame, self._on_lost)
        self._answer: asyncio.Future[Result] | None = None
        self._effects: Effects | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def fork(cls, zygote: Zygote, label: str, scopes: Scopes, *, resident_cache: bool) -> Worker:
        """Have a worker forked.

        Args:
            zygote: What it is forked from.
            label: What lines that plugins print are logged under.
            scopes: The cached values that lie in the server.
            resident_cache: Whether the trigger's own cached values lie in the worker.

        Raises:
            ZygoteGone: There is no worker.
        """
        making = asyncio.create_task(cls._fork(zygote, label, scopes, resident_cache=resident_cache))
        try:
            # A trigger that is stopped now must not disturb the zygote's conversation with others.
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_discard)
            raise

    @classmethod
    async def _fork(cls, zygote: Zygote, label: str, scopes: Scopes, *, resident_cache: bool) -> Worker:
        loop = asyncio.get_running_loop()
        read, write = os.pipe()
        PrintedLines(label, read)
        ours, theirs = socket.socketpair()
        try:
            pid, ended = await zygote.fork(theirs, write, resident_cache=resident_cache)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(write)
        worker = cls(zygote.generation, label, scopes, pid, ended)
        await loop.create_unix_connection(lambda: worker._connection, sock=ours)
        ended.add_done_callback(lambda _: loop.call_later(_GRACE, worker._connection.close))
        return worker

    @property
    def alive(self) -> bool:
        """Whether it can run something."""
        return self._connection.is_open and not self._ended.done()

    async def run(self, message: Message, attachment: bytes, effects: Effects, time_limit: float | None) -> Result:
        """Run a plugin. A cancelled run is interrupted, and the worker with it.

        Args:
            message: The ``run`` frame.
            attachment: The body of a request.
            effects: What the run can do.
            time_limit: Seconds it may take; ``None`` for no limit.

        Raises:
            WorkerDied: The process ended.
            ValueError: The input is longer than a frame can be.
        """
        self._effects = effects
        try:
            async with asyncio.timeout(time_limit):
                return await self._ask(message, attachment)
        except TimeoutError:
            await self._kill()
            raise WorkerDied(f"plugin run exceeded its time limit of {time_limit:g} s") from None
        except asyncio.CancelledError:
            await self._interrupt()
            raise

    async def hand_over(self) -> list[CacheEntry]:
        """Return the cached values that the worker holds and another process can take."""
        try:
            async with asyncio.timeout(_HAND_OVER_TIMEOUT):
                message, data = await self._ask({"op": "hand_over"})
        except (TimeoutError, WorkerDied):
            return []
        entries, position = [], 0
        for key, ttl, length in message["entries"]:
            entries.append((key, ttl, data[position : position + length]))
            position += length
        return entries

    def take_over(self, entries: list[CacheEntry]) -> None:
        """Give the worker what another process handed over."""
        if entries:
            lengths = [(key, ttl, len(value)) for key, ttl, value in entries]
            self._connection.send({"op": "take_over", "entries": lengths}, b"".join(value for _, _, value in entries))

    def discard(self) -> None:
        """End the process; it is not running anything."""
        self._signal_group()
        self._connection.close()

    async def _ask(self, message: Message, attachment: bytes = b"") -> Result:
        self._answer = asyncio.get_running_loop().create_future()
        if not self.alive:
            self._ended.add_done_callback(self._report_end)
        self._connection.send(message, attachment)
        return await self._answer

    async def _interrupt(self) -> None:
        if not self._ended.done():
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGINT)
        # Cancelling has used up the future that was awaited; the answer comes with the end of the process as well.
        answer = self._answer = asyncio.get_running_loop().create_future()
        with suppress(TimeoutError, WorkerDied):
            await asyncio.wait_for(answer, _GRACE)
        await self._kill()

    async def _kill(self) -> None:
        self._signal_group()
        await asyncio.wait([self._ended], timeout=_GRACE)
        self._connection.close()

    def _signal_group(self) -> None:
        if not self._ended.done():
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._pid, signal.SIGKILL)

    def _on_frame(self, message: Message, attachment: bytes) -> None:
        operation = message["op"]
        if operation in ("result", "handed_over"):
            if self._answer is not None and not self._answer.done():
                self._answer.set_result(Result(message, attachment))
        elif operation == "log":
            if self._effects is not None:
                self._effects.log(LogLevel(message["level"]), message["text"], message["time_ns"])
        elif operation.startswith("cache_"):
            self._use_cache(message, attachment)
        elif operation == "query":
            self._spawn(self._query(message["database"], message["sql"], message["args"]))
        elif operation == "write":
            self._spawn(self._write(message["database"], message["lines"], durable=message["durable"]))

    def _use_cache(self, message: Message, attachment: bytes) -> None:
        namespace = self._scopes.shared if message["scope"] == "global" else self._scopes.trigger
        key, value = message["key"], None
        if message["op"] == "cache_put":
            namespace.put(key, attachment, message["ttl"])
            found = True
        elif message["op"] == "cache_get":
            value = namespace.get(key)
            found = value is not None
        else:
            found = namespace.delete(key)
        self._connection.send({"found": found}, value or b"")

    async def _query(self, database: str | None, sql: str, args: dict[str, str] | None) -> None:
        assert self._effects is not None
        await self._reply(self._effects.query(database, sql, args))

    async def _write(self, database: str | None, lines: str, *, durable: bool) -> None:
        assert self._effects is not None
        await self._reply(self._effects.write(database, lines, durable=durable))

    async def _reply(self, effect: Coroutine[Any, Any, list[dict[str, Any]] | None]) -> None:
        try:
            self._connection.send({"rows": await effect})
        except EffectFailed as error:
            self._connection.send({"error": str(error)})
        except Exception as error:
            # The plugin waits for an answer: a flaw of the server must not hang it.
            logger.exception("a query or write of %s failed", self._label)
            self._connection.send({"error": f"error: {error}"})

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_lost(self) -> None:
        # The end of the process follows at once, unless its plugin closed the socket.
        asyncio.get_running_loop().call_later(_GRACE, self._signal_group)
        self._ended.add_done_callback(self._report_end)

    def _report_end(self, ended: asyncio.Future[int]) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(WorkerDied(_describe_end(ended.result())))


def _describe_end(wait_status: int) -> str:
    code = os.waitstatus_to_exitcode(wait_status)
    if code >= 0:
        return f"plugin process exited with status {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = str(-code)  # a real-time signal
    return f"plugin process was killed by signal {name}"


def _discard(making: asyncio.Task[Worker]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().discard()
