"""Where the engine is and how to talk to it: stack configuration first, then the environment, then defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationInfo, field_validator

from influxdb3_engine_resources.errors import Failure, InvalidInputs
from influxdb3_engine_resources.stack_keys import PARSERS, PluginHost, read

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Configuration(BaseModel):
    """The provider's configuration; hashable, so that equal ones share a client.

    Attributes:
        host_url: Base URL of the engine.
        plugin_hosts: Further hosts that plugin files and packages go to.
        auth_token: API token; never shown.
        database: Default of every resource's ``db``.
        tls_ca: PEM file with the authorities to trust.
        tls_no_verify: Do not verify the server's certificate.
        timeout: Seconds for one request.
        package_timeout: Seconds for an installation of packages.
        registry: URL of the index of plugins that a program names without one.
        adopt: Whether resources take over what exists, as with ``adopt=True``.
        online_checks: Whether previews ask the server for what a program relies on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    host_url: str = "http://127.0.0.1:8181"
    plugin_hosts: tuple[PluginHost, ...] = ()
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
        return value if value is None or info.field_name is None else PARSERS[info.field_name](value)

    @property
    def further_urls(self) -> list[str] | None:
        """Base URLs of the hosts that get plugins and packages besides ``host_url``, which may be among them."""
        return [host.url for host in self.plugin_hosts] or None

    @property
    def names_nodes(self) -> bool:
        """Whether ``plugin_hosts`` tells which node is behind which URL."""
        return any(host.node_id is not None for host in self.plugin_hosts)

    def url_of(self, nodes: Sequence[str]) -> str:
        """Base URL of the first of some nodes; ``host_url`` where the stack names no nodes.

        Raises:
            ValueError: One of the nodes is not among those that the stack names.
        """
        urls = {host.node_id: host.url for host in self.plugin_hosts if host.node_id is not None}
        unknown = [node for node in nodes if node not in urls]
        if urls and unknown:
            raise ValueError(
                f"influxdb3:pluginHosts has the nodes {', '.join(urls)} and not {', '.join(unknown)}, which would lack "
                f"the plugin: pulumi config set --path influxdb3:pluginHosts.{unknown[0]} URL"
            )
        return urls[nodes[0]] if urls else self.host_url


def configuration(stack_config: Callable[[str], Any]) -> Configuration:
    """The configuration of a stack.

    Args:
        stack_config: Looks up a key such as ``influxdb3:hostUrl``; secrets decrypted, ``None`` where unset.

    Raises:
        InvalidInputs: A key has a value that cannot work; names the key, and the command that mends it.
    """
    values, slips = read(stack_config)
    if slips:
        raise InvalidInputs([Failure(property=slip.source, reason=slip.reason) for slip in slips])
    return Configuration(**values)
