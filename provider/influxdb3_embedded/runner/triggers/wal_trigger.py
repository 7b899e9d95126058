"""WAL triggers: ``all_tables`` and ``table:NAME`` (contract 4.4 and 4.6)."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from influxdb3_embedded.runner.triggers.active_trigger import ActiveTrigger, TriggerContext
from influxdb3_embedded.runner.triggers.backlog import Backlog
from influxdb3_embedded.runner.triggers.execution import RunFailed, wal_call
from influxdb3_embedded.runner.triggers.write_log import WriteLogUnreadable
from influxdb3_engine_api.specification import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.model import Flush, TableBatch, Trigger
    from influxdb3_embedded.runner.plugins.sources import PluginSource
    from influxdb3_embedded.runner.triggers.write_log import WriteLog

_SECONDS_BEFORE_READING_AGAIN = 1.0

_HOLD = 1.0
"""Seconds that flushes are held when a trigger joins others: the real server's interval between flushes."""

_LONGEST_HOLD = 3.0
"""Most seconds that flushes are held when more triggers join meanwhile."""

_HOLD_AFTER_LEAVING = 0.2
"""Seconds that flushes are still held when as many triggers have left as have joined."""

_PATIENCE = 0.5
"""Seconds that a run of a disabled trigger may take before it is interrupted."""

_LONGEST_FINISH = 10.0
"""Seconds for all runs of a disabled trigger, and for one run if a new trigger has just joined."""

logger = logging.getLogger(__name__)


class WalTrigger(ActiveTrigger):
    """Runs its plugin once for each flush, or once for many flushes if it is far behind.

    Args:
        trigger: The definition.
        source: The plugin.
        context: What all triggers share.
        backlog: The flushes of its database.
        position: The last sequence that it has seen.
    """

    def __init__(
        self, trigger: Trigger, source: PluginSource, context: TriggerContext, backlog: Backlog, position: int
    ) -> None:
        super().__init__(trigger, source, context, "wal")
        self._backlog = backlog
        self._taken = position
        self._unfinished: set[int] = set()
        self._last: int | None = None
        self._arrival = asyncio.Event()
        self._advanced = asyncio.Event()
        self._table = trigger.specification.name if isinstance(trigger.specification, Table) else None

    @property
    def position(self) -> int:
        """The last sequence whose run has ended, as have all runs before; a run that is retried has not ended."""
        return min(self._unfinished, default=self._taken)

    def start(self) -> None:
        """Start to run on flushes that it has not seen."""
        self._spawn(self._consume())

    def notice(self, flush: Flush, previous: int) -> None:
        """Look at a new flush in the backlog.

        Args:
            flush: The flush.
            previous: The sequence of the flush before.
        """
        wanted = self._table is None or any(batch.table_name == self._table for batch in flush.batches)
        if wanted or self._taken < previous:
            self._arrival.set()
        else:
            # the task is not woken up: there may be hundreds of triggers
            self._taken = max(self._taken, flush.sequence)

    def skip(self, sequence: int) -> None:
        """Move the position of a trigger that has seen all flushes past writes to other databases.

        Args:
            sequence: All flushes up to here have been delivered.
        """
        if self._taken >= self._backlog.last:
            self._taken = max(self._taken, sequence)

    async def finish(self, patience: float) -> None:
        """Run on the flushes that have been delivered, and on no later ones. The last run gets all that is left.

        Args:
            patience: Seconds that a run may take.

        Raises:
            TimeoutError: A run takes longer.
        """
        self._last = last = self._backlog.last
        while self.position < last and not self._failed:
            self._advanced.clear()
            try:
                await asyncio.wait_for(self._advanced.wait(), patience)
            except TimeoutError:
                if not self._waiting_for_processes:  # waiting for a process is no part of the run
                    raise

    def go_on(self) -> None:
        """Undo `finish`: run on later flushes again."""
        self._last = None
        self._arrival.set()

    async def _consume(self) -> None:
        while not self._failed:
            if self._taken >= (self._backlog.last if self._last is None else self._last):
                self._arrival.clear()
                await self._arrival.wait()
                continue
            before = self._taken
            try:
                through, batches = await self._backlog.next(before, self._table, self._last)
            except WriteLogUnreadable as error:
                logger.error("trigger %s of %s cannot go on: %s", self.trigger.name, self.trigger.database, error)
                await asyncio.sleep(_SECONDS_BEFORE_READING_AGAIN)
                continue
            if batches:
                self._unfinished.add(before)
            self._taken = through
            self._advanced.set()
            if batches:
                await self._dispatch(partial(self._see, batches, before))

    async def _see(self, batches: Sequence[TableBatch], before: int) -> None:
        await self._run(wal_call(batches))
        self._unfinished.discard(before)
        self._advanced.set()

    def _error_texts(self, failure: RunFailed) -> list[str]:
        return [f"error executing wal plugin: {failure.text}"]


class _DatabaseTriggers:
    """The WAL triggers of one database.

    A trigger that joins others may be the new definition in a swap; the old one then leaves soon. Flushes are held
    until then, so that each write reaches one of the two: the old one before the swap, the new one after it.

    Args:
        backlog: The flushes of the database.

    Attributes:
        backlog: The flushes of the database.
        triggers: The triggers.
        held: Flushes that are delivered later.
    """

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.triggers: list[WalTrigger] = []
        self.held: list[Flush] = []
        self._joined = 0
        self._timer: asyncio.TimerHandle | None = None
        self._holds_until = 0.0

    @property
    def holds(self) -> bool:
        """Whether flushes are held."""
        return self._timer is not None

    def join(self) -> None:
        """Hold flushes for a while: an old trigger may leave."""
        if self._timer is None:
            self._holds_until = asyncio.get_running_loop().time() + _LONGEST_HOLD
        self._joined += 1
        self._hold(_HOLD)

    def leave(self, trigger: WalTrigger) -> None:
        """Stop deliveries to a trigger. Flushes are soon released if as many triggers have left as have joined."""
        self.triggers.remove(trigger)
        if self._timer is not None:
            self._joined -= 1
            if self._joined <= 0:
                self._hold(_HOLD_AFTER_LEAVING)

    def close(self) -> None:
        """Stop the timer: no trigger is left."""
        if self._timer is not None:
            self._timer.cancel()

    def deliver(self, flush: Flush) -> None:
        """Give a flush to the triggers, now or when flushes are released."""
        if self.holds:
            self.held.append(flush)
            return
        previous = self.backlog.last
        self.backlog.add(flush)
        for trigger in self.triggers:
            trigger.notice(flush, previous)

    def _hold(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(min(loop.time() + seconds, self._holds_until), self._release)

    def _release(self) -> None:
        self._timer, self._joined = None, 0
        held, self.held = self.held, []
        for flush in held:
            self.deliver(flush)


class WalTriggers:
    """All WAL triggers by database.

    Args:
        log: Has the flushes.
    """

    def __init__(self, log: WriteLog) -> None:
        self._log = log
        self._arrived = 0
        self._databases: dict[str, _DatabaseTriggers] = {}

    def start(self) -> None:
        """Start with the next write; call this before the first write."""
        self._arrived = self._log.last

    def backlog(self, database: str) -> Backlog:
        """Return the backlog of a database, for a trigger that is added next."""
        if database in self._databases:
            return self._databases[database].backlog
        return Backlog(database, self._log, self._arrived)

    def join(self, database: str) -> int:
        """Return the position of a trigger that is added next: the newest write, or the last delivery to others."""
        others = self._databases.get(database)
        if others is None:
            return self._log.last
        others.join()
        return others.held[0].sequence - 1 if others.held else self._arrived

    def add(self, trigger: WalTrigger, backlog: Backlog) -> None:
        """Start deliveries to a trigger."""
        self._databases.setdefault(trigger.trigger.database, _DatabaseTriggers(backlog)).triggers.append(trigger)

    def remove(self, trigger: WalTrigger) -> None:
        """Stop deliveries to a trigger."""
        triggers = self._databases[trigger.trigger.database]
        triggers.leave(trigger)
        if not triggers.triggers:
            triggers.close()
            del self._databases[trigger.trigger.database]

    def holds(self, database: str) -> bool:
        """Whether flushes of a database are held, since a trigger has just joined others."""
        return database in self._databases and self._databases[database].holds

    async def finish(self, trigger: WalTrigger) -> None:
        """Run a trigger on the flushes that have been delivered, and on no later ones.

        A run has more time if a new trigger has just joined. The caller stops the trigger, which interrupts a longer
        run.
        """
        patience = _LONGEST_FINISH if self.holds(trigger.trigger.database) else _PATIENCE
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_FINISH):
                await trigger.finish(patience)

    def deliver(self, flush: Flush) -> None:
        """Give a flush to the triggers of its database."""
        self._arrived = flush.sequence
        triggers = self._databases.get(flush.database)
        if triggers is not None:
            triggers.deliver(flush)

    def tidy(self) -> None:
        """Drop flushes that all triggers have seen, and move the positions of triggers that have seen all."""
        for triggers in self._databases.values():
            if not triggers.held:
                for trigger in triggers.triggers:
                    trigger.skip(self._arrived)
            triggers.backlog.trim(min(trigger.position for trigger in triggers.triggers))
