"""Triggers on writes: ``all_tables`` and ``table:NAME`` (contract 4.4 and 4.6)."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.runner.backlog import Backlog
from influxdb3_embedded.runner.execution import RunFailed, wal_call
from influxdb3_embedded.runner.triggers import ActiveTrigger, Surroundings
from influxdb3_embedded.runner.write_log import WriteLogUnreadable
from influxdb3_engine_api.specification import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.model import Flush, TableBatch, Trigger
    from influxdb3_embedded.runner.sources import PluginSource
    from influxdb3_embedded.runner.write_log import WriteLog

_SECONDS_BEFORE_READING_AGAIN = 1.0

logger = logging.getLogger(__name__)


class WalTrigger(ActiveTrigger):
    """Runs once a flush, with the rows of its tables; once for many flushes where it has fallen far behind.

    Args:
        trigger: Its definition.
        source: Its plugin.
        surroundings: What it runs in.
        backlog: The flushes of its database.
        position: The sequence up to which it has seen them.
    """

    def __init__(
        self, trigger: Trigger, source: PluginSource, surroundings: Surroundings, backlog: Backlog, position: int
    ) -> None:
        super().__init__(trigger, source, surroundings, "wal")
        self._backlog = backlog
        self._taken = position
        self._unfinished: set[int] = set()
        self._arrival = asyncio.Event()
        self._table = trigger.specification.name if isinstance(trigger.specification, Table) else None

    @property
    def position(self) -> int:
        """The sequence up to which every run has ended; a run that failed has ended, unless it is to be retried."""
        return min(self._unfinished, default=self._taken)

    def start(self) -> None:
        """Begin to run on what it has not seen."""
        self._spawn(self._consume())

    def notice(self, flush: Flush, previous: int) -> None:
        """Learn that a flush is in the backlog.

        Args:
            flush: The flush.
            previous: The sequence of the one before.
        """
        wanted = self._table is None or any(batch.table_name == self._table for batch in flush.batches)
        if wanted or self._taken < previous:
            self._arrival.set()
        else:
            self._taken = max(self._taken, flush.sequence)  # without waking up: there may be hundreds of triggers

    def skip(self, sequence: int) -> None:
        """Let the position of a trigger that has seen all go on with writes to other databases.

        Args:
            sequence: Up to which no flush is still to be delivered.
        """
        if self._taken >= self._backlog.last:
            self._taken = max(self._taken, sequence)

    async def _consume(self) -> None:
        while not self._failed:
            if self._taken >= self._backlog.last:
                self._arrival.clear()
                await self._arrival.wait()
                continue
            before = self._taken
            try:
                through, batches = await self._backlog.next(before, self._table)
            except WriteLogUnreadable as error:
                logger.error("trigger %s of %s cannot go on: %s", self.trigger.name, self.trigger.database, error)
                await asyncio.sleep(_SECONDS_BEFORE_READING_AGAIN)
                continue
            if batches:
                self._unfinished.add(before)
            self._taken = through
            if batches:
                await self._dispatch(partial(self._see, batches, before))

    async def _see(self, batches: Sequence[TableBatch], before: int) -> None:
        await self._run(wal_call(batches))
        self._unfinished.discard(before)

    def _error_texts(self, failure: RunFailed) -> list[str]:
        return [f"error executing wal plugin: {failure.text}"]


class _Followed(NamedTuple):
    """A database with WAL triggers."""

    backlog: Backlog
    triggers: list[WalTrigger]


class WalTriggers:
    """The triggers on writes, by database.

    Args:
        log: The log that flushes come from.
    """

    def __init__(self, log: WriteLog) -> None:
        self._log = log
        self._delivered = 0
        self._databases: dict[str, _Followed] = {}

    def start(self) -> None:
        """Begin, before anything is written: what the log has now will not be delivered."""
        self._delivered = self._log.last

    def backlog(self, database: str) -> Backlog:
        """The flushes of a database, for a trigger that is added next."""
        if database in self._databases:
            return self._databases[database].backlog
        return Backlog(database, self._log, self._delivered)

    def add(self, trigger: WalTrigger, backlog: Backlog) -> None:
        """Deliver to a trigger from now on."""
        self._databases.setdefault(trigger.trigger.database, _Followed(backlog, [])).triggers.append(trigger)

    def remove(self, trigger: WalTrigger) -> None:
        """Deliver to a trigger no more."""
        database = trigger.trigger.database
        triggers = self._databases[database].triggers
        triggers.remove(trigger)
        if not triggers:
            del self._databases[database]

    def deliver(self, flush: Flush) -> None:
        """Tell the triggers of its database of a flush."""
        self._delivered = flush.sequence
        followed = self._databases.get(flush.database)
        if followed is None:
            return
        backlog, triggers = followed
        previous = backlog.last
        backlog.add(flush)
        for trigger in triggers:
            trigger.notice(flush, previous)

    def tidy(self) -> None:
        """Drop from memory what all triggers have seen, and let go of the log what none is to see."""
        for backlog, triggers in self._databases.values():
            for trigger in triggers:
                trigger.skip(self._delivered)
            backlog.trim(min(trigger.position for trigger in triggers))
