"""Decides which queries run at once.

Each query starts in a short place. After 25 ms of processor time the query has to give way: if another query waits for
a short place, the first query moves to a long place. If no long place is free, its process is killed, and the query
starts again when a long place is free. A query can start again because it only reads.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from influxdb3_embedded.sql.processes.query_places import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.sql.processes.query import RunningQuery

_FEWEST_SHORT, _MOST_SHORT, _LONG = 2, 16, 8


def _short_places() -> int:
    """One for each core: queries that start together on one core delay each other, and all that come after them."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(max(cores, _FEWEST_SHORT), _MOST_SHORT)


class Schedule:
    """The running queries. Thread-safe."""

    def __init__(self) -> None:
        self._short_count = _short_places()
        self._short, self._long = Places(self._short_count), Places(_LONG)
        self._running: dict[RunningQuery, Places] = {}
        self._lock = Lock()

    @contextmanager
    def place(self, query: RunningQuery) -> Iterator[int]:
        """Wait for a place and hold it. Yields the number of running queries.

        Raises:
            TimeoutError: No place is free before the query's time is over.
            QueryFailed: The query was ended.
        """
        if query.displaced:
            places = self._long
        else:
            places = self._short
            self._make_room()
        query.wait_for(places)
        with self._lock:
            query.displaced = False
            self._running[query] = places
            running = len(self._running)
        try:
            yield running
        finally:
            with self._lock:
                self._running.pop(query).give_back()

    def note_tick(self, query: RunningQuery) -> None:
        """Count a tick of a running query."""
        with self._lock:
            query.ticks += 1
            if self._running[query] is self._short and self._short.are_waited_for:
                self._displace(query)

    def _make_room(self) -> None:
        with self._lock:
            taken = [query for query, places in self._running.items() if places is self._short]
            movable = [query for query in taken if query.ticks and not query.displaced]
            if len(taken) >= self._short_count and movable:
                self._displace(max(movable, key=lambda query: query.ticks))

    def _displace(self, query: RunningQuery) -> None:
        if self._long.take_free():
            self._running[query] = self._long
            self._short.give_back()
        else:
            query.displaced = True
            query.kill()
