"""HTTP client of the API: one method for each operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pydantic import ConfigDict, TypeAdapter

from influxdb3_engine_api import paths
from influxdb3_engine_api.answers import parse_answer
from influxdb3_engine_api.connection import Connection
from influxdb3_engine_api.wire import (
    ArgumentRow,
    ColumnRow,
    CreateDatabase,
    CreatePluginFile,
    CreateTable,
    CreateTrigger,
    DatabaseRow,
    DryRunResult,
    InstallPackages,
    InstallRequirements,
    LogRow,
    NewField,
    PluginDirectoryFile,
    PluginFileRow,
    ServerInfo,
    TestSchedulePlugin,
    TestWalPlugin,
    TriggerRow,
    UpdatePluginDirectory,
    UpdatePluginFile,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import httpx
    from pydantic import BaseModel

    from influxdb3_engine_api.wire import FieldType

Scalar = str | int | float | bool | None
Answer = TypeVar("Answer")

_WHEN_USED = ConfigDict(defer_build=True)
_ROWS = TypeAdapter(list[dict[str, Any]], config=_WHEN_USED)
_DATABASES = TypeAdapter(list[DatabaseRow], config=_WHEN_USED)
_TRIGGERS = TypeAdapter(list[TriggerRow], config=_WHEN_USED)
_ARGUMENTS = TypeAdapter(list[ArgumentRow], config=_WHEN_USED)
_COLUMNS = TypeAdapter(list[ColumnRow], config=_WHEN_USED)
_LOGS = TypeAdapter(list[LogRow], config=_WHEN_USED)
_PLUGIN_FILES = TypeAdapter(list[PluginFileRow], config=_WHEN_USED)
_DRY_RUN = TypeAdapter(DryRunResult)
_SERVER = TypeAdapter(ServerInfo)


class EngineClient:
    """Client of one InfluxDB 3 server or embedded engine; safe to share between threads.

    Args:
        host_url: Base URL, such as ``http://127.0.0.1:8181``.
        token: API token; default: no token. No message and no ``repr`` contains it.
        timeout: Seconds for one request with its whole answer, and for connecting; default: 30.
        package_timeout: Seconds for an installation, whose answer comes when pip has ended; default: 600.
        tls_ca: Path of a PEM file with the certificate authorities to trust; default: the system's.
        tls_no_verify: Whether to skip the verification of the server's certificate; default: False.
        start_patience: Seconds to wait for a server that refuses connections, and for one connection; default: 0, which
            is no wait, and ``timeout`` for a connection. If not 0, requests to a server that has answered none of two
            fail at once.
        on_wait: Called with a message when waiting starts; default: does nothing.
        transport: Replaces the network in tests.

    An answer may have 64 MiB. A failed method raises an ``EngineApiError``, whose class says whether the request may
    have been carried out.

    Raises:
        EngineUnreachable: The URL, the token, the file of authorities or the proxy is invalid.
    """

    def __init__(
        self,
        host_url: str,
        token: str | None = None,
        *,
        timeout: float = 30.0,
        package_timeout: float = 600.0,
        tls_ca: str | None = None,
        tls_no_verify: bool = False,
        start_patience: float = 0.0,
        on_wait: Callable[[str], None] = lambda _text: None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._package_timeout = package_timeout
        self._connection = Connection(
            host_url,
            token,
            timeout=timeout,
            tls_ca=tls_ca,
            tls_no_verify=tls_no_verify,
            start_patience=start_patience,
            on_wait=on_wait,
            transport=transport,
        )

    @property
    def host_url(self) -> str:
        """Base URL of the server, without a slash at its end."""
        return self._connection.host_url

    @property
    def cluster_uuid(self) -> str | None:
        """Identity of the server, from the newest answer that has one; None before.

        A server keeps its identity over restarts (contract 1.1).
        """
        return self._connection.cluster_uuid

    @property
    def package_timeout(self) -> float:
        """Seconds for an installation."""
        return self._package_timeout

    def __repr__(self) -> str:
        return f"EngineClient({self.host_url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections."""
        self._connection.close()

    # triggers (contract 1.2 to 1.4)

    def create_trigger(self, trigger: CreateTrigger) -> None:
        """Create a trigger; unless ``disabled``, it is running when the call returns."""
        # older releases may not know node_spec, so that it is sent only if it is set
        self._send_body("POST", paths.TRIGGER, trigger, exclude_none_of={"node_spec"})

    def delete_trigger(self, db: str, trigger_name: str, *, force: bool = False) -> None:
        """Delete a trigger; an enabled trigger needs ``force``."""
        parameters = {"db": db, "trigger_name": trigger_name} | ({"force": "true"} if force else {})
        self._connection.send("DELETE", paths.TRIGGER, params=parameters)

    def disable_trigger(self, db: str, trigger_name: str) -> None:
        """Disable a trigger; does nothing if it is disabled."""
        self._connection.send("POST", paths.TRIGGER_DISABLE, params={"db": db, "trigger_name": trigger_name})

    def enable_trigger(self, db: str, trigger_name: str) -> None:
        """Enable a trigger; does nothing if it is enabled."""
        self._connection.send("POST", paths.TRIGGER_ENABLE, params={"db": db, "trigger_name": trigger_name})

    def call_request_trigger(
        self,
        request_path: str,
        *,
        method: Literal["GET", "POST"] = "GET",
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Call the request trigger on a path and return its answer, whatever its status.

        No message contains the path: it may be the only secret that guards the plugin.
        """
        return self._connection.request(
            method,
            paths.engine(request_path),
            params=params,
            headers=headers,
            content=content,
            shown_path=paths.engine("PATH"),
        )

    # dry runs (contract section 6)

    def test_wal_plugin(self, test: TestWalPlugin) -> DryRunResult:
        """Dry-run a WAL plugin on line protocol."""
        answer = self._send_body("POST", paths.PLUGIN_TEST_WAL, test, exclude_none=True, promises_body=True)
        return parse_answer(answer, _DRY_RUN)

    def test_schedule_plugin(self, test: TestSchedulePlugin, *, changes: bool = True) -> DryRunResult:
        """Dry-run a schedule plugin.

        Args:
            test: The plugin and its arguments.
            changes: Whether the plugin may change something else than data, such as files; default: True.
        """
        answer = self._send_body(
            "POST", paths.PLUGIN_TEST_SCHEDULE, test, exclude_none=True, changes=changes, promises_body=True
        )
        return parse_answer(answer, _DRY_RUN)

    # plugin files (contract 1.7)

    def create_plugin_file(self, plugin_name: str, content: str) -> None:
        """Write a file below the plugin directory; overwrites an existing file."""
        self._send_body("POST", paths.PLUGIN_FILES, CreatePluginFile(plugin_name=plugin_name, content=content))

    def update_plugin_file(self, trigger_name: str, content: str) -> None:
        """Overwrite the plugin file of the trigger of that name (the first found, whatever its database)."""
        self._send_body("PUT", paths.PLUGIN_FILES, UpdatePluginFile(plugin_name=trigger_name, content=content))

    def update_plugin_directory(self, trigger_name: str, files: Mapping[str, str]) -> None:
        """Replace all files of the plugin directory of the trigger of that name; ``files`` maps path to content."""
        entries = [PluginDirectoryFile(relative_path=path, content=content) for path, content in files.items()]
        self._send_body("PUT", paths.PLUGIN_DIRECTORY, UpdatePluginDirectory(plugin_name=trigger_name, files=entries))

    # plugin environment (contract section 9)

    def install_packages(self, packages: Sequence[str]) -> None:
        """Run pip for requirement specifiers. That it returns does not mean that pip succeeded: verify it."""
        body = InstallPackages(packages=list(packages))
        self._send_body("POST", paths.INSTALL_PACKAGES, body, timeout=self._package_timeout)

    def install_requirements(self, requirements_location: str) -> None:
        """Run pip for a requirements file that the server can read; verify the result, as for `install_packages`."""
        body = InstallRequirements(requirements_location=requirements_location)
        self._send_body("POST", paths.INSTALL_REQUIREMENTS, body, timeout=self._package_timeout)

    # health, databases, data (contract section 8)

    def health(self) -> None:
        """Return if the server is healthy; raises an error if it is not."""
        self._connection.send("GET", paths.HEALTH)

    def ping(self) -> ServerInfo:
        """Product and version of the server."""
        return parse_answer(self._connection.send("GET", paths.PING, promises_body=True), _SERVER)

    def create_database(self, db: str, retention_period: str | None = None) -> None:
        """Create a database; ``retention_period`` is a duration such as ``7d``. None: keep data forever."""
        body = CreateDatabase(db=db, retention_period=retention_period)
        self._send_body("POST", paths.DATABASE, body, exclude_none=True)

    def update_database(self, db: str, retention_period: str | None) -> None:
        """Set the retention period of a database; None clears it."""
        self._send_body("PUT", paths.DATABASE, CreateDatabase(db=db, retention_period=retention_period))

    def delete_database(self, db: str) -> None:
        """Delete a database; its data goes after the server's grace period."""
        self._connection.send("DELETE", paths.DATABASE, params={"db": db})

    def databases(self) -> list[str]:
        """Names of the databases, ``_internal`` included."""
        answer = self._connection.send("GET", paths.DATABASE, params={"format": "json"}, promises_body=True)
        return [row.name for row in parse_answer(answer, _DATABASES)]

    def create_table(self, db: str, table: str, tags: Sequence[str], fields: Mapping[str, FieldType]) -> None:
        """Create a table, and its database if it does not exist; ``fields`` maps name to type."""
        columns = [NewField(name=name, type=type_) for name, type_ in fields.items()]
        self._send_body("POST", paths.TABLE, CreateTable(db=db, table=table, tags=list(tags), fields=columns))

    def delete_table(self, db: str, table: str) -> None:
        """Delete a table; its data goes after the server's grace period."""
        self._connection.send("DELETE", paths.TABLE, params={"db": db, "table": table})

    def columns(self, db: str, table: str) -> list[ColumnRow]:
        """The columns of a table, ``time`` included; empty if the database has no such table."""
        sql = (
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'iox' AND table_name = $table"
        )
        return self._query(db, sql, {"table": table}, _COLUMNS)

    def write_lp(
        self,
        db: str,
        line_protocol: str,
        *,
        precision: str = "auto",
        accept_partial: bool = True,
        no_sync: bool = False,
    ) -> None:
        """Write line protocol; unless ``no_sync``, it is durable when the call returns."""
        parameters = {
            "db": db,
            "precision": precision,
            "accept_partial": str(accept_partial).lower(),
            "no_sync": str(no_sync).lower(),
        }
        self._connection.send("POST", paths.WRITE_LP, params=parameters, content=line_protocol.encode())

    def query_sql(self, db: str, sql: str, params: Mapping[str, Scalar] | None = None) -> list[dict[str, Any]]:
        """The rows of a SQL query, without columns that are NULL; ``params`` are bound to ``$name``."""
        return self._query(db, sql, params, _ROWS)

    # system tables (contract 7.2); the queries name their columns, since releases add some

    def triggers(self, db: str) -> list[TriggerRow]:
        """The triggers of a database in the order of creation."""
        sql = (
            "SELECT trigger_name, plugin_filename, trigger_specification, disabled, error_behavior"
            " FROM system.processing_engine_triggers"
        )
        return self._query(db, sql, None, _TRIGGERS)

    def trigger_arguments(self, db: str) -> dict[str, dict[str, str]]:
        """Arguments of the triggers of a database, by trigger name; omits triggers without arguments."""
        sql = "SELECT trigger_name, argument_key, argument_value FROM system.processing_engine_trigger_arguments"
        arguments: dict[str, dict[str, str]] = {}
        for row in self._query(db, sql, None, _ARGUMENTS):
            arguments.setdefault(row.trigger_name, {})[row.argument_key] = row.argument_value
        return arguments

    def trigger_logs(self, db: str, trigger_name: str, *, limit: int = 100) -> list[LogRow]:
        """The newest log rows of the triggers of that name, oldest first."""
        sql = (
            "SELECT event_time, trigger_name, log_level, log_text FROM system.processing_engine_logs"  # noqa: S608 - an integer
            f" WHERE trigger_name = $name ORDER BY event_time DESC LIMIT {limit:d}"
        )
        return self._query(db, sql, {"name": trigger_name}, _LOGS)[::-1]

    def plugin_files(self) -> list[PluginFileRow]:
        """The files of all triggers' plugins."""
        sql = "SELECT plugin_name, file_name, file_path, size_bytes, last_modified FROM system.plugin_files"
        return self._query("_internal", sql, None, _PLUGIN_FILES)

    def _query(
        self, db: str, sql: str, params: Mapping[str, Scalar] | None, into: TypeAdapter[list[Answer]]
    ) -> list[Answer]:
        body: dict[str, Any] = {"db": db, "q": sql, "format": "json"}
        if params is not None:
            body["params"] = dict(params)
        answer = self._connection.send("POST", paths.QUERY_SQL, json_body=body, changes=False, promises_body=True)
        return parse_answer(answer, into)

    def _send_body(
        self,
        method: str,
        path: str,
        body: BaseModel,
        *,
        exclude_none: bool = False,
        exclude_none_of: set[str] | None = None,
        timeout: float | None = None,
        changes: bool = True,
        promises_body: bool = False,
    ) -> httpx.Response:
        dumped = body.model_dump(mode="json", exclude_none=exclude_none)
        for member in exclude_none_of or ():
            if dumped[member] is None:
                del dumped[member]
        return self._connection.send(
            method, path, json_body=dumped, timeout=timeout, changes=changes, promises_body=promises_body
        )
