"""Request triggers, ``request:PATH``, and their paths (contract 1.5 and 2.5)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from influxdb3_embedded.runner.outcomes import PluginFailed, PluginResponse
from influxdb3_embedded.runner.triggers.active_trigger import ActiveTrigger, TriggerContext
from influxdb3_embedded.runner.triggers.execution import RunFailed, request_call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from influxdb3_embedded.model import Trigger
    from influxdb3_embedded.runner.plugins.sources import PluginSource

_HANDLER_DOWN = "Processing engine error: request handler for trigger down"


class RequestTrigger(ActiveTrigger):
    """Runs its plugin for each request to its path.

    Args:
        trigger: The definition.
        source: The plugin.
        context: What all triggers share.
    """

    def __init__(self, trigger: Trigger, source: PluginSource, context: TriggerContext) -> None:
        super().__init__(trigger, source, context, "request")

    async def call(self, query: Mapping[str, str], headers: Mapping[str, str], body: bytes) -> PluginResponse:
        """Run the plugin with a request; the run goes on if the caller is cancelled.

        Raises:
            PluginFailed: The run failed, or was stopped with its trigger.
        """
        run = self._spawn(self._run_once(request_call(query, headers, body)))
        try:
            response: PluginResponse = await asyncio.shield(run)
        except RunFailed as failure:
            self._log_failure(failure)
            raise PluginFailed(_HANDLER_DOWN if failure.stage == "header" else _worded(failure)) from failure
        except asyncio.CancelledError:
            if run.cancelled():
                raise PluginFailed(_HANDLER_DOWN) from None
            raise
        return response

    def _error_texts(self, failure: RunFailed) -> list[str]:
        return [f"error running request plugin: {_worded(failure)}"]


class RequestPaths:
    """Paths and their triggers, for the whole server.

    The trigger that was started last answers on a path. When it stops, the trigger that was started before it answers
    again (a deviation: the real server then leaves the path without a trigger).
    """

    def __init__(self) -> None:
        self._triggers: dict[str, list[RequestTrigger]] = {}

    def add(self, path: str, trigger: RequestTrigger) -> None:
        """Give a path to a trigger."""
        self._triggers.setdefault(path, []).append(trigger)

    def remove(self, path: str, trigger: RequestTrigger) -> None:
        """Take a path from a trigger."""
        remaining = [other for other in self._triggers.pop(path, []) if other is not trigger]
        if remaining:
            self._triggers[path] = remaining

    def find(self, path: str) -> RequestTrigger | None:
        """Return the trigger that answers on an undecoded path, or None."""
        triggers = self._triggers.get(path)
        return triggers[-1] if triggers else None


def _worded(failure: RunFailed) -> str:
    return f"Python function call failed: {failure.text}" if failure.stage == "call" else failure.text
