"""A fake server behind the transport: keeps triggers and files, logs requests, and fails as a test asks.

``tests/conformance/test_fake_server.py`` compares its answers with those of a real server.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx

from influxdb3_embedded.worker.line_builder import LineBuilder
from influxdb3_engine_api.specification import Cron, SpecificationError, parse
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.server.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CLUSTER_UUID = "7a0e9c1c-5a5b-4d2e-9d57-0d6f7a1e4c11"
TRIGGER = "/api/v3/configure/processing_engine_trigger"
INSTALL = "/api/v3/configure/plugin_environment/install_"


@dataclass
class FakeServer:
    """What a provider's requests find.

    Attributes:
        plugin_directory: Where plugin files are written.
        requests: What was asked, in order, such as ``create t`` or ``query triggers``.
        triggers: Bodies of the triggers by name; one database.
        databases: Names of the databases.
        tables: Names of the tables, the same in each of them.
        columns: Columns of a table, as ``information_schema.columns`` lists them; a table that has none here has only
            ``time``.
        product: Name and version.
        logs: Rows of the log table, oldest first; ``log`` adds one.
        failures: Request to the answers or exceptions that it gets instead, one after the other.
        bodies: Bodies of the requests in order.
        cluster_uuid: Identity of the server, in each of its own answers.
        pip: What an installation does; nothing unless a test says otherwise.
    """

    plugin_directory: Path
    requests: list[str] = field(default_factory=list)
    triggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    databases: set[str] = field(default_factory=lambda: {"_internal", "db"})
    tables: set[str] = field(default_factory=set)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    product: tuple[str, str] = ("InfluxDB 3 Core", "3.11.0")
    logs: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[str, list[httpx.Response | Exception]] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    cluster_uuid: str = CLUSTER_UUID
    pip: Callable[[dict[str, Any]], object] = lambda _body: None

    def engine(self, **configuration: Any) -> Engine:
        """An engine whose client talks to this server."""
        return Engine(Configuration(**configuration), httpx.MockTransport(self.answer))

    def log(self, text: str, *, level: str = "INFO", name: str = "t") -> None:
        """Add a row to the log, a second after the last one."""
        time = f"2026-01-01T00:00:{len(self.logs):02}"
        self.logs.append({"event_time": time, "trigger_name": name, "log_level": level, "log_text": text})

    def file(self, name: str) -> str:
        """Text of a plugin file."""
        return (self.plugin_directory / name).read_text()

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Carry out a request, or fail as a test wants it."""
        body = json.loads(request.content) if request.content else dict(request.url.params)
        name = self._named(request, body)
        self.requests.append(name)
        self.bodies.append(body)
        failures = self.failures.get(name)
        if failures:
            failure = failures.pop(0)
            if isinstance(failure, httpx.Response):
                return failure
            raise failure
        answer = self._carried_out(name.split(" ")[0], body)
        answer.headers["cluster-uuid"] = self.cluster_uuid
        return answer

    def _named(self, request: httpx.Request, body: dict[str, Any]) -> str:
        path, method = request.url.path, request.method
        trigger = body.get("trigger_name", "")
        if path == "/api/v3/query_sql":
            tables = {
                "trigger_arguments": "arguments",
                "plugin_files": "files",
                "engine_logs": "logs",
                "information_schema.tables": "tables",
                "information_schema.columns": "columns",
            }
            return "query " + next((name for table, name in tables.items() if table in body["q"]), "triggers")
        if path == "/ping":
            return "ping"
        if path.startswith(TRIGGER):
            verb = path.removeprefix(TRIGGER).removeprefix("/") or {"POST": "create", "DELETE": "delete"}[method]
            return f"{verb} {trigger}"
        if path == "/api/v3/plugins/files":
            return f"{'write' if method == 'POST' else 'overwrite'} {body['plugin_name']}"
        if path == "/api/v3/plugins/directory":
            return f"replace {body['plugin_name']}"
        if path.startswith(INSTALL):
            return f"install {path.removeprefix(INSTALL)}"
        if path.startswith("/api/v3/plugin_test/"):
            own = re.fullmatch(r"\.pulumi/(probe|sweeper)_.*", body["filename"])
            return own[1] if own else f"dry-run {body['filename']}"
        if path == "/api/v3/configure/table":
            return f"{'make-table' if method == 'POST' else 'drop-table'} {body['table']}"
        assert path == "/api/v3/configure/database", f"{method} {path} is not served"
        return {"POST": "make-database", "GET": "list-databases", "DELETE": "drop-database"}[method]

    def _carried_out(self, verb: str, body: dict[str, Any]) -> httpx.Response:
        method = getattr(self, f"_{verb.replace('-', '_')}")
        answer: httpx.Response = method(body)
        return answer

    def _ping(self, body: dict[str, Any]) -> httpx.Response:
        del body
        name, version = self.product
        process = "00000000-0000-4000-8000-000000000000"
        return httpx.Response(
            200, json={"product_name": name, "version": version, "revision": "0123456", "process_id": process}
        )

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] == "_internal":
            return _error(500, "cannot modify internal db")
        problem = self._path_problem(body["plugin_filename"]) or self._reading_problem(body["plugin_filename"])
        if problem:
            return _error(500, f"Plugin error: {problem}")
        if body["db"] not in self.databases:
            return self._no_database(body)
        try:
            parse(body["trigger_specification"])
        except SpecificationError as error:
            return _error(500, error.server_text)
        if body["trigger_name"] in self.triggers:
            return _error(409, "attempted to create a resource that already exists")
        self.triggers[body["trigger_name"]] = body
        return httpx.Response(200)

    def _delete(self, body: dict[str, Any]) -> httpx.Response:
        name = body["trigger_name"]
        if body["db"] not in self.databases:
            return self._no_database(body)
        if name not in self.triggers:
            return self._missing(name)
        if not self.triggers[name]["disabled"] and body.get("force") != "true":
            text = f"Cannot delete running plugin {name}. Disable it first or use --force."
            return _error(500, text)
        del self.triggers[name]
        return httpx.Response(200)

    def _disable(self, body: dict[str, Any], *, disabled: bool = True) -> httpx.Response:
        name = body["trigger_name"]
        if body["db"] not in self.databases:
            return self._no_database(body)
        if name not in self.triggers:
            return self._missing(name)
        self.triggers[name] = self.triggers[name] | {"disabled": disabled}
        return httpx.Response(200)

    def _enable(self, body: dict[str, Any]) -> httpx.Response:
        return self._disable(body, disabled=False)

    @staticmethod
    def _no_database(body: dict[str, Any]) -> httpx.Response:
        return _error(404, f"Database not found {body['db']}")

    @staticmethod
    def _missing(name: str) -> httpx.Response:
        return _error(404, f"the requested resource was not found: {name}")

    def _query(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] not in self.databases:
            return _error(404, f'{{"error":"query error: database not found: {body["db"]}"}}')
        if "engine_logs" in body["q"]:
            name = body["params"]["name"]
            return httpx.Response(200, json=[row for row in self.logs[::-1] if row["trigger_name"] == name])
        if "plugin_files" in body["q"]:
            return httpx.Response(200, json=self._plugin_files())
        if "information_schema.tables" in body["q"]:
            return httpx.Response(200, json=[{"table_name": name} for name in sorted(self.tables)])
        if "information_schema.columns" in body["q"]:
            table = body["params"]["table"]
            columns = self.columns.get(table, {}) | {"time": "Timestamp(ns)"} if table in self.tables else {}
            rows = [{"column_name": name, "data_type": type_} for name, type_ in columns.items()]
            return httpx.Response(200, json=rows)
        if "trigger_arguments" in body["q"]:
            return httpx.Response(
                200,
                json=[
                    {"trigger_name": name, "argument_key": key, "argument_value": value}
                    for name, trigger in self.triggers.items()
                    for key, value in (trigger["trigger_arguments"] or {}).items()
                ],
            )
        return httpx.Response(
            200,
            json=[
                {
                    "trigger_name": name,
                    "plugin_filename": trigger["plugin_filename"],
                    "trigger_specification": _catalog_json(trigger["trigger_specification"]),
                    "disabled": trigger["disabled"],
                    "error_behavior": trigger["trigger_settings"]["error_behavior"],
                }
                for name, trigger in self.triggers.items()
                if trigger["db"] == body["db"]
            ],
        )

    def _write(self, body: dict[str, Any]) -> httpx.Response:
        if problem := self._path_problem(body["plugin_name"]):
            return _error(500, f"Processing engine error: plugin error: {problem}")
        path = self.plugin_directory / body["plugin_name"]
        if path.is_dir():
            return _error(
                500, "Processing engine error: plugin error: reading plugin file: Is a directory (os error 21)"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(body["content"])
        return httpx.Response(200)

    def _overwrite(self, body: dict[str, Any]) -> httpx.Response:
        if body["plugin_name"] not in self.triggers:
            return self._no_plugin(body["plugin_name"])
        return self._write(body | {"plugin_name": self.triggers[body["plugin_name"]]["plugin_filename"]})

    def _replace(self, body: dict[str, Any]) -> httpx.Response:
        if body["plugin_name"] not in self.triggers:
            return self._no_plugin(body["plugin_name"])
        for entry in body["files"]:
            if problem := self._path_problem(entry["relative_path"]):
                return _error(500, f"Processing engine error: plugin error: {problem}")
        directory = self.triggers[body["plugin_name"]]["plugin_filename"]
        if (self.plugin_directory / directory).is_file():
            return _error(500, "Processing engine error: plugin error: Failed to delete old directory")
        shutil.rmtree(self.plugin_directory / directory, ignore_errors=True)
        for entry in body["files"]:
            self._write({"plugin_name": f"{directory}/{entry['relative_path']}", "content": entry["content"]})
        return httpx.Response(200)

    @staticmethod
    def _path_problem(name: str) -> str | None:
        """What the server says about a path that leaves the plugin directory; None if it does not."""
        if not name.startswith("/") and ".." not in name.split("/"):
            return None
        return (
            f"Path traversal detected: plugin filename '{name}' attempts to access files outside the plugin directory"
        )

    def _reading_problem(self, name: str) -> str | None:
        """What the server says about a plugin that it cannot read; None if it can."""
        path = self.plugin_directory / name
        if not path.exists():
            return f"reading plugin file: Plugin not found: {path}"
        if path.is_dir() and not (path / "__init__.py").is_file():
            return f"reading plugin file: Multi-file plugin directory must contain __init__.py: {path}"
        return None

    @staticmethod
    def _no_plugin(name: str) -> httpx.Response:
        return _error(500, f"Processing engine error: plugin error: Plugin not found: {name}")

    def _plugin_files(self) -> list[dict[str, Any]]:
        rows = []
        for name, trigger in self.triggers.items():
            path = self.plugin_directory / trigger["plugin_filename"]
            for file in [path, *path.rglob("*.py")]:
                if file.is_file():
                    status = file.stat()
                    rows.append(
                        {
                            "plugin_name": name,
                            "file_name": file.name,
                            "file_path": str(file),
                            "size_bytes": status.st_size,
                            "last_modified": status.st_mtime_ns // 1_000_000,
                        }
                    )
        return rows

    def _dry_run(self, body: dict[str, Any]) -> httpx.Response:
        """Run the plugin that was uploaded, in this process; one of WAL triggers gets lines, not table batches."""
        name = body["filename"]
        if problem := self._path_problem(name) or self._reading_problem(name):
            return _error(500, f"Plugin error: {problem}")
        is_wal = "input_lp" in body
        local = _Local()
        try:
            self._call(name, body, local)
        except _DryRunFailed as failed:
            result: dict[str, Any] = {"log_lines": [], "database_writes": {}, "errors": [str(failed)]}
            time = None
        else:
            writes = {body["database"]: local.writes} if local.writes else {}
            result = {"log_lines": local.lines, "database_writes": writes, "errors": []}
            time = "2026-01-01T00:00:00Z"
        return httpx.Response(200, json=result if is_wal else {"trigger_time": time} | result)

    def _call(self, name: str, body: dict[str, Any], local: _Local) -> None:
        if "input_lp" not in body and body["database"] not in self.databases:
            raise _DryRunFailed("couldn't find db")
        function, parameters = "process_scheduled_call", "influxdb3_local, call_time, args=None"
        given: object = datetime(2026, 1, 1)  # noqa: DTZ001 - as a real server passes it
        if "input_lp" in body:
            function, parameters = "process_writes", "influxdb3_local, table_batches, args=None"
            given = body["input_lp"].splitlines()
        path = self.plugin_directory / name
        namespace: dict[str, Any] = {"LineBuilder": LineBuilder}
        os.environ["PLUGIN_DIR"] = str(self.plugin_directory)
        try:
            exec(compile(path.read_text(), str(path), "exec"), namespace)
            if function not in namespace:
                usage = f"Should be defined as: {function}({parameters})"
                raise _DryRunFailed(
                    f"error executing plugin: the {function} function is not present in the plugin. {usage}"
                )
            local.info("starting execution")
            namespace[function](local, given, body.get("input_arguments"))
            local.info("finished execution in 1ms")
        except _DryRunFailed:
            raise
        except Exception as error:
            raise _DryRunFailed(f"error executing plugin: {type(error).__name__}: {error}") from error
        finally:
            os.environ.pop("PLUGIN_DIR", None)  # another thread may have been faster

    _probe = _sweeper = _dry_run

    def _install(self, body: dict[str, Any]) -> httpx.Response:
        """Answers 200 whether or not pip installed anything, as the real server does."""
        self.pip(body)
        return httpx.Response(200)

    def _make_database(self, body: dict[str, Any]) -> httpx.Response:
        if not body["db"][:1].isalnum():
            return _error(400, '{"error":"db name did not start with a number or letter"}')
        if body["db"] in self.databases:
            return _error(409, "attempted to create a resource that already exists")
        self.databases.add(body["db"])
        return httpx.Response(200)

    def _make_table(self, body: dict[str, Any]) -> httpx.Response:
        if body["table"] in self.tables:
            return _error(409, "attempted to create a resource that already exists")
        types = {"utf8": "Utf8", "int64": "Int64", "uint64": "UInt64", "float64": "Float64", "bool": "Boolean"}
        self.databases.add(body["db"])
        self.tables.add(body["table"])
        self.columns[body["table"]] = dict.fromkeys(body["tags"], "Dictionary(Int32, Utf8)") | {
            each["name"]: types[each["type"]] for each in body["fields"]
        }
        return httpx.Response(200)

    def _drop_table(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] not in self.databases:
            return self._no_database(body)
        if body["table"] not in self.tables:
            return _error(404, f"Table {body['table']} not in DB schema for {body['db']}")
        self.tables.remove(body["table"])
        self.columns.pop(body["table"], None)
        return httpx.Response(200)

    def _list_databases(self, body: dict[str, Any]) -> httpx.Response:
        del body
        return httpx.Response(200, json=[{"iox::database": name} for name in sorted(self.databases)])

    def _drop_database(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] not in self.databases:
            return self._missing(body["db"])
        self.databases.remove(body["db"])
        return httpx.Response(200)


def _catalog_json(text: str) -> str:
    """What the system table has; a cron expression may have a form that no program can send."""
    try:
        return parse(text).catalog_json
    except SpecificationError:
        return Cron(text.removeprefix("cron:"), None).catalog_json


def _error(status: int, text: str) -> httpx.Response:
    """An error without a content type, as a real server sends it, also of JSON."""
    return httpx.Response(status, content=text.encode())


class _DryRunFailed(Exception):
    """A dry run whose answer has this one error."""


@dataclass
class _Local:
    """What a plugin gets as ``influxdb3_local``."""

    lines: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def info(self, text: str) -> None:
        self.lines.append(f"INFO: {text}")

    def error(self, text: str) -> None:
        self.lines.append(f"ERROR: {text}")

    def write(self, line: str | LineBuilder) -> None:
        self.writes.append(line if isinstance(line, str) else line.build())


def cluster(servers: Mapping[str, FakeServer]) -> Engine:
    """An engine of several hosts by URL, the first of which has the triggers."""
    first, *others = servers
    hosts = Configuration.model_validate({"host_url": first, "plugin_hosts": others})

    def handle(request: httpx.Request) -> httpx.Response:
        return servers[f"http://{request.url.host}:{request.url.port}"].answer(request)

    return Engine(hosts, httpx.MockTransport(handle))
