"""Triggers over HTTP: the order of the checks, and the lock-downs (contract 1.2 to 1.4, 10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_embedded.testing import start_engine
from influxdb3_engine_api import BadRequest, Conflict, CreateTrigger, Forbidden, NotFound, TriggerSettings, paths
from influxdb3_engine_api.wire import ErrorBehavior

if TYPE_CHECKING:
    from pathlib import Path

    from influxdb3_embedded.testing import RunningEngine

REQUEST = (
    "def process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None):\n    return {}\n"
)


def trigger(database: str, **members: Any) -> CreateTrigger:
    whole: dict[str, Any] = {
        "db": database,
        "plugin_filename": "plugin.py",
        "trigger_name": "t",
        "trigger_settings": TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
        "trigger_specification": "all_tables",
        "disabled": False,
    }
    return CreateTrigger(**(whole | members))


@pytest.fixture(autouse=True)
def plugin(engine: RunningEngine) -> None:
    engine.client.create_plugin_file("plugin.py", REQUEST)


def test_a_missing_plugin_is_reported_before_an_invalid_specification(engine: RunningEngine, database: str) -> None:
    with pytest.raises(BadRequest, match="Plugin not found"):
        engine.client.create_trigger(trigger(database, plugin_filename="no.py", trigger_specification="bad"))


def test_an_invalid_specification_is_reported_before_an_unknown_database(engine: RunningEngine) -> None:
    with pytest.raises(BadRequest, match="failed to parse trigger from bad: expect one of the following forms"):
        engine.client.create_trigger(trigger("unknown", trigger_specification="bad"))


def test_an_unknown_database_is_not_found(engine: RunningEngine) -> None:
    with pytest.raises(NotFound, match="Database not found unknown"):
        engine.client.create_trigger(trigger("unknown"))


def test_the_internal_database_cannot_have_triggers(engine: RunningEngine) -> None:
    with pytest.raises(BadRequest, match="cannot modify internal db"):
        engine.client.create_trigger(trigger("_internal"))


def test_a_deleted_database_cannot_have_triggers_under_its_new_name(engine: RunningEngine, database: str) -> None:
    engine.client.delete_database(database)
    listed = httpx.get(f"{engine.url}{paths.DATABASE}", params={"format": "json", "show_deleted": "true"}).json()
    (deleted,) = [row["iox::database"] for row in listed if row["iox::database"].startswith(f"{database}-")]
    with pytest.raises(Conflict, match="attempted to modify resource that was already deleted"):
        engine.client.create_trigger(trigger(deleted))


def test_a_trigger_that_exists_is_an_error(engine: RunningEngine, database: str) -> None:
    engine.client.create_trigger(trigger(database))
    with pytest.raises(Conflict, match="attempted to create a resource that already exists"):
        engine.client.create_trigger(trigger(database, trigger_specification="request:other"))


def test_an_enabled_trigger_can_be_deleted_only_with_force(engine: RunningEngine, database: str) -> None:
    engine.client.create_trigger(trigger(database))
    with pytest.raises(BadRequest, match=r"Cannot delete running plugin t\. Disable it first or use --force\."):
        engine.client.delete_trigger(database, "t")
    engine.client.delete_trigger(database, "t", force=True)
    assert engine.client.triggers(database) == []


@pytest.mark.parametrize("call", ["enable_trigger", "disable_trigger", "delete_trigger"])
def test_an_unknown_trigger_is_not_found(engine: RunningEngine, database: str, call: str) -> None:
    with pytest.raises(NotFound, match="the requested resource was not found: t"):
        getattr(engine.client, call)(database, "t")
    with pytest.raises(NotFound, match="Database not found unknown"):
        getattr(engine.client, call)("unknown", "t")


def test_enabling_an_enabled_trigger_and_disabling_a_disabled_one_change_nothing(
    engine: RunningEngine, database: str
) -> None:
    engine.client.create_trigger(trigger(database, trigger_specification=f"request:{database}"))
    for _ in range(2):
        engine.client.disable_trigger(database, "t")
        assert engine.client.call_request_trigger(database).status_code == 404
    for _ in range(2):
        engine.client.enable_trigger(database, "t")
        assert engine.client.call_request_trigger(database).json() == {}


def test_a_deleted_database_stops_its_triggers(engine: RunningEngine, database: str) -> None:
    engine.client.create_trigger(trigger(database, trigger_specification=f"request:{database}"))
    assert engine.client.call_request_trigger(database).status_code == 200
    engine.client.delete_database(database)
    assert engine.client.call_request_trigger(database).status_code == 404


def test_triggers_are_listed_in_the_order_of_creation_with_their_arguments(
    engine: RunningEngine, database: str
) -> None:
    for name in ("b", "a", "c"):
        arguments = {"k": name} if name != "a" else {}
        engine.client.create_trigger(trigger(database, trigger_name=name, trigger_arguments=arguments))
    assert [row.trigger_name for row in engine.client.triggers(database)] == ["b", "a", "c"]
    assert engine.client.trigger_arguments(database) == {"b": {"k": "b"}, "c": {"k": "c"}}


def test_a_restricted_trigger_type_is_reported_before_all_other_errors(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", restrict_plugin_triggers_to="schedule,wal_flush") as engine:
        with pytest.raises(BadRequest, match="server is configured to reject Request plugin triggers"):
            engine.client.create_trigger(trigger("unknown", trigger_specification="request:x"))
        with pytest.raises(BadRequest, match="failed to parse trigger"):
            engine.client.create_trigger(trigger("unknown", trigger_specification="bad"))
        with pytest.raises(BadRequest, match="Plugin not found"):
            engine.client.create_trigger(trigger("unknown", trigger_specification="every:1s"))


def test_plugin_dir_only_refuses_plugin_files(tmp_path: Path) -> None:
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "plugin.py").write_text(REQUEST)
    reason = "plugin installation is disabled; plugins must already exist in the configured plugin directory"
    with start_engine(tmp_path, object_store="memory", plugin_dir_only=True) as engine:
        engine.client.create_database("d")
        with pytest.raises(BadRequest, match=f"Processing engine error: plugin error: {reason}"):
            engine.client.create_plugin_file("new.py", "")
        with pytest.raises(BadRequest, match=f"Plugin error: {reason}"):
            engine.client.create_trigger(trigger("d", plugin_filename="gh:a/b.py"))
        engine.client.create_trigger(trigger("d"))
        with pytest.raises(BadRequest, match=reason):
            engine.client.update_plugin_file("t", "")


def test_without_a_plugin_directory_triggers_and_plugin_files_are_refused(tmp_path: Path) -> None:
    with start_engine(tmp_path, object_store="memory", plugin_dir=False) as engine:
        client = engine.client
        client.create_database("d")
        with pytest.raises(BadRequest, match="Plugin error: Node not configured with plugin directory"):
            client.create_trigger(trigger("d"))
        with pytest.raises(BadRequest, match="No plugin directory configured"):
            client.create_plugin_file("a.py", "")
        with pytest.raises(BadRequest, match="Plugin environment management is disabled"):
            client.install_packages(["anything"])
        assert client.call_request_trigger("x").status_code == 404
        assert client.triggers("d") == []
        assert client.plugin_files() == []


def test_a_disabled_package_manager_installs_nothing(tmp_path: Path) -> None:
    with (
        start_engine(tmp_path, object_store="memory", package_manager="disabled") as engine,
        pytest.raises(Forbidden, match=r"Package installation has been disabled\. Contact your administrator"),
    ):
        engine.client.install_packages(["anything"])


def test_a_failed_installation_reports_the_output_of_pip(engine: RunningEngine) -> None:
    engine.client.create_plugin_file("requirements.txt", "./nowhere/package\n")
    with pytest.raises(BadRequest, match=r"error installing python packages: .*nowhere/package"):
        engine.client.install_requirements("requirements.txt")


def test_plugin_files_are_listed_for_every_trigger(engine: RunningEngine, database: str) -> None:
    engine.client.create_plugin_file(f"{database}/__init__.py", REQUEST)
    engine.client.create_plugin_file(f"{database}/inner/module.py", "")
    engine.client.create_trigger(trigger(database, trigger_name=database, plugin_filename=database, disabled=True))
    rows = {row.file_name: row for row in engine.client.plugin_files() if row.plugin_name == database}
    assert sorted(rows) == ["__init__.py", "inner/module.py"]
    assert rows["__init__.py"].size_bytes == len(REQUEST)
    assert rows["__init__.py"].file_path == str(engine.plugin_dir / database / "__init__.py")
    with pytest.raises(BadRequest, match=r"table 'public\.system\.plugin_files' not found"):
        engine.client.query_sql(database, "SELECT * FROM system.plugin_files")
