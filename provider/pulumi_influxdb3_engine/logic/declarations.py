"""What the program that this process serves declares, so that its resources can be checked against each other.

One provider process runs for one deployment of one stack; resources are checked in the order of their dependencies.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pulumi_influxdb3_engine.logic.request_paths import Owner


class DeclaredPaths:
    """The paths that the resources of one program declare, so that a preview finds two on one path."""

    def __init__(self) -> None:
        self._owners: dict[str, Owner] = {}
        self._guard = threading.Lock()

    def declare(self, path: str, owner: Owner) -> Owner | None:
        """Note a path, and return the other trigger of the program that declares it, if there is one."""
        with self._guard:
            other = self._owners.setdefault(path, owner)
        return None if other == owner else other


DECLARED_PATHS = DeclaredPaths()
"""The request paths of enabled triggers."""

DECLARED_DATABASES: set[str] = set()
"""Names of databases."""
