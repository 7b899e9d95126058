"""Every resource against servers that send false, endless or HTML answers: none counts as success or is shown raw."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hostile_server import DELAYS, LIES, MARK, STEERING, hostile_server, http, page, saying

from influxdb3_engine_api import EngineApiError
from influxdb3_engine_api.foreign_text import LONGEST, hide, message, shown
from influxdb3_engine_resources import program
from influxdb3_engine_resources.configuration import Configuration, Servers
from influxdb3_engine_resources.database import DatabaseLogic
from influxdb3_engine_resources.errors import ProbeFailed, ResourceError
from influxdb3_engine_resources.packages.package_set import PackageSetLogic
from influxdb3_engine_resources.plugins.directory import PluginDirectoryLogic
from influxdb3_engine_resources.plugins.file import PluginFileLogic
from influxdb3_engine_resources.server import engine, retry
from influxdb3_engine_resources.server.engine import Engine
from influxdb3_engine_resources.server.on_server import PROBE, SHIM, SWEEPER
from influxdb3_engine_resources.triggers.logic import TriggerLogic
from pulumi_influxdb3_engine._adapter import Adapter
from pulumi_influxdb3_engine._failures import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fake_server import FakeServer

STEERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
WRITES = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
SECONDS = 60.0
IDENTITY = "11111111-1111-1111-1111-111111111111"

# inputs of each kind of resource, and a change of them
RESOURCES: dict[str, tuple[Callable[[], Any], dict[str, Any], dict[str, Any]]] = {
    "Database": (DatabaseLogic, {"db": "d", "retain": False}, {"retain": True}),
    "PluginFile": (
        PluginFileLogic,
        {"plugin_name": "p.py", "content": WRITES, "delete_on_destroy": True},
        {"content": f"{WRITES}# 2\n"},
    ),
    "PluginDirectory": (
        PluginDirectoryLogic,
        {"plugin_name": "d", "files": {"./__init__.py": WRITES}, "delete_on_destroy": True},
        {"files": {"./__init__.py": f"{WRITES}# 2\n"}},
    ),
    "PackageSet": (
        PackageSetLogic,
        {"packages": ["six"], "set_name": "s", "delete_on_destroy": True},
        {"packages": ["six>=1"]},
    ),
    "Trigger": (
        TriggerLogic,
        {"db": "d", "trigger_name": "t", "plugin_filename": "p.py", "trigger_specification": "all_tables"},
        {"trigger_arguments": {"a": "1"}},
    ),
}
FEW_LIES = [
    "a login page", "an empty page", "JSON that asks for a login", "a redirect", "a page that is not found",
    "a gateway's JSON that is not found", "a conflict of a gateway", "a page for strangers", "a forbidden page",
    "a busy gateway", "an error that steers the terminal", "an error of fifty megabytes", "no HTTP", "a reset",
]  # fmt: skip


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_START_PATIENCE", 0.0)
    monkeypatch.setattr(retry, "_PAUSES", ())
    monkeypatch.setattr(program, "_programs", {})
    monkeypatch.setattr(engine, "_engines", {})


def adapter(kind: str, url: str, timeout: float = 20.0) -> Adapter:
    return Adapter(
        RESOURCES[kind][0](), {}, Servers(Configuration(host_url=url, timeout=timeout, package_timeout=timeout))
    )


def attempt(kind: str, operation: str, url: str, timeout: float = 20.0) -> Any:
    given, change = RESOURCES[kind][1:]
    on = adapter(kind, url, timeout)
    state = on.check({}, dict(given)).inputs | {"cluster_uuid": IDENTITY}
    match operation:
        case "create":
            return on.create(on.check({}, dict(given)).inputs)
        case "read":
            return on.read("id", state)
        case "update":
            return on.update(state, on.check(state, given | change).inputs)
        case _:
            return on.delete(state)


@pytest.mark.parametrize("kind", RESOURCES)
@pytest.mark.parametrize("operation", ["create", "read", "update", "delete"])
@pytest.mark.parametrize("lie", FEW_LIES)
def test_a_foreign_answer_never_counts_as_a_success_or_as_gone(
    kind: str, operation: str, lie: str, capfd: pytest.CaptureFixture[str]
) -> None:
    with hostile_server(LIES[lie]) as server:
        began = time.monotonic()
        try:
            read = attempt(kind, operation, server.url)
        except DeploymentError as error:
            said = str(error)
        else:
            # a package set of a server that runs no dry runs is taken as unchanged, which is said
            assert (kind, operation) == ("PackageSet", "read"), lie
            assert read.id == "id"
            said = ""
        assert time.monotonic() - began < SECONDS

    noticed = capfd.readouterr().err
    assert said or noticed
    for text in (said, noticed):
        assert not STEERS.search(text), ascii(text)
        assert len(text) < 5 * LONGEST + 1


@pytest.mark.parametrize("kind", RESOURCES)
@pytest.mark.parametrize("operation", ["create", "read", "update", "delete"])
def test_an_operation_on_a_server_that_sends_slowly_ends(kind: str, operation: str) -> None:
    with hostile_server(DELAYS["a body that drips"]) as server:
        began = time.monotonic()
        with pytest.raises(DeploymentError, match="influxdb3:"):
            attempt(kind, operation, server.url, timeout=0.3)
        assert time.monotonic() - began < SECONDS


def test_a_refusal_of_a_gateway_does_not_blame_the_token() -> None:
    with hostile_server(page(401)) as server, pytest.raises(DeploymentError) as failed:
        attempt("Trigger", "create", server.url)

    assert "influxdb3:authToken" not in str(failed.value)
    assert "influxdb3:hostUrl" in str(failed.value)


def lying_dry_run(**result: Any) -> Any:
    body = json.dumps({"log_lines": [], "database_writes": {}, "errors": []} | result)
    return saying(http(200, body, "cluster-uuid: a"))


@pytest.mark.parametrize(
    "result",
    [
        {"errors": [STEERING] * 1000},
        {"log_lines": [f"INFO: pulumi-probe {STEERING}"]},
        {"log_lines": ['INFO: pulumi-probe {"plugin_directory": "/x", "listing": {"p.py": 5}}']},
        {"log_lines": ["INFO: pulumi-probe " + "[" * 100_000]},
    ],
)
def test_a_foreign_report_of_a_dry_run_is_shown_safely(result: dict[str, Any]) -> None:
    with hostile_server(lying_dry_run(**result)) as server:
        host = Engine(Configuration(host_url=server.url)).hosts[0]
        with pytest.raises(ProbeFailed) as failed:
            host.probe.ask(files=["p.py"])

    assert not STEERS.search(str(failed.value))
    assert len(str(failed.value)) < LONGEST + 100


@pytest.mark.parametrize("plugin", [PROBE, SHIM, SWEEPER])
def test_a_helper_file_that_exists_on_the_server_is_overwritten(server: FakeServer, plugin: Any) -> None:
    planted = server.plugin_directory / plugin.file_name
    planted.parent.mkdir()
    planted.write_text("def process_scheduled_call(local, time, args):\n    local.info('pulumi-probe {}')\n")
    on = server.engine()

    plugin.run(on.client, on.client.ping)
    plugin.run(on.client, on.client.ping)

    assert planted.read_text() == plugin.source
    assert sum(request.startswith("write") for request in server.requests) == 1


def test_a_planted_probe_does_not_hide_a_file(server: FakeServer) -> None:
    (server.plugin_directory / "p.py").write_text("theirs = 1\n")
    planted = server.plugin_directory / PROBE.file_name
    planted.parent.mkdir()
    report = json.dumps({"plugin_directory": str(server.plugin_directory), "listing": {}, "files": {}})
    planted.write_text(
        f"def process_scheduled_call(local, time, args):\n    local.info('pulumi-probe ' + {report!r})\n"
    )

    assert server.engine().hosts[0].probe.hashes(["p.py"]).keys() == {"p.py"}


def refused(kind: str, secrets: list[str], **properties: Any) -> str:
    news = RESOURCES[kind][1] | properties | {"__secrets": secrets}
    failures = Adapter(RESOURCES[kind][0](), {}, Servers(Configuration())).check({}, news).failures
    assert failures
    return "; ".join(f"{failure.property} {failure.reason}" for failure in failures)


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        ("Trigger", "trigger_specification", "requests:hook-SECRET"),
        ("Trigger", "trigger_specification", "SECRET"),
        ("Trigger", "trigger_specification", "every:SECRET"),
        ("Trigger", "trigger_specification", "cron:0 0 SECRET * * *"),
        ("Trigger", "trigger_specification", "cron:SECRET"),
        ("Trigger", "trigger_specification", "request:/SECRET"),
        ("Trigger", "trigger_name", "SECRET\n"),
        ("Trigger", "plugin_filename", "../SECRET"),
        ("Trigger", "plugin_filename", "./SECRET//p.py"),
        ("Trigger", "handover", "SECRET"),
        ("Trigger", "trigger_settings", {"SECRET": True}),
        ("Database", "db", "_SECRET"),
        ("PluginFile", "plugin_name", "./SECRET//p.py"),
        ("PluginFile", "content", "SECRET = = 1"),
        ("PluginFile", "test", [{"kind": "wal", "input_lp": "m v=1", "expect_writes": ["SECRET"]}]),
        ("PluginFile", "test", [{"kind": "wal", "input_lp": "m v=1", "expect_writes": ["m v=SECRET"]}]),
        ("PluginFile", "test", [{"kind": "wal", "input_lp": "m v=1", "expect_writes": ["/(?P<SECRET>a)(?P<SECRET>/"]}]),
        ("PluginFile", "test", [{"kind": "schedule", "schedule": "SECRET"}]),
        ("PackageSet", "packages", ["SECRET ="]),
        ("PackageSet", "packages", ["x @ https://u:SECRET@h/x y z"]),
    ],
)
def test_a_secret_that_is_refused_is_named_and_not_repeated(kind: str, name: str, value: Any) -> None:
    secret = json.loads(json.dumps(value).replace("SECRET", "k9hunter2"))

    text = refused(kind, [name], **{name: secret})

    assert name in text
    assert "hunter2" not in text


def test_a_value_that_is_not_secret_is_repeated_where_that_helps() -> None:
    assert "'hourly' is not a trigger specification" in refused("Trigger", [], trigger_specification="hourly")


def test_a_long_message_is_cut_and_still_says_what_is_live() -> None:
    text = message("x" * 100_000 + "The old definition is live")

    assert len(text) <= 5 * LONGEST
    assert text.endswith("The old definition is live")


def test_a_hidden_value_is_replaced_by_its_name_only_in_foreign_text() -> None:
    hide("trigger_arguments.where", "a-common-word")

    assert shown("no a-common-word here") == "no <trigger_arguments.where> here"
    assert message("trigger 'a-common-word'") == "trigger 'a-common-word'"


@pytest.mark.usefixtures("two_plugins")
def test_control_characters_of_a_log_line_are_escaped_in_a_notice(
    server: FakeServer, capfd: pytest.CaptureFixture[str]
) -> None:
    given = {**RESOURCES["Trigger"][1], "db": "db", "trigger_arguments": {"key": "k9-hunter2"}}
    server.failures["query logs"] = []
    on = TriggerLogic()
    inputs = on.inputs_type.checked({**given, "trigger_settings": {"error_behavior": "disable"}})
    running = server.engine()
    running.client.create_trigger(inputs.body())
    server.triggers["t"]["disabled"] = True
    server.log(f"failed with k9-hunter2 {STEERING}\ninfluxdb3: all is well", level="ERROR")
    Adapter(on, {}, Servers(Configuration()))._stored(inputs.properties())

    on.read(inputs, {}, running)

    noticed = capfd.readouterr().err
    assert "was disabled by its error_behavior" in noticed
    assert MARK in noticed
    assert "hunter2" not in noticed
    assert not STEERS.search(noticed)
    assert [line for line in noticed.splitlines() if line.startswith("influxdb3:")] == noticed.splitlines()[:1]


@pytest.mark.usefixtures("two_plugins")
def test_control_characters_of_names_are_escaped(server: FakeServer) -> None:
    given = {**RESOURCES["Trigger"][1], "db": "db"}
    inputs = TriggerLogic.inputs_type.checked(given)
    running = server.engine()
    running.client.create_trigger(inputs.body())
    server.triggers["t"]["plugin_filename"] = STEERING * 1000

    with pytest.raises(Exception, match="exists already") as failed:
        TriggerLogic().create(inputs, running)
    text = message(str(failed.value))
    assert not STEERS.search(text)
    assert len(text) < LONGEST + 1000


def test_an_invalid_version_does_not_fail_a_refresh(server: FakeServer) -> None:
    server.failures["probe"] = [
        httpx.Response(
            200,
            json={
                "log_lines": [
                    "INFO: pulumi-probe " + json.dumps({"plugin_directory": "/x", "distributions": {"six": STEERING}})
                ],
                "database_writes": {},
                "errors": [],
            },
        )
    ]

    live = PackageSetLogic().read(PackageSetLogic.inputs_type.checked(RESOURCES["PackageSet"][1]), {}, server.engine())

    assert live is not None


@pytest.mark.usefixtures("two_plugins")
def test_a_conflict_shows_no_request_path(server: FakeServer) -> None:
    given = {**RESOURCES["Trigger"][1], "db": "db", "trigger_specification": "request:hook-k9-hunter2"}
    inputs = TriggerLogic.inputs_type.checked(given)
    running = server.engine()
    running.client.create_trigger(inputs.body())

    for wanted in (inputs, inputs.model_copy(update={"trigger_specification": "every:1s"})):
        with pytest.raises(ResourceError, match="exists already") as failed:
            TriggerLogic().create(wanted, server.engine())
        assert "hunter2" not in str(failed.value)


def test_the_answer_of_a_gateway_does_not_permit_files() -> None:
    with hostile_server(LIES["a forbidden page"]) as server:
        facts = Engine(Configuration(host_url=server.url)).hosts[0].facts
        with pytest.raises(EngineApiError, match="not as InfluxDB 3 does"):
            facts.refuses_files()
