"""The first runs of a new definition: its trigger's log, read until enough of them have ended well."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError, ErrorBehavior
from pulumi_influxdb3_engine.logic.lock_down import explained
from pulumi_influxdb3_engine.logic.notices import notice
from pulumi_influxdb3_engine.logic.retry import is_servers, repeated
from pulumi_influxdb3_engine.logic.trigger_changes import TriggerChanges
from pulumi_influxdb3_engine.logic.trigger_inputs import label

if TYPE_CHECKING:
    from datetime import datetime

    from influxdb3_engine_api.wire import LogRow
    from pulumi_influxdb3_engine.logic.engine import Engine
    from pulumi_influxdb3_engine.logic.trigger_inputs import TriggerInputs, Watch

_SECONDS_BETWEEN_LOOKS = 0.25
_STARTED = "starting execution "
_FINISHED = "finished execution in "


class FirstRuns:
    """The runs of a trigger since ``begin``; the log does not tell databases apart (contract 7.2).

    Args:
        inputs: The new definition.
        watch: For how long.
        engine: Where it runs.
    """

    def __init__(self, inputs: TriggerInputs, watch: Watch, engine: Engine) -> None:
        self._inputs, self._watch = inputs, watch
        self._client = engine.client
        self._changes = TriggerChanges(engine, inputs.db)
        self._since: datetime | None = None

    def begin(self) -> None:
        """Note what the log holds, when the previous definition has stopped and the new one has not started.

        Raises:
            EngineApiError: The log cannot be read.
        """
        newest = self._rows(limit=1)
        self._since = newest[-1].event_time if newest else None

    def failure(self) -> str | None:
        """Why the first run that failed did so; ``None`` where none did, or that cannot be told, which is said."""
        try:
            return self._failure()
        except EngineApiError as error:
            notice(f"{label(self._inputs)} is live, and was not watched to the end: {explained(error)}")
            return None

    def _failure(self) -> str | None:
        deadline = time.monotonic() + self._watch.seconds
        while True:
            rows = [row for row in self._rows(limit=1000) if self._since is None or row.event_time > self._since]
            errors = [row.log_text for row in rows if row.log_level == "ERROR"]
            if errors:
                return "\n".join(errors)
            started = sum(row.log_text.startswith(_STARTED) for row in rows)
            finished = sum(row.log_text.startswith(_FINISHED) for row in rows)
            if finished >= self._watch.runs:
                return None
            if time.monotonic() > deadline:
                return self._unlogged_failure(started, finished) if started > finished else None
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _unlogged_failure(self, started: int, finished: int) -> str | None:
        """What runs that have not finished mean: servers log no error where they retry or disable (contract 3.2)."""
        settings = self._inputs.trigger_settings
        behavior = settings.error_behavior
        if behavior is ErrorBehavior.LOG:
            return None
        runs = f"{started} started and {finished} finished in {self._watch.seconds:g} s"
        # runs that do not overlap: the next starts when the last has ended
        if behavior is ErrorBehavior.RETRY and not settings.run_async and started > finished + 1:
            return f"{runs}, so a run failed; the server's own output says why"
        live = self._changes.live(self._inputs.trigger_name, fresh=True)
        if behavior is ErrorBehavior.DISABLE and live is not None and live.row.disabled:
            return f"{runs}, and the server has disabled it, so a run failed; the server's own output says why"
        notice(
            f"{label(self._inputs)} is live, and whether its runs fail cannot be told: {runs}, and with "
            f"error_behavior={behavior.value!r} a server logs no error. Watch it with 'log' first"
        )
        return None

    def _rows(self, limit: int) -> list[LogRow]:
        name = self._inputs.trigger_name
        return repeated(lambda: self._client.trigger_logs(self._inputs.db, name, limit=limit), worth=is_servers)
