"""Resources that others manage, by their ids: what ``get`` of a resource reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from influxdb3_engine_resources.database import DatabaseLogic
from influxdb3_engine_resources.errors import InvalidInputs, ResourceError
from influxdb3_engine_resources.located import Located
from influxdb3_engine_resources.table import TableInputs, TableLogic
from influxdb3_engine_resources.triggers.inputs import TriggerInputs
from influxdb3_engine_resources.triggers.logic import TriggerLogic

if TYPE_CHECKING:
    from fake_server import FakeServer

TRIGGERS = Located(TriggerLogic())
DATABASES = Located(DatabaseLogic())
TABLES = Located(TableLogic())


def create(server: FakeServer, **properties: Any) -> None:
    given = {"db": "db", "trigger_name": "their/t", "plugin_filename": "p.py", "trigger_specification": "every:1m"}
    TriggerLogic().create(TriggerInputs.checked(given | properties), server.engine())


@pytest.mark.usefixtures("two_plugins")
@pytest.mark.parametrize(("specification", "path"), [("every:1m", None), ("request:a/b", "/api/v3/engine/a/b")])
def test_a_trigger_is_found_with_its_definition_its_url_and_its_server(
    server: FakeServer, specification: str, path: str | None
) -> None:
    create(server, trigger_specification=specification, trigger_arguments={"a": "1"}, disabled=path is None)
    engine = server.engine()

    live = TRIGGERS.found("db/their/t", engine)

    found = live.inputs.properties()
    url = found.pop("endpoint_url", None)
    assert found | live.outputs == {
        "db": "db",
        "trigger_name": "their/t",
        "plugin_filename": "p.py",
        "trigger_specification": specification,
        "trigger_arguments": {"a": "1"},
        "trigger_settings": {"run_async": False, "error_behavior": "log"},
        "disabled": path is None,
        "host_url": engine.client.host_url,
        "cluster_uuid": server.cluster_uuid,
    }
    assert url == (path and engine.client.host_url + path)


@pytest.mark.usefixtures("two_plugins")
def test_a_trigger_that_was_created_after_the_last_look_is_found(server: FakeServer) -> None:
    engine = server.engine()
    engine.live_triggers.trigger("db", "other")
    create(server)

    assert TRIGGERS.found("db/their/t", engine).inputs.plugin_filename == "p.py"


def test_a_database_is_found_by_its_name(server: FakeServer) -> None:
    assert DATABASES.found("db", server.engine()).inputs.db == "db"


def test_a_table_is_found_with_all_its_columns(server: FakeServer) -> None:
    server.tables.add("a/b")
    server.columns["a/b"] = {"host": "Dictionary(Int32, Utf8)", "usage": "Float64", "seen": "Date32"}

    live = TABLES.found("db/a/b", server.engine())

    found = live.inputs
    assert isinstance(found, TableInputs)
    assert found.owner == ("db", "a/b")
    assert found.tags == ["host"]
    assert found.fields == {"usage": "float64", "seen": "Date32"}
    assert live.outputs == {"cluster_uuid": server.cluster_uuid}


@pytest.mark.parametrize(
    ("kind", "id_", "reason"),
    [
        (TRIGGERS, "db/none", "there is no trigger 'none' in database 'db' on http"),
        (TRIGGERS, "none/t", "there is no trigger 't' in database 'none' on http"),
        (DATABASES, "none", "there is no database 'none' on http"),
        (TABLES, "db/none", "there is no table 'none' in database 'db' on http"),
        (TABLES, "none/t", "there is no table 't' in database 'none' on http"),
    ],
)
def test_a_missing_resource_is_an_error_that_names_it(
    server: FakeServer, kind: Located[Any], id_: str, reason: str
) -> None:
    with pytest.raises(ResourceError, match=reason):
        kind.found(id_, server.engine())


@pytest.mark.parametrize(
    ("kind", "id_", "reason"),
    [
        (TRIGGERS, "t", "id: write DATABASE/TRIGGER_NAME"),
        (TRIGGERS, "db/", "trigger_name: a trigger name must not be empty"),
        (TRIGGERS, "/t", "db: a database name starts with"),
        (DATABASES, "a/b", "db: a database name starts with"),
        (TABLES, "cpu", "id: write DATABASE/TABLE_NAME"),
        (TABLES, "db/", "table_name: a table name must not be empty"),
    ],
)
def test_an_invalid_id_is_refused_before_anything_is_sent(
    server: FakeServer, kind: Located[Any], id_: str, reason: str
) -> None:
    with pytest.raises(InvalidInputs, match=reason):
        kind.found(id_, server.engine())

    assert server.requests == []


@pytest.mark.usefixtures("two_plugins")
@pytest.mark.parametrize("declares", [True, False])
def test_a_resource_that_the_program_reads_is_not_deleted_while_the_program_runs(
    server: FakeServer, capfd: pytest.CaptureFixture[str], declares: bool
) -> None:
    create(server)
    engine = server.engine()
    engine.program.is_running = declares  # a destroy with --run-program declares nothing
    managed = TRIGGERS.found("db/their/t", engine).inputs

    TRIGGERS.delete(managed, engine)

    assert ("their/t" in server.triggers) is declares
    assert ("trigger db/their/t stays: the program reads it by get" in capfd.readouterr().err) is declares
