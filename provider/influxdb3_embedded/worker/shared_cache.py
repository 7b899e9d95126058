"""Cached values that several processes share: the global namespace, and the namespaces of dry runs.

The engine keeps each value as a pickle with a version. A process that has put or got a value keeps the object, and gets
the same object again until another process puts or changes the value. At its end a run sends values that it has changed
in place to the engine. A value that cannot be pickled stays in the process that put it; other processes do not find it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from time import monotonic, time_ns
from typing import TYPE_CHECKING, Any

from .cache import SWEEP_INTERVAL
from .failures import describe, shortened
from .pickling import from_bytes, to_bytes

if TYPE_CHECKING:
    from .frames import Message
    from .server_channel import ServerChannel


@dataclass(slots=True)
class _Object:
    """This process's object of a value; ``fingerprint`` is None if the value cannot be pickled."""

    value: Any
    version: int
    fingerprint: int | None
    deadline: float | None


class Objects:
    """The objects of one process for shared values; its threads share them.

    Attributes:
        writing: Held while a changed object is compared and sent, so that only one thread sends it.
        reported: Keys whose loss has been logged.
    """

    def __init__(self) -> None:
        self.writing = threading.Lock()
        self.reported: set[str] = set()
        self._objects: dict[str, _Object] = {}
        self._lock = threading.Lock()
        self._next_sweep = 0.0

    def find(self, key: str) -> _Object | None:
        """Return this process's object of a key; another process may have replaced the value."""
        return self._objects.get(key)

    def keep(self, key: str, new: _Object) -> _Object:
        """Keep an object, unless there is one of the same or a newer version; return the kept one."""
        with self._lock:
            known = self._objects.get(key)
            if known is None or known.version < new.version:
                known = self._objects[key] = new
            return known

    def drop(self, key: str) -> None:
        """Remove this process's object of a key."""
        with self._lock:
            self._objects.pop(key, None)

    def sweep(self) -> None:
        """Remove expired objects, every ten seconds at most."""
        now = monotonic()
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_INTERVAL
            with self._lock:
                self._objects = {
                    key: each for key, each in self._objects.items() if each.deadline is None or each.deadline > now
                }

    def hold_any(self) -> bool:
        """Whether an object is only in this process."""
        return any(each.fingerprint is None for each in list(self._objects.values()))


class SharedStore:
    """A shared namespace, as one run uses it.

    Args:
        channel: The connection to the engine.
        scope: ``trigger`` or ``global``.
        objects: The objects of this process in the namespace.
    """

    def __init__(self, channel: ServerChannel, scope: str, objects: Objects) -> None:
        self._channel = channel
        self._scope = scope
        self._objects = objects
        self._used: set[str] = set()

    def put(self, key: str, value: Any, ttl: float | None) -> None:
        """Store a value for ``ttl`` seconds, or without limit."""
        frame, data = _packed(value)
        answer, _ = self._ask("cache_put", key, data, ttl=ttl, **frame)
        self._keep(key, value, answer, data)

    def get(self, key: str) -> tuple[bool, Any]:
        """Return whether the key exists, and its value."""
        known = self._objects.find(key)
        answer, data = self._ask("cache_get", key, version=known.version if known else None)
        if not answer["found"]:
            self._objects.drop(key)
            if answer["stays_with"] is not None:
                self._report(key, f"stays with trigger {answer['stays_with']}: {answer['reason']}")
            return False, None
        if known is None or known.version != answer["version"]:
            try:
                value = from_bytes(data)
            except Exception as error:  # noqa: BLE001 - a class may raise anything
                self._report(key, f"cannot be loaded here: {describe(error)}")
                return False, None
            # pickled again: equal objects may have different pickles
            known = self._keep(key, value, answer, _packed(value)[1])
        self._used.add(key)
        return True, known.value

    def delete(self, key: str) -> bool:
        """Remove a value; return whether the key existed."""
        answer, _ = self._ask("cache_delete", key)
        self._objects.drop(key)
        return bool(answer["found"])

    def send_changes(self) -> None:
        """Send values that the run has changed in place to the engine."""
        self._objects.sweep()
        for key in list(self._used):  # a thread of the plugin may still add keys
            with self._objects.writing:
                self._send_change(key)
        self._used.clear()

    def _send_change(self, key: str) -> None:
        known = self._objects.find(key)
        if known is None or known.fingerprint is None:
            return
        try:
            frame, data = _packed(known.value, changing=True)
        except RuntimeError:
            return  # another thread is changing the value now, and sends it later
        if hash(data) == known.fingerprint:
            return
        answer, _ = self._ask("cache_change", key, data, version=known.version, **frame)
        if answer["version"] is None:
            self._objects.drop(key)
            if answer["conflict"]:
                self._report(key, "was changed by another trigger at the same time: the change of this run is lost")
            return
        known.version, known.fingerprint = answer["version"], hash(data) if data else None

    def _keep(self, key: str, value: Any, answer: Message, data: bytes) -> _Object:
        deadline = None if answer["ttl"] is None else monotonic() + answer["ttl"]
        self._used.add(key)
        return self._objects.keep(key, _Object(value, answer["version"], hash(data) if data else None, deadline))

    def _ask(self, operation: str, key: str, data: bytes = b"", **details: Any) -> tuple[Message, bytes]:
        return self._channel.ask({"op": operation, "scope": self._scope, "key": key, **details}, data)

    def _report(self, key: str, what: str) -> None:
        if key in self._objects.reported:
            return
        self._objects.reported.add(key)
        where = "global cache" if self._scope == "global" else "cache"
        text = shortened(f"{where}: the value of '{key}' {what}")
        self._channel.tell({"op": "log", "level": "WARN", "text": text, "time_ns": time_ns()})


def _packed(value: Any, *, changing: bool = False) -> tuple[Message, bytes]:
    """Pickle a value. If it cannot be pickled, there are no data, and ``reason`` says why.

    Args:
        value: Any object.
        changing: Whether other threads may be changing the value.

    Raises:
        RuntimeError: Another thread is changing the value; only if ``changing``.
    """
    try:
        return {"reason": None}, to_bytes(value)
    except Exception as error:
        if changing and type(error) is RuntimeError:  # "dictionary changed size during iteration"
            raise
        return {"reason": describe(error)}, b""
