"""Triggers on writes: ``all_tables`` and ``table:NAME`` (contract 4.4 and 4.6)."""

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
"""Seconds that deliveries wait for when a trigger joins others: as long as a server's flush takes to come."""

_LONGEST_HOLD = 3.0
"""Seconds that they wait for at most when further triggers join meanwhile."""

_HOLD_AFTER_LEAVING = 0.2
"""Seconds that they go on waiting for when one has left: it may have been none of those whose places were taken."""

_PATIENCE = 0.5
"""Seconds that a trigger that is disabled may take for a run before it is interrupted."""

_LONGEST_FINISH = 10.0
"""Seconds that it may take for all its runs, and for one where another trigger has just taken its place."""

logger = logging.getLogger(__name__)


class WalTrigger(ActiveTrigger):
    """Runs once a flush, with the rows of its tables; once for many flushes where it has fallen far behind.

    Args:
        trigger: Its definition.
        source: Its plugin.
        context: What it runs in.
        backlog: The flushes of its database.
        position: The sequence up to which it has seen them.
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

    async def finish(self, patience: float) -> None:
        """See what has been delivered so far, the rest of it in one call, and nothing of what comes later.

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
                if not self._waiting_for_processes:  # on a machine that has just started the run has not begun
                    raise

    def go_on(self) -> None:
        """See again what is delivered, after all."""
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


class _Followed:
    """A database with WAL triggers.

    A trigger that starts beside others may take the place of one of them, which is disabled next. Deliveries wait
    until then, so that each write reaches one of the two: those before the start the old, all others the new.

    Args:
        backlog: What is delivered to them.

    Attributes:
        backlog: What is delivered to them.
        triggers: The triggers.
        held: What is to be delivered when the waiting ends.
    """

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.triggers: list[WalTrigger] = []
        self.held: list[Flush] = []
        self._joined = 0
        self._timer: asyncio.TimerHandle | None = None
        self._waits_until = 0.0

    @property
    def waits(self) -> bool:
        """Whether a trigger has just joined the others."""
        return self._timer is not None

    def join(self) -> None:
        """Let deliveries wait for a trigger to leave, but not for long."""
        if self._timer is None:
            self._waits_until = asyncio.get_running_loop().time() + _LONGEST_HOLD
        self._joined += 1
        self._wait(_HOLD)

    def leave(self, trigger: WalTrigger) -> None:
        """Deliver to a trigger no more; go on soon when as many have left as have joined."""
        self.triggers.remove(trigger)
        if self._timer is not None:
            self._joined -= 1
            if self._joined <= 0:
                self._wait(_HOLD_AFTER_LEAVING)

    def close(self) -> None:
        """Wait no more when no trigger is left."""
        if self._timer is not None:
            self._timer.cancel()

    def deliver(self, flush: Flush) -> None:
        """Tell the triggers of a flush, now or when the waiting ends."""
        if self.waits:
            self.held.append(flush)
            return
        previous = self.backlog.last
        self.backlog.add(flush)
        for trigger in self.triggers:
            trigger.notice(flush, previous)

    def _wait(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_at(min(loop.time() + seconds, self._waits_until), self._go_on)

    def _go_on(self) -> None:
        self._timer, self._joined = None, 0
        held, self.held = self.held, []
        for flush in held:
            self.deliver(flush)


class WalTriggers:
    """The triggers on writes, by database.

    Args:
        log: The log that flushes come from.
    """

    def __init__(self, log: WriteLog) -> None:
        self._log = log
        self._arrived = 0
        self._databases: dict[str, _Followed] = {}

    def start(self) -> None:
        """Begin, before anything is written: what the log has now will not be delivered."""
        self._arrived = self._log.last

    def backlog(self, database: str) -> Backlog:
        """The flushes of a database, for a trigger that is added next."""
        if database in self._databases:
            return self._databases[database].backlog
        return Backlog(database, self._log, self._arrived)

    def join(self, database: str) -> int:
        """The sequence after which a trigger that is added next begins: now, or the last delivery to the others."""
        followed = self._databases.get(database)
        if followed is None:
            return self._log.last
        followed.join()
        return followed.held[0].sequence - 1 if followed.held else self._arrived

    def add(self, trigger: WalTrigger, backlog: Backlog) -> None:
        """Deliver to a trigger from now on."""
        self._databases.setdefault(trigger.trigger.database, _Followed(backlog)).triggers.append(trigger)

    def remove(self, trigger: WalTrigger) -> None:
        """Deliver to a trigger no more."""
        followed = self._databases[trigger.trigger.database]
        followed.leave(trigger)
        if not followed.triggers:
            followed.close()
            del self._databases[trigger.trigger.database]

    def wait(self, database: str) -> bool:
        """Whether deliveries wait, since a trigger has just joined the others."""
        return database in self._databases and self._databases[database].waits

    async def finish(self, trigger: WalTrigger) -> None:
        """Let a trigger see what was delivered until now, and nothing more.

        It is left to its successor where one has just joined: then it has more time. What takes longer is interrupted
        when the trigger is stopped.
        """
        patience = _LONGEST_FINISH if self.wait(trigger.trigger.database) else _PATIENCE
        with suppress(TimeoutError):
            async with asyncio.timeout(_LONGEST_FINISH):
                await trigger.finish(patience)

    def deliver(self, flush: Flush) -> None:
        """Tell the triggers of its database of a flush."""
        self._arrived = flush.sequence
        followed = self._databases.get(flush.database)
        if followed is not None:
            followed.deliver(flush)

    def tidy(self) -> None:
        """Drop from memory what all triggers have seen, and let go of the log what none is to see."""
        for followed in self._databases.values():
            if not followed.held:
                for trigger in followed.triggers:
                    trigger.skip(self._arrived)
            followed.backlog.trim(min(trigger.position for trigger in followed.triggers))
