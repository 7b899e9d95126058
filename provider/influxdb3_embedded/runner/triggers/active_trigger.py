"""Base of started triggers: workers, tasks, and error behaviour."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NamedTuple

from influxdb3_embedded.runner.logbook import LogLevel
from influxdb3_embedded.runner.processes.caches import CacheNamespace, Scopes
from influxdb3_embedded.runner.processes.workers import MAX_OVERLAP, TriggerWorkers, WorkerFactory, WorkerUnavailable
from influxdb3_embedded.runner.triggers.effects import LiveEffects
from influxdb3_embedded.runner.triggers.execution import Call, RunFailed, execute
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from influxdb3_embedded.model import Trigger, TriggerKey
    from influxdb3_embedded.runner.logbook import LogBook
    from influxdb3_embedded.runner.outcomes import PluginResponse
    from influxdb3_embedded.runner.plugin_backend import PluginBackend
    from influxdb3_embedded.runner.plugins.sources import PluginSource

_FIRST_RETRY = 1.0
"""Seconds before the first retry; doubles with each retry."""

_LAST_RETRY = 60.0
"""Longest pause between retries in seconds (a deviation: the real server retries without a pause)."""

logger = logging.getLogger(__name__)


class TriggerContext(NamedTuple):
    """What all triggers share.

    Attributes:
        backend: Runs queries and writes.
        logs: The log table.
        factory: Makes workers.
        shared_cache: The global cache of plugins.
        time_limit: Seconds that a run may take; None for no limit.
        on_failed: Called after the failure of a trigger with error behaviour ``disable``.
    """

    backend: PluginBackend
    logs: LogBook
    factory: WorkerFactory
    shared_cache: CacheNamespace
    time_limit: float | None
    on_failed: Callable[[TriggerKey], None]


class ActiveTrigger:
    """A trigger that has been started.

    Args:
        trigger: The definition.
        source: The plugin.
        context: What all triggers share.
        kind: ``wal``, ``schedule`` or ``request``.
    """

    def __init__(self, trigger: Trigger, source: PluginSource, context: TriggerContext, kind: str) -> None:
        self.trigger = trigger
        self._source = source
        self._context = context
        self._workers = TriggerWorkers(
            context.factory,
            trigger.name,
            Scopes(CacheNamespace(), context.shared_cache),
            run_async=trigger.run_async,
        )
        self._effects = LiveEffects(context.backend, context.logs, trigger.name, trigger.database, kind)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._turns = asyncio.Semaphore(MAX_OVERLAP)
        self._failed = False
        self._waiting_for_processes = 0

    def start(self) -> None:
        """Start to run; request triggers wait for calls."""

    async def stop(self) -> None:
        """Interrupt all runs, end their processes and drop cached values; takes about a second at most."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._workers.close()

    def _spawn(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._finish)
        return task

    async def _dispatch(self, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run now. Wait for the end of the run, or with ``run_async`` only for its start."""
        if not self.trigger.run_async:
            await run()
            return
        await self._turns.acquire()
        self._spawn(run()).add_done_callback(lambda _: self._turns.release())

    async def _run(self, call: Call) -> None:
        """Run, and follow the error behaviour after a failure (contract 3.2)."""
        pause = _FIRST_RETRY
        while not self._failed:
            try:
                await self._run_once(call)
            except RunFailed as failure:
                self._log_failure(failure)
            else:
                return
            if self.trigger.error_behavior is ErrorBehavior.LOG:
                return
            if self.trigger.error_behavior is ErrorBehavior.DISABLE:
                self._failed = True
                self._context.on_failed(self.trigger.key)
                return
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_RETRY)

    async def _run_once(self, call: Call) -> PluginResponse | None:
        """Run in a worker.

        Raises:
            RunFailed: The run failed.
        """
        self._waiting_for_processes += 1
        waits = True
        try:
            async with self._workers.lease(self._source) as (worker, code):
                self._waiting_for_processes -= 1
                waits = False
                try:
                    return await execute(
                        worker,
                        code,
                        call,
                        arguments=self.trigger.arguments,
                        effects=self._effects,
                        time_limit=self._context.time_limit,
                    )
                except asyncio.CancelledError:
                    self._effects.log(LogLevel.WARN, "execution was interrupted: the trigger was stopped")
                    raise
        except WorkerUnavailable as error:
            raise RunFailed(str(error), "process") from error
        finally:
            self._waiting_for_processes -= waits

    def _log_failure(self, failure: RunFailed) -> None:
        for text in (*self._error_texts(failure), *failure.traceback):
            self._effects.log(LogLevel.ERROR, text)

    def _error_texts(self, failure: RunFailed) -> list[str]:
        """Return the server's own error rows for a failed run."""
        raise NotImplementedError

    def _finish(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, RunFailed):
            logger.error("trigger %s of %s failed", self.trigger.name, self.trigger.database, exc_info=error)
