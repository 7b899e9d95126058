"""Databases: made once, kept with their data unless the program says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from influxdb3_engine_resources.configuration import Configuration
from influxdb3_engine_resources.database import DatabaseInputs, DatabaseLogic
from influxdb3_engine_resources.errors import ResourceError
from influxdb3_engine_resources.program import Program
from influxdb3_engine_resources.resource import Difference

if TYPE_CHECKING:
    from fake_server import FakeServer

DATABASE = DatabaseLogic()


def database(**properties: Any) -> DatabaseInputs:
    return DATABASE.check(DatabaseInputs.checked({"db": "metrics"} | properties), Program(Configuration()))


def test_a_database_is_created_by_one_request(server: FakeServer) -> None:
    assert DATABASE.create(database(), server.engine()).id == "metrics"
    assert server.requests == ["make-database"]
    assert "metrics" in server.databases


def test_a_database_that_exists_is_used(server: FakeServer) -> None:
    DATABASE.create(database(db="db"), server.engine())


def test_a_database_that_is_adopted_costs_no_request_that_changes_anything(server: FakeServer) -> None:
    DATABASE.create(database(db="db"), server.engine(adopt=True))

    assert server.requests == ["list-databases"]


def test_a_database_that_exists_is_an_error_if_a_destroy_would_delete_its_data(server: FakeServer) -> None:
    with pytest.raises(ResourceError, match="would delete data that this stack did not create"):
        DATABASE.create(database(db="db", retain=False), server.engine())


def test_a_database_whose_creation_lost_its_answer_is_looked_up(server: FakeServer) -> None:
    server.databases.add("metrics")
    server.failures["make-database"] = [httpx.ReadError("")]

    DATABASE.create(database(), server.engine())

    assert server.requests[-1] == "list-databases"


@pytest.mark.parametrize("failure", [httpx.Response(403, text="no"), httpx.Response(503), httpx.ReadError("")])
def test_with_retain_false_a_database_that_existed_before_is_never_ours(server: FakeServer, failure: Any) -> None:
    server.failures["make-database"] = [failure]

    with pytest.raises(ResourceError, match="would delete data that this stack did not create"):
        DATABASE.create(database(db="db", retain=False), server.engine())

    assert server.requests == ["list-databases"]


def test_a_database_is_read_as_there_or_gone(server: FakeServer) -> None:
    engine = server.engine()

    assert DATABASE.read(database(), {}, engine) is None
    DATABASE.create(database(), engine)
    assert DATABASE.read(database(), {}, engine) is not None


def test_a_database_is_kept_with_its_data_by_default(server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    DATABASE.delete(database(db="db"), server.engine())

    assert server.requests == []
    assert "database 'db' is kept with its data" in capsys.readouterr().err


def test_with_retain_false_a_database_is_deleted(server: FakeServer) -> None:
    engine = server.engine()

    for _ in range(2):  # gone already is success
        DATABASE.delete(database(db="db", retain=False), engine)
    assert "db" not in server.databases


def test_only_another_name_replaces_a_database() -> None:
    assert DATABASE.diff(database(), database(db="other")) == Difference(changes=True, replaces=("db",))
    assert DATABASE.diff(database(), database(retain=False)) == Difference(changes=True, delete_before_replace=True)
