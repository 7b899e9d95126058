"""A server that a stack is deployed to. Previews that send nothing do not load this module."""

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
"""Seconds that a deployment waits for a server that starts."""


class Engine:
    """A server that a stack is deployed to, with all that its resources of one deployment share.

    Args:
        configuration: How to reach the server.
        transport: Carries the client's requests; tests replace it.
        program: The program that is deployed. Default: an empty one.

    Attributes:
        configuration: How to reach the server.
        program: The program that is deployed.
        client: One pooled client for the process.
        hosts: The hosts that keep plugin files and packages: ``host_url`` first, then ``plugin_hosts``.
        live_triggers: The triggers that exist, read once for all resources of a database.
        served_paths: Which trigger serves which request path.
        helper_files: This package's own files on the hosts; removed when the stack is destroyed.
        claimed: What resources of this deployment have created or adopted. Pulumi creates a resource that was moved or
            renamed before it deletes the old one: the deletion keeps what the new resource has claimed.
        created: Identities of the resources that this deployment has created.
        found: Identities of the resources that the program reads by ``get``: no deletion removes them.
        replaced: Identity of a resource that is created next, to the state that has made way for it.
        superseded: Plugin files and directories that a trigger still ran when their resource was replaced, to the
            label of that resource.
        code: Code that this deployment changes while triggers run it.
        stopping: Held while a trigger is stopped. A server may wait for the trigger's run, and lets all other changes
            wait. Two definitions of another trigger would both get the writes of that time.
    """

    def __init__(
        self, configuration: Configuration, transport: httpx.BaseTransport | None = None, program: Program | None = None
    ) -> None:
        self.configuration = configuration
        self.program = program or Program(configuration)
        self.client = _client(configuration, configuration.host_url, transport)
        others = dict.fromkeys(host.url for host in configuration.plugin_hosts if host.url != configuration.host_url)
        self.hosts = (Host(self.client), *(Host(_client(configuration, url, transport)) for url in others))
        self.live_triggers = LiveTriggers(self.client, self.hosts[0].facts)
        self.served_paths = ServedPaths(self.client)
        self.helper_files = HelperFiles(self.hosts)
        self.claimed: set[Hashable] = set()
        self.created: set[Hashable] = set()
        self.found: set[Hashable] = set()
        self.replaced: dict[Hashable, Inputs] = {}
        self.superseded: dict[str, str] = {}
        self.code = CodeChanges()
        self.stopping = threading.Lock()

    def cluster_uuid(self) -> str | None:
        """Identity of the server; None if it states none. Sends a request only if the process has sent none.

        Raises:
            EngineApiError: The server could not be asked.
        """
        if self.client.cluster_uuid is None:
            with_retries(self.hosts[0].facts.server, retry_on=is_server_fault)
        return self.client.cluster_uuid

    def twin_with(self, identity: Hashable) -> str | None:
        """Another engine that is this server by its identity, and on which this deployment has created a resource.

        A stack may reach one server by two URLs: deleting the resource here would delete the new one there.
        """
        with _guard:
            others = [each for each in _engines.values() if each is not self and identity in each.created]
        uuid = self.client.cluster_uuid
        return next((each.name for each in others if uuid is not None and each.client.cluster_uuid == uuid), None)

    @property
    def name(self) -> str:
        """The server in messages."""
        engine = self.configuration.engine
        return f"the stack's default server ({self.client.host_url})" if engine is None else f"engine {engine!r}"

    def adopts(self, inputs: Inputs) -> bool:
        """Whether to adopt a resource that exists: by its own ``adopt``, or by the stack's."""
        return self.configuration.adopt or getattr(inputs, "adopt", False)

    def refuse_old_servers(self) -> None:
        """Refuse hosts with a release that is too old: one request for each host in a process.

        Raises:
            InvalidInputs: A host is too old; names the key that configures it.
            EngineApiError: A host could not be asked.
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
    """The engine with a configuration; all resources and threads of a process share it."""
    with _guard:
        if configuration not in _engines:
            _engines[configuration] = Engine(configuration, program=program(configuration))
        return _engines[configuration]
