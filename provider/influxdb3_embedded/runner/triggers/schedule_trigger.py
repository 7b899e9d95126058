"""Schedule triggers: ``cron:`` and ``every:`` (contract 2.2 to 2.4)."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from influxdb3_embedded.runner.triggers.active_trigger import ActiveTrigger, TriggerContext
from influxdb3_embedded.runner.triggers.execution import RunFailed, schedule_call

if TYPE_CHECKING:
    from influxdb3_embedded.model import Trigger
    from influxdb3_embedded.runner.plugins.sources import PluginSource
    from influxdb3_engine_api.specification import Cron, Every

_LONGEST_SLEEP = 30.0
"""Seconds after which the clock is read again: the clock may be set, and the machine may sleep."""


class ScheduleTrigger(ActiveTrigger):
    """Runs its plugin at the times of its schedule.

    A long run delays later runs, but skips none: each has its own nominal time. With ``run_async`` all runs start on
    time.

    Args:
        trigger: The definition.
        source: The plugin.
        context: What all triggers share.
        schedule: The specification.
    """

    def __init__(self, trigger: Trigger, source: PluginSource, context: TriggerContext, schedule: Cron | Every) -> None:
        super().__init__(trigger, source, context, "schedule")
        self._schedule = schedule

    def start(self) -> None:
        """Start with the first time after now."""
        self._spawn(self._follow(datetime.now(UTC)))

    async def _follow(self, start: datetime) -> None:
        moment = self._schedule.next_after(start)
        while moment is not None and not self._failed:
            await _sleep_until(moment)
            await self._dispatch(partial(self._run, schedule_call(moment)))
            moment = self._schedule.next_after(moment)

    def _error_texts(self, failure: RunFailed) -> list[str]:
        run_async = "async " if self.trigger.run_async else ""
        return [
            f"error executing schedule plugin: {failure.text}",
            f"error running {run_async}scheduled plugin: {failure.text}",
        ]


async def _sleep_until(moment: datetime) -> None:
    while (remaining := (moment - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110 - time sets no event
        await asyncio.sleep(min(remaining, _LONGEST_SLEEP))
