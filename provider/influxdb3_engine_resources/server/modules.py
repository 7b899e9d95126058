"""The modules that a server's Python has, asked for once by all triggers of a deployment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from influxdb3_engine_resources.server.probe import Probe


class Modules:
    """Modules of one server; safe to share between threads.

    Args:
        probe: Of that server.
    """

    def __init__(self, probe: Probe) -> None:
        self._probe = probe
        self._present: set[str] = set()
        self._guard = threading.Lock()

    def missing(self, names: Collection[str]) -> list[str]:
        """Those of some modules that the server lacks: one request, none if all were found before.

        Raises:
            ProbeFailed: The server does not run dry runs.
            EngineApiError: The server could not be asked.
        """
        with self._guard:  # the other triggers of this deployment wait for the answer instead of asking, too
            unknown = set(names) - self._present
            missing = self._probe.ask(modules=unknown).missing_modules if unknown else []
            self._present |= unknown - set(missing)
        return missing
