"""Who runs a plugin next: workers are made when they are needed, kept while they are of use, and replaced."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from influxdb3_embedded.runner.idle import IdleWorkers
from influxdb3_embedded.runner.worker import Worker
from influxdb3_embedded.runner.zygote import Zygote, ZygoteGone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from influxdb3_embedded.runner.caches import Scopes
    from influxdb3_embedded.runner.environment import PluginEnvironment

MAX_OVERLAP = 64
"""Runs of one trigger that may overlap; more of them wait."""

_ATTEMPTS = 3


class WorkerUnavailable(Exception):
    """No worker can be made; the text says why."""


class WorkerFactory:
    """Makes workers, and the zygote that they are forked from.

    Args:
        environment: The plugins' virtual environment. When its packages have changed, workers come from a new zygote:
            only a new interpreter sees all of the new packages.

    Attributes:
        idle: The workers that wait for another run.
    """

    def __init__(self, environment: PluginEnvironment) -> None:
        self.idle = IdleWorkers()
        self._environment = environment
        self._starting = asyncio.Lock()
        self._zygote: Zygote | None = None
        self._retired: list[Zygote] = []

    @property
    def generation(self) -> int:
        """The state of the environment that new workers have."""
        return self._environment.generation

    async def prepare(self) -> None:
        """Start the zygote, so that the first run need not wait for it.

        Raises:
            WorkerUnavailable: It cannot be started.
        """
        await self._current_zygote()

    async def make(self, label: str, scopes: Scopes, *, resident_cache: bool) -> Worker:
        """Make a worker; takes about 2 ms.

        Args:
            label: What lines that plugins print are logged under.
            scopes: The cached values that lie in the server.
            resident_cache: Whether the trigger's own cached values lie in the worker.

        Raises:
            WorkerUnavailable: It cannot be made.
        """
        for _ in range(_ATTEMPTS):
            zygote = await self._current_zygote()
            try:
                return await Worker.fork(zygote, label, scopes, resident_cache=resident_cache)
            except ZygoteGone:
                continue
            except OSError as error:
                raise WorkerUnavailable(f"plugin process could not be started: {error}") from error
        raise WorkerUnavailable("plugin process could not be started")

    async def close(self) -> None:
        """End all workers."""
        async with self._starting:
            zygotes = [zygote for zygote in (self._zygote, *self._retired) if zygote is not None]
            await asyncio.gather(*(zygote.close() for zygote in zygotes))

    async def _current_zygote(self) -> Zygote:
        async with self._starting:
            zygote = self._zygote
            if zygote is not None and zygote.alive and zygote.generation == self._environment.generation:
                return zygote
            self._retired = [retired for retired in self._retired if retired.alive]
            if zygote is not None:
                zygote.retire()
                self._retired.append(zygote)
            try:
                self._zygote = await Zygote.start(self._environment)
            except OSError as error:
                self._zygote = None
                raise WorkerUnavailable(f"plugin process could not be started: {error}") from error
            return self._zygote


class TriggerWorkers:
    """The workers of one trigger.

    Without ``run_async`` there is one at a time, runs wait for each other in the order they came, and the trigger's
    cached values lie in it. With ``run_async`` there are as many as runs overlap.

    Args:
        factory: Makes workers.
        label: What lines that plugins print are logged under.
        scopes: The cached values that lie in the server.
        run_async: Whether runs may overlap.
    """

    def __init__(self, factory: WorkerFactory, label: str, scopes: Scopes, *, run_async: bool) -> None:
        self._factory = factory
        self._label = label
        self._scopes = scopes
        self._resident_cache = not run_async
        self._turns = asyncio.Semaphore(MAX_OVERLAP if run_async else 1)
        self._idle: list[Worker] = []
        self._closed = False

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[Worker]:
        """Give a worker for one run.

        Raises:
            WorkerUnavailable: There is none and none can be made.
        """
        async with self._turns:
            worker = await self._take()
            try:
                yield worker
            finally:
                self._give_back(worker)

    def close(self) -> None:
        """End the workers that are idle, and the others when they are given back."""
        self._closed = True
        for worker in self._idle:
            self._factory.idle.remove(worker)
            worker.discard()
        self._idle.clear()

    async def _take(self) -> Worker:
        handed_over = []
        while self._idle:
            worker = self._idle.pop()
            self._factory.idle.remove(worker)
            if not worker.alive:
                continue
            if worker.generation == self._factory.generation:
                return worker
            try:
                if self._resident_cache:
                    handed_over = await worker.hand_over()
            finally:
                worker.discard()
        worker = await self._factory.make(self._label, self._scopes, resident_cache=self._resident_cache)
        worker.take_over(handed_over)
        return worker

    def _give_back(self, worker: Worker) -> None:
        if self._closed or not worker.alive:
            worker.discard()
            return
        self._idle.append(worker)
        # Overlapping runs cannot tell which process they get: nothing they rely on is in one.
        if not (self._resident_cache and worker.has_state):
            self._factory.idle.add(worker, self._idle)
