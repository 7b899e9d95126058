"""What triggers a database has, read once and shared by all of its resources in one refresh."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_engine_api.errors import NotFound
from influxdb3_engine_api.specification import parse, parse_catalog, same_schedule
from influxdb3_engine_resources.names import CANDIDATE_SUFFIX

if TYPE_CHECKING:
    from influxdb3_engine_api import CreateTrigger, EngineClient
    from influxdb3_engine_api.wire import TriggerRow

_SHARED_SECONDS = 30.0
"""How long an answer serves further readers: longer than a refresh takes, shorter than a person's next command."""


class LiveTrigger(NamedTuple):
    """A trigger as the server has it; ``arguments`` is ``None`` where it has none."""

    row: TriggerRow
    arguments: dict[str, str] | None

    def matches(self, body: CreateTrigger) -> bool:
        """Whether it is what a request would have created, as far as the server tells."""
        return (
            self.row.plugin_filename == body.plugin_filename
            and _means(self.row.trigger_specification, body.trigger_specification)
            and (self.arguments or {}) == (body.trigger_arguments or {})
            and self.row.error_behavior == body.trigger_settings.error_behavior
            and self.row.disabled == body.disabled
        )


def _means(catalog: str, specification: str) -> bool:
    try:
        return same_schedule(parse_catalog(catalog), parse(specification))
    except ValueError:  # of a form that this release does not know
        return False


class _Snapshot(NamedTuple):
    taken: float
    changes: int
    triggers: dict[str, LiveTrigger]


class SystemTables:
    """Reads ``system.processing_engine_triggers`` and its arguments: two queries a database, however many triggers."""

    def __init__(self, client: EngineClient) -> None:
        self._client = client
        self._snapshots: dict[str, _Snapshot] = {}
        self._first: dict[str, dict[str, LiveTrigger]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._changes: Counter[str] = Counter()
        self._candidates: dict[str, set[str]] = {}
        self._guard = threading.Lock()

    def trigger(self, db: str, name: str, *, fresh: bool = False) -> LiveTrigger | None:
        """The trigger of that name, or ``None`` where the database has none (or does not exist).

        Args:
            db: The database.
            name: The trigger.
            fresh: Ask the server now, whatever has been read before.

        Raises:
            EngineApiError: The server could not be asked; that says nothing about the trigger.
        """
        with self._lock(db):  # the others of this database wait for the answer instead of asking, too
            snapshot = self._snapshots.get(db)
            if fresh or snapshot is None or not self._serves(db, snapshot):
                # taken and counted before it is read: what changes meanwhile may be missing in it
                snapshot = _Snapshot(time.monotonic(), self._changes[db], self._read(db))
                self._snapshots[db] = snapshot
                self._first.setdefault(db, snapshot.triggers)
        return snapshot.triggers.get(name)

    def before(self, db: str, name: str) -> LiveTrigger | None:
        """As ``trigger``, but as this process first read the database, whatever it has changed since."""
        if db not in self._first:
            self.trigger(db, name)
        return self._first[db].get(name)

    def left_candidates(self, db: str) -> set[str]:
        """Candidates that earlier deployments left, enabled or not: one query a database in a process.

        Raises:
            EngineApiError: The server could not be asked.
        """
        with self._lock(db):
            if db not in self._candidates:
                try:
                    names = {row.trigger_name for row in self._client.triggers(db)}
                except NotFound:
                    names = set()
                self._candidates[db] = {name for name in names if name.endswith(CANDIDATE_SUFFIX)}
            return self._candidates[db]

    def forget(self, db: str) -> None:
        """Read a database again next time: this process has just changed it."""
        with self._guard:
            self._changes[db] += 1

    def _lock(self, db: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(db, threading.Lock())

    def _serves(self, db: str, snapshot: _Snapshot) -> bool:
        return snapshot.changes == self._changes[db] and time.monotonic() - snapshot.taken <= _SHARED_SECONDS

    def _read(self, db: str) -> dict[str, LiveTrigger]:
        try:
            rows = self._client.triggers(db)
            arguments = self._client.trigger_arguments(db) if rows else {}
        except NotFound:
            return {}
        return {row.trigger_name: LiveTrigger(row, arguments.get(row.trigger_name)) for row in rows}
