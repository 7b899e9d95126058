"""The state of one query in the engine."""

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
    """A query that waits or runs in one thread. Another thread may end it.

    Args:
        seconds: Seconds from now that the query may take.

    Attributes:
        ticks: Ticks of processor time that the query has used.
        displaced: Whether its process was killed because another query needed the place.
        repeated: Whether the query started again because its process was killed from outside.
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
        """Niceness of its process: 10 after the first tick, 19 after about a second of processor time."""
        return 0 if not self.ticks else _NICE if self.ticks <= _TICKS_OF_A_SECOND else _NICEST

    def left(self) -> float:
        """Seconds until the time limit.

        Raises:
            TimeoutError: The limit has passed.
        """
        if (left := self._deadline - time.monotonic()) <= 0:
            raise TimeoutError
        return left

    def wait_for(self, places: Places) -> None:
        """Wait for a place.

        Raises:
            TimeoutError: No place is free before the time limit.
            QueryFailed: The query was ended.
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
        """Set the process that the query runs in, or None.

        Raises:
            QueryFailed: The query was ended before.
        """
        with self._lock:
            self._process = process
            if process is not None:
                self.check()

    def check(self) -> None:
        """Raise `QueryFailed` if the query was ended."""
        if self._failure is not None:
            raise self._failure

    def end(self, failure: QueryFailed) -> None:
        """End the query.

        Args:
            failure: The error that the query fails with.
        """
        with self._lock:
            self._failure = failure
            self._turn.cancel()
        self.kill()

    def kill(self) -> None:
        """Kill the process that the query runs in, if any."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
