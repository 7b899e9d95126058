"""Cached values of plugins that several processes share: pickles, which this process stores and never opens.

For the other side of the conversation see `influxdb3_embedded.worker.shared_cache`.
"""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from influxdb3_embedded.runner.processes.worker_process import WorkerProcess
    from influxdb3_embedded.worker.frames import Message

_SWEEP_INTERVAL = 10.0
"""Seconds between two sweeps of expired entries (contract 5.5)."""


@dataclass(slots=True)
class _Entry:
    """A value.

    Attributes:
        data: The pickle; empty if the value cannot be pickled.
        reason: Why it cannot be pickled.
        holder: The process that put or changed it last.
        put: The version that it was put with.
        version: Grows with every change.
        deadline: When it expires; None for never.
    """

    data: bytes
    reason: str | None
    holder: WorkerProcess
    put: int
    version: int
    deadline: float | None

    def is_lost(self, now: float) -> bool:
        """Whether it has expired, or its only process has ended."""
        return (self.deadline is not None and self.deadline <= now) or (not self.data and not self.holder.alive)


class CacheNamespace:
    """Keys and their values.

    Args:
        default_ttl: Seconds that a value is kept which does not say; ``None`` for good.
    """

    def __init__(self, default_ttl: float | None = None) -> None:
        self._default_ttl = default_ttl
        self._entries: dict[str, _Entry] = {}
        self._next_sweep = 0.0
        self._version = 0

    def answer(self, message: Message, data: bytes, asker: WorkerProcess) -> tuple[Message, bytes]:
        """Carry out a ``cache_*`` frame of a worker and return the answer."""
        self._sweep()
        key = message["key"]
        entry = self._find(key)
        if message["op"] == "cache_put":
            return self._put(key, data, message, asker), b""
        if message["op"] == "cache_delete":
            return {"found": self._entries.pop(key, None) is not None}, b""
        if message["op"] == "cache_change":
            return self._change(entry, data, message, asker), b""
        if entry is None:
            return {"found": False, "stays_with": None}, b""
        if entry.version != message["version"] and not entry.data:
            return {"found": False, "stays_with": entry.holder.label, "reason": entry.reason}, b""
        is_known = entry.version == message["version"]
        ttl = None if entry.deadline is None else entry.deadline - monotonic()
        return {"found": True, "version": entry.version, "ttl": ttl}, b"" if is_known else entry.data

    def is_empty(self) -> bool:
        """Whether nothing is left in it."""
        return not any(self._find(key) for key in list(self._entries))

    def depends_on(self, process: WorkerProcess) -> bool:
        """Whether a value would be lost with a process."""
        return any(not entry.data and entry.holder is process for entry in self._entries.values())

    def _put(self, key: str, data: bytes, message: Message, asker: WorkerProcess) -> Message:
        self._version += 1
        ttl = self._default_ttl if message["ttl"] is None else message["ttl"]
        deadline = None if ttl is None else monotonic() + ttl
        self._entries[key] = _Entry(data, message["reason"], asker, self._version, self._version, deadline)
        return {"version": self._version, "ttl": ttl}

    def _change(self, entry: _Entry | None, data: bytes, message: Message, asker: WorkerProcess) -> Message:
        if entry is None or entry.version != message["version"]:
            # No conflict with a new value or a deletion: the changed object is in no cache any more.
            return {"version": None, "conflict": entry is not None and entry.put <= message["version"]}
        self._version += 1
        entry.data, entry.reason, entry.holder, entry.version = data, message["reason"], asker, self._version
        return {"version": self._version}

    def _find(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is not None and entry.is_lost(monotonic()):
            del self._entries[key]
            return None
        return entry

    def _sweep(self) -> None:
        now = monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + _SWEEP_INTERVAL
            self._entries = {key: entry for key, entry in self._entries.items() if not entry.is_lost(now)}


class Scopes(NamedTuple):
    """The two namespaces that a plugin sees.

    Attributes:
        trigger: Its trigger's, unused where that lies in the trigger's own process.
        shared: That of all triggers.
    """

    trigger: CacheNamespace
    shared: CacheNamespace
