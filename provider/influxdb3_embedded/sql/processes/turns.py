"""How many queries run at once."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from threading import Lock


class Places:
    """Places that are taken and given back, in any thread.

    A place goes to the newest and to the oldest of those who wait in turn: a crowd holds up nobody who comes after it,
    and nobody waits for ever.

    Args:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._newest_next = True
        self._waiting: deque[Future[None]] = deque()
        self._lock = Lock()

    @property
    def are_waited_for(self) -> bool:
        """Whether somebody waits for one."""
        with self._lock:
            return any(not turn.done() for turn in self._waiting)

    def take_free(self) -> bool:
        """Take a place if one is free."""
        with self._lock:
            if not self._free:
                return False
            self._free -= 1
            return True

    def take(self, turn: Future[None], timeout: float) -> None:
        """Wait for a place and take it.

        Args:
            turn: Done when there is a place; may be cancelled in another thread, to wait no longer.
            timeout: Seconds.

        Raises:
            TimeoutError: No place is free by then.
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
            if not turn.cancel():  # it was its turn just now
                self.give_back()
            raise

    def give_back(self) -> None:
        """Give a place to who is next."""
        with self._lock:
            while self._waiting:
                turn = self._waiting.pop() if self._newest_next else self._waiting.popleft()
                with suppress(InvalidStateError):  # it does not wait any more
                    turn.set_result(None)
                    self._newest_next = not self._newest_next
                    return
            self._free += 1
