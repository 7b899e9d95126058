"""Starts and stops triggers, and gives them flushes and requests."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from influxdb3_embedded.runner.logbook import LogLevel
from influxdb3_embedded.runner.outcomes import DryRun
from influxdb3_embedded.runner.plugins.plugin_paths import PluginFileError
from influxdb3_embedded.runner.processes.caches import CacheNamespace
from influxdb3_embedded.runner.processes.dry_run_caches import DryRunCaches
from influxdb3_embedded.runner.processes.workers import WorkerFactory, WorkerUnavailable
from influxdb3_embedded.runner.triggers.active_trigger import TriggerContext
from influxdb3_embedded.runner.triggers.effects import RecordedEffects
from influxdb3_embedded.runner.triggers.execution import Call, RunFailed, execute, schedule_call, wal_call
from influxdb3_embedded.runner.triggers.positions import Positions
from influxdb3_embedded.runner.triggers.request_trigger import RequestPaths, RequestTrigger
from influxdb3_embedded.runner.triggers.schedule_trigger import ScheduleTrigger
from influxdb3_embedded.runner.triggers.wal_trigger import WalTrigger, WalTriggers
from influxdb3_engine_api.specification import Cron, Every, Request

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping, Sequence
    from datetime import datetime

    from influxdb3_embedded.model import Flush, TableBatch, Trigger, TriggerKey
    from influxdb3_embedded.runner.logbook import LogBook
    from influxdb3_embedded.runner.outcomes import PluginResponse
    from influxdb3_embedded.runner.plugin_backend import PluginBackend
    from influxdb3_embedded.runner.plugins.directory import PluginDirectory
    from influxdb3_embedded.runner.plugins.environment import PluginEnvironment
    from influxdb3_embedded.runner.plugins.sources import PluginSource
    from influxdb3_embedded.runner.triggers.active_trigger import ActiveTrigger
    from influxdb3_embedded.runner.triggers.write_log import WriteLog

_SECONDS_BETWEEN_BOOKKEEPING = 0.25
"""A WAL trigger repeats the runs that ended in this time before a crash. Less time means more commits to the log."""

logger = logging.getLogger(__name__)


class Runner:
    """Runs the plugins of triggers in worker processes.

    All calls come from one event loop.

    Args:
        environment: The interpreter and packages of plugins; created in the background if missing.
        directory: The code of plugins.
        backend: Runs the queries and writes of plugins.
        logs: Log rows about runs.
        write_log: Has the flushes, and stores the positions of WAL triggers.
        time_limit: Seconds after which a run is killed; None for no limit, as in the real server.
    """

    def __init__(
        self,
        *,
        environment: PluginEnvironment,
        directory: PluginDirectory,
        backend: PluginBackend,
        logs: LogBook,
        write_log: WriteLog,
        time_limit: float | None = None,
    ) -> None:
        self._directory = directory
        self._backend = backend
        self._logs = logs
        self._time_limit = time_limit
        self._factory = WorkerFactory(environment)
        self._context = TriggerContext(
            backend, logs, self._factory, CacheNamespace(), time_limit, self._disable_after_error
        )
        self._dry_run_caches = DryRunCaches()
        self._triggers: dict[TriggerKey, ActiveTrigger] = {}
        self._request_paths = RequestPaths()
        self._wal_triggers = WalTriggers(write_log)
        self._positions = Positions(write_log)
        self._bookkeeping: asyncio.Task[None] | None = None
        # One start or stop of a trigger at a time; triggers do not wait for each other.
        self._locks: WeakValueDictionary[TriggerKey, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Prepare in the background; call this before the first write."""
        self._wal_triggers.start()
        self._bookkeeping = asyncio.create_task(self._keep_books())
        self._spawn(self._prepare())

    async def resume(self, triggers: Sequence[Trigger]) -> None:
        """Start the triggers that ran when the last process stopped or died.

        WAL triggers continue at their stored positions. Interrupted runs are repeated.

        Args:
            triggers: Definitions in the order to start them.
        """
        self._positions.resume({trigger.key for trigger in triggers})
        for trigger in triggers:
            await self.start_trigger(trigger)

    async def stop(self) -> None:
        """Interrupt all runs and end all processes; takes about a second at most."""
        if self._bookkeeping is not None:
            self._bookkeeping.cancel()
        await asyncio.gather(*(self._interrupt(key) for key in list(self._triggers)))
        # These tasks record which triggers an error has disabled.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._positions.save()
        await self._factory.close()

    async def start_trigger(self, trigger: Trigger, source: PluginSource | None = None) -> None:
        """Start a trigger from now, or restart it.

        If the plugin is missing, this logs an error and does not start the trigger. The API has checked the plugin
        before it created the trigger (contract 1.2).

        Args:
            trigger: The definition.
            source: The plugin's source. Default: read from the plugin directory.
        """
        async with self._lock(trigger.key):
            await self._stop(trigger.key, forget=True)
            try:
                source = source or await self._directory.load(trigger.plugin_filename)
            except PluginFileError as error:
                logger.error("trigger %s of %s was not started: %s", trigger.name, trigger.database, error.text)
                self._logs.append(trigger.name, LogLevel.ERROR, f"error starting trigger: {error.text}")
                self._positions.forget(trigger.key)
                return
            active = self._activate(trigger, source)
            self._triggers[trigger.key] = active
            active.start()

    async def finish_trigger(self, key: TriggerKey) -> None:
        """Run a WAL trigger on all earlier writes and on no later one, if that takes no long runs.

        Args:
            key: The trigger; the caller stops it next. Does nothing for other kinds and for stopped triggers.
        """
        active = self._triggers.get(key)
        if not isinstance(active, WalTrigger):
            return
        if not self._wal_triggers.holds(key.database):
            await self._positions.settled()
        if self._triggers.get(key) is active:
            await self._wal_triggers.finish(active)

    def go_on(self, key: TriggerKey) -> None:
        """Continue a trigger that was not stopped after `finish_trigger`."""
        active = self._triggers.get(key)
        if isinstance(active, WalTrigger):
            active.go_on()

    async def stop_trigger(self, key: TriggerKey) -> None:
        """Stop a trigger: interrupt its runs and drop its cached values; takes about a second at most.

        Args:
            key: The trigger. Does nothing if it is stopped already.
        """
        async with self._lock(key):
            await self._stop(key, forget=True)

    def deliver(self, flush: Flush) -> None:
        """Give a flush to the WAL triggers of its database; never waits for their plugins."""
        self._wal_triggers.deliver(flush)

    async def call_request(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> PluginResponse | None:
        """Call the request trigger on a path.

        Args:
            path: The undecoded part of the URL's path after ``/api/v3/engine/``.
            query: Decoded query parameters.
            headers: Lower-case names and values, without ``authorization``.
            body: The decompressed body.

        Returns:
            The plugin's response; None if no trigger has the path.

        Raises:
            PluginFailed: The plugin failed.
        """
        trigger = self._request_paths.find(path)
        return None if trigger is None else await trigger.call(query, headers, body)

    async def dry_run_wal(
        self,
        filename: str,
        database: str,
        batches: Sequence[TableBatch],
        arguments: Mapping[str, str] | None,
        cache_name: str | None,
    ) -> DryRun:
        """Run a WAL plugin and discard its writes (contract 6).

        Args:
            filename: The plugin, as triggers name it.
            database: The database of the dry run.
            batches: Rows for the plugin.
            arguments: Arguments for the plugin.
            cache_name: Name of the cache that dry runs share; None for the default cache.

        Raises:
            PluginFileError: There is no such plugin.
        """
        return await self._dry_run(filename, database, wal_call(batches), arguments, cache_name)

    async def dry_run_schedule(
        self,
        filename: str,
        database: str,
        call_time: datetime,
        arguments: Mapping[str, str] | None,
        cache_name: str | None,
    ) -> DryRun:
        """Run a schedule plugin and discard its writes (contract 6).

        Args:
            filename: The plugin, as triggers name it.
            database: The database of the dry run.
            call_time: The nominal time, with a time zone.
            arguments: Arguments for the plugin.
            cache_name: Name of the cache that dry runs share; None for the default cache.

        Raises:
            PluginFileError: There is no such plugin.
        """
        return await self._dry_run(filename, database, schedule_call(call_time), arguments, cache_name)

    async def _dry_run(
        self, filename: str, database: str, call: Call, arguments: Mapping[str, str] | None, cache_name: str | None
    ) -> DryRun:
        source = await self._directory.load(filename)
        cache = self._dry_run_caches.named(cache_name)
        effects = RecordedEffects(self._backend, database)
        worker = cache.take_worker(filename, self._factory.generation)
        if worker is None:
            try:
                # A new process sees the newest packages, and no other run waits for it.
                worker = await self._factory.make(f"dry run of {filename}", cache.scopes, resident_cache=False)
            except WorkerUnavailable as error:
                return DryRun(error=f"error executing plugin: {error}")
        try:
            await execute(
                worker,
                source.current(),
                call,
                arguments=arguments,
                effects=effects,
                time_limit=self._time_limit,
            )
        except RunFailed as failure:
            return DryRun(error=f"error executing plugin: {failure.text}")
        finally:
            cache.give_back(worker, filename)
        return DryRun(effects.log_lines, effects.writes)

    async def _keep_books(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS_BETWEEN_BOOKKEEPING)
            self._wal_triggers.tidy()
            await self._positions.save()

    async def _prepare(self) -> None:
        try:
            await self._factory.prepare()
        except WorkerUnavailable as error:
            logger.error("%s", error)

    def _activate(self, trigger: Trigger, source: PluginSource) -> ActiveTrigger:
        specification = trigger.specification
        if isinstance(specification, Request):
            request_trigger = RequestTrigger(trigger, source, self._context)
            self._request_paths.add(specification.path, request_trigger)
            return request_trigger
        if isinstance(specification, Cron | Every):
            return ScheduleTrigger(trigger, source, self._context, specification)
        backlog = self._wal_triggers.backlog(trigger.database)
        position = self._positions.resumed(trigger.key)
        if position is None:
            position = self._wal_triggers.join(trigger.database)
        wal_trigger = WalTrigger(trigger, source, self._context, backlog, position)
        self._wal_triggers.add(wal_trigger, backlog)
        self._positions.begin(trigger.key, wal_trigger)
        return wal_trigger

    async def _interrupt(self, key: TriggerKey) -> None:
        """Stop a trigger that the next process starts again."""
        async with self._lock(key):
            await self._stop(key, forget=False)

    async def _stop(self, key: TriggerKey, *, forget: bool) -> None:
        active = self._triggers.pop(key, None)
        if active is None:
            return
        if isinstance(active, RequestTrigger) and isinstance(active.trigger.specification, Request):
            self._request_paths.remove(active.trigger.specification.path, active)
        if isinstance(active, WalTrigger):
            self._wal_triggers.remove(active)
            if forget:
                self._positions.forget(key)
        await active.stop()

    def _lock(self, key: TriggerKey) -> asyncio.Lock:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        return lock

    def _disable_after_error(self, key: TriggerKey) -> None:
        # A separate task: stopping the trigger waits for the failed run, which calls this.
        self._spawn(self._disable(key))

    async def _disable(self, key: TriggerKey) -> None:
        await self.stop_trigger(key)
        await self._backend.disabled_by_error(key)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
