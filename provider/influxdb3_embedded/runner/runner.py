"""The door of the plugin runtime: starts and stops triggers, hands them what they run on."""

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
"""Runs of WAL triggers that ended in this time before a crash are run again; each storing is a commit of the log."""

logger = logging.getLogger(__name__)


class Runner:
    """Runs the plugins of triggers in worker processes.

    All methods belong to one event loop.

    Args:
        environment: The interpreter and packages of plugins; made if it is missing, without anybody waiting for it but
            the first run.
        directory: Where plugins lie.
        backend: The engine that they read and write.
        logs: Where rows about runs go.
        write_log: Where flushes come from, and where is kept how far WAL triggers have come.
        time_limit: Seconds that a run may take before it is killed; ``None`` for no limit, as in the server.
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
        # Starting and stopping one trigger wait for each other; those of another trigger wait for nothing.
        self._locks: WeakValueDictionary[TriggerKey, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Get ready in the background, before anything is written; returns at once."""
        self._wal_triggers.start()
        self._bookkeeping = asyncio.create_task(self._keep_books())
        self._spawn(self._prepare())

    async def resume(self, triggers: Sequence[Trigger]) -> None:
        """Start the triggers that were started when the last process stopped or died.

        Those on writes go on where they were: what they had not seen, and runs that were interrupted, come first.

        Args:
            triggers: Their definitions, in the order to start them in.
        """
        self._positions.resume({trigger.key for trigger in triggers})
        for trigger in triggers:
            await self.start_trigger(trigger)

    async def stop(self) -> None:
        """Interrupt all runs and end all processes; takes at most about a second."""
        if self._bookkeeping is not None:
            self._bookkeeping.cancel()
        await asyncio.gather(*(self._interrupt(key) for key in list(self._triggers)))
        # What a failed trigger still has to tell the server is not to be lost.
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._positions.save()
        await self._factory.close()

    async def start_trigger(self, trigger: Trigger, source: PluginSource | None = None) -> None:
        """Start a trigger from now; one that is started already is started anew.

        A plugin that cannot be found is logged and the trigger left alone: whoever creates a trigger has asked the
        plugin directory before (contract 1.2).

        Args:
            trigger: Its definition.
            source: Its plugin's source; read now where it is not given.
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
        """Let a trigger on writes see what was written before, as far as that takes no long runs, and nothing more.

        Args:
            key: The trigger, which is to be stopped next; nothing happens where it is another kind, or not started.
        """
        active = self._triggers.get(key)
        if not isinstance(active, WalTrigger):
            return
        if not self._wal_triggers.wait(key.database):
            await self._positions.settled()
        if self._triggers.get(key) is active:
            await self._wal_triggers.finish(active)

    def go_on(self, key: TriggerKey) -> None:
        """Let a trigger go on that was not stopped after `finish_trigger`."""
        active = self._triggers.get(key)
        if isinstance(active, WalTrigger):
            active.go_on()

    async def stop_trigger(self, key: TriggerKey) -> None:
        """Stop a trigger: interrupt what it runs, forget its cached values. Returns within about a second.

        Args:
            key: The trigger; nothing happens where it is not started.
        """
        async with self._lock(key):
            await self._stop(key, forget=True)

    def deliver(self, flush: Flush) -> None:
        """Hand a flush to the triggers that it is for; returns at once however slow their plugins are.

        Args:
            flush: What was written.
        """
        self._wal_triggers.deliver(flush)

    async def call_request(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> PluginResponse | None:
        """Call the request trigger on a path.

        Args:
            path: What follows ``/api/v3/engine/``, not decoded.
            query: Decoded query parameters.
            headers: Lower-case names and values, without ``authorization``.
            body: The decompressed body.

        Returns:
            What the plugin answered; ``None`` where no trigger is on the path.

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
        """Run a WAL plugin without storing what it writes (contract 6).

        Args:
            filename: The plugin, as triggers name it.
            database: The database it is to believe itself in.
            batches: The rows it gets.
            arguments: The arguments it gets.
            cache_name: The cache it shares with other dry runs; ``None`` for the common one.

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
        """Run a schedule plugin without storing what it writes (contract 6).

        Args:
            filename: The plugin, as triggers name it.
            database: The database it is to believe itself in.
            call_time: The nominal time, aware.
            arguments: The arguments it gets.
            cache_name: The cache it shares with other dry runs; ``None`` for the common one.

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
                # Its own process each time: it sees the newest packages, and nobody waits for it.
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
        # In a task of its own: the run that failed is one of those that stopping waits for.
        self._spawn(self._disable(key))

    async def _disable(self, key: TriggerKey) -> None:
        await self.stop_trigger(key)
        await self._backend.disabled_by_error(key)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
