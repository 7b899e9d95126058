"""The engine that a stack is deployed to; not loaded by a preview, which sends nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from influxdb3_engine_api.client import EngineClient
from influxdb3_engine_resources.errors import Failure, InvalidInputs
from influxdb3_engine_resources.notices import notice
from influxdb3_engine_resources.plugins.code import CodeChanges
from influxdb3_engine_resources.program import Program, program
from influxdb3_engine_resources.server.helper_files import HelperFiles
from influxdb3_engine_resources.server.host import Host
from influxdb3_engine_resources.server.live_triggers import LiveTriggers
from influxdb3_engine_resources.server.retry import is_server_fault, with_retries
from influxdb3_engine_resources.triggers.request_paths import ServedPaths

if TYPE_CHECKING:
    from collections.abc import Hashable

    import httpx

    from influxdb3_engine_resources.configuration import Configuration
    from influxdb3_engine_resources.inputs import Inputs

_START_PATIENCE = 10.0
"""Seconds that a deployment waits for an engine that is just starting."""


class Engine:
    """The engine that a stack is deployed to: its client and what is shared between the resources of one process.

    Args:
        configuration: How it is reached.
        transport: What carries the client's requests; the seam for tests.
        program: What the program declares that is deployed; default is nothing yet.

    Attributes:
        configuration: How it is reached.
        program: What the program declares that is deployed.
        client: One pooled client for the process.
        hosts: The servers that keep plugin files and packages: ``host_url`` first, then ``plugin_hosts``.
        live_triggers: The triggers that exist, read once for all of a database's resources.
        served_paths: Which trigger serves which request path.
        helper_files: This package's own files, which go when the stack is destroyed.
        claimed: What resources of this deployment have created or taken over. A resource that was moved or renamed is
            first created and then deleted: deleting the old one leaves what the new one has claimed.
        replaced: Identity of a resource that is next to be created, to what has made way for it in this deployment.
        superseded: Plugin files and directories that a trigger still ran when their resource was replaced, to what
            messages call them.
        code: What this deployment does to code that triggers run.
        stopping: Held while a trigger is stopped. A server may wait for its run, and lets all other changes wait: two
            definitions of another trigger would both get what is written meanwhile.
    """

    def __init__(
        self, configuration: Configuration, transport: httpx.BaseTransport | None = None, program: Program | None = None
    ) -> None:
        self.configuration = configuration
        self.program = program or Program(configuration)
        self.client = _client(configuration, configuration.host_url, transport)
        others = dict.fromkeys(host.url for host in configuration.plugin_hosts if host.url != configuration.host_url)
        self.hosts = (Host(self.client), *(Host(_client(configuration, url, transport)) for url in others))
        self.live_triggers = LiveTriggers(self.client)
        self.served_paths = ServedPaths(self.client)
        self.helper_files = HelperFiles(self.hosts)
        self.claimed: set[Hashable] = set()
        self.replaced: dict[Hashable, Inputs] = {}
        self.superseded: dict[str, str] = {}
        self.code = CodeChanges()
        self.stopping = threading.Lock()

    def cluster_uuid(self) -> str | None:
        """Identity of the server; None if it states none. One request in a process that has sent none yet.

        Raises:
            EngineApiError: The server could not be asked.
        """
        if self.client.cluster_uuid is None:
            with_retries(self.hosts[0].facts.server, retry_on=is_server_fault)
        return self.client.cluster_uuid

    def adopts(self, inputs: Inputs) -> bool:
        """Whether a resource that exists is to be taken over: by its own ``adopt``, or by the stack's."""
        return self.configuration.adopt or getattr(inputs, "adopt", False)

    def refuse_old_servers(self) -> None:
        """Ask every host for its release: one request each in a process.

        Raises:
            InvalidInputs: One is older than this package; names the key that it is configured by.
            EngineApiError: One could not be asked.
        """
        for host in self.hosts:
            reason = host.facts.too_old()
            if reason:
                key = "hostUrl" if host is self.hosts[0] else "pluginHosts"
                raise InvalidInputs([Failure(property=f"influxdb3:{key}", reason=reason)])


def _client(configuration: Configuration, url: str, transport: httpx.BaseTransport | None) -> EngineClient:
    token = configuration.auth_token
    return EngineClient(
        url,
        token.get_secret_value() if token else None,
        timeout=configuration.timeout,
        package_timeout=configuration.package_timeout,
        tls_ca=configuration.tls_ca,
        tls_no_verify=configuration.tls_no_verify,
        start_patience=_START_PATIENCE,
        on_wait=notice,
        transport=transport,
    )


_engines: dict[Configuration, Engine] = {}
_guard = threading.Lock()


def engine(configuration: Configuration) -> Engine:
    """The engine behind a configuration; one for all the resources, and threads, of a process."""
    with _guard:
        if configuration not in _engines:
            _engines[configuration] = Engine(configuration, program=program(configuration))
        return _engines[configuration]
