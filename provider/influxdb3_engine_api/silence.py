"""A server that accepts connections and answers no request."""

from __future__ import annotations

import threading


class Silence:
    """Notes which requests of a process a server leaves without an answer; safe to share between threads.

    A server is silent if it has answered nothing, and if a request that was sent after a first one had timed out timed
    out as well. Further requests are useless then: each would cost another time limit.
    """

    def __init__(self) -> None:
        self._answered = False
        self._first: tuple[float, str] | None = None
        self._silent = False
        self._guard = threading.Lock()

    @property
    def first_failure(self) -> str | None:
        """What the first request without an answer was, if the server is silent, else None."""
        with self._guard:
            return self._first[1] if self._silent and self._first else None

    def note_answer(self) -> None:
        """Note that the server has answered: from now on, a request without an answer is an exception."""
        with self._guard:
            self._answered, self._silent = True, False

    def note_timeout(self, began: float, ended: float, what: str) -> bool:
        """Note a request without an answer in time.

        Args:
            began: When the request was sent.
            ended: When its time was over, by the same clock.
            what: What failed, for messages.

        Returns:
            Whether the server is silent.
        """
        with self._guard:
            if self._answered:
                return False
            if self._first is None:
                self._first = (ended, what)
            elif began >= self._first[0]:
                self._silent = True
            return self._silent
