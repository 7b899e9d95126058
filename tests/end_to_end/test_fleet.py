"""One program that deploys to several servers: ``influxdb3:engines`` and ``engine=``."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hostile_server import hostile_server, silent
from plugin_registry import PluginRegistry, manifest
from servers import CLOSED_PORT, delete_databases, start_server
from stack import Stack

from influxdb3_embedded.testing import RunningEngine
from influxdb3_engine_api import CreateTrigger, ErrorBehavior, TriggerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pulumi_cli import PulumiCli

Engines = dict[str, RunningEngine]
TOKEN = "apiv3_token-of-a-site"
SOURCE = "def process_writes(influxdb3_local, table_batches, args=None):\n    pass\n"
REQUEST = "process_request(influxdb3_local, query_parameters, request_headers, request_body, args=None)"
SITE = f"""
    def site(engine):
        db = Database(f"metrics-{{engine}}", db="metrics", engine=engine)
        plugin = PluginFile(f"w-{{engine}}", plugin_name="w.py", content={SOURCE!r}, retain=False, engine=engine)
        return Trigger(
            f"t-{{engine}}",
            db=db.db,
            trigger_name="t",
            plugin_filename=plugin.plugin_filename,
            trigger_specification=ALL_TABLES,
            engine=engine,
        )
"""
TWO_SITES = f"{SITE}\n    for name in engine_names():\n        site(name)\n"


def one_trigger(engine: str | None) -> str:
    """A program with one trigger and its plugin on one engine; ``None`` is the default server."""
    return f"""
        plugin = PluginFile("w.py", content={SOURCE!r}, retain=False, engine={engine!r})
        Trigger(
            "t",
            db="metrics",
            plugin_filename=plugin.plugin_filename,
            trigger_specification=request("t"),
            engine={engine!r},
        )
    """.replace("process_writes(influxdb3_local, table_batches, args=None)", REQUEST)


@dataclass
class Sites:
    """The engines by name."""

    engines: Engines

    def triggers(self, name: str) -> list[str]:
        client = self.engines[name].client
        return [row.trigger_name for row in client.triggers("metrics")] if "metrics" in client.databases() else []

    def files(self, name: str) -> list[str]:
        return sorted(path.name for path in self.engines[name].plugin_dir.glob("*.py"))


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    with (
        start_server(tmp_path_factory.mktemp("berlin")) as berlin,
        start_server(tmp_path_factory.mktemp("madrid")) as madrid,
    ):
        yield {"berlin": berlin, "madrid": madrid}


@pytest.fixture
def sites(engines: Engines) -> Iterator[Sites]:
    yield Sites(engines)
    for engine in engines.values():
        delete_databases(engine.client)


@pytest.fixture
def fleet(tmp_path: Path, cli: PulumiCli, sites: Sites) -> Iterator[Stack]:
    """A stack with two engines, and no default server."""
    stack = Stack(tmp_path / "stack", cli, os.environ, config={"influxdb3:hostUrl": CLOSED_PORT})
    for name, engine in sites.engines.items():
        add_engine(stack, name, engine.url)
    yield stack
    stack.destroy(expect=None)


def add_engine(stack: Stack, name: str, url: str) -> None:
    stack.run("config", "set", "--path", f"influxdb3:engines.{name}.hostUrl", url, expect=0)
    stack.run("config", "set", "--path", "--secret", f"influxdb3:engines.{name}.authToken", TOKEN, expect=0)


def test_the_same_names_are_deployed_to_two_engines(fleet: Stack, sites: Sites) -> None:
    fleet.program(TWO_SITES)

    assert fleet.preview().changes() == "+ 7 to create"
    fleet.up()

    assert sites.triggers("berlin") == sites.triggers("madrid") == ["t"]
    assert sites.files("berlin") == sites.files("madrid") == ["w.py"]
    assert fleet.up().changes() == ""
    assert fleet.refresh().changes() == ""
    sites.engines["madrid"].client.disable_trigger("metrics", "t")
    assert fleet.refresh().changes() == "~ 1 updated"
    assert fleet.up().changes() == "~ 1 updated"
    fleet.destroy()
    assert sites.triggers("berlin") == sites.triggers("madrid") == []
    assert sites.files("berlin") == sites.files("madrid") == []


def test_neither_the_state_nor_the_output_holds_a_token_of_an_engine(fleet: Stack) -> None:
    fleet.program(TWO_SITES)

    ran = fleet.up("--diff")

    assert TOKEN not in ran.output
    assert TOKEN not in fleet.run("stack", "export", expect=0).output
    stored = [path for path in (fleet.directory / "state").rglob("*") if path.is_file()]
    assert stored
    assert not [path for path in stored if TOKEN.encode() in path.read_bytes()]


@pytest.mark.parametrize(("before", "after"), [("berlin", "madrid"), (None, "madrid"), ("berlin", None)])
def test_a_resource_that_moves_is_created_on_the_new_engine_before_it_is_deleted_on_the_old_one(
    fleet: Stack, sites: Sites, before: str | None, after: str | None
) -> None:
    fleet.run("config", "set", "influxdb3:hostUrl", sites.engines["madrid" if before else "berlin"].url, expect=0)
    for engine in sites.engines.values():
        engine.client.create_database("metrics")
    fleet.program(one_trigger(before))
    fleet.up()
    fleet.program(one_trigger(after))

    assert fleet.preview().changes() == "+-2 to replace"
    ran = fleet.up()

    assert ran.changes() == "+-2 replaced"
    assert "stays" not in ran.output
    assert (sites.triggers("berlin"), sites.triggers("madrid")) == ([], ["t"])
    assert (sites.files("berlin"), sites.files("madrid")) == ([], ["w.py"])
    assert comes_before(ran.output, "created replacement", "deleted original")
    assert fleet.up().changes() == ""


def comes_before(output: str, earlier: str, later: str) -> bool:
    """Whether the last line with ``earlier`` comes before the first one with ``later``."""
    lines = output.splitlines()
    return max(n for n, line in enumerate(lines) if earlier in line) < min(
        n for n, line in enumerate(lines) if later in line
    )


def test_another_name_of_the_same_server_sends_nothing(fleet: Stack, sites: Sites) -> None:
    sites.engines["berlin"].client.create_database("metrics")
    fleet.program(one_trigger("berlin"))
    fleet.up()
    add_engine(fleet, "berlin1", sites.engines["berlin"].url)
    fleet.program(one_trigger("berlin1"))
    before = sites.engines["berlin"].client.triggers("metrics")

    assert fleet.up().changes() == "~ 2 updated"

    assert sites.engines["berlin"].client.triggers("metrics") == before
    assert fleet.resources()["t"]["outputs"]["engine"] == "berlin1"
    assert fleet.up().changes() == ""


def test_a_resource_that_moves_between_two_urls_of_one_server_is_not_deleted(fleet: Stack, sites: Sites) -> None:
    berlin = sites.engines["berlin"]
    berlin.client.create_database("metrics")
    fleet.program(one_trigger("berlin"))
    fleet.up()
    add_engine(fleet, "local", berlin.url.replace("127.0.0.1", "localhost"))
    fleet.run("config", "set", "influxdb3:adopt", "true", expect=0)
    fleet.program(one_trigger("local"))

    ran = fleet.up()

    assert "engine 'local' is the same server" in ran.output
    assert (sites.triggers("berlin"), sites.files("berlin")) == (["t"], ["w.py"])


def test_a_trigger_of_an_engine_is_recreated_with_the_option_that_the_error_names(fleet: Stack, sites: Sites) -> None:
    sites.engines["berlin"].client.create_database("metrics")
    fleet.program(one_trigger("berlin"))
    fleet.up()
    resources = fleet.resources()
    recreate = [argument for name in ("t", "w.py") for argument in ("--replace", resources[name]["urn"])]

    refused = fleet.up(*recreate, expect=None)

    option = "opts=pulumi.ResourceOptions(delete_before_replace=True)"
    assert f"set {option} if this stack recreates its own trigger" in refused.output
    fleet.program(
        one_trigger("berlin").replace('specification=request("t"),', f'specification=request("t"), {option},')
    )
    assert fleet.up("--replace", resources["t"]["urn"]).changes() == "+-1 replaced"
    assert (sites.triggers("berlin"), sites.files("berlin")) == (["t"], ["w.py"])
    assert fleet.refresh().changes() == ""


def test_an_unknown_engine_is_refused_in_the_preview(fleet: Stack) -> None:
    fleet.program(one_trigger("berln"))

    refused = fleet.preview(expect=None)

    assert refused.status != 0
    assert "influxdb3:engines has no engine 'berln', perhaps 'berlin' is meant" in refused.output
    assert "the engines are berlin, madrid" in refused.output
    assert not refused.has_traceback()


def test_a_mistake_under_an_engine_names_its_path_and_the_command(fleet: Stack) -> None:
    fleet.run("config", "set", "--path", "influxdb3:engines.berlin.timeout", "soon", expect=0)
    fleet.program(one_trigger("berlin"))

    refused = fleet.preview(expect=None)

    assert (
        "influxdb3:engines.berlin.timeout: a number of seconds above 0 is needed, without a unit: "
        "pulumi config set --path 'influxdb3:engines.berlin.timeout' 30"
    ) in refused.output


def test_a_resource_on_a_removed_engine_stays_and_an_error_names_the_engine(fleet: Stack, sites: Sites) -> None:
    sites.engines["berlin"].client.create_database("metrics")
    sites.engines["madrid"].client.create_database("metrics")
    fleet.program(one_trigger("berlin"))
    fleet.up()
    fleet.run("config", "rm", "--path", "influxdb3:engines.berlin", expect=0)
    fleet.program(one_trigger("madrid"))

    ran = fleet.up(expect=None)

    assert ran.status != 0
    assert "influxdb3:engines has no engine 'berlin'" in ran.output
    assert "pulumi config set --path 'influxdb3:engines.berlin.hostUrl' URL" in ran.output
    assert sites.triggers("madrid") == sites.triggers("berlin") == ["t"]
    add_engine(fleet, "berlin", sites.engines["berlin"].url)
    fleet.up()
    assert (sites.triggers("berlin"), sites.triggers("madrid")) == ([], ["t"])


def test_a_conflict_names_the_engine(fleet: Stack, sites: Sites) -> None:
    client = sites.engines["madrid"].client
    client.create_database("metrics")
    client.create_plugin_file("other.py", SOURCE)
    fleet.program(TWO_SITES)
    fleet.up("--target", "**metrics-madrid")

    client.create_trigger(
        CreateTrigger(
            db="metrics",
            plugin_filename="other.py",
            trigger_name="t",
            trigger_settings=TriggerSettings(run_async=False, error_behavior=ErrorBehavior.LOG),
            trigger_specification="all_tables",
            disabled=True,
        )
    )

    refused = fleet.up(expect=None)

    assert refused.status != 0
    assert "trigger 't' in database 'metrics' on engine 'madrid' exists already" in refused.output


def test_a_site_that_is_down_fails_quickly_and_the_others_go_on(fleet: Stack, sites: Sites) -> None:
    fleet.program(f"{SITE}\n    for name in ('berlin', 'madrid', 'down'):\n        site(name)\n")
    add_engine(fleet, "down", CLOSED_PORT)

    began = time.monotonic()
    ran = fleet.up("--continue-on-error", expect=None)

    assert time.monotonic() - began < 100  # one wait of 10 s; the rest is the CLI on a busy machine
    assert ran.status != 0
    assert sites.triggers("berlin") == sites.triggers("madrid") == ["t"], ran.output
    assert "Trigger (t-down)" not in ran.output
    assert "is influxdb3:engines.down.hostUrl right?" in ran.output
    assert ran.output.partition("Diagnostics:")[2].count(f"{CLOSED_PORT} refuses connections; waiting 10 s") == 1


def test_functions_call_the_named_engine(fleet: Stack, sites: Sites) -> None:
    sites.engines["berlin"].client.create_database("metrics")
    fleet.program(
        f"""
        plugin = PluginFile("w.py", content={SOURCE!r}, retain=False, engine="berlin")
        answer = dry_run_wal(plugin.plugin_filename, db="metrics", input_lp="cpu v=1 1", engine="berlin")
        pulumi.export("writes", answer.database_writes)
        """
    )

    fleet.up()

    assert fleet.outputs() == {"writes": {}}


def test_a_published_plugin_with_a_dependency_is_deployed_to_each_engine(
    fleet: Stack, sites: Sites, tmp_path: Path
) -> None:
    registry = PluginRegistry(tmp_path / "registry")
    source = f"def {REQUEST}:\n    return 'told'\n"
    registry.publish(
        {
            "manifest.toml": manifest("rollup", "1.0.0", ("process_request",), plugins=(("teller", "=1.0.0"),)),
            "rollup.py": source,
        }
    )
    registry.publish({"manifest.toml": manifest("teller", "1.0.0", ("process_request",)), "teller.py": source})
    for name in sites.engines:
        fleet.run("config", "set", "--path", f"influxdb3:engines.{name}.registry", registry.url, expect=0)
    program = """
        for site in engine_names():
            plugin = Plugin(f"rollup-{site}", name="rollup", version="^1", engine=site, retain=False)
            teller = plugin.dependencies["teller"].plugin_filename
            db = Database(f"metrics-{site}", db="metrics", engine=site).db
            Trigger(f"t-{site}", trigger_name="t", db=db, engine=site, plugin_filename=teller,
                    trigger_specification=request("tell"))
    """
    fleet.environment = os.environ | {"PULUMI_INFLUXDB3_CACHE": str(tmp_path / "cache")}
    fleet.program(program)

    fleet.up()

    for engine in sites.engines.values():
        assert engine.client.call_request_trigger("tell").text == "told"
    assert fleet.up().changes() == ""
    fleet.program(program.replace("engine=site, retain", "engine='berln', retain"))
    assert (
        "Plugin 'rollup-berlin': engine: influxdb3:engines has no engine 'berln'" in fleet.preview(expect=None).output
    )


def test_a_site_that_never_answers_costs_two_time_limits_for_all_its_resources(fleet: Stack, sites: Sites) -> None:
    fleet.program(f"{SITE}\n    for name in ('berlin', 'mute'):\n        site(name)\n")
    with hostile_server(silent) as mute:
        add_engine(fleet, "mute", mute.url)
        fleet.run("config", "set", "--path", "influxdb3:engines.mute.timeout", "2", expect=0)
        ran = fleet.up("--continue-on-error", "--parallel", "1", expect=None)
        sent = mute.requests

    assert ran.status != 0
    assert sites.triggers("berlin") == ["t"], ran.output
    assert "Trigger (t-mute)" not in ran.output
    assert "no answer in time (influxdb3:engines.mute.timeout is 2 s)" in ran.output
    assert "not sent, since the server has answered no request of this deployment (" in ran.output
    assert sent == 2, ran.output
    assert seconds(ran.output) < 30  # 4 s of waiting; the rest is the CLI on a busy machine


def seconds(output: str) -> int:
    """The duration that the CLI prints."""
    match = re.search(r"Duration: (?:(\d+)m)?(\d+)s", output)
    assert match is not None, output
    return int(match[1] or 0) * 60 + int(match[2])
