"""Workers that wait for another run of their trigger and would be missed by nobody."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from influxdb3_embedded.runner.processes.worker import Worker

_MAX_TIME = 60.0
"""Seconds that a worker waits; it may take up to twice as long until it is ended."""

_MAX_WORKERS = 64
"""Workers that wait, of all triggers: each is 3 MB, and a new one takes 3 ms."""


class _Waiting(NamedTuple):
    siblings: list[Worker]
    since: float


class IdleWorkers:
    """Ends the workers that have waited longest, when they are too many or have waited too long."""

    def __init__(self) -> None:
        self._waiting: dict[Worker, _Waiting] = {}  # in the order of their times
        self._timer: asyncio.TimerHandle | None = None

    def add(self, worker: Worker, siblings: list[Worker]) -> None:
        """Let a worker wait.

        Args:
            worker: The worker; it holds no state.
            siblings: The list that its trigger finds it in; it is taken out of it when it is ended.
        """
        loop = asyncio.get_running_loop()
        self._waiting[worker] = _Waiting(siblings, loop.time())
        if len(self._waiting) > _MAX_WORKERS:
            self._end(next(iter(self._waiting)))
        if self._timer is None:
            self._timer = loop.call_later(_MAX_TIME, self._end_old)

    def remove(self, worker: Worker) -> None:
        """Stop watching a worker, if it is watched: it has something to run, or has been ended."""
        self._waiting.pop(worker, None)

    def _end(self, worker: Worker) -> None:
        self._waiting.pop(worker).siblings.remove(worker)
        worker.discard()

    def _end_old(self) -> None:
        loop = asyncio.get_running_loop()
        start = loop.time() - _MAX_TIME
        for worker in [worker for worker, waiting in self._waiting.items() if waiting.since <= start]:
            self._end(worker)
        self._timer = loop.call_later(_MAX_TIME, self._end_old) if self._waiting else None
