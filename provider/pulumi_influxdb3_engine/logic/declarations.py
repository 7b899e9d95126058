"""What the program that this process serves declares, so that its resources can be checked against each other.

One provider process runs for one deployment of one stack; resources are checked in the order of their dependencies.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from pulumi_influxdb3_engine.logic.request_paths import Owner
    from pulumi_influxdb3_engine.logic.resource import Properties

Key = TypeVar("Key")
Value = TypeVar("Value")


class Declared(Generic[Key, Value]):
    """What the resources of one program declare, so that a preview finds two that contradict each other."""

    def __init__(self) -> None:
        self._values: dict[Key, Value] = {}
        self._guard = threading.Lock()

    def declare(self, key: Key, value: Value) -> Value | None:
        """Note what is declared under a key, and return what another resource declares there instead, if one does."""
        with self._guard:
            other = self._values.setdefault(key, value)
        return None if other == value else other


DECLARED_PATHS: Declared[str, Owner] = Declared()
"""Request path to the enabled trigger that serves it."""

DECLARED_TRIGGERS: Declared[Owner, Properties] = Declared()
"""Trigger to its properties."""

DECLARED_DATABASES: set[str] = set()
"""Names of databases."""
