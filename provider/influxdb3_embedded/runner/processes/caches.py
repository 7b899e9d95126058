"""Cached values that several worker processes share: the engine stores pickles and never loads them.

`influxdb3_embedded.worker.shared_cache` is the worker's side.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from influxdb3_embedded.runner.processes.worker_process import WorkerProcess
    from influxdb3_embedded.worker.frames import Message

_SWEEP_INTERVAL = 10.0
"""Seconds between two sweeps of expired entries (contract 5.5)."""

_KEYS_SWEPT_AT_ONCE = 100
"""Keys that are swept in one operation; there may be a million keys."""


@dataclass(slots=True)
class _Entry:
    """A value.

    Attributes:
        data: The pickle in parts; empty if the value cannot be pickled.
        reason: Why the value cannot be pickled; None if it can.
        holder: The process that put or changed the value last.
        put: The version of the last `put`.
        version: Grows with every change.
        deadline: When the value expires; None for never.
    """

    data: tuple[bytes, ...]
    reason: str | None
    holder: WorkerProcess
    put: int
    version: int
    deadline: float | None

    def is_lost(self, now: float) -> bool:
        """Whether the value has expired, or was only in a process that has ended."""
        return (self.deadline is not None and self.deadline <= now) or (not self.data and not self.holder.alive)


class CacheNamespace:
    """Keys and their values.

    Args:
        default_ttl: Lifetime in seconds of values without a ``ttl``; None for no limit.
    """

    def __init__(self, default_ttl: float | None = None) -> None:
        self._default_ttl = default_ttl
        self._entries: dict[str, _Entry] = {}
        self._next_sweep = 0.0
        self._unswept: list[str] = []
        self._version = 0

    def answer(self, message: Message, data: Sequence[bytes], asker: WorkerProcess) -> tuple[Message, Sequence[bytes]]:
        """Carry out a ``cache_*`` frame of a worker and return the answer."""
        self._sweep()
        key = message["key"]
        entry = self._find(key)
        if message["op"] == "cache_put":
            return self._put(key, data, message, asker), []
        if message["op"] == "cache_delete":
            return {"found": self._entries.pop(key, None) is not None}, []
        if message["op"] == "cache_change":
            return self._change(entry, data, message, asker), []
        if entry is None:
            return {"found": False, "stays_with": None}, []
        if entry.version != message["version"] and not entry.data:
            return {"found": False, "stays_with": entry.holder.label, "reason": entry.reason}, []
        is_known = entry.version == message["version"]
        ttl = None if entry.deadline is None else entry.deadline - monotonic()
        return {"found": True, "version": entry.version, "ttl": ttl}, [] if is_known else entry.data

    def is_empty(self) -> bool:
        """Whether the namespace has no values."""
        return not any(self._find(key) for key in list(self._entries))

    def depends_on(self, process: WorkerProcess) -> bool:
        """Whether a value is only in this process."""
        return any(not entry.data and entry.holder is process for entry in self._entries.values())

    def _put(self, key: str, data: Sequence[bytes], message: Message, asker: WorkerProcess) -> Message:
        self._version += 1
        ttl = self._default_ttl if message["ttl"] is None else message["ttl"]
        deadline = None if ttl is None else monotonic() + ttl
        self._entries[key] = _Entry(tuple(data), message["reason"], asker, self._version, self._version, deadline)
        return {"version": self._version, "ttl": ttl}

    def _change(self, entry: _Entry | None, data: Sequence[bytes], message: Message, asker: WorkerProcess) -> Message:
        if entry is None or entry.version != message["version"]:
            # A new value, or a deletion, is no conflict: the changed object is in no cache any more.
            return {"version": None, "conflict": entry is not None and entry.put <= message["version"]}
        self._version += 1
        entry.data, entry.reason, entry.holder, entry.version = tuple(data), message["reason"], asker, self._version
        return {"version": self._version}

    def _find(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.is_lost(monotonic()):
            del self._entries[key]
            return None
        return entry

    def _sweep(self) -> None:
        now = monotonic()
        if now >= self._next_sweep and not self._unswept:
            self._next_sweep = now + _SWEEP_INTERVAL
            self._unswept = list(self._entries)
        for key in self._unswept[-_KEYS_SWEPT_AT_ONCE:]:
            self._find(key)
        del self._unswept[-_KEYS_SWEPT_AT_ONCE:]


class Scopes(NamedTuple):
    """The two namespaces of a plugin.

    Attributes:
        trigger: The trigger's; unused if the trigger's values are in its own process.
        shared: The namespace of all triggers.
    """

    trigger: CacheNamespace
    shared: CacheNamespace
