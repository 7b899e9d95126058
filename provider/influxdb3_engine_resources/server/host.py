"""One host: it keeps plugin files and packages of its own, as each node of a cluster does."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from influxdb3_engine_resources.errors import Failure, InvalidInputs
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.plugins.plugin_table import PluginTable
from influxdb3_engine_resources.server.facts import ServerFacts
from influxdb3_engine_resources.server.modules import Modules
from influxdb3_engine_resources.server.probe import Probe
from influxdb3_engine_resources.server.retry import is_unsettled, with_retries
from influxdb3_engine_resources.server.sweeper import Sweeper

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from influxdb3_engine_api import EngineClient


def sha256(content: str) -> str:
    """SHA-256 of a text as UTF-8, in hexadecimal."""
    return hashlib.sha256(content.encode()).hexdigest()


class Host:
    """Plugin files and packages of one host.

    Args:
        client: The client of that host.

    Attributes:
        client: The client of that host.
        probe: Reads what the API cannot read.
        plugin_table: Which files its triggers run.
        sweeper: Deletes what the API cannot delete.
        facts: What is known about the server.
        modules: Which modules its plugins can import.
        installing: Held while pip runs: two pips at once damage an environment.
    """

    def __init__(self, client: EngineClient) -> None:
        self.client = client
        self.probe = Probe(client)
        self.plugin_table = PluginTable(client, self.probe)
        self.sweeper = Sweeper(client, self.probe)
        self.facts = ServerFacts(client)
        self.modules = Modules(self.probe)
        self.installing = threading.Lock()
        self._told: set[str] = set()
        self._telling = threading.Lock()
        self._given_up: set[str] = set()

    @property
    def url(self) -> str:
        """The base URL."""
        return self.client.host_url

    def write_file(self, path: str, content: str) -> None:
        """Write a file; writes it again if the answer is lost, since that is harmless.

        Raises:
            EngineApiError: The file was not written.
        """
        with_retries(lambda: self.client.create_plugin_file(path, content), retry_on=is_unsettled)
        self.probe.note(path, sha256(content))

    def remove_files(self, paths: Collection[str]) -> None:
        """Remove files or directories.

        Raises:
            SweepFailed: The files were not removed.
            ProbeFailed: The server runs no dry runs.
            EngineApiError: The server could not be asked.
        """
        self.sweeper.remove(paths)
        for path in paths:
            self.probe.note(path, None)

    def give_up_files(self, paths: Collection[str]) -> None:
        """Note that a resource of this deployment gives up its files; its replacement may write them."""
        self._given_up.update(paths)

    def kept_hashes(self, paths: Collection[str]) -> dict[str, str | None]:
        """As ``Probe.hashes``, without files that a resource of this deployment has given up.

        Raises:
            ProbeFailed: The server runs no dry runs.
            EngineApiError: The server could not be asked.
        """
        hashes = self.probe.hashes(paths)
        return {path: sha for path, sha in hashes.items() if path not in self._given_up}

    def notice_once(self, text: str) -> None:
        """Show a text about this host, once for all resources of a deployment."""
        with self._telling:
            told = text in self._told
            self._told.add(text)
        if not told:
            notice(f"{self.url}: {text}")


def refuse_where_locked(hosts: Collection[Host], name: str, refusal: Callable[[ServerFacts], str | None]) -> None:
    """Refuse a change that locked-down hosts would refuse: one request for each host in a deployment.

    Args:
        hosts: The hosts that the change concerns.
        name: The property that failures name.
        refusal: Returns why a server refuses such a change, or None.

    Raises:
        InvalidInputs: A host is locked down; says what its operator has to change.
        EngineApiError: A host could not be asked.
    """
    refusals = [reason for host in hosts if (reason := refusal(host.facts))]
    if refusals:
        raise InvalidInputs([Failure(property=name, reason=reason) for reason in refusals])
