"""Which trigger serves a request path, as it is read once and kept by what a deployment changes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from influxdb3_engine_api import CreateTrigger, EngineApiError, ErrorBehavior, TriggerSettings
from influxdb3_engine_resources.triggers.request_paths import path_is_taken

if TYPE_CHECKING:
    from fake_server import FakeServer

OWN = ("db", "own")


def put(server: FakeServer, name: str, specification: str, *, disabled: bool = False) -> None:
    """A trigger that somebody else has created."""
    server.triggers[name] = CreateTrigger(
        db="db",
        plugin_filename="p.py",
        trigger_name=name,
        trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
        trigger_specification=specification,
        disabled=disabled,
    ).model_dump(mode="json")


def test_the_owner_is_an_enabled_trigger_on_the_same_path(server: FakeServer) -> None:
    put(server, "every", "every:1h")
    put(server, "off", "request:a", disabled=True)
    put(server, "other", "request:b")
    paths = server.engine().served_paths

    assert paths.other_owner("a", {OWN}) is None
    assert paths.other_owner("b", {OWN}) == ("db", "other")
    put(server, "later", "request:c")
    assert paths.other_owner("c", {OWN}) is None
    assert server.requests == ["list-databases", "query triggers", "query triggers"]


def test_a_trigger_may_keep_its_own_path(server: FakeServer) -> None:
    server.databases = {"db"}
    put(server, "own", "request:a")

    assert server.engine().served_paths.other_owner("a", {OWN}) is None
    assert server.engine().served_paths.other_owner("a", {("elsewhere", "own")}) == OWN


def test_the_first_of_several_owners_is_named(server: FakeServer) -> None:
    server.databases = {"db"}
    for name in ("c", "b", "d"):
        put(server, name, "request:a")

    assert server.engine().served_paths.other_owner("a", {OWN}) == ("db", "b")


def test_changes_of_the_deployment_count_at_once(server: FakeServer) -> None:
    server.databases = {"db"}
    put(server, "t", "request:a")
    paths = server.engine().served_paths
    paths.note(("db", "unread"), "a")  # the server tells of it, since it is asked later
    assert paths.other_owner("a", {OWN}) == ("db", "t")

    paths.note(("db", "t"), "b")
    assert paths.other_owner("a", {OWN}) is None
    assert paths.other_owner("b", {OWN}) == ("db", "t")

    paths.note(("db", "t"), None)
    assert paths.other_owner("b", {OWN}) is None
    assert server.requests.count("query triggers") == 1


def test_a_database_that_is_gone_serves_no_path_and_another_failure_is_raised(server: FakeServer) -> None:
    server.databases = {"db"}
    put(server, "t", "request:a")
    server.failures["query triggers"] = [httpx.Response(404, json={"error": "query error: database not found: db"})]
    assert server.engine().served_paths.other_owner("a", {OWN}) is None

    paths = server.engine().served_paths
    server.failures["query triggers"] = [httpx.Response(500, text="broken")]
    with pytest.raises(EngineApiError, match="broken"):
        paths.other_owner("a", {OWN})
    assert paths.other_owner("a", {OWN}) == ("db", "t")


def test_a_specification_of_a_later_release_serves_no_known_path(
    server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.databases = {"db"}
    put(server, "t", "request:a")
    query = server._query

    def of_a_later_release(body: dict[str, str]) -> httpx.Response:
        rows = query(body).json()
        return httpx.Response(200, json=[row | {"trigger_specification": '{"tide": "high"}'} for row in rows])

    monkeypatch.setattr(server, "_query", of_a_later_release)
    assert server.engine().served_paths.other_owner("a", {OWN}) is None


def test_the_owner_is_named_and_the_path_is_not() -> None:
    assert path_is_taken(("db", "t")).startswith("the request path belongs to trigger 't' of database 'db'; paths are")
