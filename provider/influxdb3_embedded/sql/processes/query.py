"""A query on its way."""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from influxdb3_embedded.sql.errors import QueryFailed
    from influxdb3_embedded.sql.processes.query_places import Places
    from influxdb3_embedded.sql.processes.running_process import SqlProcess

_NICE, _NICEST = 10, 19
_TICKS_OF_A_SECOND = 4


class RunningQuery:
    """A query that waits or runs in one thread, and can be ended in another.

    Args:
        seconds: How long it may take, from now.

    Attributes:
        ticks: How much processor time it has taken.
        displaced: Whether its process was ended for want of a place.
        repeated: Whether it began again because its process was killed.
    """

    def __init__(self, seconds: float) -> None:
        self.ticks = 0
        self.displaced = self.repeated = False
        self._deadline = time.monotonic() + seconds
        self._lock = Lock()
        self._failure: QueryFailed | None = None
        self._turn: Future[None] = Future()
        self._process: SqlProcess | None = None

    @property
    def niceness(self) -> int:
        """How much its process is to let others go first: a little after a moment, entirely after about a second."""
        return 0 if not self.ticks else _NICE if self.ticks <= _TICKS_OF_A_SECOND else _NICEST

    def left(self) -> float:
        """Seconds that it still has.

        Raises:
            TimeoutError: It has none.
        """
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TimeoutError
        return left

    def wait_for(self, places: Places) -> None:
        """Wait for a place.

        Raises:
            TimeoutError: There is none in time.
            QueryFailed: It was ended.
        """
        with self._lock:
            self.check()
            self._turn = Future()
        try:
            places.take(self._turn, self.left())
        except CancelledError:
            self.check()
            raise

    def run_in(self, process: SqlProcess | None) -> None:
        """Run in this process from now on; None for no process.

        Raises:
            QueryFailed: It was ended already.
        """
        with self._lock:
            self._process = process
            if process is not None:
                self.check()

    def check(self) -> None:
        """Raise QueryFailed if it was ended."""
        if self._failure is not None:
            raise self._failure

    def end(self, failure: QueryFailed) -> None:
        """End it.

        Args:
            failure: What it fails with.
        """
        with self._lock:
            self._failure = failure
            self._turn.cancel()
        self.kill()

    def kill(self) -> None:
        """End the process that it runs in, if there is one."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
