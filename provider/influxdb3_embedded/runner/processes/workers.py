"""The workers of triggers: made for a run, kept for the next one, replaced when they are outdated."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from influxdb3_embedded.runner.processes.idle_workers import IdleWorkers
from influxdb3_embedded.runner.processes.turns import Turns
from influxdb3_embedded.runner.processes.worker import Worker
from influxdb3_embedded.runner.processes.worker_process import WorkerProcess
from influxdb3_embedded.runner.processes.worker_zygote import WorkerZygoteClient, ZygoteGone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from influxdb3_embedded.runner.plugins.environment import PluginEnvironment
    from influxdb3_embedded.runner.plugins.sources import PluginCode, PluginSource
    from influxdb3_embedded.runner.processes.caches import Scopes

MAX_OVERLAP = 64
"""Most overlapping runs of one trigger; more runs wait."""

_ATTEMPTS = 3


class WorkerUnavailable(Exception):
    """A worker cannot be made; the text says why."""


class WorkerFactory:
    """Makes workers, and the zygote that forks them.

    Args:
        environment: The plugins' virtual environment. When its packages change, a new zygote is started: only a new
            interpreter sees all new packages.

    Attributes:
        idle: Workers without state that wait for another run.
    """

    def __init__(self, environment: PluginEnvironment) -> None:
        self.idle = IdleWorkers()
        self._environment = environment
        self._sending = asyncio.Lock()
        self._turns = Turns()
        self._starting = asyncio.Lock()
        self._zygote: WorkerZygoteClient | None = None
        self._retired: list[WorkerZygoteClient] = []

    @property
    def generation(self) -> int:
        """The state of the environment that new workers see."""
        return self._environment.generation

    async def prepare(self) -> None:
        """Start the zygote, so that the first run does not wait for it.

        Raises:
            WorkerUnavailable: The zygote cannot be started.
        """
        await self._current_zygote()

    async def make(self, label: str, scopes: Scopes, *, resident_cache: bool, overlapping: bool = False) -> Worker:
        """Make a worker; takes about 2 ms.

        Args:
            label: What lines that plugins print are logged under.
            scopes: The cached values that lie in the server.
            resident_cache: Whether the trigger's own cached values lie in the worker.
            overlapping: Whether further workers can be made in its process.

        Raises:
            WorkerUnavailable: It cannot be made.
        """
        # A trigger that is stopped now must not disturb the zygote's conversation with others.
        making = asyncio.create_task(self._make(label, scopes, resident_cache, overlapping))
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_end_process)
            raise

    async def _make(self, label: str, scopes: Scopes, resident_cache: bool, overlapping: bool) -> Worker:
        for _ in range(_ATTEMPTS):
            zygote = await self._current_zygote()
            try:
                process = await WorkerProcess.fork(
                    zygote, label, self._turns, resident_cache=resident_cache, overlapping=overlapping
                )
                return await self.connect(process, scopes)
            except ZygoteGone:
                continue
            except OSError as error:
                raise WorkerUnavailable(f"plugin process could not be started: {error}") from error
        raise WorkerUnavailable("plugin process could not be started")

    async def connect(self, process: WorkerProcess, scopes: Scopes) -> Worker:
        """Connect to a process; see `Worker.connect`."""
        return await Worker.connect(process, scopes, self._sending, self._turns)

    async def close(self) -> None:
        """End all workers."""
        async with self._starting:
            zygotes = [zygote for zygote in (self._zygote, *self._retired) if zygote is not None]
            await asyncio.gather(*(zygote.close() for zygote in zygotes))

    async def _current_zygote(self) -> WorkerZygoteClient:
        async with self._starting:
            zygote = self._zygote
            if zygote is not None and zygote.alive and zygote.generation == self._environment.generation:
                return zygote
            self._retired = [retired for retired in self._retired if retired.alive]
            if zygote is not None:
                zygote.retire()
                self._retired.append(zygote)
            try:
                self._zygote = await WorkerZygoteClient.start(self._environment, self._turns)
            except OSError as error:
                self._zygote = None
                raise WorkerUnavailable(f"plugin process could not be started: {error}") from error
            return self._zygote


class TriggerWorkers:
    """The workers of one trigger.

    Without ``run_async`` there is one worker, which has the trigger's cached values, and runs are in order. With
    ``run_async`` runs overlap: in threads of one process if the plugin may share objects between runs, otherwise in
    processes of their own.

    Args:
        factory: Makes workers.
        label: The name in the log: the trigger's.
        scopes: The cached values that are in the engine.
        run_async: Whether runs overlap.
    """

    def __init__(self, factory: WorkerFactory, label: str, scopes: Scopes, *, run_async: bool) -> None:
        self._factory = factory
        self._label = label
        self._scopes = scopes
        self._run_async = run_async
        self._turns = asyncio.Semaphore(MAX_OVERLAP if run_async else 1)
        self._idle: list[Worker] = []
        self._home: WorkerProcess | None = None
        self._moving = asyncio.Lock()
        self._closed = False

    @asynccontextmanager
    async def lease(self, source: PluginSource) -> AsyncIterator[tuple[Worker, PluginCode]]:
        """Lend a worker for one run, and return it with the code to run.

        Args:
            source: The trigger's plugin; read just before the run.

        Raises:
            WorkerUnavailable: A worker cannot be made.
        """
        async with self._turns:
            code = source.current()
            worker = await self._take(overlapping=self._run_async and code.shares_objects)
            worker.process.begin_run()
            try:
                yield worker, code
            finally:
                self._give_back(worker)
                if worker.process.leaving:
                    # A run in it does not stop: its cached values move to a new process before it is ended.
                    with suppress(WorkerUnavailable):
                        self._idle.append(await self._take_thread())
                await worker.process.end_run()

    def close(self) -> None:
        """End idle workers now, and the others after their runs."""
        self._closed = True
        for worker in self._idle:
            self._factory.idle.remove(worker)
            worker.discard()
        self._idle.clear()
        if self._home is not None:
            self._home.kill()

    async def _take(self, *, overlapping: bool) -> Worker:
        handed_over: list[bytes] = []
        while self._idle:
            worker = self._idle.pop()
            self._factory.idle.remove(worker)
            if not worker.alive:
                continue
            if worker.generation == self._factory.generation and worker.process.overlapping == overlapping:
                return worker
            try:
                if not self._run_async:
                    handed_over = await worker.hand_over()
            finally:
                worker.discard()
        if overlapping:
            return await self._take_thread()
        return await self._make(handed_over, overlapping=False)

    async def _take_thread(self) -> Worker:
        async with self._moving:  # runs that begin at the same time share one process
            home = self._home
            handed_over: list[bytes] = []
            if home is not None and home.usable and home.generation == self._factory.generation:
                with suppress(OSError):  # the process has just ended
                    return await self._factory.connect(home, self._scopes)
            if home is not None and home.alive:
                handed_over = await self._empty(home)
            worker = await self._make(handed_over, overlapping=True)
            self._home = worker.process
            return worker

    async def _make(self, handed_over: list[bytes], *, overlapping: bool) -> Worker:
        resident_cache = overlapping or not self._run_async
        worker = await self._factory.make(
            self._label, self._scopes, resident_cache=resident_cache, overlapping=overlapping
        )
        try:
            await worker.take_over(handed_over)
        except BaseException:
            worker.process.kill()
            raise
        return worker

    async def _empty(self, home: WorkerProcess) -> list[bytes]:
        """Return the cached values of a process, and let the process end with its last run."""
        home.begin_run()
        try:
            worker = await self._factory.connect(home, self._scopes)
            return await worker.hand_over()
        except OSError:
            return []
        finally:
            home.leave()
            await home.end_run()

    def _give_back(self, worker: Worker) -> None:
        if self._closed or not worker.alive:
            worker.discard()
            return
        self._idle.append(worker)
        if not worker.process.overlapping and not (worker.has_state and not self._run_async):
            self._factory.idle.add(worker, self._idle)


def _end_process(making: asyncio.Task[Worker]) -> None:
    if not making.cancelled() and making.exception() is None:
        making.result().process.kill()
