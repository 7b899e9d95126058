"""Which queries run at once.

Each query begins in one of the `_SHORT` places. After a moment of processor time it lets others go first; from then on
it has to give its place to a query that finds none free. It goes on in one of the `_LONG` places if one is free.
Otherwise it is ended, and begins again when it has one: queries only read.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

from influxdb3_embedded.sql.processes.turns import Places

if TYPE_CHECKING:
    from collections.abc import Iterator

    from influxdb3_embedded.sql.processes.query import RunningQuery

_SHORT, _LONG = 16, 8


class Schedule:
    """The queries that run. Its methods are for any thread."""

    def __init__(self) -> None:
        self._short, self._long = Places(_SHORT), Places(_LONG)
        self._running: dict[RunningQuery, Places] = {}
        self._lock = Lock()

    @contextmanager
    def place(self, query: RunningQuery) -> Iterator[int]:
        """Wait for a place and hold it; the value is how many queries run now.

        Raises:
            TimeoutError: There is none in time.
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
        """A query that runs has taken processor time."""
        with self._lock:
            query.ticks += 1
            if self._running[query] is self._short and self._short.are_waited_for:
                self._displace(query)

    def _make_room(self) -> None:
        with self._lock:
            taken = [query for query, places in self._running.items() if places is self._short]
            movable = [query for query in taken if query.ticks and not query.displaced]
            if len(taken) >= _SHORT and movable:
                self._displace(max(movable, key=lambda query: query.ticks))

    def _displace(self, query: RunningQuery) -> None:
        if self._long.take_free():
            self._running[query] = self._long
            self._short.give_back()
        else:
            query.displaced = True
            query.kill()
