"""Removing this package's own files from the servers when a stack is destroyed.

A provider sees single deletions and is not told which one is the last. So the files go whenever no deletion is left
under way and some may be there; a deployment that needs one later uploads it again.
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
"""After so long without another deletion, the last one was the last of the stack, or of those that it depended on."""


class HelperFiles:
    """Files below ``.pulumi/`` on the hosts of one engine.

    Other deployments may use that directory at the same time: what goes are the plugins of this release, and what the
    resources that are deleted may have left there.

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
        """A resource that is being deleted may have left these files, and the plugins that it was deployed with."""
        # the plugin that removes them removes itself
        self._left |= {*paths, *(plugin.file_name for plugin in (PROBE, SHIM, SWEEPER))}

    @contextmanager
    def removed_when_idle(self) -> Iterator[None]:
        """While it is open, a resource is being deleted; one that begins while files are removed waits."""
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
                pass  # nothing removes a file there
            except (EngineApiError, ProbeFailed, SweepFailed) as error:
                notice(f"{DIRECTORY}/ stays in the plugin directory of {host.url}: {with_remedy(error)}")
        self._left.clear()
