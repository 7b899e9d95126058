"""Where the engine is and how to talk to it: stack configuration first, then the environment, then defaults."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from influxdb3_engine_api.addresses import token_problem, url_problem
from pulumi_influxdb3_engine.logic.inputs import Failure, InvalidInputs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class PluginHost(NamedTuple):
    """A node of a cluster that plugin files and packages go to.

    Attributes:
        url: Its base URL.
        node_id: What ``node_spec`` calls it, where the stack says so.
    """

    url: str
    node_id: str | None = None


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
    adopt: bool = False
    online_checks: bool = False

    @field_validator("host_url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        problem = url_problem(url)
        if problem:
            raise ValueError(problem)
        return url.rstrip("/")

    @field_validator("plugin_hosts", mode="before")
    @classmethod
    def _are_hosts(cls, given: Any) -> Any:
        """Stack configuration is text: JSON (``pulumi config set --path``), or URLs with commas between."""
        if isinstance(given, str):
            given = _json(given) if given.lstrip()[:1] in {"[", "{"} else given.split(",")
        if isinstance(given, dict):
            return [PluginHost(url, node_id) for node_id, url in given.items()]
        return [PluginHost(url.strip() if isinstance(url, str) else url) for url in given if url]

    @field_validator("plugin_hosts")
    @classmethod
    def _are_http(cls, hosts: tuple[PluginHost, ...]) -> tuple[PluginHost, ...]:
        return tuple(host._replace(url=cls._is_http(host.url)) for host in hosts)

    @field_validator("auth_token")
    @classmethod
    def _is_sendable(cls, token: SecretStr) -> SecretStr:
        bare = token.get_secret_value().strip()  # a file that it was read from may end with a line break
        problem = token_problem(bare)
        if problem:
            raise ValueError(problem)
        return SecretStr(bare)

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


_KEYS = {
    "host_url": ("hostUrl", "INFLUXDB3_HOST_URL"),
    "plugin_hosts": ("pluginHosts", None),
    "auth_token": ("authToken", "INFLUXDB3_AUTH_TOKEN"),
    "database": ("database", "INFLUXDB3_DATABASE_NAME"),
    "tls_ca": ("tlsCa", "INFLUXDB3_TLS_CA"),
    "tls_no_verify": ("tlsNoVerify", "INFLUXDB3_TLS_NO_VERIFY"),
    "timeout": ("timeout", None),
    "package_timeout": ("packageTimeout", None),
    "adopt": ("adopt", None),
    "online_checks": ("onlineChecks", None),
}


def configuration(stack_config: Callable[[str], Any]) -> Configuration:
    """The configuration of a stack.

    Args:
        stack_config: Looks up a key such as ``influxdb3:hostUrl``; secrets decrypted, ``None`` where unset.

    Raises:
        InvalidInputs: A key has a value that cannot work; names the key.
    """
    given = {}
    for name, (key, variable) in _KEYS.items():
        value = stack_config(f"influxdb3:{key}")
        if value is None and variable is not None:
            value = os.environ.get(variable) or None
        if value is not None:
            given[name] = value
    try:
        return Configuration.model_validate(given)
    except ValueError as error:
        raise _named_by_key(error) from None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ValueError(
            'the text is no JSON: write URLs with commas between, ["URL", ...] or {"NODE": "URL"}'
        ) from None


def _named_by_key(error: Any) -> InvalidInputs:
    return InvalidInputs(
        [
            Failure(
                property=f"influxdb3:{_KEYS[details['loc'][0]][0]}", reason=details["msg"].removeprefix("Value error, ")
            )
            for details in error.errors(include_url=False, include_input=False)
        ]
    )
