"""Watching the first runs of a new definition in its trigger's log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError, ErrorBehavior
from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.server.remedies import with_remedy
from influxdb3_engine_resources.server.retry import is_server_fault, with_retries
from influxdb3_engine_resources.triggers.inputs import label
from influxdb3_engine_resources.triggers.run_ends import FINISHED, STARTED
from influxdb3_engine_resources.triggers.steps import TriggerSteps

if TYPE_CHECKING:
    from datetime import datetime

    from influxdb3_engine_api.wire import LogRow
    from influxdb3_engine_resources.server.engine import Engine
    from influxdb3_engine_resources.triggers.inputs import TriggerInputs, WatchInputs
    from influxdb3_engine_resources.triggers.watched_code import WatchedCode

_SECONDS_BETWEEN_LOOKS = 0.25


class FirstRuns:
    """The runs of a trigger since ``begin``; the log has no databases (contract 7.2).

    Args:
        inputs: The new definition. If it is not watched, nothing is read and no run fails.
        engine: The server.
        code: The new code of its plugin; None if the code is unchanged. If a run fails, the previous code is put back.
    """

    def __init__(self, inputs: TriggerInputs, engine: Engine, code: WatchedCode | None = None) -> None:
        self._inputs, self._engine, self._code = inputs, engine, code
        self._watch = None if inputs.disabled else inputs.watch
        self._steps = TriggerSteps(engine, inputs.db)
        self._since: dict[str, datetime | None] = {}

    def begin(self, candidate: str | None = None) -> None:
        """Note the end of the log: after the old definition has stopped, and before the new one starts.

        Args:
            candidate: The name of the candidate; its errors count, too. None: the trigger's own name.

        Raises:
            EngineApiError: The log cannot be read.
        """
        if self._watch is None:
            return
        name = candidate or self._inputs.trigger_name
        newest = self._rows(name, limit=1)
        self._since[name] = newest[-1].event_time if newest else None

    def failure(self) -> str | None:
        """Error of the first failed run, or None if no run failed. A notice says if the log cannot be read.

        After a failed run, puts the previous code back if the code has changed.
        """
        if self._watch is None:
            return None
        try:
            failure = self._failure(self._watch)
        except EngineApiError as error:
            notice(f"{label(self._inputs)} is live and was not watched to the end: {with_remedy(error)}")
            return None
        if failure and self._code:
            return f"{self._code.put_back(label(self._inputs))}: {failure}"
        return failure

    def _failure(self, watch: WatchInputs) -> str | None:
        deadline = time.monotonic() + watch.seconds
        name = self._inputs.trigger_name
        before = [row for candidate in self._since if candidate != name for row in self._new_rows(candidate)]
        while True:
            rows = self._new_rows(name)
            errors = [row.log_text for row in (*before, *rows) if row.log_level == "ERROR"]
            if errors:
                return shown("\n".join(errors))
            started = sum(row.log_text.startswith(STARTED) for row in rows)
            finished = sum(row.log_text.startswith(FINISHED) for row in rows)
            if finished >= watch.runs:
                return None
            if time.monotonic() > deadline:
                return self._unlogged_failure(watch, started, finished) if started > finished else None
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def _unlogged_failure(self, watch: WatchInputs, started: int, finished: int) -> str | None:
        """Judge runs that did not finish: servers log no error if they retry or disable (contract 3.2)."""
        settings = self._inputs.trigger_settings
        behavior = settings.error_behavior
        if behavior is ErrorBehavior.LOG:
            return None
        runs = f"{started} started and {finished} finished in {watch.seconds:g} s"
        # without run_async, a run starts only after the last one has ended
        if behavior is ErrorBehavior.RETRY and not settings.run_async and started > finished + 1:
            return f"{runs}, so a run failed; the server's own output says why"
        live = self._steps.live(self._inputs.trigger_name, fresh=True)
        if behavior is ErrorBehavior.DISABLE and live is not None and live.row.disabled:
            return f"{runs}, and the server has disabled it, so a run failed; the server's own output says why"
        notice(
            f"{label(self._inputs)} is live, and it is unknown whether its runs fail: {runs}, and with "
            f"error_behavior={behavior.value!r} the server logs no error. Watch it with error_behavior='log' first"
        )
        return None

    def _new_rows(self, name: str) -> list[LogRow]:
        since = self._since[name]
        return [row for row in self._rows(name, limit=1000) if since is None or row.event_time > since]

    def _rows(self, name: str, limit: int) -> list[LogRow]:
        return with_retries(
            lambda: self._engine.client.trigger_logs(self._inputs.db, name, limit=limit), retry_on=is_server_fault
        )
