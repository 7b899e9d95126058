"""One server that keeps plugin files and packages; each node of a cluster has its own."""

from __future__ import annotations

import hashlib
import threading
from typing import TYPE_CHECKING

from influxdb3_engine_resources.errors import Failure, InvalidInputs
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.plugins.plugin_table import PluginTable
from influxdb3_engine_resources.server.facts import ServerFacts
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
    """What is done to one server, beside its triggers.

    Args:
        client: Of that server.

    Attributes:
        client: Of that server.
        probe: Reads what the API does not tell.
        plugin_table: Which files its triggers run.
        sweeper: Deletes what the API cannot.
        facts: What a preview asks.
        installing: Held while pip runs: two at once in one environment damage it.
    """

    def __init__(self, client: EngineClient) -> None:
        self.client = client
        self.probe = Probe(client)
        self.plugin_table = PluginTable(client, self.probe)
        self.sweeper = Sweeper(client, self.probe)
        self.facts = ServerFacts(client)
        self.installing = threading.Lock()
        self._told: set[str] = set()
        self._telling = threading.Lock()
        self._given_up: set[str] = set()

    @property
    def url(self) -> str:
        """Its base URL."""
        return self.client.host_url

    def write_file(self, path: str, content: str) -> None:
        """Write a file; doing it twice is harmless, so a lost answer is settled by writing it again.

        Raises:
            EngineApiError: It was not written.
        """
        with_retries(lambda: self.client.create_plugin_file(path, content), retry_on=is_unsettled)
        self.probe.note(path, sha256(content))

    def remove_files(self, paths: Collection[str]) -> None:
        """Remove files or directories.

        Raises:
            SweepFailed: They were not removed.
            ProbeFailed: The server does not run dry runs.
            EngineApiError: It could not be asked.
        """
        self.sweeper.remove(paths)
        for path in paths:
            self.probe.note(path, None)

    def give_up_files(self, paths: Collection[str]) -> None:
        """A resource of this deployment gives up its files; its replacement may write them."""
        self._given_up.update(paths)

    def kept_hashes(self, paths: Collection[str]) -> dict[str, str | None]:
        """As ``Probe.hashes``, of files that are there and that no resource of this deployment has given up.

        Raises:
            ProbeFailed: The server does not run dry runs.
            EngineApiError: It could not be asked.
        """
        hashes = self.probe.hashes(paths)
        return {path: sha for path, sha in hashes.items() if path not in self._given_up}

    def notice_once(self, text: str) -> None:
        """Say something about this server, once for all resources of a deployment."""
        with self._telling:
            told = text in self._told
            self._told.add(text)
        if not told:
            notice(f"{self.url}: {text}")


def refuse_where_locked(hosts: Collection[Host], name: str, refusal: Callable[[ServerFacts], str | None]) -> None:
    """Refuse to preview what hosts do not take: one request a host for all resources of a deployment.

    Args:
        hosts: Those that are to be changed.
        name: The property that failures name.
        refusal: Why a server takes no such change, or ``None``.

    Raises:
        InvalidInputs: A host is locked; says what its operator has to change.
        EngineApiError: It could not be asked.
    """
    refusals = [reason for host in hosts if (reason := refusal(host.facts))]
    if refusals:
        raise InvalidInputs([Failure(property=name, reason=reason) for reason in refusals])
