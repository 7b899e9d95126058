"""Limits how many queries run at once."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Lock


class Places:
    """A number of places for queries. Thread-safe.

    A free place goes to the newest and the oldest waiting query in turn. So a crowd does not delay a query that comes
    later, and every query gets a place at some time.

    Args:
        count: Number of places.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._newest_next = True
        self._waiting: deque[Future[None]] = deque()
        self._lock = Lock()

    @property
    def are_waited_for(self) -> bool:
        """Whether a query waits for a place."""
        with self._lock:
            return any(not turn.done() for turn in self._waiting)

    def take_free(self) -> bool:
        """Take a place if one is free. Returns whether it did."""
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
            return True

    def take(self, turn: Future[None], timeout: float) -> None:
        """Wait for a place and take it.

        Args:
            turn: Gets its result when the place is free. Another thread may cancel it to end the wait.
            timeout: Seconds.

        Raises:
            TimeoutError: No place became free in time.
            CancelledError: The turn was cancelled.
        """
        with self._lock:
            if self._free:
                self._free -= 1
                return
            self._waiting.append(turn)
        try:
            turn.result(timeout)
        except TimeoutError:
            if not turn.cancel():  # the place became free at the same moment
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a place to the next waiting query."""
        with self._lock:
            while self._waiting:
                turn = self._waiting.pop() if self._newest_next else self._waiting.popleft()
                with suppress(InvalidStateError):  # the query no longer waits
                    turn.set_result(None)
                    self._newest_next = not self._newest_next
                    return
            self._free += 1
