"""One thread that commits: what is waiting when it is free goes into one commit (group commit)."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Protocol

from influxdb3_embedded.storage.errors import WriteFailedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from influxdb3_embedded.storage.log import Log

_logger = logging.getLogger(__name__)
_GROUP_LIMIT = 256


class Step(Protocol):
    """What the storage does in one transaction."""

    def store(self, log: Log) -> None:
        """Write to the log, inside the transaction."""

    def apply(self) -> None:
        """Change what is in memory, after the commit; in the writer thread, in the order of the commits."""

    def announce(self) -> None:
        """Tell others, after that; on the event loop."""


@dataclass(slots=True)
class _Item:
    step: Step
    done: asyncio.Future[None]
    error: Exception | None = field(default=None)


class Writer:
    """The writer thread.

    Args:
        log: Where to commit to; ``None`` keeps everything in memory only.
    """

    def __init__(self, log: Log | None) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="storage-writer", daemon=True)
        self._thread.start()
        self.commits = 0

    def submit(self, step: Step) -> asyncio.Future[None]:
        """Put a step in line. The future is done when it is committed, applied and announced.

        The future raises WriteFailedError when the log refuses it; then nothing of it was applied.
        """
        done = self._loop.create_future()
        self._queue.put(_Item(step, done))
        return done

    async def stop(self) -> None:
        """Finish what is in line and end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)  # what it announced is in the event loop's queue before this ends

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, last = self._group(first)
            self._commit(group)
            self._loop.call_soon_threadsafe(_announce, group)
            if last:
                return

    def _group(self, first: _Item) -> tuple[list[_Item], bool]:
        group = [first]
        while len(group) < _GROUP_LIMIT:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if item is None:
                return group, True
            group.append(item)
        return group, False

    def _commit(self, group: list[_Item]) -> None:
        """Commit all together; if that fails each alone, so that one bad step does not take others with it."""
        error = self._transaction(group)
        for item in group if error is not None else ():
            item.error = error if len(group) == 1 else self._transaction([item])
        for item in group:
            if item.error is None:
                item.error = _attempt(item.step.apply)

    def _transaction(self, group: list[_Item]) -> Exception | None:
        if self._log is None:
            return None
        connection = self._log.connection
        log = self._log

        def store_all() -> None:
            connection.execute("BEGIN IMMEDIATE")
            for item in group:
                item.step.store(log)
            connection.execute("COMMIT")

        error = _attempt(store_all)
        if error is not None and connection.in_transaction:
            connection.execute("ROLLBACK")
        self.commits += 1
        return error


def _attempt(action: Callable[[], None]) -> Exception | None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the writer thread outlives any failure; whoever waits gets the error
        return error
    return None


def _announce(group: list[_Item]) -> None:
    for item in group:
        if item.error is not None:
            _logger.error("a write failed: %s", item.error)
            failure = WriteFailedError(str(item.error))
            failure.__cause__ = item.error
            if not item.done.cancelled():
                item.done.set_exception(failure)
                item.done.exception()  # whoever does not wait has been told by the log
            continue
        if (error := _attempt(item.step.announce)) is not None:
            _logger.error("an observer of writes failed", exc_info=error)
        if not item.done.cancelled():
            item.done.set_result(None)
