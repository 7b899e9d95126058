"""The server's side of the transport: keeps triggers, files and a log of requests, and fails where a test wants it."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from influxdb3_engine_api.specification import parse
from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.server.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

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
        product: Name and version.
        logs: Rows of the log table, oldest first; ``log`` adds one.
        failures: Request to the answers or exceptions that it gets instead, one after the other.
        bodies: Bodies of the requests in order.
        pip: What an installation does; nothing unless a test says otherwise.
    """

    plugin_directory: Path
    requests: list[str] = field(default_factory=list)
    triggers: dict[str, dict[str, Any]] = field(default_factory=dict)
    databases: set[str] = field(default_factory=lambda: {"_internal", "db"})
    tables: set[str] = field(default_factory=set)
    product: tuple[str, str] = ("InfluxDB 3 Core", "3.11.0")
    logs: list[dict[str, Any]] = field(default_factory=list)
    failures: dict[str, list[httpx.Response | Exception]] = field(default_factory=dict)
    bodies: list[Any] = field(default_factory=list)
    pip: Callable[[dict[str, Any]], object] = lambda _body: None

    def engine(self, **configuration: Any) -> Engine:
        """An engine whose client talks to this server."""
        return Engine(Configuration(**configuration), httpx.MockTransport(self._handle))

    def log(self, text: str, *, level: str = "INFO", name: str = "t") -> None:
        """Add a row to the log, a second after the last one."""
        time = f"2026-01-01T00:00:{len(self.logs):02}"
        self.logs.append({"event_time": time, "trigger_name": name, "log_level": level, "log_text": text})

    def file(self, name: str) -> str:
        """Text of a plugin file."""
        return (self.plugin_directory / name).read_text()

    def _handle(self, request: httpx.Request) -> httpx.Response:
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
        return self._carried_out(name.split(" ")[0], body)

    def _named(self, request: httpx.Request, body: dict[str, Any]) -> str:
        path, method = request.url.path, request.method
        trigger = body.get("trigger_name", "")
        if path == "/api/v3/query_sql":
            tables = {
                "trigger_arguments": "arguments",
                "plugin_files": "files",
                "engine_logs": "logs",
                "information_schema.tables": "tables",
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
        assert path == "/api/v3/configure/database", f"{method} {path} is not served"
        return {"POST": "make-database", "GET": "list-databases", "DELETE": "drop-database"}[method]

    def _carried_out(self, verb: str, body: dict[str, Any]) -> httpx.Response:
        method = getattr(self, f"_{verb.replace('-', '_')}")
        answer: httpx.Response = method(body)
        return answer

    def _ping(self, body: dict[str, Any]) -> httpx.Response:
        del body
        name, version = self.product
        return httpx.Response(200, json={"product_name": name, "version": version})

    def _create(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] == "_internal":
            return httpx.Response(500, text="cannot modify internal db")
        if body["db"] not in self.databases:
            return httpx.Response(404, text=f"Database not found {body['db']}")
        if body["trigger_name"] in self.triggers:
            return httpx.Response(409, text="attempted to create a resource that already exists")
        self.triggers[body["trigger_name"]] = body
        return httpx.Response(200)

    def _delete(self, body: dict[str, Any]) -> httpx.Response:
        name = body["trigger_name"]
        if name not in self.triggers:
            return self._missing(name)
        if not self.triggers[name]["disabled"] and body.get("force") != "true":
            text = f"Cannot delete running plugin {name}. Disable it first or use --force."
            return httpx.Response(500, text=text)
        del self.triggers[name]
        return httpx.Response(200)

    def _disable(self, body: dict[str, Any], *, disabled: bool = True) -> httpx.Response:
        name = body["trigger_name"]
        if name not in self.triggers:
            return self._missing(name)
        self.triggers[name] = self.triggers[name] | {"disabled": disabled}
        return httpx.Response(200)

    def _enable(self, body: dict[str, Any]) -> httpx.Response:
        return self._disable(body, disabled=False)

    @staticmethod
    def _missing(name: str) -> httpx.Response:
        return httpx.Response(404, text=f"the requested resource was not found: {name}")

    def _query(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] not in self.databases:
            return httpx.Response(404, json={"error": f"query error: database not found: {body['db']}"})
        if "engine_logs" in body["q"]:
            name = body["params"]["name"]
            return httpx.Response(200, json=[row for row in self.logs[::-1] if row["trigger_name"] == name])
        if "plugin_files" in body["q"]:
            return httpx.Response(200, json=self._plugin_files())
        if "information_schema.tables" in body["q"]:
            return httpx.Response(200, json=[{"table_name": name} for name in sorted(self.tables)])
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
                    "trigger_specification": parse(trigger["trigger_specification"]).catalog_json,
                    "disabled": trigger["disabled"],
                    "error_behavior": trigger["trigger_settings"]["error_behavior"],
                }
                for name, trigger in self.triggers.items()
                if trigger["db"] == body["db"]
            ],
        )

    def _write(self, body: dict[str, Any]) -> httpx.Response:
        path = self.plugin_directory / body["plugin_name"]
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
        directory = self.triggers[body["plugin_name"]]["plugin_filename"]
        shutil.rmtree(self.plugin_directory / directory, ignore_errors=True)
        for entry in body["files"]:
            self._write({"plugin_name": f"{directory}/{entry['relative_path']}", "content": entry["content"]})
        return httpx.Response(200)

    @staticmethod
    def _no_plugin(name: str) -> httpx.Response:
        return httpx.Response(500, text=f"Processing engine error: plugin error: Plugin not found: {name}")

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
        """Run the plugin that was uploaded, in this process."""
        path = self.plugin_directory / body["filename"]
        if not path.is_file():
            return httpx.Response(500, text=f"Plugin error: reading plugin file: Plugin not found: {path}")
        local = _Local()
        namespace: dict[str, Any] = {}
        os.environ["PLUGIN_DIR"] = str(self.plugin_directory)
        try:
            exec(compile(path.read_text(), str(path), "exec"), namespace)
            function, given = ("process_scheduled_call", None)
            if "input_lp" in body:
                function, given = "process_writes", body["input_lp"].splitlines()
            namespace[function](local, given, body.get("input_arguments"))
        except Exception as error:  # noqa: BLE001 - what a plugin raises, a server tells
            result = {"log_lines": [], "database_writes": {}, "errors": [f"error executing plugin: {error!r}"]}
            return httpx.Response(200, json=result)
        finally:
            os.environ.pop("PLUGIN_DIR", None)  # another thread may have been faster
        writes = {body["database"]: local.writes} if local.writes else {}
        return httpx.Response(200, json={"log_lines": local.lines, "database_writes": writes, "errors": []})

    _probe = _sweeper = _dry_run

    def _install(self, body: dict[str, Any]) -> httpx.Response:
        """Answers 200 whether or not pip installed anything, as the real server does."""
        self.pip(body)
        return httpx.Response(200)

    def _make_database(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] in self.databases:
            return httpx.Response(409, text="attempted to create a resource that already exists")
        self.databases.add(body["db"])
        return httpx.Response(200)

    def _list_databases(self, body: dict[str, Any]) -> httpx.Response:
        del body
        return httpx.Response(200, json=[{"iox::database": name} for name in sorted(self.databases)])

    def _drop_database(self, body: dict[str, Any]) -> httpx.Response:
        if body["db"] not in self.databases:
            return httpx.Response(404, text=f"Database not found {body['db']}")
        self.databases.remove(body["db"])
        return httpx.Response(200)


@dataclass
class _Local:
    """What a plugin gets as ``influxdb3_local``; lines of line protocol are plain texts here."""

    lines: list[str] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)

    def info(self, text: str) -> None:
        self.lines.append(f"INFO: {text}")

    def error(self, text: str) -> None:
        self.lines.append(f"ERROR: {text}")

    def write(self, line: str) -> None:
        self.writes.append(line)


def cluster(servers: Mapping[str, FakeServer]) -> Engine:
    """An engine of several hosts by URL, the first of which has the triggers."""
    first, *others = servers

    def handle(request: httpx.Request) -> httpx.Response:
        return servers[f"http://{request.url.host}:{request.url.port}"]._handle(request)

    return Engine(Configuration(host_url=first, plugin_hosts=tuple(others)), httpx.MockTransport(handle))
