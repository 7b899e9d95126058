"""Commits changes in one thread. All changes that wait share the next commit (group commit)."""

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

    from influxdb3_embedded.storage.write_ahead_log import WriteAheadLog

_logger = logging.getLogger(__name__)
_GROUP_LIMIT = 256


class Change(Protocol):
    """What the storage commits as a whole: in one transaction, alone or with other changes."""

    def store(self, log: WriteAheadLog) -> None:
        """Change the log, inside the transaction."""

    def apply(self) -> None:
        """Change memory, after the commit. The writer thread calls it in the order of the commits."""

    def announce(self) -> None:
        """Tell observers, after `apply`. The event loop calls it."""


@dataclass(slots=True)
class _Item:
    change: Change
    done: asyncio.Future[None]
    error: Exception | None = field(default=None)


class Writer:
    """The writer thread.

    Args:
        log: The log to commit to. None: changes are in memory only.
    """

    def __init__(self, log: WriteAheadLog | None) -> None:
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[_Item | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="storage-writer", daemon=True)
        self._thread.start()
        self.commits = 0

    def submit(self, change: Change) -> asyncio.Future[None]:
        """Queue a change. The returned future is done when the change is committed, applied and announced.

        The future raises WriteFailedError if the log cannot be written. Then the change is not applied.
        """
        done = self._loop.create_future()
        self._queue.put(_Item(change, done))
        return done

    async def stop(self) -> None:
        """Commit the queued changes, and end the thread."""
        self._queue.put(None)
        await asyncio.to_thread(self._thread.join)  # then all announcements are in the event loop's queue

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
        """Commit all changes together. If that fails, commit each alone, so that one bad change fails no other."""
        error = self._transaction(group)
        for item in group if error is not None else ():
            item.error = error if len(group) == 1 else self._transaction([item])
        for item in group:
            if item.error is None:
                item.error = _attempt(item.change.apply)

    def _transaction(self, group: list[_Item]) -> Exception | None:
        if self._log is None:
            return None
        connection = self._log.connection
        log = self._log

        def store_all() -> None:
            connection.execute("BEGIN IMMEDIATE")
            for item in group:
                item.change.store(log)
            connection.execute("COMMIT")

        error = _attempt(store_all)
        if error is not None and connection.in_transaction:
            connection.execute("ROLLBACK")
        self.commits += 1
        return error


def _attempt(action: Callable[[], None]) -> Exception | None:
    try:
        action()
    except Exception as error:  # noqa: BLE001 - the writer thread survives any failure; the future raises it
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
                item.done.exception()  # marks it as seen: the failure is logged above
            continue
        if (error := _attempt(item.change.announce)) is not None:
            _logger.error("an observer of writes failed", exc_info=error)
        if not item.done.cancelled():
            item.done.set_result(None)
