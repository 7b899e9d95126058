"""Which servers a stack deploys to: from the stack's configuration, else the environment, else defaults."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from influxdb3_engine_resources.errors import Failure, InvalidInputs
from influxdb3_engine_resources.stack_keys import PARSERS, HostAddress, read, unknown_engine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Configuration(BaseModel):
    """How to reach and use one server; hashable, so that equal configurations share a client.

    Attributes:
        engine: Name of the server in ``influxdb3:engines``; None for the stack's default server.
        host_url: Base URL of the server.
        plugin_hosts: Further hosts that get plugin files and packages: URLs, or a mapping from node id to URL.
        auth_token: API token; never shown.
        database: Default for ``db`` of triggers and tables, and for ``database`` of dry runs.
        tls_ca: PEM file with the authorities to trust.
        tls_no_verify: Whether to skip the verification of the server's certificate.
        timeout: Seconds for one request with its whole answer.
        package_timeout: Seconds for one installation of packages.
        registry: URL of the index of plugins, for plugins that name none.
        adopt: Whether all resources adopt what exists, as with ``adopt=True``.
        online_checks: Whether previews ask the server.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    engine: str | None = None
    host_url: str = "http://127.0.0.1:8181"
    plugin_hosts: tuple[HostAddress, ...] = ()
    auth_token: SecretStr | None = None
    database: str | None = None
    tls_ca: str | None = None
    tls_no_verify: bool = False
    timeout: float = Field(default=30.0, gt=0, allow_inf_nan=False)
    package_timeout: float = Field(default=600.0, gt=0, allow_inf_nan=False)
    registry: str | None = None
    adopt: bool = False
    online_checks: bool = False

    @field_validator("*", mode="before")
    @classmethod
    def _parsed(cls, value: Any, info: ValidationInfo) -> Any:
        parse = PARSERS.get(info.field_name or "")
        return value if value is None or parse is None else parse(value)

    @property
    def further_urls(self) -> list[str] | None:
        """Base URLs in ``plugin_hosts``, ``host_url`` included if it is named there; None if there are none."""
        return [host.url for host in self.plugin_hosts] or None

    @property
    def names_nodes(self) -> bool:
        """Whether ``plugin_hosts`` names nodes."""
        return any(host.node_id is not None for host in self.plugin_hosts)

    def url_of(self, nodes: Sequence[str]) -> str:
        """Base URL of the first of these nodes; ``host_url`` if the stack names no nodes.

        Raises:
            ValueError: The stack does not name one of the nodes.
        """
        urls = {host.node_id: host.url for host in self.plugin_hosts if host.node_id is not None}
        unknown = [node for node in nodes if node not in urls]
        if urls and unknown:
            raise ValueError(
                f"influxdb3:pluginHosts lacks {', '.join(unknown)}, so the plugin would be missing there (it names "
                f"{', '.join(urls)}): pulumi config set --path influxdb3:pluginHosts.{unknown[0]} URL"
            )
        return urls[nodes[0]] if urls else self.host_url


class Servers(NamedTuple):
    """The servers of a stack.

    Attributes:
        default: The server of resources that name no engine.
        engines: Further servers by engine name.
    """

    default: Configuration
    engines: Mapping[str, Configuration] = MappingProxyType({})

    def of(self, engine: str | None) -> Configuration:
        """The server of an engine name; the default one for None.

        Raises:
            InvalidInputs: The stack does not name the engine.
        """
        if engine is None:
            return self.default
        if engine not in self.engines:
            raise InvalidInputs([Failure(property="engine", reason=unknown_engine(engine, self.engines))])
        return self.engines[engine]


def servers(stack_config: Callable[[str], Any]) -> Servers:
    """The servers of a stack.

    Args:
        stack_config: Looks up a key such as ``influxdb3:hostUrl`` with secrets decrypted; None if the key is not set.

    Raises:
        InvalidInputs: A key has an invalid value; names the key and the command that corrects it.
    """
    settings, slips = read(stack_config)
    if slips:
        raise InvalidInputs([Failure(property=slip.source, reason=slip.reason) for slip in slips])
    engines = {name: Configuration(**values) for name, values in settings.engines.items()}
    return Servers(Configuration(**settings.default), engines)


def configuration(stack_config: Callable[[str], Any]) -> Configuration:
    """The configuration of a stack's default server; arguments and errors are those of ``servers``."""
    return servers(stack_config).default
