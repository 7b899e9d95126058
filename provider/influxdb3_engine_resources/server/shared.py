"""Answers of a server that the resources of one deployment share."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Answer = TypeVar("Answer")

REFRESH_SECONDS = 30.0
"""How long an answer about what others may change is used: longer than a refresh, shorter than two commands apart."""


class SharedAnswers:
    """Asks each question once and keeps the answer; safe to share between threads.

    Callers that ask while a request is under way wait for its answer. A failure is raised and not kept.

    Args:
        seconds: How long an answer is used, from when it came. Default: as long as the process runs.
    """

    def __init__(self, seconds: float = math.inf) -> None:
        self._seconds = seconds
        self._answers: dict[Hashable, _Kept] = {}
        self._outdated: Counter[Hashable] = Counter()
        self._asking: dict[Hashable, threading.Lock] = {}
        self._guard = threading.Lock()

    def get(self, question: Hashable, ask: Callable[[], Answer], *, fresh: bool = False) -> Answer:
        """Return the answer to a question.

        Args:
            question: Identifies the question; the same question always has the same type of answer.
            ask: Sends the request.
            fresh: Whether to send the request in any case.
        """
        with self._lock(question):
            kept = self._answers.get(question)
            if fresh or kept is None or not self._is_current(question, kept):
                # read before the request: the answer may lack what changes meanwhile
                outdated = self._outdated[question]
                answer = ask()
                kept = self._answers[question] = _Kept(answer, time.monotonic(), outdated)
            return kept.answer  # type: ignore[return-value] # the question determines the type

    def amend(self, question: Hashable, change: Callable[[Answer], Answer]) -> None:
        """Apply a change that this process has made on the server to the kept answer, if there is one.

        Args:
            question: The question.
            change: Returns the new answer; leaves the old one as it is, since other threads may read it.
        """
        with self._lock(question):
            kept = self._answers.get(question)
            if kept is not None:
                self._answers[question] = kept._replace(answer=change(kept.answer))  # type: ignore[arg-type] # as above

    def forget(self, question: Hashable) -> None:
        """Ask again next time, even if a request is under way now."""
        with self._guard:
            self._outdated[question] += 1

    def _lock(self, question: Hashable) -> threading.Lock:
        with self._guard:
            return self._asking.setdefault(question, threading.Lock())

    def _is_current(self, question: Hashable, kept: _Kept) -> bool:
        return kept.outdated == self._outdated[question] and time.monotonic() - kept.since <= self._seconds


class _Kept(NamedTuple):
    """An answer.

    Attributes:
        answer: The answer.
        since: When it came, by the monotonic clock.
        outdated: How often the question was forgotten before the request.
    """

    answer: object
    since: float
    outdated: int
