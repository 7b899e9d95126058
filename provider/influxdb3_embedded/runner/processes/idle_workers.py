"""Workers that are idle and without state: safe to end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from influxdb3_embedded.runner.processes.worker import Worker

_MAX_TIME = 60.0
"""Seconds after which an idle worker is ended; it may take twice as long."""

_MAX_WORKERS = 64
"""Most idle workers of all triggers. A worker takes 3 MB of memory; a new one takes 3 ms."""


class _Waiting(NamedTuple):
    siblings: list[Worker]
    since: float


class IdleWorkers:
    """Ends workers that are idle for too long, and the ones that are idle longest if there are too many."""

    def __init__(self) -> None:
        self._waiting: dict[Worker, _Waiting] = {}  # longest idle first
        self._timer: asyncio.TimerHandle | None = None

    def add(self, worker: Worker, siblings: list[Worker]) -> None:
        """Add an idle worker.

        Args:
            worker: The worker; it has no state.
            siblings: The idle workers of its trigger. The worker is removed from this list when it is ended.
        """
        loop = asyncio.get_running_loop()
        self._waiting[worker] = _Waiting(siblings, loop.time())
        if len(self._waiting) > _MAX_WORKERS:
            self._end(next(iter(self._waiting)))
        if self._timer is None:
            self._timer = loop.call_later(_MAX_TIME, self._end_old)

    def remove(self, worker: Worker) -> None:
        """Remove a worker, if it was added: it runs again, or has been ended."""
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
