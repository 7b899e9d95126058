"""The named caches of dry runs; triggers do not share them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from influxdb3_embedded.runner.processes.caches import CacheNamespace, Scopes

if TYPE_CHECKING:
    from influxdb3_embedded.runner.processes.worker import Worker

DRY_RUN_TTL = 30 * 60.0
"""Default lifetime of values of dry runs in seconds (contract 5.5)."""

_MAX_PROCESSES = 16
"""Most caches that keep a process; one more ends the process of the oldest cache."""

_DEFAULT_NAME = "_shared_test"
"""The cache that dry runs share unless they name one."""


class DryRunCache:
    """A cache of dry runs, and the process that has those values that cannot be pickled."""

    def __init__(self) -> None:
        self.scopes = Scopes(CacheNamespace(DRY_RUN_TTL), CacheNamespace(DRY_RUN_TTL))
        self._worker: Worker | None = None
        self._plugin = ""

    def is_empty(self) -> bool:
        """Whether the cache has no values."""
        return all(scope.is_empty() for scope in self.scopes)

    def take_worker(self, plugin: str, generation: int) -> Worker | None:
        """Return the process that has values of an earlier dry run of the plugin, or None.

        Args:
            plugin: The plugin's name. Plugins do not share a process: their modules could clash.
            generation: The state of the plugin environment.
        """
        worker = self._worker
        if worker is None or self._plugin != plugin or worker.generation != generation or not worker.alive:
            return None
        self._worker = None
        worker.known_version = None  # each dry run counts versions from the start
        return worker

    def give_back(self, worker: Worker, plugin: str) -> None:
        """Keep the process if values are only in it, or end it."""
        if worker.alive and any(scope.depends_on(worker.process) for scope in self.scopes):
            self.close()
            self._worker, self._plugin = worker, plugin
        else:
            worker.discard()

    @property
    def has_worker(self) -> bool:
        """Whether the cache keeps a process."""
        return self._worker is not None

    def close(self) -> None:
        """End the process."""
        if self._worker is not None:
            self._worker.discard()
            self._worker = None


class DryRunCaches:
    """The caches of dry runs by name."""

    def __init__(self) -> None:
        self._caches: dict[str, DryRunCache] = {}

    def named(self, name: str | None) -> DryRunCache:
        """Return the cache of a name, new or existing; drop other caches that are empty."""
        key = name or _DEFAULT_NAME
        for other, cache in list(self._caches.items()):
            if other != key and cache.is_empty():
                self._caches.pop(other).close()
        for cache in [cache for cache in self._caches.values() if cache.has_worker][:-_MAX_PROCESSES]:
            cache.close()
        return self._caches.setdefault(key, DryRunCache())
