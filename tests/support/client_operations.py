"""All operations of the client, for tests on any server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tiny_server import tiny_server

from influxdb3_engine_api import CreateTrigger, EngineClient, ErrorBehavior, TriggerSettings
from influxdb3_engine_api.wire import TestSchedulePlugin, TestWalPlugin

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.server import BaseHTTPRequestHandler

TOKEN = "apiv3_a-secret-that-is-never-shown"
TRIGGER = CreateTrigger(
    db="db",
    plugin_filename="p.py",
    trigger_name="t",
    trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
    trigger_specification="every:1s",
    disabled=False,
)
WAL_TEST = TestWalPlugin(filename="p.py", database="db", input_lp="cpu v=1")
SCHEDULE_TEST = TestSchedulePlugin(filename="p.py", database="db")

TRIGGER_PATH = "/api/v3/configure/processing_engine_trigger"
ENVIRONMENT_PATH = "/api/v3/configure/plugin_environment"

# every operation by the name of its method, with the request that it sends
OPERATIONS: dict[str, tuple[Callable[[EngineClient], object], str]] = {
    "create_trigger": (lambda engine: engine.create_trigger(TRIGGER), f"POST {TRIGGER_PATH}"),
    "delete_trigger": (lambda engine: engine.delete_trigger("db", "t"), f"DELETE {TRIGGER_PATH}"),
    "disable_trigger": (lambda engine: engine.disable_trigger("db", "t"), f"POST {TRIGGER_PATH}/disable"),
    "enable_trigger": (lambda engine: engine.enable_trigger("db", "t"), f"POST {TRIGGER_PATH}/enable"),
    "test_wal_plugin": (lambda engine: engine.test_wal_plugin(WAL_TEST), "POST /api/v3/plugin_test/wal"),
    "test_schedule_plugin": (
        lambda engine: engine.test_schedule_plugin(SCHEDULE_TEST),
        "POST /api/v3/plugin_test/schedule",
    ),
    "create_plugin_file": (lambda engine: engine.create_plugin_file("p.py", ""), "POST /api/v3/plugins/files"),
    "update_plugin_file": (lambda engine: engine.update_plugin_file("t", ""), "PUT /api/v3/plugins/files"),
    "update_plugin_directory": (
        lambda engine: engine.update_plugin_directory("t", {}),
        "PUT /api/v3/plugins/directory",
    ),
    "install_packages": (lambda engine: engine.install_packages(["a"]), f"POST {ENVIRONMENT_PATH}/install_packages"),
    "install_requirements": (
        lambda engine: engine.install_requirements("/r"),
        f"POST {ENVIRONMENT_PATH}/install_requirements",
    ),
    "health": (lambda engine: engine.health(), "GET /health"),
    "ping": (lambda engine: engine.ping(), "GET /ping"),
    "create_database": (lambda engine: engine.create_database("db"), "POST /api/v3/configure/database"),
    "update_database": (lambda engine: engine.update_database("db", None), "PUT /api/v3/configure/database"),
    "delete_database": (lambda engine: engine.delete_database("db"), "DELETE /api/v3/configure/database"),
    "databases": (lambda engine: engine.databases(), "GET /api/v3/configure/database"),
    "write_lp": (lambda engine: engine.write_lp("db", "cpu v=1"), "POST /api/v3/write_lp"),
    "query_sql": (lambda engine: engine.query_sql("db", "SELECT 1"), "POST /api/v3/query_sql"),
    "triggers": (lambda engine: engine.triggers("db"), "POST /api/v3/query_sql"),
    "trigger_arguments": (lambda engine: engine.trigger_arguments("db"), "POST /api/v3/query_sql"),
    "trigger_logs": (lambda engine: engine.trigger_logs("db", "t"), "POST /api/v3/query_sql"),
    "plugin_files": (lambda engine: engine.plugin_files(), "POST /api/v3/query_sql"),
}
READING = (
    "databases", "ping", "plugin_files", "query_sql", "test_schedule_plugin",
    "test_wal_plugin", "trigger_arguments", "trigger_logs", "triggers",
)  # fmt: skip

every_operation = pytest.mark.parametrize("operation", OPERATIONS)
some_operations = pytest.mark.parametrize("operation", ["create_trigger", "install_packages", "triggers"])


def outcome(answer: Callable[[BaseHTTPRequestHandler], None], operation: str, **options: float) -> object:
    """The result of an operation on a server with this answer; raises its error."""
    with tiny_server(answer) as server, EngineClient(server.url, TOKEN, **options) as client:  # type: ignore[arg-type]  # options are floats
        return OPERATIONS[operation][0](client)
