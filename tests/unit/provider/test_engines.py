"""Stacks of several servers: ``influxdb3:engines``, and what resources that name an engine share."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from influxdb3_engine_api.foreign_text import shown
from influxdb3_engine_resources import program
from influxdb3_engine_resources.configuration import Servers, servers
from influxdb3_engine_resources.database import DatabaseInputs, DatabaseLogic
from influxdb3_engine_resources.errors import InvalidInputs
from influxdb3_engine_resources.located import Located
from influxdb3_engine_resources.server import engine as engines
from influxdb3_engine_resources.server.engine import Engine, engine
from influxdb3_engine_resources.stack_keys import about_engine, unknown
from influxdb3_engine_resources.triggers.logic import TriggerLogic
from pulumi_influxdb3_engine._adapter import Adapter
from pulumi_influxdb3_engine._failures import DeploymentError

TOKEN = "apiv3_never-shown"
BERLIN = {"hostUrl": "http://berlin:8181"}
TRIGGER: dict[str, Any] = {
    "db": "db",
    "trigger_name": "t",
    "plugin_filename": "p.py",
    "trigger_specification": "request:report",
}


@pytest.fixture(autouse=True)
def process_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was declared, no environment variable is set."""
    monkeypatch.setattr(program, "_programs", {})
    monkeypatch.setattr(engines, "_engines", {})
    for variable in ("HOST_URL", "AUTH_TOKEN", "DATABASE_NAME", "TLS_CA", "TLS_NO_VERIFY"):
        monkeypatch.delenv(f"INFLUXDB3_{variable}", raising=False)


def of_stack(engines: Any, **keys: str) -> Servers:
    stack = {f"influxdb3:{key}": value for key, value in keys.items()}
    stack["influxdb3:engines"] = engines if isinstance(engines, str) else json.dumps(engines)
    return servers(stack.get)


def failures(engines: Any, **keys: str) -> dict[str, str]:
    with pytest.raises(InvalidInputs) as invalid:
        of_stack(engines, **keys)
    return {failure.property: failure.reason for failure in invalid.value.failures}


def test_a_resource_without_an_engine_goes_to_the_default_server() -> None:
    stack = of_stack({"berlin": BERLIN}, hostUrl="http://default:1")

    assert stack.of(None).host_url == "http://default:1"
    assert stack.of("berlin").host_url == "http://berlin:8181"
    assert (stack.of(None).engine, stack.of("berlin").engine) == (None, "berlin")


def test_an_engine_inherits_how_to_deploy_and_overrides_it() -> None:
    keys = {"database": "metrics", "timeout": "5", "adopt": "true", "tlsCa": "/ca.pem", "onlineChecks": "true"}
    # as 'pulumi config set --path' stores numbers and booleans
    own = BERLIN | {"timeout": 2.5, "adopt": False, "database": 2026}

    berlin = of_stack({"berlin": own}, **keys).of("berlin")

    assert (berlin.database, berlin.timeout, berlin.adopt) == ("2026", 2.5, False)
    assert (berlin.tls_ca, berlin.online_checks) == ("/ca.pem", True)


def test_an_engine_gets_no_token_and_no_hosts_of_another_server() -> None:
    stack = of_stack({"berlin": BERLIN}, authToken=TOKEN, pluginHosts="http://node:1", tlsNoVerify="true")

    berlin = stack.of("berlin")
    assert (berlin.auth_token, berlin.plugin_hosts, berlin.tls_no_verify) == (None, (), False)


def test_plugin_hosts_of_an_engine_are_a_list_or_a_mapping() -> None:
    by_node = {"pluginHosts": {"n0": "http://berlin:8181", "n1": "http://node:1"}}
    stack = of_stack({"berlin": BERLIN | by_node, "madrid": {"hostUrl": "http://m:1", "pluginHosts": ["http://n:1"]}})

    assert stack.of("berlin").url_of(["n1"]) == "http://node:1"
    assert stack.of("madrid").further_urls == ["http://n:1"]


@pytest.mark.parametrize(
    ("given", "path", "reason"),
    [
        ("{", "influxdb3:engines", "a mapping from engine name to keys is needed: pulumi config set --path"),
        ([1], "influxdb3:engines", "a mapping from engine name to keys is needed"),
        ({"a.b": BERLIN}, "influxdb3:engines", "an engine name has only ASCII letters, digits, '_' and '-'"),
        ({"berlin": "http://b:1"}, "influxdb3:engines.berlin", "a mapping from key to value is needed"),
        (
            {"berlin": {}},
            "influxdb3:engines.berlin.hostUrl",
            "a URL is needed: pulumi config set --path 'influxdb3:engines.berlin.hostUrl' URL",
        ),
        (
            {"berlin": {"hostUrl": "berlin:8181"}},
            "influxdb3:engines.berlin.hostUrl",
            "pulumi config set --path 'influxdb3:engines.berlin.hostUrl' http://berlin:8181",
        ),
        (
            {"berlin": BERLIN | {"timeout": "soon"}},
            "influxdb3:engines.berlin.timeout",
            "a number of seconds above 0 is needed, without a unit: "
            "pulumi config set --path 'influxdb3:engines.berlin.timeout' 30",
        ),
        (
            {"berlin": BERLIN | {"authToken": "two words"}},
            "influxdb3:engines.berlin.authToken",
            "pulumi config set --path --secret 'influxdb3:engines.berlin.authToken' TOKEN",
        ),
        (
            {"berlin": BERLIN | {"hosturl": "http://b:1"}},
            "influxdb3:engines.berlin.hosturl",
            "unknown key, perhaps hostUrl is meant: pulumi config rm --path 'influxdb3:engines.berlin.hosturl' && "
            "pulumi config set --path 'influxdb3:engines.berlin.hostUrl' URL",
        ),
        ({"berlin": BERLIN | {"xyz": 1}}, "influxdb3:engines.berlin.xyz", "unknown key; the keys are hostUrl, "),
    ],
)
def test_a_mistake_names_the_key_under_its_engine(given: Any, path: str, reason: str) -> None:
    found = failures(given)

    assert list(found) == [path]
    assert reason in found[path]


def test_a_message_about_a_token_does_not_repeat_it() -> None:
    (reason,) = failures({"berlin": BERLIN | {"authToken": f"{TOKEN} {TOKEN}"}}).values()

    assert TOKEN not in reason


def test_the_key_of_the_engines_is_known_and_near_its_misspelling() -> None:
    assert unknown(["influxdb3:engines"]) == []
    (slip,) = unknown(["influxdb3:engine"])
    assert "perhaps influxdb3:engines is meant" in slip.reason


def test_messages_never_show_the_token_of_an_engine() -> None:
    engine(of_stack({"berlin": BERLIN | {"authToken": TOKEN}}).of("berlin"))

    assert TOKEN not in shown(f"a server echoes {TOKEN}")


@pytest.mark.parametrize(
    ("text", "about_berlin"),
    [
        (
            "pulumi config set --secret influxdb3:authToken TOKEN",
            "pulumi config set --path --secret 'influxdb3:engines.berlin.authToken' TOKEN",
        ),
        ("is influxdb3:hostUrl right?", "is influxdb3:engines.berlin.hostUrl right?"),
        (
            "pulumi config set --path influxdb3:pluginHosts.node1 URL",
            "pulumi config set --path 'influxdb3:engines.berlin.pluginHosts.node1' URL",
        ),
        ("whole stack: pulumi config set influxdb3:adopt true", "whole stack: pulumi config set influxdb3:adopt true"),
    ],
)
def test_messages_about_an_engine_name_its_own_keys(text: str, about_berlin: str) -> None:
    assert about_engine(text, "berlin") == about_berlin
    assert about_engine(text, None) == text


def adapter(kind: Any = TriggerLogic, **further: Any) -> Adapter:
    stack = {"berlin": BERLIN, "madrid": {"hostUrl": "http://madrid:8181"}} | further
    return Adapter(kind(), {"db": "database"}, of_stack(stack, hostUrl="http://default:1"))


def reasons(result: Any) -> list[str]:
    return [failure.reason for failure in result.failures]


def test_names_and_paths_are_unique_on_each_engine() -> None:
    provider = adapter()

    for name in ("berlin", "madrid"):
        assert reasons(provider.check({}, TRIGGER | {"engine": name})) == []
    assert reasons(provider.check({}, TRIGGER)) == []
    (again,) = reasons(provider.check({}, TRIGGER | {"engine": "berlin"}))
    assert "the trigger 't' in database 'db' on engine 'berlin', too" in again
    (path,) = reasons(provider.check({}, TRIGGER | {"engine": "berlin", "trigger_name": "u"}))
    assert "the request path belongs to trigger 't'" in path


def test_a_resource_gets_the_urls_and_defaults_of_its_engine() -> None:
    provider = adapter(berlin=BERLIN | {"database": "of_berlin"})
    without_db = {name: value for name, value in TRIGGER.items() if name != "db"}

    inputs = provider.check({}, without_db | {"engine": "berlin"}).inputs

    assert (inputs["engine"], inputs["db"], inputs["host_url"]) == ("berlin", "of_berlin", "http://berlin:8181")
    assert inputs["endpoint_url"] == "http://berlin:8181/api/v3/engine/report"
    assert "engine" not in provider.check({}, TRIGGER).inputs


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("berln", "influxdb3:engines has no engine 'berln', perhaps 'berlin' is meant; the engines are berlin, madrid"),
        ("xyz", "influxdb3:engines has no engine 'xyz'; the engines are berlin, madrid"),
        (5, "engine: the name of an engine in influxdb3:engines is needed, a text"),
        ("04da6b54-80e4-46f7-96ec-b56ff0331ba9", "engine: the name is unknown during the preview: pass a text"),
    ],
)
def test_an_unknown_engine_is_refused_with_the_names_that_exist(name: Any, reason: str) -> None:
    (failure,) = reasons(adapter().check({}, TRIGGER | {"engine": name}))

    assert reason in failure


def test_a_stack_without_engines_shows_how_to_name_one() -> None:
    (failure,) = reasons(Adapter(TriggerLogic(), {}, of_stack({})).check({}, TRIGGER | {"engine": "berlin"}))

    assert failure == (
        "engine: the stack names no engines: pulumi config set --path 'influxdb3:engines.berlin.hostUrl' URL"
    )


@pytest.mark.parametrize("operation", ["read", "delete"])
def test_a_resource_of_an_engine_that_was_removed_names_the_missing_key(operation: str) -> None:
    state = TRIGGER | {"engine": "paris", "host_url": "http://paris:1"}
    provider = adapter()

    with pytest.raises(DeploymentError, match=r"no engine 'paris'.*'influxdb3:engines\.paris\.hostUrl' URL"):
        provider.read("id", state) if operation == "read" else provider.delete(state)


AT_BERLIN = TRIGGER | {"engine": "berlin", "host_url": "http://berlin:8181"}


@pytest.mark.parametrize(
    ("after", "replaces", "changes"),
    [
        ({"engine": "madrid", "host_url": "http://madrid:8181"}, ["engine"], None),
        ({"engine": None, "host_url": "http://default:1"}, ["engine"], None),
        ({"engine": "madrid", "host_url": "http://madrid:8181", "db": "e"}, ["engine", "db"], None),
        ({"host_url": "http://new-berlin:8181"}, [], None),
        ({"engine": "berlin1"}, [], None),
        ({}, [], False),
    ],
)
def test_another_engine_replaces_and_creates_first(after: dict[str, Any], replaces: list[str], changes: Any) -> None:
    difference = adapter().diff(AT_BERLIN, AT_BERLIN | after)

    assert (difference.replaces, difference.changes) == (replaces, changes)
    assert difference.delete_before_replace is (replaces[:1] != ["engine"])


def test_one_server_by_two_urls_keeps_what_moves_between_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    requests: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        requests.append(request.method)
        body: Any = [] if request.url.path.endswith("/database") else {"product_name": "p", "version": "3.10.0"}
        return httpx.Response(200, json=body, headers={"cluster-uuid": "one"})

    stack = of_stack({"berlin": BERLIN, "local": {"hostUrl": "http://localhost:8181"}})
    both = {name: Engine(stack.of(name), httpx.MockTransport(answer)) for name in ("berlin", "local")}
    monkeypatch.setattr(engines, "_engines", {each.configuration: each for each in both.values()})
    located = Located(DatabaseLogic())
    state = DatabaseInputs(db="d", retain=False, engine="berlin", cluster_uuid="one")
    located.create(state.model_copy(update={"engine": "local"}), both["local"])
    requests.clear()

    located.delete(state, both["berlin"])

    assert "DELETE" not in requests
    assert "engine 'local' is the same server" in capsys.readouterr().err


def test_engines_are_read_side_by_side() -> None:
    both_are_asked = threading.Barrier(2, timeout=20)

    def answer(_request: httpx.Request) -> httpx.Response:
        both_are_asked.wait()
        return httpx.Response(200, json=[{"iox::database": "d"}], headers={"cluster-uuid": "one"})

    stack = of_stack({"berlin": BERLIN, "madrid": {"hostUrl": "http://madrid:8181"}})
    located = Located(DatabaseLogic())

    def is_there(name: str) -> bool:
        site = Engine(stack.of(name), httpx.MockTransport(answer))
        return located.read(DatabaseInputs(db="d", engine=name), {}, site) is not None

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(is_there, stack.engines)) == [True, True]
