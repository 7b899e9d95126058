"""Cached values of plugins that several processes share: pickles, which this process stores and never opens."""

from __future__ import annotations

from time import monotonic
from typing import NamedTuple

_SWEEP_INTERVAL = 10.0
"""Seconds between two sweeps of expired entries (contract 5.5)."""

DRY_RUN_TTL = 30 * 60.0
"""Seconds that values of dry runs are kept unless they say otherwise (contract 5.5)."""

_DEFAULT_NAME = "_shared_test"
"""The cache that dry runs share unless they name one."""


class _Entry(NamedTuple):
    value: bytes
    deadline: float | None

    def is_expired(self, now: float) -> bool:
        return self.deadline is not None and self.deadline <= now


class CacheNamespace:
    """Keys and their pickled values.

    Args:
        default_ttl: Seconds that a value is kept which does not say; ``None`` for good.
    """

    def __init__(self, default_ttl: float | None = None) -> None:
        self._default_ttl = default_ttl
        self._entries: dict[str, _Entry] = {}
        self._next_sweep = 0.0

    def put(self, key: str, value: bytes, ttl: float | None) -> None:
        """Store a value for ``ttl`` seconds."""
        self._sweep()
        seconds = self._default_ttl if ttl is None else ttl
        self._entries[key] = _Entry(value, None if seconds is None else monotonic() + seconds)

    def get(self, key: str) -> bytes | None:
        """Return a value, or ``None`` where there is none."""
        self._sweep()
        entry = self._entries.get(key)
        if entry is None or entry.is_expired(monotonic()):
            self._entries.pop(key, None)
            return None
        return entry.value

    def delete(self, key: str) -> bool:
        """Remove a value; return whether there was one."""
        entry = self._entries.pop(key, None)
        return entry is not None and not entry.is_expired(monotonic())

    def entries(self) -> list[tuple[str, float | None, bytes]]:
        """Return keys, seconds left, and values."""
        now = monotonic()
        return [
            (key, None if entry.deadline is None else entry.deadline - now, entry.value)
            for key, entry in self._entries.items()
            if not entry.is_expired(now)
        ]

    def replace(self, entries: list[tuple[str, float | None, bytes]]) -> None:
        """Store these values and no others."""
        self._entries.clear()
        for key, ttl, value in entries:
            self.put(key, value, ttl)

    def _sweep(self) -> None:
        now = monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_INTERVAL
            self._entries = {key: entry for key, entry in self._entries.items() if not entry.is_expired(now)}


class Scopes(NamedTuple):
    """The two namespaces that a plugin sees.

    Attributes:
        trigger: Its trigger's, unused where that lies in the trigger's own process.
        shared: That of all triggers.
    """

    trigger: CacheNamespace
    shared: CacheNamespace


class DryRunCaches:
    """The caches of dry runs, each apart from the others and from the triggers'."""

    def __init__(self) -> None:
        self._caches: dict[str, Scopes] = {}

    def named(self, name: str | None) -> Scopes:
        """Return the cache of a name, made if need be; others that have run empty are forgotten."""
        key = name or _DEFAULT_NAME
        self._caches = {
            other: scopes for other, scopes in self._caches.items() if other == key or any(s.entries() for s in scopes)
        }
        return self._caches.setdefault(key, Scopes(CacheNamespace(DRY_RUN_TTL), CacheNamespace(DRY_RUN_TTL)))
