"""Removing this package's own files from the hosts when a stack is destroyed.

A provider does not know which deletion is the last one. So the files are removed whenever no deletion is under way. A
later deployment uploads them again if it needs them.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_resources.errors import DryRunsOff, ProbeFailed, SweepFailed
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.server.on_server import DIRECTORY, PROBE, SHIM, SWEEPER
from influxdb3_engine_resources.server.remedies import with_remedy

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from influxdb3_engine_resources.server.host import Host


_SECONDS_BETWEEN_DELETIONS = 0.2
"""Seconds to wait for another deletion before the files are removed."""


class HelperFiles:
    """Files below ``.pulumi/`` on the hosts of a stack.

    Other deployments may use that directory at the same time. So only the plugins of this release are removed, and the
    files that the deleted resources may have left there.

    Args:
        hosts: The hosts.
    """

    def __init__(self, hosts: Collection[Host]) -> None:
        self._hosts = hosts
        self._left: set[str] = set()
        self._under_way = 0
        self._begun = 0
        self._changed = threading.Condition()

    def leave(self, *paths: str) -> None:
        """Note files that a deleted resource may have left, and the plugins of this package."""
        # the sweeper removes itself
        self._left |= {*paths, *(plugin.file_name for plugin in (PROBE, SHIM, SWEEPER))}

    @contextmanager
    def removed_when_idle(self) -> Iterator[None]:
        """Enclose the deletion of a resource; a deletion that begins while files are removed waits."""
        with self._changed:
            self._under_way += 1
            self._begun += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                if self._left and not self._under_way and not self._another_begins():
                    self._remove()

    def _another_begins(self) -> bool:
        begun = self._begun
        return self._changed.wait_for(lambda: self._begun > begun, _SECONDS_BETWEEN_DELETIONS)

    def _remove(self) -> None:
        """Up to four requests a host."""
        for host in self._hosts:
            try:
                host.remove_files(self._left)
            except DryRunsOff:
                pass  # nothing can remove a file there
            except (EngineApiError, ProbeFailed, SweepFailed) as error:
                notice(
                    f"{DIRECTORY}/ stays in the plugin directory of {host.url}, delete it by hand: {with_remedy(error)}"
                )
        self._left.clear()
