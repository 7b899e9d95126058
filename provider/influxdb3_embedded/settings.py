"""Settings of an engine. The flags of ``influxdb3-embedded serve`` set them (contract section 10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from influxdb3_embedded.memory_size import memory_size
from influxdb3_embedded.runner.plugins.repository import DEFAULT_REPOSITORY
from influxdb3_engine_api.specification import PluginType

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_MAX_REQUEST_SIZE = 10_485_760
"""Largest body of a request in bytes, before and after decompression (contract 1.1)."""

DEFAULT_QUERY_MEMORY = "20%"
"""Memory that queries may take. The default of a real server's ``--exec-mem-pool-bytes``."""

DEFAULT_QUERY_TIMEOUT = 60.0
"""Seconds that a query may take."""


class ObjectStore(StrEnum):
    """Where data is kept."""

    FILE = "file"
    MEMORY = "memory"


class PackageManager(StrEnum):
    """What installs packages: pip, unless ``disabled`` (contract section 9)."""

    DISCOVER = "discover"
    PIP = "pip"
    UV = "uv"
    DISABLED = "disabled"


class OpenResource(StrEnum):
    """What ``--disable-authz`` opens to clients without a token."""

    HEALTH = "health"
    PING = "ping"
    METRICS = "metrics"
    READY = "ready"
    PPROF = "pprof"


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one engine, fixed from start to stop.

    Attributes:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        node_id: Name of this node. The directory below ``data_dir`` with its data has this name.
        data_dir: Directory of the data. None: data is in memory, and lost when the engine stops.
        plugin_dir: Directory of the plugins. None: the Processing engine is off.
        virtual_env_location: Virtual environment of the plugins. None: ``.venv`` in the plugin directory.
        package_manager: Whether packages can be installed.
        plugin_repo: Base URL of ``gh:`` plugins.
        restrict_plugin_triggers_to: Kinds of trigger that can be created.
        plugin_dir_only: Whether to refuse plugins that are not in the plugin directory.
        without_auth: Whether to serve without tokens.
        disable_authz: What is open to clients without a token although tokens are on.
        allow_hosts: Names by which clients may call the engine, besides those of the loopback interface.
        allow_origins: Origins of web pages that may call the engine, besides its own.
        max_http_request_size: Largest body of a request in bytes.
        query_memory: Bytes that queries may take.
        query_time_limit: Seconds that a query may take.
        run_time_limit: Seconds after which a plugin's run is killed. None: no limit.
        plugin_env: Names of environment variables that plugins and pip get, besides those of `variables`.
        plugin_umask: The umask of plugins and pip.
    """

    host: str = "127.0.0.1"
    port: int = 8181
    node_id: str = "node0"
    data_dir: Path | None = None
    plugin_dir: Path | None = None
    virtual_env_location: Path | None = None
    package_manager: PackageManager = PackageManager.DISCOVER
    plugin_repo: str = DEFAULT_REPOSITORY
    restrict_plugin_triggers_to: frozenset[PluginType] = frozenset(PluginType)
    plugin_dir_only: bool = False
    without_auth: bool = False
    disable_authz: frozenset[OpenResource] = frozenset()
    allow_hosts: frozenset[str] = frozenset()
    allow_origins: frozenset[str] = frozenset()
    max_http_request_size: int = DEFAULT_MAX_REQUEST_SIZE
    query_memory: int = field(default_factory=lambda: memory_size(DEFAULT_QUERY_MEMORY))
    query_time_limit: float = DEFAULT_QUERY_TIMEOUT
    run_time_limit: float | None = None
    plugin_env: frozenset[str] = frozenset()
    plugin_umask: int = 0o022

    @property
    def node_dir(self) -> Path | None:
        """Directory of this node's data. None: data is in memory."""
        return self.data_dir / self.node_id if self.data_dir else None
