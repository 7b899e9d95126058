"""``influxdb3_local.cache`` (contract 5.5), and the values that one process keeps.

If the runs of a trigger share a process, its values are in that process, by reference. `shared_cache` has all other
values.
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from .arguments import require, require_optional
from .pickling import from_bytes, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

SWEEP_INTERVAL = 10.0
"""Seconds between two sweeps of expired entries."""

_MAX_TTL = 2.0**64
"""The real server's durations have fewer seconds."""


class Store(Protocol):
    """A namespace of cached values."""

    def put(self, key: str, value: Any, ttl: float | None) -> None:
        """Store a value for ``ttl`` seconds, or without limit."""
        ...

    def get(self, key: str) -> tuple[bool, Any]:
        """Return whether the key exists, and its value."""
        ...

    def delete(self, key: str) -> bool:
        """Remove a value; return whether the key existed."""
        ...


class _Entry(NamedTuple):
    value: Any
    pickled: bool
    deadline: float | None

    def is_expired(self) -> bool:
        return self.deadline is not None and self.deadline <= monotonic()


class HandedOver(NamedTuple):
    """A value that moves from one process of a trigger to the next.

    Attributes:
        key: The key.
        ttl: Seconds left; None for no limit.
        value: The pickled value.
    """

    key: str
    ttl: float | None
    value: bytes


class ResidentStore:
    """Values in this process, by reference; safe to share between threads."""

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}
        self._next_sweep = 0.0
        self._lock = threading.RLock()  # reentrant: unpickling runs the plugin's code, which may use the cache

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: str, value: Any, ttl: float | None) -> None:
        """Store a value for ``ttl`` seconds, or without limit."""
        with self._lock:
            self._entries[key] = _Entry(value, False, None if ttl is None else monotonic() + ttl)

    def get(self, key: str) -> tuple[bool, Any]:
        """Return whether the key exists, and its value."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is None or entry.is_expired():
                self._entries.pop(key, None)
                return False, None
            if entry.pickled:
                # Unpickled only now: the plugin's own classes have been loaded.
                try:
                    entry = entry._replace(value=from_bytes(entry.value), pickled=False)
                except Exception:  # noqa: BLE001 - its class may be gone: the value is lost as in a restart
                    del self._entries[key]
                    return False, None
                self._entries[key] = entry
            return True, entry.value

    def delete(self, key: str) -> bool:
        """Remove a value; return whether the key existed."""
        with self._lock:
            entry = self._entries.pop(key, None)
        return entry is not None and not entry.is_expired()

    def sweep(self) -> None:
        """Remove expired values, every ten seconds at most."""
        if monotonic() < self._next_sweep:
            return
        with self._lock:
            self._next_sweep = monotonic() + SWEEP_INTERVAL
            self._entries = {key: entry for key, entry in self._entries.items() if not entry.is_expired()}

    def hand_over(self) -> Iterator[HandedOver]:
        """Yield the values that can be pickled."""
        with self._lock:
            entries = list(self._entries.items())
        for key, entry in entries:
            if entry.is_expired():
                continue
            try:
                value = entry.value if entry.pickled else to_bytes(entry.value)
            except Exception:  # noqa: BLE001, S112 - pickling may raise anything; the value is lost as in a restart
                continue
            yield HandedOver(key, None if entry.deadline is None else entry.deadline - monotonic(), value)

    def take_over(self, values: list[HandedOver]) -> None:
        """Store the values of an earlier process of the trigger."""
        now = monotonic()
        with self._lock:
            for key, ttl, value in values:
                self._entries[key] = _Entry(value, True, None if ttl is None else now + ttl)


class Cache:
    """``influxdb3_local.cache`` of plugins.

    Args:
        local: The trigger's namespace.
        shared: The namespace of all triggers.
    """

    __slots__ = ("_local", "_shared")

    def __init__(self, local: Store, shared: Store) -> None:
        self._local = local
        self._shared = shared

    def put(self, key: str, value: Any, ttl: float | None = None, use_global: bool | None = None) -> None:
        """Store a value.

        Args:
            key: The key.
            value: Any object. Other triggers get a copy of a global value, if it can be pickled.
            ttl: Seconds until the value expires; None for never.
            use_global: Whether to use the global namespace.

        Raises:
            TypeError: An argument is of the wrong type.
            ValueError: ``ttl`` is negative, too large, or no number.
        """
        self._store(use_global).put(require("key", key, str), value, _seconds(ttl))

    def get(self, key: str, default: Any = None, use_global: bool | None = None) -> Any:
        """Return the value of a key, or the default if the key does not exist.

        Raises:
            TypeError: An argument is of the wrong type.
        """
        found, value = self._store(use_global).get(require("key", key, str))
        return value if found else default

    def delete(self, key: str, use_global: bool | None = None) -> bool:
        """Remove a value; return whether the key existed.

        Raises:
            TypeError: An argument is of the wrong type.
        """
        return self._store(use_global).delete(require("key", key, str))

    def _store(self, use_global: bool | None) -> Store:
        return self._shared if require_optional("use_global", use_global, bool) else self._local


def _seconds(ttl: Any) -> float | None:
    if ttl is None:
        return None
    if isinstance(ttl, (str, bytes, bytearray)) or not (hasattr(ttl, "__float__") or hasattr(ttl, "__index__")):
        raise TypeError(f"argument 'ttl': must be real number, not {type(ttl).__name__}")
    seconds = float(ttl)
    if seconds < 0:
        raise ValueError("cannot convert float seconds to Duration: value is negative")
    if not seconds < _MAX_TTL:
        raise ValueError("cannot convert float seconds to Duration: value is either too big or NaN")
    return seconds
