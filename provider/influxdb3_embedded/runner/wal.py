"""Triggers on writes: ``all_tables`` and ``table:NAME`` (contract 4.4 and 4.6)."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from influxdb3_embedded.model import TableBatch
from influxdb3_embedded.runner.execution import RunFailed, wal_call
from influxdb3_embedded.runner.triggers import ActiveTrigger, Surroundings
from influxdb3_engine_api.specification import Table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.model import Flush, Row, Trigger
    from influxdb3_embedded.runner.sources import PluginSource

_MAX_WAITING = 60
"""Flushes that wait for a trigger one by one, the length of the server's queue. Where that blocks writes, here further
flushes are merged into the last one: a slow plugin gets its rows in fewer, larger calls."""


class WalTrigger(ActiveTrigger):
    """Runs once a flush, with the rows of its tables.

    Args:
        trigger: Its definition.
        source: Its plugin.
        surroundings: What it runs in.
    """

    def __init__(self, trigger: Trigger, source: PluginSource, surroundings: Surroundings) -> None:
        super().__init__(trigger, source, surroundings, "wal")
        self._waiting: deque[list[TableBatch]] = deque()
        self._arrival = asyncio.Event()

    def start(self) -> None:
        """Begin to run what is delivered."""
        self._spawn(self._consume())

    def deliver(self, flush: Flush) -> None:
        """Queue a flush of the trigger's database; a flush without rows for it is no reason to run."""
        specification = self.trigger.specification
        batches = [
            batch
            for batch in flush.batches
            if not isinstance(specification, Table) or batch.table_name == specification.name
        ]
        if not batches:
            return
        if len(self._waiting) < _MAX_WAITING:
            self._waiting.append(batches)
        else:
            self._waiting[-1] += batches
        self._arrival.set()

    async def _consume(self) -> None:
        while not self._failed:
            if not self._waiting:
                self._arrival.clear()
                await self._arrival.wait()
            await self._dispatch(wal_call(_merged(self._waiting.popleft())))

    def _error_texts(self, failure: RunFailed) -> list[str]:
        return [f"error executing wal plugin: {failure.text}"]


class WalTriggers:
    """The triggers on writes, by database."""

    def __init__(self) -> None:
        self._triggers: dict[str, list[WalTrigger]] = {}

    def add(self, trigger: WalTrigger) -> None:
        """Deliver to a trigger from now on."""
        self._triggers.setdefault(trigger.trigger.database, []).append(trigger)

    def remove(self, trigger: WalTrigger) -> None:
        """Deliver to a trigger no more."""
        database = trigger.trigger.database
        remaining = [other for other in self._triggers.pop(database, []) if other is not trigger]
        if remaining:
            self._triggers[database] = remaining

    def deliver(self, flush: Flush) -> None:
        """Queue a flush for the triggers of its database."""
        for trigger in self._triggers.get(flush.database, ()):
            trigger.deliver(flush)


def _merged(batches: list[TableBatch]) -> Sequence[TableBatch]:
    """Return one batch a table, tables in the order of first appearance."""
    if len({batch.table_name for batch in batches}) == len(batches):
        return batches
    tables: dict[str, list[Row]] = {}
    for batch in batches:
        tables.setdefault(batch.table_name, []).extend(batch.rows)
    return [TableBatch(name, rows) for name, rows in tables.items()]
