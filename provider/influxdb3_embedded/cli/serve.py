"""The command ``influxdb3-embedded serve``. Its flags are those of a real server (contract section 10)."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
import uvloop

from influxdb3_embedded import logs, secrecy, variables
from influxdb3_embedded.catalog import CatalogVersionError
from influxdb3_embedded.disk import describe
from influxdb3_embedded.http import server
from influxdb3_embedded.http.browsers import host_of, origin_of
from influxdb3_embedded.memory_size import memory_size
from influxdb3_embedded.runner.plugins.repository import DEFAULT_REPOSITORY
from influxdb3_embedded.settings import (
    DEFAULT_MAX_REQUEST_SIZE,
    DEFAULT_QUERY_MEMORY,
    DEFAULT_QUERY_TIMEOUT,
    ObjectStore,
    OpenResource,
    PackageManager,
    Settings,
)
from influxdb3_embedded.storage import StorageLockedError
from influxdb3_embedded.worker.process_setup import hide_process
from influxdb3_engine_api.specification import PluginType

if TYPE_CHECKING:
    from collections.abc import Callable

Choice = TypeVar("Choice")

_DEFAULT_DATA_DIR = Path("~/.influxdb3-embedded/data")
_PLUGIN_TYPES = {
    "wal": PluginType.WAL,
    "wal_flush": PluginType.WAL,
    "schedule": PluginType.SCHEDULE,
    "request": PluginType.REQUEST,
}


class LogFilter(StrEnum):
    """The lowest level that the engine logs."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def serve(  # noqa: PLR0917 - typer makes an option of each
    http_bind: Annotated[
        str,
        typer.Option(envvar="INFLUXDB3_HTTP_BIND_ADDR", metavar="HOST:PORT", help="Address; port 0 takes a free one."),
    ] = "127.0.0.1:8181",
    node_id: Annotated[
        str,
        typer.Option(
            envvar="INFLUXDB3_NODE_IDENTIFIER_PREFIX", help="Directory of this engine's data below --data-dir."
        ),
    ] = "node0",
    object_store: Annotated[
        ObjectStore,
        typer.Option(envvar="INFLUXDB3_OBJECT_STORE", help="Where data is kept; memory loses it at the end."),
    ] = ObjectStore.FILE,
    data_dir: Annotated[
        Path, typer.Option(envvar="INFLUXDB3_DB_DIR", help="Where --object-store file keeps data.")
    ] = _DEFAULT_DATA_DIR,
    plugin_dir: Annotated[
        Path | None,
        typer.Option(envvar="INFLUXDB3_PLUGIN_DIR", help="Directory of the plugins; without it, no plugin runs."),
    ] = None,
    virtual_env_location: Annotated[
        Path | None,
        typer.Option(
            # not VIRTUAL_ENV as in a real server: here it often names the environment of the user's project
            envvar="INFLUXDB3_VIRTUAL_ENV_LOCATION",
            help="The plugins' virtual environment. [default: .venv in the plugin directory]",
        ),
    ] = None,
    package_manager: Annotated[
        PackageManager, typer.Option(envvar="INFLUXDB3_PACKAGE_MANAGER", help="All but disabled mean pip.")
    ] = PackageManager.DISCOVER,
    plugin_repo: Annotated[
        str, typer.Option(envvar="INFLUXDB3_PLUGIN_REPO", help="Base URL of gh: plugins.")
    ] = DEFAULT_REPOSITORY,
    restrict_plugin_triggers_to: Annotated[
        str | None,
        typer.Option(
            envvar="INFLUXDB3_RESTRICT_PLUGIN_TRIGGERS_TO",
            metavar="[wal,schedule,request]",
            help="Kinds of trigger that can be created. [default: all]",
        ),
    ] = None,
    plugin_dir_only: Annotated[
        bool,
        typer.Option("--plugin-dir-only", envvar="INFLUXDB3_PLUGIN_DIR_ONLY", help="Refuse plugins over the API."),
    ] = False,
    without_auth: Annotated[
        bool, typer.Option("--without-auth", envvar="INFLUXDB3_START_WITHOUT_AUTH", help="Serve without tokens.")
    ] = False,
    disable_authz: Annotated[
        str | None,
        typer.Option(
            envvar="INFLUXDB3_DISABLE_AUTHZ",
            metavar="[health,ping,metrics,ready,pprof]",
            help="What is open without a token.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            envvar="INFLUXDB3_ALLOW_HOST",
            metavar="HOST",
            help="Name by which clients may call the engine, besides localhost; may be repeated.",
        ),
    ] = None,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            envvar="INFLUXDB3_ALLOW_ORIGIN",
            metavar="SCHEME://HOST:PORT",
            help="Web pages that may call the engine, besides its own; may be repeated.",
        ),
    ] = None,
    max_http_request_size: Annotated[
        int, typer.Option(envvar="INFLUXDB3_MAX_HTTP_REQUEST_SIZE", min=1, help="Bytes of a request's body.")
    ] = DEFAULT_MAX_REQUEST_SIZE,
    exec_mem_pool_bytes: Annotated[
        str,
        typer.Option(
            envvar="INFLUXDB3_EXEC_MEM_POOL_BYTES",
            metavar="SIZE",
            help="Memory that queries may take: megabytes, a size like 512mb or 2gb, or a percentage of all memory.",
        ),
    ] = DEFAULT_QUERY_MEMORY,
    query_timeout: Annotated[
        float,
        typer.Option(
            envvar="INFLUXDB3_QUERY_TIMEOUT", min=0.001, help="Seconds that a query of a client or plugin may take."
        ),
    ] = DEFAULT_QUERY_TIMEOUT,
    plugin_time_limit: Annotated[
        float | None,
        typer.Option(
            envvar="INFLUXDB3_PLUGIN_TIME_LIMIT", min=0.001, help="Seconds after which a run is killed. [default: none]"
        ),
    ] = None,
    wal_flush_interval: Annotated[
        str | None,
        typer.Option(
            envvar="INFLUXDB3_WAL_FLUSH_INTERVAL",
            help="Without effect, for scripts for a real server: a write is durable when it is answered.",
        ),
    ] = None,
    plugin_env: Annotated[
        list[str] | None,
        typer.Option(
            envvar="INFLUXDB3_PLUGIN_ENV",
            metavar="NAME",
            help="Environment variable that plugins get; may be repeated. The variable has spaces between names.",
        ),
    ] = None,
    ready_file: Annotated[Path | None, typer.Option(help="File that gets the URL when the engine serves it.")] = None,
    log_filter: Annotated[
        LogFilter, typer.Option(envvar="INFLUXDB3_LOG_FILTER", help="Lowest level of the log on standard error.")
    ] = LogFilter.INFO,
) -> None:
    """Run an engine until Ctrl-C or SIGTERM."""
    del wal_flush_interval
    host, port = _address(http_bind)
    settings = Settings(
        host=host,
        port=port,
        node_id=_node_id(node_id),
        data_dir=data_dir.expanduser().absolute() if object_store is ObjectStore.FILE else None,
        plugin_dir=plugin_dir.expanduser().absolute() if plugin_dir else None,
        virtual_env_location=virtual_env_location.expanduser().absolute() if virtual_env_location else None,
        package_manager=package_manager,
        plugin_repo=plugin_repo,
        restrict_plugin_triggers_to=_choices(
            restrict_plugin_triggers_to, _PLUGIN_TYPES, "--restrict-plugin-triggers-to"
        )
        or frozenset(PluginType),
        plugin_dir_only=plugin_dir_only,
        without_auth=without_auth,
        disable_authz=_choices(disable_authz, {value.value: value for value in OpenResource}, "--disable-authz"),
        allow_hosts=_all_named(allow_host, host_of, "HOST", "--allow-host"),
        allow_origins=_all_named(allow_origin, origin_of, "SCHEME://HOST or SCHEME://HOST:PORT", "--allow-origin"),
        max_http_request_size=max_http_request_size,
        query_memory=_memory(exec_mem_pool_bytes),
        query_time_limit=query_timeout,
        run_time_limit=plugin_time_limit,
        plugin_env=_variables(plugin_env or []),
        plugin_umask=os.umask(0o077),  # only the owner may read the files of the engine
    )
    logs.configure(log_filter)
    hide_process()
    secrecy.stop_descriptor_inheritance()
    secrecy.erase_variables(variables.for_engine(settings.plugin_env))
    _run(settings, ready_file)


def _run(settings: Settings, ready_file: Path | None) -> None:
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(
                server.serve(settings, ready_file=ready_file, started=lambda url: typer.echo(_summary(settings, url)))
            )
            # All data is on disk. Do not wait for threads that still parse the write of a client that is gone.
            sys.stdout.flush()
            os._exit(0)
    except (OSError, CatalogVersionError, StorageLockedError, sqlite3.Error) as error:
        reason = describe(error) if isinstance(error, OSError) else error
        typer.echo(logs.escaped(f"The engine cannot start: {reason}"), err=True)
        raise typer.Exit(1) from None


def _summary(settings: Settings, url: str) -> str:
    plugins = str(settings.plugin_dir) if settings.plugin_dir else "the Processing engine is off, see --plugin-dir"
    rows = {
        "URL": url,
        "Data": str(settings.node_dir or "in memory, lost when the engine stops"),
        "Plugins": plugins,
        "Tokens": "off, anyone who reaches the URL may do everything"
        if settings.without_auth
        else "on, 'influxdb3-embedded token' creates the first one",
    }
    width = max(map(len, rows))
    lines = [logs.escaped(f"  {name:<{width}}  {value}") for name, value in rows.items()]
    return "\n".join(["InfluxDB 3 Processing engine, embedded", *lines, "Stop it with Ctrl-C."])


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not port.isdigit() or int(port) > 65_535:
        raise typer.BadParameter(f"{text!r} does not have the form HOST:PORT", param_hint="--http-bind")
    return host.strip("[]") or "127.0.0.1", int(port)


def _node_id(text: str) -> str:
    if not text or text.strip(".") == "" or "/" in text or "\0" in text:
        raise typer.BadParameter(f"{text!r} is not a valid name of a directory", param_hint="--node-id")
    return text


def _variables(names: list[str]) -> frozenset[str]:
    for name in names:
        if not name or "=" in name:
            raise typer.BadParameter(f"{name!r} is not a valid name of a variable", param_hint="--plugin-env")
    return frozenset(names)


def _memory(text: str) -> int:
    try:
        return memory_size(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--exec-mem-pool-bytes") from None


def _all_named(texts: list[str] | None, parse: Callable[[str], object | None], form: str, flag: str) -> frozenset[str]:
    for text in texts or ():
        if parse(text) is None:
            raise typer.BadParameter(f"{text!r} does not have the form {form}", param_hint=flag)
    return frozenset(texts or ())


def _choices(text: str | None, known: dict[str, Choice], flag: str) -> frozenset[Choice]:
    chosen = [part.strip() for part in (text or "").split(",") if part.strip()]
    for name in chosen:
        if name not in known:
            raise typer.BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint=flag)
    return frozenset(known[name] for name in chosen)
