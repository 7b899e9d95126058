"""Requests and results of the HTTP client."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from client_operations import OPERATIONS, TOKEN, TRIGGER, every_operation, outcome
from tiny_server import answering, tiny_server

from influxdb3_engine_api import DryRunResult, EngineClient, EngineUnreachable, NotFound

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler

DRY_RUN = {"log_lines": ["INFO: hi"], "database_writes": {"db": ["cpu v=1"]}, "errors": [], "trigger_time": None}


@every_operation
def test_every_operation_goes_to_its_path_with_the_token(operation: str) -> None:
    bodies = {"ping": {"version": "3"}, "test_wal_plugin": DRY_RUN, "test_schedule_plugin": DRY_RUN}
    with (
        tiny_server(answering(200, json.dumps(bodies.get(operation, [])))) as server,
        EngineClient(server.url, TOKEN) as client,
    ):
        OPERATIONS[operation][0](client)

    (request,) = server.received
    assert f"{request.method} {urlsplit(request.target).path}" == OPERATIONS[operation][1]
    assert request.headers["authorization"] == f"Bearer {TOKEN}"


def test_without_a_token_no_authorization_is_sent() -> None:
    with tiny_server(answering(200)) as server, EngineClient(server.url) as client:
        client.health()

    assert "authorization" not in server.received[0].headers


@pytest.mark.parametrize("status", [200, 404, 500])
def test_the_identity_of_a_server_is_that_of_the_newest_answer_that_has_one(status: int) -> None:
    identities = iter([{"cluster_uuid": "a"}, {"Cluster_UUID": "b"}, {}])

    def answer(handler: BaseHTTPRequestHandler) -> None:
        answering(status, **next(identities))(handler)

    with tiny_server(answer) as server, EngineClient(server.url) as client:
        seen = [client.cluster_uuid]
        for _ in range(3):
            client.call_request_trigger("path")
            seen.append(client.cluster_uuid)

    assert seen == [None, "a", "b", "b"]


def test_an_error_answer_sets_the_identity_too() -> None:
    with (
        tiny_server(answering(404, "the requested resource was not found: nobody", cluster_uuid="a")) as server,
        EngineClient(server.url) as client,
    ):
        with pytest.raises(NotFound):
            client.delete_database("nobody")
        assert client.cluster_uuid == "a"


def test_a_base_url_may_have_a_path() -> None:
    with tiny_server(answering(200)) as server, EngineClient(f"{server.url}/influx/") as client:
        client.health()

    assert server.received[0].target == "/influx/health"


def test_names_are_encoded_as_query_parameters() -> None:
    name = "a b&c=d?e#f/g+ü%"
    with tiny_server(answering(200)) as server, EngineClient(server.url) as client:
        client.delete_trigger("db&x", name, force=True)

    query = parse_qs(urlsplit(server.received[0].target).query, strict_parsing=True)
    assert query == {"db": ["db&x"], "trigger_name": [name], "force": ["true"]}


def test_deletion_is_forced_only_on_request() -> None:
    with tiny_server(answering(200)) as server, EngineClient(server.url) as client:
        client.delete_trigger("db", "t")

    assert "force" not in server.received[0].target


@pytest.mark.parametrize(
    "request_path", ["report", "a/b/c", "a.b_c~d-e", "v1/hello-world", "...", "a%2Fb", "a%2fb", "a//b", "a/", "%7Euser"]
)
def test_a_request_path_is_sent_byte_for_byte(request_path: str) -> None:
    with tiny_server(answering(200)) as server, EngineClient(server.url) as client:
        client.call_request_trigger(request_path, params={"hours": "a b"})

    assert server.received[0].target == f"/api/v3/engine/{request_path}?hours=a+b"


@pytest.mark.parametrize("request_path", ["a\nb", "a\x00b"])
def test_a_request_path_that_http_cannot_carry_is_not_sent(request_path: str) -> None:
    with EngineClient("http://127.0.0.1:1") as client, pytest.raises(EngineUnreachable, match="HTTP cannot carry"):
        client.call_request_trigger(request_path)


def test_a_header_that_http_cannot_carry_is_neither_sent_nor_shown() -> None:
    with tiny_server(answering(200)) as server, EngineClient(server.url) as client:
        with pytest.raises(EngineUnreachable, match="HTTP cannot carry") as refused:
            client.call_request_trigger("report", headers={"x-key": "hunter2\r\nx: y"})
        assert "hunter2" not in str(refused.value)
        assert server.received == []


@pytest.mark.parametrize("status", [200, 201, 302, 404, 500])
def test_the_answer_of_a_request_trigger_is_returned_whatever_its_status(status: int) -> None:
    answer = answering(status, b'{"rows": 1}', location="/elsewhere", x_mine="yes")
    with tiny_server(answer) as server, EngineClient(server.url) as client:
        response = client.call_request_trigger("report", method="POST", headers={"x-in": "1"}, content=b"\x00body")

    assert (response.status_code, response.content, response.headers["x-mine"]) == (status, b'{"rows": 1}', "yes")
    assert (server.received[0].method, server.received[0].body) == ("POST", b"\x00body")
    assert server.received[0].headers["x-in"] == "1"


def test_a_trigger_is_created_with_all_members_except_an_unset_node_spec() -> None:
    with tiny_server(answering(200)) as server, EngineClient(server.url) as client:
        client.create_trigger(TRIGGER)
        client.create_trigger(TRIGGER.model_copy(update={"node_spec": {"nodes": ["a"]}}))

    first, second = (json.loads(request.body) for request in server.received)
    assert first == {
        "db": "db",
        "plugin_filename": "p.py",
        "trigger_name": "t",
        "trigger_settings": {"run_async": False, "error_behavior": "log"},
        "trigger_specification": "every:1s",
        "trigger_arguments": None,
        "disabled": False,
    }
    assert second == first | {"node_spec": {"nodes": ["a"]}}
    assert server.received[0].headers["content-type"] == "application/json"


def test_a_cleared_retention_period_is_sent_and_an_unset_one_is_not() -> None:
    with tiny_server(answering(200)) as server, EngineClient(server.url) as client:
        client.create_database("db")
        client.update_database("db", None)

    assert [json.loads(request.body) for request in server.received] == [
        {"db": "db"},
        {"db": "db", "retention_period": None},
    ]


def test_line_protocol_is_sent_unchanged() -> None:
    with tiny_server(answering(204)) as server, EngineClient(server.url) as client:
        client.write_lp("db", "cpu,host=ü v=1", precision="second", accept_partial=False, no_sync=True)

    assert server.received[0].body == "cpu,host=ü v=1".encode()
    assert parse_qs(urlsplit(server.received[0].target).query) == {
        "db": ["db"],
        "precision": ["second"],
        "accept_partial": ["false"],
        "no_sync": ["true"],
    }


def test_rows_of_a_query_are_returned_unchanged() -> None:
    rows = [{"time": "2026-11-23T12:18:17.003894649", "v": 9007199254740993, "f": 0.1}, {}]
    with tiny_server(answering(200, json.dumps(rows))) as server, EngineClient(server.url) as client:
        assert client.query_sql("db", "SELECT $a", {"a": 1, "b": None}) == rows

    assert json.loads(server.received[0].body) == {
        "db": "db",
        "q": "SELECT $a",
        "format": "json",
        "params": {"a": 1, "b": None},
    }


def test_arguments_are_grouped_by_trigger() -> None:
    rows = [
        {"trigger_name": trigger, "argument_key": key, "argument_value": value}
        for trigger, key, value in [("a", "x", "1"), ("b", "x", "2"), ("a", "y", "3")]
    ]
    arguments = outcome(answering(200, json.dumps(rows)), "trigger_arguments")

    assert arguments == {"a": {"x": "1", "y": "3"}, "b": {"x": "2"}}


def test_log_rows_are_oldest_first_and_in_utc() -> None:
    rows = [
        {"event_time": time, "trigger_name": "t", "log_level": "INFO", "log_text": time}
        for time in ("2026-11-23T12:21:42.242293907", "2026-11-23T12:21:41", "2026-11-23T12:21:40Z")
    ]
    with tiny_server(answering(200, json.dumps(rows))) as server, EngineClient(server.url) as client:
        logs = client.trigger_logs("db", "t'; DROP", limit=3)

    assert [row.event_time.isoformat() for row in logs] == [
        "2026-11-23T12:21:40+00:00",
        "2026-11-23T12:21:41+00:00",
        "2026-11-23T12:21:42.242293+00:00",
    ]
    assert json.loads(server.received[0].body)["params"] == {"name": "t'; DROP"}


def test_members_and_columns_that_a_newer_release_adds_are_ignored() -> None:
    assert outcome(answering(200, json.dumps(DRY_RUN | {"new": 1})), "test_wal_plugin") == DryRunResult(
        log_lines=["INFO: hi"], database_writes={"db": ["cpu v=1"]}, errors=[]
    )
    assert outcome(answering(200, '[{"iox::database": "_internal", "deleted": false}]'), "databases") == ["_internal"]


def test_a_write_is_durable_and_may_be_partial_unless_asked_otherwise() -> None:
    with tiny_server(answering(204)) as server, EngineClient(server.url) as client:
        client.write_lp("db", "cpu v=1")
        client.write_lp("db", "cpu v=1", accept_partial=False, no_sync=True)

    sent = [parse_qs(urlsplit(request.target).query) for request in server.received]
    assert [(each["accept_partial"], each["no_sync"]) for each in sent] == [
        (["true"], ["false"]),
        (["false"], ["true"]),
    ]


def test_a_client_that_is_closed_sends_nothing() -> None:
    with tiny_server(answering(200)) as server:
        with EngineClient(server.url, package_timeout=7.0) as client:
            client.health()
        assert client.package_timeout == 7.0
        with pytest.raises(Exception, match="closed"):
            client.health()

    assert len(server.received) == 1
